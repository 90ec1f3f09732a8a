/** EPMD on a thread of its own. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  EpmdUnreachableError,
  lookup,
  names,
  register,
} from "../../packages/epmd/mod.ts";
import { EpmdThread, serveEpmd } from "../../packages/epmd/thread.ts";
import { Node } from "../../node.ts";
import { receive, self } from "../../packages/processes/process.ts";
import {
  epmdTest,
  eventually,
  FakeEpmd,
  freePort,
  logBook,
  node,
  RawConnection,
} from "../_epmd_helpers.ts";
import { NodeProcess } from "../_node_process.ts";
import { clusterTest } from "../_nodes.ts";
import * as Remote from "../_remote.ts";

const host = "127.0.0.1";

clusterTest("a computing node does not block discovery", async (cluster) => {
  await using stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const file = `${folder}/free`;
  await using kate = await NodeProcess.start(cluster, "kate", {}, {
    readable: folder,
  });
  const alex = await cluster.start("alex");
  const { promise: blocked, resolve } = Promise.withResolvers<void>();
  const free = alex.run(async () => {
    await Node.spawn(kate.name, Remote.block, [self(), file]);
    await receive((m) => m === "blocked");
    resolve();
    await receive((m) => m === "free");
  });
  await blocked;
  const port = cluster.epmdPort;
  const moebi = await cluster.start("moebi");
  for (const name of ["kate", "alex", "moebi"]) {
    assert(await lookup(name, { port }) !== undefined, name);
  }
  assertEquals((await names({ port })).length, 3);
  assertEquals(await moebi.run(() => Node.connect(alex.name)), true);
  await moebi.stop();
  await eventually(async () => await lookup("moebi", { port }) === undefined);
  await Deno.writeTextFile(file, "");
  await free;
});

epmdTest("serveEpmd() serves without threads", async () => {
  const port = await freePort();
  const service = await serveEpmd(() => Promise.resolve(undefined), {
    host,
    port,
  });
  const alex = await register(node("alex"), { port });
  assertEquals((await lookup("alex", { port }))?.port, 4100);
  assert(!alex.serving);
  await alex.close();
  await service.close();
  await service.ended;
  await assertRejects(() => names({ port }), EpmdUnreachableError);
});

epmdTest("EpmdThread logs, and reports why it cannot listen", async () => {
  const { lines, log } = logBook();
  const port = await freePort();
  const thread = await EpmdThread.start(log, { host, port });
  assert(thread !== undefined && await thread.ready);
  await using other = await FakeEpmd.listen(() => {}, port);
  const error = await assertRejects(() => thread.listen({ host, port }), Error);
  assertEquals((error as Error & { code?: string }).code, "EADDRINUSE");
  await other[Symbol.asyncDispose]();
  await thread.listen({ host, port });
  await using raw = new RawConnection(port);
  raw.send("GET / HTTP/1.1\r\n\r\n");
  await raw.closed;
  await eventually(() => lines.length === 1);
  assert(lines[0].includes("(an HTTP client?)"), lines[0]);
  await Promise.all([thread.close(), thread.close()]);
  await thread.ended;
});

/** Takes all file descriptors except a few, and then serves EPMD. */
const SHORT = `
const { lookup, register } = await import(${
  JSON.stringify(new URL("../../packages/epmd/mod.ts", import.meta.url).href)
});
// Deno 2.9 ends a program without descriptors in its first second, unless it listens for a signal.
const ignore = () => {};
Deno.addSignalListener("SIGUSR2", ignore);
const [free, port] = Deno.args.map(Number);
const taken = [];
try {
  for (;;) taken.push(Deno.openSync("/dev/null"));
} catch { /* There are no more. */ }
for (let i = 0; i < free; i++) taken.pop().close();
const node = { name: "alex", port: 4100, hidden: false, extra: "" };
try {
  await using _lease = await register(node, { port });
  const found = await lookup("alex", { port });
  console.log(found?.port);
} catch ({ name }) {
  console.log(name);
}
Deno.removeSignalListener("SIGUSR2", ignore);
`;

epmdTest("register() survives a lack of file descriptors", async () => {
  // With fewer than 5, Deno itself ends it.
  for (const free of [5, 8, 12, 15, 16]) {
    // Where coverage is measured, the limit would leave no descriptor for the coverage that it writes at its
    // end.
    const limited = 'unset DENO_COVERAGE_DIR; ulimit -n 80 && exec "$0" "$@"';
    const run = ["run", "-A", "--no-check", "--quiet", "-"];
    const child = new Deno.Command("sh", {
      args: ["-c", limited, Deno.execPath(), ...run]
        .concat(String(free), String(await freePort())),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(SHORT));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    const said = new TextDecoder().decode(stdout).trim();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    // With so few, the result depends on whether a socket is closed in time for the next.
    if (free > 8 || said !== "EpmdUnreachableError") {
      assertEquals(said, "4100", `${free} were free`);
    }
  }
}, { ignore: Deno.build.os === "windows" });

epmdTest("close() of a Lease leaves no thread and no port", async () => {
  const port = await freePort();
  for (let i = 0; i < 10; i++) {
    const leases = await Promise.all(
      ["alex", "kate"].map((name) => register(node(name), { port })),
    );
    assertEquals(leases.filter((lease) => lease.serving).length, 1);
    await Promise.all(leases.map((lease) => lease.close()));
    await assertRejects(() => names({ port }), EpmdUnreachableError);
  }
});
