/**
 * The program of a node: `deno run -A node.ts --sname host@localhost --cluster web@localhost`.
 *
 * With `PORTS`, it is a web node at the first of them, and its pages know the others. Without, it hosts rooms.
 */

import { Node, Supervisor } from "@otp/distribution";
import { Dashboard } from "@otp/distribution/dashboard";
import {
  Entities,
  postgresStore,
  sqliteStore,
  type Store,
} from "@otp/distribution/entities";
import { nodeFlags } from "@otp/distribution/node-flags";
import { env } from "node:process";
import { Room } from "./room.ts";
import { serve } from "./web.ts";

const node = await Node.start(nodeFlags());
const ports = env.PORTS ? env.PORTS.split(",").map(Number) : [];

await Supervisor.startLink([
  Entities.childSpec({
    types: [Room],
    store: await storeAt(env.STORE ?? "rooms.db"),
    hosts: ports.length === 0,
    lease: 3000, // A node that is killed keeps its rooms that long.
    shards: 32,
  }),
  ...env.DASHBOARD ? [Dashboard.childSpec()] : [],
], { strategy: "one_for_one" });
if (env.DASHBOARD) console.log(`Dashboard: ${await Dashboard.url()}`);

Node.drainOnSignal(); // SIGTERM: hand the rooms to other nodes, then exit
if (ports.length > 0) await serve(ports);
console.log(`${node.name} is up`);

/** The store: PostgreSQL by its address, or SQLite in a file of this machine. */
async function storeAt(place: string): Promise<Store> {
  if (!/^postgres(ql)?:/.test(place)) return sqliteStore(place);
  const { default: postgres } = await import("postgres");
  const sql = postgres(place, { max: 4, fetch_types: false, onnotice() {} });
  return postgresStore((text, params) => sql.unsafe(text, params as string[]));
}
