/** Supervision trees that end for good: the program ends, unless it is told to go on. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import {
  Application,
  type ApplicationType,
} from "../../../packages/servers/application/application.ts";
import { DynamicSupervisor } from "../../../packages/servers/supervisor/dynamic_supervisor.ts";
import type { Node, TreeEnd } from "../../../node.ts";
import { health } from "../../../packages/observe/health.ts";
import {
  exit,
  type Pid,
  Process,
  spawn,
  spawnLink,
} from "../../../packages/processes/process.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { SimulatedCluster, startNodes } from "../../../packages/testing/mod.ts";
import { test } from "../../../packages/testing/tags.ts";
import { ChatProcess } from "../../_cli.ts";
import { clusterTest, freePort } from "../../_nodes.ts";
import { currentRuntime } from "../../../packages/processes/runtime/current_process.ts";
import { internalsOf } from "../../../packages/node/start/node_internals.ts";
import {
  applicationEnded,
  noteGivingUp,
  onTreeEnd,
} from "../../../packages/servers/supervisor/tree_end.ts";

const PROGRAM = fileURLToPath(new URL("./_gives_up.ts", import.meta.url));

/** Runs the program; returns its exit code, and what it wrote. */
async function run(
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", PROGRAM, String(freePort()), ...args],
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

const WHY =
  /gave up: its child "Store" exited too often, the last time with RangeError: the disk is full/;

for (
  const [kind, what] of [
    [
      "application",
      /the application "shop" exited: shutdown \(Supervisor Top /,
    ],
    ["root", /exit code 1: Supervisor Top gave up/],
  ] as const
) {
  test(`a program ends with the tree of its ${kind}, in order and with the reason`, async () => {
    const { code, out, err } = await run(kind);
    assertEquals(out, "up, /livez 200\nstopped, /livez 503\n");
    const line = err.split("\n").find((line) => line.includes("exit code 1"));
    assertMatch(line ?? err, what);
    assertMatch(line!, WHY);
    assertMatch(line!, /onTreeEnd: "continue"/);
    assertEquals(code, 1);
  });
}

test('a program with onTreeEnd: "continue" goes on, and /livez fails', async () => {
  const { code, out, err } = await run("application", "continue");
  assertEquals(out, "up, /livez 200\ngoes on, /livez 503\n");
  assertMatch(err, /The program goes on without a supervision tree: .*Store/);
  assertEquals(code, 3);
});

/** Starts a node that notes the ends of its trees, and resolves with the next one. */
function watched(): {
  ends: TreeEnd[];
  next: Promise<TreeEnd>;
  onTreeEnd: (end: TreeEnd) => void;
} {
  const ends: TreeEnd[] = [];
  const { promise, resolve } = Promise.withResolvers<TreeEnd>();
  const onTreeEnd = (end: TreeEnd) => {
    ends.push(end);
    resolve(end);
  };
  return { ends, next: promise, onTreeEnd };
}

/** A child that exits with a reason as soon as it is started. */
function failing(id: string, reason: unknown) {
  return { id, start: () => spawnLink(() => exit(reason)) };
}

const TOP = { strategy: "one_for_one", maxRestarts: 0 } as const;

function startShop(start: () => Promise<Pid>): Promise<unknown> {
  return Application.start({ name: "shop", start });
}

/** Starts an application, ends its top supervisor, and waits until the application is gone. */
async function endApplication(
  node: Node,
  type: ApplicationType | undefined,
  reason: string,
): Promise<void> {
  await node.run(async () => {
    let top: Pid;
    await Application.start({
      name: "shop",
      start: async () => top = await Supervisor.startLink([], TOP),
    }, { type });
    if (reason === "normal") await Supervisor.stop(top!);
    else Process.exit(top!, reason);
    // safe: only the condition ends the loop
    while (Application.started().length > 0) await Process.sleep(0);
  });
}

for (
  const [type, reason, ends] of [
    [undefined, "kill", true],
    ["permanent", "kill", true],
    ["permanent", "normal", true],
    ["transient", "kill", true],
    ["transient", "normal", false],
    ["temporary", "kill", false],
  ] as const
) {
  clusterTest(
    `exit ${reason} of a top supervisor, ${type}`,
    async (cluster) => {
      const trees = watched();
      const { onTreeEnd } = trees;
      const node = await cluster.start("alex", { onTreeEnd });
      const probe = health({ node, verbose: true });
      await endApplication(node, type, reason);
      assertEquals(
        trees.ends.map(({ application }) => application),
        ends ? ["shop"] : [],
      );
      for (const path of ["/livez", "/readyz"]) {
        const answer = (await probe(new Request(`http://localhost${path}`)))!;
        assertEquals(answer.status, ends ? 503 : 200);
        const text = await answer.text();
        assertEquals(/tree: ended, as the application "shop"/.test(text), ends);
      }
    },
  );
}

clusterTest("a stop is no end of a tree", async (cluster) => {
  const { ends, onTreeEnd } = watched();
  const node = await cluster.start("alex", { onTreeEnd });
  const start = () => Supervisor.startLink([], TOP);
  await node.run(async () => {
    await Application.start({ name: "one", start });
    await Application.start({ name: "two", start });
    await Application.stop("one");
  });
  const root = await Supervisor.startLink([], TOP);
  const stopped = await Supervisor.startLink([], TOP);
  await Supervisor.stop(stopped);
  assertEquals(root.node, node.name);
  await node.stop();
  assertEquals(ends, []);
});

clusterTest("a tree's end names its first supervisor", async (cluster) => {
  const { next, onTreeEnd } = watched();
  const node = await cluster.start("alex", { onTreeEnd });
  const start = async () => {
    const sub = await DynamicSupervisor.startLink({ maxRestarts: 0 });
    await DynamicSupervisor.startChild(sub, failing("bad", "boom"));
    return sub;
  };
  const children = [{ id: "sub", type: "supervisor", start } as const];
  const options = { ...TOP, name: "Top" };
  await node.run(() =>
    startShop(() => Supervisor.startLink(children, options))
  );
  assertMatch(
    (await next).message,
    /^the application "shop" exited: shutdown \(Supervisor Top gave up: its child "sub" exited too often, the last time with shutdown \(DynamicSupervisor #PID<.*> gave up: its child #PID<.*> exited too often, the last time with "?boom"?\)\)$/,
  );
});

clusterTest("a failed restart says why", async (cluster) => {
  const { next, onTreeEnd } = watched();
  const node = await cluster.start("alex", { onTreeEnd });
  let starts = 0;
  const start = () => {
    if (starts++ > 0) throw new RangeError("no more ports");
    return spawnLink(() => exit("boom"));
  };
  const options = { ...TOP, maxRestarts: 2 };
  await node.run(() =>
    startShop(() => Supervisor.startLink([{ id: "port", start }], options))
  );
  assertMatch((await next).message, /"port" .* RangeError: no more ports/);
  assertEquals(starts, 3);
});

clusterTest("trees without a process end with the shared", async (cluster) => {
  const { ends, next, onTreeEnd } = watched();
  const alex = await cluster.start("alex", { onTreeEnd });
  await Supervisor.startLink([], { ...TOP, name: "Top" });
  Process.exit(spawnLink(() => new Promise(() => {})), "boom");
  const { message, application } = await next;
  assertMatch(
    message,
    /^Supervisor Top ends with the process #PID<.*> of code outside any process, which exits: "?boom"?$/,
  );
  // Only the first end is one of the program.
  await endApplication(alex, undefined, "kill");
  assertEquals([application, ends.length], [undefined, 1]);
});

clusterTest("a node keeps 100 reasons of ends", async (cluster) => {
  const alex = await cluster.start("alex");
  await alex.run(() => {
    const runtime = currentRuntime();
    const ends: string[] = [];
    onTreeEnd(runtime, ({ message }) => ends.push(message));
    const tops = Array.from({ length: 101 }, () => spawn(() => {}));
    for (const top of tops) {
      noteGivingUp(runtime.find(top)!, "a", undefined, "boom");
    }
    for (const top of tops.slice(0, 2)) {
      applicationEnded(runtime, "shop", top, "shutdown");
    }
    assertEquals(ends.map((end) => end.includes("boom")), [false, true]);
  });
});

clusterTest("a root supervisor that is killed is an end", async (cluster) => {
  const { next, onTreeEnd } = watched();
  await cluster.start("alex", { onTreeEnd });
  const top = await Supervisor.startLink([], { ...TOP, name: "Top" });
  Process.exit(top, "kill");
  assertEquals((await next).message, "Supervisor Top exited: killed");
});

test("nodes of the test harness and simulated nodes go on", async () => {
  await using nodes = await startNodes(["alex"]);
  await endApplication(nodes.get("alex"), undefined, "kill");
  await using cluster = await SimulatedCluster.start({ nodes: ["kate"] });
  const kate = cluster.node("kate");
  await cluster.run("kate", () => endApplication(kate, undefined, "kill"));
  for (const node of [nodes.get("alex"), kate]) {
    assertEquals(node.status, "up");
    assert(internalsOf(node).treeEnd() !== undefined);
  }
});

test("a command line that serves ends with its tree, and a prompt does not", async () => {
  const code =
    'await Application.start({ name: "shop", start: () => Supervisor.startLink([Agent.childSpec(() => 0, { name: "Store" })], { strategy: "one_for_one", maxRestarts: 0 }) }); Agent.cast("Store", () => { throw new Error("boom") })';
  await using program = new ChatProcess([
    "--sname",
    "alex@localhost",
    "--cookie",
    "c",
    "--epmd-port",
    "none",
    "--no-halt",
    "--eval",
    code,
  ]);
  const { code: status, stderr } = await program.ended;
  assertMatch(stderr, /A supervision tree has ended: .*"Store"/);
  assertEquals(status, 1);
});
