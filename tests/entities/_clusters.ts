/** Nodes with entities and a common store, in virtual time. */

import type { LogHook } from "../../packages/processes/log/log_event.ts";
import { assertRejects } from "@std/assert";
import {
  Entities,
  type EntitiesOptions,
  EntityError,
  memoryStore,
  type Store,
} from "../../packages/entities/mod.ts";
import {
  type Pid,
  Process,
  receive,
} from "../../packages/processes/process.ts";
import { SimulatedCluster } from "../../exports/testing.ts";
import { ended } from "../_processes.ts";

export const LEASE = 3000;

/** Starts nodes and their entities; a node without options is up, and has no entities. */
export async function startNodes(
  nodes: Record<string, Omit<EntitiesOptions, "store"> | undefined>,
  log: LogHook = () => {},
): Promise<{ cluster: SimulatedCluster; store: Store }> {
  const cluster = await SimulatedCluster.start({
    nodes: Object.keys(nodes),
    log,
  });
  const store = memoryStore({ now: () => cluster.now() });
  for (const [node, options] of Object.entries(nodes)) {
    if (options) startEntities(cluster, node, { store, ...options });
  }
  await cluster.advance(LEASE);
  return { cluster, store };
}

/** Starts the entities of a node. */
export function startEntities(
  cluster: SimulatedCluster,
  node: string,
  options: EntitiesOptions,
): void {
  cluster.spawn(node, async () => {
    await Entities.startLink({ lease: LEASE, ...options });
    await receive(() => false);
  });
}

/** Lets virtual time pass. */
export async function pass(ms: number): Promise<void> {
  await Process.sleep(ms);
}

/** Kills the process of an entity. */
export async function kill(entity: { pid(): Promise<Pid> }): Promise<void> {
  const pid = await entity.pid();
  Process.exit(pid, "kill");
  await ended(pid);
}

/** The error of a call that fails. */
export function failureOf(
  call: Promise<unknown>,
  message?: string,
): Promise<EntityError> {
  return assertRejects(() => call, EntityError, message);
}
