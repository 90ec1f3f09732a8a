import { assertEquals } from "@std/assert";
import { DynamicSupervisor } from "../../../packages/servers/supervisor/dynamic_supervisor.ts";
import {
  GenServer,
  type GenServerModule,
} from "../../../packages/servers/gen_server/gen_server.ts";
import {
  type Pid,
  Process,
  receive,
  send,
  spawn,
  spawnLink,
} from "../../../packages/processes/process.ts";
import {
  type ChildDefinition,
  type ChildSpec,
  Supervisor,
} from "../../../packages/servers/supervisor/supervisor.ts";
import { currentRuntime } from "../../../packages/processes/runtime/current_process.ts";
import { ended, processTest } from "../../_processes.ts";
import { logged } from "../../_supervision.ts";

const WORKER = { id: "worker", start: linked };

function linked(): Pid {
  return spawnLink(() => receive(() => false));
}

processTest("DynamicSupervisor logs unexpected messages", async () => {
  logged();
  const sup = await DynamicSupervisor.startLink({ name: "sup" });
  const stranger = spawn(() => {
    send(sup, "hi");
    GenServer.cast(sup, "hi");
    Process.exit(sup, "oops");
  });
  await ended(stranger);
  await DynamicSupervisor.countChildren(sup);
  assertEquals(logged().length, 1);
  await DynamicSupervisor.stop(sup);
});

processTest("reports of a child say which one it is", async () => {
  const Room: GenServerModule = {
    name: "Room",
    init: () => ({ type: "ok", state: 0 }),
  };
  const sup = await DynamicSupervisor.startLink({
    name: "sup",
    extraArguments: ["eu"],
  });
  const room: ChildDefinition = GenServer.childSpec(Room, "lobby", {
    restart: "temporary",
  });
  const children: [ChildDefinition, startCall: string | undefined][] = [
    [{ ...room, id: "r1" }, 'Room.startLink("eu", "lobby")'],
    [{ ...WORKER, restart: "temporary" }, undefined],
    [{
      id: "named",
      start: ["Workers", "named", [{ n: 1 }]],
      restart: "temporary",
    }, 'Workers.named("eu", { n: 1 })'],
  ];
  currentRuntime().modules.add("Workers", { named: () => linked() });
  for (const [child, startCall] of children) {
    logged();
    const pid = await DynamicSupervisor.startChild(sup, child) as Pid;
    Process.exit(pid, "kill");
    await DynamicSupervisor.countChildren(sup);
    const { id } = child as ChildSpec;
    const report = logged().find((text) => text.includes("of Supervisor sup"));
    assertEquals(report?.split("\n    "), [
      `info: Child "${id}" of Supervisor sup terminated`,
      "** (exit) killed",
      `Pid: ${pid}`,
      ...(startCall === undefined ? [] : [`Start Call: ${startCall}`]),
      "Restart: temporary",
      "Shutdown: 5000",
      "Type: worker",
    ]);
  }
  await DynamicSupervisor.stop(sup);
});

/** Never called: only type-checked. */
export async function types(sup: Pid, spec: ChildSpec): Promise<void> {
  const known: Pid = await DynamicSupervisor.startChild(sup, WORKER);
  const options = { name: "rooms" };
  const made: Pid = await Supervisor.startChild(sup, [
    DynamicSupervisor,
    options,
  ]);
  const maybe: Pid | undefined = await Supervisor.startChild(sup, spec);
  // @ts-expect-error: its start may return "ignore"
  const pid: Pid = await Supervisor.startChild(sup, spec);
  // @ts-expect-error: it may here as well
  const ignored: Pid = await DynamicSupervisor.startChild(sup, spec);
  // @ts-expect-error: no start returns a number
  await DynamicSupervisor.startChild(sup, { id: "a", start: () => 1 });
  // @ts-expect-error: no such strategy
  await Supervisor.startLink([], { strategy: "simple_one_for_one" });
  send(sup, [known, made, maybe, pid, ignored]);
}
