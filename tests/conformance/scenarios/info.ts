/** Process.info(): the facts about a process. */

import { Node, type Pid, Process, self, send, spawn } from "../../../mod.ts";
import {
  attempt,
  expect,
  forever,
  message,
  on,
  peer,
  reasonOf,
  scenario,
  trace,
} from "../_scenario.ts";

export function facts(pid: Pid): Record<string, unknown> | undefined {
  const found = Process.info(pid);
  if (found === undefined) return undefined;
  const {
    links,
    monitors,
    monitoredBy,
    registeredName,
    messageQueueLen,
    trapExit,
    groupLeader,
  } = found;
  return {
    links,
    monitors,
    monitoredBy,
    registeredName,
    messageQueueLen,
    trapExit,
    groupLeader,
  };
}

scenario("a new process has only its group leader", async () => {
  await trace("me", [self(), Process.groupLeader()]);
  await trace("info", facts(spawn(forever)));
});

scenario("links, monitors and names are the current ones", async () => {
  const main = self();
  const pid = spawn(async () => {
    Process.trapExit(true);
    Process.register(self(), "clerk");
    Process.link(main);
    Process.monitor(main);
    Process.monitor({ name: "nobody_else", node: Node.self() });
    send(main, message("ready"));
    await forever();
  });
  await expect("ready");
  Process.monitor(pid);
  send(pid, message("one"));
  send(pid, message("two"));
  await trace("me", [main, Process.groupLeader(), pid]);
  await trace("info", facts(pid));
  Process.unlink(pid);
  Process.unregister("clerk");
  const { links, registeredName } = facts(pid)!;
  await trace("info", { links, registeredName });
});

scenario("an exited process has none", async () => {
  const pid = spawn(() => {});
  await reasonOf(pid);
  await trace("info", facts(pid));
  await trace("alive", Process.alive(pid));
  await trace("listed", Process.list().some((each) => each.equals(pid)));
});

scenario("a process of another node is rejected", async () => {
  const pid = await Node.spawn(await peer("kate"), forever);
  await attempt("info", () => Process.info(pid));
  await attempt("alive", () => Process.alive(pid));
  await trace("listed", Process.list().some((each) => each.equals(pid)));
});

export function linksOf(pid: Pid): Pid[] {
  return Process.info(pid)!.links;
}

export function isMonitored(pid: Pid): boolean {
  return Process.info(pid)!.monitoredBy.length > 0;
}

scenario("both ends show a link between nodes until it ends", async () => {
  const pid = await Node.spawnLink(await peer("kate"), forever);
  await trace("pair", [self(), pid]);
  await trace("here", linksOf(self()));
  await trace("there", on("kate", linksOf, pid));
  Process.unlink(pid);
  await trace("here", linksOf(self()));
  // The unlink arrives before the monitor.
  Process.monitor(pid);
  for (let tries = 0; tries < 500 && !await on("kate", isMonitored, pid);) {
    tries++;
  }
  await trace("there", on("kate", linksOf, pid));
});

scenario("registered names are listed, and free names are not", async () => {
  await trace("before", Process.registered().includes("clerk"));
  Process.register(self(), "clerk");
  await trace("registered", Process.registered().includes("clerk"));
  Process.unregister("clerk");
  await trace("after", Process.registered().includes("clerk"));
});
