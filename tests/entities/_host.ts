/** A program of a node that hosts entities in PostgreSQL; `programs_test.ts` starts several. */

import pg from "npm:pg@^8";
import {
  Entities,
  Entity,
  postgresStore,
} from "../../packages/entities/mod.ts";
import { Node, type NodeOptions } from "../../node.ts";
import { Supervisor } from "../../packages/servers/supervisor/supervisor.ts";
import { until } from "../_until.ts";

/** The ids of the requests to a key, in the order in which they ran. */
export const Ledger = Entity.define("ledger", {
  state: () => [] as number[],
  log: {},
  durable: {
    /** Has a step before the event `go`, and one after it; returns their ids. */
    async walk(ledger): Promise<string[]> {
      const first = await ledger.step("first", ({ id }) => id);
      await ledger.waitFor("go");
      return [first, await ledger.step("second", ({ id }) => id)];
    },
  },
  go: (ledger) => ledger.log.append({ type: "go" }),
  /** Adds an id; returns its place, from 1, and the epoch of the owner. */
  add(ledger, id: number): [place: number, fence: number] {
    ledger.broadcast(id);
    ledger.log.append(id);
    return [ledger.state.push(id), ledger.fence];
  },
  size: (ledger) => ledger.state.length,
}, { remember: 1000 });

/** The argument of the program. */
export interface HostOptions {
  node: NodeOptions;
  /** The address of the database. */
  store: string;
  /** The lease in milliseconds. */
  lease: number;
}

/** Starts the entities of a node. */
export async function startEntities(
  { store, lease }: Omit<HostOptions, "node">,
  hosts: boolean,
): Promise<AsyncDisposable> {
  const pool = new pg.Pool({ connectionString: store, max: 4 });
  // An idle connection has broken.
  pool.on("error", () => {});
  const tree = await Supervisor.startLink([
    Entities.childSpec({
      types: [Ledger],
      store: postgresStore((text, params) => pool.query(text, params)),
      shards: 32,
      ...{ lease, hosts },
    }),
  ], { strategy: "one_for_one" });
  return {
    async [Symbol.asyncDispose]() {
      await Supervisor.stop(tree);
      await pool.end();
    },
  };
}

/** Whether a node owns shards and serves them. */
export async function serves(node: string): Promise<boolean> {
  try {
    const { isServing, shards } = await Entities.info(node);
    return isServing && shards.length > 0;
  } catch {
    return false;
  }
}

/** Waits until a node owns shards and serves them. */
export function servesAt(node: string): Promise<void> {
  return until(() => serves(node));
}

if (import.meta.main) {
  const { node, ...options }: HostOptions = JSON.parse(Deno.args[0]);
  await Node.start(node);
  await startEntities(options, true);
  Node.drainOnSignal();
  console.log("up");
}
