/**
 * The measured peer: `peer.ts NAME COOKIE` starts a node with the jobs, a
 * task supervisor and a server, prints that it is ready, and lives until stdin closes.
 *
 * @module
 */

import { GenServer, Node, TaskSupervisor } from "../../mod.ts";
import { exitAtEndOfInput } from "../measure.ts";
import * as Bench from "./jobs.ts";

const [name, cookie] = Deno.args;
await Node.start({ name, cookie, modules: { Bench } });
await TaskSupervisor.startLink({ name: "Bench.TaskSupervisor" });
await GenServer.startLink(Bench.Echo, null, { name: "Bench.Echo" });
console.log("READY");
await exitAtEndOfInput();
