/** `deno task rooms [--dashboard]`: two web nodes and two nodes with rooms on this machine, and what to try with them. */

import { argv, env } from "node:process";
import { keepUp } from "../keep_up.ts";

const { PORTS = "8001,8002", STORE = "rooms.db" } = env;
const ports = PORTS.split(",");
const file = new URL("node.ts", import.meta.url);
const dashboard = argv.includes("--dashboard") ? "1" : "";

console.log(`
Open these pages when all are up:${
  ports.map((port) => ` http://127.0.0.1:${port}`)
}. Try meanwhile:

  kill -9 PROCESS   A node crashes. Its rooms, or its tabs, go on with another one.
  kill PROCESS      It hands over what it has, and is started again: a rolling restart.
  Ctrl-C            Stops all, the web nodes first.

The rooms are in ${STORE}. STORE=postgres://... keeps them in PostgreSQL.
`);
const web = ports.map((port, i) => ({
  node: `web-${i + 1}@localhost`,
  file,
  env: {
    STORE,
    PORTS: [port, ...ports.filter((other) => other !== port)].join(),
    DASHBOARD: i === 0 ? dashboard : "",
  },
}));
const hosts = ["host-1@localhost", "host-2@localhost"]
  .map((node) => ({ node, file, env: { STORE, PORTS: "" } }));
await keepUp([...web, ...hosts]);
