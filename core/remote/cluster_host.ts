/**
 * The functions of a node that clusters use to find others.
 *
 * @module
 */

/** The functions of a node that clusters use. */
export interface ClusterHost {
  /** The address that the node listens on, as it was given, and its port. */
  readonly listen: { readonly host: string; readonly port: number };
  /**
   * Returns the names that EPMD has on a host, without the host.
   *
   * @throws {Error} If EPMD does not answer there, or the node does not use it.
   */
  names(host: string, signal: AbortSignal): Promise<string[]>;
  /** Derives a key from the cookie: nodes with the same cookie get the same key for a purpose. */
  key(purpose: string): Uint8Array;
  /** Whether a node is connected, visible or hidden. */
  isConnected(node: string): boolean;
  /** Closes the connection to a node; returns false if there is none. */
  disconnect(node: string): boolean;
  /** A random number, at least 0 and less than 1. */
  random(): number;
}
