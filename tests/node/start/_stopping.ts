/** Applications that print how they stop. */

import {
  Application,
  GenServer,
  IO,
  Node,
  Process,
  receive,
  Supervisor,
  TaskSupervisor,
} from "../../../mod.ts";

function application(name: string) {
  const worker = {
    init: () => {
      Process.trapExit(true);
      return { type: "ok", state: 0 } as const;
    },
    terminate: (reason: unknown) => IO.puts(`${name}.worker ${reason}`),
  };
  return {
    name,
    start: () =>
      Supervisor.startLink([GenServer.childSpec(worker, 0)], {
        strategy: "one_for_one",
      }),
    stop: async () => void await IO.puts(`stop ${name}`),
  };
}

export async function start(): Promise<void> {
  await Application.start(application("store"));
  await Application.start(application("web"));
  await IO.puts("started");
}

export async function startStuck(): Promise<void> {
  await Application.start({
    ...application("stuck"),
    prepStop: async () => {
      await IO.puts("stopping");
      await new Promise(() => {});
    },
  });
  await IO.puts("started");
}

async function startTask(work: () => Promise<void>): Promise<void> {
  await Application.start({
    name: "work",
    start: () =>
      Supervisor.startLink([[TaskSupervisor, { name: "tasks" }]], {
        strategy: "one_for_one",
      }),
  });
  await TaskSupervisor.startChild("tasks", work);
  await IO.puts("started");
}

/** A task that ends after the node has begun to drain. */
export async function startWork(): Promise<void> {
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  Node.onDrain(resolve);
  await startTask(async () => {
    await begun;
    await IO.puts("finished");
  });
}

/** A task that never ends. */
export async function startEndless(): Promise<void> {
  Node.onDrain(() => IO.puts("draining"));
  await startTask(() => receive(() => false));
}
