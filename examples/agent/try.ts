/** `deno task agent`: two nodes with sessions on this machine, and what to try with them. */

import { env } from "node:process";
import { keepUp } from "../keep_up.ts";

const { PORTS = "8001,8002", STORE = "agent.db" } = env;
const ports = PORTS.split(",");
const file = new URL("node.ts", import.meta.url);

console.log(`
Open these pages when both are up:${
  ports.map((port) => ` http://127.0.0.1:${port}`)
}. Ask, and meanwhile:

  reload the page, or open the other one: each shows the whole session
  kill -9 PROCESS   A node crashes. Its sessions go on at the other one.
  kill PROCESS      It hands over its sessions, and is started again.
  Ctrl-C            Stops all.
`);
await keepUp(ports.map((port, i) => ({
  node: `agent-${i + 1}@localhost`,
  file,
  env: {
    STORE,
    PORTS: [port, ...ports.filter((other) => other !== port)].join(),
  },
})));
