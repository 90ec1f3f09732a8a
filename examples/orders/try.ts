/** `deno task orders`: a payment service that fails and three nodes on this machine, and what to try with them. */

import { env } from "node:process";
import { keepUp } from "../keep_up.ts";

const { PORTS = "8001,8002,8003", STORE = "orders.db" } = env;
const { PAYMENTS_PORT = "8010" } = env;
const ports = PORTS.split(",");
const base = `http://127.0.0.1:${ports[0]}/orders/${crypto.randomUUID()}`;
const json = "-H content-type:application/json";

console.log(`
Try when all are up:

  curl -N ${base}/log &
  curl ${json} -d '{"item":"cup","quantity":10}' ${base}
  curl ${json} -d '{"id":"${crypto.randomUUID()}","text":"When does it come?"}' ${base}/lines
  curl ${json} -H 'authorization: Bearer staff' -d '{}' ${base}/approval
  kill -9 PROCESS   A node crashes. Its orders go on with another one.
  Ctrl-C            Stops all.

The orders are in ${STORE}. STORE=postgres://... keeps them in PostgreSQL.
`);
await import("./payments.ts");
await keepUp(ports.map((PORT, i) => ({
  node: `orders-${i + 1}@localhost`,
  file: new URL("node.ts", import.meta.url),
  env: {
    ...{ STORE, PORT, STAFF_TOKEN: "staff" },
    PAYMENTS: `http://127.0.0.1:${PAYMENTS_PORT}`,
  },
})));
