/** Global names and locks. */

import {
  type ExitError,
  global,
  Node,
  type Pid,
  Process,
  receive,
  type ResolveFunction,
  self,
  send,
  spawn,
  Task,
} from "../../../mod.ts";
import {
  attempt,
  forever,
  killNode,
  on,
  part,
  peer,
  reasonOf,
  scenario,
  trace,
  traceNext,
} from "../_scenario.ts";

type Resolve = ResolveFunction;

/** Connects the main node and a peer, and waits until both have the same names. */
async function meet(name = "kate"): Promise<string> {
  const node = await peer(name);
  await Node.connect(node);
  await global.sync();
  await on(name, sync);
  return node;
}

export function sync(): Promise<"ok"> {
  return global.sync();
}

/** A process of the node, which waits. */
function idleOn(name: string): Promise<Pid> {
  return on(name, idle);
}

export function idle(): Pid {
  return spawn(forever);
}

/** A process that forwards its messages, from the first request on. */
async function relay(to: Pid): Promise<never> {
  await receive((m) => m === "go");
  return await passOn(to);
}

async function passOn(to: Pid): Promise<never> {
  for (;;) send(to, { type: "relayed", message: await receive() });
}

/** Waits until the name is free, as the node of the caller sees it. */
async function gone(name: unknown): Promise<string> {
  // safe: asked again until it is so
  while (await global.whereisName(name) !== undefined) await Process.sleep(2);
  return "gone";
}

export function whereis(name: unknown): Promise<Pid | undefined> {
  return global.whereisName(name);
}

export function registerMe(name: unknown): Promise<boolean> {
  return global.registerName(name, self());
}

export async function registerAndTell(name: unknown): Promise<Pid> {
  await global.registerName(name, self());
  return self();
}

export async function registerRelay(
  name: string,
  to: Pid,
  resolve: string,
): Promise<Pid> {
  const pid = spawn(relay, [to]);
  await global.registerName(name, pid, RESOLVE[resolve]);
  return pid;
}

/** A resolver that keeps the second process, and reports both. */
export function keepSecond(name: unknown, first: Pid, second: Pid): Pid {
  send(second, { type: "asked", name, first, second, node: Node.self() });
  return second;
}

export function raises(): never {
  throw new Error("cannot decide");
}

export function nonsense(): string {
  return "nonsense";
}

const RESOLVE: Record<string, Resolve> = {
  exit: global.randomExitName,
  notify: global.randomNotifyName,
  all: global.notifyAllName,
  second: keepSecond,
  nonsense: nonsense as unknown as Resolve,
  raises,
};

/** Registers a name on both nodes while they are partitioned, and connects them again. */
async function conflict(resolve: string): Promise<{ mine: Pid; kates: Pid }> {
  await meet();
  const main = self();
  const mine = spawn(relay, [main]);
  await trace("main's", mine);
  await part("kate");
  await trace(
    "main has it",
    await global.registerName("leader", mine, RESOLVE[resolve]),
  );
  const kates = await on("kate", registerRelay, "leader", main, resolve);
  await trace("kate's", kates);
  await trace("still", await whereis("leader"));
  return { mine, kates };
}

async function resolved(): Promise<void> {
  await meet();
  await trace("main sees", await whereis("leader"));
  await trace("kate sees", await on("kate", whereis, "leader"));
}

scenario("a name is registered once, and all nodes see it", async () => {
  const kate = await meet();
  await trace("main", await global.registerName("leader", self()));
  await trace("main's", await whereis("leader"));
  await trace("kate sees", await on("kate", whereis, "leader"));
  await trace("kate", await on("kate", registerMe, "leader"));
  await trace("names", await on("kate", names));
  await trace("node", kate);
  await global.unregisterName("leader");
});

export function names(): Promise<unknown[]> {
  return global.registeredNames();
}

scenario("any term is a name, for any process of the cluster", async () => {
  await meet();
  const pid = await idleOn("kate");
  await trace("kate's", pid);
  await trace("given", await global.registerName(["room", 1], pid));
  await trace("whereis", await whereis(["room", 1]));
  await trace("another", await whereis(["room", 2]));
  await trace("kate sees", await on("kate", whereis, ["room", 1]));
});

scenario("an unregistered name is free on all nodes", async () => {
  await meet();
  await global.registerName("leader", self());
  await on("kate", unregister, "leader");
  await trace("main sees", await whereis("leader"));
  await global.unregisterName("leader");
  await trace("kate", await on("kate", registerMe, "leader"));
});

export function unregister(name: unknown): Promise<void> {
  return global.unregisterName(name);
}

scenario("re_register_name takes a name without a message", async () => {
  await meet();
  const before = await idleOn("kate");
  await trace("before", before);
  await global.registerName("leader", before);
  await trace("re-registered", await global.reRegisterName("leader", self()));
  await trace("kate sees", before.equals(await on("kate", whereis, "leader")));
  Process.exit(before, "kill");
  await trace("reason", await reasonOf(before));
  await global.sync();
  await trace("main sees", self().equals(await whereis("leader")));
  await global.unregisterName("leader");
});

scenario("a process with a name gets no other", async () => {
  await meet();
  await trace("one", await global.registerName("one", self()));
  await trace("two", await global.registerName("two", self()));
  await trace("two is free", await whereis("two"));
  await global.unregisterName("one");
});

scenario("whereis_name returns no dead process of its own node", async () => {
  const pid = idle();
  await global.registerName("leader", pid);
  Process.exit(pid, "kill");
  await trace("whereis", await whereis("leader"));
});

scenario("the name of an exited process is free on other nodes", async () => {
  await meet();
  const pid = await idleOn("kate");
  await global.registerName("leader", pid);
  Process.exit(pid, "kill");
  await trace("main sees", await gone("leader"));
  await trace("again", await global.registerName("leader", self()));
  await global.unregisterName("leader");
});

scenario("the names of a node that goes down become free", async () => {
  const node = await meet("victim");
  const pid = await idleOn("victim");
  await trace("victim's", pid);
  await global.registerName("leader", pid);
  Node.monitor(node);
  await killNode("victim");
  await traceNext("down");
  await trace("main sees", await gone("leader"));
  await trace("again", await global.registerName("leader", self()));
  await global.unregisterName("leader");
});

scenario("connecting partitions get each other's names", async () => {
  await meet();
  await part("kate");
  await global.registerName("main", self());
  await trace("kate's", await on("kate", registerAndTell, "kate"));
  await trace("not yet", await whereis("kate"));
  await meet();
  await trace("main sees", await whereis("kate"));
  await trace("kate sees", self().equals(await on("kate", whereis, "main")));
  await global.unregisterName("main");
});

scenario("a name conflict kills the process of the greater node", async () => {
  const { mine } = await conflict("exit");
  const ref = Process.monitor(mine);
  await resolved();
  const { reason } = await receive((m) => ref.equals(m?.ref));
  await trace("main's", reason);
});

scenario("random_notify_name notifies the loser of the name", async () => {
  const { mine, kates } = await conflict("notify");
  await resolved();
  for (const pid of [mine, kates]) send(pid, "go");
  send(mine, "marker");
  await traceNext("main's");
  await traceNext("main's");
  send(kates, "marker");
  await traceNext("kate's");
});

scenario("notify_all_name notifies both and frees the name", async () => {
  const { mine, kates } = await conflict("all");
  await resolved();
  send(mine, "go");
  await traceNext("main's");
  send(kates, "go");
  await traceNext("kate's");
});

scenario("a resolver decides once, on the smaller node", async () => {
  const { mine, kates } = await conflict("second");
  await resolved();
  send(kates, "go");
  await traceNext("asked");
  send(kates, "marker");
  await traceNext("once");
  await trace("main's lives", Process.alive(mine));
});

scenario("a resolver that returns neither process frees the name", async () => {
  const { mine } = await conflict("nonsense");
  await resolved();
  await trace("main's lives", Process.alive(mine));
});

scenario("a resolver that raises leaves the name to the other", async () => {
  const { mine } = await conflict("raises");
  await resolved();
  await trace("main's lives", Process.alive(mine));
});

export async function registerForwarder(name: string, to: Pid): Promise<Pid> {
  const pid = spawn(passOn, [to]);
  await global.registerName(name, pid);
  return pid;
}

scenario("send reaches the holder, and exits for a free name", async () => {
  await meet();
  const pid = await on("kate", registerForwarder, "leader", self());
  await trace("kate's", pid);
  await trace("sent to", await global.send("leader", "hi"));
  await traceNext("got");
  try {
    await global.send("nobody", "hi");
  } catch (error) {
    const { type, name, message } = (error as ExitError).reason as Record<
      string,
      unknown
    >;
    await trace("exit", [type, name, message]);
  }
});

export function tryLock(resource: string): Promise<boolean> {
  return global.setLock([resource, self()], { retries: 0 });
}

export function giveBack(resource: string): Promise<boolean> {
  return global.delLock([resource, self()]);
}

scenario("a lock has one requester at a time, on any node", async () => {
  await meet();
  const id = ["printer", self()] as const;
  await trace("main", await global.setLock(id));
  await trace("again", await global.setLock(id));
  await trace("kate", await on("kate", tryLock, "printer"));
  await trace("another", await on("kate", tryLock, "scanner"));
  await trace("not kate's", await on("kate", giveBack, "printer"));
  await trace("kate", await on("kate", tryLock, "printer"));
  await trace("back", await global.delLock(id));
  await trace("kate", await on("kate", tryLock, "printer"));
});

export async function shareLock(): Promise<Pid> {
  const me = self();
  const pid = spawn(async () => {
    send(me, { shared: await global.setLock(["printer", "us"]) });
    await forever();
  });
  await receive((m) => m?.shared === true);
  return pid;
}

scenario("a requester's lock is held until its last release", async () => {
  await meet();
  await trace("main", await global.setLock(["printer", "us"]));
  const kates = await on("kate", shareLock);
  await trace("kate's", kates);
  await trace("back", await global.delLock(["printer", "us"]));
  const them = ["printer", "them"] as const;
  await trace("them", await global.setLock(them, { retries: 0 }));
  Process.exit(kates, "kill");
  await trace("them", await global.setLock(them));
  await global.delLock(them);
});

export function holdLock(to: Pid): Pid {
  return spawn(async () => {
    await global.setLock(["printer", self()]);
    send(to, "locked");
    await forever();
  });
}

scenario("the exit of a holder passes its lock to a waiter", async () => {
  await meet();
  const holder = await on("kate", holdLock, self());
  await traceNext("holder");
  const waiting = await Task.async(() => global.setLock(["printer", self()]));
  Process.exit(holder, "kill");
  await trace("waited", await Task.await(waiting));
});

export function tryTrans(): Promise<unknown> {
  return global.trans(["printer", self()], () => "never", { retries: 0 });
}

scenario("trans returns the result, and releases the lock", async () => {
  await meet();
  const id = ["printer", self()] as const;
  await trace("value", await global.trans(id, () => 42));
  await attempt("raised", () =>
    global.trans(id, () => {
      throw new Error("oops");
    }));
  await global.trans(
    id,
    async () => await trace("aborted", await on("kate", tryTrans)),
  );
  await trace("free", await on("kate", tryLock, "printer"));
});

scenario("a lock on one node does not lock another node", async () => {
  const kate = await meet();
  const here = Node.self();
  const id = ["printer", self()] as const;
  const another = ["printer", "another"] as const;
  await trace("on kate", await global.setLock(id, { nodes: [kate] }));
  await trace(
    "on main",
    await global.setLock(another, { nodes: [here], retries: 0 }),
  );
  const both = { nodes: [here, kate], retries: 0 };
  await trace("on both", await global.setLock(another, both));
  await global.delLock(id, { nodes: [kate] });
  await trace("on both", await global.setLock(another, both));
  await global.delLock(another);
});
