/** `deno task rooms [--dashboard]`: three nodes on this machine, and what to try with them. */

import { argv, env } from "node:process";
import { keepUp } from "../keep_up.ts";

const { PORTS = "8001,8002,8003", STORE = "rooms.db" } = env;
const hosts = PORTS.split(",").map((port) => `127.0.0.1:${port}`);

console.log(`
Open these pages when all are up, and write:
${hosts.map((host, i) => `\n  http://${host}/?name=tab-${i + 1}`).join("")}

Try meanwhile:

  kill -9 PROCESS   A node crashes. Its rooms and its tabs go on with another one.
  kill PROCESS      It hands over what it has, and is started again: a rolling restart.
  Ctrl-C            Stops all.

The rooms are in ${STORE}. STORE=postgres://... keeps them in PostgreSQL.
`);
await keepUp(hosts.map((host, i) => ({
  node: `rooms-${i + 1}@localhost`,
  file: new URL("node.ts", import.meta.url),
  env: {
    ...{ STORE, PORT: host.split(":")[1], HOSTS: hosts.join() },
    SECRET: "for this machine only",
    DASHBOARD: i === 0 && argv.includes("--dashboard") ? "1" : "",
  },
})));
