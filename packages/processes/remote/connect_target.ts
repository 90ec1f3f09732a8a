/** A request to connect to another node, and its outcome. */

/** A node to connect to: its name, its address, or both. */
export interface ConnectTarget {
  /**
   * The node's name.
   *
   * @default {the name that the node at the address states}
   */
  node?: string;
  /**
   * The node's address, `host:port`.
   *
   * @default {the address from EPMD, or the last address that this node knows}
   */
  address?: string;
  /**
   * Whether to leave the log of a failure to the caller.
   *
   * @default {false}
   */
  quiet?: boolean;
}

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
