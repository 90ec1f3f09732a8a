/** The program of a node: `deno run -A node.ts --sname rooms-1@localhost --cluster rooms-2@localhost`. */

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
import { Rooms } from "./room.ts";
import { serve } from "./web.ts";

const node = await Node.start(nodeFlags());
await Supervisor.startLink([
  Entities.childSpec({
    types: [Rooms],
    store: await storeAt(env.STORE ?? "rooms.db"),
    lease: 3000, // A node that is killed keeps its rooms that long.
    shards: 32,
  }),
  ...env.DASHBOARD ? [Dashboard.childSpec()] : [],
], { strategy: "one_for_one" });
if (env.DASHBOARD) console.log(`Dashboard: ${await Dashboard.url()}`);
Node.drainOnSignal(); // SIGTERM: hand rooms and tabs to other nodes, then exit
await serve(Number(env.PORT ?? 8001));
console.log(`${node.name} is up`);

/** The store: PostgreSQL by its address, or SQLite in a file of this machine. */
async function storeAt(place: string): Promise<Store> {
  if (!/^postgres(ql)?:/.test(place)) return sqliteStore(place);
  const { default: postgres } = await import("postgres");
  const sql = postgres(place, { max: 4, fetch_types: false, onnotice() {} });
  return postgresStore((text, params) => sql.unsafe(text, params as string[]));
}
