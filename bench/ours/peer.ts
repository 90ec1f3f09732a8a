/**
 * A measured peer: `peer.ts NAME COOKIE` starts a node with the jobs, a task supervisor and a server,
 * prints that it is ready, and runs until stdin closes.
 *
 * @module
 */

import nodeProcess from "node:process";
import { GenServer, Node, TaskSupervisor } from "../../mod.ts";
import { serve } from "../measure.ts";
import * as Bench from "./jobs.ts";

const [name, cookie] = nodeProcess.argv.slice(2);
await Node.start({
  name,
  cookie,
  modules: { Bench },
  limits: { maxMessageBytes: 256 << 20 },
});
await TaskSupervisor.startLink({ name: "Bench.TaskSupervisor" });
await GenServer.startLink(Bench.Echo, null, { name: "Bench.Echo" });
await serve();
