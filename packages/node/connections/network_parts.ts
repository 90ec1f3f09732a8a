/** The parts that the classes of one node's network share. */

import type { NodeRuntime } from "@otp/processes/runtime/node_runtime";
import type { Budget } from "./budget.ts";
import type { Connection } from "./connection.ts";
import type { DialLimiter } from "./dial_limiter.ts";
import type { DialReports } from "./failure.ts";
import type { HostEnvironment } from "../host/host_environment.ts";
import type { KnownAddresses } from "../addresses/known_addresses.ts";
import type { NetworkLog } from "../host/network_log.ts";
import type { NodeName } from "../addresses/node_name.ts";
import type { ConnectionStats } from "./statistics.ts";
import type { Local, Wire } from "../wire.ts";

/** The parts of a node's network. */
export interface NetworkParts {
  /** The node's processes. */
  readonly runtime: NodeRuntime;
  /** The data of the node that a handshake needs. */
  readonly local: Local;
  /** The node's name. */
  readonly name: NodeName;
  /** The wires that the node speaks, its own first. */
  readonly wires: readonly Wire[];
  /** Connects to other nodes. */
  readonly host: Pick<HostEnvironment, "connect" | "findsNames">;
  /** The connections, by node. */
  readonly connections: ReadonlyMap<string, Connection>;
  /** The known addresses of nodes that are not connected. */
  readonly addresses: KnownAddresses;
  /** Limits the attempts to connect. */
  readonly limiter: DialLimiter;
  /** Logs failures to connect. */
  readonly reports: DialReports;
  /** The bytes that wait for all nodes together. */
  readonly queued: Budget;
  /** The counters. */
  readonly stats: ConnectionStats;
  /** Takes lines for the log. */
  readonly log: NetworkLog;
}
