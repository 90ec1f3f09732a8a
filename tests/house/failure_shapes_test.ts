/** One kind of failure has one shape, whichever function reports it: docs/architecture.md has the rule. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Agent,
  DynamicSupervisor,
  ExitError,
  GenServer,
  Pid,
  receive,
  Registry,
  self,
  spawnLink,
  Supervisor,
  TaskSupervisor,
} from "../../mod.ts";
import { processTest } from "../_processes.ts";

const idle = () => receive(() => false);
const child = { id: "child", start: () => spawnLink(idle) };

/** The supervisors: how each starts, and how it starts and terminates a child. */
const SUPERVISORS = {
  Supervisor: {
    start: (options: object) =>
      Supervisor.startLink([], { strategy: "one_for_one", ...options }),
    startChild: (sup: Pid) => Supervisor.startChild(sup, child),
    terminate: (sup: Pid) => Supervisor.terminateChild(sup, "absent"),
    stop: Supervisor.stop,
  },
  DynamicSupervisor: {
    start: DynamicSupervisor.startLink,
    startChild: (sup: Pid) => DynamicSupervisor.startChild(sup, child),
    terminate: (sup: Pid) => DynamicSupervisor.terminateChild(sup, self()),
    stop: DynamicSupervisor.stop,
  },
  TaskSupervisor: {
    start: TaskSupervisor.startLink,
    startChild: (sup: Pid) => TaskSupervisor.startChild(sup, idle),
    terminate: (sup: Pid) => TaskSupervisor.terminateChild(sup, self()),
    stop: TaskSupervisor.stop,
  },
};

type Limit = "maxChildren" | "maxRestarts" | "maxSeconds";

/** Invalid limits, and the class of the error. */
const INVALID: [value: unknown, type: ErrorConstructor][] = [
  [1.5, RangeError],
  [-1, RangeError],
  [NaN, RangeError],
  ["1", TypeError],
  [null, TypeError],
];

for (const [name, supervisor] of Object.entries(SUPERVISORS)) {
  const isDynamic = name !== "Supervisor";

  processTest(`${name}.startLink() rejects invalid limits`, async () => {
    const limits: Limit[] = ["maxRestarts", "maxSeconds"];
    if (isDynamic) limits.push("maxChildren");
    for (const limit of limits) {
      for (const [value, type] of INVALID) {
        const error = await assertRejects(
          async () => await supervisor.start({ [limit]: value }),
          type,
          `${limit} is `,
        );
        assertEquals(error.name, type.name);
      }
    }
  });

  if (isDynamic) {
    processTest(`${name}.startChild() exits with max_children`, async () => {
      const sup = await supervisor.start({ maxChildren: 1 });
      const pid: unknown = await supervisor.startChild(sup);
      assert(pid instanceof Pid);
      const error = await assertRejects(
        () => supervisor.startChild(sup),
        ExitError,
      );
      assertEquals(error.reason, "max_children");
      await supervisor.stop(sup);
    });
  }

  processTest(`${name}.terminateChild() returns not_found`, async () => {
    const sup = await supervisor.start({});
    assertEquals(await supervisor.terminate(sup), "not_found");
    await supervisor.stop(sup);
  });
}

const STARTS: Record<string, (name: string) => Promise<Pid>> = {
  "GenServer.start": (name) => {
    const module = { init: () => ({ type: "ok", state: 0 } as const) };
    return GenServer.start(module, undefined, { name }) as Promise<Pid>;
  },
  "Agent.start": (name) => Agent.start(() => 0, { name }),
  "Supervisor.startLink": (name) =>
    Supervisor.startLink([], { strategy: "one_for_one", name }),
  "DynamicSupervisor.startLink": (name) =>
    DynamicSupervisor.startLink({ name }),
  "TaskSupervisor.startLink": (name) => TaskSupervisor.startLink({ name }),
  "Registry.startLink": (name) => Registry.startLink({ keys: "unique", name }),
};

for (const [api, start] of Object.entries(STARTS)) {
  processTest(`${api}() exits with already_started`, async () => {
    const pid = await start("taken");
    const error = await assertRejects(() => start("taken"), ExitError);
    assertEquals(error.reason, { type: "already_started", pid });
    await Supervisor.stop(pid);
  });
}
