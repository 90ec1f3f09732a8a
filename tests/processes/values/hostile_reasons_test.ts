/** Exits with reasons that are huge, or throw when they are inspected: everyone is notified of each. */

import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { formatExit } from "../../../packages/processes/errors.ts";
import { inspect, Process } from "../../../mod.ts";
import { jsonLog, type LogEvent, Node, standardLog } from "../../../node.ts";
import {
  type DownMessage,
  exit,
  type Pid,
  receive,
  self,
  send,
  spawn,
  spawnLink,
  spawnMonitor,
} from "../../../packages/processes/process.ts";
import type { LocalProcess } from "../../../packages/processes/process/local_process.ts";
import { currentProcess } from "../../../packages/processes/runtime/current_process.ts";
import {
  NO_NODE,
  setDefaultRuntime,
} from "../../../packages/processes/runtime/default_node.ts";
import {
  printable,
  quote,
} from "../../../packages/processes/values/inspect.ts";
import { NodeRuntime } from "../../../packages/processes/runtime/node_runtime.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { test } from "../../../packages/testing/tags.ts";
import { clusterTest, pairTest } from "../../_nodes.ts";
import { processTest, standardError } from "../../_processes.ts";
import { reasonChild, throwHostile } from "./_hostile_reasons.ts";
import * as Hostile from "./_hostile_reasons.ts";
import fc, { runs } from "../../_seeds.ts";
import { until } from "../../_until.ts";
import { spawnProcess } from "../../../packages/processes/spawning/spawn_process.ts";

/** The log of the node without a name. */
const logged: string[] = [];
setDefaultRuntime(
  new NodeRuntime({
    node: NO_NODE,
    creation: 0,
    report: ({ message }) => logged.push(message),
  }),
);

/**
 * All that is logged while a function runs. The default runtime is the one above, or one that came after a node
 * that was the default has stopped: that one logs to standard error.
 */
async function logOf(
  fn: (soFar: () => string) => Promise<void>,
): Promise<string> {
  const start = logged.length;
  const all = (text: string) => text + logged.slice(start).join("\n");
  return all(await standardError((soFar) => fn(() => all(soFar()))));
}

const NAMES = Object.keys(Hostile.REASONS);

/** The ratio to a plain reason that a hostile one may take; it is inspected, copied and sent. */
const TEXT = 300_000;

for (const name of NAMES) {
  test(`inspect(), formatExit(), printable() and quote() bound the text for ${name}`, () => {
    const value = Hostile.REASONS[name]();
    const options = { limit: Infinity, depth: Infinity, width: 20 };
    for (
      const text of [
        inspect(value),
        inspect(value, { ...options, printableLimit: Infinity }),
        formatExit(value),
        formatExit({
          type: "call",
          reason: value,
          call: [value, value, [value]],
        }),
      ]
    ) {
      assertEquals(typeof text, "string");
      // Escapes make a text up to six times as long.
      assertLess(text.length, 6 * TEXT);
    }
    if (typeof value === "string") {
      assertLess(printable(value).length, TEXT);
      assertLess(quote(value).length, TEXT);
    }
  });

  processTest(`links and monitors report ${name}`, async () => {
    Process.trapExit(true);
    for (const end of [exit, throwHostile]) {
      const linked = spawnLink(() => end(Hostile.REASONS[name]()));
      await receive((m) => m?.type === "EXIT" && linked.equals(m.from));
      const { ref } = spawnMonitor(() => end(Hostile.REASONS[name]()));
      await receive((m) => ref.equals(m?.ref));
      await assertNotified();
    }
  });

  processTest(
    `a supervisor restarts after ${name}`,
    () => assertRestarts(name),
  );

  processTest(`the owner of a task hears ${name}`, async () => {
    Process.trapExit(true);
    const task = Task.async(() => {
      throw Hostile.REASONS[name]();
    });
    const failed = await Task.await(task).then(() => "ok", (error) => error);
    assert(failed instanceof Error);
    await receive((m) => m?.type === "EXIT");
    await assertNotified();
  });
}

/** Fails, by the test's time limit, if a supervisor does not restart its child after a reason, three times. */
async function assertRestarts(name: string): Promise<void> {
  Process.trapExit(true);
  const supervisor = await Supervisor.startLink(
    [reasonChild(self())],
    { strategy: "one_for_one", maxRestarts: 10 },
  );
  for (let i = 0; i < 3; i++) {
    const { pid } = await receive((m) => m?.started === true);
    send(pid, { end: name });
  }
  await receive((m) => m?.started === true);
  await Supervisor.stop(supervisor);
  await receive((m) => m?.type === "EXIT");
}

/** Fails, by the test's time limit, if exits are no longer announced. */
async function assertNotified(): Promise<void> {
  const { ref } = spawnMonitor(() => exit("after"));
  const down = await receive<DownMessage>((m) => ref.equals(m?.ref));
  assertEquals(down.reason, "after");
}

for (
  const [what, limits] of [
    ["every hostile reason", {}],
    ["a text for a reason that is too large", { maxMessageBytes: 20_000 }],
  ] as const
) {
  clusterTest(`remote links report ${what}`, async (cluster) => {
    const options = { modules: { Hostile }, limits, log() {} };
    const [kate, alex] = await cluster.startAll(["kate", "alex"], options);
    await alex.run(async () => {
      Process.trapExit(true);
      for (const name of NAMES) {
        const pid = await Node.spawnLink(kate.name, Hostile.endOn, [name]);
        const ref = Process.monitor(pid);
        send(pid, "end");
        await receive((m) => m?.type === "EXIT" && pid.equals(m.from));
        await receive((m) => ref.equals(m?.ref));
        const { ref: next } = await Node.spawnMonitor(
          kate.name,
          Hostile.endPlainly,
        );
        const down = await receive<DownMessage>((m) => next.equals(m?.ref));
        assertEquals(down.reason, "after", name);
      }
    });
  }, { timeout: 60_000 });
}

/** Returns what is logged when a process dies, and asserts that everyone is notified; `last` is logged last. */
async function logOfDeath(
  prepare: (process: LocalProcess) => void,
  last: string,
): Promise<string> {
  Process.trapExit(true);
  return await logOf(async (soFar) => {
    const owner = self();
    const pid = spawn(async () => {
      prepare(currentProcess());
      send(owner, "up");
      await receive(() => false);
    });
    const watched = Process.monitor(pid);
    await receive((m) => m === "up");
    Process.link(pid);
    Process.exit(pid, "gone");
    await receive((m) => watched.equals(m?.ref));
    await receive((m) => m?.type === "EXIT");
    await assertNotified();
    // Errors of listeners are reported in a later turn.
    await until(() => soFar().includes(last));
  });
}

processTest("an abort listener that throws does not stop others", async () => {
  const said = await logOfDeath((process) => {
    for (const text of ["first", "second"]) {
      process.abortSignal().addEventListener("abort", () => {
        throw new Error(text);
      });
    }
  }, "second");
  assert(said.includes("first"), said);
});

processTest("an abandoned wait that throws does not stop others", async () => {
  await logOfDeath((process) =>
    process.await(process.runtime.makeRef(), {
      node: "",
      reply() {},
      down() {},
      abandon() {
        throw new Error("not abandoned");
      },
    }), "not abandoned");
});

for (
  const [what, hook] of Object.entries({
    "throws": () => {
      throw new Error("hook");
    },
    "throws what cannot be shown": () => {
      throw Hostile.REASONS["a revoked proxy"]();
    },
    "rejects": () => Promise.reject(new Error("hook")),
    "is slow": () => {
      const end = performance.now() + 30;
      // safe: computes, and decides nothing
      while (performance.now() < end);
    },
  })
) {
  clusterTest(
    `a log hook that ${what} is survived, and logged`,
    async (cluster) => {
      const alex = await cluster.start("alex", {
        log: hook as (event: LogEvent) => void,
      });
      const text = await standardError(() =>
        alex.run(() => assertRestarts("an error"))
      );
      if (what === "is slow") return assertEquals(text, "");
      assertMatch(text, /Cannot tell the log: the hook threw: .*/);
      assertMatch(
        text,
        /^\[error\] alex@localhost: GenServer .* terminating$/m,
      );
    },
  );
}

test("a process whose result has a `then` that throws ends", async () => {
  const runtime = new NodeRuntime({
    node: "nonode@nohost",
    creation: 0,
    report() {},
  });
  const fail = () => {
    throw new Error("then");
  };
  const results = [
    Object.defineProperty({}, "then", { get: fail }),
    { then: fail },
    { then: (done: () => void) => done() },
  ];
  for (const result of results) {
    const process = spawnProcess(runtime, () => result, {});
    await new Promise((resolve) =>
      process.abortSignal().addEventListener("abort", resolve)
    );
    assertEquals(process.alive, false);
  }
  runtime.stop("shutdown");
});

test("formatExit() and inspect() never throw, for any value", () => {
  // Created only when inspected: fast-check inspects its values too.
  const hostile = fc.constantFrom(...NAMES).map((name) =>
    Hostile.REASONS[name]
  );
  const plain = fc.anything({ withMap: true, withSet: true, withBigInt: true });
  const part = fc.oneof(plain.map((value) => () => value), hostile);
  const type = fc.constantFrom(
    ...["call", "shutdown", "nocatch", "nodedown", "failed_to_start_child"],
    ...["already_started", "bad_return_value"],
  );
  const parts = fc.record({
    ...{ reason: part, node: part, value: part, id: part, pid: part },
    call: fc.array(part),
  });
  fc.assert(
    fc.property(type, parts, (type, { call, ...others }) => {
      const reason: Record<string, unknown> = { type };
      for (const [key, make] of Object.entries(others)) reason[key] = make();
      reason.call = call.map((make) => make());
      assertLess(formatExit(reason).length, 6 * TEXT);
      assertLess(inspect(reason).length, 6 * TEXT);
    }),
    { numRuns: runs(100) },
  );
});

test("formatExit() takes time for the shown part only", () => {
  const took = (value: unknown) => {
    let best = Infinity;
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      for (let n = 0; n < 20; n++) formatExit(value);
      best = Math.min(best, performance.now() - start);
    }
    return best;
  };
  const list = (length: number) =>
    Array.from({ length }, (_, i) => ({ text: "x".repeat(200), i }));
  // A hundred times as much to show, of which no more is shown: well below ten times as long.
  assertLess(took(list(200_000)), 10 * took(list(200)) + 1);
  assertLess(took("x".repeat(20_000_000)), 10 * took("x".repeat(20_000)) + 1);
});

test("jsonLog() and standardLog() write a bounded line for every hostile reason", async () => {
  for (const name of NAMES) {
    const reason = Hostile.REASONS[name]();
    const crash = {
      ...{ pid: self(), name: undefined, kind: "process", initialCall: "f" },
      ...{ parent: undefined, ancestors: [], callers: [], links: [] },
      ...{ monitors: [], trapExit: false, messageQueueLen: 0 },
      ...{ reason, lastMessage: reason, state: [reason, { reason }] },
    } as unknown as LogEvent["crash"];
    const event: LogEvent = {
      level: "error",
      node: "n@h",
      message: "x",
      crash,
    };
    for (const log of [jsonLog, standardLog]) {
      const line = await standardError(() => log(event));
      assertLess(line.length, 6 * TEXT);
      assertEquals(line.indexOf("\n"), line.length - 1);
    }
  }
});

pairTest("a huge exit reason leaves other processes alone", async () => {
  Process.trapExit(true);
  const pid: Pid = await Node.spawnLink("kate@localhost", ["Remote", "wait"]);
  Process.exit(pid, { text: "x".repeat(5_000_000) });
  await receive((m) => m?.type === "EXIT" && pid.equals(m.from));
  assertEquals(await Node.ping("kate@localhost"), "pong");
});
