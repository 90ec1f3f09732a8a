/** A program with two nodes that drain at SIGTERM. */

import {
  Node,
  Process,
  receive,
  self,
  send,
  TaskSupervisor,
} from "../../../mod.ts";
import { startedNodes } from "../../../packages/node/start/node_internals.ts";

const [port, exit] = Deno.args;
const options = { cookie: "c", epmdPort: Number(port) };
for (const name of ["alex", "kate"]) {
  const node = await Node.start({ ...options, name: `${name}@localhost` });
  await node.run(async () => {
    Node.drainOnSignal({ timeout: 600_000, exit: exit !== "stays" });
    Process.unlink(await TaskSupervisor.startLink({ name: "tasks" }));
    const me = self();
    const pid = await TaskSupervisor.startChild("tasks", async () => {
      send(me, "started");
      await receive();
      console.log(`${name} has finished`);
    });
    await receive();
    // Kate's task ends when alex has stopped.
    node.onDrain(async () => {
      if (name === "kate") await startedNodes(Node)[0].drain();
      send(pid, "end");
    });
  });
}
console.log("started");
if (exit !== "stays") setInterval(() => {}, 1000);
