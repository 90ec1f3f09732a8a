/** Discovery of nodes: EPMD's protocol, as client and server. */

export { type EpmdClientOptions, lookup, names } from "./epmd_client.ts";
export {
  isLoopback,
  type NameEntry,
  type NodeEntry,
  type ParsedExtra,
  parseExtra,
  withWords,
} from "./entry.ts";
export {
  EpmdError,
  EpmdProtocolError,
  EpmdUnreachableError,
  NameInUseError,
} from "./epmd_errors.ts";
export type { EpmdAddress } from "./exchange.ts";
export { type EpmdOptions, type Lease, register } from "./epmd_registry.ts";
export type { EpmdLog, EpmdServerLimits } from "./epmd_server.ts";
