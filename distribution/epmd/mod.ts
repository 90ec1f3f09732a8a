/**
 * Discovery of nodes: EPMD's protocol, as client and server.
 *
 * @module
 */

export { type EpmdClientOptions, lookup, names } from "./client.ts";
export {
  isLoopback,
  type NodeEntry,
  type ParsedExtra,
  parseExtra,
  withWords,
} from "./entry.ts";
export * from "./errors.ts";
export type { EpmdAddress } from "./exchange.ts";
export type { NameEntry } from "./protocol.ts";
export { type EpmdOptions, type Lease, register } from "./registry.ts";
export type { EpmdLog, EpmdServerLimits } from "./server.ts";
