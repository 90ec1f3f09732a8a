/**
 * The test of `examples/orders/` for as long as wanted: `deno task soak --minutes 20 --every 3 --pgbouncer` kills a node every
 * three seconds, and the payment service now and then.
 */

import { parseArgs } from "@std/cli/parse-args";
import { PostgresServer } from "../_postgres.ts";
import { Orders } from "./_orders.ts";

const { minutes = "20", every = "3", pgbouncer } = parseArgs(Deno.args, {
  string: ["minutes", "every"],
  boolean: ["pgbouncer"],
});

await using stack = new AsyncDisposableStack();
const server = stack.use(await PostgresServer.start());
const url = pgbouncer ? stack.use(await server.bounce()).url : server.url;
const orders = stack.use(await Orders.start(url));
await orders.startPayments();
const chats = await orders.openChats(10, 20);
const end = Date.now() + Number(minutes) * 60_000;
await orders.during(async (shipped) => {
  // safe: a soak takes as long as its user says.
  while (Date.now() < end) {
    const next = Date.now() + Number(every) * 1000;
    const isAway = orders.kills % 5 === 0;
    if (isAway) await orders.killPayments();
    await orders.killNode();
    await orders.tell(chats, `after kill ${orders.kills}`);
    if (isAway) await orders.startPayments();
    const left = Math.max(0, next - Date.now());
    // safe: only how often nodes are killed depends on it.
    await new Promise((resolve) => setTimeout(resolve, left));
    console.log(`${orders.kills} kills, ${shipped()} orders shipped`);
  }
});
for (const key of chats) await orders.approve(key);
console.log(await orders.judge(server.url));
