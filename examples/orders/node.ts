/** The program of a node: `deno run -A node.ts --sname orders-1@localhost --cluster orders-2@localhost`. */

import { Node, Supervisor } from "@otp/distribution";
import { Entities } from "@otp/distribution/entities";
import { nodeFlags } from "@otp/distribution/node-flags";
import { env } from "node:process";
import { store } from "./database.ts";
import { Order, Stock } from "./order.ts";
import { serve } from "./web.ts";

const node = await Node.start(nodeFlags());
await Supervisor.startLink([
  Entities.childSpec({
    ...{ types: [Order, Stock], store, shards: 32 },
    lease: 3000, // A node that is killed keeps its orders that long.
  }),
], { strategy: "one_for_one" });
Node.drainOnSignal(); // SIGTERM: hand the orders to other nodes, then exit
await serve(Number(env.PORT ?? 8001));
console.log(`${node.name} is up`);
