/**
 * No server of the library ends by what a peer sends: random messages of the words in its source, to every process of a
 * node that runs all servers.
 */

import { assertEquals } from "@std/assert";
import { atom } from "../../packages/processes/values/atom.ts";
import { Tuple } from "../../packages/processes/values/tuple.ts";
import { Node } from "../../node.ts";
import type { WireName } from "../../node.ts";
import {
  type Pid,
  Process,
  self,
  send,
  spawn,
} from "../../packages/processes/process.ts";
import { Agent } from "../../packages/servers/agent/agent.ts";
import { GenServer } from "../../packages/servers/gen_server/gen_server.ts";
import { PartitionSupervisor } from "../../packages/servers/supervisor/partition_supervisor.ts";
import { Supervisor } from "../../packages/servers/supervisor/supervisor.ts";
import { Task } from "../../packages/servers/task/task.ts";
import { TaskSupervisor } from "../../task_supervisor.ts";
import * as Remote from "../_remote.ts";
import { clusterTest } from "../_nodes.ts";
import { quiet } from "../_processes.ts";
import { Random, runs, SEED } from "../_seeds.ts";
import { startServers } from "./_every_server.ts";

const ALEX = "alex@localhost";
const ROOT = new URL("../../", import.meta.url);
/** The test harness sends no messages between nodes. */
const PACKAGES = new URL("packages/", ROOT);
const isRead = (path: URL) => !path.pathname.endsWith("/packages/testing/");

/** Requests by which any node may end or drain a server, as in OTP. */
const ALLOWED = /drain|stop|terminate|kill|shutdown|exit/i;

/** The words that the source compares with, or gives as a type. */
function words(): string[] {
  const found = new Set<string>();
  const visit = (folder: URL): void => {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      const inner = new URL(`${name}/`, folder);
      if (isDirectory && isRead(inner)) visit(inner);
      if (!name.endsWith(".ts")) continue;
      const text = Deno.readTextFileSync(new URL(name, folder));
      for (
        const [, word] of text.matchAll(
          /(?:case |=== |type: |atom\()"([$a-z_][A-Za-z_$]{1,30})"/g,
        )
      ) if (!ALLOWED.test(word)) found.add(word);
    }
  };
  visit(PACKAGES);
  return [...found].sort();
}

/** Makes messages that look like requests. */
class Forger {
  readonly #random: Random;
  readonly #words: readonly string[];
  readonly #pids: readonly Pid[];

  constructor(random: Random, words: readonly string[], pids: readonly Pid[]) {
    this.#random = random;
    this.#words = words;
    this.#pids = pids;
  }

  #word(): string {
    return this.#random.of(this.#words);
  }

  #items(levels: number): unknown[] {
    const count = this.#random.below(5);
    return Array.from({ length: count }, () => this.item(levels));
  }

  item(levels = 3): unknown {
    const plain = [null, true, -1, 1.5, 2 ** 53, "", { toString: 1 }];
    switch (this.#random.below(levels > 0 ? 9 : 4)) {
      case 0:
        return this.#word();
      case 1:
        return atom(this.#word());
      case 2:
        return this.#random.of(this.#pids);
      case 3:
        return this.#random.of(plain);
      case 4:
        return this.#items(levels - 1);
      case 5:
        return new Tuple(this.#items(levels - 1));
      case 6:
        return new Map([[this.item(levels - 1), this.item(levels - 1)]]);
      case 7:
        return this.#object(levels - 1);
      default:
        return {};
    }
  }

  #object(levels: number): unknown {
    const fields = this.#items(levels).map((item) => [this.#word(), item]);
    return { ...Object.fromEntries(fields), type: this.#word() };
  }

  message(): unknown {
    switch (this.#random.below(4)) {
      case 0:
        return this.#object(3);
      case 1:
        return [this.#word(), ...this.#items(3)];
      case 2:
        return new Tuple([atom(this.#word()), ...this.#items(3)]);
      default:
        return this.item();
    }
  }
}

/** Starts all servers in the calling process; returns the processes of its node. */
async function startAll(alex: Node): Promise<Pid[]> {
  await startServers(alex);
  const children = [{ id: "y", start: () => Task.startLink(Remote.wait) }];
  await Supervisor.startLink(children, { strategy: "one_for_one" });
  await PartitionSupervisor.startLink({
    name: "partitions",
    childSpec: { id: "a", start: () => Agent.startLink(() => 0) },
  });
  await TaskSupervisor.startLink({ group: "g" });
  return Process.list().filter((pid) => !pid.equals(self()));
}

for (const wire of ["json", "beam"] as WireName[]) {
  clusterTest(`no server ends by forged messages: ${wire}`, async (cluster) => {
    const alex = await cluster.start("alex", { wires: [wire], log() {} });
    const kate = await cluster.start("kate", { wires: [wire], log() {} });
    const started = Promise.withResolvers<Pid[]>();
    const over = Promise.withResolvers<void>();
    const running = alex.run(async () => {
      Process.trapExit(true);
      const pids = await startAll(alex);
      started.resolve(pids);
      await over.promise;
      assertEquals(pids.filter((pid) => !Process.alive(pid)), []);
    });
    const pids = await Promise.race([started.promise, running]) as Pid[];
    const forger = new Forger(new Random(SEED), words(), pids);
    const random = new Random(SEED);
    for (let sent = 0; sent < runs(10_000);) {
      await kate.run(async () => {
        await Node.connect(ALEX);
        for (let n = 0; n < 200; n++, sent++) {
          const to = random.of(pids);
          const message = forger.message();
          try {
            if (n % 3 === 0) send(to, message);
            else if (n % 3 === 1) GenServer.cast(to, message);
            else spawn(() => GenServer.call(to, message).catch(() => {}));
          } catch {
            // It cannot be sent.
          }
        }
      });
      // The answer comes after the others have arrived.
      assertEquals(await kate.run(() => Node.ping(ALEX)), "pong");
    }
    await quiet();
    over.resolve();
    await running;
  }, { timeout: 300_000, tags: ["slow"] });
}
