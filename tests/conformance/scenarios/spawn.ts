/** Spawn and its variants, on live, dead and unknown nodes. */

import {
  beam,
  exit,
  Node,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
  spawnLink,
  spawnMonitor,
} from "../../../mod.ts";
import {
  attempt,
  expect,
  forever,
  killNode,
  message,
  next,
  peer,
  reasonOf,
  scenario,
  trace,
  traceMarker,
  traceNext,
  traceNothing,
  UNKNOWN_NODE,
} from "../_scenario.ts";

export function introduce(main: Pid, argument: unknown): void {
  send(main, message("hello", self(), Node.self(), argument));
}

export function crash(reason: string): never {
  exit(reason);
}

beam(crash, { args: ["atom"] });

scenario("a process starts on another node with its arguments", async () => {
  const pid = await Node.spawn(await peer("kate"), introduce, [self(), {
    list: [1, "two"],
  }]);
  await trace("pid", pid);
  await traceNext("got");
  await trace("of", pid.node);
});

scenario("a process that starts on its own node by name is local", async () => {
  const pid = await Node.spawn(Node.self(), introduce, [self(), "here"]);
  await trace("pid", pid);
  await traceNext("got");
  await reasonOf(pid);
  await trace("alive", Process.alive(pid));
});

scenario("on an unknown node, it returns the pid of no process", async () => {
  const pid = await Node.spawn(UNKNOWN_NODE, forever);
  await trace("pid", [pid, pid.node]);
  await attempt("sent", () => {
    send(pid, message("hello"));
    return "sent";
  });
  await trace("monitor", Process.monitor(pid));
  await traceNext("got");
});

scenario("a link on an unknown node sends EXIT, noconnection", async () => {
  Process.trapExit(true);
  const pid = await Node.spawnLink(UNKNOWN_NODE, forever);
  await trace("pid", [pid, pid.node]);
  await traceNext("got");
  await traceNothing("then");
});

scenario("a link on an unknown node ends a process without traps", async () => {
  const { pid, ref } = spawnMonitor(async () => {
    await Node.spawnLink(UNKNOWN_NODE, forever);
    await forever();
  });
  await trace("down", [await expect("DOWN"), ref, pid]);
});

scenario("a monitor on an unknown node sends noconnection", async () => {
  const { pid, ref } = await Node.spawnMonitor(UNKNOWN_NODE, forever);
  await trace("pid", [pid, ref]);
  await traceNext("got");
  await traceNothing("then");
});

scenario("a down node: links and monitors send noconnection", async () => {
  Process.trapExit(true);
  const node = await peer("victim");
  await Node.ping(node);
  await killNode("victim");
  const linked = await Node.spawnLink(node, forever);
  await trace("exit", [await expect("EXIT"), linked]);
  const { pid, ref } = await Node.spawnMonitor(node, forever);
  await trace("down", [await expect("DOWN"), ref, pid]);
});

scenario("a linked process that exits at once is not noproc", async () => {
  Process.trapExit(true);
  for (const node of [Node.self(), await peer("kate")]) {
    const pid = await Node.spawnLink(node, crash, ["at_once"]);
    await trace("got", [await expect("EXIT"), pid]);
  }
  const pid = spawnLink(crash, ["at_once"]);
  await trace("got", [await expect("EXIT"), pid]);
});

scenario("a monitored process that exits at once is not noproc", async () => {
  for (const node of [Node.self(), await peer("kate")]) {
    const { pid, ref } = await Node.spawnMonitor(node, crash, ["at_once"]);
    await trace("got", [await expect("DOWN"), ref, pid]);
  }
  const { pid, ref } = spawnMonitor(crash, ["at_once"]);
  await trace("got", [await expect("DOWN"), ref, pid]);
});

export function raiseError(): never {
  throw new Error("oops");
}

export function toss(): never {
  throw "ball";
}

scenario("a failing process sends nothing without a link", async () => {
  for (const node of [Node.self(), await peer("kate")]) {
    await reasonOf(await Node.spawn(node, raiseError));
    await reasonOf(await Node.spawn(node, toss));
    await traceMarker("got");
  }
});

scenario(
  "a missing function, linked",
  {
    difference: {
      row: "undefined-function",
      elixir: ["spawn: true", "got: raised(undef)"],
      typescript: ["spawn: raised(undef)", "got: nothing"],
    },
  },
  async () => {
    Process.trapExit(true);
    const kate = await peer("kate");
    await attempt("spawn", async () => {
      await Node.spawnLink(kate, ["Conformance.Spawn", "noSuchFunction"]);
      return true;
    });
    const got = await next(300);
    await trace("got", got === "nothing" ? got : got.reason);
  },
);

export async function passThree(main: Pid): Promise<void> {
  for (let i = 0; i < 3; i++) {
    send(main, message("got", await next()));
  }
}

scenario("messages to a new process keep order from its start", async () => {
  const pid = await Node.spawn(await peer("kate"), passThree, [self()]);
  for (const n of [1, 2, 3]) send(pid, n);
  for (let i = 0; i < 3; i++) await traceNext("heard");
});

scenario("a linked process exits with its parent", async () => {
  const main = self();
  const parent = spawn(async () => {
    send(
      main,
      message("child", await Node.spawnLink(await peer("kate"), forever)),
    );
    exit((await expect("exit"))[1]);
  });
  const [, child] = await expect("child");
  const refs = [Process.monitor(parent), Process.monitor(child)];
  await trace("family", [parent, child, ...refs]);
  send(parent, message("exit", "bye"));
  for (const ref of refs) {
    await trace("got", receive((m) => ref.equals(m?.ref)));
  }
});

export async function tellHeard(main: Pid): Promise<void> {
  send(main, message("child_heard", await next(5000)));
}

scenario("a linked process outlives a parent that exits normally", async () => {
  const main = self();
  const parent = spawn(async () => {
    const child = await Node.spawnLink(await peer("kate"), tellHeard, [main]);
    send(main, message("child", child));
  });
  const [, child] = await expect("child");
  await trace("parent", ["normal", "noproc"].includes(await reasonOf(parent)));
  send(child, message("hello"));
  await traceNext("got");
});
