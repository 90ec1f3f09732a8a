/** The layers of `docs/architecture.md`: the allowed imports of each folder. */

import { assert, assertEquals } from "@std/assert";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "../../testing/tags.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The shell for other nodes, which a node imports by a computed name when the first one attaches. */
const SHELL_ON_DEMAND = "shell/remsh.ts";

/** The modules from which everything except tests, benchmarks and tools is reached. */
const ENTRIES = [
  "mod.ts",
  "otp/cluster/cluster.ts",
  "otp/task_pool/task_pool.ts",
  "otp/supervisor/partition_supervisor.ts",
  "workers/workers.ts",
  "shell/cli/node_flags.ts",
  "chat/main.ts",
  "chat/kate.ts",
  "shell/main.ts",
  "observe/dashboard/client/main.ts",
  "observe/dashboard/dashboard.ts",
  "observe/health.ts",
  "observe/logtape.ts",
  "observe/metrics.ts",
  "observe/observer.ts",
  "observe/telemetry.ts",
  "testing/mod.ts",
  "testing/main.ts",
  "testing/_peer_main.ts",
  "net/epmd/worker.ts",
  SHELL_ON_DEMAND,
];

/** The folders of the library. */
const LIBRARY = [
  "runtime",
  "gen",
  "servers",
  "distribution",
  "wires",
  "node",
  "workers",
];

/** The folders that may use `Deno`. */
const MAY_USE_DENO = ["bench", "chat", "cli", "testing", "tests", "tools"];

/** The file of the library that asks for Deno's permissions, if the host is Deno. */
const ASKS_PERMISSIONS = "net/host_permissions.ts";

/** The upper layer: programs, and the modules that they and tests consist of. */
const UPPER = ["chat", "cli", "observe", "shell", "testing"];

/** The imports that each folder of the upper layer may have from the others. */
const KNOWS: Record<string, string[]> = {
  cli: ["cli", "observe"],
  observe: ["observe"],
  shell: ["cli", "observe", "shell"],
  chat: ["chat", "cli", "shell"],
  testing: ["testing"],
};

/** The modules of the runtime that a wire may import: values, signals, and the formatting of a value. */
const VOCABULARY = [
  ...[
    "atom",
    "beam_names",
    "beam_reasons",
    "beam_types",
    "bitstring",
    "equality",
    "error_term",
    "errors",
    "exit_reason",
    "float",
    "functions",
    "hash_collisions",
    "improper_list",
    "inspect",
    "leaf_term",
    "pid",
    "port",
    "public_stack",
    "reply_to",
    "server_message",
    "term",
    "tuple",
  ].map((name) => `runtime/values/${name}.ts`),
  "core/signals/signal.ts",
  "core/signals/tracing.ts",
];

/** The contracts between a node and its host, and between a wire and its connection. */
const CONTRACTS = ["net/wire.ts", "net/host_environment.ts"];

/** Files that share one idea, and may import each other. */
const ONE_IDEA: string[][] = [
  // A process has its node, and a node has its processes: the contract between them names both.
  ["core/processes/local_process.ts", "core/runtime.ts"],
];

/** A declaration that a file exports. */
const EXPORTED =
  /^export (?:async |abstract )*(?:function\*?|class|interface|type|const|let) (\w+)/gm;

interface Dependency {
  specifier: string;
  code?: { specifier?: string };
  type?: { specifier?: string };
  isDynamic?: boolean;
}

interface Module {
  specifier: string;
  dependencies?: Dependency[];
}

/** Files and their imports: files of the project by path, all others as written. */
type Graph = Map<string, Set<string>>;

/** The files that a file reaches, with or without imports of types, and those that run later. */
async function graphOf(
  entry: string,
  { types = true, later = true } = {},
): Promise<Graph> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: Module[];
  };
  return new Map(
    modules.filter(({ specifier }) => isOwn(specifier)).map((
      { specifier, dependencies = [] },
    ) => [
      pathOf(specifier),
      new Set(
        dependencies.filter(({ code }) => types || code !== undefined)
          .filter(({ isDynamic }) => later || !isDynamic)
          .map(nameOf),
      ),
    ]),
  );
}

/** Whether it is neither a stand-in for `@std` nor `@std` itself in a folder of this machine. */
function isOwn(specifier: string): boolean {
  return specifier.startsWith("file:") &&
    !/^(\.\.\/|tools\/offline_std\/)/.test(pathOf(specifier));
}

function pathOf(specifier: string): string {
  return relative(ROOT, fileURLToPath(specifier)).replaceAll("\\", "/");
}

function nameOf({ specifier, code, type }: Dependency): string {
  const resolved = code?.specifier ?? type?.specifier;
  return specifier.startsWith(".") && resolved !== undefined
    ? pathOf(resolved)
    : specifier;
}

const graphs = new Map<string, Promise<Graph>>();

function graph(entry: string): Promise<Graph> {
  let found = graphs.get(entry);
  if (found === undefined) graphs.set(entry, found = graphOf(entry));
  return found;
}

async function wholeGraph(): Promise<Graph> {
  const all = await Promise.all(ENTRIES.map(graph));
  return new Map(all.flatMap((each) => [...each]));
}

/** Asserts that files have only allowed imports. */
async function assertImports(
  isChecked: (path: string) => boolean,
  isAllowed: (imported: string, path: string) => boolean,
): Promise<void> {
  const wrong: string[] = [];
  let checked = 0;
  for (const [path, imports] of await wholeGraph()) {
    if (!isChecked(path)) continue;
    checked++;
    for (const imported of imports) {
      if (imported.startsWith("node:") || isAllowed(imported, path)) continue;
      wrong.push(`${path} imports ${imported}`);
    }
  }
  assert(checked > 0, "no file was checked");
  assertEquals(wrong, []);
}

/** The strongly connected components of more than one file, by Tarjan's algorithm. */
function circlesOf(graph: Graph): string[][] {
  const circles: string[][] = [];
  const order = new Map<string, number>();
  const open: string[] = [];
  const visit = (path: string): number => {
    let low = order.size;
    order.set(path, low);
    open.push(path);
    for (const imported of graph.get(path) ?? []) {
      if (!graph.has(imported)) continue;
      if (!order.has(imported)) low = Math.min(low, visit(imported));
      else if (open.includes(imported)) {
        low = Math.min(low, order.get(imported)!);
      }
    }
    if (low === order.get(path)) {
      const circle = open.splice(open.indexOf(path));
      if (circle.length > 1) circles.push(circle.sort());
    }
    return low;
  };
  for (const path of graph.keys()) if (!order.has(path)) visit(path);
  return circles.sort();
}

function isIn(...rooms: string[]): (path: string) => boolean {
  return (path) => rooms.some((room) => path.startsWith(`${room}/`));
}

/** The wire that a file belongs to, by folder. */
function wireOf(path: string): string {
  return path.split("/").slice(0, 2).join("/");
}

async function filesOf(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(join(ROOT, folder))) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory && folder !== "") files.push(...await filesOf(path));
    else if (entry.isFile && entry.name.endsWith(".ts")) files.push(path);
  }
  return files;
}

/** Code without comments and double-quoted strings. */
function bare(source: string): string {
  return source.replace(/"(?:[^"\\\n]|\\.)*"/g, '""')
    .replace(/\/\*[^]*?\*\//g, "").replace(/\/\/.*$/gm, "");
}

test("runtime/ imports only itself", () =>
  assertImports(isIn("runtime"), isIn("runtime")));

test("the errors import only the runtime's values", () =>
  assertImports(
    (path) => path === "core/errors.ts",
    (imported) => VOCABULARY.includes(imported),
  ));

test("./errors loads the errors and how they print, and nothing that runs", async () => {
  const files = await graphOf("core/errors.ts", { types: false });
  assert(files.size <= 12, [...files.keys()].join(", "));
});

test("gen/ imports the runtime and no server", () =>
  assertImports(
    isIn("gen"),
    (imported) =>
      isIn("gen", "runtime")(imported) || imported === "core/errors.ts",
  ));

test("servers/ imports no wire and no connection", () =>
  assertImports(
    isIn("servers"),
    (imported) =>
      isIn("gen", "servers", "runtime")(imported) ||
      imported === "core/errors.ts",
  ));

for (
  const entry of [
    "otp/agent/agent.ts",
    "otp/supervisor/dynamic_supervisor.ts",
    "otp/gen_server/gen_server.ts",
    "otp/supervisor/partition_supervisor.ts",
    "otp/registry/registry.ts",
    "otp/supervisor/supervisor.ts",
    "task_supervisor.ts",
  ]
) {
  test(`${entry} reaches the registry of { global: name } by itself`, async () => {
    const files = await graphOf(entry, { types: false });
    assert(files.has("otp/global/global_client.ts"));
  });
}

/** Names that two files export, and why. */
const TWICE: Record<string, string> = {
  Peer: "of a connection, and of a test",
  Port: "of an Erlang node, which is a term; and a wire's connection",
  main: "of each program",
  serve: "a server, and the shell's, which other nodes know as Shell.serve",
  spawnTask: "the chat's, as in Elixir's guide, and the task servers'",
};

test("no two files export the same name", async () => {
  const exported = new Map<string, string>();
  const twice = new Set<string>();
  const needed = new Set<string>();
  const rooms = await Promise.all(["", ...LIBRARY, ...UPPER].map(filesOf));
  for (const path of rooms.flat()) {
    // The source text of EPMD's thread consists of other files.
    if (path === "net/epmd/worker_source.ts") continue;
    const source = await Deno.readTextFile(join(ROOT, path));
    for (const [, name] of source.matchAll(EXPORTED)) {
      const other = exported.get(name) ?? path;
      if (other !== path && name in TWICE) needed.add(name);
      else if (other !== path) twice.add(`${name}: ${other}, ${path}`);
      exported.set(name, path);
    }
  }
  assertEquals([...twice], []);
  assertEquals([...needed].sort(), Object.keys(TWICE).sort());
  assert(exported.size > 400, `${exported.size} names`);
});

test("distribution/ imports no wire and no server", () =>
  assertImports(
    isIn("distribution"),
    (imported) =>
      isIn("distribution", "runtime")(imported) ||
      imported === "core/errors.ts",
  ));

test("the contract of a wire consists of signals only", () =>
  assertImports(
    (path) => path === "net/wire.ts",
    (imported) => imported === "core/signals/signal.ts",
  ));

test("epmd/ imports nothing else but the listener", () =>
  assertImports(
    (path) => isIn("distribution/epmd")(path) || path === "net/listener.ts",
    (imported, path) =>
      isIn("distribution/epmd")(path) &&
      (isIn("distribution/epmd")(imported) ||
        imported === "net/listener.ts"),
  ));

test("a wire imports itself, its contract, messages of servers and the runtime's values", () =>
  assertImports(
    isIn("wires"),
    (imported, path) =>
      isIn(wireOf(path), "gen")(imported) ||
      imported === "net/wires/conversation.ts" ||
      imported === "net/wires/over_limit.ts" ||
      imported === "net/wire.ts" || VOCABULARY.includes(imported),
  ));

test("only node.ts and node/ join runtime, distribution and wires", () =>
  assertImports(
    (path) => path !== "node.ts" && !isIn(...LIBRARY)(path),
    (imported, path) =>
      !isIn("distribution", "wires")(imported) ||
      // A command line checks a node's name and its address as the node will.
      imported === "net/node_name.ts" ||
      imported === "net/advertised_address.ts" ||
      // A simulation is another host environment for nodes, with its own connections.
      isIn("testing/simulation")(path) && CONTRACTS.includes(imported),
  ));

/** The modules of nodes and their hosts that threads of workers need. */
const OF_THREADS = [
  ...CONTRACTS,
  "net/epmd/mod.ts",
  "net/listen_for_peers.ts",
  "net/network_log.ts",
  "net/node_name.ts",
  "net/port_transport.ts",
  "node/start_node.ts",
];

test("workers/ imports the root, and of nodes only what its threads need", () =>
  assertImports(
    isIn("workers"),
    (imported) =>
      isIn("workers", "gen", "servers", "runtime")(imported) ||
      !imported.includes("/") || OF_THREADS.includes(imported),
  ));

test("the library imports nothing from the command line, the shell, the chat or the harness", () =>
  assertImports(
    (path) => !isIn(...UPPER)(path),
    (imported) => imported.endsWith(".ts") && !isIn(...UPPER)(imported),
  ));

for (const [room, known] of Object.entries(KNOWS)) {
  test(`${room}/ knows of its own storey ${known.join(", ")}`, () =>
    assertImports(
      isIn(room),
      (imported) => !isIn(...UPPER)(imported) || isIn(...known)(imported),
    ));
}

test("mod.ts reaches no package until a shell is opened", async () => {
  const wrong: string[] = [];
  const files = await graphOf("mod.ts", { types: false });
  const reached = new Set(["mod.ts"]);
  for (const path of reached) {
    for (const imported of files.get(path) ?? []) {
      reached.add(imported);
      if (imported.startsWith("node:") || imported.endsWith(".ts")) continue;
      wrong.push(`${path} imports ${imported}`);
    }
  }
  assertEquals(wrong, []);
  assert(reached.has("node.ts") && !reached.has(SHELL_ON_DEMAND));
});

test("mod.ts loads no code for TLS, files, terminals, clusters and Erlang's wire when a program starts", async () => {
  const files = await graphOf("mod.ts", { types: false, later: false });
  const reached = new Set(["mod.ts"]);
  for (const path of reached) {
    for (const imported of files.get(path) ?? []) reached.add(imported);
  }
  assert(reached.has("node:net"));
  assertEquals(
    [
      "node:tls",
      "node:fs",
      "node:readline",
      "node:util",
      "node:dgram",
      "node:dns/promises",
      "net/tls.ts",
      "otp/cluster/start_cluster.ts",
    ].filter((path) => reached.has(path)),
    [],
  );
  assertEquals(
    [...reached].filter((path) => path.startsWith("wires/beam/")),
    ["net/wires/beam/beam_wire.ts"],
  );
});

test("imports have no cycles, types included, except within one idea", async () => {
  assertEquals(circlesOf(await wholeGraph()), ONE_IDEA);
});

test("circlesOf() finds each cycle with all its files, and no file twice", () => {
  const graph: Graph = new Map([
    ["a", new Set(["b", "node:fs"])],
    ["b", new Set(["c", "d"])],
    ["c", new Set(["a"])],
    ["d", new Set(["e"])],
    ["e", new Set(["d", "f"])],
    ["f", new Set()],
    ["g", new Set(["a"])],
  ]);
  assertEquals(circlesOf(graph), [["a", "b", "c"], ["d", "e"]]);
});

test("every file of the library is reached", async () => {
  const reached = await wholeGraph();
  const rooms = await Promise.all(["", ...LIBRARY, ...UPPER].map(filesOf));
  assertEquals(rooms.flat().filter((path) => !reached.has(path)), []);
});

test("the library does not use Deno", async () => {
  const wrong: string[] = [];
  const reached = await wholeGraph();
  for (const path of reached.keys()) {
    if (isIn(...MAY_USE_DENO)(path) || path === ASKS_PERMISSIONS) continue;
    if (/\bDeno\b/.test(bare(await Deno.readTextFile(join(ROOT, path))))) {
      wrong.push(path);
    }
  }
  assertEquals(wrong, []);
});
