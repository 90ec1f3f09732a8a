/**
 * What each peer's processes hold here: counted, and bounded.
 *
 * @module
 */

/** What is held: processes that were started for a peer, and links and monitors of its processes. */
export type Holding = "processes" | "links" | "monitors";

/**
 * What is counted: also entries, which are what servers keep for a peer: names and locks of the cluster, members of
 * groups, children, requests that wait.
 */
export type Counted = Holding | "entries";

/**
 * What a peer was refused: a spawn or a task, of what is not exported (`"undef"`), not to that
 * node (`"not_allowed"`), or a closure (`"closure"`), or beyond its processes (`"limit"`); a link,
 * a monitor or an entry of a server beyond as many as it may have.
 */
export type RefusedRequest =
  | "undef"
  | "not_allowed"
  | "closure"
  | "limit"
  | "links"
  | "monitors"
  | "entries";

/** How much of each one peer may hold. */
export interface PeerLimits {
  /** Processes. */
  maxRemoteProcesses: number;
  /** Links. */
  maxRemoteLinks: number;
  /** Monitors. */
  maxRemoteMonitors: number;
  /** What servers keep for it. */
  maxRemoteEntries: number;
}

type Held = Record<Counted, number>;

const NONE: Held = { processes: 0, links: 0, monitors: 0, entries: 0 };

/** Counts what peers hold. */
export class Holdings {
  readonly #limits: Held;
  readonly #held = new Map<string, Held>();
  #lastNode = "";
  #last: Held = NONE;

  /** Nobody holds anything. */
  constructor(limits?: PeerLimits) {
    this.#limits = {
      processes: limits?.maxRemoteProcesses ?? Infinity,
      links: limits?.maxRemoteLinks ?? Infinity,
      monitors: limits?.maxRemoteMonitors ?? Infinity,
      entries: limits?.maxRemoteEntries ?? Infinity,
    };
  }

  #of(node: string): Held {
    // One peer asks many times in a row.
    if (node === this.#lastNode) return this.#last;
    const held = this.#held.get(node);
    if (held === undefined) return NONE;
    this.#lastNode = node;
    return this.#last = held;
  }

  /** Whether a node may hold no more of a kind. */
  full(node: string, kind: Counted): boolean {
    return this.#of(node)[kind] >= this.#limits[kind];
  }

  /** How much one node may hold of a kind. */
  most(kind: Counted): number {
    return this.#limits[kind];
  }

  /** A node holds one more. */
  take(node: string, kind: Counted): void {
    let held = this.#of(node);
    if (held === NONE) this.#held.set(node, held = { ...NONE });
    held[kind]++;
  }

  /** A node holds one less; nothing is kept of a node that holds nothing. */
  release(node: string, kind: Counted): void {
    const held = this.#of(node);
    if (held === NONE || --held[kind] > 0) return;
    if (held.processes + held.links + held.monitors + held.entries > 0) return;
    this.#held.delete(node);
    this.#lastNode = "";
    this.#last = NONE;
  }

  /** How much all nodes hold together. */
  totals(): Record<Counted, number> {
    const sum = { ...NONE };
    for (const held of this.#held.values()) {
      sum.processes += held.processes;
      sum.links += held.links;
      sum.monitors += held.monitors;
      sum.entries += held.entries;
    }
    return sum;
  }
}
