/** Nodes: not alive, connected, monitored, down. */

import {
  beam,
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
  connectedNodes,
  expect,
  forever,
  killNode,
  message,
  next,
  on,
  part,
  peer,
  reasonOf,
  scenario,
  trace,
  traceNext,
  traceNothing,
  UNKNOWN_NODE,
} from "../_scenario.ts";

const NOT_ALIVE = { alive: false };

scenario(
  "not alive, a node has no name and no peers, and does not connect",
  NOT_ALIVE,
  async () => {
    await trace("self", Node.self());
    await trace("alive", Node.alive());
    await trace("list", Node.list());
    await trace("ping", Node.ping(UNKNOWN_NODE));
    await trace("ping itself", Node.ping(Node.self()));
    await trace("connect", Node.connect(UNKNOWN_NODE));
    await trace("disconnect", Node.disconnect(UNKNOWN_NODE));
    await attempt("monitor", () => Node.monitor(UNKNOWN_NODE));
  },
);

function sendHello(name: string, node: string): string {
  send({ name, node }, message("hello"));
  return "sent";
}

scenario(
  "not alive, a process on another node sends noconnection",
  NOT_ALIVE,
  async () => {
    Process.trapExit(true);
    const linked = await Node.spawnLink(UNKNOWN_NODE, forever);
    await trace("exit", [await expect("EXIT"), linked]);
    const { pid, ref } = await Node.spawnMonitor(UNKNOWN_NODE, forever);
    await trace("down", [await expect("DOWN"), ref, pid]);
    await attempt("sent", () => sendHello("clerk", UNKNOWN_NODE));
    await attempt("here", () => sendHello("nobody", Node.self()));
  },
);

scenario(
  "not alive, a process on the own node is a local one",
  NOT_ALIVE,
  async () => {
    const main = self();
    const pid = await Node.spawn(Node.self(), () => {
      send(main, message("hello", self(), Node.self()));
    });
    await trace("pid", [pid, pid.node]);
    await traceNext("got");
    Process.register(self(), "clerk");
    send({ name: "clerk", node: Node.self() }, message("by_name"));
    await traceNext("got");
    const ref = Process.monitor({ name: "nobody", node: Node.self() });
    await trace("monitor", [ref, await expect("DOWN")]);
  },
);

scenario("an unknown node cannot be reached", async () => {
  await trace("ping", Node.ping(UNKNOWN_NODE));
  await trace("connect", Node.connect(UNKNOWN_NODE));
  await trace("disconnect", Node.disconnect(UNKNOWN_NODE));
  await trace("list", Node.list());
});

export function peers(): string[] {
  return Node.list().sort();
}

scenario("a node connects, is listed, and disconnects", async () => {
  const kate = await peer("kate");
  await trace("before", Node.list());
  await trace("connect", Node.connect(kate));
  await trace("again", Node.connect(kate));
  await trace("list", Node.list());
  await trace("there", on("kate", peers));
  await trace("disconnect", Node.disconnect(kate));
  await trace("list", Node.list());
  await trace("disconnect again", Node.disconnect(kate));
});

scenario("a node knows itself", async () => {
  await trace("self", Node.self());
  await trace("alive", Node.alive());
  await trace("ping", Node.ping(Node.self()));
  await trace("connect", Node.connect(Node.self()));
  await trace("list", Node.list());
});

export function nothing(): void {}

scenario("the first use connects, also after a lost connection", async () => {
  const kate = await peer("kate");
  const nobody = { name: "nobody", node: kate };
  const uses = {
    async send() {
      send(nobody, message("hello"));
      await Node.ping(kate);
    },
    async monitor() {
      Process.monitor(nobody);
      await expect("DOWN");
    },
    async spawn() {
      await reasonOf(await Node.spawn(kate, nothing));
    },
  };
  for (const [name, use] of Object.entries(uses)) {
    await use();
    await trace(name, connectedNodes());
    await part("kate");
    await trace("parted", connectedNodes());
  }
});

export const ping = beam(
  async (node: string): Promise<void> => void await Node.ping(node),
  { args: ["atom"] },
);

async function waitForPeers(name: string, count: number): Promise<void> {
  while ((await on(name, peers)).length < count);
}

scenario("visible nodes connect to the peers of their peers", async () => {
  const kate = await peer("kate");
  const moebi = await peer("moebi");
  Node.monitorNodes(true);
  await on("kate", ping, moebi);
  await trace("list", Node.list());
  await Node.ping(kate);
  for (let i = 0; i < 2; i++) await expect("nodeup");
  await trace("list", peers());
  await waitForPeers("kate", 2);
  await trace("kate", on("kate", peers));
  await waitForPeers("moebi", 2);
  await trace("moebi", on("moebi", peers));
});

scenario("each monitor of a node sends one nodedown", async () => {
  const kate = await peer("kate");
  await Node.ping(kate);
  await trace("monitor", Node.monitor(kate));
  Node.monitor(kate);
  Node.monitor(kate);
  await trace("taken back", Node.monitor(kate, false));
  await part("kate");
  await traceNext("got");
  await traceNext("got");
  await traceNothing("then");
  await Node.ping(kate);
  await part("kate");
  await traceNothing("then");
});

scenario("a monitor of an unknown node sends nodedown", async () => {
  await trace("monitor", Node.monitor(UNKNOWN_NODE));
  await traceNext("got");
  await trace("taken back", Node.monitor(UNKNOWN_NODE, false));
  await traceNothing("then");
});

scenario("monitoring a node connects to it", async () => {
  const kate = await peer("kate");
  Node.monitor(kate);
  await Node.ping(kate);
  await trace("list", connectedNodes());
  await part("kate");
  await traceNext("got");
});

export function linkAndGreet(main: Pid): Pid {
  return spawn(async () => {
    Process.link(main);
    send(main, message("hello", self()));
    await forever();
  });
}

scenario("nodeup comes before a node's signals, nodedown after", async () => {
  Process.trapExit(true);
  const kate = await peer("kate");
  Node.monitorNodes(true);
  const pid = await on("kate", linkAndGreet, self());
  await traceNext("first");
  await traceNext("second");
  const ref = Process.monitor(pid);
  Process.unlink(pid);
  Node.disconnect(kate);
  await trace("down", [await next(), ref]);
  await traceNext("last");
  Node.monitorNodes(false);
});

scenario("nodedown arrives after links' and monitors' signals", async () => {
  Process.trapExit(true);
  const kate = await peer("kate");
  const pid = await Node.spawnLink(kate, forever);
  await trace("pid", [pid, Process.monitor(pid), Process.monitor(pid)]);
  Node.monitor(kate);
  Node.disconnect(kate);
  const got = [await next(), await next(), await next()];
  await trace("first", got.map(({ type }) => type).sort());
  await traceNext("last");
});

scenario("a process stops monitoring nodes", async () => {
  const kate = await peer("kate");
  Node.monitorNodes(true);
  await Node.ping(kate);
  await traceNext("got");
  Node.monitorNodes(false);
  await part("kate");
  await traceNothing("then");
});

scenario("monitoring nodes twice sends each event twice", async () => {
  const kate = await peer("kate");
  Node.monitorNodes(true);
  Node.monitorNodes(true);
  await Node.ping(kate);
  await traceNext("got");
  await traceNext("got");
  await traceNothing("then");
  Node.monitorNodes(false);
  await part("kate");
  await traceNothing("then");
  Node.monitorNodes(false);
});

scenario("a killed node goes down, and restarts under its name", async () => {
  await Node.ping(await peer("victim"));
  Node.monitorNodes(true);
  await killNode("victim");
  await traceNext("got");
  await trace("list", Node.list());
  await trace("ping", Node.ping("victim@localhost"));
  await trace("ping", Node.ping(await peer("victim")));
  await traceNext("got");
  await trace("list", Node.list());
  await killNode("victim");
  await traceNext("got");
});

scenario("the node monitors of an exited process end", async () => {
  const kate = await peer("kate");
  const main = self();
  await Node.ping(kate);
  const { pid, ref } = spawnMonitor(() => {
    Node.monitor(kate);
    send(main, message("monitoring"));
  });
  await expect("monitoring");
  await trace("down", [await expect("DOWN"), ref, pid]);
  await part("kate");
  await traceNothing("then");
});
