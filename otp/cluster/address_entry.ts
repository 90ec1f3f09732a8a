/** An address of a topology, and its state. */

import { ignore } from "../../core/promises/promises.ts";
import type { AddressOfNode } from "./addresses.ts";
import type { AddressState, ClusterAddressInfo } from "./cluster_info.ts";

/** An address of a topology. */
export class AddressEntry {
  /** The address, as the strategy names it. */
  readonly target: AddressOfNode;
  /** The node's name, if it is known. */
  node: string | undefined;
  /** Whether the strategy no longer names the address. */
  isForgotten = false;
  /** The number of failed attempts since the node was connected last. */
  attempts = 0;
  /** The delay before the last attempt, in milliseconds. */
  delay = 0;
  /** When the node was connected last, by this node's clock. */
  connectedAt = 0;
  /** When the first attempt since then failed, by this node's clock. */
  failingSince: number | undefined;
  /** The reason that was logged last; it is not logged again until the node is connected. */
  loggedReason: string | undefined;
  #state: AddressState = "waiting";
  #since = Date.now();
  #lastError: string | undefined;
  #lastErrorAt: number | undefined;
  #next: number | undefined;
  #stopTimer: () => void = ignore;

  /** Creates a waiting entry. */
  constructor(target: AddressOfNode) {
    this.target = target;
    this.node = target.node;
  }

  /** The state. */
  get state(): AddressState {
    return this.#state;
  }

  /** Changes the state, and ends a wait. */
  become(state: AddressState): void {
    this.#stopTimer();
    this.#stopTimer = ignore;
    this.#next = undefined;
    if (this.#state === state) return;
    this.#state = state;
    this.#since = Date.now();
  }

  /** Stores the reason of a failure. */
  fail(reason: string): void {
    this.#lastError = reason;
    this.#lastErrorAt = Date.now();
  }

  /** Begins a wait; returns its end, in milliseconds since 1970. */
  wait(ms: number, start: () => () => void): number {
    this.become("waiting");
    this.#stopTimer = start();
    return this.#next = Date.now() + ms;
  }

  /** Describes the entry, for users. */
  info(): ClusterAddressInfo {
    return {
      node: this.node,
      address: this.target.address,
      state: this.#state,
      since: this.#since,
      attempts: this.attempts,
      lastError: this.#lastError,
      lastErrorAt: this.#lastErrorAt,
      next: this.#next,
    };
  }
}
