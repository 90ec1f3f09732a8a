import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { ExitError } from "../errors.ts";
import {
  GenServer,
  type GenServerModule,
  type GenServerPid,
} from "../gen_server.ts";
import { Node } from "../node.ts";
import {
  alive,
  exit,
  isExit,
  monitor,
  type Pid,
  receive,
  self,
  send,
  sleep,
  spawn,
  spawnLink,
  trapExit,
  whereis,
} from "../process.ts";
import { Supervisor } from "../supervisor.ts";
import {
  exitOf,
  nodeTest,
  Probe,
  Servers,
  Stack,
  type StackTypes,
} from "./_gen_servers.ts";
import { clusterTest, pairTest, part } from "./_nodes.ts";
import { ended, idle, mail, processTest } from "./_processes.ts";

const KATE = "kate@localhost";

/** A server that runs what it is told to, and whose state is a list. */
function runner(
  callbacks: Partial<GenServerModule>,
  options: { name?: string } = {},
): Promise<Pid> {
  return GenServer.startLink(
    {
      init: () => ({ type: "ok", state: [] }),
      ...callbacks,
    },
    undefined,
    options,
  );
}

// call() and cast()

processTest(
  "call() and cast() are taken in the order in which they were sent",
  async () => {
    const pid = await GenServer.startLink(Stack, ["a"]);
    GenServer.cast(pid, { type: "push", item: "b" });
    const first = GenServer.call(pid, "pop");
    GenServer.cast(pid, { type: "push", item: "c" });
    assertEquals(await first, "b");
    assertEquals(await GenServer.call(pid, "all"), ["c", "a"]);
    assertEquals(await GenServer.stop(pid), "ok");
  },
);

processTest(
  "call() waits for a server that takes its time, and no message overtakes it",
  async () => {
    const seen: unknown[] = [];
    const pid = await runner({
      async handleCall(request, _from, state) {
        seen.push(`begin ${request}`);
        await new Promise((resolve) => setTimeout(resolve, 1));
        seen.push(`end ${request}`);
        return { type: "reply", reply: request, state };
      },
      handleCast(request, state) {
        seen.push(`cast ${request}`);
        return { type: "noreply", state };
      },
    });
    const calls = [GenServer.call(pid, 1), GenServer.call(pid, 2)];
    GenServer.cast(pid, 3);
    assertEquals(await Promise.all(calls), [1, 2]);
    await GenServer.stop(pid);
    assertEquals(seen, ["begin 1", "end 1", "begin 2", "end 2", "cast 3"]);
  },
);

processTest("call() copies the request and the reply", async () => {
  const state = { list: [1] };
  const pid = await GenServer.startLink({
    init: (arg: typeof state) => ({ type: "ok", state: arg }),
    handleCall(_request, _from, state) {
      return { type: "reply", reply: state, state };
    },
  }, state);
  const reply = await GenServer.call(pid, "state");
  assertEquals(reply, { list: [1] });
  reply.list.push(2);
  state.list.push(3);
  assertEquals(await GenServer.call(pid, "state"), { list: [1] });
  await GenServer.stop(pid);
});

processTest(
  "call() exits with noproc if nobody is there, in the words of the call",
  async () => {
    const dead = spawn(() => {});
    await ended(dead);
    for (const server of [dead, "Nobody"]) {
      assertEquals(
        await exitOf(GenServer.call(server, "hi", { timeout: 10 })),
        {
          type: "call",
          reason: "noproc",
          call: ["GenServer", "call", [server, "hi", 10]],
        },
      );
    }
    const error = await assertRejects(
      () => GenServer.call("Nobody", "hi", { timeout: Infinity }),
      ExitError,
      `exited in: GenServer.call("Nobody", "hi", "infinity")\n    ** (EXIT) no process`,
    );
    assertMatch(
      error.message,
      /possibly because its application isn't started/,
    );
  },
);

processTest(
  "call() exits with the reason of a server that ends before it has replied",
  async () => {
    for (
      const [request, reason] of [
        [{ type: "stop", reason: "normal" }, "normal"],
        [{ type: "stop", reason: "shutdown" }, "shutdown"],
        [{ type: "exit", reason: "normal" }, "normal"],
      ] as const
    ) {
      const pid = await GenServer.start(Probe, { to: self() });
      assertEquals((await exitOf(GenServer.call(pid, request))).reason, reason);
      assertFalse(alive(pid));
      assertEquals((await receive()).reason, reason);
    }
  },
);

processTest(
  "call() exits when the time is up, and a late reply is dropped",
  async () => {
    const pid = await GenServer.startLink(Probe, { to: self() });
    const reason = await exitOf(GenServer.call(pid, "nothing", { timeout: 5 }));
    assertEquals(reason, {
      type: "call",
      reason: "timeout",
      call: ["GenServer", "call", [pid, "nothing", 5]],
    });
    const { from } = await receive((m) => m.type === "from");
    assertEquals(GenServer.reply(from, "late"), "ok");
    // What is sent behind the reply comes, and the reply does not.
    assertEquals(await GenServer.call(pid, { type: "say", what: 1 }), 1);
    await GenServer.stop(pid);
    assertEquals((await mail()).length, 1);
  },
);

processTest("call() of a server to itself exits at once", async () => {
  const pid = await runner({
    async handleCall(_request, _from, state) {
      const { reason } = await assertRejects(
        () => GenServer.call(self(), "again"),
        ExitError,
      );
      return { type: "reply", reply: reason, state };
    },
  });
  assertEquals(await GenServer.call(pid, "go"), {
    type: "call",
    reason: "calling_self",
    call: ["GenServer", "call", [pid, "again", 5000]],
  });
  await GenServer.stop(pid);
});

processTest("call() and the starts refuse a timeout that is not one", () => {
  for (const timeout of [-1, NaN, "1" as unknown as number]) {
    const error = typeof timeout === "number" ? RangeError : TypeError;
    const message = "give milliseconds, 0 or more, or Infinity";
    assertThrows(
      () => GenServer.call("Nobody", 1, { timeout }),
      error,
      message,
    );
    assertThrows(
      () => GenServer.start(Stack, [], { timeout }),
      error,
      message,
    );
  }
});

processTest("call() refuses what is no server", () => {
  const message = "give a pid, a name, { name, node }";
  for (const server of [undefined, null, 1, {}, { name: "a" }, { via: {} }]) {
    assertThrows(() => GenServer.call(server as never, 1), TypeError, message);
  }
  const start = GenServer.start(Stack, []);
  assertThrows(
    () => GenServer.cast(start as never, 1),
    TypeError,
    "Cannot reach the server #Promise {}",
  );
  return start.then(async (pid) => void await GenServer.stop(pid));
});

processTest("cast() to nobody is ok", () => {
  assertEquals(GenServer.cast("Nobody", 1), "ok");
  assertEquals(GenServer.cast({ name: "Nobody", node: Node.self() }, 1), "ok");
});

pairTest(
  "call() reaches a server of another node by pid and by name",
  async () => {
    await Node.spawn(KATE, ["Servers", "stack"], ["stack", ["a", "b"], self()]);
    const pid = await receive();
    assertEquals(
      await GenServer.call({ name: "stack", node: KATE }, "pop"),
      "a",
    );
    GenServer.cast({ name: "stack", node: KATE }, { type: "push", item: "c" });
    assertEquals(await GenServer.call(pid, "pop"), "c");
    assertEquals(await GenServer.whereis({ name: "stack", node: KATE }), {
      name: "stack",
      node: KATE,
    });
    assertEquals(await GenServer.stop({ name: "stack", node: KATE }), "ok");
    assertEquals(await exitOf(GenServer.call(pid, "pop")), {
      type: "call",
      reason: "noproc",
      call: ["GenServer", "call", [pid, "pop", 5000]],
    });
  },
  { kate: { modules: { Servers } } },
);

pairTest(
  "call() exits with nodedown when the node goes, and when it is not there",
  async ({ alex, kate }) => {
    await Node.spawn(KATE, ["Servers", "probe"], ["probe", self()]);
    const pid = await receive();
    const pending = exitOf(
      GenServer.call(pid, "nothing", { timeout: Infinity }),
    );
    await receive((m) => m.type === "from");
    await part(alex, kate);
    assertEquals(await pending, {
      type: "call",
      reason: { type: "nodedown", node: KATE },
      call: ["GenServer", "call", [pid, "nothing", "infinity"]],
    });
    const server = { name: "probe", node: "nobody@localhost" };
    assertEquals((await exitOf(GenServer.call(server, 1))).reason, {
      type: "nodedown",
      node: "nobody@localhost",
    });
    assertEquals((await exitOf(GenServer.stop(server))).reason, {
      type: "call",
      reason: { type: "nodedown", node: "nobody@localhost" },
      call: ["sys", "terminate", [server, "normal", "infinity"]],
    });
    assertEquals(GenServer.cast(server, 1), "ok");
  },
  { kate: { modules: { Servers } } },
);

// reply()

pairTest(
  "reply() answers from another process, on another node as well",
  async () => {
    const pid = await GenServer.startLink(Probe, { to: self() });
    const here = GenServer.call(pid, "nothing");
    const { from } = await receive();
    spawnLink(() => {
      GenServer.reply(from, "here");
    });
    assertEquals(await here, "here");
    const there = GenServer.call(pid, "nothing");
    await Node.spawn(KATE, ["Servers", "reply"], [(await receive()).from, 2]);
    assertEquals(await there, 2);
    await GenServer.stop(pid);
  },
  { kate: { modules: { Servers } } },
);

processTest("reply() refuses what is not the caller of a call", () => {
  assertThrows(
    () => GenServer.reply(undefined as never, 1),
    TypeError,
    "Cannot reply to undefined: give what handleCall got",
  );
});

// init

processTest(
  "startLink() waits for init, which runs in the new process under its name",
  async () => {
    const parent = self();
    const pid = await GenServer.startLink(
      {
        async init() {
          await new Promise((resolve) => setTimeout(resolve, 1));
          send(parent, [self(), whereis("Server")]);
          return { type: "ok", state: 0 };
        },
      },
      undefined,
      { name: "Server" },
    );
    assertEquals(await receive(), [pid, pid]);
    await GenServer.stop("Server");
    assertEquals(await GenServer.whereis("Server"), undefined);
  },
);

processTest(
  "startLink() exits with the reason with which init stops, and leaves nothing",
  async () => {
    trapExit(true);
    const Failing: GenServerModule<{ arg: unknown }> = {
      init: (reason) => ({ type: "stop", reason }),
    };
    const start = () =>
      GenServer.startLink(Failing, "oops", { name: "Failing" });
    assertEquals(await exitOf(start()), "oops");
    assertEquals(whereis("Failing"), undefined);
    assertEquals(await mail(), []);
    trapExit(false);
    const starter = spawn(async () => void await start());
    assertEquals(await ended(starter), "oops");
  },
);

nodeTest(
  "start() exits with what init throws, and with an exit of init",
  async () => {
    const error = await exitOf(GenServer.start({
      init() {
        throw new RangeError("no room");
      },
    }, undefined));
    assertMatch(String(error), /RangeError: no room/);
    assertEquals(
      await exitOf(GenServer.start({ init: () => exit("full") }, undefined)),
      "full",
    );
    assertEquals(
      await exitOf(
        GenServer.start({ init: () => 1 } as unknown as GenServerModule, 0),
      ),
      { type: "bad_return_value", value: 1 },
    );
  },
);

processTest(
  "startLink() gives ignore, and its process has ended then, normally",
  async () => {
    trapExit(true);
    let pid: Pid | undefined;
    const Lazy: GenServerModule<{ ignore: true }> = {
      init() {
        pid = self();
        return "ignore";
      },
    };
    assertEquals(
      await GenServer.startLink(Lazy, undefined, { name: "Lazy" }),
      "ignore",
    );
    assertFalse(alive(pid!));
    assertEquals(whereis("Lazy"), undefined);
    assertEquals(await mail(), []);
    trapExit(false);
    assertEquals(await GenServer.startLink(Lazy, undefined), "ignore");
  },
);

processTest(
  "startLink() kills a server whose init takes too long",
  async () => {
    let pid: Pid | undefined;
    const Slow: GenServerModule = {
      init() {
        pid = self();
        return receive(() => false);
      },
    };
    // The caller, which does not trap exits, lives on.
    const start = () => GenServer.startLink(Slow, undefined, { timeout: 1 });
    assertEquals(await exitOf(start()), "timeout");
    assertFalse(alive(pid!));
  },
);

processTest(
  "startLink() under a name that is taken says who has it",
  async () => {
    const pid = await GenServer.startLink(Stack, [], { name: "Stack" });
    assertEquals(
      await exitOf(GenServer.startLink(Stack, [], { name: "Stack" })),
      { type: "already_started", pid },
    );
    await GenServer.stop(pid);
  },
);

processTest("start() refuses what is no callback module", () => {
  assertThrows(
    () => GenServer.start({} as GenServerModule, 0),
    TypeError,
    "Cannot start a GenServer of {}: a callback module has a function init(arg)",
  );
});

processTest(
  "start() links nobody: the server outlives its starter, and gets its EXIT as a message",
  async () => {
    const to = self();
    const starter = spawn(async () => {
      send(to, await GenServer.start(Probe, { to, trap: true }));
    });
    const pid = await receive();
    await ended(starter);
    assert(alive(pid));
    exit(pid, "please");
    const { info } = await receive();
    assertEquals([info.type, info.reason], ["EXIT", "please"]);
    await GenServer.stop(pid);
    assertEquals((await receive()).type, "terminate");
  },
);

// Results of callbacks

processTest("continue comes before any message, after the reply", async () => {
  const seen: unknown[] = [];
  const pid = await runner({
    init() {
      send(self(), "early");
      return { type: "ok", state: 0, continue: "first" };
    },
    handleContinue(value, state) {
      seen.push(value);
      return value === "first"
        ? { type: "noreply", state, continue: "second" }
        : { type: "noreply", state };
    },
    handleInfo(message, state) {
      seen.push(message);
      return { type: "noreply", state };
    },
    handleCall(request, _from, state) {
      return { type: "reply", reply: request, state, continue: "called" };
    },
    async handleCast(_request, state) {
      await 0;
      return { type: "noreply", state, continue: "cast" };
    },
  });
  assertEquals(await GenServer.call(pid, "call"), "call");
  GenServer.cast(pid, "cast");
  send(pid, "late");
  await GenServer.stop(pid);
  assertEquals(seen, ["first", "second", "early", "called", "cast", "late"]);
});

processTest(
  "timeout gives handleInfo a message, unless one comes before",
  async () => {
    const parent = self();
    const pid = await runner({
      init: () => ({ type: "ok", state: [], timeout: 1 }),
      handleInfo(message, state) {
        send(parent, message);
        return message === "wait"
          ? { type: "noreply", state, timeout: 10_000 }
          : { type: "noreply", state };
      },
      handleCall: (request, _from, state) => ({
        type: "reply",
        reply: request,
        state,
        timeout: 0,
      }),
    });
    assertEquals(await receive(), "timeout");
    send(pid, "wait");
    send(pid, "more");
    assertEquals([await receive(), await receive()], ["wait", "more"]);
    assertEquals(await GenServer.call(pid, 1), 1);
    assertEquals(await receive(), "timeout");
    await GenServer.stop(pid);
  },
);

nodeTest(
  "a callback that gives no result ends the server, and one that throws a result gives it",
  async (cluster) => {
    const to = self();
    const pid = await GenServer.start(Probe, { to });
    const reply = { type: "reply", reply: 1, state: { to, said: ["thrown"] } };
    assertEquals(await GenServer.call(pid, { type: "throw", value: reply }), 1);
    assertEquals(
      (await exitOf(GenServer.call(pid, { type: "throw", value: "up" })))
        .reason,
      { type: "bad_return_value", value: "up" },
    );
    assertEquals(await receive(), {
      type: "terminate",
      reason: { type: "bad_return_value", value: "up" },
      said: ["thrown"],
    });
    assertMatch(await cluster.logged(/terminating/), /bad return value: "up"/);
    const Mute: GenServerModule = {
      init: () => ({ type: "ok", state: 0, timeout: -1 }),
    };
    assertEquals(
      (await exitOf(GenServer.start(Mute, 0))).type,
      "bad_return_value",
    );
  },
);

nodeTest("a result without a state is none", async (cluster) => {
  const results = [
    { type: "reply", reply: 1 },
    { type: "noreply" },
    { type: "stop", reason: "normal" },
    { type: "stop", reason: "normal", reply: 1 },
  ];
  const Forgetful = {
    init: (state) => ({ type: "ok", state }),
    handleCall: (result) => result,
  } as GenServerModule;
  for (const value of results) {
    const pid = await GenServer.start(Forgetful, 1);
    assertEquals(
      (await exitOf(GenServer.call(pid, value))).reason,
      { type: "bad_return_value", value },
    );
    await cluster.logged(/terminating/);
  }
  const pid = await GenServer.start(Forgetful, 1);
  const whole = { type: "reply", reply: 1, state: undefined };
  assertEquals(await GenServer.call(pid, whole), 1);
  await GenServer.stop(pid);
  assertEquals(
    await exitOf(GenServer.start({
      init: () => ({ type: "ok" }),
    } as unknown as GenServerModule, 0)),
    { type: "bad_return_value", value: { type: "ok" } },
  );
});

interface NamedTypes {
  state: number;
  call:
    | ["read", number]
    | [{ type: "add"; by: number }, "ok"]
    | [[name: "times", by: number], bigint];
}

/** A server with a handler for each request. */
class Named {
  static readonly unit = 10;
  static init(): { type: "ok"; state: number } {
    return { type: "ok", state: 1 };
  }
  static readonly handleCall: GenServerModule<NamedTypes>["handleCall"] = {
    read: (_read, _from, state) => ({ type: "reply", reply: state, state }),
    add: ({ by }, _from, state) => ({
      type: "reply",
      reply: "ok",
      state: state + by,
    }),
    async times(this: typeof Named, [, by], _from, state) {
      await sleep(0);
      return { type: "reply", reply: BigInt(state * by * this.unit), state };
    },
  };
}

nodeTest("handleCall may have a handler for each request", async () => {
  const pid: GenServerPid<NamedTypes> = await GenServer.start(
    Named as GenServerModule<NamedTypes>,
    undefined,
  );
  assertEquals(await GenServer.call(pid, { type: "add", by: 2 }), "ok");
  assertEquals(await GenServer.call(pid, "read"), 3);
  assertEquals(await GenServer.call(pid, ["times", 2]), 60n);
  const odd = [
    "write",
    "constructor",
    "__proto__",
    { type: "toString" },
    { type: 1 },
    { type: { type: "read" } },
    [],
    [["read"]],
    [1],
    null,
    undefined,
    1,
    true,
    {},
  ];
  for (const request of odd) {
    const { reason } = await exitOf(GenServer.call(pid as Pid, request));
    assertEquals(reason, "badarg", JSON.stringify(request));
  }
  assertEquals(await GenServer.call(pid, "read"), 3);
  await GenServer.stop(pid);
});

nodeTest(
  "what a server does not handle ends it with an error, but for a message",
  async (cluster) => {
    const Mute: GenServerModule = { init: () => ({ type: "ok", state: 0 }) };
    const pid = await GenServer.start(Mute, 0);
    send(pid, "psst");
    assertMatch(
      await cluster.logged(/unexpected/),
      /^alex error: GenServer #PID<.*> received an unexpected message, and has no handleInfo: "psst"$/,
    );
    const { reason } = await exitOf(GenServer.call(pid, "hi"));
    assertMatch(
      String(reason),
      /Cannot handle a call: GenServer #PID<.*> has no handleCall/,
    );
    const other = await GenServer.start(Mute, 0, { name: "Mute" });
    GenServer.cast(other, "hi");
    assertMatch(String(await ended(other)), /GenServer Mute has no handleCast/);
  },
);

// terminate

processTest(
  "terminate runs with the last state when a callback stops the server, and before the reply",
  async () => {
    const Slow: typeof Probe = {
      ...Probe,
      async terminate(reason, { to, said }) {
        send(to, { type: "terminate", reason, said });
        await receive((m) => m === "go");
        send(to, "terminated");
      },
    };
    const to = self();
    const pid = await GenServer.start(Slow, { to });
    await GenServer.call(pid, { type: "say", what: "hi" });
    const ref = monitor(pid);
    const stop = { type: "stop", reason: "shutdown", reply: "bye" } as const;
    spawn(async () => {
      send(to, { type: "replied", reply: await GenServer.call(pid, stop) });
    });
    assertEquals(await receive(), {
      type: "terminate",
      reason: "shutdown",
      said: ["hi"],
    });
    // A reply that was sent before would be here before these end.
    for (let round = 0; round < 10; round++) {
      await ended(spawn(() => {}));
      await receive((m) => m?.type === "replied", { timeout: 1, after: null })
        .then((early) => assertEquals(early, null));
    }
    send(pid, "go");
    assertEquals(await receive(), "terminated");
    const messages = [await receive(), await receive()];
    assertEquals(messages.find(({ type }) => type === "replied").reply, "bye");
    assertEquals(messages.find(({ type }) => type === "DOWN").ref, ref);
  },
);

nodeTest("terminate runs when a callback throws or exits", async (cluster) => {
  const to = self();
  for (
    const [request, reason] of [
      ["crash", "Error: boom"],
      [{ type: "exit", reason: "oops" }, "oops"],
    ] as const
  ) {
    const pid = await GenServer.start(Probe, { to });
    await GenServer.call(pid, { type: "say", what: 1 });
    assertEquals(
      String((await exitOf(GenServer.call(pid, request))).reason),
      reason,
    );
    const told = await receive();
    assertEquals([String(told.reason), told.said], [reason, [1]]);
    await cluster.logged(new RegExp(`${reason}`));
  }
});

processTest(
  "terminate runs at the parent's exit if the server traps exits, and else does not",
  async () => {
    const to = self();
    const parent = spawn(async () => {
      send(to, await GenServer.startLink(Probe, { to, trap: true }));
      send(to, await GenServer.startLink(Probe, { to }));
      await receive(() => false);
    });
    const pids = [await receive(), await receive()];
    const ends = pids.map((pid) => ended(pid));
    exit(parent, "shutdown");
    assertEquals(await Promise.all(ends), ["shutdown", "shutdown"]);
    assertEquals(await mail(), [
      { type: "terminate", reason: "shutdown", said: [] },
    ]);
  },
);

processTest(
  "stop() ends a server after what came before it, with the reason",
  async () => {
    const pid = await GenServer.start(Probe, { to: self() });
    GenServer.cast(pid, 1);
    assertEquals(
      await GenServer.stop(pid, { type: "shutdown", reason: "bye" }),
      "ok",
    );
    assertEquals(await mail(), [
      { type: "cast", cast: 1 },
      {
        type: "terminate",
        reason: { type: "shutdown", reason: "bye" },
        said: [],
      },
    ]);
    assertEquals((await exitOf(GenServer.stop(pid))).reason, "noproc");
    assertEquals((await exitOf(GenServer.stop(self()))).reason, "calling_self");
  },
);

processTest(
  "stop() exits when the server takes too long, or ends otherwise",
  async () => {
    const slow = await GenServer.start({
      init: () => ({ type: "ok", state: 0 }),
      terminate: () => receive(() => false),
    }, undefined);
    assertEquals(
      (await exitOf(GenServer.stop(slow, "normal", 1))).reason,
      "timeout",
    );
    exit(slow, "kill");
    const other = await GenServer.start({
      init: () => ({ type: "ok", state: 0 }),
      terminate: () => exit("shutdown"),
    }, undefined);
    assertEquals((await exitOf(GenServer.stop(other))).reason, "shutdown");
  },
);

nodeTest(
  "a crash report of a server has the last message, who sent it, and the state",
  async (cluster) => {
    const pid = await GenServer.start(Probe, { to: self() }, { name: "Probe" });
    await GenServer.call(pid, { type: "say", what: "hi" });
    await exitOf(GenServer.call(pid, "crash"));
    await receive();
    const line = await cluster.logged(/GenServer/);
    assertMatch(line, /GenServer #PID<.*> \(Probe\) terminating/);
    assertMatch(line, /Error: boom/);
    assertMatch(line, /Initial call: Probe/);
    assertMatch(line, /Last message \(from #PID<.*>\): "crash"/);
    assertMatch(line, /State: \{ to: #PID<.*>, said: \["hi"\] \}/);
  },
);

nodeTest("an orderly end of a server is not reported", async (cluster) => {
  for (
    const reason of ["normal", "shutdown", { type: "shutdown", reason: 1 }]
  ) {
    const pid = await GenServer.start(Stack, []);
    await GenServer.stop(pid, reason);
  }
  assertEquals(cluster.lines(), []);
});

// multiCall() and abcast()

clusterTest(
  "multiCall() gives the replies of all nodes, and the nodes without",
  async (cluster) => {
    const modules = { Servers };
    const kate = await cluster.start("kate", { modules });
    await cluster.start("moebi", { modules });
    const alex = await cluster.start("alex");
    await alex.run(async () => {
      await GenServer.startLink(Stack, ["here"], { name: "stack" });
      await Node.spawn(KATE, ["Servers", "stack"], [
        "stack",
        ["there"],
        self(),
      ]);
      await receive();
      assert(await Node.connect("moebi@localhost"));
      const nodes = [KATE, "moebi@localhost", "nobody@localhost", alex.name];
      const stack = GenServer.ref<StackTypes>("stack");
      assertEquals(await GenServer.multiCall(stack, "pop", { nodes }), {
        replies: [{ node: KATE, reply: "there" }, {
          node: alex.name,
          reply: "here",
        }],
        badNodes: ["moebi@localhost", "nobody@localhost"],
      });
      // By default, on all nodes that are connected.
      assertEquals(
        GenServer.abcast(stack, { type: "push", item: "x" }),
        "abcast",
      );
      const { replies, badNodes } = await GenServer.multiCall(stack, "all");
      assertEquals(
        replies,
        [alex.name, KATE].map((node) => ({ node, reply: ["x"] })),
      );
      assertEquals(badNodes, ["moebi@localhost"]);
      await kate.stop();
      const after = await GenServer.multiCall(stack, "all", { nodes });
      assertEquals(after.replies.map(({ node }) => node), [alex.name]);
      await GenServer.stop("stack");
    });
  },
);

processTest(
  "multiCall() leaves out who does not reply in time, and drops the late reply",
  async () => {
    const pid = await GenServer.startLink(Probe, { to: self() }, { name: "p" });
    assertEquals(await GenServer.multiCall("p", "nothing", { timeout: 1 }), {
      replies: [],
      badNodes: [Node.self()],
    });
    GenServer.reply((await receive()).from, "late");
    await assertRejects(() => GenServer.multiCall("p", () => {}), TypeError);
    await GenServer.stop(pid);
    assertEquals((await mail()).length, 1);
  },
);

// Children

processTest(
  "a module with its argument is a child of a supervisor, started again with the same argument",
  async () => {
    const Counter: GenServerModule<{ arg: number; call: ["next", number] }> = {
      name: "Counter",
      init: (start) => ({ type: "ok", state: start }),
      handleCall: (_next, _from, count) => ({
        type: "reply",
        reply: count as number,
        state: count as number + 1,
      }),
    };
    const sup = await Supervisor.startLink([
      [Counter, 7],
      GenServer.childSpec(Counter, 1, { name: "One", restart: "transient" }),
    ], { strategy: "one_for_one" });
    const [one, counter] = await Supervisor.whichChildren(sup);
    assertEquals([one.id, counter.id], ["One", "Counter"]);
    assertEquals(await GenServer.call(counter.pid as Pid, "next"), 7);
    assertEquals(await GenServer.call("One", "next"), 1);
    exit(whereis("One")!, "kill");
    await Supervisor.countChildren(sup);
    assertEquals(await GenServer.call("One", "next"), 1);
    await Supervisor.stop(sup);
  },
);

processTest(
  "childSpec() starts a module by its own startLink, if it has one",
  async () => {
    const Named: GenServerModule<StackTypes> = {
      ...Stack,
      startLink: (items) => GenServer.startLink(Stack, items, { name: "Mine" }),
    };
    const sup = await Supervisor.startLink([[Named, ["a"]]], {
      strategy: "one_for_one",
    });
    assertEquals(await GenServer.call("Mine", "pop"), "a");
    await Supervisor.stop(sup);
  },
);

processTest("a class with static methods is a callback module", async () => {
  class Greeter {
    static init(greeting: string) {
      return { type: "ok", state: greeting } as const;
    }
    static handleCall(name: string, _from: unknown, state: string) {
      return { type: "reply", reply: `${state}, ${name}`, state } as const;
    }
  }
  assertEquals(GenServer.childSpec(Greeter, "hi").id, "Greeter");
  const pid = await GenServer.startLink(Greeter, "hi");
  assertEquals(await GenServer.call(pid, "kate"), "hi, kate");
  await GenServer.stop(pid);
});

processTest(
  "a server that traps exits gets those of others as messages, and a caller's death is nothing to it",
  async () => {
    const pid = await GenServer.start(Probe, { to: self(), trap: true });
    const caller = spawn(() => GenServer.call(pid, "nothing"));
    await receive((m) => m.type === "from");
    exit(caller, "kill");
    const other = idle();
    exit(pid, "hey");
    const { info } = await receive();
    assert(isExit(info));
    assertEquals(info.reason, "hey");
    assert(alive(pid) && alive(other));
    exit(other, "kill");
    await GenServer.stop(pid);
    await receive();
  },
);
