/** The order of signals of all kinds between a pair of processes. */

import {
  type Atom,
  beam,
  exit,
  isExit,
  Node,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
  spawnLink,
} from "../../../mod.ts";
import {
  attempt,
  connectedNodes,
  expect,
  forever,
  isMessage,
  message,
  next,
  on,
  peer,
  scenario,
  trace,
  traceMarker,
  traceNext,
  UNKNOWN_NODE,
} from "../_scenario.ts";

/** Forwards its messages to the trace, in the order of its mailbox; it traps exits. */
export async function record(name: string): Promise<never> {
  Process.trapExit(true);
  send((await expect("ready"))[1], message("ready"));
  for (;;) {
    const received = await receive();
    if (isMessage(received, "sync")) send(received[1], message("synced"));
    else await trace(name, received);
  }
}

async function startRecorder(node: string): Promise<Pid> {
  const pid = await Node.spawn(node, record, ["recorded"]);
  send(pid, message("ready", self()));
  await expect("ready");
  return pid;
}

async function sync(pid: Pid): Promise<void> {
  send(pid, message("sync", self()));
  await expect("synced");
}

async function sendAndExit(node: string): Promise<void> {
  const pid = await startRecorder(node);
  await trace("me", self());
  send(pid, message("a"));
  Process.exit(pid, "b");
  send(pid, message("c"));
  Process.exit(pid, "normal");
  send(pid, message("d"));
  await sync(pid);
}

scenario(
  "messages and exit signals keep their order on one node",
  () => sendAndExit(Node.self()),
);

scenario(
  "messages and exit signals keep their order between nodes",
  async () => sendAndExit(await peer("kate")),
);

export async function clerk(main: Pid): Promise<void> {
  Process.register(self(), "clerk");
  send(main, message("alias", Process.alias()));
  for (let i = 0; i < 6; i++) await trace("recorded", next());
  send(main, message("done"));
}

scenario("pids, names and aliases keep order between nodes", async () => {
  const kate = await peer("kate");
  const pid = await Node.spawn(kate, clerk, [self()]);
  const [, address] = await expect("alias");
  send(pid, 1);
  send(address, 2);
  send({ name: "clerk", node: kate }, 3);
  send(address, 4);
  send(pid, 5);
  send({ name: "clerk", node: kate }, 6);
  await expect("done");
});

scenario("pids, names and aliases keep order on one node", async () => {
  const pid = spawn(clerk, [self()]);
  const [, address] = await expect("alias");
  send(pid, 1);
  send(address, 2);
  send("clerk", 3);
  send(address, 4);
  send({ name: "clerk", node: Node.self() }, 5);
  send(pid, 6);
  await expect("done");
});

export async function talkAndEnd(main: Pid, reason: string): Promise<void> {
  await expect("go");
  send(main, message("a"));
  send(main, message("b"));
  if (reason !== "normal") exit(reason);
}

beam(talkAndEnd, { args: ["term", "atom"] });

async function messagesThenEnd(pid: Pid): Promise<void> {
  const ref = Process.monitor(pid);
  await trace("monitor", [pid, ref]);
  send(pid, message("go"));
  await traceNext("first");
  await traceNext("second");
  await trace("exit", (await expect("EXIT")).reason);
  await trace("down", expect("DOWN"));
}

scenario("a process's messages come before its EXIT and DOWN", async () => {
  Process.trapExit(true);
  await messagesThenEnd(spawnLink(talkAndEnd, [self(), "normal"]));
});

scenario("messages precede EXIT and DOWN from another node", async () => {
  Process.trapExit(true);
  await messagesThenEnd(
    await Node.spawnLink(await peer("kate"), talkAndEnd, [self(), "gone"]),
  );
});

async function afterKill(node: string): Promise<void> {
  Process.trapExit(true);
  let pid = await Node.spawn(node, forever);
  Process.exit(pid, "kill");
  const ref = Process.monitor(pid);
  await trace("down", [await expect("DOWN"), ref]);
  pid = await Node.spawn(node, forever);
  Process.exit(pid, "kill");
  Process.link(pid);
  await trace("exit", [await expect("EXIT"), pid]);
}

scenario(
  "a monitor and a link after a kill send noproc",
  () => afterKill(Node.self()),
);

scenario(
  "a monitor and a link after a kill to another node send noproc",
  async () => afterKill(await peer("kate")),
);

export async function tellLeader(main: Pid): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await expect("tell");
    send(main, message("leader", Process.groupLeader()));
  }
}

scenario("a group leader is set before the next message", async () => {
  const main = self();
  for (const node of [Node.self(), await peer("kate")]) {
    const pid = await Node.spawn(node, tellLeader, [main]);
    send(pid, message("tell"));
    await trace(
      "inherited",
      Process.groupLeader().equals((await expect("leader"))[1]),
    );
    Process.groupLeader(pid, main);
    send(pid, message("tell"));
    await traceNext("then");
    await trace("main", main);
  }
});

export async function measure(main: Pid): Promise<void> {
  for (let i = 0; i < 5; i++) {
    const received = await receive<string | number>();
    send(main, typeof received === "string" ? received.length : received);
  }
}

scenario("a large message keeps its position between small ones", async () => {
  const pid = await Node.spawn(await peer("kate"), measure, [self()]);
  send(pid, 1);
  send(pid, "x".repeat(3_000_000));
  send(pid, 2);
  send(pid, "y".repeat(200_000));
  send(pid, 3);
  for (let i = 0; i < 5; i++) await traceNext("got");
});

export function count(main: Pid, name: string): void {
  for (let n = 1; n <= 1000; n++) send(main, message(name, n));
}

beam(count, { args: ["term", "atom"] });

scenario("a thousand messages of two senders keep their order", async () => {
  const kate = await peer("kate");
  for (const name of ["one", "other"]) {
    await Node.spawn(kate, count, [self(), name]);
  }
  const got: [Atom, number][] = [];
  for (let i = 0; i < 2000; i++) got.push(await next());
  for (const name of ["one", "other"]) {
    const numbers = got.filter(([tag]) => tag.name === name).map(([, n]) => n);
    await trace(
      name,
      numbers.length === 1000 && numbers.every((n, at) => n === at + 1),
    );
  }
});

export async function sayLast(main: Pid): Promise<never> {
  await expect("go");
  send(main, message("last"));
  exit("late");
}

scenario("after an unlink an exit drops, earlier messages do not", async () => {
  Process.trapExit(true);
  const pid = await Node.spawnLink(await peer("kate"), sayLast, [self()]);
  const ref = Process.monitor(pid);
  send(pid, message("go"));
  Process.unlink(pid);
  // It may have arrived just before the unlink.
  await receive(isExit, { timeout: 0, after: undefined });
  await trace("first", expect("last"));
  await trace("down", [await expect("DOWN"), ref]);
  await traceMarker("then");
});

/** A process of kate that forwards its first message. */
export function startTeller(main: Pid): void {
  spawn(async () => {
    Process.register(self(), "teller");
    send(main, message("ready"));
    send(main, message("got", await next()));
  });
}

scenario("send with noconnect makes no connection, but uses one", async () => {
  const kate = await peer("kate");
  const to = { name: "teller", node: kate };
  await trace("to none", Process.send(to, 1, { noconnect: true }));
  await trace("connected", connectedNodes());
  await on("kate", startTeller, self());
  await expect("ready");
  await trace("to one", Process.send(to, 2, { noconnect: true }));
  await traceNext("then");
  await trace(
    "both",
    Process.send(to, 3, { noconnect: true, nosuspend: true }),
  );
});

scenario("send with options to this node", async () => {
  await trace(
    "to itself",
    Process.send(self(), 1, { noconnect: true, nosuspend: true }),
  );
  await traceNext("got");
  await trace("without options", Process.send(self(), 2, {}));
  await traceNext("got");
  await attempt(
    "to a name that nobody has",
    () => Process.send("nobody_here", 1, { noconnect: true }),
  );
  await trace(
    "to an unknown node",
    Process.send({ name: "teller", node: UNKNOWN_NODE }, 1, {
      noconnect: true,
    }),
  );
});
