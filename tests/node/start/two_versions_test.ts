/**
 * Nodes of two versions of this package in one cluster: the version before, from the history of the repository,
 * and this one. Each uses the features of the other, and both get what two nodes of one version get.
 */

import { assertEquals, assertRejects } from "@std/assert";
import { fileURLToPath } from "node:url";
import { SpawnRefusedError } from "../../../packages/processes/errors.ts";
import { Node } from "../../../node.ts";
import { pg } from "../../../packages/node/pg/pg.ts";
import { Process, receive, send } from "../../../packages/processes/process.ts";
import { rpc } from "../../../packages/node/rpc/rpc.ts";
import { TaskPool } from "../../../packages/cluster/task_pool/task_pool.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { type Cluster, clusterTest, COOKIE } from "../../_nodes.ts";
import { FEATURES, serve, SETTINGS, There } from "./_two_versions.ts";

/** The last commit of the version before; `.ci/run` has it too. */
const BEFORE = "9fb47a2de740945930b0c097785a6e1d100c425e";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const OLD = "old@localhost";

/** Whether the history is there: a clone may be shallow. */
function hasHistory(): boolean {
  try {
    const { success } = new Deno.Command("git", {
      args: ["cat-file", "-e", `${BEFORE}^{commit}`],
      cwd: ROOT,
      stderr: "null",
    }).outputSync();
    return success;
  } catch {
    return false;
  }
}

const OPTIONS = {
  programs: ["git", "tar", ...(hasHistory() ? [] : ["git-history"])],
  tags: ["slow"],
  timeout: 90_000,
};

/** A node of the version before, as a program; it ends when it goes out of scope. */
class OldNode implements AsyncDisposable {
  readonly #folder: string;
  readonly #child: Deno.ChildProcess;

  private constructor(folder: string, child: Deno.ChildProcess) {
    this.#folder = folder;
    this.#child = child;
  }

  static async start(cluster: Cluster): Promise<OldNode> {
    const folder = await Deno.makeTempDir();
    const { success } = await new Deno.Command("sh", {
      args: ["-c", `git archive ${BEFORE} | tar -x -C "$0"`, folder],
      cwd: ROOT,
    }).output();
    assertEquals(success, true);
    const file = `${folder}/tests/node/start/_two_versions.ts`;
    await Deno.mkdir(`${folder}/tests/node/start`, { recursive: true });
    await Deno.copyFile(`${ROOT}tests/node/start/_two_versions.ts`, file);
    // The coverage of files that are gone cannot be reported.
    const child = new Deno.Command("sh", {
      args: [
        "-c",
        'unset DENO_COVERAGE_DIR; exec "$0" "$@"',
        Deno.execPath(),
        "run",
        "--quiet",
        "--no-check",
        "--no-config",
        "--allow-net=127.0.0.1",
        file,
        JSON.stringify({
          name: OLD,
          cookie: COOKIE,
          epmdPort: cluster.epmdPort,
        }),
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const node = new OldNode(folder, child);
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    if (value === undefined) {
      await node[Symbol.asyncDispose]();
      throw new Error(`${OLD} did not start`);
    }
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.close().catch(() => {});
    await this.#child.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** This version's node, with the modules of the old one. */
async function startNew(cluster: Cluster, name: string): Promise<Node> {
  const node = await cluster.start(name, SETTINGS);
  await node.run(serve);
  return node;
}

/** Values that differ between nodes are left out: pids, and their own names. */
function plain(result: unknown, node: string): unknown {
  return JSON.parse(
    JSON.stringify(
      result,
      (_, value) =>
        typeof value === "bigint"
          ? `${value}`
          : typeof value === "string"
          ? value.replaceAll(node, "PEER")
          : value,
    ) ?? "null",
  );
}

clusterTest("nodes of two versions use each other", async (cluster) => {
  await using _old = await OldNode.start(cluster);
  const node = await startNew(cluster, "new");
  const same = await startNew(cluster, "same");
  for (const [feature, use] of Object.entries(FEATURES)) {
    // Two nodes of this version say what is right.
    const right = plain(await node.run(() => use(same.name)), same.name);
    const newToOld = await node.run(() => use(OLD));
    const oldToNew = await node.run(() =>
      rpc.call(OLD, ["There", "run"], [feature, node.name])
    );
    if (feature === "connects") {
      assertEquals((newToOld as unknown[])[0], true);
      assertEquals((oldToNew as unknown[])[0], true);
      continue;
    }
    assertEquals(plain(newToOld, OLD), right, `new to old: ${feature}`);
    assertEquals(plain(oldToNew, node.name), right, `old to new: ${feature}`);
  }
  assertEquals(cluster.lines().filter((line) => /protocol/.test(line)), []);
}, OPTIONS);

clusterTest("a node of the version before is turned away", async (cluster) => {
  await using _old = await OldNode.start(cluster);
  const node = await startNew(cluster, "new");
  const other = await startNew(cluster, "other");
  await node.run(async () => {
    const task = await TaskSupervisor.startChild("tasks", There.obey);
    const member = Process.whereis("member")!;
    await pg.join("workers", [member, Process.whereis("tasks")!]);
    await Node.connect(OLD);
    /** Asks until the older node sees this many members. */
    const membersThere = async (count: number) => {
      for (;;) {
        const seen = await other.run(() =>
          rpc.call(OLD, ["There", "members"], ["workers"])
        );
        if ((seen as unknown[]).length === count) return seen;
      }
    };
    await membersThere(2);
    const drained = node.drain();
    // Its processes stay members there, but for those that only take work.
    assertEquals(await membersThere(1), [member]);
    const ask = (feature: string, name: string) =>
      other.run(() => rpc.call(OLD, ["There", "run"], [feature, name]));
    // It knows the code of a call and of a task, and takes a spawn's for a limit.
    const turned = async (feature: string) =>
      (await assertRejects(
        () => ask(feature, node.name),
        SpawnRefusedError,
      )).code;
    assertEquals(await turned("calls functions"), "draining");
    assertEquals(await turned("starts tasks and children"), "draining");
    assertEquals(await turned("sends large messages"), "limit");
    assertEquals(await ask("sends large messages", other.name), [
      true,
      3 << 20,
      true,
    ]);
    send(task, { reason: "normal" });
    drained.catch(() => {});
  });
  assertEquals(await node.drain(), "drained");
  // It does not know the request, and says so.
  await other.run(async () => {
    await assertRejects(
      () => TaskSupervisor.drain({ name: "tasks", node: OLD }),
      TypeError,
      "it answered",
    );
    Node.monitor(OLD);
    assertEquals(Node.list(), [OLD]);
    Node.disconnect(OLD);
    await receive((m) => m?.type === "nodedown");
  });
}, OPTIONS);

clusterTest("a pool runs tasks under an older supervisor", async (cluster) => {
  await using _old = await OldNode.start(cluster);
  const node = await startNew(cluster, "new");
  await node.run(async () => {
    const pool = await TaskPool.startLink({ group: "work" });
    await rpc.call(OLD, ["There", "joinTasks"], ["work"]);
    const runs = Array.from(
      { length: 20 },
      (_, i) => TaskPool.run(pool, There.add, [i, i], { timeout: Infinity }),
    );
    assertEquals(await Promise.all(runs), runs.map((_, i) => 2 * i));
    const { members, counts } = await TaskPool.info(pool);
    assertEquals(counts.done, 20);
    const [{ pid, max, state }] = members;
    assertEquals([pid.node, max, state], [OLD, "infinity", "ready"]);
    await TaskPool.stop(pool);
  });
}, OPTIONS);
