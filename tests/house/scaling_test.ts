import { assert } from "@std/assert";
import process from "node:process";
import { DynamicSupervisor } from "../../packages/servers/supervisor/dynamic_supervisor.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
  spawnLink,
} from "../../packages/processes/process.ts";
import { memoryStore } from "../../packages/entities/mod.ts";
import { Joins } from "../../packages/node/pg/pg_scope.ts";
import { Supervisor } from "../../packages/servers/supervisor/supervisor.ts";
import {
  type QueueEntry,
  RunQueue,
} from "../../packages/cluster/task_pool/run_queue.ts";
import { Task } from "../../packages/servers/task/task.ts";
import { test } from "../../packages/testing/tags.ts";

interface Entry extends QueueEntry<Entry> {}

const FEW = 1000;
const MANY = 16_000;
const TIMES = 6;

/** The allowed ratio of the cost of one of many to one of few; it would be 16 if all were visited. */
const MOST = 8;

/** Does a number of operations, and returns the milliseconds of the measured part. */
type Work = (total: number) => Promise<number>;

/** The time of the processor that work takes, in milliseconds: other programs do not lengthen it. */
async function timed(work: () => unknown): Promise<number> {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function idle(): Promise<never> {
  return receive<never>(() => false);
}

/** Starts processes that have begun when it returns. */
async function started(total: number, fn: () => unknown) {
  const pids = Array.from({ length: total }, () => spawn(fn));
  const parent = self();
  // They begin in order.
  spawn(() => {
    send(parent, "begun");
  });
  await receive((m) => m === "begun");
  return pids;
}

/** Runs work in a process of its own, which takes its mail with it. */
async function inside(work: () => Promise<number>): Promise<number> {
  return await Task.await(Task.async(work), Infinity);
}

const child = (i: number, restart: "temporary" | "permanent") => ({
  id: `${i}`,
  restart,
  start: () => spawnLink(idle),
});

const WORKS: Record<string, Work> = {
  "the queue of a TaskPool, which runs leave, the last first": (total) => {
    // Without the rest of a run, which costs more than a look at hundreds of others.
    const queue = new RunQueue<Entry>();
    const entries = Array.from({ length: 8 * total }, (_, ticket): Entry => (
      { ticket, before: undefined, after: undefined, isQueued: false }
    ));
    return timed(() => {
      for (const entry of entries) queue.add(entry);
      for (const entry of entries.toReversed()) queue.remove(entry);
      // As many come back before one that came later, when a node is lost.
      queue.add(entries.at(-1)!);
      for (const entry of entries.slice(0, -1)) queue.add(entry);
      for (const entry of entries) queue.remove(entry);
    });
  },
  async "Supervisor.startChild()"(total) {
    const pid = await Supervisor.startLink([], { strategy: "one_for_one" });
    const ms = await timed(async () => {
      for (let i = 0; i < total; i++) {
        await Supervisor.startChild(pid, child(i, "permanent"));
      }
    });
    Process.exit(pid, "kill");
    return ms;
  },
  async "Supervisor.terminateChild() and deleteChild()"(total) {
    const all = Array.from({ length: total }, (_, i) => child(i, "permanent"));
    const pid = await Supervisor.startLink(all, { strategy: "one_for_one" });
    const ms = await timed(async () => {
      for (let i = 0; i < total; i++) {
        await Supervisor.terminateChild(pid, `${i}`);
        await Supervisor.deleteChild(pid, `${i}`);
      }
    });
    Process.exit(pid, "kill");
    return ms;
  },
  async "the end of a supervisor's temporary children"(total) {
    const all = Array.from({ length: total }, (_, i) => child(i, "temporary"));
    const pid = await Supervisor.startLink(all, { strategy: "one_for_one" });
    const children = await Supervisor.whichChildren(pid);
    const ms = await timed(async () => {
      for (const { pid } of children) {
        if (typeof pid === "object") Process.exit(pid, "shutdown");
      }
      await Supervisor.countChildren(pid);
    });
    Process.exit(pid, "kill");
    return ms;
  },
  async "the stop of a supervisor"(total) {
    const all = Array.from({ length: total }, (_, i) => child(i, "temporary"));
    const pid = await Supervisor.startLink(all, { strategy: "one_for_one" });
    return await timed(() => Supervisor.stop(pid));
  },
  async "DynamicSupervisor.terminateChild()"(total) {
    const pid = await DynamicSupervisor.startLink();
    const pids: Pid[] = [];
    for (let i = 0; i < total; i++) {
      pids.push(
        await DynamicSupervisor.startChild(pid, child(i, "temporary")) as Pid,
      );
    }
    const ms = await timed(async () => {
      for (const each of pids) {
        await DynamicSupervisor.terminateChild(pid, each);
      }
    });
    Process.exit(pid, "kill");
    return ms;
  },
  async "the death of a process that many are linked to"(total) {
    const hub = spawn(idle);
    await started(total, () => {
      Process.link(hub);
      return idle();
    });
    return await timed(() => Process.exit(hub, "boom"));
  },
  async "the death of a chain of processes"(total) {
    let before = spawn(idle);
    const first = before;
    await started(total, () => {
      Process.link(before);
      before = self();
      return idle();
    });
    return await timed(() => Process.exit(first, "boom"));
  },
  async "the death of a process that many monitor"(total) {
    const hub = spawn(idle);
    await started(total, () => {
      Process.monitor(hub);
      return receive();
    });
    const ms = await timed(() => Process.exit(hub, "boom"));
    await started(0, idle);
    return ms;
  },
  "the deaths of many processes that are linked to one": (total) =>
    inside(async () => {
      Process.trapExit(true);
      const pids = Array.from({ length: total }, () => spawnLink(idle));
      return await timed(async () => {
        for (const pid of pids) Process.exit(pid, "boom");
        for (const _ of pids) await receive();
      });
    }),
  "many waits of one process for a message": (few) =>
    inside(async () => {
      // One costs less than a microsecond.
      const total = 8 * few;
      const waits = Array.from({ length: total }, () => receive());
      return await timed(async () => {
        for (let i = 0; i < total; i++) send(self(), i);
        await Promise.all(waits);
      });
    }),
  "the timeouts of many waits of one process": (total) =>
    inside(async () => {
      // safe: their expiry is measured
      const options = { timeout: 50, after: "none" };
      const waits = Array.from({ length: total }, () => receive(null, options));
      return await timed(() => Promise.all(waits));
    }),
  "receive() past a message that stays": (total) =>
    inside(async () => {
      send(self(), "stays");
      for (let i = 0; i < total; i++) send(self(), i);
      return await timed(async () => {
        for (let i = 0; i < total; i++) await receive((m) => m !== "stays");
      });
    }),
  "sendAfter() and cancelTimer(), each with a different time": (total) =>
    inside(async () =>
      await timed(async () => {
        const refs = [];
        for (let i = 0; i < total; i++) {
          refs.push(Process.sendAfter(self(), "late", 60_000 + i));
        }
        for (const ref of refs) {
          Process.cancelTimer(ref);
          // safe: a part of what is measured
          if (ref.number % 100 === 0) await Process.sleep(0);
        }
      })
    ),
  async "Task.asyncStream()"(total) {
    const numbers = Array.from({ length: total }, (_, i) => i);
    const options = { maxConcurrency: Infinity };
    return await timed(async () => {
      for await (const _ of Task.asyncStream(numbers, () => 1, options));
    });
  },
  "groups that a process leaves in the order of its joins": (total) => {
    // Without the calls of pg, which cost more than a look at thousands of groups.
    const joins = new Joins();
    const groups = Array.from({ length: 8 * total }, (_, i) => `group ${i}`);
    return timed(() => {
      for (const group of groups) joins.add(group);
      for (const group of groups) joins.take(group);
    });
  },
  async "appends to a log of the memory store"(total) {
    const store = memoryStore();
    const shard = { shard: "count/0", epoch: 0 };
    await store.join({ id: "a/1", name: "a", info: "{}" });
    await store.claim("a/1", [shard]);
    const write = {
      ...{ type: "count", key: "a", shard: shard.shard, epoch: 1, version: 1 },
      due: null,
    };
    await store.write("a/1", [{ ...write, body: "{}" }]);
    return await timed(async () => {
      for (let number = 1; number <= 4 * total; number++) {
        const events = [{ number, at: number, body: "1" }];
        const appends = [{ stream: "", events }];
        await store.write("a/1", [{ ...write, body: null, appends }]);
      }
    });
  },
  "Task.awaitMany()": (total) =>
    inside(async () =>
      await timed(() =>
        Task.awaitMany(Array.from({ length: total }, () => Task.async(() => 1)))
      )
    ),
};

for (const [name, work] of Object.entries(WORKS)) {
  test(
    `one of many costs about as much as one of few: ${name}`,
    { tags: ["slow"], timeout: 60_000 },
    async () => {
      await work(FEW);
      let ratio = Infinity;
      // Other programs use the machine too: one success is enough.
      for (let i = 0; i < 3 && ratio > MOST; i++) {
        let few = 0;
        // Several times, so that it pays its share of collected garbage.
        for (let j = 0; j < TIMES; j++) few += await work(FEW);
        const many = await work(MANY);
        ratio = Math.min(ratio, (many / MANY) / (few / FEW / TIMES));
      }
      assert(
        ratio <= MOST,
        `one of ${MANY} costs ${ratio} times one of ${FEW}`,
      );
    },
  );
}
