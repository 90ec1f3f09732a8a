/** The limits of an observer's answers, each filled and exceeded by one: on a runtime without a node, in virtual time. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { LogEvent } from "../../../packages/processes/log/log_event.ts";
import { NodeRuntime } from "../../../packages/processes/runtime/node_runtime.ts";
import type { LocalProcess } from "../../../packages/processes/process/local_process.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import type { Pid } from "../../../packages/processes/values/pid.ts";
import { type Tuple, tuple } from "../../../packages/processes/values/tuple.ts";
import { Cast } from "../../../packages/servers/server/messages.ts";
import { traceMessages } from "../../../packages/observe/observer/message_trace.ts";
import { NodeObserver } from "../../../packages/observe/observer/node_observer.ts";
import { addView, tableOf } from "../../../packages/observe/observed_views.ts";
import { ObserverShare } from "../../../packages/observe/observer/observer_share.ts";
import { OtpCollectors } from "../../../packages/beam/observer/otp_collectors.ts";
import { RecentLog } from "../../../packages/observe/observer/recent_log.ts";
import { mailboxBytes } from "../../../packages/observe/observer/value_size.ts";
import {
  noteSupervision,
  type SupervisedChild,
} from "../../../packages/servers/supervisor/supervision.ts";
import { Timeline } from "../../../packages/testing/simulation/timeline.ts";
import { test } from "../../../packages/testing/tags.ts";
import { numbersIn } from "../../_pages.ts";
import { isPending, passQuietly, quiet } from "../../_processes.ts";
import { terminate } from "../../../packages/processes/process/deaths.ts";
import { spawnProcess } from "../../../packages/processes/spawning/spawn_process.ts";
import { limitTests } from "../../_limits.ts";

const SECURITY = "docs/security.md";
const [TRACED, MESSAGES] = numbersIn(
  SECURITY,
  "it traces: # processes at a time, # messages each",
);
const [SHARE, WAITING] = numbersIn(SECURITY, "take a # of a core, and # wait");
const [SHOWN, SECONDS] = numbersIn(
  "docs/shell.md",
  "and sends, # of them, for # minute at most",
);

/** A runtime with processes that wait for ever, and its observer. */
class Scene implements Disposable {
  readonly timeline = new Timeline();
  readonly runtime: NodeRuntime = new NodeRuntime({
    node: "alex@localhost",
    creation: 1,
    clock: this.timeline,
    report: () => {},
  });
  readonly observer: NodeObserver = new NodeObserver(
    this.runtime,
    () => [],
    0,
    true,
  );

  /** A process that waits for ever. */
  idle(label?: string): LocalProcess {
    return spawnProcess(this.runtime, () => new Promise(() => {}), { label });
  }

  /** A supervisor of these children. */
  supervisor(children: readonly SupervisedChild[]): LocalProcess {
    const process = spawnProcess(this.runtime, () => new Promise(() => {}), {
      kind: "server",
    });
    noteSupervision(process, {
      kind: "Supervisor",
      size: () => children.length,
      supervised: () => children,
    });
    return process;
  }

  collectors(): OtpCollectors {
    return new OtpCollectors(this.runtime, new ObserverShare(this.runtime));
  }

  /** Puts messages into a mailbox. */
  send(process: LocalProcess, ...messages: unknown[]): void {
    for (const message of messages) process.mailbox.push(message, process);
  }

  /** Runs as a process of the node. */
  async run<T>(fn: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    spawnProcess(this.runtime, () => fn().then(resolve, reject), {});
    return await promise;
  }

  /** Traces a process for another one; returns the process that does so. */
  trace(
    { pid }: LocalProcess,
    { pid: to }: LocalProcess,
    limits: unknown,
  ): LocalProcess {
    const ref = this.runtime.makeRef();
    const { observer } = this;
    return spawnProcess(
      this.runtime,
      () => observer.trace(pid, to, ref, limits),
      {
        parent: to,
      },
    );
  }

  /** Lets virtual time pass. */
  pass(ms: number): Promise<void> {
    return passQuietly(this.timeline, ms);
  }

  [Symbol.dispose](): void {
    this.runtime.stop("shutdown");
  }
}

function child(pid: Pid | undefined, id: string): SupervisedChild {
  return { id, type: "worker", pid, restarting: false, restarts: undefined };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

// Processes.

/** The number of processes in an answer, of 600, for limits that no caller should ask for. */
const LIMITS: [limit: unknown, count: number][] = [
  [undefined, 50],
  [2.9, 2],
  [Infinity, 500],
  [-1, 50],
  [NaN, 50],
  ["7", 50],
];

test("an answer has as many processes as were asked for, and 500 at most", () => {
  using scene = new Scene();
  for (const _ of numbers(600)) scene.idle();
  const given = [0, 1, 499, 500, 501, 1e9].map((n) => [n, Math.min(n, 500)]);
  for (const [limit, count] of [...LIMITS, ...given]) {
    const { processes, total } = scene.observer.processes({ limit });
    assertEquals([processes.length, total], [count, 600], `${limit}`);
  }
});

test("a table of a view has as many rows as were asked for, 500 at most, the greatest first", () => {
  using scene = new Scene();
  addView(scene.runtime, {
    name: "numbers",
    observe: (rows) => ({
      counts: {},
      tables: [tableOf(numbers(600), {
        title: "Numbers",
        columns: { Number: "number" },
        rank: (n) => n % 300,
        row: (n) => [n],
      }, rows)],
    }),
    samples: () => [],
  });
  const given = [0, 1, 499, 500, 501, 1e9].map((n) => [n, Math.min(n, 500)]);
  for (const [limit, count] of [...LIMITS, ...given]) {
    const [{ rows, more }] = scene.observer.view("numbers", limit)!.tables;
    assertEquals([rows.length, more], [count, 600 - Number(count)], `${limit}`);
  }
  const [{ rows }] = scene.observer.view("numbers", 3)!.tables;
  assertEquals(rows, [[299], [599], [298]]);
  for (const name of ["", "constructor", 7, undefined]) {
    assertEquals(scene.observer.view(name, 3), undefined);
  }
});

test("processes come in the order that was asked for, the oldest first if they are equal", () => {
  using scene = new Scene();
  const [one, two, three, four] = numbers(4).map(() => scene.idle());
  scene.send(two, 1, 2, 3);
  scene.send(three, "x".repeat(1000));
  scene.send(four, 1, 2, 3);
  one.addLink(two.pid);
  one.addLink(three.pid);
  two.addLink(one.pid);
  const orders: [order: unknown, first: LocalProcess[]][] = [
    ["messages", [two, four, three, one]],
    ["received", [two, four, three, one]],
    ["memory", [three, two, four, one]],
    ["links", [one, two, three, four]],
    ["started", [four, three, two, one]],
    ["unknown", [two, four, three, one]],
    [undefined, [two, four, three, one]],
  ];
  for (const [order, first] of orders) {
    for (const limit of [1, 2, 3, 4, 5]) {
      const { processes } = scene.observer.processes({ order, limit });
      assertEquals(
        processes.map(({ pid }) => pid.number),
        first.slice(0, limit).map(({ pid }) => pid.number),
        `${order}, ${limit}`,
      );
    }
  }
});

test("200 characters are searched for", () => {
  using scene = new Scene();
  scene.idle("x".repeat(200) + "y");
  scene.idle("X".repeat(199));
  const found = (search: unknown) => scene.observer.processes({ search }).total;
  assertEquals(
    ["x".repeat(199), "x".repeat(200), "x".repeat(200) + "z", 7].map(found),
    [2, 1, 1, 2],
  );
});

/** A process with that many children and other parts, as an observer shows it with their numbers. */
function detailsOf(
  count: number,
  add: (scene: Scene, process: LocalProcess, n: number) => void = () => {},
) {
  using scene = new Scene();
  const process = scene.supervisor(
    numbers(count).map((n) => child(undefined, `${n}`)),
  );
  for (const n of numbers(count)) add(scene, process, n);
  const details = scene.observer.process(process.pid)!;
  const { links, monitors, monitoredBy } = details.counts;
  const all = Math.max(links, monitors, monitoredBy, details.messageQueueLen);
  assert(all === 0 || all === count);
  return details;
}

/** The number of children that a tree shows of a supervisor with that many. */
function treeOf(count: number): number {
  using scene = new Scene();
  scene.supervisor(numbers(count).map((n) => child(scene.idle().pid, `${n}`)));
  const [{ children, more }] = scene.observer.tree().roots;
  assertEquals(children.length + more, count);
  return children.length;
}

/** The number of names that an observer shows of that many. */
function namesOf(count: number): number {
  using scene = new Scene();
  for (const n of numbers(count)) {
    scene.runtime.names.register(`n${n}`, scene.idle());
  }
  const { registered, more } = scene.observer.names();
  assertEquals(registered.length + more, count);
  return registered.length;
}

limitTests([
  {
    what: "links of a process",
    most: 100,
    keeps: (count) =>
      detailsOf(count, (scene, process) => process.addLink(scene.idle().pid))
        .links.length,
  },
  {
    what: "monitors of a process",
    most: 100,
    keeps: (count) =>
      detailsOf(count, (scene, process) => process.monitor(scene.idle().pid))
        .monitors.length,
  },
  {
    what: "processes that monitor one",
    most: 100,
    keeps: (count) =>
      detailsOf(count, (scene, process) => scene.idle().monitor(process.pid))
        .monitoredBy.length,
  },
  {
    what: "messages of a process",
    most: 10,
    keeps: (count) =>
      detailsOf(count, (scene, process, n) => scene.send(process, n))
        .messages.length,
  },
  {
    what: "children of a process",
    most: 200,
    keeps: (count) => detailsOf(count).children!.length,
  },
  { what: "children of a supervisor in a tree", most: 200, keeps: treeOf },
  { what: "registered names", most: 500, keeps: namesOf },
  {
    what: "characters of a label",
    most: 200,
    keeps(count) {
      using scene = new Scene();
      const { pid } = scene.idle("x".repeat(count));
      return scene.observer.process(pid)!.initialCall!.length;
    },
  },
  {
    what: "characters of the name of a child",
    most: 200,
    keeps(count) {
      using scene = new Scene();
      const { pid } = scene.supervisor([child(undefined, "x".repeat(count))]);
      return scene.observer.process(pid)!.children![0].name.length;
    },
  },
  {
    what: "characters of an event of the log",
    stated: [SECURITY, "events of the log, kept for observers | # |"],
    keeps(count) {
      const log = new RecentLog();
      log.add({ level: "info", message: "x".repeat(count) } as LogEvent);
      return log.after(0)[0].message.length;
    },
  },
  {
    what: "events of the log, the last ones by number",
    most: 200,
    keeps(count) {
      const log = new RecentLog();
      for (const n of numbers(count)) {
        log.add({ level: "info", message: `${n}` } as LogEvent);
      }
      const kept = log.after(0).map(({ number }) => number);
      assertEquals(kept, numbers(count + 1).slice(-kept.length));
      assertEquals(log.after(count - 1).length, 1);
      assertEquals(log.after(count), []);
      return kept.length;
    },
  },
]);

// Supervision trees.

test("2,000 entries of trees are shown, and the number of the other supervisors", () => {
  using scene = new Scene();
  // Each has 99 children, so that twenty are 2,000 entries.
  const children = numbers(99).map((n) => child(scene.idle().pid, `${n}`));
  for (const _ of numbers(19)) scene.supervisor(children);
  scene.supervisor(children.slice(1));
  const first = scene.observer.tree();
  assertEquals([first.roots.length, first.more], [20, 0]);
  scene.supervisor(children.slice(0, 3));
  scene.supervisor([]);
  const { roots, more } = scene.observer.tree();
  assertEquals([roots.length, more], [21, 1]);
  const { children: shown, more: others } = roots[20];
  assertEquals([shown.length, others], [0, 3]);
});

test("a tree is shown 30 levels deep", () => {
  using scene = new Scene();
  let inner = scene.supervisor([]);
  for (const n of numbers(40)) {
    inner = scene.supervisor([child(inner.pid, `${n}`)]);
  }
  const { roots } = scene.observer.tree();
  assertEquals(roots.length, 1, "the others are children");
  let depth = 0;
  let at = roots[0];
  while (at.children.length > 0) {
    at = at.children[0];
    depth++;
  }
  assertEquals([depth, at.more], [30, 1]);
});

// Traces.

/** The numbers of messages after which traces end. */
const TRACES: [limits: unknown, messages: number][] = [
  [undefined, SHOWN],
  [{ limit: 1 }, 1],
  [{ limit: 0 }, 0],
  [{ limit: MESSAGES }, MESSAGES],
  [{ limit: 1e9 }, MESSAGES],
  [{ limit: "all" }, SHOWN],
];

for (const [limits, messages] of TRACES) {
  test(`a trace with the limits ${JSON.stringify(limits)} ends after ${messages} messages`, async () => {
    using scene = new Scene();
    const target = scene.idle();
    const owner = scene.idle();
    scene.trace(target, owner, limits);
    await quiet();
    for (const n of numbers(1100)) scene.send(target, n);
    await quiet();
    const types = owner.mailbox.messages()
      .map((message) => (message as { type: string }).type);
    assertEquals(types.filter((type) => type === "traced").length, messages);
    assertEquals(types.at(-1), "trace_ended");
  });
}

/** The time of a trace without messages, in milliseconds. */
const TIMES: [timeout: unknown, ms: number][] = [
  [undefined, 60_000 * SECONDS],
  [1000, 1000],
  [600_000, 600_000],
  [1e9, 600_000],
];

for (const [timeout, ms] of TIMES) {
  test(`a trace with a timeout of ${timeout} ms ends after ${ms} ms`, async () => {
    using scene = new Scene();
    const tracer = scene.trace(scene.idle(), scene.idle(), { timeout });
    await quiet();
    await scene.pass(ms - 1);
    assertEquals(tracer.alive, true);
    await scene.pass(1);
    assertEquals(tracer.alive, false);
  });
}

test("a node has a number of traces at once", () => {
  using scene = new Scene();
  // safe: virtual time
  const limits = { limit: 5, timeout: 1000 };
  const start = () => traceMessages(scene.idle(), limits, () => {}, () => {});
  const traces = numbers(TRACED).map(start);
  assertEquals(traces.map((each) => typeof each), traces.map(() => "function"));
  assertEquals(start(), "too_many");
  (traces[3] as () => void)();
  assertEquals(typeof start(), "function");
  assertEquals(start(), "too_many");
});

test("a trace notes 500 characters of a message, quotes and the mark of a cut not counted, and that its process has exited", async () => {
  using scene = new Scene();
  const target = scene.idle();
  const notes: string[] = [];
  let ended = 0;
  traceMessages(
    target,
    { limit: 5, timeout: 10_000 },
    ({ type, message }) => notes.push(`${type} ${message.length}`),
    () => ended++,
  );
  scene.send(target, "x".repeat(10_000), "x");
  terminate(target, "y".repeat(10_000));
  await scene.pass(99);
  assertEquals(ended, 0);
  await scene.pass(1);
  assertEquals([notes, ended], [["receive 505", "receive 3", "exit 500"], 1]);
  await scene.pass(10_000);
  assertEquals(ended, 1);
});

// The rate, and the share of time.

test("the delay of an observed node is measured by one process, which ends 20 s after the last observation", async () => {
  using scene = new Scene();
  const meters = () =>
    [...scene.runtime.processes.values()]
      .filter(({ label }) => label === "Observer.delay").length;
  for (const count of [0, 1, 1]) {
    scene.observer.node();
    assertEquals(meters(), count);
  }
  await scene.pass(19_000);
  scene.observer.node();
  await scene.pass(19_800);
  assertEquals(meters(), 1);
  await scene.pass(300);
  assertEquals(meters(), 0);
});

test("rates are samples 500 ms apart or more, and forgotten 10 s after the last use", async () => {
  using scene = new Scene();
  const process = scene.idle();
  await quiet();
  scene.timeline.time = 1000;
  const rate = () =>
    scene.observer.processes({ order: "rate", search: String(process.pid) })
      .processes[0].rate;
  assertEquals(rate(), undefined);
  scene.send(process, 1, 2);
  await scene.pass(499);
  assertEquals(rate(), undefined, "too early");
  await scene.pass(1);
  assertEquals(rate(), 4);
  scene.send(process, 3);
  await scene.pass(499);
  assertEquals(rate(), 4, "the last sample");
  await scene.pass(501);
  assertEquals(rate(), 1);
  // It was used at 2500 ms, and looks at 11,000 ms and 21,000 ms.
  await scene.pass(18_499);
  assertEquals(scene.observer.process(process.pid)!.rate, 1);
  await scene.pass(10_001);
  assertEquals(scene.observer.process(process.pid)!.rate, undefined);
  assertEquals(rate(), undefined, "the first sample again");
});

/** A clock of the host that stands still, except while answers are made. */
class StoppedClock implements Disposable {
  time = 1000;
  readonly #now = performance.now;

  constructor() {
    performance.now = () => this.time;
  }

  [Symbol.dispose](): void {
    performance.now = this.#now;
  }
}

test("answers to others take a part of the time, after a burst of 100 ms", async () => {
  using scene = new Scene();
  await quiet();
  const share = new ObserverShare(scene.runtime);
  using clock = new StoppedClock();
  let answered = 0;
  const ask = () =>
    scene.run(() =>
      share.take(() => {
        clock.time += 20;
        answered++;
      })
    );
  assertEquals(SHARE, 1 / 4);
  // Each is charged four times its time: 80 ms.
  const asked = [ask(), ask(), ask()];
  await quiet();
  assertEquals(answered, 2);
  // No virtual time passes with an answer, so 160 ms are left: 60 above the burst.
  await scene.pass(59);
  assertEquals(answered, 2);
  await scene.pass(1);
  assertEquals(answered, 3);
  await Promise.all(asked);
});

test("a number of answers to others may wait; one of a process that is dead is not made", async () => {
  using scene = new Scene();
  const share = new ObserverShare(scene.runtime);
  using clock = new StoppedClock();
  await scene.run(() => share.take(() => clock.time += 1000));
  let made = 0;
  const processes = numbers(WAITING).map(() =>
    spawnProcess(scene.runtime, () => share.take(() => made++), {})
  );
  await quiet();
  await assertRejects(
    () => scene.run(() => share.take(() => {})),
    Error,
    `Cannot observe alex@localhost: ${WAITING} answers wait for their turn`,
  );
  for (const process of processes.slice(1)) {
    terminate(process, "kill");
  }
  await scene.pass(10_000);
  assertEquals(made, 1);
  await scene.run(() => share.take(() => made++));
  assertEquals(made, 2);
  // One that is killed while the charge holds it back holds no other back.
  await scene.run(() => share.take(() => clock.time += 1000));
  const held = spawnProcess(scene.runtime, () => share.take(() => made++), {});
  await quiet();
  terminate(held, "kill");
  await scene.pass(10_000);
  await scene.run(() => share.take(() => made++));
  assertEquals(made, 3);
});

// Memory.

/** Messages, and the bytes that they count as: 8 for a value, 32 for an object. */
const SIZES: [messages: unknown[], bytes: number][] = [
  [[], 0],
  [[1], 8],
  [["abc"], 11],
  [[1, "abc"], 19],
  [[{ key: 1 }], 32 + 3 + 8],
  [[[1, [2]]], 32 + 8 + 32 + 8],
  [[new Uint8Array(100)], 132],
  [[new Set([1])], 32 + 8],
  // 2,000 values are visited, the array among them.
  [[numbers(1999)], 32 + 1999 * 8],
  [[numbers(2500)], 32 + 1999 * 8],
  // Of 64 messages each second one is measured, and of 63 each.
  [numbers(64).map((n) => n % 2 === 0 ? "" : "x".repeat(100)), 64 * 8],
  [numbers(63).map((n) => n % 2 === 0 ? "" : "x".repeat(100)), 63 * 8 + 3100],
];

test("messages count as many bytes as a sample of them", () => {
  for (const [messages, bytes] of SIZES) {
    using scene = new Scene();
    const process = scene.idle();
    scene.send(process, ...messages);
    assertEquals(mailboxBytes(process.mailbox), bytes);
  }
});

// Collectors of Erlang's tools.

test("appmon_info sends a client three trees, again when they have changed, and ends with its clients", async () => {
  using scene = new Scene();
  const collectors = scene.collectors();
  const children = [child(scene.idle().pid, "one")];
  scene.supervisor(children);
  const client = scene.idle();
  const server = scene.runtime.find(collectors.appmon(client.pid))!;
  const see = (app: string, isOn: boolean) => {
    const request = tuple(client.pid, atom("app"), atom(app), isOn, []);
    server.mailbox.push(new Cast(request), client);
  };
  const sizes = () =>
    client.mailbox.messages().map((message) => {
      const { elements } = (message as Tuple).elements[4] as Tuple;
      return (elements[1] as unknown[]).length;
    });
  for (const app of ["typescript", "none", "none", "other", "more"]) {
    see(app, true);
  }
  await scene.pass(60_000);
  assertEquals(sizes(), [3, 0, 0, 0]);
  children.push(child(scene.idle().pid, "two"));
  await scene.pass(60_000);
  assertEquals(sizes(), [3, 0, 0, 0, 4]);
  see("typescript", false);
  children.pop();
  await scene.pass(60_000);
  assertEquals(sizes().length, 5);
  terminate(client, "kill");
  await quiet();
  assertEquals(server.alive, false);
});

test("a node has 10 collectors of each kind at a time", async () => {
  using scene = new Scene();
  const [limit] = numbersIn("docs/elixir.md", "A node has at most # of each");
  const collectors = scene.collectors();
  const load = (client: LocalProcess) =>
    scene.run(() => collectors.fetchStats(client.pid, 0, () => "load"));
  const clients = numbers(limit).map(() => scene.idle());
  const loads = clients.map(load);
  for (const { pid } of clients) collectors.appmon(pid);
  await scene.pass(1000);
  assert(clients[0].mailbox.length <= 10);
  const last = scene.idle();
  assertThrows(() => collectors.appmon(last.pid), Error, "10 collectors");
  await assertRejects(() => load(last), Error, "10 collectors");
  terminate(clients[0], "kill");
  await loads[0];
  await quiet();
  collectors.appmon(last.pid);
  assertEquals(await isPending(load(last)), true);
});
