/**
 * Clusters: discovery of nodes, names of the whole cluster, and pools of task supervisors.
 *
 * @module
 */

export * from "./discovery/cluster.ts";
export * from "./global/global.ts";
export * from "./task_pool/task_pool.ts";
