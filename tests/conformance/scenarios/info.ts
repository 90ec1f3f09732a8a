/** What can be asked about a process. */

import {
  alive,
  groupLeader,
  info,
  link,
  list,
  monitor,
  Node,
  type Pid,
  register,
  registered,
  self,
  send,
  spawn,
  trapExit,
  unlink,
  unregister,
} from "../../../mod.ts";
import {
  attempt,
  expect,
  forever,
  on,
  peer,
  reasonOf,
  scenario,
  trace,
} from "../_scenario.ts";

export function facts(pid: Pid): Record<string, unknown> | undefined {
  const found = info(pid);
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

scenario("info: a new process has nothing but its group leader", async () => {
  await trace("me", [self(), groupLeader()]);
  await trace("info", facts(spawn(forever)));
});

scenario(
  "info: links, monitors and names are those that are there now",
  async () => {
    const main = self();
    const pid = spawn(async () => {
      trapExit(true);
      register("clerk");
      link(main);
      monitor(main);
      monitor({ name: "nobody_else", node: Node.self() });
      send(main, "ready");
      await forever();
    });
    await expect("ready");
    monitor(pid);
    send(pid, "one");
    send(pid, "two");
    await trace("me", [main, groupLeader(), pid]);
    await trace("info", facts(pid));
    unlink(pid);
    unregister("clerk");
    const { links, registeredName } = facts(pid)!;
    await trace("info", { links, registeredName });
  },
);

scenario("info: a process that has ended has none", async () => {
  const pid = spawn(() => {});
  await reasonOf(pid);
  await trace("info", facts(pid));
  await trace("alive", alive(pid));
  await trace("listed", list().some((each) => each.equals(pid)));
});

scenario(
  "info: a process of another node is not to be asked about",
  async () => {
    const pid = await Node.spawn(await peer("kate"), forever);
    await attempt("info", () => info(pid));
    await attempt("alive", () => alive(pid));
    await trace("listed", list().some((each) => each.equals(pid)));
  },
);

export function linksOf(pid: Pid): Pid[] {
  return info(pid)!.links;
}

export function isMonitored(pid: Pid): boolean {
  return info(pid)!.monitoredBy.length > 0;
}

scenario(
  "info: a link to a process of another node is there at both ends until it is ended",
  async () => {
    const pid = await Node.spawnLink(await peer("kate"), forever);
    await trace("pair", [self(), pid]);
    await trace("here", linksOf(self()));
    await trace("there", await on("kate", linksOf, pid));
    unlink(pid);
    await trace("here", linksOf(self()));
    // The unlink comes before the monitor.
    monitor(pid);
    for (let tries = 0; tries < 500 && !await on("kate", isMonitored, pid);) {
      tries++;
    }
    await trace("there", await on("kate", linksOf, pid));
  },
);

scenario(
  "info: names that are registered are listed, and those that are free are not",
  async () => {
    await trace("before", registered().includes("clerk"));
    register("clerk");
    await trace("registered", registered().includes("clerk"));
    unregister("clerk");
    await trace("after", registered().includes("clerk"));
  },
);
