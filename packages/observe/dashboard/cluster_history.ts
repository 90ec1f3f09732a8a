/**
 * The last hour of this node and of the nodes that it is connected to, for pages that are opened later.
 *
 * A node has ROWS samples of five numbers, which are 14,400 bytes; MAX_NODES nodes have 1.44 MB. A sample covers STEP, and
 * has the greatest values of all answers in that time. Pages ask for a node's state, and so does the dashboard itself for
 * each STEP in which no page does. It asks a node that has never answered once for each connection: such a node is not
 * observable, and would count or log each refusal.
 */

import type { PageNode, PageSample } from "./page_shapes.ts";

/** The time of a sample, in milliseconds. */
export const STEP = 10_000;

const HOUR = 3_600_000;
const ROWS = HOUR / STEP;

const FIELDS = ["at", "cpu", "memory", "delay", "messages"] as const;

/** The maximum number of nodes; a further one replaces the one whose last sample is oldest. */
export const MAX_NODES = 100;

class NodeHistory {
  readonly #rows = new Float64Array(ROWS * FIELDS.length);
  /** The number of samples that have been begun. */
  #count = 0;
  #last: Pick<PageNode, "at" | "cpu">;
  readonly #step: number;

  constructor(first: PageNode, step: number) {
    this.#last = first;
    this.#step = step;
  }

  add(state: PageNode): void {
    const { at, cpu } = this.#last;
    const passed = state.at - at;
    if (passed === 0) return;
    this.#last = { at: state.at, cpu: state.cpu };
    // The node's clock was set back.
    if (passed < 0) this.#count = 0;
    if (passed < 0) return;
    const step = this.#step;
    const isNew = Math.floor(state.at / step) !== Math.floor(at / step);
    if (isNew || this.#count === 0) {
      this.#row(this.#count++).fill(0);
    }
    const row = this.#row(this.#count - 1);
    // A restarted node has used less CPU time than before.
    const used = Math.max(0, (state.cpu - cpu) * 100 / passed);
    for (const [i, field] of FIELDS.entries()) {
      row[i] = Math.max(row[i], field === "cpu" ? used : state[field]);
    }
  }

  #row(number: number): Float64Array {
    const start = number % ROWS * FIELDS.length;
    return this.#rows.subarray(start, start + FIELDS.length);
  }

  /** Returns the samples of the last hour, the oldest first. */
  samples(): PageSample[] {
    const samples: PageSample[] = [];
    const first = Math.max(0, this.#count - ROWS);
    for (let number = first; number < this.#count; number++) {
      const [at, cpu, memory, delay, messages] = this.#row(number);
      if (this.#last.at - at > HOUR) continue;
      samples.push({ at, cpu, memory, delay, messages });
    }
    return samples;
  }
}

export class ClusterHistory {
  readonly #nodes = new Map<string, { history: NodeHistory; heard: number }>();
  /** The connected nodes that the dashboard has asked, and that have not answered. */
  readonly #silent = new Set<string>();

  readonly #step: number;

  /** @param step The time of a sample, in milliseconds; shorter in tests. */
  constructor(step: number = STEP) {
    this.#step = step;
  }

  add(node: string, state: PageNode): void {
    const history = this.#nodes.get(node)?.history;
    history?.add(state);
    // The node becomes the last one of the map.
    this.#nodes.delete(node);
    this.#nodes.set(node, {
      history: history ?? new NodeHistory(state, this.#step),
      heard: performance.now(),
    });
    if (this.#nodes.size <= MAX_NODES) return;
    this.#nodes.delete(this.#nodes.keys().next().value!);
  }

  /** Returns the connected nodes that the dashboard should ask now. */
  due(connected: readonly string[]): string[] {
    for (const node of this.#silent) {
      if (!connected.includes(node)) this.#silent.delete(node);
    }
    const before = performance.now() - this.#step / 2;
    return connected.filter((node) => {
      const known = this.#nodes.get(node);
      if (known !== undefined) return known.heard <= before;
      if (this.#silent.has(node)) return false;
      this.#silent.add(node);
      return true;
    });
  }

  /** Returns a node's samples of the last hour, the oldest first. */
  of(node: string): PageSample[] {
    return this.#nodes.get(node)?.history.samples() ?? [];
  }
}
