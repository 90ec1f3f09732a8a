/** The log of a node: messages of programs, levels, filters and hooks. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { configure, type LogRecord, reset } from "@logtape/logtape";
import { logtapeLog } from "../../../packages/observe/logtape.ts";
import {
  GenServer,
  jsonLog,
  type LogEvent,
  Logger,
  Node,
  type NodeOptions,
  Process,
  self,
  standardLog,
  textLog,
} from "../../../mod.ts";
import { setTracing } from "../../../packages/processes/context/tracing.ts";
import { standardError } from "../../_processes.ts";
import { test } from "../../../packages/testing/tags.ts";

/** A node without EPMD, and the events that it logs. */
async function logged(
  options: Partial<NodeOptions>,
  fn: () => unknown,
): Promise<LogEvent[]> {
  const events: LogEvent[] = [];
  await using node = await Node.start({
    name: "kate@localhost",
    cookie: "c",
    epmdPort: false,
    log: (event) => void events.push(event),
    ...options,
  });
  await node.run(fn);
  return events;
}

const Server = {
  name: "Server",
  init: () => ({ type: "ok", state: 0 } as const),
  handleCall(): never {
    throw new Error("boom");
  },
};

test("Logger has the process, its label and the metadata of a message", async () => {
  let pid: unknown;
  const [event] = await logged({}, () => {
    pid = self();
    Process.setLabel({ room: 1 });
    Logger.info(() => "an order has arrived", { order: 17 });
  });
  assertEquals(event, {
    level: "info",
    node: "kate@localhost",
    message: "an order has arrived",
    pid: pid as LogEvent["pid"],
    label: { room: 1 },
    metadata: { order: 17 },
  });
});

test("Logger builds no message below the node's level", async () => {
  let built = 0;
  const message = () => `${++built}`;
  const events = await logged({ logLevel: "warning" }, () => {
    Logger.debug(message);
    Logger.info(message);
    Logger.warning(message);
    Logger.setLevel("none");
    Logger.error(message);
    assertEquals(Logger.level(), "none");
    Logger.setLevel("debug");
    Logger.debug(message);
  });
  assertEquals(
    events.map(({ level, message }) => [level, message]),
    [["warning", "1"], ["debug", "2"]],
  );
});

test("logLevel applies to the events of the node itself", async () => {
  const fail = async () => {
    const server = await GenServer.start(Server, undefined);
    await GenServer.call(server, "x").catch(() => {});
  };
  const [crash] = await logged({}, fail);
  assertEquals(crash.pid, crash.crash?.pid);
  assertEquals(await logged({ logLevel: "none" }, fail), []);
});

test("a log filter drops and replaces events, and one that throws loses none", async () => {
  const events = await logged({
    logFilter: (event) =>
      event.message === "drop"
        ? false
        : event.message === "keep" || { ...event, message: "replaced" },
  }, () => {
    for (const each of ["drop", "keep", "secret"]) Logger.error(each);
    Logger.setFilter(undefined);
    Logger.error("secret");
  });
  assertEquals(events.map(({ message }) => message), [
    "keep",
    "replaced",
    "secret",
  ]);
  let kept: LogEvent[] = [];
  const text = await standardError(async () => {
    kept = await logged({}, () => {
      Logger.setFilter(() => {
        throw new Error("bad filter");
      });
      Logger.error("still here");
    });
  });
  assertStringIncludes(text, "bad filter");
  assertEquals(kept.map(({ message }) => message), ["still here"]);
});

test("a filter that returns no decision loses no event, and one that logs does not call itself", async () => {
  // The log handles a promise that rejects: an unhandled rejection would fail the test.
  const results = [
    () => undefined,
    () => Promise.reject(new Error("late")),
    () => ({ level: 1 }),
  ];
  let events: LogEvent[] = [];
  const text = await standardError(async () => {
    events = await logged({}, () => {
      for (const result of results) {
        Logger.setFilter(result as never);
        Logger.info("kept");
      }
      Logger.setFilter(() => {
        throw new Error("bad filter");
      });
      Logger.info("kept");
      Logger.setFilter(() => {
        Logger.info("from the filter");
        Logger.error("an error of the filter");
        return true;
      });
      Logger.info("kept");
      Logger.setFilter((event) => ({
        ...event,
        message: "first\n[error] forged",
      }));
      Logger.info("replaced");
    });
  });
  assertEquals(events.map(({ message }) => message), [
    ...Array(5).fill("kept"),
    "first\n    [error] forged",
  ]);
  assertStringIncludes(text, "Cannot filter the log: it returned undefined");
  assertStringIncludes(text, "Cannot filter the log: it returned { level: 1 }");
  assertEquals(text.match(/: an error of the filter$/gm)?.length, 1, text);
});

test("a log hook that logs does not call itself", async () => {
  let calls = 0;
  await standardError(async () => {
    await logged({
      log: (event) => {
        calls++;
        Logger.info(`again: ${event.message}`);
      },
    }, () => Logger.info("once"));
  });
  assertEquals(calls, 1);
});

test("Logger throws for no metadata, and no line is endless", async () => {
  const unreadable = () => {
    throw new Error("unreadable");
  };
  const getter = Object.defineProperty({ a: 1 }, "b", {
    get: unreadable,
    enumerable: true,
  });
  const all: Record<string, unknown>[] = [
    getter,
    new Proxy({}, { ownKeys: unreadable }),
    new Proxy({}, { get: unreadable, getPrototypeOf: unreadable }),
    Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, i])),
    { long: "x".repeat(1_000_000), ["a=1 trace=00"]: 1 },
  ];
  for (const log of [textLog, jsonLog]) {
    const text = await standardError(async () => {
      await logged({ log }, () => {
        for (const metadata of all) Logger.warning("m", metadata);
      });
    });
    const lines = text.trimEnd().split("\n");
    assertEquals(lines.length, all.length, text.slice(0, 2000));
    for (const line of lines) assert(line.length < 20_000, `${line.length}`);
    assertStringIncludes(text, "#Unreadable<>");
    if (log === textLog) assertStringIncludes(text, '"a=1 trace=00"=1');
  }
  // A label cannot look like the rest of the line.
  const forged = await standardError(async () => {
    await logged({ log: textLog }, () => {
      Process.setLabel("a): all is well");
      Logger.warning("m");
    });
  });
  assertStringIncludes(forged, '("a): all is well"): m');
});

test("an event has the trace of the code that logged it", async () => {
  const trace = {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
  };
  setTracing({
    current: () => `00-${trace.traceId}-${trace.spanId}-01`,
    run: (_span, _parent, fn) => fn(),
    within: (_trace, fn) => fn(),
  });
  try {
    const [event] = await logged({}, () => Logger.info("traced"));
    assertEquals(event.trace, trace);
    const text = await standardError(() => textLog(event));
    assertStringIncludes(text, ` trace=${trace.traceId}/${trace.spanId}\n`);
    const line = JSON.parse(await standardError(() => jsonLog(event)));
    assertEquals(line.trace, trace);
  } finally {
    setTracing(undefined);
  }
});

test("textLog() writes one line, whatever the label and metadata contain", async () => {
  const [event] = await logged({}, () => {
    Process.setLabel("a\nb\x1b[31m");
    Logger.debug("first\nsecond", { "key\n": "value\n[error] forged" });
  });
  const text = await standardError(() => textLog(event));
  assertEquals(text.split("\n").length, 3, text);
  assertEquals(text.includes("\x1b"), false);
  assertEquals(text.includes("\n[error]"), false);
  assertStringIncludes(text, `[debug] kate@localhost ${event.pid} ("a`);
  assertEquals(await standardError(() => standardLog(event)), "");
  const line = JSON.parse(await standardError(() => jsonLog(event)));
  assertEquals(line.pid.text, String(event.pid));
  assertEquals(line.label, "a\nb\x1b[31m");
});

test("logtapeLog() passes events to LogTape, with levels and properties", async () => {
  const records: LogRecord[] = [];
  await configure({
    reset: true,
    sinks: {
      records: (record) => {
        records.push(record);
        if (record.level === "error") throw new Error("a sink that fails");
      },
    },
    loggers: [
      { category: ["app"], lowestLevel: "info", sinks: ["records"] },
      { category: ["logtape", "meta"], lowestLevel: "fatal" },
    ],
  });
  try {
    await logged({ log: logtapeLog({ category: ["app"] }) }, () => {
      Process.setLabel("orders");
      Logger.debug("below");
      Logger.info("with {braces}", { order: 17 });
      Logger.warning("late");
      Logger.error("a sink that fails loses no node");
    });
    assertEquals(
      records.map(({ level, category, message }) => [
        level,
        category,
        message.join(""),
      ]),
      [
        ["info", ["app", "kate@localhost"], "with {braces}"],
        ["warning", ["app", "kate@localhost"], "late"],
        ["error", ["app", "kate@localhost"], "a sink that fails loses no node"],
      ],
    );
    const [{ properties }] = records;
    assertEquals([properties.label, properties.metadata], ["orders", {
      order: 17,
    }]);
  } finally {
    await reset();
  }
});
