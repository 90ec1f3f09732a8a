/**
 * The exchange of two nodes, for nodes of two versions: each side imports this file beside its own
 * `mod.ts`, so it uses only what both versions have. As a program, it is a node.
 */

import {
  Agent,
  atom,
  DynamicSupervisor,
  exit,
  ExitError,
  GenServer,
  global,
  IO,
  makeRef,
  Node,
  pg,
  type Pid,
  Process,
  receive,
  rpc,
  self,
  send,
  spawn,
  SpawnRefusedError,
  Task,
  TaskSupervisor,
  tuple,
  UndefinedFunctionError,
} from "../../../mod.ts";

const Stack = {
  name: "Stack",
  init: (items: unknown[]) => ({ type: "ok", state: items } as const),
  handleCall(request: unknown, _from: unknown, items: unknown[]) {
    const [top, ...rest] = items;
    if (request === "stop") {
      return {
        type: "stop",
        reason: "asked",
        reply: "bye",
        state: items,
      } as const;
    }
    return { type: "reply", reply: top, state: rest } as const;
  },
  handleCast: (item: unknown, items: unknown[]) => (
    { type: "noreply", state: [item, ...items] } as const
  ),
};

/** The functions that each node exports. */
export const There = {
  add: (a: number, b: number) => a + b,
  same: (value: unknown) => value,
  fail: (text: string) => {
    throw new TypeError(text);
  },
  exit: (reason: unknown) => exit(reason),
  print: (text: string) => IO.puts(text),
  join: (group: string) => pg.join(group, Process.whereis("member")!),
  joinTasks: (group: string) => pg.join(group, Process.whereis("tasks")!),
  members: (group: string) => pg.getMembers(group),
  leave: (group: string) => pg.leave(group, Process.whereis("member")!),
  startStack: async () => {
    const pid = await GenServer.start(Stack, [1, 2]);
    return pid;
  },
  startChild: () => Promise.resolve(spawn(There.wait)),
  async echo() {
    for (;;) {
      const { from, value } = await receive();
      send(from, value);
    }
  },
  async wait() {
    await receive(() => false);
  },
  async obey() {
    exit((await receive()).reason);
  },
  /** Runs a feature of this node against another, and returns what it returned. */
  run: (feature: string, peer: string) => FEATURES[feature](peer),
};

const printed: string[] = [];

/** The options of each node. */
export const SETTINGS = {
  modules: { There },
  io: { write: (text: string) => void printed.push(text) },
};

/** Starts what the features of the other node use. */
export async function serve(): Promise<void> {
  await pg.start();
  Process.register(spawn(There.wait), "member");
  await GenServer.start(Stack, ["b", "a"], { name: "stack" });
  await Agent.start(() => 40, { name: "agent" });
  Process.unlink(await TaskSupervisor.startLink({ name: "tasks" }));
  Process.unlink(await DynamicSupervisor.startLink({ name: "children" }));
}

async function down(pid: Pid): Promise<unknown> {
  const ref = Process.monitor(pid);
  return (await receive((m) => ref.equals(m?.ref))).reason;
}

/** How something failed: its error's class, and the code or reason. */
async function failure(promise: Promise<unknown>): Promise<unknown[]> {
  try {
    return ["ok", await promise];
  } catch (error) {
    const { name, code } = error as Error & { code?: string };
    const [text] = error instanceof ExitError
      ? [JSON.stringify(error.reason, undefined, 0)?.replace(/\d+/g, "N")]
      : [code ?? (error as Error).message];
    return [name, text];
  }
}

/** Values of many kinds, as they are sent. */
export function values(): unknown[] {
  return [
    null,
    undefined,
    true,
    -0,
    NaN,
    Infinity,
    2 ** 53,
    10n ** 30n,
    "é\u2028",
    "x".repeat(300),
    [1, [2, [3]]],
    { a: { b: undefined }, $pid: 1 },
    new Map<unknown, unknown>([[{ k: 1 }, "v"], ["k", new Set([1])]]),
    Uint8Array.of(1, 2, 255),
    new Uint8Array(300).fill(7),
    new RangeError("out of range"),
    atom("ok"),
    tuple(atom("ok"), [1]),
    self(),
    makeRef(),
  ];
}

/** The features, each of this node against another. */
export const FEATURES: Record<string, (peer: string) => Promise<unknown>> = {
  connects: async (peer) => [await Node.connect(peer), Node.list()],
  "sends values of all kinds": async (peer) => {
    const pid = await Node.spawn(peer, There.echo);
    const told: boolean[] = [];
    for (const value of values()) {
      send(pid, { from: self(), value });
      const back = await receive();
      told.push(inspectOf(back) === inspectOf(value));
    }
    return told.every((each) => each);
  },
  "sends large messages": async (peer) => {
    const pid = await Node.spawn(peer, There.echo);
    const value = { text: "é".repeat(400_000), bytes: new Uint8Array(3 << 20) };
    send(pid, { from: self(), value });
    const { text, bytes } = await receive();
    return [text === value.text, bytes.length, bytes instanceof Uint8Array];
  },
  "links, monitors and exits": async (peer) => {
    const pid = await Node.spawn(peer, There.obey);
    Process.trapExit(true);
    Process.link(pid);
    send(pid, { reason: { type: "asked", n: 1 } });
    const { type, reason } = await receive();
    Process.trapExit(false);
    const other = await Node.spawn(peer, There.wait);
    const ended = down(other);
    Process.exit(other, "kill");
    return [type, reason, await ended, await down(other)];
  },
  "refuses what is not exported": async (peer) => {
    try {
      await Node.spawn(peer, ["Nothing", "at"]);
    } catch (error) {
      return error instanceof UndefinedFunctionError;
    }
  },
  "refuses closures": async (peer) => {
    try {
      await Node.spawn(peer, () => 1);
    } catch (error) {
      return [
        error instanceof SpawnRefusedError,
        (error as SpawnRefusedError).code,
      ];
    }
  },
  "calls, casts and stops servers": async (peer) => {
    const stack = { name: "stack", node: peer };
    const first = await GenServer.call(stack, "pop");
    GenServer.cast(stack, first);
    const pid = await rpc.call<[], Pid>(peer, ["There", "startStack"]);
    const stopped = [await GenServer.call(pid, "stop"), await down(pid)];
    return [
      await GenServer.call(stack, "pop"),
      (GenServer.cast(stack, first), "ok"),
      stopped,
      await failure(GenServer.call({ name: "nobody", node: peer }, 1)),
    ];
  },
  "asks agents": async (peer) => {
    const agent = { name: "agent", node: peer };
    return await Agent.get(agent, ["There", "add", [2]]);
  },
  "starts tasks and children": async (peer) => {
    const sup = { name: "tasks", node: peer };
    const task = await TaskSupervisor.async(sup, There.add, [1, 2]);
    const failed = await TaskSupervisor.asyncNolink(sup, There.fail, ["oops"]);
    const stream = TaskSupervisor.asyncStream(sup, [1, 2], There.add, {
      args: [10],
    });
    const squares: unknown[] = [];
    for await (const result of stream) squares.push(result);
    const pid = await TaskSupervisor.startChild(sup, There.wait);
    const result = await Task.yield(failed) as { reason: Error };
    const children = { name: "children", node: peer };
    const child = await DynamicSupervisor.startChild(children, {
      id: "x",
      start: ["There", "startChild"],
    }) as Pid;
    return [
      await Task.await(task),
      result.reason.message,
      squares,
      (await TaskSupervisor.children(sup)).length,
      await TaskSupervisor.terminateChild(sup, pid),
      child.node === peer,
      await DynamicSupervisor.terminateChild(children, child),
    ];
  },
  "calls functions": async (peer) => [
    await rpc.call(peer, There.add, [1, 2]),
    await failure(rpc.call(peer, There.fail, ["oops"])),
    await failure(rpc.call(peer, There.exit, ["bye"])),
    await failure(rpc.call(peer, ["There", "missing"])),
  ],
  "shares groups": async (peer) => {
    const group = `of ${Node.self()}`;
    const { ref } = await pg.monitor(group);
    await rpc.call(peer, ["There", "join"], [group]);
    const joined = await receive((m) => ref.equals(m?.ref));
    await rpc.call(peer, ["There", "leave"], [group]);
    const left = await receive((m) => ref.equals(m?.ref));
    pg.demonitor(ref);
    return [joined.type, joined.pids[0].node === peer, left.type];
  },
  "shares names and locks": async (peer) => {
    await global.sync();
    const name = `of ${Node.self()}`;
    const taken = await global.registerName(name, self());
    const seen = await rpc.call(peer, ["There", "whereis"], [name]) as Pid;
    await global.unregisterName(name);
    const lock = ["lock", Node.self()] as const;
    const held = await global.setLock(lock);
    await global.delLock(lock);
    return [taken, self().equals(seen), held];
  },
  "prints at the caller": async (peer) => {
    // A call has the group leader of its caller, which is the other node's.
    Process.groupLeader(self(), Process.whereis("user")!);
    const { ref } = await Node.spawnMonitor(peer, There.print, ["hi"]);
    const { reason } = await receive((m) => ref.equals(m?.ref));
    return [reason, printed.splice(0)];
  },
  "asks for the info of a process": async (peer) => {
    const pid = await rpc.call(peer, ["There", "whereisOwn"], ["member"]);
    const info = await Process.info(pid as Pid, { remote: true });
    return info?.registeredName;
  },
};

Object.assign(There, {
  whereis: (name: unknown) => global.whereisName(name),
  whereisOwn: (name: string) => Process.whereis(name),
});

function inspectOf(value: unknown): string {
  if (value instanceof Map) return `Map ${inspectOf([...value])}`;
  if (value instanceof Set) return `Set ${inspectOf([...value])}`;
  if (Array.isArray(value)) return `[${value.map(inspectOf)}]`;
  if (value instanceof Uint8Array) return `bytes ${[...value]}`;
  if (value instanceof Error) return `${value.name} ${value.message}`;
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "object" && value !== null) {
    return Object.getPrototypeOf(value) === Object.prototype
      ? `{${Object.entries(value).map(([k, v]) => `${k}: ${inspectOf(v)}`)}}`
      : `${value}`;
  }
  return typeof value === "bigint" ? `${value}n` : `${value}`;
}

if (import.meta.main) {
  const node = await Node.start({
    ...JSON.parse(Deno.args[0]),
    ...SETTINGS,
    log() {},
  });
  await node.run(serve);
  console.log("ready");
  // It ends with the test that has started it.
  for await (const _ of Deno.stdin.readable);
  await node.stop();
}
