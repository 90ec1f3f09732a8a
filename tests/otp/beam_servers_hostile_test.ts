/** Peers that attack this library's servers over Erlang's wire, in the shapes of OTP's own messages. */

import { FakeTime } from "@std/testing/time";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import { Agent } from "../../otp/agent/agent.ts";
import {
  GenServer,
  type GenServerModule,
} from "../../otp/gen_server/gen_server.ts";
import { global } from "../../otp/global/global.ts";
import { type LogEvent, Node } from "../../node.ts";
import { Process, receive, self, send } from "../../otp/process/process.ts";
import { atom } from "../../core/values/atom.ts";
import {
  type ImproperList,
  improperList,
} from "../../core/values/improper_list.ts";
import { inspect } from "../../core/values/inspect.ts";
import { Pid, Ref } from "../../core/values/pid.ts";
import { Tuple, tuple } from "../../core/values/tuple.ts";
import { MAX_FORMATTED } from "../../otp/io/erlang_format.ts";
import { operationFromOtp } from "../../otp/io/leader_otp.ts";
import { test } from "../../testing/tags.ts";
import { DynamicSupervisor } from "../../otp/supervisor/dynamic_supervisor.ts";
import { TaskSupervisor } from "../../task_supervisor.ts";
import * as control from "../../net/wires/beam/control.ts";
import { clusterTest } from "../_nodes.ts";
import { quiet } from "../_processes.ts";
import { beamFrame, CREATION, RAW, RawBeam } from "../_raw_beam.ts";
import { until } from "../_until.ts";
import { internalsOf } from "../../node/node_internals.ts";

const FROM = new Pid(RAW, 1, CREATION);
const FRIEND = "friend@localhost";
const KATE = "kate@localhost";
const NONE = atom("");

function nothing(): Promise<unknown> {
  return receive(() => true, { after: "nothing", timeout: 0 });
}

function mfa(name: string, args: unknown[]): Tuple {
  return tuple(atom("Elixir.Remote"), atom(name), args);
}

function rexCall(kind: string, name: string, args: unknown[]): Tuple {
  return tuple(atom(kind), ...mfa(name, args).elements, atom("user"));
}

function asker(pid: Pid): Tuple {
  return tuple(
    pid,
    improperList([atom("alias")], new Ref(pid.node, 9, pid.creation)),
  );
}

const Echo: GenServerModule<{ call: [unknown, unknown] }> = {
  init: () => ({ type: "ok", state: undefined }),
  handleCall: (request, _from, state) => ({
    type: "reply",
    reply: request,
    state,
  }),
};

clusterTest("a BEAM gets no right by another's name", async (cluster) => {
  const alex = await cluster.start("alex", {
    allow: (node) => node === FRIEND,
  });
  await using peer = await RawBeam.dial(alex);
  await alex.run(async () => {
    Process.register(self(), "inbox");
    await TaskSupervisor.startLink({ name: "tasks" });
    await DynamicSupervisor.startLink({ name: "children" });
    await Agent.startLink(() => self(), { name: "agent" });
    await GenServer.startLink(Echo, undefined, { name: "echo" });
    const others = new Pid(FRIEND, 1, 1);
    const call = (to: string, from: Pid, request: unknown) =>
      peer.say(
        [control.DOP_REG_SEND, FROM, NONE, atom(to)],
        tuple(atom("$gen_call"), asker(from), request),
      );
    for (const from of [others, self()]) {
      const named = tuple(atom(from.node), from, from);
      call(
        "tasks",
        from,
        tuple(
          atom("start_task"),
          [named, [from], mfa("tell", [self(), "task"])],
          atom("transient"),
          5000,
        ),
      );
      call(
        "children",
        from,
        tuple(
          atom("start_child"),
          tuple(
            mfa("tell", [self(), "child"]),
            atom("temporary"),
            5000,
            atom("worker"),
            [],
          ),
        ),
      );
      call("agent", from, tuple(atom("get"), mfa("tell", ["agent"])));
      call("rex", from, rexCall("call", "tell", [self(), "rex"]));
      call("rex", from, rexCall("block_call", "tell", [self(), "rex"]));
      const plain = tuple(from, rexCall("call", "tell", [self(), "rex"]));
      peer.say([control.DOP_REG_SEND, FROM, NONE, atom("rex")], plain);
    }
    // Served after these.
    for (const to of ["tasks", "children"]) {
      call(to, FROM, atom("count_children"));
      const counts = await peer.kind(control.DOP_ALIAS_SEND);
      const [, [specs]] = (counts.message as Tuple).elements as [
        unknown,
        Tuple[],
      ];
      assertEquals(specs, tuple(atom("specs"), 0));
    }
    await Agent.get("agent", (state) => state);
    for (
      const request of [
        tuple(atom("sbcast"), atom("inbox")),
        tuple(atom("call"), ...mfa("tell", []).elements.slice(0, 2), "x", 1),
        atom("features_request"),
      ]
    ) {
      peer.say(
        [control.DOP_REG_SEND, FROM, NONE, atom("rex")],
        tuple(FROM, request),
      );
    }
    const features = await peer.kind(control.DOP_SEND_SENDER);
    assertEquals(
      (features.message as Tuple).elements[0],
      atom("features_reply"),
    );
    assertEquals(await nothing(), "nothing");
    // A server of the program serves calls that come through other nodes, as in OTP.
    peer.say(
      [control.DOP_REG_SEND, FROM, NONE, atom("echo")],
      tuple(atom("$gen_call"), tuple(self(), "tag"), "through"),
    );
    assertEquals(await receive(), tuple("tag", "through"));
  });
});

clusterTest("calls by rex count as the peer's processes", async (cluster) => {
  const alex = await cluster.start("alex", {
    limits: { maxRemoteProcesses: 1, maxRemoteEntries: 1 },
  });
  await using peer = await RawBeam.dial(alex);
  await alex.run(async () => {
    let asked = 0;
    const ask = (kind: string, name: string, args: unknown[]) =>
      peer.say(
        [control.DOP_REG_SEND, FROM, NONE, atom("rex")],
        tuple(
          atom("$gen_call"),
          tuple(FROM, asked++),
          rexCall(kind, name, args),
        ),
      );
    /** The number of the next answer, and its text. */
    const answer = async (): Promise<[unknown, string]> => {
      const { message } = await peer.kind(control.DOP_SEND_SENDER);
      const [number, result] = (message as Tuple).elements;
      return [number, inspect(result, { limit: 1000 })];
    };
    ask("block_call", "exiting", [self()]);
    await receive((m) => m === "up");
    const held =
      [...internalsOf(alex).runtime.processes.values()].find(({ label }) =>
        label?.startsWith("Remote.exiting")
      )!.pid;
    ask("block_call", "tell", [self(), "next"]);
    ask("block_call", "tell", [self(), "never"]);
    assertEquals(await answer(), [2, "{:badrpc, {:EXIT, :system_limit}}"]);
    ask("call", "tell", [self(), "never"]);
    const [number, refused] = await answer();
    assertEquals(number, 3);
    assertMatch(refused, /limits\.maxRemoteProcesses/);
    send(held, { reason: "done" });
    assertEquals(await answer(), [0, "{:badrpc, {:EXIT, :done}}"]);
    assertEquals(await receive(), "next");
    assertEquals(await answer(), [1, "undefined"]);
    assertEquals(internalsOf(alex).runtime.sizes()["entries held"], 0);
  });
});

clusterTest("refused block_calls do not stop rex", async (cluster) => {
  const alex = await cluster.start("alex", {
    allow: (_node, _module, name) => name !== "crash",
  });
  const { runtime } = internalsOf(alex);
  const ask = (name: string, args: unknown[]) =>
    beamFrame(
      [control.DOP_REG_SEND, FROM, NONE, atom("rex")],
      tuple(
        atom("$gen_call"),
        tuple(FROM, 1),
        rexCall("block_call", name, args),
      ),
    );
  await alex.run(async () => {
    await using peer = await RawBeam.dial(alex);
    const refused = Buffer.concat(Array(4000).fill(ask("crash", ["x"])));
    /** Starts a call that holds up the others; returns its process. */
    const hold = async (): Promise<Pid> => {
      peer.write(ask("exiting", [self()]));
      await receive((m) => m === "up");
      return [...runtime.processes.values()].find(({ label }) =>
        label?.startsWith("Remote.exiting")
      )!.pid;
    };
    let held = await hold();
    peer.write(refused);
    peer.write(ask("tell", [self(), "last"]));
    await until(() => runtime.sizes()["entries held"] === 4001);
    let turns = 0;
    const timer = setInterval(() => turns++);
    using _ = { [Symbol.dispose]: () => clearInterval(timer) };
    send(held, { reason: "done" });
    assertEquals(await receive(), "last");
    assertEquals(runtime.sizes()["entries held"], 0);
    assert(turns > 1, `${turns} turns`);

    held = await hold();
    // The second would exceed the limit of the arguments in bytes.
    const large = ask("tell", [self(), new Uint8Array(9 << 20)]);
    peer.write(large);
    peer.write(large);
    await until(() => Node.stats()!.refusedRequests.entries === 1);
    assertEquals(runtime.sizes()["entries held"], 1);
    await peer[Symbol.asyncDispose]();
    await until(() => runtime.sizes()["entries held"] === 0);
    await using other = await RawBeam.dial(alex);
    send(held, { reason: "done" });
    other.write(ask("tell", [self(), "next"]));
    assertEquals(await receive(), "next");
  });
});

clusterTest("rex's replies arrive as the BEAM's own", async (cluster) => {
  const alex = await cluster.start("alex", { allow: () => false });
  await using peer = await RawBeam.dial(alex);
  await alex.run(async () => {
    await GenServer.startLink(Echo, undefined, { name: "echo" });
    Process.register(self(), "inbox");
    const relay = (kind: string, name: string, message: unknown) =>
      peer.say(
        [control.DOP_REG_SEND, FROM, NONE, atom("rex")],
        tuple(FROM, tuple(atom(kind), atom(name), message)),
      );
    const exit = { type: "EXIT", from: self(), reason: "shutdown" };
    relay("sbcast", "echo", exit);
    // In the name of a process here: dropped.
    const chars = { type: "put_chars", chars: "x" };
    const request = { type: "io_request", from: self(), request: chars };
    relay("sbcast", "inbox", request);
    relay("sbcast", "echo", tuple(atom("$gen_call"), tuple(FROM, 1), "asked"));
    relay("send", "inbox", "sent");
    for (;;) {
      const { message } = await peer.kind(control.DOP_SEND_SENDER);
      if ((message as Tuple).length !== 2) continue;
      assertEquals(message, tuple(1, "asked"));
      break;
    }
    assertEquals(await receive(), tuple(FROM, "sent"));
    assertEquals(await nothing(), "nothing");
  });
});

clusterTest("a log event is its sender's", async (cluster) => {
  const events: LogEvent[] = [];
  const alex = await cluster.start("alex", {
    log: (event) => void (event.remote && events.push(event)),
  });
  await using peer = await RawBeam.dial(alex);
  await using other = await RawBeam.dial(alex, "evil@localhost");
  const evil = new Pid("evil@localhost", 1, CREATION);
  const event = (text: string) => {
    const meta = new Map<unknown, unknown>([
      [atom("pid"), FROM],
      [atom("gl"), FROM],
      [atom("node"), atom(RAW)],
    ]);
    return tuple(atom("log"), atom("error"), text, meta);
  };
  const to = (from: Pid) =>
    [control.DOP_REG_SEND, from, NONE, atom("logger_proxy")] as const;
  for (let i = 0; i < 60; i++) other.say(to(evil), event(`forged ${i}`));
  // The line about its connection is the first of 50.
  await until(() => events.length === 49);
  peer.say(to(FROM), event("own"));
  await until(() => events.length > 49);
  const { message, remote } = events[0];
  assertEquals(message, "From evil@localhost: forged 0");
  assertEquals(remote, { node: "evil@localhost", pid: undefined });
  assertEquals(events[49].remote, { node: RAW, pid: FROM });
  assertMatch(events[49].message, /^From raw@localhost, #PID<.*>: own$/);
  // One that a process here forges is nobody's.
  await alex.run(() => {
    send({ name: "logger_proxy", node: alex.name }, event("local"));
  });
  peer.say(to(FROM), event("next"));
  await until(() => events.length > 50);
  assertMatch(events[50].message, /: next$/);
});

clusterTest("a BEAM asks group leaders as itself only", async (cluster) => {
  const alex = await cluster.start("alex");
  await using peer = await RawBeam.dial(alex);
  await alex.run(async () => {
    const ref = new Ref(alex.name, 1, self().creation);
    const ask = (from: Pid, as: unknown) =>
      peer.say(
        [control.DOP_REG_SEND, FROM, NONE, atom("user")],
        tuple(atom("io_request"), from, as, atom("getopts")),
      );
    ask(self(), ref);
    ask(new Pid(FRIEND, 1, 1), ref);
    ask(FROM, "as");
    const answer = await peer.hear();
    assertEquals((answer?.message as Tuple).elements[1], "as");
    assertEquals(await nothing(), "nothing");
  });
});

clusterTest("a task's work comes from its owner's node", async (cluster) => {
  const alex = await cluster.start("alex", { allow: (node) => node === RAW });
  await using peer = await RawBeam.dial(alex);
  await using other = await RawBeam.dial(alex, "evil@localhost");
  await alex.run(async () => {
    Process.register(self(), "inbox");
    await TaskSupervisor.startLink({ name: "tasks" });
    const start = async () => {
      peer.say(
        [control.DOP_REG_SEND, FROM, NONE, atom("tasks")],
        tuple(
          atom("$gen_call"),
          asker(FROM),
          tuple(
            atom("start_task"),
            [tuple(atom(RAW), FROM, FROM), atom("monitor")],
            atom("temporary"),
            5000,
          ),
        ),
      );
      const started = await peer.kind(control.DOP_ALIAS_SEND);
      const [, reply] = (started.message as Tuple).elements;
      return ((reply as Tuple).elements as [unknown, Pid])[1];
    };
    const task = await start();
    const work = (text: string) =>
      tuple(
        FROM,
        new Ref(RAW, 10, CREATION),
        FROM,
        [FROM],
        mfa("tell", [self(), text]),
      );
    const evil = new Pid("evil@localhost", 1, CREATION);
    other.say([control.DOP_SEND_SENDER, evil, task], work("evil"));
    other.say([control.DOP_REG_SEND, evil, NONE, atom("inbox")], "sent");
    assertEquals(await receive(), "sent");
    // A copy that a process here sends is not the owner's either.
    send(task, work("forwarded"));
    peer.say([control.DOP_SEND_SENDER, FROM, task], work("owner"));
    assertEquals(await receive(), "owner");
    assertEquals(await nothing(), "nothing");
    // A task without work exits after 5 s.
    using time = new FakeTime();
    const idle = Process.monitor(await start());
    for (const ms of [100, 4900]) {
      await quiet();
      time.tick(ms);
    }
    const down = await receive((m) => idle.equals(m?.ref));
    assertEquals(down.reason, "timeout");
  });
});

clusterTest("a reply too large for its tag ends no server", async (cluster) => {
  const alex = await cluster.start("alex", {
    limits: { maxMessageBytes: 1 << 16 },
  });
  await using peer = await RawBeam.dial(alex);
  await alex.run(async () => {
    const pid = await GenServer.startLink(Echo, undefined, { name: "echo" });
    await TaskSupervisor.startLink({ name: "tasks" });
    const large = [..."x".repeat(40)].map(() => "y".repeat(1628));
    // The requests fit, and any reply with a reason does not.
    const larger = large.map((text) => `${text}yy`);
    const from = tuple(FROM, large);
    const tell = (to: string, message: unknown) =>
      peer.say([control.DOP_REG_SEND, FROM, NONE, atom(to)], message);
    const user = Process.whereis("user");
    for (const to of ["echo", "tasks", "user"]) {
      for (
        const request of [
          atom("get_state"),
          atom("get_status"),
          atom("suspend"),
          atom("resume"),
          tuple(atom("debug"), atom("x")),
        ]
      ) {
        tell(to, tuple(atom("system"), from, request));
      }
      tell(to, tuple(atom("$gen_call"), from, atom("which_children")));
    }
    for (
      const request of [
        atom("getopts"),
        tuple(atom("get_line"), atom("unicode"), ""),
        tuple(atom("put_chars"), atom("unicode"), ""),
        atom("x"),
      ]
    ) {
      tell("user", tuple(atom("io_request"), FROM, larger, request));
    }
    tell("echo", tuple(atom("$gen_call"), asker(FROM), "last"));
    const last = await peer.kind(control.DOP_ALIAS_SEND);
    assertEquals((last.message as Tuple).elements[1], "last");
    assert(Process.alive(pid));
    assertEquals(Process.whereis("user"), user);
  });
});

test("the formats of a request of a BEAM make no more text together than one may", () => {
  const put = (width: number) =>
    tuple(
      atom("put_chars"),
      atom("unicode"),
      atom("io_lib"),
      atom("format"),
      ["~*c", [width, 97]],
    );
  const wide = put(MAX_FORMATTED / 4);
  const nested = tuple(atom("requests"), [wide, wide, wide]);
  const requests = [nested, wide, put(1), wide, wide];
  const operation = operationFromOtp(tuple(atom("requests"), requests));
  assert(operation.type === "requests");
  assertEquals(
    operation.requests.map(({ type }) => type),
    ["requests", "put_chars", "refused"],
  );
  const deep = operationFromOtp(
    tuple(atom("requests"), [wide, tuple(atom("requests"), requests), wide]),
  );
  assert(deep.type === "requests");
  assertEquals(deep.requests.length, 2);
});

/** Answers the calls of a node with true, and collects its casts. */
async function castsOf(peer: RawBeam, casts: unknown[][]): Promise<void> {
  for (;;) {
    const frame = await peer.hear();
    if (frame === undefined) return;
    if (!(frame.message instanceof Tuple)) continue;
    const [kind, first] = frame.message.elements as [unknown, Tuple];
    if (kind === atom("$gen_cast")) casts.push([...first.elements]);
    if (kind !== atom("$gen_call")) continue;
    const tag = first.elements[1] as ImproperList;
    peer.say([control.DOP_ALIAS_SEND, FROM, tag.tail], tuple(tag, true));
  }
}

clusterTest(
  "messages of a BEAM's global with wrong fields change nothing",
  async (cluster) => {
    const alex = await cluster.start("alex", { limits: { maxConnections: 8 } });
    const kate = await cluster.start("kate");
    assert(await alex.run(() => Node.connect(KATE)));
    await using peer = await RawBeam.dial(alex, RAW, false);
    const casts: unknown[][] = [];
    const answered = castsOf(peer, casts);
    const next = async (type: string) => {
      const found = () => casts.find(([first]) => first === atom(type));
      await until(() => found() !== undefined);
      return found()!;
    };
    const say = (message: Tuple) =>
      peer.say(
        [control.DOP_REG_SEND, FROM, NONE, atom("global_name_server")],
        message,
      );
    const cast = (type: string, ...fields: unknown[]) =>
      say(tuple(atom("$gen_cast"), new Tuple([atom(type), ...fields])));
    const [, version] = await next("init_connect") as [unknown, Tuple];
    const tag = version.elements[1];
    const node = atom(RAW);
    const resolver = tuple(atom("global"), atom("random_exit_name"));
    const entry = (name: string, pid: Pid) => tuple(name, pid, resolver);
    const foreign = [
      tuple(atom("insert"), entry("foreign", new Pid(FRIEND, 1, 1))),
    ];
    const init = [
      tuple(8, 99),
      node,
      tuple(atom("locker"), atom("no_longer_a_pid"), new Map(), FROM),
    ];
    const many = Array.from(
      { length: 5000 },
      (_, i) => tuple(atom(`n${i}@localhost`), 8),
    );
    const odd = [
      [],
      [[]],
      improperList([1], 2),
      many,
      new Map(),
      NONE,
      -1,
      1.5,
      tuple(),
      tuple(1),
      new Pid(FRIEND, 1, 1),
      new Ref(FRIEND, 1, 1),
    ];
    /** Sends each cast with each of its fields wrong. */
    const attack = () => {
      const valid: [string, ...unknown[]][] = [
        ["init_connect", ...init],
        ["lock_set", FROM, false, [], tag],
        ["exchange", node, foreign, [], tag],
        ["resolved", node, foreign, [], atom("unused"), [], tag],
        ["new_nodes", node, foreign, [], [], []],
        ["in_sync", node, true],
        ["async_del_name", "mine", FROM],
        ["async_del_lock", tuple(atom("global"), FROM), FROM],
        ["cancel_connect", node],
        ["none"],
      ];
      for (const [type, ...fields] of valid) {
        for (const [i] of fields.entries()) {
          for (const each of odd) cast(type, ...fields.with(i, each));
        }
        cast(type, ...fields.slice(1));
      }
      const loss: unknown[] = [atom(FRIEND), 1, 1, atom(KATE)];
      for (const each of odd) {
        // A number of its own is valid.
        if (each === -1) continue;
        for (const i of loss.keys()) {
          say(new Tuple([atom("lost_connection"), ...loss.with(i, each)]));
        }
        say(tuple(atom("remove_connection"), each));
      }
      say(tuple(atom("remove_connection"), atom(KATE)));
    };
    await alex.run(async () => {
      attack();
      cast("init_connect", ...init);
      cast("lock_set", FROM, true, [], tag);
      assertEquals((await next("exchange")).slice(1), [
        atom(alex.name),
        [],
        [],
        99,
      ]);
      const theirs = [
        entry("theirs", FROM),
        entry("foreign", new Pid(FRIEND, 1, 1)),
      ];
      cast("exchange", node, theirs, [], tag);
      cast("resolved", node, foreign, [], atom("unused"), [], tag);
      await global.sync();
      assert(await global.registerName("mine", self()));
      attack();
      // Answered after these.
      cast("async_del_name", "theirs", FROM);
      cast(
        "new_nodes",
        node,
        [tuple(atom("insert"), entry("last", FROM))],
        [],
        [],
        [],
      );
      while (await global.whereisName("last") === undefined) {
        await global.sync();
      }
      assertEquals((await global.registeredNames()).sort(), ["last", "mine"]);
      assertEquals(Node.list().sort(), [KATE, RAW]);
      await until(() => Node.stats()!.failedDials > 0);
      assert(Node.stats()!.failedDials <= 8);
    });
    await alex.stop();
    await kate.stop();
    await answered;
  },
);

/** Takes messages until there is one of that type. */
async function typed(peer: RawBeam, type: string): Promise<Tuple> {
  for (;;) {
    const frame = await peer.hear();
    assert(frame !== undefined, "the connection was closed");
    const { message } = frame;
    if (message instanceof Tuple && message.elements[0] === atom(type)) {
      return message;
    }
  }
}

clusterTest(
  "a node learns why it is to close a connection, and is disconnected if it does not",
  async (cluster) => {
    const alex = await cluster.start("alex");
    const kate = await cluster.start("kate");
    await kate.run(() => global.sync());
    assert(await alex.run(() => Node.connect(KATE)));
    await using peer = await RawBeam.dial(alex, RAW, false);
    await using friend = await RawBeam.dial(alex, FRIEND, false);
    // Both are connected.
    await typed(peer, "$gen_cast");
    await typed(friend, "$gen_cast");
    using time = new FakeTime();
    let last = 0;
    const sayLost = (by: RawBeam, from: string, lost: string) =>
      by.say(
        [
          control.DOP_REG_SEND,
          new Pid(from, 1, CREATION),
          NONE,
          atom("global_name_server"),
        ],
        tuple(atom("lost_connection"), atom(from), 1, ++last, atom(lost)),
      );
    const remove = tuple(atom("remove_connection"), atom(alex.name));
    sayLost(peer, RAW, FRIEND);
    assertEquals(await typed(friend, "remove_connection"), remove);
    // Its earlier messages count.
    sayLost(friend, FRIEND, RAW);
    assertEquals(await typed(peer, "remove_connection"), remove);
    await alex.run(async () => {
      Node.monitor(KATE);
      sayLost(peer, RAW, KATE);
      assertEquals(await receive(), { type: "nodedown", node: KATE });
    });
    await time.tickAsync(5000);
    await Promise.all([peer.closed, friend.closed]);
  },
);
