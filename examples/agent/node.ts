/** The program of a node: a web server, and a host of sessions. `PORTS`: its port, then the ports of the other nodes. */

import { beam, Node, Supervisor } from "@otp/distribution";
import { Entities, sqliteStore } from "@otp/distribution/entities";
import { nodeFlags } from "@otp/distribution/node-flags";
import { env } from "node:process";
import { Session, Stream } from "./agent.ts";
import { say, serve } from "./web.ts";

const { PORTS = "8001,8002", STORE = "agent.db" } = env;

// Elixir calls these functions: :rpc.call(:"agent-1@localhost", Agent, :say, ["USER/1", "id", "hello"])
beam(say, { args: ["binary", "binary", "binary"] });

const { name } = await Node.start({
  ...nodeFlags(),
  modules: { Agent: { say } },
});
await Supervisor.startLink([
  Entities.childSpec({
    types: [Session, Stream],
    store: sqliteStore(STORE),
    lease: 3000, // A node that is killed keeps its sessions that long.
    shards: 32,
  }),
], { strategy: "one_for_one" });
Node.drainOnSignal(); // SIGTERM: hand the sessions to other nodes, then exit
await serve(PORTS.split(",").map(Number));
console.log(`${name} is up`);
