/** The functions of the library that send a request of its own. */

import { Agent } from "../packages/servers/agent/agent.ts";
import { DynamicSupervisor } from "../packages/servers/supervisor/dynamic_supervisor.ts";
import { GenServer } from "../packages/servers/gen_server/gen_server.ts";
import { IO } from "../packages/node/io/io.ts";
import type { Pid } from "../packages/processes/process.ts";
import { Supervisor } from "../packages/servers/supervisor/supervisor.ts";
import { TaskSupervisor } from "../task_supervisor.ts";

/** Each function of the library that asks a server of another node, or a group leader there. */
export function requests(
  sup: { name: string; node: string },
  pid: Pid,
): Record<string, () => Promise<unknown>> {
  return {
    "Supervisor.whichChildren": () => Supervisor.whichChildren(sup),
    "Supervisor.countChildren": () => Supervisor.countChildren(sup),
    "Supervisor.startChild": () =>
      Supervisor.startChild(sup, { id: "a", start: ["A", "b", [1]] }),
    "Supervisor.terminateChild": () => Supervisor.terminateChild(sup, "a"),
    "Supervisor.restartChild": () => Supervisor.restartChild(sup, "a"),
    "Supervisor.deleteChild": () => Supervisor.deleteChild(sup, "a"),
    "Supervisor.getChildspec": () => Supervisor.getChildspec(sup, "a"),
    "Supervisor.stop": () => Supervisor.stop(sup),
    "DynamicSupervisor.whichChildren": () =>
      DynamicSupervisor.whichChildren(sup),
    "DynamicSupervisor.startChild": () =>
      DynamicSupervisor.startChild(sup, { id: "a", start: ["A", "b", [1]] }),
    "DynamicSupervisor.terminateChild": () =>
      DynamicSupervisor.terminateChild(sup, pid),
    "TaskSupervisor.async": () => TaskSupervisor.async(sup, ["A", "b"]),
    "TaskSupervisor.startChild": () =>
      TaskSupervisor.startChild(sup, ["A", "b"]),
    "TaskSupervisor.children": () => TaskSupervisor.children(sup),
    "TaskSupervisor.terminateChild": () =>
      TaskSupervisor.terminateChild(sup, pid),
    "Agent.get": () => Agent.get(sup, ["A", "b"]),
    "Agent.update": () => Agent.update(sup, ["A", "b"]),
    "Agent.cast": () => Promise.resolve(Agent.cast(sup, ["A", "b"])),
    "IO.puts": () => IO.puts("hi", { device: pid }),
    "IO.gets": () => IO.gets("hi", { device: pid }),
    "GenServer.stop": () =>
      GenServer.stop(sup, { type: "shutdown", reason: 1 }),
  };
}
