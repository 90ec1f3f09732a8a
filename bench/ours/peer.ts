/**
 * The measured peer: `peer.ts NAME COOKIE` starts a node with the jobs and a
 * task supervisor, prints that it is ready, and lives until stdin closes.
 *
 * @module
 */

import { Node, TaskSupervisor } from "../../mod.ts";
import { exitAtEndOfInput } from "../measure.ts";
import * as Bench from "./jobs.ts";

const [name, cookie] = Deno.args;
await Node.start({ name, cookie, modules: { Bench } });
await TaskSupervisor.startLink({ name: "Bench.TaskSupervisor" });
console.log("READY");
await exitAtEndOfInput();
