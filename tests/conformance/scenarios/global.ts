/** Global names and locks. */

import {
  atom,
  beam,
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
  isMessage,
  killNode,
  message,
  on,
  part,
  peer,
  raise,
  reasonOf,
  scenario,
  trace,
  traceNext,
} from "../_scenario.ts";

type Resolve = ResolveFunction;

/** Names, resources and requesters that nodes of either language have. */
const LEADER = atom("leader");
const PRINTER = atom("printer");
const SCANNER = atom("scanner");
const US = atom("us");
const THEM = atom("them");
const ANOTHER = atom("another");

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
  await receive((m) => isMessage(m, "go"));
  return await passOn(to);
}

async function passOn(to: Pid): Promise<never> {
  for (;;) send(to, message("relayed", await receive()));
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

export const registerRelay = beam(
  async (name: unknown, to: Pid, resolve: string): Promise<Pid> => {
    const pid = spawn(relay, [to]);
    await global.registerName(name, pid, RESOLVE[resolve]);
    return pid;
  },
  { args: ["term", "term", "atom"] },
);

/** A resolver that keeps the second process, and reports both. */
export function keepSecond(name: unknown, first: Pid, second: Pid): Pid {
  send(second, message("asked", name, first, second, Node.self()));
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
    global.registerName(LEADER, mine, RESOLVE[resolve]),
  );
  const kates = await on("kate", registerRelay, LEADER, main, resolve);
  await trace("kate's", kates);
  await trace("still", whereis(LEADER));
  return { mine, kates };
}

async function resolved(): Promise<void> {
  await meet();
  await trace("main sees", whereis(LEADER));
  await trace("kate sees", on("kate", whereis, LEADER));
}

scenario("a name is registered once, and all nodes see it", async () => {
  const kate = await meet();
  await trace("main", global.registerName(LEADER, self()));
  await trace("main's", whereis(LEADER));
  await trace("kate sees", on("kate", whereis, LEADER));
  await trace("kate", on("kate", registerMe, LEADER));
  await trace("names", on("kate", names));
  await trace("node", kate);
  await global.unregisterName(LEADER);
});

export function names(): Promise<unknown[]> {
  return global.registeredNames();
}

scenario("any term is a name, for any process of the cluster", async () => {
  await meet();
  const pid = await idleOn("kate");
  await trace("kate's", pid);
  await trace("given", global.registerName(["room", 1], pid));
  await trace("whereis", whereis(["room", 1]));
  await trace("another", whereis(["room", 2]));
  await trace("kate sees", on("kate", whereis, ["room", 1]));
});

scenario("an unregistered name is free on all nodes", async () => {
  await meet();
  await global.registerName(LEADER, self());
  await on("kate", unregister, LEADER);
  await trace("main sees", whereis(LEADER));
  await global.unregisterName(LEADER);
  await trace("kate", on("kate", registerMe, LEADER));
});

export function unregister(name: unknown): Promise<void> {
  return global.unregisterName(name);
}

scenario("re_register_name takes a name without a message", async () => {
  await meet();
  const before = await idleOn("kate");
  await trace("before", before);
  await global.registerName(LEADER, before);
  await trace("re-registered", global.reRegisterName(LEADER, self()));
  await trace("kate sees", before.equals(await on("kate", whereis, LEADER)));
  Process.exit(before, "kill");
  await trace("reason", reasonOf(before));
  await global.sync();
  await trace("main sees", self().equals(await whereis(LEADER)));
  await global.unregisterName(LEADER);
});

scenario("a process with a name gets no other", async () => {
  await meet();
  await trace("one", global.registerName(atom("one"), self()));
  await trace("two", global.registerName(atom("two"), self()));
  await trace("two is free", whereis(atom("two")));
  await global.unregisterName(atom("one"));
});

scenario("whereis_name returns no dead process of its own node", async () => {
  const pid = idle();
  await global.registerName(LEADER, pid);
  Process.exit(pid, "kill");
  await trace("whereis", whereis(LEADER));
});

scenario("the name of an exited process is free on other nodes", async () => {
  await meet();
  const pid = await idleOn("kate");
  await global.registerName(LEADER, pid);
  Process.exit(pid, "kill");
  await trace("main sees", gone(LEADER));
  await trace("again", global.registerName(LEADER, self()));
  await global.unregisterName(LEADER);
});

scenario("the names of a node that goes down become free", async () => {
  const node = await meet("victim");
  const pid = await idleOn("victim");
  await trace("victim's", pid);
  await global.registerName(LEADER, pid);
  Node.monitor(node);
  await killNode("victim");
  await traceNext("down");
  await trace("main sees", gone(LEADER));
  await trace("again", global.registerName(LEADER, self()));
  await global.unregisterName(LEADER);
});

scenario("connecting partitions get each other's names", async () => {
  await meet();
  await part("kate");
  await global.registerName(atom("main"), self());
  await trace("kate's", on("kate", registerAndTell, atom("kate")));
  await trace("not yet", whereis(atom("kate")));
  await meet();
  await trace("main sees", whereis(atom("kate")));
  await trace(
    "kate sees",
    self().equals(await on("kate", whereis, atom("main"))),
  );
  await global.unregisterName(atom("main"));
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
  for (const pid of [mine, kates]) send(pid, message("go"));
  send(mine, message("marker"));
  await traceNext("main's");
  await traceNext("main's");
  send(kates, message("marker"));
  await traceNext("kate's");
});

scenario("notify_all_name notifies both and frees the name", async () => {
  const { mine, kates } = await conflict("all");
  await resolved();
  send(mine, message("go"));
  await traceNext("main's");
  send(kates, message("go"));
  await traceNext("kate's");
});

scenario("a resolver decides once, on the smaller node", async () => {
  const { mine, kates } = await conflict("second");
  await resolved();
  send(kates, message("go"));
  await traceNext("asked");
  send(kates, message("marker"));
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

export async function registerForwarder(name: unknown, to: Pid): Promise<Pid> {
  const pid = spawn(passOn, [to]);
  await global.registerName(name, pid);
  return pid;
}

scenario("send reaches the holder, and exits for a free name", async () => {
  await meet();
  const pid = await on("kate", registerForwarder, LEADER, self());
  await trace("kate's", pid);
  await trace("sent to", global.send(LEADER, message("hi")));
  await traceNext("got");
  try {
    await global.send(atom("nobody"), message("hi"));
  } catch (error) {
    const { type, name, message } = (error as ExitError).reason as Record<
      string,
      unknown
    >;
    await trace("exit", [type, name, message]);
  }
});

export function tryLock(resource: unknown): Promise<boolean> {
  return global.setLock([resource, self()], { retries: 0 });
}

export function giveBack(resource: unknown): Promise<boolean> {
  return global.delLock([resource, self()]);
}

scenario("a lock has one requester at a time, on any node", async () => {
  await meet();
  const id = [PRINTER, self()] as const;
  await trace("main", global.setLock(id));
  await trace("again", global.setLock(id));
  await trace("kate", on("kate", tryLock, PRINTER));
  await trace("another", on("kate", tryLock, SCANNER));
  await trace("not kate's", on("kate", giveBack, PRINTER));
  await trace("kate", on("kate", tryLock, PRINTER));
  await trace("back", global.delLock(id));
  await trace("kate", on("kate", tryLock, PRINTER));
});

export async function shareLock(): Promise<Pid> {
  const me = self();
  const pid = spawn(async () => {
    send(me, { shared: await global.setLock([PRINTER, US]) });
    await forever();
  });
  await receive((m) => m?.shared === true);
  return pid;
}

scenario("a requester's lock is held until its last release", async () => {
  await meet();
  await trace("main", global.setLock([PRINTER, US]));
  const kates = await on("kate", shareLock);
  await trace("kate's", kates);
  await trace("back", global.delLock([PRINTER, US]));
  const them = [PRINTER, THEM] as const;
  await trace("them", global.setLock(them, { retries: 0 }));
  Process.exit(kates, "kill");
  await trace("them", global.setLock(them));
  await global.delLock(them);
});

export function holdLock(to: Pid): Pid {
  return spawn(async () => {
    await global.setLock([PRINTER, self()]);
    send(to, message("locked"));
    await forever();
  });
}

scenario("the exit of a holder passes its lock to a waiter", async () => {
  await meet();
  const holder = await on("kate", holdLock, self());
  await traceNext("holder");
  const waiting = await Task.async(() => global.setLock([PRINTER, self()]));
  Process.exit(holder, "kill");
  await trace("waited", Task.await(waiting));
});

export function tryTrans(): Promise<unknown> {
  return global.trans([PRINTER, self()], () => "never", { retries: 0 });
}

scenario("trans returns the result, and releases the lock", async () => {
  await meet();
  const id = [PRINTER, self()] as const;
  await trace("value", global.trans(id, () => 42));
  await attempt("raised", () => global.trans(id, () => raise("oops")));
  await global.trans(
    id,
    async () => await trace("aborted", on("kate", tryTrans)),
  );
  await trace("free", on("kate", tryLock, PRINTER));
});

scenario("a lock on one node does not lock another node", async () => {
  const kate = await meet();
  const here = Node.self();
  const id = [PRINTER, self()] as const;
  const another = [PRINTER, ANOTHER] as const;
  await trace("on kate", global.setLock(id, { nodes: [kate] }));
  await trace(
    "on main",
    global.setLock(another, { nodes: [here], retries: 0 }),
  );
  const both = { nodes: [here, kate], retries: 0 };
  await trace("on both", global.setLock(another, both));
  await global.delLock(id, { nodes: [kate] });
  await trace("on both", global.setLock(another, both));
  await global.delLock(another);
});
