/**
 * Workers: nodes on threads of this program, which run tasks.
 *
 * @module
 */

export * from "./workers.ts";
