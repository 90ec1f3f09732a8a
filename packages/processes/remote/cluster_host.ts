/** The functions of a node that clusters use to find other nodes. */

export interface ClusterHost {
  /** The address and port that the node listens on; the address as configured. */
  readonly listen: { readonly host: string; readonly port: number };
  /**
   * Returns the names, without the host, that EPMD knows on a host. Throws an `Error` if the host's EPMD does not
   * answer, or this node does not use EPMD.
   */
  names(host: string, signal: AbortSignal): Promise<string[]>;
  /** Derives a key from the cookie and a purpose. Nodes with the same cookie derive the same key. */
  key(purpose: string): Uint8Array;
  /** Whether a node is connected, visible or hidden. */
  isConnected(node: string): boolean;
  /** Closes the connection to a node; returns false if the node is not connected. */
  disconnect(node: string): boolean;
  /** Returns a random number, at least 0 and less than 1. */
  random(): number;
}
