import { assert, assertEquals, assertRejects } from "@std/assert";
import { Node } from "../../../node.ts";
import { pg } from "../../../otp/pg/pg.ts";
import {
  makeRef,
  Pid,
  Process,
  receive,
  self,
  send,
} from "../../../otp/process/process.ts";
import { Call, Cast } from "../../../otp/server/messages.ts";
import { ReplyTo } from "../../../core/values/reply_to.ts";
import { Supervisor } from "../../../otp/supervisor/supervisor.ts";
import { pairTest } from "../../_nodes.ts";
import { ended, mail, processTest, quiet } from "../../_processes.ts";
import "../../_supervision.ts";
import { until } from "../../_until.ts";

/** A test with the default scope. */
function pgTest(name: string, fn: () => void | Promise<void>): void {
  processTest(name, async () => {
    await pg.start();
    await fn();
    const scope = Process.whereis("pg")!;
    const end = ended(scope);
    Process.exit(scope, "kill");
    await end;
  });
}

/** A test of nodes on which the scope runs; its body is a process of alex. */
function nodesTest(name: string, fn: (kate: Node) => Promise<void>): void {
  pairTest(name, async ({ kate }) => {
    await kate.run(() => pg.start());
    await pg.start();
    await fn(kate);
  });
}

// scopes

processTest("a scope restarts without members", async () => {
  const sup = await Supervisor.startLink([pg, [pg, { scope: "other" }]], {
    strategy: "one_for_one",
  });
  const children = await Supervisor.whichChildren(sup);
  assertEquals(children.map(({ id }) => id), ["other", "pg"]);
  await pg.join("g", self());
  Process.exit(Process.whereis("pg")!, "kill");
  assertEquals(pg.getMembers("g"), []);
  await Supervisor.countChildren(sup);
  assertEquals(pg.whichGroups(), []);
  await Supervisor.stop(sup);
});

// monitor()

pgTest("invalid messages do not harm a scope", async () => {
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
      new Call(new ReplyTo(self(), makeRef()), null),
      new Cast(1),
    ]
  ) send("pg", message);
  // From an unknown sender: it is late, or was never a member.
  send("pg", { type: "join", peer: elsewhere, group: "g", pids: [elsewhere] });
  await pg.join("g", self());
  assertEquals(pg.getMembers("g"), [self()]);
  await pg.leave("g", self());
});

pgTest("a killed scope answers no more requests", async () => {
  const scope = Process.whereis("pg")!;
  await quiet();
  send(scope, { type: "discover", peer: self() });
  // The process was waiting, and so has the message already, but has not resumed.
  Process.exit(scope, "kill");
  await quiet();
  assertEquals(await mail(), []);
  await pg.start();
});

// nodes

nodesTest("a remote process asks its own scope", async (kate) => {
  const scope = { name: "pg", node: kate.name };
  const ref = Process.monitor(scope, { alias: "reply_demonitor" });
  const request = { type: "join", group: "g", pids: [self()] };
  send(scope, new Call(new ReplyTo(self(), ref), request));
  const { value } = await receive((m) => ref.equals(m?.ref));
  assertEquals(value, { type: "error", reason: "badarg" });
  await kate.run(() => assertEquals(pg.whichGroups(), []));
});

nodesTest("join() accepts groups of 504 levels", async (kate) => {
  const nested = (levels: number): unknown => {
    let group: unknown = "g";
    for (let i = 0; i < levels; i++) {
      group = i % 2 === 0 ? [group] : { group };
    }
    return group;
  };
  await Node.connect(kate.name);
  for (const levels of [503, 504]) {
    const group = nested(levels);
    const { ref } = await kate.run(() => pg.monitor(group));
    assert(ref !== undefined);
    await pg.join(group, self());
    await kate.run(async () => {
      await until(() => pg.getMembers(group).length > 0);
      assertEquals(pg.whichGroups(), [group]);
    });
    await pg.leave(group, self());
    await kate.run(() => until(() => pg.getMembers(group).length === 0));
  }
  for (const levels of [505, 512, 513]) {
    const group = nested(levels);
    const actions = [
      () => pg.join(group, self()),
      () => pg.leave(group, self()),
      () => pg.monitor(group),
      // deno-lint-ignore require-await
      async () => pg.getMembers(group),
    ];
    for (const action of actions) {
      await assertRejects(
        async () => await action(),
        RangeError,
        "nested deeper than 504 levels",
      );
    }
  }
});
