/** EPMD as a program of its own, as nodes of all kinds and Erlang's tools see it. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { Node } from "../../node.ts";
import { lookup, names, register } from "../../packages/epmd/mod.ts";
import { receive, self } from "../../packages/processes/process.ts";
import { chat, type ChatOptions, ChatProcess, cliTest } from "../_cli.ts";
import type { Ended } from "../_child.ts";
import { ELIXIR, ElixirNode, epmdNames } from "../_elixir.ts";
import { eventually, freePort, node, startEpmd } from "../_epmd_helpers.ts";
import { NodeProcess } from "../_node_process.ts";
import { type Cluster, clusterTest } from "../_nodes.ts";
import * as Remote from "../_remote.ts";
import { temporaryFolder } from "../_temporary.ts";
import { test } from "../../packages/testing/tags.ts";

const OPTIONS: ChatOptions = {
  program: "exports/epmd.ts",
  permissions: [
    "--allow-env=ERL_EPMD_PORT,ERL_EPMD_ADDRESS",
    "--allow-net=127.0.0.1,127.0.0.2",
  ],
};

/** Starts the program; resolves when it serves. */
async function start(
  port: number,
  args: readonly string[] = [],
): Promise<ChatProcess> {
  const program = new ChatProcess(["-port", `${port}`, ...args], OPTIONS);
  await program.printed("serves at");
  return program;
}

/** Starts the program as the EPMD of a cluster. */
function serveCluster(cluster: Cluster): Promise<ChatProcess> {
  cluster.servesEpmd = false;
  return start(cluster.epmdPort);
}

async function list(port: number, ...flags: string[]): Promise<Ended> {
  return await chat(["-port", `${port}`, ...flags, "-names"], OPTIONS);
}

cliTest("epmd serves until SIGTERM or SIGINT", async () => {
  const port = freePort();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    await using program = await start(port);
    await using alex = await register(node("alex", 4150), { port });
    assert(!alex.serving);
    assertEquals((await lookup("alex", { port }))?.port, 4150);
    program.kill(signal);
    const { code, stdout, stderr } = await program.ended;
    assertEquals(
      [code, stdout, stderr],
      [0, `epmd: serves at 127.0.0.1, port ${port}\n`, ""],
    );
    // A registered node takes over.
    await eventually(() => alex.serving);
    await eventually(async () => (await names({ port })).length === 1);
  }
});

cliTest("epmd -address adds addresses to loopback", async () => {
  const port = freePort();
  await using _program = await start(port, ["--address=127.0.0.2"]);
  await using _alex = await register(node("alex", 4151), { port });
  for (const host of ["127.0.0.1", "127.0.0.2"]) {
    assertEquals((await lookup("alex", { host, port }))?.port, 4151, host);
  }
  const { code, stdout } = await list(port, "-address", "127.0.0.2");
  assertEquals(code, 0);
  assertStringIncludes(stdout, "name alex at port 4151\n");
});

cliTest("epmd takes its port and addresses from the environment", async () => {
  const port = freePort();
  await using program = new ChatProcess([], {
    ...OPTIONS,
    env: { ERL_EPMD_PORT: `${port}`, ERL_EPMD_ADDRESS: "127.0.0.2" },
  });
  await program.printed("serves at");
  assertEquals(await names({ host: "127.0.0.2", port }), []);
});

cliTest("epmd logs what it refuses", async () => {
  const port = freePort();
  await using program = await start(port);
  await using connection = await Deno.connect({ port });
  await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  await program.printed("(an HTTP client?)");
  assertMatch(program.stderr, /^epmd: warning: EPMD closed a connection from /);
});

cliTest("epmd reports a port in use, and wrong flags", async () => {
  const port = freePort();
  await using _alex = await register(node("alex"), { port });
  const inUse = await chat(["-port", `${port}`], OPTIONS);
  assertMatch(inUse.stderr, /^epmd: Cannot serve EPMD on port \d+: .*in use/);
  assertEquals([inUse.code, inUse.stdout], [1, ""]);
  const absent = await list(freePort());
  assertMatch(absent.stderr, /^epmd: Cannot list .*connection refused\n$/);
  assertEquals([absent.code, absent.stdout], [1, ""]);
  for (
    const [args, part] of [
      [["-port"], "-port: its value is missing"],
      [["-port", "0"], 'port "0": give a number'],
      [["-port=4369x"], 'port "4369x"'],
      [["-address", "localhost"], 'address "localhost": give IP addresses'],
      [["-kill"], '"-kill": there is no such flag; see -help'],
      [["4369"], '"4369"'],
    ] as const
  ) {
    const { code, stdout, stderr } = await chat(args, OPTIONS);
    assertMatch(stderr, /^epmd: Cannot use [^\n]+\n$/);
    assertStringIncludes(stderr, part);
    assertEquals([code, stdout], [2, ""]);
  }
  const { code, stdout } = await chat(["--help"], OPTIONS);
  assertEquals(code, 0);
  for (const flag of ["-port", "-address", "-names"]) {
    assertStringIncludes(stdout, `\n  ${flag} `);
  }
});

clusterTest(
  "nodes find each other at the program while its first node computes",
  async (cluster) => {
    await using program = await serveCluster(cluster);
    await using folder = await temporaryFolder();
    const file = `${folder.path}/free`;
    await using kate = await NodeProcess.start(cluster, "kate", {}, {
      readable: folder.path,
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
    assertEquals(
      (await names({ port })).map(({ name }) => name).sort(),
      ["alex", "kate", "moebi"],
    );
    assertEquals(await moebi.run(() => Node.connect(alex.name)), true);
    await moebi.stop();
    await eventually(async () => await lookup("moebi", { port }) === undefined);
    await Deno.writeTextFile(file, "");
    await free;
    assertEquals(program.stderr, "");
  },
);

test("the program and Erlang's epmd list the same lines", {
  programs: ["epmd"],
  timeout: 60_000,
}, async () => {
  const port = freePort();
  {
    await using _program = await start(port);
    await using _alex = await register(node("alex", 4152), { port });
    assertEquals((await list(port)).stdout, await epmdNames(port));
  }
  const stop = await startEpmd(port);
  try {
    await using _alex = await register(node("alex", 4153), { port });
    const { stdout } = await list(port);
    assertStringIncludes(stdout, "name alex at port 4153\n");
    assertEquals(stdout, await epmdNames(port));
  } finally {
    await stop();
  }
});

clusterTest("nodes of Elixir use the program", async (cluster) => {
  await using program = await serveCluster(cluster);
  await using kate = await ElixirNode.start("kate", cluster);
  const alex = await cluster.start("alex");
  assertEquals(
    await kate.evaluate(":net_adm.names |> elem(1) |> Enum.map(&elem(&1, 0))"),
    '[~c"alex", ~c"kate"]',
  );
  assertEquals(await kate.evaluate("Node.connect(:alex@localhost)"), "true");
  assertEquals(await alex.run(() => Node.list()), [kate.name]);
  assertEquals(program.stderr, "");
}, { programs: ELIXIR, timeout: 120_000 });
