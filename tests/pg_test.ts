import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { ExitError, NoProcessError } from "../errors.ts";
import { Node } from "../node.ts";
import { pg, type PgMessage } from "../pg.ts";
import {
  alive,
  exit,
  makeRef,
  monitor,
  Pid,
  receive,
  type Ref,
  self,
  send,
  spawn,
  unlink,
  whereis,
} from "../process.ts";
import { Call, Cast } from "../gen/messages.ts";
import { atom } from "../runtime/values/pid.ts";
import { Supervisor } from "../supervisor.ts";
import { type Cluster, clusterTest, nodeDown, part } from "./_nodes.ts";
import { ended, idle, mail, processTest, turn } from "./_processes.ts";
import "./_supervision.ts";

/** A test with the default scope. */
function pgTest(name: string, fn: () => void | Promise<void>): void {
  processTest(name, async () => {
    await pg.start();
    await fn();
    const scope = whereis("pg")!;
    const end = ended(scope);
    exit(scope, "kill");
    await end;
  });
}

/** A test of nodes on which the scope runs; its body is a process of alex. */
function nodesTest(
  name: string,
  fn: (alex: Node, kate: Node, cluster: Cluster) => Promise<void>,
): void {
  clusterTest(name, async (cluster) => {
    const kate = await cluster.start("kate");
    const alex = await cluster.start("alex");
    for (const node of [kate, alex]) await node.run(() => pg.start());
    await alex.run(() => fn(alex, kate, cluster));
  });
}

/** A member of a group on a node, by a process that waits. */
function member(node: Node, group: unknown): Promise<Pid> {
  return node.run(async () => {
    const pid = idle();
    await pg.join(group, pid);
    return pid;
  });
}

/** The next message of a monitor. */
async function told(ref: Ref): Promise<[string, unknown, Pid[]]> {
  const message = await receive<PgMessage>((m) => ref.equals(m?.ref));
  return [message.type, message.group, message.pids];
}

function sorted(pids: Pid[]): string[] {
  return pids.map(({ node, number }) => `${node} ${number}`).sort();
}

// join(), leave()

pgTest("join() makes a process a member, as often as it joins", async () => {
  const other = idle();
  assertEquals(await pg.join("g", self()), "ok");
  assertEquals(await pg.join("g", [other, self()]), "ok");
  assertEquals(pg.getMembers("g"), [self(), self(), other]);
  assertEquals(pg.getLocalMembers("g"), [self(), self(), other]);
  assertEquals(await pg.leave("g", self()), "ok");
  assertEquals(pg.getMembers("g"), [self(), other]);
  assertEquals(await pg.leave("g", [self(), other]), "ok");
  assertEquals(pg.getMembers("g"), []);
  assertEquals(pg.whichGroups(), []);
  exit(other, "kill");
});

pgTest("leave() is not_joined if none of them is a member", async () => {
  const other = idle();
  assertEquals(await pg.leave("g", self()), "not_joined");
  await pg.join("g", self());
  assertEquals(await pg.leave("g", other), "not_joined");
  assertEquals(await pg.leave("g", []), "not_joined");
  assertEquals(await pg.leave("other", self()), "not_joined");
  assertEquals(await pg.leave("g", [other, self(), self()]), "ok");
  assertEquals(pg.getMembers("g"), []);
  exit(other, "kill");
});

pgTest("a group is any value, and compares by what it holds", async () => {
  const groups = ["room", atom("room"), ["room", 1], { b: 1, a: [2] }, 7];
  for (const group of groups) await pg.join(group, self());
  assertEquals(pg.whichGroups(), groups);
  assertEquals(pg.whichLocalGroups(), groups);
  assertEquals(pg.getMembers({ a: [2], b: 1 }), [self()]);
  assertEquals(pg.getMembers(["room", 2]), []);
  assertEquals(await pg.leave({ a: [2], b: 1 }, self()), "ok");
  assertEquals(pg.getMembers({ b: 1, a: [2] }), []);
});

pgTest(
  "a member that ends leaves its groups, each as often as it had joined",
  async () => {
    const pid = idle();
    const { ref } = await pg.monitorScope();
    await pg.join("a", [pid, pid]);
    await pg.join("b", pid);
    await pg.join("a", self());
    for (let i = 0; i < 3; i++) assertEquals((await told(ref))[0], "join");
    exit(pid, "kill");
    assertEquals(await told(ref), ["leave", "b", [pid]]);
    assertEquals(await told(ref), ["leave", "a", [pid]]);
    assertEquals(await told(ref), ["leave", "a", [pid]]);
    assertEquals(pg.getMembers("a"), [self()]);
    assertEquals(pg.whichGroups(), ["a"]);
    await pg.demonitor(ref);
  },
);

pgTest("a process that is not alive leaves as it joins", async () => {
  const pid = idle();
  exit(pid, "kill");
  const { ref } = await pg.monitor("g");
  assertEquals(await pg.join("g", pid), "ok");
  assertEquals(await told(ref), ["join", "g", [pid]]);
  assertEquals(await told(ref), ["leave", "g", [pid]]);
  assertEquals(pg.getMembers("g"), []);
});

pgTest("join() and leave() take no process of another node", async () => {
  const elsewhere = new Pid("kate@localhost", 1, 1);
  for (const change of [pg.join, pg.leave]) {
    const error = await assertRejects(
      () => change("g", [self(), elsewhere]),
      TypeError,
    );
    assertMatch(error.message, /not a process of nonode@nohost/);
    await assertRejects(() => change("g", "me" as never), TypeError);
  }
  await assertRejects(() => pg.join(() => {}, self()), TypeError);
  assertEquals(pg.whichGroups(), []);
});

// scopes

processTest(
  "a scope that does not run has no members, and is not joined",
  async () => {
    const options = { scope: "nowhere" };
    assertEquals(pg.getMembers("g", options), []);
    assertEquals(pg.getLocalMembers("g", options), []);
    const error = assertThrows(() => pg.whichGroups(options), NoProcessError);
    assertMatch(error.message, /"nowhere".*pg\.startLink/);
    assertThrows(() => pg.whichLocalGroups(options), NoProcessError);
    for (
      const call of [
        () => pg.join("g", self(), options),
        () => pg.leave("g", self(), options),
        () => pg.monitor("g", options),
        () => pg.monitorScope(options),
        () => pg.demonitor(makeRef(), options),
      ]
    ) {
      const { reason } = await assertRejects(call, ExitError);
      assertEquals((reason as { reason: unknown }).reason, "noproc");
    }
  },
);

pgTest(
  "a scope's process has its name, and knows nothing of other scopes",
  async () => {
    const first = whereis("pg")!;
    const error = await assertRejects(() => pg.start(), ExitError);
    assertEquals(error.reason, { type: "already_started", pid: first });
    const second = await pg.startLink(atom("second"));
    assertEquals(whereis("second"), second);
    const scope = "second";
    await pg.join("g", self(), { scope });
    assertEquals(pg.getMembers("g"), []);
    assertEquals(pg.whichGroups({ scope }), ["g"]);
    assertEquals(await pg.leave("g", self()), "not_joined");
    assertEquals(await pg.leave("g", self(), { scope }), "ok");
    const starter = spawn(async () => {
      await pg.startLink("third");
      await receive();
    });
    while (whereis("third") === undefined) {
      await receive(null, {
        timeout: 1,
        after: 0,
      });
    }
    const end = ended(whereis("third")!);
    exit(starter, "oops");
    assertEquals(await end, "oops");
    unlink(second);
    exit(second, "kill");
  },
);

processTest("a scope is a supervisor's child, which begins anew", async () => {
  const sup = await Supervisor.startLink([pg, [pg, { scope: "other" }]], {
    strategy: "one_for_one",
  });
  const children = await Supervisor.whichChildren(sup);
  assertEquals(children.map(({ id }) => id), ["other", "pg"]);
  await pg.join("g", self());
  exit(whereis("pg")!, "kill");
  assertEquals(pg.getMembers("g"), []);
  await Supervisor.countChildren(sup);
  assertEquals(pg.whichGroups(), []);
  await Supervisor.stop(sup);
});

// monitor()

pgTest("monitor() tells of one group from then on", async () => {
  const other = idle();
  await pg.join("g", other);
  const { ref, pids } = await pg.monitor("g");
  assertEquals(pids, [other]);
  await pg.join("h", self());
  await pg.join("g", [self(), other]);
  assertEquals(await told(ref), ["join", "g", [self(), other]]);
  await pg.leave("g", self());
  assertEquals(await told(ref), ["leave", "g", [self()]]);
  // As in OTP, of all that were to leave.
  await pg.leave("g", [other, self()]);
  assertEquals(await told(ref), ["leave", "g", [other, self()]]);
  exit(other, "kill");
  assertEquals(await told(ref), ["leave", "g", [other]]);
  assertEquals(await mail(), []);
});

pgTest("monitors stack, and each ends by itself", async () => {
  const one = await pg.monitor("g");
  const two = await pg.monitor("g");
  const all = await pg.monitorScope();
  await pg.join("g", self());
  for (const { ref } of [one, two, all]) {
    assertEquals(await told(ref), ["join", "g", [self()]]);
  }
  assert(await pg.demonitor(one.ref));
  assert(await pg.demonitor(all.ref));
  assertFalse(await pg.demonitor(one.ref));
  assertFalse(await pg.demonitor(makeRef()));
  await pg.leave("g", self());
  assertEquals(await told(two.ref), ["leave", "g", [self()]]);
  assertEquals(await mail(), []);
});

pgTest("demonitor() takes out what has come, and no more", async () => {
  const { ref } = await pg.monitor("g");
  const { ref: kept } = await pg.monitor("g");
  await pg.join("g", self());
  await pg.leave("g", self());
  send(self(), { type: "other", ref });
  assert(await pg.demonitor(ref));
  assertEquals(await mail(), [
    { type: "join", ref: kept, group: "g", pids: [self()] },
    { type: "leave", ref: kept, group: "g", pids: [self()] },
    { type: "other", ref },
  ]);
});

pgTest("monitorScope() gives all groups, and tells of all", async () => {
  await pg.join("a", [self(), self()]);
  await pg.join(["b"], self());
  const { ref, groups } = await pg.monitorScope();
  assertEquals(groups, [
    { group: "a", pids: [self(), self()] },
    { group: ["b"], pids: [self()] },
  ]);
  await pg.join("c", self());
  assertEquals(await told(ref), ["join", "c", [self()]]);
});

pgTest("what is no message of a scope does it no harm", async () => {
  const elsewhere = new Pid("kate@localhost", 1, 1);
  for (
    const message of [
      null,
      "discover",
      { type: "discover" },
      { type: "discover", peer: "kate" },
      { type: "sync", peer: elsewhere },
      { type: "sync", peer: elsewhere, groups: [null] },
      {
        type: "sync",
        peer: elsewhere,
        groups: [{ group: "g", pids: [self()] }],
      },
      { type: "join", peer: elsewhere, group: "g" },
      { type: "join", peer: elsewhere, group: "g", pids: [self()] },
      { type: "leave", peer: elsewhere, pids: [elsewhere] },
      { type: "leave", peer: elsewhere, groups: ["g"], pids: [elsewhere] },
      { type: "DOWN" },
      { type: "DOWN", ref: makeRef() },
      { type: "nodeup" },
      new Call(self(), makeRef(), null),
      new Cast(1),
    ]
  ) send("pg", message);
  // From one that has not been met: it is late, or never was one.
  send("pg", {
    type: "join",
    peer: elsewhere,
    group: "g",
    pids: [elsewhere],
  });
  await pg.join("g", self());
  assertEquals(pg.getMembers("g"), [self()]);
  await pg.leave("g", self());
});

pgTest("a scope that has been killed answers nobody any more", async () => {
  const scope = whereis("pg")!;
  await turn();
  send(scope, { type: "discover", peer: self() });
  // It was waiting, and so has the message already, but has not gone on.
  exit(scope, "kill");
  await turn();
  assertEquals(await mail(), []);
  await pg.start();
});

// nodes

nodesTest(
  "members are seen on all nodes that are connected, and on no others",
  async (alex, kate) => {
    const { ref } = await pg.monitor("g");
    const theirs = await member(kate, "g");
    const ours = await member(alex, "g");
    assertEquals(await told(ref), ["join", "g", [ours]]);
    assertEquals(pg.getMembers("g"), [ours]);
    await Node.connect(kate.name);
    assertEquals(await told(ref), ["join", "g", [theirs]]);
    assertEquals(pg.getMembers("g"), [ours, theirs]);
    assertEquals(pg.getLocalMembers("g"), [ours]);
    const late = await member(kate, ["late"]);
    // In order with what kate sends next.
    const again = await member(kate, "g");
    assertEquals(await told(ref), ["join", "g", [again]]);
    assertEquals(pg.getMembers(["late"]), [late]);
    assertEquals(pg.whichGroups(), ["g", ["late"]]);
    assertEquals(pg.whichLocalGroups(), ["g"]);
    exit(theirs, "kill");
    assertEquals(await told(ref), ["leave", "g", [theirs]]);
    await kate.run(() => pg.leave("g", again));
    assertEquals(await told(ref), ["leave", "g", [again]]);
    assertEquals(pg.getMembers("g"), [ours]);
  },
);

clusterTest(
  "a scope that is started late finds the others",
  async (cluster) => {
    const kate = await cluster.start("kate");
    const alex = await cluster.start("alex");
    await kate.run(() => pg.start());
    const theirs = await member(kate, "g");
    await alex.run(async () => {
      await Node.connect(kate.name);
      await pg.start();
      const { ref, pids } = await pg.monitor("g");
      if (pids.length === 0) await told(ref);
      assertEquals(pg.getMembers("g"), [theirs]);
      const ours = await member(alex, "g");
      await told(ref);
      await kate.run(async () => {
        const { ref, pids } = await pg.monitor("g");
        if (pids.length === 1) await told(ref);
        assertEquals(pg.getMembers("g"), [theirs, ours]);
      });
    });
  },
);

nodesTest(
  "members are gone with the connection, and back with it",
  async (alex, kate) => {
    await Node.connect(kate.name);
    const ours = await member(alex, "g");
    const { ref } = await pg.monitor("g");
    const theirs = await member(kate, "g");
    assertEquals(await told(ref), ["join", "g", [theirs]]);
    const test = self();
    const watching = kate.run(async () => {
      const { ref, pids } = await pg.monitor("g");
      if (pids.length === 1) await told(ref);
      send(test, "watching");
      return [await told(ref), await told(ref)];
    });
    await receive((message) => message === "watching");
    await part(alex, kate);
    assertEquals(await told(ref), ["leave", "g", [theirs]]);
    assertEquals(pg.getMembers("g"), [ours]);
    const meanwhile = await member(kate, "g");
    await kate.run(() => pg.leave("g", theirs));
    await Node.connect(kate.name);
    assertEquals(await told(ref), ["join", "g", [meanwhile]]);
    assertEquals(pg.getMembers("g"), [ours, meanwhile]);
    const [first, second] = await watching;
    assertEquals(first, ["leave", "g", [ours]]);
    assertEquals(second, ["join", "g", [meanwhile]]);
  },
);

nodesTest(
  "members leave with their node; a new one of its name begins anew",
  async (alex, kate, cluster) => {
    await Node.connect(kate.name);
    const { ref } = await pg.monitorScope();
    const theirs = await member(kate, "g");
    assertEquals(await told(ref), ["join", "g", [theirs]]);
    const twice = await kate.run(async () => {
      const pid = idle();
      await pg.join("h", [pid, pid]);
      return pid;
    });
    assertEquals(await told(ref), ["join", "h", [twice, twice]]);
    Node.monitor(kate.name);
    await kate.stop();
    await nodeDown(kate.name);
    const left = [await told(ref), await told(ref)];
    assertEquals(left, [["leave", "g", [theirs]], ["leave", "h", [
      twice,
      twice,
    ]]]);
    assertEquals(pg.whichGroups(), []);
    const second = await cluster.start("kate");
    await second.run(() => pg.start());
    const ours = await member(alex, "g");
    assertEquals(await told(ref), ["join", "g", [ours]]);
    const next = await member(second, "g");
    await Node.connect(second.name);
    assertEquals(await told(ref), ["join", "g", [next]]);
    assertEquals(pg.getMembers("g"), [ours, next]);
  },
);

nodesTest(
  "members of a scope's process that crashes are lost until they join again",
  async (_alex, kate) => {
    await Node.connect(kate.name);
    const { ref } = await pg.monitor("g");
    const theirs = await member(kate, "g");
    assertEquals(await told(ref), ["join", "g", [theirs]]);
    await kate.run(() => exit(whereis("pg")!, "kill"));
    assertEquals(await told(ref), ["leave", "g", [theirs]]);
    await kate.run(async () => {
      await pg.start();
      assertEquals(pg.getMembers("g"), []);
      assert(alive(theirs));
      await pg.join("g", theirs);
    });
    assertEquals(await told(ref), ["join", "g", [theirs]]);
  },
);

nodesTest("a node without the scope has no part in it", async (alex, kate) => {
  await kate.run(() => exit(whereis("pg")!, "kill"));
  await Node.connect(kate.name);
  await member(alex, "g");
  await kate.run(() => assertEquals(pg.getMembers("g"), []));
  assertEquals(pg.getMembers("g").length, 1);
});

clusterTest(
  "all nodes end up with the same members, whatever happened",
  async (cluster) => {
    const names = ["alex", "kate", "moebi"];
    const nodes = await Promise.all(names.map((name) => cluster.start(name)));
    for (const node of nodes) await node.run(() => pg.start());
    const [alex, kate, moebi] = nodes;
    await alex.run(() => Node.connect(kate.name));
    await Promise.all(
      nodes.flatMap((node) =>
        Array.from({ length: 20 }, async (_, i) => {
          const pid = await member(node, i % 3);
          if (i % 4 === 0) await node.run(() => exit(pid, "kill"));
          if (i === 7 && node === alex) await part(alex, kate);
          if (i === 9) await node.run(() => Node.connect(moebi.name));
        })
      ),
    );
    await alex.run(() => Node.connect(kate.name));
    // What comes last over each connection comes after all else.
    for (const node of nodes) await member(node, ["end", node.name]);
    const seen = [];
    for (const node of nodes) {
      seen.push(
        await node.run(async () => {
          for (const other of nodes) {
            const { ref, pids } = await pg.monitor(["end", other.name]);
            if (pids.length === 0) await told(ref);
            await pg.demonitor(ref);
          }
          return [0, 1, 2].map((group) => sorted(pg.getMembers(group)));
        }),
      );
    }
    assertEquals(seen[0].flat().length, 45);
    assertEquals(seen[1], seen[0]);
    assertEquals(seen[2], seen[0]);
  },
);

nodesTest(
  "a process of another node asks the scope of its own node alone",
  async (_alex, kate) => {
    const scope = { name: "pg", node: kate.name };
    const ref = monitor(scope, { alias: "reply_demonitor" });
    const request = { type: "join", group: "g", pids: [self()] };
    send(scope, new Call(self(), ref, request));
    const { value } = await receive((m) => ref.equals(m?.ref));
    assertEquals(value, { type: "error", reason: "badarg" });
    await kate.run(() => assertEquals(pg.whichGroups(), []));
  },
);
