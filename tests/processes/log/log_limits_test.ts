/** The log of a node: whatever a peer does, it has few and short lines, and none is forged. */

import {
  assert,
  assertArrayIncludes,
  assertEquals,
  assertLess,
  assertMatch,
} from "@std/assert";
import { DynamicSupervisor } from "../../../packages/servers/supervisor/dynamic_supervisor.ts";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import { jsonLog, type LogEvent, Node, standardLog } from "../../../node.ts";
import {
  type Pid,
  Process,
  receive,
  send,
  spawn,
  spawnLink,
} from "../../../packages/processes/process.ts";
import { systemClock } from "../../../packages/processes/host/clock.ts";
import {
  type LogCause,
  NodeLog,
} from "../../../packages/processes/log/node_log.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { SimulatedCluster } from "../../../packages/testing/simulation/simulated_cluster.ts";
import { Timeline } from "../../../packages/testing/simulation/timeline.ts";
import { test } from "../../../packages/testing/tags.ts";
import { clusterTest, reasonOf } from "../../_nodes.ts";
import { numbersIn } from "../../_pages.ts";
import { standardError } from "../../_processes.ts";
import { jsonFrame, RawListener } from "../../_raw_peer.ts";
import * as Remote from "../../_remote.ts";
import fc, { runs } from "../../_seeds.ts";

const KATE = "kate@localhost";

const SECURITY = "docs/security.md";
const [WINDOW] = numbersIn(SECURITY, "| events | limit in # |");
const [OF_CAUSE] = numbersIn(SECURITY, "| events of one cause | # |");
const [OF_SUPERVISOR] = numbersIn(
  SECURITY,
  "one supervisor, of one kind | # |",
);
const [OF_PEER] = numbersIn(SECURITY, "events that one peer causes | # |");
const [OF_PEERS] = numbersIn(SECURITY, "events that all peers cause | # |");
const [IN_ALL] = numbersIn(SECURITY, "any kind | # in each second |");
const [MESSAGE, LINE, VALUES] = numbersIn(
  SECURITY,
  "at most # characters, a line that reports text from other nodes #, and a line of `jsonLog` about # for values",
);

/** Characters that end a line, hide text, or steer a terminal. */
const FORGED =
  "x\n[error] forged\r\u2028\u2029\u0085\u001b[2J\u202e\t\u0000\u200b\u2060\u{e0041}";

const STEERING =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u2028-\u202e\u2060]|\u{e0041}/u;

/** kate's log, as standardLog and jsonLog write it. */
async function written(events: LogEvent[]): Promise<string[]> {
  const lines: string[] = [];
  for (const event of events) {
    for (const log of [standardLog, jsonLog]) {
      lines.push(await standardError(() => log(event)));
    }
  }
  return lines;
}

/** Returns the log of kate while a process of alex runs, in virtual time: all events are in one window of the log. */
async function logInWindow(
  kate: () => unknown,
  alex: () => Promise<void>,
): Promise<LogEvent[]> {
  const events: LogEvent[] = [];
  await using cluster = await SimulatedCluster.start({
    nodes: [{ name: "kate", log: (event) => void events.push(event) }, "alex"],
    modules: { Remote },
  });
  cluster.spawn("kate", async () => {
    await kate();
    await receive(() => false);
  });
  await cluster.settle();
  await cluster.run("alex", alex);
  assertLess(cluster.now(), WINDOW);
  await cluster.stop("kate");
  return events;
}

function startSupervisor(): Promise<Pid> {
  return Supervisor.startLink([], {
    strategy: "one_for_one",
    name: "supervisor",
  });
}

test("a message of 5 MB is logged as a short line", async () => {
  const events = await logInWindow(async () => {
    await startSupervisor();
    await GenServer.startLink(
      { init: () => ({ type: "ok", state: 0 }) },
      undefined,
      { name: "server" },
    );
  }, async () => {
    for (const text of ["\u0000".repeat(1_000_000), "x".repeat(5_000_000)]) {
      for (const name of ["supervisor", "server"]) {
        await send({ name, node: KATE }, { text, list: [text, text] });
        // safe: the time is virtual
        const call = { timeout: 1000 };
        await GenServer.call({ name, node: KATE }, "count", call)
          .catch(() => {});
      }
    }
  });
  const unexpected = events.filter(({ message }) =>
    message.includes("unexpected message")
  );
  assertLess(1, unexpected.length);
  for (const line of await written(events)) assertLess(line.length, 300_000);
});

test("a peer whose processes crash writes few lines to the log", async () => {
  const events = await logInWindow(() => {}, async () => {
    for (let i = 0; i < 20; i++) {
      const refs = await Promise.all(
        Array.from(
          { length: 20 },
          () => Node.spawnMonitor(KATE, Remote.crash, ["boom"]),
        ),
      );
      for (const { ref } of refs) await receive((m) => ref.equals(m?.ref));
    }
  });
  const crashes = events.filter(({ crash }) => crash !== undefined);
  assertEquals(crashes.length, OF_CAUSE);
  const messages = events.map(({ message }) => message);
  assertArrayIncludes(messages, [
    `${
      400 - OF_CAUSE
    } more of these: crashes of processes started by alex@localhost`,
  ]);
});

test("a peer that sends unexpected messages to servers writes few lines to the log", async () => {
  const events = await logInWindow(startSupervisor, async () => {
    const supervisor = { name: "supervisor", node: KATE };
    for (let i = 0; i < 1000; i++) send(supervisor, { i });
    await GenServer.call(supervisor, { type: "count_children" })
      .catch(() => {});
  });
  const unexpected = events.filter(({ message }) =>
    message.includes("received an unexpected message")
  );
  assertEquals(unexpected.length, OF_CAUSE);
  const more = events.flatMap(({ message }) =>
    /^(\d+) more of these: unexpected messages to Supervisor supervisor$/
      .exec(message)?.[1] ?? []
  );
  assertEquals(more, [`${1000 - OF_CAUSE}`]);
});

clusterTest("the status in a listener's answer is escaped", async (cluster) => {
  const events: LogEvent[] = [];
  const alex = await cluster.start("alex", {
    log: (event) => void events.push(event),
  });
  await using listener = await RawListener.listen();
  const connected = alex.run(() =>
    Node.connect(KATE, { address: listener.address })
  );
  await using peer = await listener.accept();
  await peer.hear();
  await peer.write(jsonFrame({ status: FORGED }));
  assertEquals(await connected, false);
  const warning = events.find(({ level }) => level === "warning")!;
  assertMatch(warning.message, /^Cannot connect to kate@localhost: .*forged/);
  assertEquals(
    STEERING.test(warning.message) || warning.message.includes("\n"),
    false,
  );
});

test("NodeLog.line() makes one line of several, of any length", () => {
  const events: LogEvent[] = [];
  const log = new NodeLog({
    node: FORGED,
    hook: (event) => void events.push(event),
    clock: systemClock,
  });
  log.line("warning", `Refused: ${FORGED}`);
  log.line("warning", () => "x".repeat(10_000_000));
  log.report("error", () => `first\nsecond ${FORGED}`);
  log.report("error", () => {
    throw new Error("cannot be described");
  });
  log.stop();
  assertEquals(events.length, 4);
  for (const { message } of events.slice(0, 2)) {
    assertEquals(STEERING.test(message) || message.includes("\n"), false);
    assertLess(message.length, 5000);
  }
  // The others follow below their first line.
  assertMatch(events[2].message, /^first\n {4}second x\n {4}\[error\] forged/);
  assertEquals(STEERING.test(events[2].message.replaceAll("\n", "")), false);
});

test("standardLog() writes no extra line for a node's name", async () => {
  const event: LogEvent = { level: "error", node: FORGED, message: "x" };
  for (const line of await written([event])) {
    assertEquals(line.indexOf("\n"), line.length - 1);
    assertEquals(STEERING.test(line.trimEnd()), false);
  }
});

/** A log in virtual time, and the events that it writes. */
function timedLog(): { log: NodeLog; events: LogEvent[]; clock: Timeline } {
  const events: LogEvent[] = [];
  const hook = (event: LogEvent) => void events.push(event);
  const clock = new Timeline();
  const log = new NodeLog({ node: "n@h", hook, clock });
  return { log, events, clock };
}

/** The number of events that lines stand for. */
function standFor(events: LogEvent[]): number {
  return events.reduce(
    (sum, { message }) =>
      sum + Number(/^(\d+) more of these: /.exec(message)?.[1] ?? 1),
    0,
  );
}

test("NodeLog writes or counts every event exactly once, at any times", () => {
  let limited = 0;
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.record({
            what: fc.constantFrom(undefined, "a", "b", "c"),
            peer: fc.constantFrom(undefined, undefined, "p", "q"),
            most: fc.constantFrom(undefined, 1, 3, 50),
            times: fc.integer({ min: 1, max: 120 }),
          }),
          fc.record({
            pass: fc.integer({ min: 1, max: 20_000 }),
            isBusy: fc.boolean(),
          }),
        ),
        { maxLength: 30, size: "max" },
      ),
      (steps) => {
        const { log, events, clock } = timedLog();
        let reported = 0;
        for (const step of steps) {
          if ("pass" in step) {
            // A busy program's timers fire late.
            if (step.isBusy) clock.time += step.pass;
            else clock.pass(step.pass);
            continue;
          }
          const { times, what, peer, most } = step;
          for (let i = 0; i < times; i++) {
            log.report(
              "error",
              () => "event",
              what && { what, peer, ...most && { most } },
            );
          }
          reported += times;
        }
        log.stop();
        assertEquals(clock.nextAt, undefined);
        if (events.some((each) => each.message !== "event")) limited++;
        assertEquals(standFor(events), reported);
      },
    ),
    { numRuns: runs(200) },
  );
  assert(limited > runs(200) / 10, `${limited} runs had a limit reached`);
});

test("NodeLog counts the events of causes beyond those that it tells apart", () => {
  const CAUSES = 1000;
  for (const peer of [undefined, "p"]) {
    for (const most of [1, 10]) {
      const { log, events, clock } = timedLog();
      let reported = 0;
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < CAUSES; i++) {
          const what = `cause ${i}`;
          log.report("error", () => "event", { what, most, peer });
          reported++;
        }
        clock.pass(5000);
      }
      log.stop();
      assertEquals(standFor(events), reported);
      assertLess(events.length, reported);
    }
  }
});

test("NodeLog writes an event after a window whose timer is late", () => {
  const { log, events, clock } = timedLog();
  const report = (text: string) =>
    log.report("error", () => text, { what: "a", most: 1 });
  report("one");
  report("two");
  clock.time += 3_600_000;
  report("three");
  log.stop();
  const messages = events.map(({ message }) => message);
  assertEquals(messages, ["one", "1 more of these: a", "three"]);
});

/** The number of events that a log writes of one kind, before it only counts them; their window is over after `ms`. */
function passes(ms: number, cause: (i: number) => LogCause): number {
  const { log, events, clock } = timedLog();
  const written = [0, ms - 1, 1].map((wait) => {
    clock.time += wait;
    events.length = 0;
    for (let i = 0; i < 2000; i++) log.report("error", () => "event", cause(i));
    return events.filter(({ message }) => message === "event").length;
  });
  log.stop();
  // A window later as many pass again, and no earlier.
  assertEquals(written, [written[0], 0, written[0]]);
  return written[0];
}

test("NodeLog writes as many events in a window as docs/security.md says", () => {
  assertEquals(passes(WINDOW, () => ({ what: "a" })), OF_CAUSE);
  assertEquals(passes(WINDOW, () => ({ what: "a", peer: "p" })), OF_CAUSE);
  const causes = (i: number) => ({ what: `${i % 200}`, peer: "p" });
  assertEquals(passes(WINDOW, causes), OF_PEER);
  const peers = (i: number) => ({ what: `${i % 80}`, peer: `p${i % 20}` });
  assertEquals(passes(WINDOW, peers), OF_PEERS);
});

test("a supervisor writes as many reports of one kind as docs/security.md says", async () => {
  const events = await logInWindow(async () => {
    const supervisor = await DynamicSupervisor.startLink();
    for (let i = 0; i <= OF_SUPERVISOR; i++) {
      await DynamicSupervisor.startChild(supervisor, {
        id: "child",
        start: () => spawnLink(() => Remote.crash("boom")),
        restart: "temporary",
      });
    }
  }, () => Promise.resolve());
  const reports = events.filter(({ supervisor }) => supervisor !== undefined);
  assertEquals(reports.length, OF_SUPERVISOR);
  assertMatch(
    events.at(-1)!.message,
    /^1 more of these: reports of Supervisor/,
  );
});

test("messages and lines of the log have as many characters as docs/security.md says, before a mark", async () => {
  const { log, events } = timedLog();
  for (const length of [MESSAGE, MESSAGE + 1, 2 * MESSAGE]) {
    log.report("error", () => "x".repeat(length));
  }
  for (const length of [LINE, LINE + 1, 2 * LINE]) {
    log.line("error", "x".repeat(length));
  }
  log.stop();
  const cut = "...".length;
  assertEquals(
    events.map(({ message }) => message.length),
    [MESSAGE, LINE].flatMap((most) => [most, most + cut, most + cut]),
  );
  const metadata = Object.fromEntries(
    Array.from({ length: 20 }, (_, i) => [`k${i}`, "x".repeat(VALUES / 10)]),
  );
  const line = await standardError(() =>
    jsonLog({ level: "info", node: KATE, message: "", metadata })
  );
  const shown = line.match(/x+/g)!.reduce((sum, each) => sum + each.length, 0);
  // The page says "about": names and quotes count, too.
  assertLess(Math.abs(shown - VALUES), VALUES / 100);
});

test("NodeLog writes a limited number of events per second, and reports how many more there were", () => {
  const { log, events, clock } = timedLog();
  let made = 0;
  const event = () => `event ${++made}`;
  for (let i = 0; i < IN_ALL + 200; i++) log.report("error", event);
  // Suppressed events are not even created.
  assertEquals([events.length, made], [IN_ALL, IN_ALL]);
  clock.pass(1000);
  assertEquals(events.at(-1)!.message, "200 more of these: events");
  // Events without a peer still pass when all peers have used their share.
  events.length = 0;
  for (let i = 0; i < 400; i++) {
    log.report("error", event, { what: `kind ${i}`, peer: `p${i % 10}` });
  }
  assertEquals(events.length, OF_PEERS);
  log.report("error", event);
  assertEquals(events.length, OF_PEERS + 1);
  log.stop();
  assertEquals(clock.nextAt, undefined);
});

clusterTest("hundreds of own crashes are logged", async (cluster) => {
  const events: LogEvent[] = [];
  const alex = await cluster.start("alex", {
    log: (event) => void events.push(event),
  });
  await alex.run(async () => {
    for (let i = 0; i < 300; i++) {
      const pid = spawn(() => {
        throw new Error(`crash ${i}`);
      });
      await reasonOf(pid);
    }
    const pid = spawn(() => receive());
    const ref = Process.monitor(pid);
    Process.exit(pid, "gone");
    await receive((m) => ref.equals(m?.ref));
  });
  assertEquals(events.filter(({ crash }) => crash !== undefined).length, 300);
});
