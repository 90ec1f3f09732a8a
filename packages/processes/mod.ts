/**
 * Processes: mailboxes, links, monitors, exits and timers on one node, and the terms that they send.
 *
 * @module
 */

export * from "./process.ts";
export * from "./errors.ts";
export * from "./values/atom.ts";
export * from "./values/tuple.ts";
export * from "./values/bitstring.ts";
export * from "./values/float.ts";
export * from "./values/functions.ts";
export * from "./values/improper_list.ts";
export * from "./values/port.ts";
export { inspect, type InspectOptions } from "./values/inspect.ts";
