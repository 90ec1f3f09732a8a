/**
 * The earlier answers that the page's charts show.
 *
 * @module
 */

import type { PageNode } from "../page_shapes.ts";

/** The maximum numbers of samples of a node, and of nodes. */
const MAX_SAMPLES = 150;
const MAX_REMEMBERED = 100;

export interface Sample {
  /** CPU usage, in percent of a core. */
  cpu: number;
  /** The resident memory, in bytes. */
  memory: number;
  /** The longest delay of the event loop, in milliseconds. */
  delay: number;
  /** The messages that wait in mailboxes. */
  messages: number;
}

interface Remembered {
  last: PageNode;
  samples: Sample[];
  /** The bytes per second of each connection, by peer. */
  rates: Map<string, number>;
}

const nodes = new Map<string, Remembered>();

export function remember(state: PageNode): void {
  const known = nodes.get(state.node);
  if (known === undefined) {
    nodes.set(state.node, { last: state, samples: [], rates: new Map() });
    if (nodes.size > MAX_REMEMBERED) nodes.delete(nodes.keys().next().value!);
    return;
  }
  const { last, samples } = known;
  const passed = state.at - last.at;
  if (passed <= 0) return;
  samples.push({
    cpu: Math.max(0, (state.cpu - last.cpu) * 100 / passed),
    memory: state.memory,
    delay: state.delay,
    messages: state.messages,
  });
  if (samples.length > MAX_SAMPLES) samples.shift();
  const before = new Map(last.connections.map((each) => [each.node, each]));
  known.rates = new Map(state.connections.map((each) => {
    const earlier = before.get(each.node);
    const more = earlier === undefined ? 0 : bytesOf(each) - bytesOf(earlier);
    return [each.node, Math.max(0, more * 1000 / passed)];
  }));
  known.last = state;
}

function bytesOf(each: PageNode["connections"][number]): number {
  return each.sentBytes + each.receivedBytes;
}

/** The samples of a node, the oldest first. */
export function samplesOf(node: string): readonly Sample[] {
  return nodes.get(node)?.samples ?? [];
}

/** The bytes per second between a node and a peer; `undefined` before the second answer. */
export function trafficOf(node: string, peer: string): number | undefined {
  return nodes.get(node)?.rates.get(peer);
}
