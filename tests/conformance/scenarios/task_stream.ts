/** Streams of tasks: their results and options, leaving them, exits of owners and tasks, and supervisors. */

import {
  type AsyncStreamOptions,
  exit,
  Node,
  type Pid,
  Process,
  self,
  send,
  spawn,
  type StreamResult,
  Task,
  TaskSupervisor,
} from "../../../mod.ts";
import {
  attempt,
  expect,
  forever,
  message,
  part,
  peer,
  reasonOf,
  scenario,
  trace,
  traceMarker,
  traceNext,
  traceNothing,
  UNKNOWN_NODE,
} from "../_scenario.ts";
import {
  callers,
  down,
  endAfter,
  endless,
  give,
  obedient,
  owner,
  quit,
  reasonWhen,
  remoteSup,
  started,
  startSup,
  trapping,
  why,
} from "../_tasks.ts";

/** A source that reports each element that is taken, and its close. */
async function* source(values: number[]): AsyncGenerator<number> {
  try {
    for (const value of values) {
      await trace("pull", value);
      yield value;
    }
  } finally {
    await trace("closed");
  }
}

/** One and two, with a call before two. */
async function* beforeTwo(fn: () => unknown): AsyncGenerator<number> {
  yield 1;
  await fn();
  yield 2;
}

/** The first returns at once; the others report their pid, and do as requested. */
export function firstOrObedient(value: number, main: Pid): unknown {
  return value === 1 ? 1 : obedient(main);
}

export function tell(value: number, main: Pid): number {
  send(main, message("told", value, Node.self(), callers()));
  return value;
}

/** A Task.Supervisor on kate. */
function kateSup(): Promise<{ name: string; node: string }> {
  return remoteSup("kate");
}

/** Reports its number, and returns it on request. */
async function numbered(n: number, main: Pid): Promise<number> {
  send(main, { type: "number", n, pid: self() });
  await expect("go");
  return n;
}

/** Lets tasks go on, each when the one before has ended. */
async function release(order: number[]): Promise<void> {
  const tasks = new Map<number, Pid>();
  for (const _ of order) {
    const { n, pid } = await expect("number");
    tasks.set(n, pid);
  }
  for (const n of order) {
    const task = tasks.get(n)!;
    const ref = Process.monitor(task);
    send(task, "go");
    await down(ref);
  }
}

function links(): Pid[] {
  return Process.info()!.links;
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const results: T[] = [];
  for await (const result of stream) results.push(result);
  return results;
}

/** An iteration that stops after the first result, and the way to leave it. */
async function first<T>(
  stream: AsyncIterable<T>,
): Promise<{ result: T; leave: () => Promise<unknown> }> {
  const iterator = stream[Symbol.asyncIterator]();
  const { value: result } = await iterator.next();
  return { result, leave: () => iterator.return!() };
}

/** A stream of two whose second task does as requested. */
function ofTwo(
  main: Pid,
  options: Omit<AsyncStreamOptions, "args"> = {},
): AsyncIterable<StreamResult<unknown>> {
  return Task.asyncStream([1, 2], firstOrObedient, {
    maxConcurrency: 2,
    ...options,
    args: [main],
  });
}

// Results

scenario("returns the results in the order of the elements", async () => {
  const main = self();
  const options = { maxConcurrency: 3, args: [main] as [Pid] };
  spawn(async () => {
    const stream = Task.asyncStream([1, 2, 3], numbered, options);
    send(main, { type: "results", results: await all(stream) });
  });
  await release([3, 1, 2]);
  await trace("results", expect("results"));
});

scenario("without order returns the results as they arrive", async () => {
  const main = self();
  const options = { maxConcurrency: 3, ordered: false, args: [main] as [Pid] };
  spawn(async () => {
    const stream = Task.asyncStream([1, 2, 3], numbered, options);
    send(main, { type: "results", results: await all(stream) });
  });
  await release([3, 1, 2]);
  await trace("results", expect("results"));
});

scenario("returns a result when its task has exited", async () => {
  for await (const result of Task.asyncStream([1], () => self())) {
    if (result.type === "ok") await trace("alive", Process.alive(result.value));
  }
});

scenario("a named function receives the element before arguments", async () => {
  const named = ["Conformance.TaskStream", "tell"] as const;
  const options = { args: [self()], maxConcurrency: 1 };
  await trace("main", self());
  await trace("results", all(Task.asyncStream([1, 2], named, options)));
  await traceNext("told");
  await traceNext("told");
});

scenario("takes an element for each taken result", async () => {
  const options = { args: [self()] as [Pid], maxConcurrency: 2 };
  const elements = source([1, 2, 3, 4]);
  const stream = Task.asyncStream(elements, firstOrObedient, options);
  for await (const result of stream) {
    await trace("got", result);
    if (result.type === "exit" || result.value === 4) continue;
    send(await started(), give(result.value as number + 1));
  }
});

scenario("everything runs at each iteration, nothing before", async () => {
  const main = self();
  const stream = Task.asyncStream([1, 2], (n) => {
    send(main, { type: "ran", n });
    return n;
  }, { maxConcurrency: 1 });
  await traceMarker("mail");
  await trace("results", [...await all(stream), ...await all(stream)]);
  for (let i = 0; i < 4; i++) await traceNext("mail");
});

scenario("starts no task while the consumer pauses", async () => {
  const main = self();
  const run = (n: number) => {
    send(main, { type: "ran", n });
    return { type: "ran", n };
  };
  const options = { maxConcurrency: 1 };
  const stream = Task.asyncStream(source([1, 2]), run, options);
  const { result, leave } = await first(stream);
  await trace("first", result);
  await traceNext("mail");
  await traceNothing("then");
  await leave();
});

scenario("leaves neither messages nor links", async () => {
  Process.trapExit(true);
  const stream = Task.asyncStream([1, 2, 3], (n) => n);
  await trace("results", all(stream));
  await trace("links", links());
  await traceMarker("mail");
});

scenario("of no elements has no results", async () => {
  await trace("results", all(Task.asyncStream([], (n) => n)));
  await trace("links", links());
});

scenario("invalid options are rejected before the iteration", async () => {
  const id = (value: unknown) => value;
  for (
    const options of [
      { maxConcurrency: 0 },
      { timeout: -1 },
      { onTimeout: "nothing" as "exit" },
    ]
  ) {
    await attempt("options", () => Task.asyncStream([], id, options));
  }
  const shutdown = "infinity" as "brutal_kill";
  await attempt(
    "shutdown",
    () => TaskSupervisor.asyncStream("sup", [], id, { shutdown }),
  );
});

// Tasks that exit

scenario("a task that exits ends the owner with its reason", async () => {
  const run = () => all(Task.asyncStream([1], () => exit("oops")));
  await trace("reason", reasonWhen(run));
});

scenario("a task that exits normally without a result is an exit", async () => {
  const stream = Task.asyncStream([1], () => exit("normal"));
  await trace("results", all(stream));
});

scenario("an owner that traps exits receives exits as results", async () => {
  Process.trapExit(true);
  const elements = ["oops", "shutdown", "ball", "no", "fine"];
  const stream = Task.asyncStream(elements, (what) => {
    if (what === "ball") throw "ball";
    if (what === "no") throw new Error("no");
    if (what === "fine") return "fine";
    return exit(what);
  });
  for await (const result of stream) await trace("result", result);
  await traceMarker("mail");
});

scenario("an exit can contain its element", async () => {
  Process.trapExit(true);
  const stream = Task.asyncStream([1, 2, 3], async (n) => {
    if (n === 2) exit("oops");
    if (n === 3) await forever();
    return n;
    // safe: its expiry is tested
  }, { zipInputOnExit: true, timeout: 200, onTimeout: "kill_task" });
  for await (const result of stream) {
    if (result.type === "ok") await trace("result", result);
    else await trace("exit", [result.input, result.reason]);
  }
});

scenario("a slow task ends the owner, and so the other tasks", async () => {
  const main = self();
  // The second one starts when half of the time of the first is over.
  // safe: a quarter of a second is left for one start
  const elements = beforeTwo(() => Process.sleep(200));
  // safe: its expiry is tested
  const options = { timeout: 400, maxConcurrency: 2 };
  const pid = spawn(() =>
    all(Task.asyncStream(elements, () => endless(main), options))
  );
  const ref = Process.monitor(pid);
  const refs = [
    Process.monitor(await started()),
    Process.monitor(await started()),
  ];
  await trace("owner", down(ref));
  await trace("first", down(refs[0]));
  await trace("second", down(refs[1]));
});

scenario("a task that is too slow is killed on request", async () => {
  // safe: its expiry is tested
  const options = { timeout: 100, onTimeout: "kill_task" } as const;
  for await (const result of ofTwo(self(), options)) {
    await trace("result", result);
    if (result.type === "exit") continue;
    await trace("reason", reasonOf(await started()));
  }
  await trace("links", links());
});

scenario("results before a timeout come before the exit", async () => {
  const main = self();
  await attempt("loop", async () => {
    for await (
      // safe: its expiry is tested
      const result of ofTwo(main, { timeout: 100, ordered: false })
    ) {
      await trace("result", result);
      await reasonOf(await started());
    }
  });
});

scenario("tasks of an owner that catches its exit run on", async () => {
  const main = self();
  // safe: a quarter of a second is left for one start
  const elements = beforeTwo(() => Process.sleep(200));
  const run = (n: number) => n === 1 ? forever() : obedient(main);
  // safe: its expiry is tested
  const options = { timeout: 400, maxConcurrency: 2 };
  await attempt("stream", () => all(Task.asyncStream(elements, run, options)));
  const task = await started();
  await trace("reason", endAfter(task, give("value")));
});

scenario("each task has its own timeout", async () => {
  const stream = Task.asyncStream([1, 2, 3, 4], async (n) => {
    // safe: each task alone is far below the limit of the stream
    await Process.sleep(100);
    return n;
    // safe: three tasks together are above it, one is far below
  }, { timeout: 350, maxConcurrency: 1 });
  await trace("results", all(stream));
});

// Leaving the stream

scenario("leaving it kills its tasks, and closes the source", async () => {
  Process.trapExit(true);
  const options = { args: [self()] as [Pid], maxConcurrency: 3 };
  const elements = source([1, 2, 3, 4]);
  const stream = Task.asyncStream(elements, firstOrObedient, options);
  const { result, leave } = await first(stream);
  await trace("first", result);
  const refs = [
    Process.monitor(await started()),
    Process.monitor(await started()),
  ];
  await leave();
  await trace("reasons", [await down(refs[0]), await down(refs[1])]);
  await trace("links", links());
  await traceMarker("mail");
});

scenario("an error of the consumer kills its tasks", async () => {
  const main = self();
  await attempt("loop", async () => {
    for await (const _ of ofTwo(main)) {
      send(main, { type: "monitor", ref: Process.monitor(await started()) });
      throw new Error("left");
    }
  });
  const { ref } = await expect("monitor");
  await trace("reason", down(ref));
  await trace("links", links());
});

scenario("an error of the source kills its tasks", async () => {
  const main = self();
  const broken = beforeTwo(async () => {
    send(main, { type: "monitor", ref: Process.monitor(await started()) });
    throw new Error("broken");
  });
  const options = { maxConcurrency: 2 };
  await attempt(
    "loop",
    () => all(Task.asyncStream(broken, () => endless(main), options)),
  );
  const { ref } = await expect("monitor");
  await trace("reason", down(ref));
  await trace("links", links());
});

function* numbers(): Generator<number> {
  for (let n = 1;; n++) yield n;
}

scenario("takes only the needed elements of an endless source", async () => {
  const taken: unknown[] = [];
  const options = { maxConcurrency: 2 };
  const stream = Task.asyncStream(numbers(), (n) => n * n, options);
  for await (const result of stream) {
    taken.push(result);
    if (taken.length === 3) break;
  }
  await trace("taken", taken);
});

// Exits of owners and tasks

async function owners(main: Pid, trap: boolean): Promise<void> {
  for (const reason of ["kill", "oops", "shutdown", "normal"]) {
    const pid = owner(async () => {
      Process.trapExit(trap);
      await first(ofTwo(main));
    });
    const task = await started();
    const ref = Process.monitor(task);
    if (reason === "kill") Process.exit(pid, "kill");
    else send(pid, quit(reason));
    await reasonOf(pid);
    if (reason === "normal") send(task, quit("lived"));
    await trace("task", down(ref));
  }
}

scenario(
  "an owner that exits during the iteration ends its tasks, unless it exits normally",
  () => owners(self(), false),
);

scenario(
  "an owner that traps exits and exits during the iteration ends its tasks too",
  () => owners(self(), true),
);

scenario("a trapping owner exits when the stream is killed", async () => {
  Process.trapExit(true);
  const main = self();
  await attempt("loop", async () => {
    for await (const _ of ofTwo(main)) {
      send(main, { type: "monitor", ref: Process.monitor(await started()) });
      const [between] = links();
      Process.exit(between, "kill");
      await reasonOf(between);
    }
  });
  const { ref } = await expect("monitor");
  await trace("task", down(ref));
  await traceMarker("mail");
});

scenario("the stream starts its tasks, with the owner as caller", async () => {
  const main = self();
  await trace("main", main);
  const tell = () => [callers(), Process.info()!.ancestors];
  const [result] = await all(Task.asyncStream([1], tell));
  if (result.type === "exit") exit(result.reason);
  const [callersOf, [between, ...rest]] = result.value as [Pid[], Pid[]];
  await trace("callers", callersOf);
  await trace("between", [between.equals(main), rest]);
});

// Under a supervisor

scenario("under a supervisor, its tasks are children of that", async () => {
  const sup = await startSup();
  const options = { args: [self()] as [Pid], maxConcurrency: 2 };
  const { result, leave } = await first(
    TaskSupervisor.asyncStream(sup, [1, 2], firstOrObedient, options),
  );
  await trace("first", result);
  const [child, ...others] = await TaskSupervisor.children(sup);
  const isTask = child.equals(await started());
  await trace("children", isTask && others.length === 0);
  await leave();
  await trace("children", TaskSupervisor.children(sup));
});

scenario("under a supervisor, a task's exit ends the owner too", async () => {
  const sup = await startSup();
  const stream = TaskSupervisor.asyncStream(sup, [1], () => exit("oops"));
  await trace("reason", reasonWhen(() => all(stream)));
});

scenario("without links, the exit of a task is a result", async () => {
  const sup = await startSup();
  const check = (n: number) => n === 2 ? exit("oops") : n;
  const stream = TaskSupervisor.asyncStreamNolink(sup, [1, 2, 3], check);
  for await (const result of stream) await trace("result", result);
  await traceMarker("mail");
});

scenario("without links, its tasks outlive only the owner", async () => {
  const sup = await startSup();
  const options = { args: [self()] as [Pid], maxConcurrency: 2 };
  const stream = TaskSupervisor.asyncStreamNolink(
    sup,
    [1, 2],
    firstOrObedient,
    options,
  );
  for (const trap of [false, true]) {
    for (const reason of ["kill", "oops", "normal"]) {
      const pid = owner(async () => {
        Process.trapExit(trap);
        await first(stream);
      });
      const task = await started();
      if (reason === "kill") Process.exit(pid, "kill");
      else send(pid, quit(reason));
      await reasonOf(pid);
      await trace("task", endAfter(task, quit("lived")));
    }
  }
  const { leave } = await first(stream);
  const ref = Process.monitor(await started());
  await leave();
  await trace("left", down(ref));
});

scenario("under a full supervisor, it fails and ends its tasks", async () => {
  const main = self();
  const sup = await startSup({ maxChildren: 1 });
  const run = () => endless(main);
  for (const name of ["asyncStream", "asyncStreamNolink"] as const) {
    const elements = beforeTwo(async () => {
      send(main, { type: "monitor", ref: Process.monitor(await started()) });
    });
    const options = { maxConcurrency: 2 };
    const stream = TaskSupervisor[name](sup, elements, run, options);
    // Only the class is compared: the texts differ.
    const outcome = await all(stream).catch((error: Error) =>
      error.name === "Error" ? "runtime_error" : error
    );
    await trace("stream", outcome);
    const { ref } = await expect("monitor");
    await trace("reason", down(ref));
    await trace("children", TaskSupervisor.children(sup));
  }
});

scenario("under a missing supervisor, the owner exits", async () => {
  const kate = await peer("kate");
  for (
    const sup of [
      "absent",
      { name: "absent", node: kate },
      { name: "sup", node: UNKNOWN_NODE },
    ]
  ) {
    const stream = TaskSupervisor.asyncStream(sup, [1], forever);
    const reason = await reasonWhen(() => all(stream));
    await trace("reason", why(() => exit(reason)));
    Process.trapExit(true);
    const trapped = await why(() => all(stream));
    await trace("trapped", why(() => exit(trapped)));
    Process.trapExit(false);
  }
  await traceMarker("mail");
});

scenario("a supervisor terminates its tasks by their shutdown", async () => {
  const main = self();
  const sup = await startSup();
  for (
    const [shutdown, answer] of [
      [5000, "own"],
      [10, "go_on"],
      ["brutal_kill", "go_on"],
    ] as const
  ) {
    const run = () => trapping(main, answer);
    const options = { shutdown };
    const stream = TaskSupervisor.asyncStreamNolink(sup, [1], run, options);
    spawn(async () => {
      send(main, { type: "results", results: await all(stream) });
    });
    await TaskSupervisor.terminateChild(sup, await started());
    await trace("results", expect("results"));
  }
});

scenario("runs on another node", async () => {
  const kate = await kateSup();
  const options = { args: [self()] as [Pid], maxConcurrency: 1 };
  const stream = TaskSupervisor.asyncStream(kate, [1, 2], tell, options);
  await trace("main", self());
  await trace("results", all(stream));
  await traceNext("told");
  await traceNext("told");
});

scenario("leaving it ends its tasks on another node", async () => {
  const kate = await kateSup();
  const options = { args: [self()] as [Pid], maxConcurrency: 2 };
  const { leave } = await first(
    TaskSupervisor.asyncStream(kate, [1, 2], firstOrObedient, options),
  );
  const ref = Process.monitor(await started());
  await leave();
  await trace("reason", down(ref));
  await trace("children", TaskSupervisor.children(kate));
});

scenario("a slow task on another node is killed there", async () => {
  const kate = await kateSup();
  const stream = TaskSupervisor.asyncStreamNolink(
    kate,
    [2],
    firstOrObedient,
    {
      args: [self()],
      // safe: its expiry is tested
      timeout: 100,
      onTimeout: "kill_task",
    },
  );
  for await (const result of stream) await trace("result", result);
  await trace("children", TaskSupervisor.children(kate));
  await started();
});

scenario("a lost connection is an exit, as links decide", async () => {
  const kate = await kateSup();
  const main = self();
  const linked = spawn(() =>
    all(TaskSupervisor.asyncStream(kate, [main], endless))
  );
  const ref = Process.monitor(linked);
  spawn(async () => {
    const stream = TaskSupervisor.asyncStreamNolink(kate, [main], endless);
    send(main, { type: "results", results: await all(stream) });
  });
  await started();
  await started();
  await part("kate");
  await trace("owner", down(ref));
  await trace("results", expect("results"));
});
