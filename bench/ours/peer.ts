/**
 * A measured peer: `peer.ts NAME COOKIE WIRE` starts a node with the jobs, a task supervisor and a server,
 * prints that it is ready, and runs until stdin closes.
 *
 * @module
 */

import nodeProcess from "node:process";
import { GenServer, Node, TaskSupervisor } from "../../mod.ts";
import { serve } from "../measure.ts";
import { pollOf, speechOf, wiresOf } from "./speech.ts";

const [name, cookie, wire] = nodeProcess.argv.slice(2);
const { modules, Echo } = speechOf(wire);
await Node.start({
  name,
  cookie,
  wires: wiresOf(wire),
  poll: pollOf(),
  modules,
  limits: { maxMessageBytes: 256 << 20 },
});
await TaskSupervisor.startLink({ name: "Bench.TaskSupervisor" });
await GenServer.startLink(Echo, null, { name: "Bench.Echo" });
await serve();
