/** Group leaders: inherited, redirected, on other nodes, exited. */

import {
  IO,
  Node,
  type Pid,
  Process,
  self,
  send,
  spawn,
  spawnMonitor,
} from "../../../mod.ts";
import {
  attempt,
  expect,
  forever,
  killNode,
  message,
  on,
  output,
  peer,
  reasonOf,
  scenario,
  trace,
  traceNext,
} from "../_scenario.ts";

scenario("processes print at the leader of their spawner", async () => {
  const main = self();
  await IO.puts("main");
  await reasonOf(spawn(() => IO.puts("child")));
  spawn(async () => {
    await reasonOf(spawn(() => IO.puts("grandchild")));
    send(main, message("ok"));
  });
  await expect("ok");
  await IO.write("no line");
  await trace("output", output());
});

export async function printNode(what: string): Promise<void> {
  await IO.puts(`${what} ${Node.self()}`);
}

export async function haveChildPrint(): Promise<void> {
  await reasonOf(spawn(printNode, ["from a child on"]));
}

async function traceOutputs(): Promise<void> {
  await trace("here", output());
  await trace("there", output("kate"));
}

scenario("a process on another node prints at its parent's", async () => {
  const kate = await peer("kate");
  await reasonOf(await Node.spawn(kate, printNode, ["from"]));
  await reasonOf(await Node.spawn(kate, haveChildPrint));
  await traceOutputs();
});

export async function print(text: string): Promise<void> {
  await IO.puts(text);
}

scenario("code that a node runs itself prints there", async () => {
  await Node.ping(await peer("kate"));
  await on("kate", print, "by itself");
  await traceOutputs();
});

export function leader(): Pid {
  return Process.groupLeader();
}

scenario("a changed leader is inherited by later processes", async () => {
  const own = Process.groupLeader();
  const there = await on("kate", leader);
  const before = spawn(async () => {
    await expect("go");
    await IO.puts("started before");
  });
  Process.groupLeader(there);
  await IO.puts("redirected");
  await reasonOf(spawn(() => IO.puts("started then")));
  send(before, message("go"));
  await reasonOf(before);
  Process.groupLeader(own);
  await IO.puts("back");
  await traceOutputs();
});

export async function printThen(): Promise<void> {
  await expect("go");
  await IO.puts("moved");
}

scenario("a process changes the leader of one on another node", async () => {
  const pid = await Node.spawn(await peer("kate"), printThen);
  Process.groupLeader(pid, await on("kate", leader));
  send(pid, message("go"));
  await reasonOf(pid);
  await traceOutputs();
});

export function nothing(): void {}

scenario("the leader of a missing process cannot be set", async () => {
  const dead = spawn(nothing);
  await reasonOf(dead);
  const far = await Node.spawn(await peer("kate"), nothing);
  await reasonOf(far);
  const set = (pid: Pid) => {
    Process.groupLeader(pid, self());
    return "ok";
  };
  await attempt("here", () => set(dead));
  await attempt("there", () => set(far));
});

export async function tellLines(main: Pid): Promise<void> {
  for (let i = 0; i < 3; i++) {
    send(main, message("line", await IO.gets("? ")));
  }
}

scenario(
  "gets on another node reads the input of the spawner's",
  { input: "first\nsecond\nlast" },
  async () => {
    await trace("here", IO.gets("? "));
    await reasonOf(await Node.spawn(await peer("kate"), tellLines, [self()]));
    for (let i = 0; i < 3; i++) await traceNext("there");
  },
);

scenario("output to another leader by its pid", async () => {
  const device = await on("kate", leader);
  await trace("puts", IO.puts("hello", { device }));
  await trace("write", IO.write("!", { device }));
  await traceOutputs();
});

scenario("lines of a process keep their order between nodes", async () => {
  Process.groupLeader(await on("kate", leader));
  const writes: Promise<"ok">[] = [];
  for (let n = 1; n <= 20; n++) writes.push(IO.write(`${n} `));
  await Promise.all(writes);
  await trace("there", output("kate"));
});

scenario("output to an exited leader raises", async () => {
  const dead = spawn(nothing);
  await reasonOf(dead);
  await attempt("device", () => IO.puts("lost", { device: dead }));
  const { pid, ref } = spawnMonitor(async () => {
    Process.groupLeader(dead);
    await IO.puts("lost");
  });
  await trace("down", [await expect("DOWN"), ref, pid]);
});

scenario("output to a leader on a node that is down raises", async () => {
  const device = await Node.spawn(await peer("victim"), forever);
  await killNode("victim");
  await attempt("device", () => IO.puts("lost", { device }));
});
