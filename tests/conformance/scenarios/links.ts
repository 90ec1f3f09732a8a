/** Links: between processes of a node and of two, their ends and their races. */

import {
  alive,
  exit,
  link,
  monitor,
  Node,
  type Pid,
  receive,
  type Ref,
  self,
  send,
  spawn,
  spawnLink,
  spawnMonitor,
  trapExit,
  unlink,
} from "../../../mod.ts";
import {
  attempt,
  expect,
  forever,
  killNode,
  part,
  peer,
  reasonOf,
  scenario,
  trace,
  traceNext,
  traceNothing,
} from "../_scenario.ts";

/** Exits with the reason that it is sent. */
export async function obedient(): Promise<never> {
  exit((await expect("exit")).reason);
}

/** Does what it is told, and says when it is done. */
export async function puppet(): Promise<never> {
  for (;;) {
    const { to, what, args } = await expect("do");
    await DEEDS[what](...args);
    send(to, "done");
  }
}

// deno-lint-ignore no-explicit-any
const DEEDS: Record<string, (...args: any[]) => unknown> = {
  nothing() {},
  link,
  unlink,
  exit: (reason) => exit(reason),
  traceExit: async () => await trace("there", await expect("EXIT")),
  traceAlive: () => trace("there", "alive"),
  trapAndLink(pid) {
    trapExit(true);
    link(pid);
  },
};

function order(pid: Pid, what: string, ...args: unknown[]): void {
  send(pid, { type: "do", to: self(), what, args });
}

async function tell(pid: Pid, what: string, ...args: unknown[]): Promise<void> {
  order(pid, what, ...args);
  await expect("done");
}

function tellToExit(pid: Pid, reason: string): void {
  send(pid, { type: "exit", reason });
}

export function nothing(): void {}

scenario(
  "links: an exit reason goes over a link, to who traps exits as a message",
  async () => {
    trapExit(true);
    const pid = spawnLink(() => exit("oops"));
    await trace("linked", pid);
    await traceNext("got");
  },
);

scenario("links: two links of a pair are one", async () => {
  trapExit(true);
  const pid = spawnLink(obedient);
  await trace("again", link(pid));
  tellToExit(pid, "once");
  await traceNext("got");
  await traceNothing("then");
});

scenario("links: one unlink ends what both ends have linked", async () => {
  const pid = spawn(puppet);
  link(pid);
  await tell(pid, "link", self());
  unlink(pid);
  const ref = monitor(pid);
  order(pid, "exit", "alone");
  await trace("down", [await expect("DOWN"), ref]);
  await trace("alive", alive(self()));
});

scenario("links: after an unlink no end of the other one comes", async () => {
  trapExit(true);
  const pid = spawnLink(obedient);
  await trace("unlinked", unlink(pid));
  const ref = monitor(pid);
  tellToExit(pid, "alone");
  await traceNext("got");
  await trace("monitor", [pid, ref]);
  await traceNothing("then");
});

scenario("links: an unlink of who is not linked gives true", async () => {
  const pid = spawn(forever);
  await trace("stranger", unlink(pid));
  exit(pid, "kill");
  await reasonOf(pid);
  await trace("dead", unlink(pid));
  await trace("self", unlink(self()));
});

scenario("links: an EXIT that has come stays when one unlinks", async () => {
  trapExit(true);
  const pid = spawnLink(obedient);
  const ref = monitor(pid);
  tellToExit(pid, "before");
  await expect("DOWN");
  // The two of one end come in no order that is promised.
  send(self(), await expect("EXIT"));
  unlink(pid);
  await trace("link and monitor", [pid, ref]);
  await traceNext("got");
});

scenario("links: a link to oneself does nothing", async () => {
  await trace("linked", link(self()));
  trapExit(true);
  send(self(), "marker");
  await traceNext("got");
});

scenario(
  "links: a link to a dead process of this node raises, or is an EXIT for who traps",
  async () => {
    const pid = spawn(nothing);
    await reasonOf(pid);
    await trace("dead", pid);
    await attempt("untrapped", () => link(pid));
    trapExit(true);
    await attempt("trapped", () => link(pid));
    await traceNext("got");
  },
);

scenario(
  "links: a link to a dead process of another node is an EXIT noproc, or the end of who does not trap",
  async () => {
    trapExit(true);
    const pid = await Node.spawn(await peer("kate"), nothing);
    await reasonOf(pid);
    await trace("dead", pid);
    await attempt("trapped", () => link(pid));
    await traceNext("got");
    const { pid: linker, ref } = spawnMonitor(async () => {
      link(pid);
      await forever();
    });
    await trace("untrapped", [linker, ref]);
    await traceNext("got");
  },
);

scenario(
  "links: a link to a process of another node ends with noconnection when that node is killed",
  async () => {
    trapExit(true);
    const pid = await Node.spawnLink(await peer("victim"), forever);
    await trace("linked", pid);
    await killNode("victim");
    await traceNext("got");
    await trace("again", link(pid));
    await traceNext("got");
  },
);

export async function traceEnd(main: Pid): Promise<void> {
  trapExit(true);
  send(main, "ready");
  const message = await expect("EXIT");
  await expect("report");
  await trace("there", [message, main]);
}

scenario("links: when nodes part, both ends get noconnection", async () => {
  trapExit(true);
  const pid = await Node.spawnLink(await peer("kate"), traceEnd, [self()]);
  await expect("ready");
  let ref = monitor(pid);
  await part("kate");
  await trace("here", [await expect("EXIT"), pid]);
  await trace("down", [await expect("DOWN"), ref]);
  ref = monitor(pid);
  send(pid, "report");
  await trace("reconnected", [await expect("DOWN"), ref]);
});

scenario(
  "links: when nodes part, who does not trap exits ends with noconnection",
  async () => {
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
  },
);

function isDownOf(ref: Ref): (message: { ref?: unknown } | null) => boolean {
  return (message) => ref.equals(message?.ref);
}

scenario(
  "links: the end of a process goes along a chain of links with its reason",
  async () => {
    trapExit(true);
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
    const refs = [second, third].map((pid) => monitor(pid));
    await trace("chain", [first, second, third, ...refs]);
    tellToExit(third, "end");
    for (const ref of refs) await trace("down", await receive(isDownOf(ref)));
    await trace("exit", await expect("EXIT"));
  },
);

scenario(
  "links: a process between who traps and who ends normally goes on",
  async () => {
    trapExit(true);
    const main = self();
    const middle = spawnLink(async () => {
      const pid = spawnLink(obedient);
      const ref = monitor(pid);
      tellToExit(pid, "normal");
      send(main, {
        type: "down",
        reason: (await receive(isDownOf(ref))).reason,
      });
      await obedient();
    });
    await trace("last", await expect("down"));
    await trace("middle", [middle, alive(middle)]);
    tellToExit(middle, "normal");
    await traceNext("got");
  },
);

scenario(
  "links: a link anew after an unlink holds, before its ack has come",
  async () => {
    trapExit(true);
    const pid = await Node.spawnLink(await peer("kate"), obedient);
    unlink(pid);
    link(pid);
    await trace("linked", pid);
    tellToExit(pid, "once");
    await traceNext("got");
    await traceNothing("then");
  },
);

scenario(
  "links: unlinked, linked and unlinked again, no end comes",
  async () => {
    trapExit(true);
    const pid = await Node.spawnLink(await peer("kate"), obedient);
    unlink(pid);
    link(pid);
    unlink(pid);
    const ref = monitor(pid);
    await trace("monitor", [pid, ref]);
    tellToExit(pid, "alone");
    await traceNext("got");
    await traceNothing("then");
  },
);

scenario("links: when one end has unlinked, the other links anew", async () => {
  const main = self();
  const linker = spawn(async () => {
    trapExit(true);
    const pid = await Node.spawnLink(await peer("kate"), puppet);
    unlink(pid);
    await tell(pid, "nothing");
    await tell(pid, "trapAndLink", self());
    send(main, { type: "ready", pid });
    await obedient();
  });
  const { pid } = await expect("ready");
  await trace("pair", [linker, pid]);
  tellToExit(linker, "goodbye");
  await tell(pid, "traceExit");
});

scenario(
  "links: when both ends unlink at once, a link that follows holds",
  async () => {
    trapExit(true);
    const pid = await Node.spawnLink(await peer("kate"), puppet);
    order(pid, "unlink", self());
    unlink(pid);
    await expect("done");
    link(pid);
    await trace("linked", pid);
    order(pid, "exit", "held");
    await traceNext("got");
  },
);

scenario(
  "links: the end of who has been unlinked by the other node is not told there",
  async () => {
    const main = self();
    const pid = await Node.spawn(await peer("kate"), puppet);
    const linker = spawn(async () => {
      link(pid);
      send(main, "linked");
      await obedient();
    });
    await expect("linked");
    await tell(pid, "unlink", linker);
    const ref = monitor(linker);
    tellToExit(linker, "alone");
    await trace("here", [await expect("DOWN"), ref]);
    await tell(pid, "traceAlive");
  },
);

scenario(
  "links: one that has an older incarnation of a node gets noproc",
  async () => {
    trapExit(true);
    const pid = await Node.spawn(await peer("victim"), forever);
    await trace("old", pid);
    await killNode("victim");
    await Node.spawn(await peer("victim"), forever);
    await trace("linked", link(pid));
    await traceNext("got");
    await killNode("victim");
  },
);
