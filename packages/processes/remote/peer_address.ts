/** How a node is named to connect to it, and the outcome. */

/** A node by its name, its address, or both. */
export interface PeerAddress {
  /**
   * The node's name.
   *
   * @default {the name that the node at the address states}
   */
  readonly node?: string;
  /**
   * The node's address, `host:port`.
   *
   * @default {the address from EPMD, or the last address that this node knows}
   */
  readonly address?: string;
}

/**
 * The failures to connect to a node that are logged, the fewest first: none; new refusals; the first failure, new
 * refusals, and repeats at growing intervals; or all.
 */
export type DialReport = "none" | "refusals" | "changes" | "all";

/** The outcome of an attempt to connect to a node. */
export type ConnectOutcome =
  | {
    /** The node's name. */
    node: string;
    connected: true;
    /** Whether it was not connected before. */
    isNew: boolean;
  }
  | {
    /** The node's name, if it is known. */
    node: string | undefined;
    connected: false;
    /** The reason, as a sentence. */
    reason: string;
    /** Whether it is the calling node itself. */
    isSelf: boolean;
    /** Whether the other side has answered and refuses this node: a later attempt alone will not help. */
    isRefused: boolean;
  };
