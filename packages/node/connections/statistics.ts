/** The counters of a node's connections. */

import type { PollStats } from "@otp/processes/host/poll";
import type { RefusedRequest } from "@otp/processes/remote/peer_quotas";
import type { RefusalCause } from "../wire.ts";

/** The counters of a node's connections. All except the first two only grow. */
export interface ConnectionStats extends PollStats {
  /** The number of connected peers. */
  connections: number;
  /** The number of current unauthenticated connections. */
  halfOpen: number;
  /** Connections that were accepted from diallers, authenticated or not. */
  accepted: number;
  /** Accepted connections that only asked for the node's name. */
  asked: number;
  /** Handshakes that succeeded, of either side. */
  connected: number;
  /** Diallers that were refused, by cause. */
  refused: Record<RefusalCause, number>;
  /** Failed dials of this node. */
  failedDials: number;
  /** Peers that were disconnected for invalid frames. */
  protocolErrors: number;
  /** Signals of peers that were refused alone, as a term in them exceeds a limit. */
  refusedSignals: number;
  /** Peers that were down because they were silent. */
  silent: number;
  /** Peers that were down because they did not read. */
  unread: number;
  /** Requests of connected peers that were refused, by cause. */
  refusedRequests: Record<RefusedRequest, number>;
  /** Bytes received from peers. */
  receivedBytes: number;
  /** Bytes sent to peers. */
  sentBytes: number;
}

/** A connection to a peer. */
export interface ConnectionInfo {
  /** The peer's name. */
  node: string;
  /** Whether the connection is hidden: either end is a hidden node. */
  hidden: boolean;
  /** The peer's address, as `host:port`. */
  address: string;
  /** Bytes received from the peer since it connected. */
  receivedBytes: number;
  /** Bytes sent to the peer since it connected. */
  sentBytes: number;
  /** Bytes that wait to be sent to the peer. */
  queuedBytes: number;
}

/** Counters at zero. */
export function newConnectionStats(): ConnectionStats {
  return {
    connections: 0,
    halfOpen: 0,
    accepted: 0,
    asked: 0,
    connected: 0,
    refused: {
      cookie: 0,
      name: 0,
      alive: 0,
      full: 0,
      timeout: 0,
      version: 0,
      http: 0,
      tls: 0,
      erlang: 0,
      halfOpen: 0,
      closed: 0,
      protocol: 0,
    },
    failedDials: 0,
    protocolErrors: 0,
    refusedSignals: 0,
    silent: 0,
    unread: 0,
    refusedRequests: {
      undef: 0,
      not_allowed: 0,
      closure: 0,
      limit: 0,
      draining: 0,
      links: 0,
      monitors: 0,
      entries: 0,
    },
    receivedBytes: 0,
    sentBytes: 0,
    polls: 0,
    answeredPolls: 0,
    polledMicroseconds: 0,
  };
}
