import { assert, assertEquals, assertRejects } from "@std/assert";
import { Node } from "../../../node.ts";
import { pg } from "../../../packages/node/pg/pg.ts";
import { Process, self, send } from "../../../packages/processes/process.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { pairTest } from "../../_nodes.ts";
import { mail, processTest, quiet } from "../../_processes.ts";
import "../../_supervision.ts";
import { until } from "../../_until.ts";

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

processTest("a killed scope answers no more requests", async () => {
  await pg.start();
  const scope = Process.whereis("pg")!;
  await quiet();
  send(scope, { type: "discover", peer: self() });
  // The process was waiting, and so has the message already, but has not resumed.
  Process.exit(scope, "kill");
  await quiet();
  assertEquals(await mail(), []);
});

pairTest("join() accepts groups of 504 levels", async ({ kate }) => {
  await kate.run(() => pg.start());
  await pg.start();
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
