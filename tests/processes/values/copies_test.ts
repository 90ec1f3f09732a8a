/** A message is a copy, made when it is sent: one table of all ways to send, by value and by destination. */

import { assertEquals } from "@std/assert";
import { Agent } from "../../../packages/servers/agent/agent.ts";
import { DynamicSupervisor } from "../../../packages/servers/supervisor/dynamic_supervisor.ts";
import { Bitstring, improperList, Tuple, tuple } from "../../../mod.ts";
import {
  GenServer,
  type GenServerModule,
  type ServerName,
} from "../../../packages/servers/gen_server/gen_server.ts";
import { Node } from "../../../node.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { rpc } from "../../../packages/node/rpc/rpc.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { type Cluster, clusterTest } from "../../_nodes.ts";
import { exactly } from "../../_terms.ts";
import { until } from "../../_until.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";

/** A mutable value: how to create it, and how to change it in place. */
interface Kind<T> {
  make(): T;
  change(value: T): void;
}

function kind<T>(make: () => T, change: (value: T) => void): Kind<unknown> {
  return { make, change } as Kind<unknown>;
}

const BYTES = 10_000;
const MANY = new Array(30).fill(0);

const KINDS: Record<string, Kind<unknown>> = {
  array: kind(() => [1, 2], (v) => v.push(3)),
  "array of many": kind(() => [...MANY], (v) => v[20] = 9),
  object: kind(() => ({ a: 1 } as Record<string, unknown>), (v) => v.b = 2),
  "object of many": kind(
    () => ({ ...MANY } as Record<string, unknown>),
    (v) => v[20] = 9,
  ),
  "object of a type": kind(
    () => ({ type: "say", what: ["hi"] }),
    (v) => v.what.push("ho"),
  ),
  "array in an object": kind(() => ({ a: { b: [1] } }), (v) => v.a.b.push(2)),
  "object in an array of many": kind(
    () => [...MANY, { a: [1] }] as { a: number[] }[],
    (v) => v[30].a.push(2),
  ),
  Map: kind(() => new Map([["a", 1]]), (v) => v.set("a", 2)),
  "value of a Map": kind(
    () => new Map([["a", [1]]]),
    (v) => v.get("a")!.push(2),
  ),
  "key of a Map": kind(
    () => new Map([[[1], "a"]]),
    (v) => [...v.keys()][0].push(2),
  ),
  Set: kind(() => new Set([1]), (v) => v.add(2)),
  "item of a Set": kind(() => new Set([[1]]), (v) => [...v][0].push(2)),
  "field of an error": kind(
    () => Object.assign(new Error("x"), { at: [1] }),
    (v) => v.at.push(2),
  ),
  "cause of an error": kind(
    () => new Error("x", { cause: [1] }),
    (v) => (v.cause as number[]).push(2),
  ),
  "array in a tuple": kind(() => tuple([1]), (v) => v[0].push(2)),
  "tuple of many": kind(
    () => new Tuple(new Array(30).fill(0)),
    (v) => (v.elements as number[])[20] = 9,
  ),
  "item of an improper list": kind(
    () => improperList([[1]], 2),
    (v) => (v.items[0] as number[]).push(2),
  ),
  "tail of an improper list": kind(
    () => improperList([1], { a: 1 } as Record<string, unknown>),
    (v) => (v.tail as Record<string, unknown>).b = 2,
  ),
  bitstring: kind(
    () => new Bitstring(Uint8Array.of(1, 0xe0), 3),
    (v) => v.bytes[0] = 9,
  ),
  Date: kind(() => new Date(0), (v) => v.setTime(1)),
  "few bytes": kind(() => new Uint8Array([1, 2]), (v) => v[0] = 9),
  "many bytes": kind(() => new Uint8Array(BYTES), (v) => v[BYTES - 1] = 9),
  "many bytes in an object": kind(
    () => ({ bytes: new Uint8Array(BYTES) }),
    (v) => v.bytes[0] = 9,
  ),
  ArrayBuffer: kind(() => new ArrayBuffer(4), (v) => new Uint8Array(v)[0] = 9),
  "floats": kind(() => new Float64Array([1, 2]), (v) => v[0] = 9),
  "a large text with an array": kind(
    () => ({ text: "x".repeat(70_000), list: [1] }),
    (v) => v.list.push(2),
  ),
};

/** A receiver that is ready: how to send to it, and the value that it receives. */
interface Receiver {
  send(value: unknown): unknown;
  got: Promise<unknown>;
}

/** Starts a receiver on a node. */
type Way = (node: Node) => Promise<Receiver>;

let names = 0;

/** Registers the caller, and returns its name. */
function register(): string {
  const name = `taker_${++names}`;
  Process.register(self(), name);
  return name;
}

/** A way to a process of a node that prepares an address, and takes one message. */
function taker<T>(
  prepare: () => T,
  sendTo: (address: T, value: unknown) => unknown,
  // deno-lint-ignore no-explicit-any
  taken: (message: any) => unknown = (message) => message,
): Way {
  return async (node) => {
    const { promise: got, resolve } = Promise.withResolvers<unknown>();
    const ready = Promise.withResolvers<T>();
    await node.run(() => {
      spawn(async () => {
        ready.resolve(prepare());
        resolve(taken(await receive()));
      });
    });
    const address = await ready.promise;
    return { got, send: (value) => sendTo(address, value) };
  };
}

/** A way to a server that notes a request. */
function server(ask: (pid: Pid, value: unknown) => unknown): Way {
  return async (node) => {
    const { promise: got, resolve } = Promise.withResolvers<unknown>();
    const Noting: GenServerModule = {
      init: () => ({ type: "ok", state: 0 }),
      handleCall(request, _from, state) {
        resolve(request);
        return { type: "reply", reply: "ok", state };
      },
      handleCast(request, state) {
        resolve(request);
        return { type: "noreply", state };
      },
    };
    const pid = await node.run(() => GenServer.start(Noting, undefined)) as Pid;
    return { got, send: (value) => ask(pid, value) };
  };
}

/** Ways to send to processes of any node. */
const WAYS: Record<string, Way> = {
  "send() to a pid": taker(self, send),
  "send() to a name": taker(
    () => ({ name: register(), node: self().node }),
    send,
  ),
  "send() to an alias": taker(() => Process.alias(), send),
  "send() with options": taker(
    self,
    (pid, value) => Process.send(pid, value, { nosuspend: true }),
  ),
  "reply()": taker(
    () => Process.monitor(spawn(() => receive()), { alias: "reply_demonitor" }),
    Process.reply,
    ({ value }) => value,
  ),
  "exit()": taker(
    () => {
      Process.trapExit(true);
      return self();
    },
    (pid, value) => Process.exit(pid, value),
    ({ reason }) => reason,
  ),
  "the arguments of Node.spawn() by name": (node) => {
    const { got, named } = exported(node, () => 0);
    return Promise.resolve({
      got,
      send(value) {
        const [module, fn, args] = named(value);
        return Node.spawn(node.name, [module, fn], args);
      },
    });
  },
  "GenServer.cast()": server(GenServer.cast),
  "GenServer.call()": server((pid, value) => GenServer.call(pid, value)),
};

/** Ways to send to processes of the same node only. */
const LOCAL_WAYS: Record<string, Way> = {
  "send() to a name of the node": taker(register, send),
  "sendAfter() to a pid": taker(
    self,
    (pid, value) => Process.sendAfter(pid, value, 0),
  ),
  "sendAfter() to a name": taker(
    register,
    (name, value) => Process.sendAfter(name, value, 0),
  ),
  "the arguments of spawn()": run((take, value) => spawn(take, [value])),
  "the arguments of Node.spawn()": run((take, value) =>
    Node.spawn(ALEX, take, [value])
  ),
  "the arguments of rpc.call()": run((take, value) =>
    rpc.call(ALEX, take, [value])
  ),
  "the arguments of Task.start()": run((take, value) =>
    Task.start(take, [value])
  ),
  "the argument of GenServer.start()": run((take, value) =>
    GenServer.start({
      init(arg) {
        take(arg);
        return { type: "ok", state: undefined };
      },
    }, value)
  ),
  "GenServer.cast() by a name with an asynchronous look-up": server(
    (pid, value) => GenServer.cast(later(pid), value),
  ),
  "GenServer.call() by a name with an asynchronous look-up": server(
    (pid, value) => GenServer.call(later(pid), value),
  ),
  "Agent.get() by a name with an asynchronous look-up": byAgent(Agent.get),
  "Agent.cast() by a name with an asynchronous look-up": byAgent(Agent.cast),
  "a start of a task by a name with an asynchronous look-up": async (node) => {
    const { promise: got, resolve } = Promise.withResolvers<unknown>();
    const pid = await unlinked(node, () => TaskSupervisor.startLink());
    return {
      got,
      send: (value) =>
        TaskSupervisor.startChild(
          later(pid),
          (value: unknown) => resolve(value),
          [value],
        ),
    };
  },
  "a start of a child by a name with an asynchronous look-up": async (node) => {
    const { got, named } = exported(node, () => "ignore");
    const pid = await unlinked(node, () => DynamicSupervisor.startLink());
    return {
      got,
      send: (value) =>
        DynamicSupervisor.startChild(later(pid), {
          id: "child",
          // deno-lint-ignore no-explicit-any
          start: named(value) as any,
        }),
    };
  },
};

/** A function that a node exports, by its name and its last argument; and that argument, as it arrived. */
function exported(node: Node, result: () => unknown): {
  got: Promise<unknown>;
  named(value: unknown): [string, string, unknown[]];
} {
  const { promise: got, resolve } = Promise.withResolvers<unknown>();
  const module = `Exported${++names}`;
  node.export(module, {
    take(...args: unknown[]) {
      resolve(args.at(-1));
      return result();
    },
  });
  return { got, named: (value) => [module, "take", [value]] };
}

/** Starts a supervisor on a node, without a link. */
function unlinked(node: Node, start: () => Promise<Pid>): Promise<Pid> {
  return node.run(async () => {
    const pid = await start();
    Process.unlink(pid);
    return pid;
  });
}

/** A way that makes an agent run a function of its node. */
function byAgent(
  ask: (agent: ServerName, named: [string, string, unknown[]]) => unknown,
): Way {
  return async (node) => {
    const { got, named } = exported(node, () => 0);
    const pid = await node.run(() => Agent.start(() => 0));
    return { got, send: (value) => ask(later(pid), named(value)) };
  };
}

/** A way whose receiver is a function that runs with the sent value. */
function run(
  start: (take: (value: unknown) => void, value: unknown) => unknown,
): Way {
  return () => {
    const { promise: got, resolve } = Promise.withResolvers<unknown>();
    return Promise.resolve({
      got,
      send: (value) => start((value) => resolve(value), value),
    });
  };
}

/** A name that a registry looks up asynchronously. */
function later(pid: Pid): ServerName {
  const via = {
    registerName: () => false,
    unregisterName: () => {},
    whereisName: () => Promise.resolve(pid),
  };
  return { via, name: "later" };
}

async function checkTable(
  ways: Record<string, Way>,
  target: Node,
  before: () => Promise<void>,
): Promise<void> {
  for (const [way, start] of Object.entries(ways)) {
    for (const [kind, { make, change }] of Object.entries(KINDS)) {
      const what = `${kind} by ${way}`;
      const value = make();
      const expected = exactly(value);
      const [first, second] = [await start(target), await start(target)];
      await before();
      const sent = [first.send(value), second.send(value)];
      change(value);
      const changed = exactly(value);
      const got = await first.got;
      assertEquals(exactly(got), expected, `${what}, changed after sending`);
      change(got);
      assertEquals(
        exactly(await second.got),
        expected,
        `${what}, of which another receiver changed a copy`,
      );
      assertEquals(exactly(value), changed, `${what}, whose copy was changed`);
      await Promise.all(sent);
    }
  }
}

/** Runs a table from alex, with kate running too. */
async function fromAlex(
  cluster: Cluster,
  fn: (alex: Node, kate: Node) => Promise<void>,
): Promise<void> {
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  await alex.run(() => fn(alex, kate));
}

clusterTest(
  "every way to send within a node copies at once",
  (cluster) =>
    fromAlex(
      cluster,
      (alex) => checkTable({ ...WAYS, ...LOCAL_WAYS }, alex, async () => {}),
    ),
);

clusterTest(
  "every way to send to another node copies at once",
  (cluster) =>
    fromAlex(cluster, (_, kate) =>
      checkTable(WAYS, kate, async () => {
        assertEquals(await Node.connect(KATE), true);
      })),
);

clusterTest("every way copies before a node has started", async (cluster) => {
  const started = Promise.withResolvers<Node>();
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  spawn(async () => {
    try {
      const alex = await started.promise;
      assertEquals(self().node, "nonode@nohost");
      // A node that is not started spawns nothing elsewhere.
      const { "the arguments of Node.spawn() by name": _, ...ways } = WAYS;
      resolve(await checkTable(ways, alex, () => Promise.resolve()));
    } catch (error) {
      reject(error);
    }
  });
  started.resolve(await cluster.start("alex"));
  await done;
});

const DIALLING: Record<string, Way> = {
  ...WAYS,
  // A reply does not dial: it waits for a dial that another message began.
  "reply()": async (node) => {
    const { got, send: answer } = await WAYS["reply()"](node);
    return {
      got,
      send(value) {
        send({ name: "nobody", node: node.name }, "dial");
        return answer(value);
      },
    };
  },
};

clusterTest(
  "every way copies during a dial",
  (cluster) =>
    fromAlex(cluster, async (_, kate) => {
      await checkTable(DIALLING, kate, async () => {
        Node.disconnect(KATE);
        await kate.run(() => until(() => !Node.list().includes(ALEX)));
        assertEquals(Node.list(), []);
      });
    }),
  { timeout: 60_000, tags: ["slow"] },
);
