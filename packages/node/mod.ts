/**
 * Nodes: start one, connect to others over TCP or TLS, and work with their processes.
 *
 * @module
 */

export * from "./node.ts";
export * from "./io/io.ts";
export * from "./pg/pg.ts";
export * from "./rpc/rpc.ts";
