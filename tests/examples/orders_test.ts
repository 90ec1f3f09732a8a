/**
 * The example `examples/orders/` beside PostgreSQL: nodes and the payment service are killed while clients place orders and
 * follow them. `deno task soak` does it for longer.
 */

import { assertEquals } from "@std/assert";
import { Order, Stock } from "../../examples/orders/order.ts";
import { Entities, memoryStore } from "../../packages/entities/mod.ts";
import { Process } from "../../packages/processes/process.ts";
import { GenServer } from "../../packages/servers/gen_server/gen_server.ts";
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

/** Has the first call of `reserve` be under way for ever; resolves with a function that makes that call. */
function firstReserve(): Promise<() => Promise<boolean>> {
  const { promise, resolve } = Promise.withResolvers<() => Promise<boolean>>();
  const { get } = Stock;
  let isFirst = true;
  const slow: typeof get = (key, options) => {
    const stock = get(key, options);
    const reserve: typeof stock.reserve = (...args) => {
      if (!isFirst) return stock.reserve(...args);
      isFirst = false;
      resolve(() => stock.reserve(...args));
      return new Promise(() => {});
    };
    return Object.create(stock, { reserve: { value: reserve } });
  };
  Object.assign(Stock, { get: slow });
  return promise;
}

test("a call of a killed node that reaches the stock after its order was shipped reserves nothing", async () => {
  await using payments = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => Response.json({ receipt: "paid" }),
  );
  Deno.env.set("PAYMENTS", `http://127.0.0.1:${payments.addr.port}`);
  const store = memoryStore({ sql() {} });
  const entities = await Entities.startLink({ types: [Order, Stock], store });
  const reserved = firstReserve();
  const order = Order.get("o1", { timeout: Infinity });
  const run = await order.place("cup", 1);
  const lateCall = await reserved;
  // The owner of the order is lost, and the next one tries the step again.
  Process.exit(await order.pid(), "kill");
  await run.result({ timeout: Infinity });
  assertEquals((await order.get()).status, "shipped");
  assertEquals(await lateCall(), true);
  const { body } = (await store.load("stock", "cup"))!;
  assertEquals(JSON.parse(body).s, {
    ...{ left: 999_999, shipped: 1, reserved: {} },
  });
  await GenServer.stop(entities);
});
