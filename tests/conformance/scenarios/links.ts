/** Links: within a node and between two, their ends and their races. */

import {
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
  part,
  peer,
  reasonOf,
  scenario,
  trace,
  traceMarker,
  traceNext,
  traceNothing,
} from "../_scenario.ts";
import { down } from "../_tasks.ts";

export async function obedient(): Promise<never> {
  const [, reason] = await expect("exit");
  exit(reason);
}

/** Executes requests, and reports when each is done. */
export async function puppet(): Promise<never> {
  for (;;) {
    const [, to, what, args] = await expect("do");
    await DEEDS[what](...args);
    send(to, message("done"));
  }
}

// deno-lint-ignore no-explicit-any
const DEEDS: Record<string, (...args: any[]) => unknown> = {
  nothing() {},
  link: Process.link,
  unlink: Process.unlink,
  exit: (reason) => exit(reason),
  trace_exit: async () => await trace("there", expect("EXIT")),
  trace_alive: () => trace("there", "alive"),
  trap_and_link(pid) {
    Process.trapExit(true);
    Process.link(pid);
  },
};

function order(pid: Pid, what: string, ...args: unknown[]): void {
  send(pid, message("do", self(), what, args));
}

async function tell(pid: Pid, what: string, ...args: unknown[]): Promise<void> {
  order(pid, what, ...args);
  await expect("done");
}

function tellToExit(pid: Pid, reason: string): void {
  send(pid, message("exit", reason));
}

export function nothing(): void {}

scenario("an exit passes over a link, to a trapper as a message", async () => {
  Process.trapExit(true);
  const pid = spawnLink(() => exit("oops"));
  await trace("linked", pid);
  await traceNext("got");
});

scenario("linking twice makes one link", async () => {
  Process.trapExit(true);
  const pid = spawnLink(obedient);
  await trace("again", Process.link(pid));
  tellToExit(pid, "once");
  await traceNext("got");
  await traceNothing("then");
});

scenario("one unlink ends a link that both ends have made", async () => {
  const pid = spawn(puppet);
  Process.link(pid);
  await tell(pid, "link", self());
  Process.unlink(pid);
  const ref = Process.monitor(pid);
  order(pid, "exit", "alone");
  await trace("down", [await expect("DOWN"), ref]);
  await trace("alive", Process.alive(self()));
});

scenario("after an unlink the other's exit does not arrive", async () => {
  Process.trapExit(true);
  const pid = spawnLink(obedient);
  await trace("unlinked", Process.unlink(pid));
  const ref = Process.monitor(pid);
  tellToExit(pid, "alone");
  await traceNext("got");
  await trace("monitor", [pid, ref]);
  await traceNothing("then");
});

scenario("unlink of a process that is not linked returns true", async () => {
  const pid = spawn(forever);
  await trace("stranger", Process.unlink(pid));
  Process.exit(pid, "kill");
  await reasonOf(pid);
  await trace("dead", Process.unlink(pid));
  await trace("self", Process.unlink(self()));
});

scenario("an EXIT that has arrived stays after an unlink", async () => {
  Process.trapExit(true);
  const pid = spawnLink(obedient);
  const ref = Process.monitor(pid);
  tellToExit(pid, "before");
  await expect("DOWN");
  // The order of these two signals is not guaranteed.
  send(self(), await expect("EXIT"));
  Process.unlink(pid);
  await trace("link and monitor", [pid, ref]);
  await traceNext("got");
});

scenario("a link of a process to itself does nothing", async () => {
  await trace("linked", Process.link(self()));
  Process.trapExit(true);
  await traceMarker("got");
});

scenario("a link to a dead process raises, or sends EXIT, noproc", async () => {
  const pid = spawn(nothing);
  await reasonOf(pid);
  await trace("dead", pid);
  await attempt("untrapped", () => Process.link(pid));
  Process.trapExit(true);
  await attempt("trapped", () => Process.link(pid));
  await traceNext("got");
});

scenario("a link to another node's dead process sends noproc", async () => {
  Process.trapExit(true);
  const pid = await Node.spawn(await peer("kate"), nothing);
  await reasonOf(pid);
  await trace("dead", pid);
  await attempt("trapped", () => Process.link(pid));
  await traceNext("got");
  const { pid: linker, ref } = spawnMonitor(async () => {
    Process.link(pid);
    await forever();
  });
  await trace("untrapped", [linker, ref]);
  await traceNext("got");
});

scenario("a link ends with noconnection when its node is killed", async () => {
  Process.trapExit(true);
  const pid = await Node.spawnLink(await peer("victim"), forever);
  await trace("linked", pid);
  await killNode("victim");
  await traceNext("got");
  await trace("again", Process.link(pid));
  await traceNext("got");
});

export async function traceEnd(main: Pid): Promise<void> {
  Process.trapExit(true);
  send(main, message("ready"));
  const exited = await expect("EXIT");
  await expect("report");
  await trace("there", [exited, main]);
}

scenario("both ends receive noconnection when disconnected", async () => {
  Process.trapExit(true);
  const pid = await Node.spawnLink(await peer("kate"), traceEnd, [self()]);
  await expect("ready");
  let ref = Process.monitor(pid);
  await part("kate");
  await trace("here", [await expect("EXIT"), pid]);
  await trace("down", [await expect("DOWN"), ref]);
  ref = Process.monitor(pid);
  send(pid, message("report"));
  await trace("reconnected", [await expect("DOWN"), ref]);
});

scenario("noconnection ends a process that does not trap exits", async () => {
  const main = self();
  const { pid, ref } = spawnMonitor(async () => {
    await Node.spawnLink(await peer("kate"), forever);
    send(main, "linked");
    await forever();
  });
  await expect("linked");
  await part("kate");
  await trace("linked", [pid, ref]);
  await traceNext("got");
});

scenario("an exit reason passes along a chain of links", async () => {
  Process.trapExit(true);
  const main = self();
  const first = spawnLink(async () => {
    spawnLink(async () => {
      const third = spawnLink(obedient);
      send(main, { type: "chain", second: self(), third });
      await forever();
    });
    await forever();
  });
  const { second, third } = await expect("chain");
  const refs = [second, third].map((pid) => Process.monitor(pid));
  await trace("chain", [first, second, third, ...refs]);
  tellToExit(third, "end");
  for (const ref of refs) {
    await trace(
      "down",
      receive((m) => ref.equals(m?.ref)),
    );
  }
  await trace("exit", expect("EXIT"));
});

scenario("a process linked to ones that exit normally goes on", async () => {
  Process.trapExit(true);
  const main = self();
  const middle = spawnLink(async () => {
    const pid = spawnLink(obedient);
    const ref = Process.monitor(pid);
    tellToExit(pid, "normal");
    send(main, { type: "down", reason: await down(ref) });
    await obedient();
  });
  await trace("last", expect("down"));
  await trace("middle", [middle, Process.alive(middle)]);
  tellToExit(middle, "normal");
  await traceNext("got");
});

scenario("a new link holds before the unlink is acknowledged", async () => {
  Process.trapExit(true);
  const pid = await Node.spawnLink(await peer("kate"), obedient);
  Process.unlink(pid);
  Process.link(pid);
  await trace("linked", pid);
  tellToExit(pid, "once");
  await traceNext("got");
  await traceNothing("then");
});

scenario("after unlink, link and unlink, no exit is received", async () => {
  Process.trapExit(true);
  const pid = await Node.spawnLink(await peer("kate"), obedient);
  Process.unlink(pid);
  Process.link(pid);
  Process.unlink(pid);
  const ref = Process.monitor(pid);
  await trace("monitor", [pid, ref]);
  tellToExit(pid, "alone");
  await traceNext("got");
  await traceNothing("then");
});

scenario("when one end has unlinked, the other can link anew", async () => {
  const main = self();
  const linker = spawn(async () => {
    Process.trapExit(true);
    const pid = await Node.spawnLink(await peer("kate"), puppet);
    Process.unlink(pid);
    await tell(pid, "nothing");
    await tell(pid, "trap_and_link", self());
    send(main, { type: "ready", pid });
    await obedient();
  });
  const { pid } = await expect("ready");
  await trace("pair", [linker, pid]);
  tellToExit(linker, "goodbye");
  await tell(pid, "trace_exit");
});

scenario("when both ends unlink at once, a later link holds", async () => {
  Process.trapExit(true);
  const pid = await Node.spawnLink(await peer("kate"), puppet);
  order(pid, "unlink", self());
  Process.unlink(pid);
  await expect("done");
  Process.link(pid);
  await trace("linked", pid);
  order(pid, "exit", "held");
  await traceNext("got");
});

scenario("after the other node's unlink, no exit arrives there", async () => {
  const main = self();
  const pid = await Node.spawn(await peer("kate"), puppet);
  const linker = spawn(async () => {
    Process.link(pid);
    send(main, "linked");
    await obedient();
  });
  await expect("linked");
  await tell(pid, "unlink", linker);
  const ref = Process.monitor(linker);
  tellToExit(linker, "alone");
  await trace("here", [await expect("DOWN"), ref]);
  await tell(pid, "trace_alive");
});

scenario("a link to an older incarnation of a node sends noproc", async () => {
  Process.trapExit(true);
  const pid = await Node.spawn(await peer("victim"), forever);
  await trace("old", pid);
  await killNode("victim");
  await Node.spawn(await peer("victim"), forever);
  await trace("linked", Process.link(pid));
  await traceNext("got");
  await killNode("victim");
});
