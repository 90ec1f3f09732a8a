/** Quotas of peers: the resources of this node that each peer uses, counted and limited. */

import { BOUNDS } from "../values/bounds.ts";

/** A resource that a peer uses: processes started for it, and links and monitors of its processes. */
export type Holding = "processes" | "links" | "monitors";

/**
 * A counted resource: a {@linkcode Holding}, or an entry that a server keeps for a peer, such as a global name, a
 * lock, a group's member, a child, or a waiting request.
 */
export type Counted = Holding | "entries";

/**
 * A refused request. The request was to run a function that is not exported (`"undef"`), a function that the peer may
 * not run (`"not_allowed"`), or a closure (`"closure"`); to start a process beyond the limit (`"limit"`) or while the
 * node is draining (`"draining"`); or to add a link, a monitor or a server's entry beyond its limit.
 */
export type RefusedRequest =
  | "undef"
  | "not_allowed"
  | "closure"
  | "limit"
  | "draining"
  | "links"
  | "monitors"
  | "entries";

/** The prefix of the limits for one peer, or for all peers together. */
type LimitPrefix = "maxRemote" | "maxTotalRemote";

/** The limits for one peer, and for all peers together. */
export type PeerQuotaLimits = Record<
  `${LimitPrefix}${Capitalize<Counted>}`,
  number
>;

/** Called when a peer's request is refused. */
export type OnRefused = (
  node: string,
  what: RefusedRequest,
  message: string,
) => void;

type Held = Record<Counted, number>;

const NONE: Held = { processes: 0, links: 0, monitors: 0, entries: 0 };

function limitsOf(
  limits: Partial<PeerQuotaLimits> = {},
  prefix: LimitPrefix,
): Held {
  return {
    processes: limits[`${prefix}Processes`] ?? Infinity,
    links: limits[`${prefix}Links`] ?? Infinity,
    monitors: limits[`${prefix}Monitors`] ?? Infinity,
    entries: limits[`${prefix}Entries`] ?? Infinity,
  };
}

/** Counts the resources that each peer uses. */
export class PeerQuotas {
  readonly #each: Held;
  readonly #all: Held;
  readonly #held = new Map<string, Held>();
  readonly #totals: Held = { ...NONE };
  #lastNode = "";
  #last: Held = NONE;

  readonly refused: OnRefused;

  constructor(limits?: PeerQuotaLimits, refused: OnRefused = () => {}) {
    this.refused = refused;
    this.#each = limitsOf(limits, "maxRemote");
    this.#all = limitsOf(limits, "maxTotalRemote");
  }

  #of(node: string): Held {
    // Cached, because one peer sends many requests in a row.
    if (node === this.#lastNode) return this.#last;
    const held = this.#held.get(node);
    if (held === undefined) return NONE;
    this.#lastNode = node;
    return this.#last = held;
  }

  /** Returns why a node may use no more of a resource; `undefined` if it may. */
  refusal(node: string, kind: Counted): string | undefined {
    const each = this.#each[kind];
    if (this.#of(node)[kind] >= each) {
      return `there are ${each} ${kind} of that node's here already (limits.maxRemote${
        capitalized(kind)
      })`;
    }
    const all = this.#all[kind];
    if (this.#totals[kind] >= all) {
      return `there are ${all} ${kind} of other nodes' here already (limits.maxTotalRemote${
        capitalized(kind)
      })`;
    }
    return undefined;
  }

  /** Returns whether a node has used up its quota of a resource; if so, reports the refused request. */
  exceeds(node: string, kind: Exclude<Counted, "processes">): boolean {
    const refusal = this.refusal(node, kind);
    if (refusal === undefined) return false;
    this.refused(node, kind, refusal);
    return true;
  }

  /** Counts an entry of `characters` characters for a node; returns false if the quota refuses it. */
  acquireEntry(node: string, characters: number): boolean {
    if (characters > BOUNDS.key) {
      const message =
        `a name, lock or group of ${characters} characters is too large: ${BOUNDS.key} is the most`;
      this.refused(node, "entries", message);
      return false;
    }
    if (this.exceeds(node, "entries")) return false;
    this.acquire(node, "entries");
    return true;
  }

  acquire(node: string, kind: Counted): void {
    let held = this.#of(node);
    if (held === NONE) this.#held.set(node, held = { ...NONE });
    held[kind]++;
    this.#totals[kind]++;
  }

  /** Uncounts a resource for a node, and forgets a node that uses nothing. */
  release(node: string, kind: Counted): void {
    const held = this.#of(node);
    if (held === NONE) return;
    this.#totals[kind]--;
    if (--held[kind] > 0) return;
    if (held.processes + held.links + held.monitors + held.entries > 0) return;
    this.#held.delete(node);
    this.#lastNode = "";
    this.#last = NONE;
  }

  totals(): Record<Counted, number> {
    return { ...this.#totals };
  }
}

function capitalized(text: string): string {
  return text[0].toUpperCase() + text.slice(1);
}
