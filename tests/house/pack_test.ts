/** The package that `deno task pack` makes, installed by npm: it runs on Node and on Bun, and has its types. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { dirname } from "node:path";
import { Application } from "../../packages/servers/application/application.ts";
import { chat } from "../../chat/application.ts";
import dev from "../../chat/config/dev.ts";
import * as Chat from "../../chat/mod.ts";
import config from "../../deno.json" with { type: "json" };
import { UndefinedFunctionError } from "../../packages/processes/errors.ts";
import { Entity } from "../../packages/entities/mod.ts";
import { Node } from "../../node.ts";
import { receive, self, send } from "../../packages/processes/process.ts";
import { names as namesAt } from "../../packages/epmd/mod.ts";
import { simulate } from "../../packages/testing/simulation/simulate.ts";
import { test } from "../../packages/testing/tags.ts";
import { freePort } from "../../packages/testing/_ports.ts";
import { nodeFlags } from "../_cli.ts";
import { Cluster, COOKIE } from "../_nodes.ts";
import { BUNDLER, type Host, Project, type Running } from "../_packed.ts";
import {
  announcedIn,
  blocksIn,
  filesIn,
  readPage,
  runCommands,
  sectionsOf,
} from "../_pages.ts";
import { temporaryFolder } from "../_temporary.ts";
import { until } from "../_until.ts";
import { exactly, objectOf } from "../_terms.ts";

const HOSTS: readonly Host[] = ["node", "bun"];

const PACKAGES = [
  BUNDLER,
  "typescript@5",
  "@types/node@24",
  // The optional ones of the package, which its modules for them need.
  "@logtape/logtape@2",
  "@opentelemetry/api@1",
];

/** A node that sends back its messages, and reports new keys of its prototype of objects. */
const KEYS =
  `import { Node, Process, receive, self, send } from "@otp/distribution";
const before = Reflect.ownKeys(Object.prototype);
const added = () =>
  Reflect.ownKeys(Object.prototype).filter((key) => !before.includes(key));
const Keys = {
  async echo(to, name) {
    Process.register(self(), name);
    send(to, { up: name, added: added() });
    for (;;) {
      const { from, value } = await receive();
      send(from, { value, added: added() });
    }
  },
};
const options = JSON.parse(process.argv[2]);
options.modules = { Keys };
await Node.start(options);
console.log("up");
`;

/** One event ends 20 processes, and listeners of four's signals throw; then, its callback or another one throws, if asked to. */
const LISTENERS = `import process from "node:process";
import { Logger, Process, receive, self, send, spawn } from "@otp/distribution";
const events = [];
Logger.setFilter(({ message }) => {
  events.push(message);
  return false;
});
process.on("warning", ({ name }) => console.log(name));
const here = self();
const pids = [];
for (let i = 0; i < 20; i++) {
  pids.push(spawn(async () => {
    const signal = Process.signal();
    signal.addEventListener("abort", () => {
      if (i < 4) throw new Error("first of " + i);
    });
    AbortSignal.any([signal]).addEventListener("abort", () => {
      if (i < 4) throw new Error("second of " + i);
    });
    send(here, "up");
    await receive();
  }));
}
for (const _ of pids) await receive();
setTimeout(() => {
  for (const pid of pids) Process.exit(pid, "kill");
  if (process.argv[2] === "callback") throw new TypeError("my own");
}, 1);
// Runs between the ticks that Node throws the listeners' errors in.
setTimeout(() => {
  if (process.argv[2] === "later") throw new TypeError("my own");
}, 1);
process.on("exit", (code) => {
  const isRight = (pid, i) =>
    ["first", "second"].every((nth) =>
      events.filter((line) =>
        line.includes("of " + pid + ", which has exited") &&
        line.includes(nth + " of " + i)
      ).length === 1
    );
  console.log(code, events.length, pids.filter(isRight).length, process.listenerCount("uncaughtException"));
});
// After a stall, timers that are due run in one turn, and Bun ends the program after it: this one is in a later turn.
setTimeout(() => setTimeout(() => console.log("goes on"), 50), 50);
`;

/** A node that computes. */
const BUSY = `import { writeSync } from "node:fs";
import { Node } from "@otp/distribution";
await Node.start({ ...JSON.parse(process.argv[2]), log() {} });
writeSync(1, "computes\\n");
const end = performance.now() + 3000;
while (performance.now() < end);
writeSync(1, "free\\n");
`;

const WORKER = `import process from "node:process";
import { Agent, Node, receive, self, send } from "@otp/distribution";
export const start = () => [{
  id: "seven",
  start: () => Agent.startLink(() => 7, { name: "Seven" }),
}];
export const seven = () => Agent.get("Seven", (n) => n);
export const ping = (node) => Node.ping(node);
export const wait = () => receive(() => false);
export async function echo(to) {
  send(to, self());
  for (;;) {
    const { from, bytes } = await receive();
    send(from, { size: bytes.length });
  }
}
const later = (fn) => void setTimeout(fn, 1);
export const crash = () => later(() => {
  throw new TypeError("nobody catches this");
});
export const reject = () => later(() => {
  Promise.reject(new TypeError("nobody awaits this"));
});
export const leave = () => later(() => process.exit(3));
export const hang = () => later(() => {
  for (;;);
});
`;

/** A program with workers: each way to end a thread, and modules that do not load. */
const WORKERS =
  `import { Node, Process, receive, rpc, self, send } from "@otp/distribution";
import { Workers } from "@otp/distribution/workers";
const codes = [];
const log = ({ message }) => {
  const [, code] = /terminated[^]*code: "(\\w+)"/.exec(message) ?? [];
  if (code !== undefined) codes.push(code);
};
const one = "alex-1@localhost";
const two = "alex-2@localhost";
const call = (node, fn, ...args) => rpc.call(node, ["Worker", fn], args);
await using node = await Node.start({ ...JSON.parse(process.argv[2]), log });
await node.run(async () => {
  const module = new URL("./worker.mjs", import.meta.url);
  const workers = await Workers.startLink({ module, count: 2, answerTimeout: 4000, maxRestarts: 9 });
  console.log(await call(one, "seven"), await call(one, "ping", two));
  await Node.spawn(two, ["Worker", "echo"], [self()]);
  const echo = await receive();
  await send(echo, { from: self(), bytes: new Uint8Array(3_000_000) });
  console.log((await receive()).size);
  let restarts = 0;
  for (const fn of ["crash", "reject", "leave", "hang"]) {
    const { ref } = await Node.spawnMonitor(one, ["Worker", "wait"]);
    await Node.spawn(one, ["Worker", fn]);
    const { reason } = await receive((m) => ref.equals(m.ref));
    restarts++;
    while ((await Workers.info(workers))[0].restarts !== restarts) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    console.log(fn, reason, await call(one, "seven"), await call(two, "ping", one));
  }
  Process.trapExit(true);
  for (const bad of ["data:text/javascript,export function (", "file:///none.mjs"]) {
    await Workers.startLink({ count: 1, nodeName: "bad", module: bad })
      .catch(({ message }) => console.log(/its module (\\S+)[^]* does not load/.test(message)));
  }
});
console.log(codes.join());
`;

/** A program of ten lines without a node: a server and a task under a supervisor. */
const LOCAL =
  `import { GenServer, Supervisor, Task, TaskSupervisor } from "@otp/distribution";
class Count extends GenServer {
  static init(n) { return { type: "ok", state: n }; }
  static handleCall(by, _from, n) { return { type: "reply", reply: n + by, state: n + by }; }
}
await Supervisor.startLink([
  { id: "count", start: () => GenServer.startLink(Count, 1, { name: { global: "Count" } }) },
  [TaskSupervisor, { name: "Tasks" }],
], { strategy: "one_for_one" });
const task = await TaskSupervisor.async("Tasks", () => GenServer.call({ global: "Count" }, 1));
console.log(await Task.await(task));
`;

/** A program with two nodes, of which one runs a closure. */
const TWO_NODES = `import { Node } from "@otp/distribution/node";
import { rpc } from "@otp/distribution/rpc";
const options = JSON.parse(process.argv[2]);
await using _kate = await Node.start({ ...options, name: "kate@localhost", allowClosures: true });
await using alex = await Node.start({ ...options, name: "alex@localhost" });
console.log(await alex.run(() => rpc.call("kate@localhost", () => Task.await(Task.async(() => 3)), [])));
`;

/** Two nodes of a test, which connect: the first one serves EPMD on the test's port. */
const TEST_NODES = `import { createServer } from "node:net";
import { Node } from "@otp/distribution";
import { startNodes, testCluster } from "@otp/distribution/testing";
await using nodes = await startNodes(["alex", "kate"]);
await nodes.get("alex").run(async () => {
  console.log(await Node.connect("kate@localhost"));
});
const { epmdPort } = testCluster();
const server = createServer().on("error", ({ code }) => console.log(code));
server.listen(epmdPort, "127.0.0.1");
`;

/** Lines of a shell, as if they were piped, of which four are one input; the last one does not parse. */
const LINES = `import { spawnSync } from "node:child_process";
const input = "const area = (n: number) => {\\n  return n *\\n    n\\n}\\narea(3)\\nconst x = ;\\n";
const chat = ["node_modules/@otp/distribution/chat/main.js"];
const { stdout, stderr } = spawnSync(process.execPath, chat, { input, encoding: "utf8" });
process.stdout.write(stdout + stderr);
`;

/** A partition in a simulated cluster, and a minute that passes. */
const SIMULATED = `import { Node } from "@otp/distribution";
import { SimulatedCluster } from "@otp/distribution/testing";
await using cluster = await SimulatedCluster.start({ nodes: ["alex", "kate"] });
const ping = () => Node.ping("kate@localhost");
await cluster.run("alex", ping);
cluster.partition(["alex"], ["kate"], { mode: "cut" });
await cluster.settle();
const answer = await cluster.run("alex", ping);
const before = cluster.now();
await cluster.advance(60_000);
console.log(answer, (cluster.now() - before) / 1000);
`;

/** Lives of an entity under faults; Node and Bun run its text. */
async function livesOf(
  live: typeof simulate,
  { define }: typeof Entity,
): Promise<string> {
  const Count = define("count", {
    state: () => ({ n: 0 }),
    add: (count) => ++count.state.n,
  });
  const report = await live({
    types: [Count],
    seeds: 4,
    work: (client) => client.get(Count, client.pick(["a", "b"])).add(),
  });
  return `${JSON.stringify(report)}\n`;
}

/** Two nodes that find each other by the DNS and by multicast: the hosts' own sockets and resolvers. */
const CLUSTER = `import { Cluster } from "@otp/distribution/cluster";
import { Node } from "@otp/distribution/node";
import { receive } from "@otp/distribution/process";
const gossip = { strategy: "gossip", port: 45895, interval: 100 };
const options = { cookie: "c", epmdPort: false, log() {} };
await using kate = await Node.start({ ...options, name: "kate@localhost", cluster: { gossip } });
const dns = { strategy: "dns", query: "localhost", port: kate.port, interval: 100 };
const srv = { strategy: "dnsSrv", query: "_otp._tcp.nowhere.invalid", interval: 100 };
await using alex = await Node.start({
  ...options,
  name: "alex@localhost",
  cluster: { gossip, dns, srv },
});
await alex.run(async () => {
  await Cluster.subscribe();
  for (;;) {
    const { topologies } = await Cluster.info();
    const isUp = ({ strategy, addresses, lastError }) =>
      strategy === "dnsSrv"
        ? lastError !== undefined
        : addresses.some(({ state }) => state === "connected");
    if (topologies.every(isUp)) break;
    await receive();
  }
  console.log(Node.list().join());
});
`;

/** A node that is dialled while it begins to listen: Bun accepts connections before it says that it listens. */
const DIALLED = `import { Node } from "@otp/distribution/node";
const options = { cookie: "c", epmdPort: false };
let last = "";
await using alex = await Node.start({ ...options, name: "alex@localhost", log: ({ message }) => last = message });
const port = JSON.parse(process.argv[2]);
const starts = Node.start({ ...options, name: "kate@localhost", port, log() {} });
const dial = () => Node.connect({ address: "127.0.0.1:" + port });
while (await alex.run(dial) !== true) {
  if (!/ECONNREFUSED/.test(last)) break;
}
await using kate = await starts;
console.log(last);
`;

/** Correct and wrong uses of servers' types. */
const SERVERS = `import {
  Agent,
  GenServer,
  type GenServerModule,
  Registry,
  Supervisor,
  Task,
} from "@otp/distribution";
interface StackTypes {
  arg: string[];
  state: string[];
  call: ["pop", string | undefined];
  cast: { push: string };
}
export const Stack: GenServerModule<StackTypes> = {
  init: (items) => ({ type: "ok", state: items }),
  handleCall: (_pop, _from, [head, ...state]) => ({ type: "reply", reply: head, state }),
  // @ts-expect-error: a state of another type
  handleCast: ({ push }) => ({ type: "noreply", state: push }),
};
const one = { strategy: "one_for_one" } as const;
await Supervisor.startLink([[Stack, ["a"]], [Agent, () => 1]], one);
// @ts-expect-error: an argument of another type
await Supervisor.startLink([[Stack, [1]]], one);
// @ts-expect-error: an option of another type
await Supervisor.startLink([[Registry, { keys: "all", name: "a" }]], one);
const stack = GenServer.ref<StackTypes>("Stack");
const popped: string | undefined = await GenServer.call(stack, "pop");
// @ts-expect-error: no such call
await GenServer.call(stack, "peek");
// @ts-expect-error: no such cast
GenServer.cast(stack, { pull: "a" });
for await (const result of Task.asyncStream([1], (n) => n > 0)) {
  if (result.type === "ok") result.value satisfies boolean;
}
// @ts-expect-error: a state of another type
await Agent.update(Agent.ref<number>("Count"), (n) => String(n));
`;

const STRICT = "--noEmit --strict --target esnext --module nodenext";

/** Whether the tarball has the stand-ins for @std; the genuine ones come from JSR's own npm registry. */
const HAS_STAND_INS = "workspace" in config;

/** The output of a program, which ends with code 0. */
async function outputOf(program: Running): Promise<string> {
  await using running = program;
  assertEquals(await running.ended, 0, running.output);
  return running.output;
}

/** The options of alex, as an argument of a program. */
function alexOn(epmdPort: number): string {
  return JSON.stringify({ name: "alex@localhost", cookie: COOKIE, epmdPort });
}

// One test of several steps, as the project that they share takes a while to create.
test("the packed package", {
  tags: ["pack", "slow"],
  programs: ["npm", "tar"],
  ignore: !HAS_STAND_INS,
  timeout: 600_000,
}, async (t) => {
  await using project = await Project.make([...HOSTS, "old node"], PACKAGES);
  const names = Object.keys(config.exports)
    .map((name) => name.replace(".", config.name));
  const bothPrint = async (args: string[], output: string) => {
    for (const host of HOSTS) {
      assertEquals(await outputOf(project.run(host, args)), output, host);
    }
  };

  await t.step("has modules that load on Node and on Bun", async () => {
    const code = names.map((name) => `await import("${name}");`).join("\n");
    await project.write("load.mjs", `${code}\nconsole.log("loaded");`);
    await bothPrint(["load.mjs"], "loaded\n");
  });

  await t.step("names the Node.js that it needs on an older one", async () => {
    // Browsers load this module, so it names no version of Node.js.
    const others = names.filter((name) => !name.endsWith("/channels/client"));
    const code = others.map((name) =>
      `await import("${name}").catch(({ message }) => console.log(message));`
    );
    await project.write("old.mjs", code.join("\n"));
    const old = await outputOf(project.run("old node", ["old.mjs"]));
    const lines = old.trimEnd().split("\n");
    assertEquals(lines.length, others.length);
    for (const line of lines) {
      assertMatch(
        line,
        /^Cannot load @otp\/distribution: it needs Node\.js 24\.2 or later.* this is Node\.js 20\./,
      );
    }
    await using chat = project.chat("old node", ["--version"]);
    assertEquals(await chat.ended, 1);
    assertMatch(chat.output, /Error: Cannot load @otp\/distribution: it needs/);
  });

  await t.step("reports that the harness's tests need Deno", async () => {
    await project.write(
      "harness.mjs",
      `import { test } from "@otp/distribution/testing";
import { main } from "@otp/distribution/testing/main";
try {
  test("sends", () => {});
} catch (error) {
  console.log(error.message);
}
process.exit(await main([]));
`,
    );
    for (const host of HOSTS) {
      await using program = project.run(host, ["harness.mjs"]);
      assertEquals(await program.ended, 2, program.output);
      const needs =
        `this part of the harness needs Deno 2.9 or later, and this is ${
          host === "node" ? "Node.js" : "Bun"
        } `;
      const lines = program.output.trimEnd().split("\n");
      assertEquals(
        lines.map((line) => line.slice(0, line.indexOf(": this part"))),
        [`Cannot register the test "sends"`, "test: Cannot run tests"],
      );
      for (const line of lines) assert(line.includes(needs), line);
    }
  });

  await t.step("starts peers in the test runners of Node and Bun", async () => {
    const sections = sectionsOf(await readPage("docs/testing.md"));
    const [module] = blocksIn(sections.get("1. A plain module")!);
    const [tests] = blocksIn(sections.get("Node's test runner, and Bun's")!);
    await project.write("counter.ts", module.text);
    await project.write("counter_test.ts", tests.text);
    const passed = {
      node: await outputOf(project.run("node", ["--test", "counter_test.ts"])),
      bun: await outputOf(project.run("bun", ["test", "./counter_test.ts"])),
    };
    assertMatch(passed.node, /^.* pass 1$/m);
    assertMatch(passed.bun, /^ 1 pass$/m);
  });

  await t.step("starts peers that end with the test's process", async () => {
    await project.write(
      "killed.mjs",
      `import { startPeer, testCluster } from "@otp/distribution/testing";
await startPeer("kate", { modules: { Counter: "./counter.ts" } });
await startPeer("moebi", { modules: { None: "./none.ts" } })
  .catch(({ message }) => console.log(/ended with code 1 .*none\\.ts/s.test(message)));
console.log(testCluster().epmdPort);
process.kill(process.pid, "SIGKILL");
`,
    );
    for (const host of HOSTS) {
      await using program = project.run(host, ["killed.mjs"]);
      const [, port] = await program.matches(/^true\n(\d+)\n/);
      await program.ended;
      // Only the peer serves EPMD.
      const isGone = () =>
        namesAt({ port: Number(port) }).then(() => false, () => true);
      await until(isGone);
    }
  });

  await t.step("prints its version", async () => {
    for (const host of HOSTS) {
      const output = await outputOf(project.chat(host, ["--version"]));
      assertEquals(output, `chat ${config.version}\n`);
    }
  });

  await t.step("has a shell that takes an input of several lines", async () => {
    await project.write("lines.mjs", LINES);
    for (const host of HOSTS) {
      const output = await outputOf(project.run(host, ["lines.mjs"]));
      assertMatch(
        output,
        /^undefined\n9\n\*\* \(SyntaxError\) .+ \(1:11\)\n$/,
        host,
      );
    }
  });

  await t.step("names the command that starts it", async () => {
    const commands: Record<string, string> = {
      node: "npx otp-chat",
      bun: "bunx --bun otp-chat",
    };
    for (const host of HOSTS) {
      const help = await outputOf(project.chat(host, ["--help"]));
      const command = commands[host];
      assert(help.startsWith(`Usage: ${command} [flags]\n`));
      assert(help.includes(`\n  ${command} --sname kate@localhost`));
      assert(!help.includes("deno "), help);
      await using cluster = new Cluster();
      const flags = nodeFlags("alex", cluster.epmdPort);
      const code = "await Node.connect('kate@localhost')";
      const args = [...flags, "--eval", code];
      const output = await outputOf(project.chat(host, args));
      const advice = `\`${command} --sname kate@localhost\` starts one\n`;
      assert(output.endsWith(advice), output);
    }
  });

  await t.step("rejects the start of a node without HOME", async () => {
    await project.write(
      "home.mjs",
      `import { Node } from "@otp/distribution/node";
for (const home of [undefined, "", "relative"]) {
  if (home === undefined) delete process.env.HOME;
  else process.env.HOME = home;
  await Node.start({ name: "alex@localhost", epmdPort: ${freePort()} })
    .catch(({ name, code, message }) => console.log(name, code, message));
}
`,
    );
    for (const host of HOSTS) {
      const output = await outputOf(project.run(host, ["home.mjs"]));
      const lines = output.trimEnd().split("\n");
      assertEquals(lines.length, 3, output);
      for (const line of lines) {
        assertMatch(
          line,
          /^NodeStartError cookie Cannot find the cookie file: HOME is .*--cookie/,
        );
      }
    }
  });

  await t.step(
    "logs errors of a dead process's listeners, and only these",
    async () => {
      await project.write("listeners.mjs", LISTENERS);
      await bothPrint(["listeners.mjs"], "goes on\n0 8 4 0\n");
      for (const host of HOSTS) {
        for (const where of ["callback", "later"]) {
          await using program = project.run(host, ["listeners.mjs", where]);
          assertEquals(await program.ended, 1, program.output);
          assertMatch(program.output, /TypeError: my own|error: my own/);
          assert(!program.output.includes("goes on"), program.output);
        }
      }
    },
  );

  await t.step("serves EPMD in a program while a node computes", async () => {
    await project.write("busy.mjs", BUSY);
    for (const host of HOSTS) {
      await using cluster = new Cluster();
      cluster.servesEpmd = false;
      const flags = ["-port", `${cluster.epmdPort}`];
      await using epmd = project.command(host, "otp-epmd", flags);
      await epmd.printed("serves at");
      const args = ["busy.mjs", alexOn(cluster.epmdPort)];
      await using busy = project.run(host, args);
      await busy.printed("computes");
      for (let i = 0; i < 5; i++) {
        const kate = await cluster.start("kate");
        await kate.stop();
      }
      assertEquals(busy.output, "computes\n");
      await busy.printed("free");
    }
  });

  await t.step("has workers, on Node and on Bun", async () => {
    await project.write("worker.mjs", WORKER);
    await project.write("workers.mjs", WORKERS);
    const lines = [
      ...["7 pong", "3000000"],
      ...["crash", "reject", "leave", "hang"]
        .map((fn) => `${fn} noconnection 7 pong`),
      ...["true", "true", "crashed,crashed,ended,no_answer", ""],
    ];
    await bothPrint(["workers.mjs", alexOn(freePort())], lines.join("\n"));
  });

  await t.step("has nodes that chat, on Node, Bun and Deno", async () => {
    await using cluster = new Cluster();
    const flags = (name: string) => nodeFlags(name, cluster.epmdPort);
    const printed: string[] = [];
    const kate = await cluster.start("kate", {
      modules: { Chat },
      io: { write: (text) => void printed.push(text) },
    });
    await using alex = project.chat("node", [...flags("alex"), "--no-halt"]);
    await using sophie = project.chat("bun", [...flags("sophie"), "--no-halt"]);
    await alex.printed("alex@localhost is up");
    await sophie.printed("sophie@localhost is up");
    await kate.run(async () => {
      Application.load(dev);
      await Application.start(chat);
      const peers = ["alex@localhost", "sophie@localhost"];
      for (const peer of peers) {
        assertEquals(await Chat.sendMessage(peer, "deno says"), "ok");
      }
      assertEquals(Node.list().toSorted(), peers);
    });
    for (const host of HOSTS) {
      const code = ["alex", "sophie", "kate"].map((name) =>
        `await Chat.sendMessage("${name}@localhost", "${host} says");`
      ).join(" ");
      const print = "IO.puts(Node.list().toSorted().join())";
      const args = [...flags("pat"), `--eval=${code} ${print}`];
      const all = "alex@localhost,kate@localhost,sophie@localhost\n";
      assertEquals(await outputOf(project.chat(host, args)), all);
    }
    assertEquals(printed, ["node says\n", "bun says\n"]);
    for (const node of [alex, sophie]) {
      assertMatch(node.output, /deno says\nnode says\nbun says\n$/);
      node.kill("SIGTERM");
      await node.ended;
    }
    await kate.run(() => Application.stop("chat"));
  });

  await t.step("has nodes for which keys of prototypes are keys", async () => {
    const hostile = objectOf([
      ["__proto__", { polluted: 1 }],
      ["constructor", { prototype: { polluted: 1 } }],
    ]);
    const values = [
      hostile,
      objectOf([["__proto__", hostile], ["when", new Date(0)]]),
      new Map([["__proto__", hostile]]),
      new TypeError("no", { cause: hostile }),
    ];
    await project.write("keys.mjs", KEYS);
    for (const host of HOSTS) {
      await using cluster = new Cluster();
      const kate = await cluster.start("kate");
      const args = ["keys.mjs", alexOn(cluster.epmdPort)];
      await using program = project.run(host, args);
      await program.printed("up");
      await kate.run(async () => {
        const node = "alex@localhost";
        for (const name of ["__proto__", "constructor"]) {
          await Node.spawn(node, ["Keys", "echo"], [self(), name, hostile]);
          assertEquals(await receive(), { up: name, added: [] });
          for (const value of values) {
            send({ name, node }, { from: self(), value });
            const got = await receive();
            assertEquals(exactly(got.value), exactly(value));
            assertEquals(got.added, []);
          }
          for (const fn of [[name, "toString"], ["Keys", name]] as const) {
            const spawned = () => Node.spawn(node, fn);
            await assertRejects(spawned, UndefinedFunctionError);
          }
        }
      });
    }
  });

  await t.step("has nodes for tests, on Node and on Bun", async () => {
    await project.write("nodes.mjs", TEST_NODES);
    await bothPrint(["nodes.mjs"], "true\nEADDRINUSE\n");
  });

  await t.step("has simulated clusters, on Node and on Bun", async () => {
    await project.write("simulated.mjs", SIMULATED);
    await bothPrint(["simulated.mjs"], "pang 60\n");
  });

  await t.step("has the same simulated lives on all hosts", async () => {
    await project.write(
      "lives.mjs",
      `import { simulate } from "@otp/distribution/testing";
import { Entity } from "@otp/distribution/entities";
${livesOf}
process.stdout.write(await livesOf(simulate, Entity));
`,
    );
    await bothPrint(["lives.mjs"], await livesOf(simulate, Entity));
  });

  await t.step(
    "has nodes that can be dialled as soon as they listen",
    async () => {
      await project.write("dialled.mjs", DIALLED);
      for (const host of HOSTS) {
        const args = ["dialled.mjs", `${freePort()}`];
        const output = await outputOf(project.run(host, args));
        assertMatch(output, /^Connected to kate@localhost$/m);
      }
    },
  );

  await t.step("forms a cluster on Node and on Bun", async () => {
    await project.write("cluster.mjs", CLUSTER);
    await bothPrint(["cluster.mjs"], "kate@localhost\n");
  });

  await t.step(
    "is bundled without the files that a program does not use",
    async () => {
      await project.write("local.mjs", LOCAL);
      const { first: local } = await project.bundle("local.mjs");
      assertEquals(
        local.filter((path) =>
          /^packages\/(?:node\/(?!pg\/|rpc\/)|epmd\/|observe\/|workers\/|beam\/wire\/)|^node\.js|\/(?:agent|application|logger|observer|registry)\//
            .test(path)
        ),
        [],
      );
      await project.write("nodes.mjs", TWO_NODES);
      const nodes = await project.bundle("nodes.mjs", ["--splitting"]);
      const isLate = (path: string) =>
        /beam\/wire\/(?!beam_wire)|\/(?:agent|discovery|gen_server|pg|registry|supervisor|task)\/(?!scopes|supervision|tree_end)|epmd\/epmd_server|node_observer|scope\.js/
          .test(path);
      assertEquals(nodes.first.filter(isLate), []);
      assert(nodes.later.filter(isLate).length > 50);
      await bothPrint(["out/local.mjs"], "2\n");
      await bothPrint(["out/nodes.mjs", alexOn(freePort())], "3\n");
    },
  );

  await t.step("is made and installed by the README's commands", async () => {
    const readme = await readPage("README.md");
    const command = (line: string) =>
      blocksIn(readme).find(({ text }) => text.startsWith(line))!.text
        .trimEnd();
    await using temporary = await temporaryFolder();
    const folder = temporary.path;
    // `npx deno task pack` has made the tarball already: it packs the clone as committed.
    const npx = `#!/bin/sh
[ "$*" = "-y deno@2.9.6 task pack otp.tgz" ] || exit 3
cp "${project.packed}" otp.tgz
`;
    for (const name of ["bin", "distribution", "my-app"]) {
      await Deno.mkdir(`${folder}/${name}`);
    }
    await Deno.writeTextFile(`${folder}/bin/npx`, npx, { mode: 0o755 });
    const made = `${folder}/my-app`;
    const files = filesIn(readme);
    const manifest = `{ "type": "commonjs" }\n`; // as npm init writes it
    for (const [name, text] of [...files, ["package.json", manifest]]) {
      await Deno.writeTextFile(`${made}/${name}`, text);
    }
    const env = {
      PATH: [
        `${folder}/bin`,
        dirname(project.program("node")),
        Deno.env.get("PATH"),
      ]
        .join(":"),
      ERL_EPMD_PORT: `${freePort()}`,
      HOME: project.folder,
    };
    const run = (commands: string) =>
      outputOf(runCommands(commands, made, env));
    await run(`${command("(cd ../distribution")}\ntrue`);
    const announced = announcedIn(files.get("hello.ts")!);
    assertEquals(await run(command("node hello.ts")), announced);
    await project.write("hello.ts", files.get("hello.ts")!);
    const bun = project.run("bun", ["hello.ts"], env);
    assertEquals(await outputOf(bun), announced);
  });

  await t.step("runs docs/from-zero.md on Node and on Bun", async () => {
    const page = await readPage("docs/from-zero.md");
    const [program, printed] = blocksIn(sectionsOf(page).get("4. A monitor")!);
    await project.write("shop.ts", filesIn(page).get("shop.ts")!);
    await project.write("prices.ts", program.text);
    // Without the log: it arrives through another pipe, and so in another order.
    const linesOf = (text: string) =>
      text.split("\n").filter((line) => line.startsWith("the "));
    for (const host of HOSTS) {
      const output = await outputOf(project.run(host, ["prices.ts"]));
      assertEquals(linesOf(output), linesOf(printed.text));
    }
  });

  const compile = async (file: string, options: string) => {
    await using tsc = project.run("node", [
      "node_modules/typescript/bin/tsc",
      ...options.split(" "),
      file,
    ]);
    return [await tsc.ended, tsc.output];
  };

  await t.step(
    "has declarations that compile in projects of Node, each of them",
    async () => {
      const code = names.map((name, i) => `export * as m${i} from "${name}";`);
      await project.write("all.ts", code.join("\n"));
      for (
        const host of [
          // A browser's types in place of Node's, Node's alone, and a bundler's resolution with both.
          "--module nodenext --typeRoots none",
          "--module nodenext --types node --lib esnext",
          "--module preserve --types node",
        ]
      ) {
        const options = `--noEmit --strict --target esnext ${host}`;
        assertEquals(
          await compile("all.ts", `${options} --skipLibCheck false`),
          [0, ""],
          host,
        );
      }
    },
  );

  await t.step("has types that reject wrong uses", async () => {
    const begin = `import { type Pid, send } from "@otp/distribution/process";
import { Node } from "@otp/distribution";
declare const pid: Pid<{ type: "hi" }>;
export const name: string = Node.self();
`;
    await project.write("right.ts", `${begin}send(pid, { type: "hi" });\n`);
    await project.write("wrong.ts", `${begin}send(pid, { type: "bye" });\n`);
    await project.write("servers.ts", SERVERS);
    const check = (file: string) => compile(file, STRICT);
    assertEquals(await check("right.ts"), [0, ""]);
    const [code, output] = await check("wrong.ts");
    assertEquals(code, 2);
    assertMatch(`${output}`, /^wrong\.ts\(5,\d+\): error TS2322: Type '"bye"'/);
    assertEquals(await check("servers.ts"), [0, ""]);
  });
});
