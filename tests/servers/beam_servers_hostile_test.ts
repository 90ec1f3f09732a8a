/** Peers that attack this library's servers over Erlang's wire, in the shapes of OTP's own messages. */

import { FakeTime } from "@std/testing/time";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Agent } from "../../packages/servers/agent/agent.ts";
import { GenServer } from "../../packages/servers/gen_server/gen_server.ts";
import { global } from "../../packages/cluster/global/global.ts";
import { type LogEvent, Node } from "../../node.ts";
import {
  Process,
  receive,
  self,
  send,
} from "../../packages/processes/process.ts";
import { type Atom, atom } from "../../packages/processes/values/atom.ts";
import { ExternalFunction } from "../../packages/processes/values/functions.ts";
import {
  type ImproperList,
  improperList,
} from "../../packages/processes/values/improper_list.ts";
import { inspect } from "../../packages/processes/values/inspect.ts";
import { Pid, Ref } from "../../packages/processes/values/pid.ts";
import { Tuple, tuple } from "../../packages/processes/values/tuple.ts";
import { DynamicSupervisor } from "../../packages/servers/supervisor/dynamic_supervisor.ts";
import { TaskSupervisor } from "../../task_supervisor.ts";
import * as control from "../../packages/beam/wire/control.ts";
import { clusterTest } from "../_nodes.ts";
import { exiting, isPending, quiet } from "../_processes.ts";
import {
  beamTest,
  callerOf,
  CREATION,
  RAW,
  RawBeam,
  tagged,
} from "../_raw_beam.ts";
import { until } from "../_until.ts";
import { assertForgets, newKey } from "./_memory.ts";
import { internalsOf } from "../../packages/node/start/node_internals.ts";
import { Echo } from "../_echo.ts";

const FROM = new Pid(RAW, 1, CREATION);
const FRIEND = "friend@localhost";
const KATE = "kate@localhost";
const NONE = atom("");

function nothing(): Promise<unknown> {
  return receive(() => true, { after: "nothing", timeout: 0 });
}

function mfa(name: string, args: unknown[]): Tuple {
  return tagged("Elixir.Remote", atom(name), args);
}

function rexCall(kind: string, name: string, args: unknown[]): Tuple {
  return tagged(kind, ...mfa(name, args).elements, atom("user"));
}

beamTest("a BEAM gets no right by another's name", async (peer) => {
  await TaskSupervisor.startLink({ name: "tasks" });
  await DynamicSupervisor.startLink({ name: "children" });
  await Agent.startLink(() => self(), { name: "agent" });
  await GenServer.startLink(Echo, undefined, { name: "echo" });
  const others = new Pid(FRIEND, 1, 1);
  for (const from of [others, self()]) {
    const call = (to: string, request: unknown) =>
      peer.call(to, request, callerOf(from));
    const named = tagged(from.node, from, from);
    call(
      "tasks",
      tagged(
        "start_task",
        [named, [from], mfa("tell", [self(), "task"])],
        atom("transient"),
        5000,
      ),
    );
    call(
      "children",
      tagged(
        "start_child",
        tuple(
          mfa("tell", [self(), "child"]),
          atom("temporary"),
          5000,
          atom("worker"),
          [],
        ),
      ),
    );
    call("agent", tagged("get", mfa("tell", ["agent"])));
    call("rex", rexCall("call", "tell", [self(), "rex"]));
    call("rex", rexCall("block_call", "tell", [self(), "rex"]));
    const plain = tuple(from, rexCall("call", "tell", [self(), "rex"]));
    peer.send("rex", plain);
  }
  // Served after these.
  for (const to of ["tasks", "children"]) {
    peer.call(to, atom("count_children"));
    const [, [specs]] = await peer.reply() as [unknown, Tuple[]];
    assertEquals(specs, tagged("specs", 0));
  }
  await Agent.get("agent", (state) => state);
  for (
    const request of [
      tagged("sbcast", atom("inbox")),
      tagged("call", ...mfa("tell", []).elements.slice(0, 2), "x", 1),
      atom("features_request"),
    ]
  ) {
    peer.send("rex", tuple(FROM, request));
  }
  const { message } = await peer.kind(control.DOP_SEND_SENDER);
  assertEquals((message as Tuple).elements[0], atom("features_reply"));
  assertEquals(await nothing(), "nothing");
  // A server of the program serves calls that come through other nodes, as in OTP.
  peer.call("echo", "through", tuple(self(), "tag"));
  assertEquals(await receive(), tuple("tag", "through"));
}, { allow: (node) => node === FRIEND });

beamTest("calls by rex count as the peer's processes", async (peer, alex) => {
  let asked = 0;
  const ask = (kind: string, name: string, args: unknown[]) =>
    peer.call("rex", rexCall(kind, name, args), tuple(FROM, asked++));
  /** The number of the next answer, and its text. */
  const answer = async (): Promise<[unknown, string]> => {
    const [number, result] = await peer.reply("process");
    return [number, inspect(result, { limit: 1000 })];
  };
  ask("call", "exiting", [self()]);
  await receive((m) => m === "up");
  const held =
    [...internalsOf(alex).runtime.processes.values()].find(({ label }) =>
      label?.startsWith("Remote.exiting")
    )!.pid;
  ask("block_call", "tell", [self(), "never"]);
  const [number, refused] = await answer();
  assertEquals(number, 1);
  assertMatch(refused, /limits\.maxRemoteProcesses/);
  send(held, { reason: "done" });
  assertEquals(await answer(), [0, "{:badrpc, {:EXIT, :done}}"]);
  ask("call", "tell", [self(), "next"]);
  assertEquals(await receive(), "next");
}, { limits: { maxRemoteProcesses: 1 } });

beamTest("rex's replies arrive as the BEAM's own", async (peer) => {
  await GenServer.startLink(Echo, undefined, { name: "echo" });
  const relay = (kind: string, name: string, message: unknown) =>
    peer.send("rex", tuple(FROM, tagged(kind, atom(name), message)));
  const exit = { type: "EXIT", from: self(), reason: "shutdown" };
  relay("sbcast", "echo", exit);
  // In the name of a process here: dropped.
  const chars = { type: "put_chars", chars: "x" };
  const request = { type: "io_request", from: self(), request: chars };
  relay("sbcast", "inbox", request);
  relay("sbcast", "echo", tagged("$gen_call", tuple(FROM, 1), "asked"));
  relay("send", "inbox", "sent");
  assertEquals(await peer.reply("process"), [1, "asked"]);
  assertEquals(await receive(), tuple(FROM, "sent"));
  assertEquals(await nothing(), "nothing");
}, { allow: () => false });

clusterTest("a log event is its sender's", async (cluster) => {
  const events: LogEvent[] = [];
  const alex = await cluster.start("alex", {
    log: (event) => void (event.remote && events.push(event)),
  });
  await using peer = await RawBeam.dial(alex);
  await using other = await RawBeam.dial(alex, "evil@localhost");
  const event = (text: string) => {
    const meta = new Map<unknown, unknown>([
      [atom("pid"), FROM],
      [atom("gl"), FROM],
      [atom("node"), atom(RAW)],
    ]);
    return tagged("log", atom("error"), text, meta);
  };
  const tell = (by: RawBeam, text: string) =>
    by.send("logger_proxy", event(text));
  for (let i = 0; i < 60; i++) tell(other, `forged ${i}`);
  // The line about its connection is the first of 50.
  await until(() => events.length === 49);
  tell(peer, "own");
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
  tell(peer, "next");
  await until(() => events.length > 50);
  assertMatch(events[50].message, /: next$/);
});

beamTest("a BEAM asks group leaders as itself only", async (peer, alex) => {
  const ref = new Ref(alex.name, 1, self().creation);
  const ask = (from: Pid, as: unknown) =>
    peer.send("user", tagged("io_request", from, as, atom("getopts")));
  ask(self(), ref);
  ask(new Pid(FRIEND, 1, 1), ref);
  ask(FROM, "as");
  const answer = await peer.hear();
  assertEquals((answer?.message as Tuple).elements[1], "as");
  assertEquals(await nothing(), "nothing");
});

clusterTest("a task's work comes from its owner's node", async (cluster) => {
  const alex = await cluster.start("alex", { allow: (node) => node === RAW });
  await using peer = await RawBeam.dial(alex);
  await using other = await RawBeam.dial(alex, "evil@localhost");
  await alex.run(async () => {
    Process.register(self(), "inbox");
    await TaskSupervisor.startLink({ name: "tasks" });
    const start = async () => {
      peer.call(
        "tasks",
        tagged(
          "start_task",
          [tagged(RAW, FROM, FROM), atom("monitor")],
          atom("temporary"),
          5000,
        ),
      );
      const [, reply] = await peer.reply();
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
    other.send(task, work("evil"));
    other.send("inbox", "sent");
    assertEquals(await receive(), "sent");
    // A copy that a process here sends is not the owner's either.
    send(task, work("forwarded"));
    peer.send(task, work("owner"));
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

beamTest("a reply too large for its tag ends no server", async (peer) => {
  const pid = await GenServer.startLink(Echo, undefined, { name: "echo" });
  await TaskSupervisor.startLink({ name: "tasks" });
  const large = [..."x".repeat(40)].map(() => "y".repeat(1628));
  // The requests fit, and any reply with a reason does not.
  const larger = large.map((text) => `${text}yy`);
  const from = tuple(FROM, large);
  const user = Process.whereis("user");
  for (const to of ["echo", "tasks", "user"]) {
    for (
      const request of [
        atom("get_state"),
        atom("get_status"),
        atom("suspend"),
        atom("resume"),
        tagged("debug", atom("x")),
      ]
    ) {
      peer.send(to, tagged("system", from, request));
    }
    peer.call(to, atom("which_children"), from);
  }
  for (
    const request of [
      atom("getopts"),
      tagged("get_line", atom("unicode"), ""),
      tagged("put_chars", atom("unicode"), ""),
      atom("x"),
    ]
  ) {
    peer.send("user", tagged("io_request", FROM, larger, request));
  }
  peer.call("echo", "last");
  assertEquals((await peer.reply())[1], "last");
  assert(Process.alive(pid));
  assertEquals(Process.whereis("user"), user);
}, { limits: { maxMessageBytes: 1 << 16 } });

/** The server of global on a node that a test writes. */
class RawGlobal {
  readonly raw: RawBeam;
  readonly #pid: Pid;
  readonly #node: Atom;
  /** The calls and casts so far, without the callers. */
  readonly heard: unknown[][] = [];

  constructor(raw: RawBeam, node: string = RAW) {
    this.raw = raw;
    this.#pid = new Pid(node, 1, CREATION);
    this.#node = atom(node);
  }

  static async dial(node: Node, name: string = RAW): Promise<RawGlobal> {
    return new RawGlobal(await RawBeam.dial(node, name, false), name);
  }

  say(...message: unknown[]): void {
    this.raw.say(
      [control.DOP_REG_SEND, this.#pid, NONE, atom("global_name_server")],
      new Tuple(message),
    );
  }

  cast(type: string, ...fields: unknown[]): void {
    this.say(atom("$gen_cast"), new Tuple([atom(type), ...fields]));
  }

  init(tag: unknown): void {
    const rest = [atom("no_longer_a_pid"), new Map(), this.#pid];
    const locker = new Tuple([atom("locker"), ...rest]);
    this.cast("init_connect", tuple(8, tag), this.#node, locker);
  }

  lockSet(isSet: boolean, tag: unknown): void {
    this.cast("lock_set", this.#pid, isSet, [], tag);
  }

  exchange(names: Tuple[], tag: unknown): void {
    this.cast("exchange", this.#node, names, [], tag);
  }

  resolved(operations: Tuple[], tag: unknown): void {
    this.cast("resolved", this.#node, operations, [], atom("unused"), [], tag);
  }

  /** Answers calls with true, until the connection is closed or there is a call or cast of that type; returns its fields. */
  async next(type?: string): Promise<unknown[]> {
    for (;;) {
      const frame = await this.raw.hear();
      if (frame === undefined) return [];
      if (!(frame.message instanceof Tuple)) continue;
      const [kind, first, asked] = frame.message.elements as Tuple[];
      const isCall = kind as unknown === atom("$gen_call");
      if (!isCall && kind as unknown !== atom("$gen_cast")) continue;
      const { elements } = isCall ? asked : first;
      this.heard.push([...elements]);
      if (isCall) {
        const tag = first.elements[1] as ImproperList;
        this.raw.say(
          [control.DOP_ALIAS_SEND, this.#pid, tag.tail],
          tuple(tag, true),
        );
      }
      if (elements[0] === atom(type ?? "")) return elements.slice(1);
    }
  }

  /** Joins the node, whose `init_connect` is to come. */
  async join(names: Tuple[] = []): Promise<void> {
    const tag = await this.tag();
    this.init(1);
    this.lockSet(true, tag);
    await this.next("exchange");
    this.exchange(names, tag);
    await this.next("resolved");
    this.resolved([], tag);
  }

  /** Waits until the node has taken all earlier messages. */
  async sync(): Promise<void> {
    this.say(atom("$gen_call"), callerOf(this.#pid), atom("get_names_ext"));
    await this.raw.kind(control.DOP_ALIAS_SEND);
  }

  /** Waits for the node's `init_connect`; returns its tag. */
  async tag(): Promise<unknown> {
    const [version] = await this.next("init_connect") as [Tuple];
    return version.elements[1];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.raw[Symbol.asyncDispose]();
  }
}

const RESOLVER = new ExternalFunction("global", "random_exit_name", 3);

clusterTest(
  "messages of a BEAM's global with wrong fields change nothing",
  async (cluster) => {
    const alex = await cluster.start("alex", { limits: { maxConnections: 8 } });
    await cluster.start("kate");
    assert(await alex.run(() => Node.connect(KATE)));
    await using peer = await RawGlobal.dial(alex);
    const tag = await peer.tag();
    const node = atom(RAW);
    const entry = (name: string, pid: Pid) => tuple(name, pid, RESOLVER);
    const foreign = [
      tagged("insert", entry("foreign", new Pid(FRIEND, 1, 1))),
    ];
    const init = [
      tuple(8, 99),
      node,
      tagged("locker", atom("no_longer_a_pid"), new Map(), FROM),
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
        ["async_del_lock", tagged("global", FROM), FROM],
        ["none"],
      ];
      for (const [type, ...fields] of valid) {
        for (const [i] of fields.entries()) {
          for (const each of odd) peer.cast(type, ...fields.with(i, each));
        }
        peer.cast(type, ...fields.slice(1));
      }
      const loss: unknown[] = [atom(FRIEND), 1, 1, atom(KATE)];
      for (const each of odd) {
        // A number of its own is valid.
        if (each === -1) continue;
        for (const i of loss.keys()) {
          peer.say(atom("lost_connection"), ...loss.with(i, each));
        }
        peer.say(atom("remove_connection"), each);
        peer.say(atom("cancel_connect"), node, each);
        peer.say(atom("cancel_connect"), each, tag);
      }
      peer.say(atom("remove_connection"), atom(KATE));
    };
    await alex.run(async () => {
      attack();
      peer.init(99);
      peer.lockSet(true, tag);
      assertEquals(await peer.next("exchange"), [atom(alex.name), [], [], 99]);
      const answered = peer.next();
      const theirs = [
        entry("theirs", FROM),
        entry("foreign", new Pid(FRIEND, 1, 1)),
      ];
      peer.exchange(theirs, tag);
      peer.resolved(foreign, tag);
      await global.sync();
      assert(await global.registerName("mine", self()));
      attack();
      // Answered after these.
      peer.cast("async_del_name", "theirs", FROM);
      peer.cast(
        "new_nodes",
        node,
        [tagged("insert", entry("last", FROM))],
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
      await peer.raw[Symbol.asyncDispose]();
      await answered;
    });
  },
);

clusterTest("a join that a BEAM cancels begins again", async (cluster) => {
  const alex = await cluster.start("alex");
  await using peer = await RawGlobal.dial(alex);
  const first = await peer.tag();
  peer.init("a text");
  peer.init(1);
  peer.say(atom("cancel_connect"), atom(RAW), first);
  const tag = await peer.tag();
  peer.init(2);
  peer.lockSet(true, first);
  peer.lockSet(true, tag);
  assertEquals(await peer.next("exchange"), [atom(alex.name), [], [], 2]);
  peer.exchange([tuple("theirs", FROM, RESOLVER)], tag);
  await peer.next("resolved");
  peer.resolved([], tag);
  await alex.run(async () => {
    await global.sync();
    assertEquals(await global.whereisName("theirs"), FROM);
    // Nothing is left to cancel.
    peer.say(atom("cancel_connect"), atom(RAW), tag);
    peer.cast("async_del_name", "theirs", FROM);
    while (await global.whereisName("theirs") !== undefined) {
      await global.sync();
    }
  });
  const types = peer.heard.map(([type]) => type);
  assertEquals(
    types.filter((type) => type === atom("init_connect")).length,
    2,
  );
});

clusterTest("a BEAM learns of a join with its lock", async (cluster) => {
  const [alex, kate] = await cluster.startAll(["alex", "kate"]);
  const kates = await kate.run(async () => {
    const pids = [exiting(), exiting()];
    assert(await global.registerName("kept", pids[0]));
    assert(await global.registerName("lost", pids[1]));
    return pids;
  });
  await alex.run(async () => {
    assert(await Node.connect(KATE));
    await global.sync();
  });
  await using known = await RawGlobal.dial(alex);
  await known.join();
  const told = known.next("new_nodes");
  await using other = await RawGlobal.dial(alex, FRIEND);
  // The other node has joined kate already, and has settled a conflict with her.
  const theirs = new Pid(FRIEND, 1, CREATION);
  const names = [
    tuple("kept", kates[0], RESOLVER),
    tuple("lost", theirs, RESOLVER),
  ];
  await other.join(names);
  const [node, operations, , nodes, info] = await told;
  assertEquals([node, operations, nodes], [
    atom(alex.name),
    names.map((name) => tagged("insert", name)),
    [tagged(FRIEND, 8)],
  ]);
  const [, lock] = known.heard.findLast(([type]) => type === atom("set_lock"))!;
  assertEquals(info, [tagged("vsn", 8), tagged("lock", lock)]);
  assertEquals(await alex.run(() => global.whereisName("lost")), theirs);
});

clusterTest(
  "a BEAM hears of no join that has not locked it",
  async (cluster) => {
    const alex = await cluster.start("alex");
    await using known = await RawGlobal.dial(alex);
    await known.join();
    known.cast("new_nodes", atom(RAW), [], [], [tagged(FRIEND, 8)], []);
    const told = known.next("new_nodes");
    await using other = await RawGlobal.dial(alex, "other@localhost");
    const tag = await other.tag();
    other.init(1);
    other.lockSet(true, tag);
    await other.next("exchange");
    await using expected = await RawGlobal.dial(alex, FRIEND);
    await expected.sync();
    other.exchange([], tag);
    await other.next("resolved");
    other.resolved([], tag);
    await told;
    await Promise.all([
      alex.run(() => global.registerName("later", self())),
      ...[known, other, expected].map((each) => each.next("register")),
    ]);
    const types = expected.heard.map(([type]) => String(type));
    assertEquals(types, ["in_sync", "set_lock", "register"]);
  },
);

clusterTest("a join with a BEAM has time limits", async (cluster) => {
  const alex = await cluster.start("alex");
  using time = new FakeTime();
  const wait = async (ms: number) => {
    await quiet();
    time.tick(ms);
  };
  /** Registers a name, which waits for that many milliseconds, and then for the locker's attempt, if any. */
  const waits = (name: string, ms: number, attempt = 0) =>
    alex.run(async () => {
      const given = global.registerName(name, self());
      await wait(ms - 1);
      assert(await isPending(given));
      await wait(1);
      for (let past = 0; past < attempt; past += 1000) await wait(1000);
      assert(!await isPending(given));
      assert(await given);
    });
  await using silent = await RawGlobal.dial(alex);
  await silent.tag();
  await waits("silent", 5000);
  {
    // Its locker never has its locks, and it answers no call.
    await using idle = await RawGlobal.dial(alex, FRIEND);
    idle.init(1);
    await idle.sync();
    await waits("idle", 60_000, 20_000);
  }
  // Does not exchange its names.
  await using late = await RawGlobal.dial(alex, "late@localhost");
  late.init(1);
  late.lockSet(true, await late.tag());
  await late.next("exchange");
  await wait(10_000);
  await late.next("del_lock");
});

clusterTest(
  "nothing of a join is left when a BEAM has gone",
  async (cluster) => {
    const alex = await cluster.start("alex");
    const count = 200;
    await assertForgets(async () => {
      const peer = await RawGlobal.dial(alex);
      const tag = await peer.tag();
      peer.init(1);
      peer.lockSet(true, tag);
      await peer.next("exchange");
      const names = Array.from(
        { length: count },
        () => tuple(newKey(), FROM, RESOLVER),
      );
      peer.exchange(names, tag);
      await peer.next("resolved");
      await peer.raw[Symbol.asyncDispose]();
      await until(() => !internalsOf(alex).runtime.visible.has(RAW));
      await alex.run(() => global.sync());
    }, count);
  },
);

clusterTest("a BEAM has no process of a third node ended", async (cluster) => {
  const [alex, kate] = await cluster.startAll(["alex", "kate"]);
  assert(await alex.run(() => Node.connect(KATE)));
  const held = await kate.run(() => exiting());
  await alex.run(async () => {
    assert(await global.registerName("mine", self()));
    await using peer = await RawBeam.dial(alex, RAW, false);
    const own = self();
    const resolve = async (name: string) => {
      peer.call(
        "rex",
        tagged("call", atom("global"), atom("resolve_it"), [
          RESOLVER,
          name,
          held,
          own,
        ], atom("user")),
        tuple(FROM, name),
      );
      return (await peer.reply("process"))[1];
    };
    // Nobody has this name; the other process keeps it.
    assertEquals(await resolve("other"), held);
    assertEquals(await Node.ping(KATE), "pong");
    assert(await kate.run(() => Process.alive(held)));
    const ref = Process.monitor(held);
    assertEquals(await resolve("mine"), own);
    const down = await receive((m) => ref.equals(m?.ref));
    assertEquals(down.reason, "killed");
  });
});

clusterTest("a BEAM asks for 100 items of a process", async (cluster) => {
  const alex = await cluster.start("alex", { allowObserve: true });
  await using peer = await RawBeam.dial(alex);
  const answer = async (items: number) => {
    const pid = await alex.run(() => Process.whereis("user"));
    peer.call(
      "rex",
      tagged("call", atom("erlang"), atom("process_info"), [
        pid,
        Array(items).fill(atom("messages")),
      ], atom("user")),
      tuple(FROM, items),
    );
    return (await peer.reply("process"))[1];
  };
  assertEquals((await answer(100) as unknown[]).length, 100);
  assertMatch(inspect(await answer(101), { limit: 1000 }), /100 is the most/);
});

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
    const [alex, kate] = await cluster.startAll(["alex", "kate"]);
    await kate.run(() => global.sync());
    assert(await alex.run(() => Node.connect(KATE)));
    const third = "third@localhost";
    await using peer = await RawGlobal.dial(alex);
    await using friend = await RawGlobal.dial(alex, FRIEND);
    await using other = await RawGlobal.dial(alex, third);
    for (const each of [peer, friend, other]) await each.tag();
    using time = new FakeTime();
    let last = 0;
    const sayLost = (by: RawGlobal, reporter: string, lost: string) =>
      by.say(
        ...[atom("lost_connection"), atom(reporter), 1, ++last, atom(lost)],
      );
    const removes = async ({ raw }: RawGlobal) =>
      assertEquals(
        await typed(raw, "remove_connection"),
        tagged("remove_connection", atom(alex.name)),
      );
    // A loss of this node, passed on.
    sayLost(peer, third, alex.name);
    await removes(other);
    sayLost(peer, RAW, FRIEND);
    await removes(friend);
    // Its earlier messages count.
    sayLost(friend, FRIEND, RAW);
    await removes(peer);
    await alex.run(async () => {
      Node.monitor(KATE);
      sayLost(peer, RAW, KATE);
      assertEquals(await receive(), { type: "nodedown", node: KATE });
    });
    await time.tickAsync(5000);
    await Promise.all([peer, friend, other].map(({ raw }) => raw.closed));
  },
);
