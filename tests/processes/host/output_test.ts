/** Nodes whose output and log cannot be written, or are not read: they continue to serve. */

import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { connect } from "node:net";
import { once } from "node:events";
import { names } from "../../../packages/epmd/mod.ts";
import { IO } from "../../../packages/node/io/io.ts";
import { IoError } from "../../../packages/processes/errors.ts";
import { Node } from "../../../node.ts";
import {
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { test } from "../../../packages/testing/tags.ts";
import { nodeFlags, PERMISSIONS } from "../../_cli.ts";
import { type Cluster, clusterTest, pairTest } from "../../_nodes.ts";
import { ended } from "../../_processes.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const KATE = "kate@localhost";

/** A node in a process of its own, whose streams the test controls. */
class Program implements AsyncDisposable {
  readonly child: Deno.ChildProcess;
  readonly status: Promise<Deno.CommandStatus>;

  /** Starts it; the shell's redirections follow its arguments. */
  constructor(cluster: Cluster, args: string[], redirections = "") {
    const command = [
      ...[Deno.execPath(), "run", "--quiet", "--no-prompt", "--no-check"],
      ...[`--config=${ROOT}deno.json`, ...PERMISSIONS, `${ROOT}chat/main.ts`],
      ...nodeFlags("kate", cluster.epmdPort),
      ...args,
    ];
    this.child = new Deno.Command("sh", {
      args: ["-c", `exec "$@" ${redirections}`, "sh", ...command],
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.status = this.child.status;
  }

  /** The processor time that it has used, in clock ticks. */
  async ticks(): Promise<number> {
    const { stdout } = await new Deno.Command("cat", {
      args: [`/proc/${this.child.pid}/stat`],
    }).output();
    const stat = new TextDecoder().decode(stdout);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) + Number(fields[12]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch {
      // It has exited.
    }
    await this.status;
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (!stream.locked) await stream.cancel().catch(() => {});
    }
  }
}

/** Waits until it prints that it has started; reads nothing after that. */
async function isUp(program: Program): Promise<void> {
  const reader = program.child.stdout.getReader();
  let text = "";
  while (!text.includes("is up.")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`it ended: ${text}`);
    text += new TextDecoder().decode(value);
  }
  reader.releaseLock();
}

/** Fails, by the test's time limit, unless the node and its EPMD serve, and a signal stops it. */
async function assertServes(
  cluster: Cluster,
  program: Program,
  node?: Node,
): Promise<void> {
  const alex = node ?? await cluster.start("alex");
  assertEquals(await alex.run(() => Node.ping(KATE)), "pong");
  const listed = await names({ port: cluster.epmdPort });
  assertEquals(listed.map(({ name }) => name).sort(), ["alex", "kate"]);
  program.child.kill("SIGTERM");
  const { code, signal } = await program.status;
  assertEquals([code, signal], [0, null]);
}

/** Makes the node log a warning: an HTTP client connects to its port. */
async function provoke(cluster: Cluster): Promise<void> {
  const [{ port }] = await names({ port: cluster.epmdPort });
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.resume();
  socket.write("GET / HTTP/1.1\r\n\r\n");
  await once(socket, "close");
}

const LOGS = {
  "a closed pipe": "",
  "a full device": "2>/dev/full",
  "a closed file": "2>&-",
};

for (const [what, redirections] of Object.entries(LOGS)) {
  clusterTest(`a log to ${what} does not stop a node`, async (cluster) => {
    await using kate = new Program(cluster, [], redirections);
    await kate.child.stderr.cancel();
    await isUp(kate);
    const used = async () => {
      const before = await kate.ticks();
      // safe: a window of measurement; load on the machine only lowers the ticks in it
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return await kate.ticks() - before;
    };
    const idle = await used();
    for (let i = 0; i < 5; i++) await provoke(cluster);
    const after = await used();
    // A spinning node uses most of the 100 ticks of a second.
    assertLess(after, idle + 50);
    await assertServes(cluster, kate);
  }, {
    programs: ["sh", "cat"],
    ignore: Deno.build.os !== "linux",
    tags: redirections === "" ? [] : ["slow"],
  });
}

clusterTest("a node with unread standard output goes on", async (cluster) => {
  await using kate = new Program(cluster, [
    "--no-halt",
    "-e",
    "for (let i = 0; i < 10; i++) IO.puts('x'.repeat(1 << 20)); undefined",
  ]);
  const reader = kate.child.stdout.getReader();
  // It has printed by now; the pipe takes a small part of it.
  await reader.read();
  reader.releaseLock();
  await assertServes(cluster, kate);
}, { programs: ["sh"] });

clusterTest("a node's output arrives in order, if late", async (cluster) => {
  await using kate = new Program(cluster, [
    "-e",
    "for (let i = 0; i < 3000; i++) IO.puts(i + 'é'.repeat(500)); await IO.puts('end')",
  ]);
  const text = await new Response(kate.child.stdout).text();
  const lines = text.split("\n");
  assertEquals(lines.length, 3002);
  assertEquals(lines[2999], "2999" + "é".repeat(500));
  assertEquals(lines[3000], "end");
  assertEquals((await kate.status).code, 0);
}, { programs: ["sh"] });

clusterTest("a serving node goes on when output is closed", async (cluster) => {
  await using kate = new Program(cluster, [
    "--no-halt",
    "-e",
    `const print = async () => {
        for (;;) {
          const from = await receive();
          send(from, await IO.puts('y').catch(({ reason }) => reason));
        }
      };
      Process.register(spawn(print), 'printer');
      await IO.puts('up')`,
  ]);
  const reader = kate.child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    for (let i = 0; i < 3; i++) {
      send({ name: "printer", node: KATE }, self());
      assertEquals(await receive(), "epipe");
    }
  });
  await assertServes(cluster, kate, alex);
}, { programs: ["sh"] });

test("writeError() drops unread text, and reports how much", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-check", "--no-prompt"],
      ...[
        `--config=${ROOT}deno.json`,
        `${ROOT}tests/processes/host/_log_writer.ts`,
      ],
      ...["4000", "1000"],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // It does not wait for a reader of its log.
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assertEquals(new TextDecoder().decode(value), "done\n");
  await reader.cancel();
  const log = await new Response(child.stderr).text();
  const dropped = log.match(/\[warning\] (\d+) log messages were dropped/);
  assert(dropped !== null);
  const written = log.match(/^\[error\] n@h: x{1000}$/gm)?.length;
  assertEquals(Number(dropped[1]) + written!, 4000);
  assertLess(log.length, 2_000_000);
  assertEquals((await child.status).code, 0);
});

const printed: Record<string, string> = {};

pairTest("the process named user restarts, and prints", async () => {
  const user = Process.whereis("user")!;
  assert(Process.groupLeader().equals(user));
  const gone = Process.monitor(user);
  Process.exit(user, "kill");
  await receive((m) => gone.equals(m?.ref));
  const anew = Process.whereis("user")!;
  assert(anew !== undefined && !anew.equals(user));
  // As in Elixir, where it is {:error, :terminated}: this process keeps its leader.
  const error = await IO.puts("lost").catch((error) => error);
  assert(error instanceof IoError);
  assertEquals(error.reason, "terminated");
  await IO.puts("to the new one", { device: anew });
  Process.groupLeader(anew);
  await IO.puts("by the new one");
  for (let i = 0; i < 3; i++) {
    const old = Process.whereis("user")!;
    Process.exit(old, "kill");
    await ended(old);
  }
  await IO.puts("again", { device: Process.whereis("user")! });
  assertMatch(printed.alex, /^to the new one\nby the new one\nagain\n$/);
}, { outputs: printed });
