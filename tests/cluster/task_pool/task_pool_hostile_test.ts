/** TaskPool among members of its group, and other processes, that do not keep to the protocol. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { tell } from "../../../packages/servers/server/call.ts";
import {
  NO_REPLY,
  type Server,
} from "../../../packages/servers/server/server.ts";
import { startServer } from "../../../packages/servers/server/start.ts";
import { Node } from "../../../node.ts";
import { pg } from "../../../packages/node/pg/pg.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { currentProcess } from "../../../packages/processes/runtime/current_process.ts";
import type { ReplyTo } from "../../../packages/processes/values/reply_to.ts";
import {
  PoolError,
  TaskPool,
} from "../../../packages/cluster/task_pool/task_pool.ts";
import { numbersIn } from "../../_pages.ts";
import { type Cluster, clusterTest } from "../../_nodes.ts";
import {
  begun,
  GROUP,
  nodes,
  pool,
  ready,
  release,
  supervisor,
  until,
} from "./_pool_jobs.ts";

/** How a false supervisor answers requests for tasks. */
type Manner = "silent" | "full" | "junk" | "nobody" | "draining";

/** A member of the group that is no Task.Supervisor. */
class FalseSupervisor implements Server {
  readonly #manner: Manner;
  starts = 0;

  constructor(manner: Manner) {
    this.#manner = manner;
  }

  call(request: unknown, caller: ReplyTo): unknown {
    const { type, task } = request as { type: string; task?: ReplyTo["alias"] };
    if (type === "starts") return this.starts;
    if (type !== "start_task") {
      return this.#manner === "silent"
        ? NO_REPLY
        : { type: "load", tasks: 0, max: "infinity", draining: false };
    }
    this.starts++;
    switch (this.#manner) {
      case "full":
      case "draining": {
        const reason = this.#manner === "full" ? "max_children" : "draining";
        return { type: "error", reason, message: "no" };
      }
      case "junk":
        return ["junk", { reason: 7 }];
      case "nobody": {
        // A task that never ends: not by itself, and not by exit signals.
        const { runtime } = currentProcess();
        const pid = runtime.unusedPid();
        const result = { pid, link: true, monitor: true };
        runtime.signalsTo(caller.node).spawnReply(
          pid,
          caller.pid,
          task!,
          result,
        );
        return NO_REPLY;
      }
      default:
        return NO_REPLY;
    }
  }

  info(): void {}
}

/** Starts a false member on a node. */
async function falseMember(node: Node, manner: Manner): Promise<Pid> {
  return await node.run(async () => {
    if (Process.whereis("pg") === undefined) await pg.start();
    const pid = await startServer(() => new FalseSupervisor(manner), {
      label: manner,
      link: false,
    });
    await pg.join(GROUP, pid);
    return pid;
  });
}

/** A test of a pool on alex, with a false member on kate; its body is a process of alex. */
function hostileTest(
  name: string,
  manner: Manner,
  fn: (moebi: Node, kate: Node, member: Pid) => Promise<void>,
): void {
  clusterTest(`TaskPool ${name}`, async (cluster: Cluster) => {
    const [alex, kate, moebi] = await nodes(cluster, "alex", "kate", "moebi");
    await pool(alex);
    const member = await falseMember(kate, manner);
    await alex.run(async () => {
      await until(({ members }) => members.length === 1);
      await fn(moebi, kate, member);
    });
  });
}

function here(timeout = 20_000, mayRunTwice = false): Promise<unknown> {
  const run = TaskPool.run("pool", ["Jobs", "here"], [], {
    timeout,
    mayRunTwice,
    shutdown: "brutal_kill",
  });
  run.catch(() => {});
  return run;
}

/** The runs that have failed, when all have ended. */
async function failures(runs: Promise<unknown>[]): Promise<PoolError[]> {
  const errors: PoolError[] = [];
  for (const result of await Promise.allSettled(runs)) {
    if (result.status === "rejected") errors.push(result.reason);
  }
  return errors;
}

hostileTest("sends a silent member one run only", "silent", async (moebi) => {
  await supervisor(moebi, { maxChildren: 2 });
  await ready(1);
  const runs = Array.from({ length: 20 }, () => here(5000));
  const [error, ...more] = await failures(runs);
  assertEquals([error.code, error.mayHaveRun], ["deadline", true]);
  assertEquals(more, []);
  const { members, queued } = await TaskPool.info("pool");
  assertEquals(members.map(({ state }) => state).sort(), ["ready", "silent"]);
  assertEquals(queued, 0);
  assertEquals(await failures([here(), here(), here()]), []);
});

hostileTest("asks a full member less and less", "full", async (moebi) => {
  const [error] = await failures([here(500)]);
  assertEquals([error.code, error.mayHaveRun], ["deadline", false]);
  const before = (await TaskPool.info("pool")).counts.refused;
  assert(before >= 1 && before < 10, `${before} refusals`);
  const runs = Array.from({ length: 20 }, () => here());
  await supervisor(moebi, { maxChildren: 2 });
  assertEquals(await failures(runs), []);
  const { counts } = await TaskPool.info("pool");
  assert(counts.refused < 40, `${counts.refused} refusals`);
});

hostileTest("sends no more to a draining member", "draining", async (moebi) => {
  const run = here();
  await supervisor(moebi, { maxChildren: 2 });
  assertEquals(await run, ["moebi@localhost"]);
});

hostileTest("fails a run of a junk member with lost", "junk", async (moebi) => {
  const [error] = await failures([here()]);
  assertEquals([error.code, error.mayHaveRun], ["lost", true]);
  const again = here(20_000, true);
  await supervisor(moebi, { maxChildren: 2 });
  assertEquals(await again, ["moebi@localhost"]);
});

hostileTest("passes over endless tasks", "nobody", async (moebi) => {
  const [error] = await failures([here(50)]);
  assertEquals([error.code, error.mayHaveRun], ["deadline", true]);
  await until(({ members }) => members[0].state === "silent");
  await supervisor(moebi, { maxChildren: 2 });
  await until(({ members }) => members.length === 2);
  const runs = Array.from({ length: 20 }, () => here());
  assertEquals(await failures(runs), []);
});

hostileTest("takes no others' news", "silent", async (moebi, kate, member) => {
  const to = Process.whereis("pool")!;
  await supervisor(moebi, { maxChildren: 1 });
  await ready(1);
  const run = TaskPool.run("pool", ["Jobs", "held"], [self(), 1]);
  const queued = TaskPool.run("pool", ["Jobs", "held"], [self(), 2]);
  const tasks = [await begun()];
  // The silent one has the other run: it is in flight.
  await until(({ running }) => running === 2);
  const before = await TaskPool.info("pool");
  const [real] = before.members.filter(({ max }) => max === 1);
  const load = { type: "load", tasks: 0, max: 9, draining: true, turn: true };
  await kate.run(async () => {
    const process = currentProcess();
    for (const message of [load, { ...load, tasks: -1 }, null, 1, "load"]) {
      tell(process, to, message);
      send(to, message);
    }
    for (const type of ["join", "leave"]) {
      send(to, { type, group: GROUP, pids: [real.pid, self()] });
      send(to, { type, groups: [GROUP], pids: [real.pid, self()] });
    }
    send(to, { type: "DOWN", object: real.pid, reason: "forged" });
    send(to, { type: "EXIT", from: member, reason: "forged" });
    assertEquals(await TaskPool.info(to), before);
  });
  release(tasks[0], 1);
  await Promise.race([run, queued]);
  await TaskPool.stop("pool");
  await Promise.allSettled([run, queued]);
});

const [OF_NODE] = numbersIn(
  "docs/placement.md",
  "at most # supervisors of one",
);

clusterTest("TaskPool bounds the supervisors of a node", async (cluster) => {
  const [alex, kate] = await nodes(cluster, "alex", "kate");
  await pool(alex);
  await kate.run(async () => {
    await pg.start();
    const pids = Array.from(
      { length: 200 },
      () => spawn(() => receive(() => false)),
    );
    await pg.join(GROUP, pids);
  });
  await alex.run(async () => {
    await until(({ members }) => members.length > 0);
    await until(() => pg.getMembers(GROUP).length === 200);
    assertEquals((await TaskPool.info("pool")).members.length, OF_NODE);
    await assertRejects(() => here(50), PoolError);
  });
});

clusterTest("a supervisor's load goes to a few pools", async (cluster) => {
  const [kate] = await nodes(cluster, "kate");
  await kate.stop();
  const moebi = await cluster.start("moebi", {
    limits: { maxRemoteEntries: 1 },
    allowClosures: true,
  });
  const [alex] = await nodes(cluster, "alex");
  await supervisor(moebi, { maxChildren: 1 });
  const names = ["pool", "second"];
  for (const name of names) await pool(alex, { name });
  await alex.run(async () => {
    await Node.connect(moebi.name);
    for (const name of names) {
      const runs = Array.from(
        { length: 3 },
        (_, i) => TaskPool.run(name, (i: number) => i, [i]),
      );
      assertEquals(await Promise.all(runs), [0, 1, 2]);
    }
  });
});
