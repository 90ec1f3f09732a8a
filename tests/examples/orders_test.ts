/**
 * The example `examples/orders/` beside PostgreSQL: nodes and the payment service are killed while clients place orders and
 * follow them. `deno task soak` does it for longer.
 */

import { assertEquals } from "@std/assert";
import { test } from "../../packages/testing/tags.ts";
import { PostgresServer } from "../_postgres.ts";
import { until } from "../_until.ts";
import { Orders } from "./_orders.ts";

/** The number of kills, and of orders that are shipped after each. */
const KILLS = 4;
const SHIPPED = 10;

for (const way of ["PostgreSQL", "pgbouncer"]) {
  test(
    `orders through ${way}: each step counts once, none is stuck, and followers miss nothing while nodes are killed`,
    {
      programs: way === "pgbouncer" ? ["pgbouncer", "postgres"] : ["postgres"],
      tags: ["slow"],
      timeout: 400_000,
    },
    async () => {
      await using stack = new AsyncDisposableStack();
      const server = stack.use(await PostgresServer.start());
      const url = way === "pgbouncer"
        ? stack.use(await server.bounce()).url
        : server.url;
      const orders = stack.use(await Orders.start(url));
      // A status is read while a step waits: the payment service is not up.
      const first = await orders.place(false);
      assertEquals(await orders.statusOf(first), "placed");
      await orders.startPayments();
      const chats = await orders.openChats(10, 20);
      await orders.during(async (shipped) => {
        for (let n = 0; n < KILLS; n++) {
          const before = shipped();
          if (n % 2 === 0) await orders.killPayments();
          await orders.killNode();
          if (n % 2 === 0) await orders.startPayments();
          await orders.tell(chats, `after kill ${n}`);
          await until(() => shipped() >= before + SHIPPED);
        }
      });
      for (const key of chats) await orders.approve(key);
      console.log(await orders.judge(server.url));
    },
  );
}
