/** The earlier answers that the page's charts show. */

import type { PageNode, PageSample } from "../page_shapes.ts";

/** How far back the charts go, in milliseconds. */
const HOUR = 3_600_000;

/** Samples older than RECENT become one for each COARSE, with the greatest values, so that an hour has few samples. */
const RECENT = 300_000;
const COARSE = 30_000;

const MAX_REMEMBERED = 100;

interface Remembered {
  last: PageNode;
  samples: PageSample[];
  /** Whether the samples begin with the dashboard's samples. */
  isWhole: boolean;
  /** The bytes per second of each connection, by peer. */
  rates: Map<string, number>;
}

const nodes = new Map<string, Remembered>();

export function remember(state: PageNode): void {
  const known = nodes.get(state.node);
  if (known === undefined) {
    nodes.set(state.node, {
      last: state,
      samples: [],
      isWhole: false,
      rates: new Map(),
    });
    if (nodes.size > MAX_REMEMBERED) nodes.delete(nodes.keys().next().value!);
    return;
  }
  const { last, samples } = known;
  const passed = state.at - last.at;
  if (passed <= 0) return;
  samples.push({
    at: state.at,
    cpu: Math.max(0, (state.cpu - last.cpu) * 100 / passed),
    memory: state.memory,
    delay: state.delay,
    messages: state.messages,
  });
  thin(samples, state.at);
  const before = new Map(last.connections.map((each) => [each.node, each]));
  known.rates = new Map(state.connections.map((each) => {
    const earlier = before.get(each.node);
    const more = earlier === undefined ? 0 : bytesOf(each) - bytesOf(earlier);
    return [each.node, Math.max(0, more * 1000 / passed)];
  }));
  known.last = state;
}

export function isWhole(node: string): boolean {
  return nodes.get(node)?.isWhole ?? false;
}

/** Puts the dashboard's samples of a node before the samples of this page. */
export function addEarlier(node: string, earlier: readonly PageSample[]): void {
  const known = nodes.get(node);
  if (known === undefined || known.isWhole) return;
  known.isWhole = true;
  const start = known.samples[0]?.at ?? Infinity;
  known.samples.unshift(...earlier.filter(({ at }) => at < start));
}

/** Drops samples that are older than an hour, and merges samples that are no longer recent. */
export function thin(samples: PageSample[], now: number): void {
  while (samples.length > 0 && now - samples[0].at > HOUR) samples.shift();
  const recent = samples.findIndex(({ at }) => now - at <= RECENT);
  // Each call merges the one or two samples that have just become old.
  const i = (recent < 0 ? samples.length : recent) - 1;
  if (i < 1) return;
  const [older, newer] = [samples[i - 1], samples[i]];
  if (Math.floor(older.at / COARSE) !== Math.floor(newer.at / COARSE)) return;
  samples.splice(i - 1, 2, {
    at: newer.at,
    cpu: Math.max(older.cpu, newer.cpu),
    memory: Math.max(older.memory, newer.memory),
    delay: Math.max(older.delay, newer.delay),
    messages: Math.max(older.messages, newer.messages),
  });
}

function bytesOf(each: PageNode["connections"][number]): number {
  return each.sentBytes + each.receivedBytes;
}

export function samplesOf(node: string): readonly PageSample[] {
  return nodes.get(node)?.samples ?? [];
}

/** The bytes per second between a node and a peer; `undefined` before the second answer. */
export function trafficOf(node: string, peer: string): number | undefined {
  return nodes.get(node)?.rates.get(peer);
}
