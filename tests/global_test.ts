import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { ExitError } from "../errors.ts";
import { global, type ResolveFunction } from "../global.ts";
import { Node } from "../node.ts";
import {
  exit,
  monitor,
  type Pid,
  receive,
  register,
  self,
  send,
  spawn,
  whereis,
} from "../process.ts";
import { globalNames } from "../servers/global/global_client.ts";
import { Call, Cast } from "../gen/messages.ts";
import { currentRuntime } from "../runtime/context/current_process.ts";
import { atom } from "../runtime/values/pid.ts";
import { type Cluster, clusterTest, part, reasonOf } from "./_nodes.ts";
import { SimulatedCluster } from "../testing/mod.ts";
import { test } from "../testing/tags.ts";
import { mail, processTest } from "./_processes.ts";
import * as Remote from "./_remote.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";
const MOEBI = "moebi@localhost";
const SERVER = "global_name_server";

/** What nodes export to resolve conflicts with. */
const Resolve = {
  keepSecond: (_name: unknown, _first: Pid, second: Pid) => second,
  keepFirst: (_name: unknown, first: Pid) => first,
  nobody: () => undefined,
  nonsense: () => "nonsense" as unknown as Pid,
  fails: () => {
    throw new Error("cannot decide");
  },
};

interface Three {
  cluster: Cluster;
  alex: Node;
  kate: Node;
  moebi: Node;
  all: Node[];
}

/** A test of three nodes that are all connected; its body is a process of alex. */
function threeTest(name: string, fn: (nodes: Three) => Promise<void>): void {
  clusterTest(name, async (cluster) => {
    const options = { modules: { Remote, Resolve } };
    const kate = await cluster.start("kate", options);
    const alex = await cluster.start("alex", options);
    const moebi = await cluster.start("moebi", options);
    const all = [alex, kate, moebi];
    await join(all);
    await alex.run(() => fn({ cluster, alex, kate, moebi, all }));
  });
}

/** Connects nodes with each other. */
async function join(nodes: Node[]): Promise<void> {
  for (;;) {
    for (const node of nodes) {
      for (const { name } of nodes) await node.run(() => Node.connect(name));
    }
    const lists = await Promise.all(
      nodes.map((node) => node.run(() => Node.list())),
    );
    if (lists.every(({ length }) => length === nodes.length - 1)) return;
  }
}

/** Who has a name, as each of the nodes has it. */
function seen(name: unknown, nodes: Node[]): Promise<(Pid | undefined)[]> {
  return Promise.all(
    nodes.map((node) => node.run(() => global.whereisName(name))),
  );
}

/** Waits until a process has ended, and the nodes have heard of it. */
async function gone(pid: Pid, nodes: Node[]): Promise<void> {
  await Promise.all(nodes.map((node) =>
    node.run(async () => {
      await reasonOf(pid);
      await global.sync();
    })
  ));
}

/** Waits until nodes have the same names. */
async function synced(nodes: Node[]): Promise<void> {
  for (const node of nodes) await node.run(() => global.sync());
}

/** Waits until nodes have the same names, and none is in the middle of anything that would connect it anew. */
async function quiet(nodes: Node[]): Promise<void> {
  await synced(nodes);
  for (const node of nodes) {
    await node.run(() => global.registerName("quiet", self()));
    await node.run(() => global.unregisterName("quiet"));
  }
  await synced(nodes);
}

/** Starts a process of a node that does nothing. */
function idleOn(node: Node): Promise<Pid> {
  return node.run(() => spawn(Remote.wait));
}

/** Starts a process of a node that passes on what it gets. */
async function relayOn(node: Node, to: Pid): Promise<Pid> {
  const pid = await node.run(() => spawn(Remote.relay, [to]));
  await receive((m) => m === "up");
  return pid;
}

threeTest(
  "registerName() gives a name once in the cluster, and all nodes know it",
  async ({ all, kate }) => {
    assertEquals(await global.registerName("leader", self()), true);
    for (const pid of await seen("leader", all)) assert(self().equals(pid));
    const other = await idleOn(kate);
    for (const node of all) {
      assertEquals(
        await node.run(() => global.registerName("leader", other)),
        false,
      );
    }
    for (const node of all) {
      assertEquals(await node.run(() => global.registeredNames()), ["leader"]);
    }
    await kate.run(() => global.unregisterName("leader"));
    assertEquals(await seen("leader", all), [undefined, undefined, undefined]);
    assertEquals(
      await kate.run(() => global.registerName("leader", other)),
      true,
    );
    assertEquals(await mail(), []);
  },
);

threeTest(
  "registerName() takes any value as a name, and a process of any node",
  async ({ all, kate }) => {
    const pid = await idleOn(kate);
    const name = { room: ["lobby", 1], at: atom("noon"), by: pid };
    assertEquals(await global.registerName(name, pid), true);
    const same = { by: pid, at: atom("noon"), room: ["lobby", 1] };
    for (const found of await seen(same, all)) assert(pid.equals(found));
    assertEquals(
      await global.whereisName({ ...same, room: ["lobby", 2] }),
      undefined,
    );
    await assertRejects(
      () => global.registerName(() => {}, self()),
      TypeError,
      "Cannot send the function",
    );
    await assertRejects(
      () => global.registerName("name", "pid" as never),
      TypeError,
      "give a pid",
    );
  },
);

threeTest(
  "registerName() of one name on all nodes at once succeeds on one",
  async ({ all }) => {
    for (let round = 0; round < 8; round++) {
      const name = `round ${round}`;
      const pids = await Promise.all(all.map(idleOn));
      const results = await Promise.all(
        all.map((node, i) =>
          node.run(() => global.registerName(name, pids[i]))
        ),
      );
      assertEquals(results.filter((won) => won).length, 1, `${results}`);
      const winner = pids[results.indexOf(true)];
      for (const pid of await seen(name, all)) assert(winner.equals(pid));
      for (const pid of pids) exit(pid, "kill");
      await gone(winner, all);
      assertEquals(await seen(name, all), [undefined, undefined, undefined]);
    }
  },
);

threeTest(
  "registerName() of many names on all nodes at once gives them all",
  async ({ all }) => {
    const names = Array.from({ length: 30 }, (_, i) => i);
    const results = await Promise.all(
      names.map((i) =>
        all[i % 3].run(() => global.registerName(i, spawn(Remote.wait)))
      ),
    );
    assertEquals(
      results.every((given) => given),
      true,
    );
    for (const node of all) {
      const known = await node.run(() => global.registeredNames());
      assertEquals(known.sort((a, b) => Number(a) - Number(b)), names);
    }
  },
);

threeTest(
  "registerName() gives a process one name only",
  async ({ cluster }) => {
    assertEquals(await global.registerName("one", self()), true);
    assertEquals(await global.registerName("two", self()), false);
    assertEquals(await global.whereisName("two"), undefined);
    assert(cluster.lines().some((line) => line.includes("one name at most")));
  },
);

threeTest(
  "reRegisterName() gives a name whoever has it, and tells nobody",
  async ({ all, kate }) => {
    const before = await relayOn(kate, self());
    await global.registerName("leader", before);
    const after = await idleOn(all[2]);
    assertEquals(await global.reRegisterName("leader", after), true);
    for (const pid of await seen("leader", all)) assert(after.equals(pid));
    // The end of the one that had it takes nothing away.
    exit(before, "kill");
    await gone(before, all);
    for (const pid of await seen("leader", all)) assert(after.equals(pid));
    assertEquals(await mail(), []);
  },
);

threeTest(
  "a name goes with its process, on all nodes",
  async ({ all, kate }) => {
    const pid = await idleOn(kate);
    await global.registerName("leader", pid);
    exit(pid, "kill");
    await gone(pid, all);
    assertEquals(await seen("leader", all), [undefined, undefined, undefined]);
    assertEquals(await global.registerName("leader", self()), true);
  },
);

threeTest(
  "whereisName() never gives a dead process of its own node",
  async () => {
    const pid = spawn(Remote.wait);
    await global.registerName("leader", pid);
    exit(pid, "kill");
    assertEquals(await global.whereisName("leader"), undefined);
  },
);

threeTest("names go with their node", async ({ alex, kate, moebi }) => {
  await global.registerName("alex", self());
  await global.registerName("kate", await idleOn(kate));
  Node.monitor(KATE);
  await kate.stop();
  await receive((m) => m?.type === "nodedown");
  await synced([alex, moebi]);
  assertEquals(await global.registeredNames(), ["alex"]);
  await moebi.run(async () => {
    assertEquals(await global.whereisName("kate"), undefined);
    assertEquals(await global.registerName("kate", self()), true);
  });
});

clusterTest(
  "nodes that do not use it keep and say nothing, and others do without them",
  async (cluster) => {
    const kate = await cluster.start("kate");
    const alex = await cluster.start("alex");
    await alex.run(async () => {
      await Node.connect(KATE);
      assertEquals(await global.registerName("leader", self()), true);
      assertEquals(await kate.run(() => whereis(SERVER)), undefined);
      // From its first use on, it has the names of the others.
      await kate.run(async () => {
        assertEquals((await global.whereisName("leader"))?.node, ALEX);
        assertEquals(await global.registerName("leader", self()), false);
      });
    });
  },
);

clusterTest(
  "a node that connects later has the names of the others at its first use",
  async (cluster) => {
    const alex = await cluster.start("alex");
    const kate = await cluster.start("kate");
    const pids = [await idleOn(alex), await idleOn(kate)];
    await alex.run(() => global.registerName("alex", pids[0]));
    await kate.run(() => global.registerName("kate", pids[1]));
    const moebi = await cluster.start("moebi");
    await moebi.run(() => Node.connect(ALEX));
    assertEquals(
      await moebi.run(() => global.registerName("alex", self())),
      false,
    );
    await join([alex, kate, moebi]);
    await synced([alex, kate, moebi]);
    for (const node of [alex, kate, moebi]) {
      const names = await node.run(() => global.registeredNames());
      assertEquals(names.sort(), ["alex", "kate"]);
    }
  },
);

/** Has kate and the others register a name each while they are parted, and joins them again. */
async function conflict(
  { alex, kate, moebi, all }: Three,
  resolve?: ResolveFunction,
): Promise<{ name: string; alexs: Pid; kates: Pid }> {
  await quiet(all);
  await part(alex, kate);
  await part(moebi, kate);
  const name = "leader";
  const alexs = await relayOn(alex, self());
  const kates = await kate.run(() => spawn(Remote.relay, [self()]));
  assertEquals(await global.registerName(name, alexs, resolve), true);
  await kate.run(async () => {
    assertEquals(await global.registerName(name, kates, resolve), true);
  });
  assertEquals((await moebi.run(() => global.whereisName(name)))?.node, ALEX);
  await join(all);
  await synced(all);
  return { name, alexs, kates };
}

threeTest(
  "randomExitName() ends one of two processes when the parts meet",
  async (nodes) => {
    const { name, alexs, kates } = await conflict(nodes);
    for (const pid of await seen(name, nodes.all)) assert(alexs.equals(pid));
    assertEquals(await reasonOf(kates), "noproc");
    assertEquals(
      nodes.cluster.lines(true).filter((line) => /name conflict/.test(line))
        .length,
      1,
      "it is resolved once",
    );
    // The end of the other one takes nothing away.
    for (const pid of await seen(name, nodes.all)) assert(alexs.equals(pid));
  },
);

/** Waits for what is passed on; gives it with the node that it was sent to. */
async function told(pid: Pid): Promise<unknown> {
  send(pid, "marker");
  const messages: unknown[] = [];
  for (;;) {
    const { relayed } = await receive((m) => m?.relayed !== undefined);
    if (relayed === "marker") return messages;
    messages.push(relayed);
  }
}

threeTest(
  "randomNotifyName() tells the one that loses the name",
  async (nodes) => {
    const { name, alexs, kates } = await conflict(
      nodes,
      global.randomNotifyName,
    );
    for (const pid of await seen(name, nodes.all)) assert(alexs.equals(pid));
    assertEquals(await told(alexs), []);
    exit(kates, "kill");
    await gone(kates, nodes.all);
    for (const pid of await seen(name, nodes.all)) assert(alexs.equals(pid));
  },
);

threeTest(
  "notifyAllName() takes the name from both, and tells each of the other",
  async (nodes) => {
    const { name, alexs, kates } = await conflict(nodes, global.notifyAllName);
    assertEquals(await seen(name, nodes.all), [
      undefined,
      undefined,
      undefined,
    ]);
    assertEquals(await told(alexs), [
      { type: "global_name_conflict", name, pid: kates },
    ]);
  },
);

for (
  const [resolve, winner] of [
    ["keepFirst", "kate"],
    ["keepSecond", "alex"],
    ["nobody", undefined],
    ["nonsense", undefined],
    ["fails", "kate"],
  ] as const
) {
  threeTest(
    `a function of a module resolves a conflict: ${resolve}`,
    async (nodes) => {
      const { name, alexs, kates } = await conflict(nodes, Resolve[resolve]);
      const kept =
        { alex: alexs, kate: kates, none: undefined }[winner ?? "none"];
      for (const pid of await seen(name, nodes.all)) {
        assertEquals(String(pid), String(kept));
      }
      // Nobody is told, and nobody is ended, if the function does not.
      assertEquals(await told(alexs), []);
      const warned = nodes.cluster.lines().filter((line) =>
        /asked who keeps/.test(line)
      );
      assertEquals(
        warned.length,
        resolve === "nonsense" || resolve === "fails" ? 1 : 0,
      );
    },
  );
}

processTest(
  "registerName() refuses a function that other nodes do not know",
  () => {
    assertThrows(
      () => global.registerName("name", self(), () => undefined),
      TypeError,
      "export it from a module",
    );
    assertThrows(
      () => global.registerName("name", self(), ["Resolve"] as never),
      TypeError,
    );
  },
);

threeTest(
  "names that only one part has are the others' too when they meet",
  async ({ alex, kate, moebi, all }) => {
    await quiet(all);
    await part(alex, kate);
    await part(moebi, kate);
    await global.registerName("alex", self());
    await kate.run(() => global.registerName("kate", spawn(Remote.wait)));
    await join(all);
    await synced(all);
    for (const node of all) {
      const names = await node.run(() => global.registeredNames());
      assertEquals(names.sort(), ["alex", "kate"]);
    }
  },
);

threeTest(
  "send() sends to who has the name, and exits where nobody has",
  async ({ kate }) => {
    await global.registerName("me", self());
    const pid = await kate.run(() => global.send("me", "hi"));
    assert(self().equals(pid));
    assertEquals(await receive(), "hi");
    const error = await assertRejects(
      () => global.send("nobody", ["hi"]),
      ExitError,
    );
    assertEquals(error.reason, {
      type: "badarg",
      name: "nobody",
      message: ["hi"],
    });
  },
);

threeTest(
  "setLock() holds a lock on all nodes, for one requester",
  async ({ kate, moebi }) => {
    const id = ["printer", "alex"] as const;
    assertEquals(await global.setLock(id), true);
    assertEquals(await global.setLock(id, { retries: 0 }), true, "again");
    for (const node of [kate, moebi]) {
      await node.run(async () => {
        const other = ["printer", self()] as const;
        assertEquals(await global.setLock(other, { retries: 0 }), false);
        assertEquals(
          await global.setLock(["scanner", self()], { retries: 0 }),
          true,
        );
        // Who has it not cannot give it back.
        assertEquals(await global.delLock(other), true);
        assertEquals(await global.delLock(id), true);
        assertEquals(await global.setLock(other, { retries: 1 }), false);
      });
    }
    assertEquals(await global.delLock(id), true);
    await moebi.run(async () => {
      assertEquals(
        await global.setLock(["printer", self()], { retries: 0 }),
        true,
      );
    });
  },
);

threeTest(
  "setLock() waits for the lock, which goes with its process",
  async ({ kate, alex }) => {
    const me = self();
    const holder = await kate.run(() =>
      spawn(async () => {
        await global.setLock(["printer", self()]);
        send(me, "locked");
        await receive();
      })
    );
    await receive((m) => m === "locked");
    assertEquals(
      await global.setLock(["printer", self()], { retries: 0 }),
      false,
    );
    const waiting = global.setLock(["printer", self()]);
    exit(holder, "kill");
    assertEquals(await waiting, true);
    // And with its node.
    assertEquals(await global.setLock(["scanner", self()]), true);
    await part(alex, kate);
    await kate.run(async () => {
      const free = { nodes: [KATE], retries: 0 };
      assertEquals(await global.setLock(["scanner", self()], free), true);
    });
  },
);

threeTest(
  "setLock() is for the nodes that are named, and those that share a requester",
  async ({ alex, kate, moebi }) => {
    const nodes = [KATE];
    // Kate has not used any of this, and is used for the first time now.
    assertEquals(await global.setLock(["printer", "a"], { nodes }), true);
    await moebi.run(async () => {
      assertEquals(
        await global.setLock(["printer", "b"], { nodes, retries: 0 }),
        false,
      );
      assertEquals(
        await global.setLock(["printer", "b"], { nodes: [MOEBI], retries: 0 }),
        true,
      );
      assertEquals(
        await global.setLock(["printer", "a"], { nodes, retries: 0 }),
        true,
      );
    });
    await global.delLock(["printer", "a"], { nodes });
    // The process on moebi has ended, and its share with it.
    await alex.run(async () => {
      assertEquals(
        await global.setLock(["printer", "c"], { nodes, retries: 9 }),
        true,
      );
    });
    assertEquals(await kate.run(() => whereis(SERVER) !== undefined), true);
    assertEquals(
      await global.setLock(["printer", "d"], { nodes: ["nobody@localhost"] }),
      true,
      "as in OTP, nodes that cannot be reached are left out",
    );
  },
);

processTest("setLock() and delLock() refuse what is no lock", async () => {
  for (const id of ["printer", ["printer"], undefined]) {
    await assertRejects(
      () => global.setLock(id as never),
      TypeError,
      "as a lock",
    );
    await assertRejects(
      () => global.delLock(id as never),
      TypeError,
      "as a lock",
    );
  }
  for (const retries of [-1, NaN, "1" as never]) {
    const error = typeof retries === "number" ? RangeError : TypeError;
    await assertRejects(
      () => global.setLock(["printer", 1], { retries }),
      error,
      "retries",
    );
  }
});

threeTest(
  "trans() has one at a time do something, on whatever node",
  async ({ all }) => {
    let inside = 0;
    let most = 0;
    await Promise.all(
      all.map((node) =>
        node.run(() =>
          global.trans(["counter", self()], async () => {
            most = Math.max(most, ++inside);
            await global.whereisName("a turn for the others");
            await new Promise((resolve) => setTimeout(resolve, 0));
            inside--;
          })
        )
      ),
    );
    assertEquals(most, 1);
  },
);

threeTest(
  "trans() gives the lock back however the function ends, and aborts without it",
  async ({ kate }) => {
    const id = ["printer", self()] as const;
    assertEquals(await global.trans(id, () => 42), 42);
    const error = await assertRejects(
      () =>
        global.trans(id, () => {
          throw new RangeError("oops");
        }),
      RangeError,
    );
    assertInstanceOf(error, RangeError);
    await global.trans(id, () =>
      kate.run(async () => {
        assertEquals(
          await global.trans(["printer", self()], () => "never", {
            retries: 0,
          }),
          "aborted",
        );
      }));
    assertEquals(
      await global.setLock(["printer", "other"], { retries: 0 }),
      true,
    );
  },
);

threeTest(
  "a server that is gone starts again at the next use, and has the names again",
  async ({ all, kate }) => {
    const pid = await idleOn(kate);
    await global.registerName("leader", pid);
    await synced(all);
    for (const node of all) {
      await node.run(async () => {
        const server = whereis(SERVER)!;
        exit(server, "kill");
        await reasonOf(server);
        assert(pid.equals(await global.whereisName("leader")));
        assertEquals(await global.registerName("leader", self()), false);
      });
    }
    await synced(all);
    for (const found of await seen("leader", all)) assert(pid.equals(found));
  },
);

processTest(
  "a name that the server needs is not taken from who has it",
  async () => {
    await using node = await Node.start({
      name: "lone@localhost",
      cookie: "c",
      epmdPort: false,
    });
    await node.run(async () => {
      register(SERVER);
      await assertRejects(() => global.whereisName("x"), TypeError, SERVER);
    });
  },
);

threeTest(
  "wrong messages do a server no harm, whoever sends them",
  async ({ alex, kate, all }) => {
    await global.registerName("leader", self());
    await kate.run(async () => {
      const to = { name: SERVER, node: ALEX };
      const entry = {
        name: "leader",
        pid: self(),
        resolve: "random_exit_name",
      };
      const requests: unknown[] = [
        undefined,
        null,
        "hello",
        { type: "hello" },
        { type: "register" },
        { type: "register", entry },
        { type: "unregister", name: "leader" },
        { type: "merge" },
        {
          type: "merge",
          servers: [self()],
          insert: [entry],
          remove: ["leader"],
        },
        { type: "set_lock" },
        { type: "del_lock" },
        { type: "unlock_names" },
        { type: "change", change: { type: "unregister", name: "leader" } },
        { type: "change" },
        { type: "change", change: { type: "register", entry } },
        { type: "connect", server: "server" },
        { type: "whereis", name: "leader" },
        { type: "sync" },
        { type: "DOWN" },
        { type: "DOWN", ref: "ref" },
        { type: "nodeup", node: 5 },
        { type: "nodeup", node: "nobody@localhost" },
        { type: "nodedown" },
        { type: "nodedown", node: KATE },
      ];
      const processes = await alex.run(() =>
        [...currentRuntime().processes.values()]
          .filter(({ label }) => label === SERVER).map(({ pid }) => pid)
      );
      assertEquals(processes.length, 2);
      for (const request of requests) {
        const ref = monitor(to, { alias: "reply_demonitor" });
        send(to, new Call(self(), ref, request));
        const { type } = await receive((m) => ref.equals(m?.ref));
        assertEquals(type, "reply", `to ${JSON.stringify(request)}`);
        for (const pid of processes) {
          send(pid, new Cast(request));
          send(pid, request);
        }
      }
      // With the lock, what is written is looked at.
      for (
        const request of [
          { type: "lock_names" },
          { type: "register" },
          { type: "register", entry: { ...entry, pid: "pid" } },
          { type: "register", entry: { ...entry, resolve: ["Resolve"] } },
          { type: "merge", servers: 1, insert: {}, remove: null },
          { type: "merge", servers: ["x"], insert: [1, null], remove: [] },
          { type: "unlock_names" },
        ]
      ) {
        const ref = monitor(to, { alias: "reply_demonitor" });
        send(to, new Call(self(), ref, request));
        assertEquals((await receive((m) => ref.equals(m?.ref))).type, "reply");
      }
    });
    await synced(all);
    for (const pid of await seen("leader", all)) assert(self().equals(pid));
    assertEquals(
      await global.registerName("leader", spawn(Remote.wait)),
      false,
    );
  },
);

/** Numbers that are the same at each run. */
function* numbers(seed: number): Generator<number, never> {
  for (;;) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    yield seed;
  }
}

clusterTest(
  "nodes that are parted, joined and without a server for a time have the same names, over sockets",
  async (cluster) => {
    const nodes: Node[] = [];
    for (const name of ["a", "b", "c", "d"]) {
      nodes.push(await cluster.start(name));
    }
    const next = numbers(5);
    const below = (limit: number) => next.next().value % limit;
    for (let round = 0; round < 12; round++) {
      const asked: Promise<unknown>[] = [];
      for (let step = 0; step < 12; step++) {
        const node = nodes[below(4)];
        const other = nodes[below(4)].name;
        const name = below(6);
        const kind = below(8);
        // What was asked of a server that was ended is not answered: all else is.
        asked.push(
          node.run(() => something(kind, other, name)).catch(() => {}),
        );
        if (below(3) === 0) await new Promise((r) => setTimeout(r, below(4)));
      }
      await Promise.all(asked);
      await join(nodes);
      let tables: string[];
      do {
        await synced(nodes);
        tables = await Promise.all(nodes.map((node) => node.run(table)));
      } while (new Set(tables).size > 1);
    }
  },
);

async function something(
  kind: number,
  other: string,
  name: number,
): Promise<void> {
  if (kind < 2) Node.disconnect(other);
  else if (kind === 2) await Node.connect(other);
  else if (kind < 5) await global.registerName(name, spawn(Remote.wait));
  else if (kind === 5) await global.unregisterName(name);
  else if (kind === 6) {
    const pid = await global.whereisName(name);
    if (pid !== undefined) exit(pid, "kill");
  } else {
    const server = whereis(SERVER);
    if (server !== undefined) exit(server, "kill");
  }
}

/** The names that the caller's node has, as text. */
async function table(): Promise<string> {
  const rows: string[] = [];
  for (const name of await global.registeredNames()) {
    const pid = await global.whereisName(name);
    if (pid !== undefined) rows.push(`${name} ${pid.node} ${pid.number}`);
  }
  return rows.sort().join();
}

test(
  "all nodes have the same names in the end, whatever became of the network",
  { timeout: 60_000 },
  async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const next = numbers(seed);
      const below = (limit: number) => (next.next().value >>> 8) % limit;
      await using cluster = await SimulatedCluster.start({
        nodes: NAMES,
        seed,
        delay: { min: 1, max: [2, 20, 100][seed % 3] },
        tickTime: 1000,
        limits: { handshakeTimeout: 2000 },
      });
      for (let step = 0; step < 14; step++) {
        const [name, other] = [NAMES[below(3)], NAMES[below(3)]];
        const kind = below(9);
        if (kind === 0 && name !== other) {
          const mode = below(2) === 0 ? "cut" : "silent";
          cluster.partition([name], [other], { mode });
        } else if (kind === 1) cluster.heal();
        else if (kind === 2) await cluster.restart(name);
        else if (kind === 3) {
          cluster.spawn(name, () => something(7, other, 0));
        } else if (kind === 4) {
          cluster.spawn(name, () => something(6, other, 0));
        } else if (kind < 7) {
          cluster.spawn(name, () => something(3, other, below(2)));
        } else cluster.spawn(name, () => void Node.ping(`${other}@localhost`));
        await cluster.advance(below(2) === 0 ? below(100) : below(3000));
      }
      cluster.heal();
      await cluster.advance(4000);
      for (const name of NAMES) await cluster.run(name, () => pingAll());
      await cluster.advance(20_000);
      const tables: string[] = [];
      for (const name of NAMES) tables.push(await cluster.run(name, table));
      assertEquals(
        new Set(tables).size,
        1,
        `seed ${seed}: ${tables.join(" | ")}`,
      );
    }
  },
);

const NAMES = ["a", "b", "c"];

async function pingAll(): Promise<void> {
  for (const name of NAMES) await Node.ping(`${name}@localhost`);
}

clusterTest("a node that is hidden has names of its own", async (cluster) => {
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate", { hidden: true });
  await alex.run(async () => {
    await Node.connect(KATE);
    assertEquals(await global.registerName("leader", self()), true);
    await kate.run(async () => {
      assertEquals(await global.whereisName("leader"), undefined);
      assertEquals(await global.registerName("leader", self()), true);
    });
    assert(self().equals(await global.whereisName("leader")));
  });
});

processTest(
  "globalNames is the registry of names that are { global: name }",
  async () => {
    assertEquals(await globalNames.registerName("me", self()), true);
    assert(self().equals(await globalNames.whereisName("me")));
    await globalNames.unregisterName("me");
    assertEquals(await globalNames.whereisName("me"), undefined);
  },
);
