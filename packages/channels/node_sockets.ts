/** The sockets of a node, and the counts of what has happened to them. */

import type { Pid } from "@otp/processes/values/pid";

/** Why a client is not accepted: an option of the handler, the node's drain, or an error. */
export type SocketRefusal =
  | "origin"
  | "version"
  | "connect"
  | "address"
  | "drain"
  | "error";

/** Why a socket ends; see `otp_sockets_closed_total`. */
export type SocketEnd =
  | "left"
  | "silent"
  | "malformed"
  | "size"
  | "depth"
  | "rate"
  | "waiting"
  | "slow"
  | "address"
  | "disconnect"
  | "drain"
  | "killed";

/** How a join ends: the last two are joins of a topic without a channel, and of a socket with too many. */
export type JoinOutcome = "ok" | "refused" | "crashed" | "unmatched" | "full";

/** A socket of a client, as its node sees it. */
export interface OpenSocket {
  readonly pid: Pid;
  /** The topic on which a `disconnect` closes the socket, and so the name of its user. */
  readonly id: string | undefined;
  /** The address of the client, if it is known. */
  readonly address: string | undefined;
  readonly transport: "websocket" | "longpoll";
  /** The version of the client's messages. */
  readonly version: string;
  /** The time when it was opened, on the node's clock. */
  readonly since: number;
  /** The number of its channels. */
  readonly channels: number;
  /** The messages that wait for its channels. */
  readonly waiting: number;
  /** The bytes that wait for the client to read. */
  readonly unread: number;
  /** Has the client connect again, to another node. */
  restart(): void;
}

/** The sockets of a node. */
export class NodeSockets {
  readonly all: Set<OpenSocket> = new Set();
  /** Whether the sockets are being closed, and no further ones are accepted. */
  isDraining = false;
  /** The messages from clients, and to clients. */
  received = 0;
  sent = 0;
  readonly refused: Record<SocketRefusal, number> = {
    ...{ origin: 0, version: 0, connect: 0, address: 0, drain: 0, error: 0 },
  };
  readonly closed: Record<SocketEnd, number> = {
    ...{ left: 0, silent: 0, malformed: 0, size: 0, depth: 0, rate: 0 },
    ...{ waiting: 0, slow: 0, address: 0, disconnect: 0, drain: 0, killed: 0 },
  };
  readonly joins: Record<JoinOutcome, number> = {
    ...{ ok: 0, refused: 0, crashed: 0, unmatched: 0, full: 0 },
  };
}
