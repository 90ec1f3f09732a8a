/** A program that runs out of file descriptors, and gets some again. */

import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { lookup, names } from "../../../packages/epmd/mod.ts";
import { Node } from "../../../node.ts";
import { test } from "../../../packages/testing/mod.ts";
import { outputOf } from "../../_child.ts";
import { eventually, RawConnection } from "../../_epmd_helpers.ts";
import { NodeProcess } from "../../_node_process.ts";
import { clusterTest } from "../../_nodes.ts";

const KATE = "kate@localhost";
const ROOT = new URL("../../../", import.meta.url);

/** A node that uses up its descriptors as soon as it listens, and then listens for a signal. */
const FULL = `import { closeSync, openSync } from "node:fs";
import { Node } from "${new URL("node.ts", ROOT)}";
await using node = await Node.start({ name: "alex@localhost", cookie: "c", epmdPort: false });
const files = [];
try {
  for (;;) files.push(openSync("/dev/null"));
} catch {
  await node.run(() => Node.drainOnSignal()[Symbol.dispose]());
  files.forEach(closeSync);
  console.log("is up");
}
`;

/** Connects to a port until the program is deaf, sends nothing, and disconnects. */
async function flood(port: number, isDeaf: () => Promise<boolean>) {
  const crowd: RawConnection[] = [];
  try {
    // On a slow machine, the first have been closed as silent meanwhile.
    do {
      for (let i = 0; i < 100; i++) crowd.push(new RawConnection(port));
      await Promise.all(crowd.map((each) => each.opened));
    } while (!await isDeaf());
  } finally {
    for (const each of crowd) await each[Symbol.asyncDispose]();
  }
}

clusterTest("nodes accept again after descriptors ran out", async (cluster) => {
  await using _kate = await NodeProcess.start(cluster, "kate", {}, {
    descriptors: 64,
  });
  const epmd = { port: cluster.epmdPort };
  const port = (await lookup("kate", epmd))?.port ?? 0;
  for (const target of [epmd.port, port, epmd.port]) {
    await flood(
      target,
      // safe: its expiry is tested
      () => names({ ...epmd, timeout: 300 }).then(() => false, () => true),
    );
    await eventually(async () => {
      try {
        // safe: asked again until there is an answer
        return (await names({ ...epmd, timeout: 1000 })).length > 0;
      } catch {
        return false;
      }
    }, 15_000);
    const alex = await cluster.start("alex");
    await eventually(
      async () => await alex.run(() => Node.connect(KATE)) === true,
      15_000,
    );
    assertEquals(await alex.run(() => Node.ping(KATE)), "pong");
    await alex.stop();
  }
}, { timeout: 90_000, programs: ["sh"] });

// Deno 2.9 panics if it then has no descriptor for its pipe for signals, which it opens late.
test("a node whose descriptors run out when it has just started stays up", {
  timeout: 60_000,
  programs: ["sh"],
}, async () => {
  const { stdout, stderr } = await outputOf("sh", {
    args: [
      ...["-c", 'unset DENO_COVERAGE_DIR; ulimit -n 64 && exec "$0" "$@"'],
      ...[Deno.execPath(), "eval", "--quiet", "--no-check"],
      ...[`--config=${fileURLToPath(new URL("deno.json", ROOT))}`, FULL],
    ],
  });
  assertEquals(stdout, "is up\n", stderr);
});
