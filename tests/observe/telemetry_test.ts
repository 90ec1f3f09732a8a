/** Traces and metrics: one trace across calls, sends, tasks, spawns and rpc, on one node and over both wires. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "npm:@opentelemetry/context-async-hooks@^2";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "npm:@opentelemetry/sdk-trace-base@^2";
import {
  Agent,
  atom,
  GenServer,
  global,
  type LogEvent,
  Logger,
  Node,
  type Pid,
  Process,
  receive,
  rpc,
  self,
  send,
  spawn,
  Task,
  TaskSupervisor,
} from "../../mod.ts";
import { Entities, Entity, memoryStore } from "../../packages/entities/mod.ts";
import { Telemetry } from "../../packages/observe/telemetry.ts";
import { tracing } from "../../packages/processes/context/tracing.ts";
import { elixirPairTest } from "../_elixir_pair.ts";
import { type Cluster, clusterTest } from "../_nodes.ts";
import { rawTest } from "../_raw_peer.ts";
import { test } from "../../packages/testing/tags.ts";
import { until } from "../_until.ts";

const exporter = new InMemorySpanExporter();
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(
  new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  }),
);

/** The spans that end while a function runs as the program's root span. */
async function traced(fn: () => Promise<unknown>): Promise<ReadableSpan[]> {
  exporter.reset();
  Telemetry.start({ metrics: false });
  const root = trace.getTracer("test").startSpan("root");
  try {
    await context.with(trace.setSpan(context.active(), root), fn);
  } finally {
    root.end();
    Telemetry.stop();
  }
  const { traceId } = root.spanContext();
  const spans = exporter.getFinishedSpans();
  // All are part of one trace.
  assertEquals(
    spans.filter((each) => each.spanContext().traceId !== traceId)
      .map(({ name }) => name),
    [],
  );
  return spans;
}

/** The traces of the calls of `fn` that servers of the module Hop handle, with telemetry on. */
async function tracesOf(
  callback: string,
  fn: () => Promise<unknown>,
): Promise<string[]> {
  exporter.reset();
  Telemetry.start({ metrics: false });
  try {
    await fn();
  } finally {
    Telemetry.stop();
  }
  return exporter.getFinishedSpans()
    .filter(({ name }) => name === `Hop.${callback}`)
    .map((each) => each.spanContext().traceId);
}

/** The last span of a name. */
function named(spans: ReadableSpan[], name: string): ReadableSpan | undefined {
  return spans.findLast((each) => each.name === name);
}

/** The names of a span's ancestors, nearest first. */
function ancestors(spans: ReadableSpan[], name: string): string[] {
  const byId = new Map(spans.map((each) => [each.spanContext().spanId, each]));
  const names: string[] = [];
  let at = named(spans, name)?.parentSpanContext;
  while (at !== undefined) {
    const parent = byId.get(at.spanId);
    names.push(parent?.name ?? "?");
    at = parent?.parentSpanContext;
  }
  return names;
}

/** A server that calls the next one, if it has one. */
const Hop = {
  name: "Hop",
  init: (next: unknown) => ({ type: "ok", state: next } as const),
  handleCall: async (request: unknown, _from: unknown, next: unknown) => {
    const reply = next === undefined
      ? request
      : await GenServer.call(next as never, request);
    return { type: "reply", reply, state: next } as const;
  },
  handleCast: (to: unknown, next: unknown) => {
    send(to as never, "cast");
    return { type: "noreply", state: next } as const;
  },
  handleInfo: ({ to }: { to?: Pid }, next: unknown) => {
    if (to !== undefined) send(to, "info");
    return { type: "noreply", state: next } as const;
  },
};

const Remote = {
  add: (a: number, b: number) => a + b,
  start: async (next?: unknown) =>
    await GenServer.start(Hop, next, { name: "Hop" }),
  work: async () => await GenServer.call("Hop", "from a task"),
  tell: (to: never) => void send(to, Node.self()),
};

async function pair(cluster: Cluster, wire: "json" | "beam") {
  const options = { modules: { Remote }, wires: [wire] };
  const [kate, alex] = await cluster.startAll(["kate", "alex"], options);
  return { alex, kate };
}

test("a call, a cast, a send, a task, an agent and a spawn continue a trace", async () => {
  await Node.run(async () => {
    const last = await GenServer.start(Hop, undefined);
    const first = await GenServer.start({ ...Hop, name: "First" }, last);
    const agent = await Agent.start(() => 1);
    const spans = await traced(async () => {
      await GenServer.call(first, "hi");
      GenServer.cast(first, self());
      assertEquals(await receive(), "cast");
      send(first, { to: self() });
      assertEquals(await receive(), "info");
      await Task.await(Task.async(function work() {
        return GenServer.call(last, "task");
      }));
      await Agent.get(agent, (state) => state);
      const me = self();
      spawn(async function child() {
        await GenServer.call(last, "spawned");
        send(me, "done");
      });
      assertEquals(await receive(), "done");
    });
    assertEquals(ancestors(spans, "First.handleCall"), [
      "GenServer.call",
      "root",
    ]);
    assertEquals(ancestors(spans, "First.handleCast"), ["root"]);
    assertEquals(ancestors(spans, "First.handleInfo"), ["root"]);
    assertEquals(ancestors(spans, "task work"), ["root"]);
    assertEquals(ancestors(spans, "Agent.get"), ["root"]);
    assert(spans.some(({ name }) => name.startsWith("spawn child")));
    await GenServer.stop(first);
    await GenServer.stop(last);
    await Agent.stop(agent);
  });
});

for (const wire of ["json", "beam"] as const) {
  clusterTest(`one trace over nodes by the ${wire} wire`, async (cluster) => {
    const { alex, kate } = await pair(cluster, wire);
    await kate.run(async () => {
      await Remote.start();
      spawn(async () => {
        await TaskSupervisor.startLink({ name: "Tasks" });
        await receive(() => false);
      });
      await until(() => Process.whereis("Tasks") !== undefined);
    });
    await alex.run(async () => {
      // The node is dialled for a message without a trace; a signal that waits keeps its own.
      const hop = { name: "Hop", node: kate.name };
      send(hop, { to: self() });
      const spans = await traced(async () => {
        assertEquals(await GenServer.call(hop, "hi"), "hi");
        assertEquals(await receive(), "info");
        GenServer.cast(hop, self());
        assertEquals(await receive(), "cast");
        send(hop, { to: Process.alias() });
        assertEquals(await receive(), "info");
        assertEquals(await rpc.call(kate.name, ["Remote", "add"], [1, 2]), 3);
        await Node.spawn(kate.name, ["Remote", "tell"], [self()]);
        assertEquals(await receive(), kate.name);
        const task = await TaskSupervisor.async(
          { name: "Tasks", node: kate.name },
          ["Remote", "work"],
        );
        assertEquals(await Task.await(task), "from a task");
      });
      const calls = spans.filter(({ name }) => name === "Hop.handleCall");
      assertEquals(calls.length, 2);
      assertEquals(ancestors(spans, "Hop.handleCast"), ["root"]);
      assertEquals(ancestors(spans, "Hop.handleInfo"), ["root"]);
      assertEquals(ancestors(spans, "rpc Remote.add/2").at(-1), "root");
      assertStringIncludes(
        ancestors(spans, "rpc Remote.add/2").join(),
        "rpc.call Remote.add",
      );
      assertEquals(ancestors(spans, "spawn Remote.tell/1"), ["root"]);
      // On Erlang's wire, the supervisor gets the work when the task runs.
      const taskName = wire === "json"
        ? "task Remote.work/0"
        : "task Task.Supervised";
      assertEquals(ancestors(spans, taskName), ["root"]);
      // The call of the task is the last one of that name.
      assertEquals(ancestors(spans, "Hop.handleCall"), [
        "GenServer.call",
        taskName,
        "root",
      ]);
    });
  });
}

clusterTest(
  "the trace of a caller goes on in an entity on another node",
  async (cluster) => {
    const { alex, kate } = await pair(cluster, "json");
    const Room = Entity.define("room", {
      state: () => ({ members: 0 }),
      join: (room) => ++room.state.members,
    });
    const store = memoryStore();
    const types = [Room];
    await kate.run(async () => {
      await Entities.startLink({ types, store, shards: 1 });
      await Room.get("r1").join();
      await alex.run(async () => {
        await Entities.startLink({ types, store, shards: 1, hosts: false });
        const spans = await traced(() => Room.get("r1").join());
        assertEquals(ancestors(spans, "room.handleCall"), [
          ...["GenServer.call", "room.join", "root"],
        ]);
      });
    });
  },
);

clusterTest("an unsent message leaves no trace behind", async (cluster) => {
  const { alex, kate } = await pair(cluster, "json");
  await kate.run(() => Remote.start());
  await alex.run(async () => {
    const hop = { name: "Hop", node: kate.name };
    assertEquals(await GenServer.call(hop, "connected"), "connected");
    const spans = await traced(async () => {
      const unsendable = { unsendable: () => {} };
      assertThrows(() => send(hop, unsendable), TypeError);
      await assertRejects(() => GenServer.call(hop, unsendable), TypeError);
      await assertRejects(
        () => Node.spawn(kate.name, ["Remote", "tell"], [unsendable as never]),
        TypeError,
      );
      await context.with(ROOT_CONTEXT, async () => {
        send(hop, { to: self() });
        assertEquals(await receive(), "info");
      });
    });
    assertEquals(spans.map(({ name }) => name), ["GenServer.call", "root"]);
    assertEquals(await GenServer.call(hop, "afterwards"), "afterwards");
  });
});

clusterTest("a term in two mailboxes has no trace", async (cluster) => {
  const node = await cluster.start("kate");
  await node.run(async () => {
    const servers: Pid[] = [];
    for (const name of ["A", "B"]) {
      servers.push(await GenServer.start({ ...Hop, name }, undefined));
    }
    const spans = await traced(async () => {
      const tick = atom("tick");
      // The last one must not continue the trace of the first one.
      for (const server of servers) {
        const span = trace.getTracer("test").startSpan("part");
        context.with(trace.setSpan(context.active(), span), () => {
          send(server, tick);
        });
        span.end();
      }
      await context.with(ROOT_CONTEXT, async () => {
        for (const server of servers) await GenServer.stop(server);
      });
    });
    assertEquals(
      spans.map(({ name }) => name).filter((name) => name !== "part"),
      ["root"],
    );
  });
});

rawTest("old traces of a peer are forgotten", async (peer) => {
  const server = await GenServer.start(Hop, undefined);
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const of = (sender: number) => [
    "trace",
    sender,
    `00-${traceId}-b7ad6b7169203331-01`,
  ];
  const said = (sender: number) => [
    "send",
    sender,
    server.number,
    { from: sender },
  ];
  const traces = await tracesOf("handleInfo", async () => {
    // A trace without a message; 100,000 senders, of which the last ones are known.
    for (let first = 0; first < 100_000; first += 1000) {
      await peer.say(Array.from({ length: 1000 }, (_, i) => of(first + i + 1)));
    }
    await peer.say([
      said(1),
      said(99_999),
      of(5),
      ["trace", 5, null],
      said(5),
      ["trace", 6, null],
      said(6),
      of(7),
      ["send", 7, self().number, "mine", "another"],
      ["send", 8, self().number, "last"],
    ]);
    for (const each of ["mine", "another", "last"]) {
      assertEquals(await receive(), each);
    }
    await GenServer.stop(server);
  });
  assertEquals(traces, [traceId]);
});

const ECHO = `
defmodule Middle do
  use GenServer
  def init(to), do: {:ok, to}
  def handle_call(request, _from, to), do: {:reply, GenServer.call(to, request), to}
end
`;

elixirPairTest("Elixir's server passes traces on", async ({ alex, kate }) => {
  await alex.run(() => GenServer.start(Hop, undefined, { name: "Hop" }));
  await kate.evaluate(ECHO);
  await kate.evaluate(
    "GenServer.start(Middle, {Hop, :alex@localhost}, name: Middle)",
  );
  const spans = await traced(async () => {
    const middle = { name: "Middle", node: kate.name };
    assertEquals(await GenServer.call(middle, "hi"), "hi");
  });
  assertEquals(ancestors(spans, "Hop.handleCall"), ["GenServer.call", "root"]);
});

elixirPairTest("a trace token of Elixir's own", async ({ alex, kate }) => {
  await alex.run(() => GenServer.start(Hop, undefined, { name: "Hop" }));
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const traces = await tracesOf("handleCall", async () => {
    for (
      const label of [
        "17",
        '"nothing"',
        "{:a, [1.5]}",
        `"00-${traceId}-b7ad6b7169203331-01"`,
      ]
    ) {
      const code = `:seq_trace.set_token(:label, ${label})
          reply = GenServer.call({Hop, :alex@localhost}, "hi")
          send({Hop, :alex@localhost}, :hello)
          Node.spawn(:alex@localhost, :erlang, :self, [])
          :seq_trace.set_token([])
          reply`;
      assertEquals(await kate.evaluate(code), '"hi"');
    }
  });
  assertEquals(Node.list("connected"), [kate.name]);
  assertEquals(traces, [traceId]);
});

clusterTest("the library's processes continue no trace", async (cluster) => {
  const node = await cluster.start("kate");
  await node.run(async () => {
    const stuck = await GenServer.start({
      name: "Stuck",
      init: () => ({ type: "ok", state: 0 } as const),
      handleCall: (to: unknown) => {
        send(to as Pid, "running");
        return receive<never>(() => false);
      },
    }, undefined);
    const spans = await traced(async () => {
      await global.registerName("me", self());
      const me = self();
      const task = Task.async(() => {
        send(me, "running");
        return receive(() => false);
      });
      await receive();
      await Task.shutdown(task, "brutal_kill");
      const call = GenServer.call(stuck, me).catch(() => {});
      await receive();
      Process.exit(stuck, "kill");
      await call;
    });
    const names = spans.map(({ name }) => name);
    assertEquals(names.sort(), [
      "GenServer.call",
      "Stuck.handleCall",
      "root",
      "task a function",
    ]);
    assertEquals(spans.map(({ status }) => status.code).sort(), [0, 2, 2, 2]);
  });
});

clusterTest("a failed call is an error of its span", async (cluster) => {
  const node = await cluster.start("kate");
  await node.run(async () => {
    const server = await GenServer.start({
      name: "Failing",
      init: () => ({ type: "ok", state: 0 } as const),
      handleCall: (): never => {
        throw new Error("boom");
      },
    }, undefined);
    const spans = await traced(async () => {
      await GenServer.call(server, "x").catch(() => {});
    });
    const { status } = named(spans, "GenServer.call")!;
    assertEquals(status.code, 2);
    assertStringIncludes(status.message!, "boom");
  });
});

test("a log event has the trace of the code that logs it", async () => {
  const events: LogEvent[] = [];
  await using node = await Node.start({
    name: "traced@localhost",
    cookie: "c",
    epmdPort: false,
    log: (event) => void events.push(event),
  });
  await node.run(async () => {
    const spans = await traced(() => {
      Logger.info("traced");
      return Promise.resolve();
    });
    const { traceId, spanId } = named(spans, "root")!.spanContext();
    const event = events.find(({ message }) => message === "traced");
    assertEquals(event?.trace, { traceId, spanId });
  });
});

test("nothing is traced while telemetry is off", async () => {
  exporter.reset();
  assertEquals(tracing, undefined);
  await Node.run(async () => {
    const server = await GenServer.start(Hop, undefined);
    await GenServer.call(server, "hi");
    await GenServer.stop(server);
  });
  assertEquals(exporter.getFinishedSpans(), []);
});
