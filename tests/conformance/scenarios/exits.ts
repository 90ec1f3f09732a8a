/** Exits: every reason, sent, trapped and thrown. */

import {
  beam,
  exit,
  Node,
  type Pid,
  Process,
  type Ref,
  self,
  send,
  spawn,
  spawnLink,
  spawnMonitor,
} from "../../../mod.ts";
import {
  asTerm,
  attempt,
  expect,
  forever,
  message,
  next,
  peer,
  raise,
  reasonOf,
  scenario,
  trace,
  traceNext,
} from "../_scenario.ts";

/** Sends its messages to the main process while it is alive. */
async function listener(trap: boolean): Promise<{ pid: Pid; ref: Ref }> {
  const main = self();
  const pid = spawn(async () => {
    Process.trapExit(trap);
    send(main, message("ready"));
    await listen(main);
  });
  await expect("ready");
  return { pid, ref: Process.monitor(pid) };
}

async function listen(main: Pid): Promise<never> {
  for (;;) send(main, message("heard", await next(5000)));
}

/** Exits with the reason, in the given way, on request. */
export async function endBy(way: string, value: unknown): Promise<void> {
  await expect("go");
  switch (way) {
    case "exit":
      return exit(value);
    case "raise":
      throw new Error(String(value));
    case "throw":
      throw value;
    case "exit_self":
      Process.exit(self(), value);
      return await forever();
  }
}

beam(endBy, { args: ["atom"] });

async function ends(node: string): Promise<void> {
  Process.trapExit(true);
  for (const [way, value] of WAYS) {
    const given = node === Node.self() || way === "raise"
      ? value
      : asTerm(value);
    const pid = await Node.spawnLink(node, endBy, [way, given]);
    send(pid, message("go"));
    await trace("got", [await expect("EXIT"), pid]);
  }
}

const WAYS: [string, unknown?][] = [
  ["return"],
  ["exit", "normal"],
  ["exit", "shutdown"],
  ["exit", { type: "shutdown", reason: "done" }],
  ["exit", "kill"],
  ["exit", { code: 1, why: ["a", 2] }],
  ["raise", "oops"],
  ["throw", "ball"],
  ["exit_self", "normal"],
  ["exit_self", "kill"],
  ["exit_self", "oops"],
];

scenario(
  "a linked process that traps exits receives the reason of each kind of exit",
  () => ends(Node.self()),
);

scenario(
  "a linked process that traps exits receives the reason of each kind of exit on another node",
  async () => ends(await peer("kate")),
);

scenario("normal from others is ignored unless exits are trapped", async () => {
  const { pid, ref } = await listener(false);
  Process.exit(pid, "normal");
  send(pid, message("hello"));
  await traceNext("got");
  Process.exit(pid, "kill");
  await trace("down", [await expect("DOWN"), ref]);
});

scenario("kill cannot be trapped, and others receive killed", async () => {
  Process.trapExit(true);
  const { pid, ref } = await listener(true);
  Process.link(pid);
  await trace("sent", Process.exit(pid, "kill"));
  await trace("exit", [await expect("EXIT"), pid]);
  await trace("down", [await expect("DOWN"), ref]);
});

export async function trapper(main: Pid): Promise<void> {
  Process.trapExit(true);
  send(main, message("ready"));
  await forever();
}

scenario("kill cannot be trapped on another node either", async () => {
  Process.trapExit(true);
  const pid = await Node.spawnLink(await peer("kate"), trapper, [self()]);
  await expect("ready");
  await trace("sent", Process.exit(pid, "kill"));
  await trace("exit", [await expect("EXIT"), pid]);
});

scenario("kill from a link ends a process that traps no exits", async () => {
  const { pid, ref } = await listener(false);
  spawn(() => {
    Process.link(pid);
    exit("kill");
  });
  await trace("down", [await expect("DOWN"), ref]);
});

scenario("killed passes over a link as any other reason", async () => {
  Process.trapExit(true);
  const main = self();
  const middle = spawnLink(async () => {
    send(main, message("victim", spawnLink(forever)));
    await forever();
  });
  const [, victim] = await expect("victim");
  const ref = Process.monitor(victim);
  Process.exit(victim, "kill");
  await trace("down", [await expect("DOWN"), ref]);
  await trace("exit", [await expect("EXIT"), middle]);
});

scenario("shutdown ends a process that does not trap exits", async () => {
  await trace("main", self());
  for (
    const reason of [
      "shutdown",
      { type: "shutdown", reason: "restart" },
      "oops",
    ]
  ) {
    let { pid } = await listener(false);
    Process.exit(pid, reason);
    await trace("down", (await expect("DOWN")).reason);
    ({ pid } = await listener(true));
    Process.exit(pid, reason);
    await traceNext("got");
  }
});

scenario("an exit signal to itself is a message if trapped", async () => {
  Process.trapExit(true);
  await trace("me", self());
  for (const reason of ["normal", "oops"]) {
    await trace("sent", Process.exit(self(), reason));
    await traceNext("got");
  }
});

scenario("an exit signal to a dead process does nothing", async () => {
  const pid = spawn(() => {});
  await reasonOf(pid);
  await trace("sent", Process.exit(pid, "kill"));
  await trace("sent", Process.exit(pid, "oops"));
});

scenario("trap_exit returns its old value; trapped exits stay", async () => {
  await trace("before", Process.trapExit(true));
  await trace("before", Process.trapExit(true));
  const pid = spawnLink(() => exit("oops"));
  send(self(), await expect("EXIT"));
  await trace("before", Process.trapExit(false));
  await trace("pid", pid);
  await traceNext("got");
});

scenario("a caught exit, raise or throw ends nothing", async () => {
  const { pid, ref } = spawnMonitor(async () => {
    await attempt("exit", () => exit("oops"));
    await attempt("exit normal", () => exit("normal"));
    await attempt("raise", () => raise("oops"));
    await attempt("throw", () => {
      throw "ball";
    });
  });
  await trace("down", [await expect("DOWN"), ref, pid]);
});

scenario("the parent's exit does not end a child without a link", async () => {
  const main = self();
  const { pid: parent, ref } = spawnMonitor(() => {
    send(main, message("child", spawn(listen, [main])));
    exit("oops");
  });
  const [, child] = await expect("child");
  await trace("down", [await expect("DOWN"), ref, parent]);
  send(child, message("hello"));
  await traceNext("got");
});

scenario("trap_exit belongs to one process and is not inherited", async () => {
  Process.trapExit(true);
  const pid = spawnLink(async () => {
    spawnLink(() => exit("oops"));
    await forever();
  });
  await trace("got", [await expect("EXIT"), pid]);
});

export async function hear(main: Pid): Promise<void> {
  Process.trapExit(true);
  send(main, message("ready"));
  send(main, message("heard", await expect("EXIT")));
}

scenario("an exit signal names its sender, on another node too", async () => {
  const pid = await Node.spawn(await peer("kate"), hear, [self()]);
  await expect("ready");
  await trace("main", self());
  Process.exit(pid, "hello");
  await traceNext("got");
});
