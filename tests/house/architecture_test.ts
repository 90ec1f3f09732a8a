/** The floors of `docs/architecture.md`: which room imports which. */

import { assert, assertEquals } from "@std/assert";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "../../packages/testing/tags.ts";
import { SIDE_EFFECTS } from "../../tools/release.ts";
import { outputOf } from "../_child.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The rooms, from the ground up. A room imports only itself and the floors below it. */
const FLOORS: readonly (readonly string[])[] = [
  ["core"],
  ["otp"],
  ["net"],
  ["node"],
  ["mod.ts"],
  ["entities"],
  ["observe", "testing", "workers"],
  ["shell"],
  ["chat"],
];
const ROOMS = FLOORS.flat();

/** The folders of `core/`, from the ground up; the files beside them, which other rooms import, are the top. */
const CORE_FLOORS: readonly (readonly string[])[] = [
  ["collections", "promises"],
  ["values"],
  ["context"],
  ["host", "signals"],
  ["log", "remote", "scheduling"],
  ["processes"],
  ["spawning"],
  ["runtime"],
  [""],
];

/** The files that stay at the root, and the rooms to which they belong. */
const AT_ROOT: Record<string, string> = {
  "mod.ts": "mod.ts",
  "node.ts": "node",
  "task_supervisor.ts": "otp",
};

/** The shell for other nodes, which a node imports by a computed name when the first one attaches. */
const SHELL_ON_DEMAND = "packages/shell/remsh.ts";

/** The programs that no export reaches: threads, other processes, and the page of a browser. */
const PROGRAMS = [
  "chat/kate.ts",
  "packages/epmd/worker.ts",
  "packages/observe/dashboard/client/main.ts",
  "packages/testing/_peer_main.ts",
  SHELL_ON_DEMAND,
];

/** The rooms that may use `Deno`, and the file of the library that asks for Deno's permissions. */
const MAY_USE_DENO = ["chat", "shell/cli", "testing"];
const ASKS_PERMISSIONS = "packages/node/host/host_permissions.ts";

/** The contracts between a node and its host, and between a wire and its connection. */
const CONTRACTS = [
  "packages/node/wire.ts",
  "packages/node/host/host_environment.ts",
];

/** The checks of a node's name and address, which command lines make as the node will. */
const CHECKS = [
  "packages/node/addresses/node_name.ts",
  "packages/node/addresses/advertised_address.ts",
];

/** Narrower rules: the files at these paths import only files at those, beside builtins of Node. */
const RULES: Record<string, readonly string[]> = {
  "packages/processes/errors.ts": ["packages/processes/values/"],
  "packages/servers/server/": ["core/", "packages/servers/server/"],
  "net/": [
    "core/",
    "net/",
    "packages/servers/server/messages.ts",
    "packages/servers/server/signed_messages.ts",
  ],
  "packages/node/wire.ts": ["packages/processes/signals/signal.ts"],
  "packages/epmd/": ["packages/epmd/", "packages/epmd/listener.ts"],
  "packages/epmd/listener.ts": [],
  "net/wires/": [
    "packages/processes/values/",
    "packages/processes/signals/",
    "packages/processes/context/tracing.ts",
    "packages/node/wire.ts",
    "net/wires/",
    "packages/servers/server/",
  ],
};

/** The parts of nodes that the library itself uses. */
const INTERNALS = "packages/node/start/node_internals.ts";

/** The files of `net/` and `node/` that rooms above the nodes may import. */
const OF_NODES: Record<string, readonly string[]> = {
  observe: [
    INTERNALS,
    "packages/node/start/instruments.ts",
    "packages/node/start/measures.ts",
  ],
  shell: [...CHECKS, INTERNALS, "packages/node/start/check_options.ts"],
  chat: [],
  testing: [
    ...CONTRACTS,
    INTERNALS,
    "packages/node/addresses/node_name.ts",
    "packages/node/start/check_options.ts",
  ],
  workers: [
    ...CONTRACTS,
    ...CHECKS,
    INTERNALS,
    "packages/epmd/mod.ts",
    "packages/node/host/listen_for_peers.ts",
    "packages/node/host/network_log.ts",
    "packages/node/host/port_transport.ts",
    "packages/node/start/measures.ts",
    "packages/node/start/start_node.ts",
  ],
};

/** Files that share one idea, and may import each other. */
const ONE_IDEA: string[][] = [
  // A process has its node, and a node has its processes: the contract between them names both.
  [
    "packages/processes/process/local_process.ts",
    "packages/processes/process/runtime.ts",
  ],
];

/** A statement that acts when its file is loaded, and the first name that it passes on. */
const ACTS = /^(?:import ""|(?:await|for|if|try|while) |[\w.]+\((\w*))/gm;

/** Files that act at their load, but on nothing that a program uses without them. */
const HARMLESS: Record<string, string> = {
  "packages/processes/values/error_classes.ts": "marks its own classes",
  "packages/processes/values/tuple.ts": "completes its own class",
  "packages/node/io/io.ts": "Node.start does the same",
  "packages/workers/worker_thread.ts": "has the text of a program",
};

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

/** An import: a file of the project by its path, all others as written. */
interface Import {
  name: string;
  isType: boolean;
  /** Whether it is loaded by `import()`, when the code runs. */
  isLater: boolean;
}

/** Files and what they import. */
type Graph = Map<string, Set<string>>;

/** The imports of each file that an export or a program reaches. */
async function readImports(): Promise<Map<string, Import[]>> {
  const { exports } = JSON.parse(
    await Deno.readTextFile(join(ROOT, "deno.json")),
  );
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      entry,
      [...Object.values<string>(exports), ...PROGRAMS]
        .map((path) => `import ${JSON.stringify(join(ROOT, path))};\n`).join(
          "",
        ),
    );
    const { code, stdout, stderr } = await outputOf(Deno.execPath(), {
      args: ["info", "--json", `--config=${join(ROOT, "deno.json")}`, entry],
      cwd: ROOT,
    });
    assertEquals(code, 0, stderr);
    const { modules } = JSON.parse(stdout) as { modules: Module[] };
    return new Map(
      modules.filter(({ specifier }) => isOwn(specifier)).map((
        { specifier, dependencies = [] },
      ) => [
        pathOf(specifier),
        dependencies.map((each) => ({
          name: nameOf(each),
          isType: each.code === undefined,
          isLater: each.isDynamic ?? false,
        })),
      ]),
    );
  } finally {
    await Deno.remove(entry);
  }
}

let imports: Promise<Map<string, Import[]>> | undefined;

/** The graph of all files, types and later imports included. */
async function wholeGraph(): Promise<Graph> {
  return new Map(
    [...await (imports ??= readImports())].map(([path, all]) => [
      path,
      new Set(all.map(({ name }) => name)),
    ]),
  );
}

/** Returns the files, packages and builtins that a file loads. */
async function reachedFrom(
  entry: string,
  { later = true } = {},
): Promise<Set<string>> {
  const all = await (imports ??= readImports());
  const reached = new Set([entry]);
  for (const path of reached) {
    for (const { name, isType, isLater } of all.get(path) ?? []) {
      if (!isType && (later || !isLater)) reached.add(name);
    }
  }
  return reached;
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

function roomOf(path: string): string {
  return AT_ROOT[path] ?? path.split("/")[0];
}

function isAt(path: string, places: readonly string[]): boolean {
  return places.some((place) =>
    path === place || place.endsWith("/") && path.startsWith(place)
  );
}

/** Asserts that each import of the project's own files is allowed. */
async function assertImports(
  isAllowed: (imported: string, path: string) => boolean,
): Promise<void> {
  const wrong: string[] = [];
  for (const [path, imports] of await wholeGraph()) {
    for (const imported of imports) {
      if (!/\.ts$/.test(imported) || isAllowed(imported, path)) continue;
      wrong.push(`${path} imports ${imported}`);
    }
  }
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

test("a room imports only itself and the floors below it", async () => {
  const floorOf = (path: string) =>
    FLOORS.findIndex((rooms) => rooms.includes(roomOf(path)));
  await assertImports((imported, path) =>
    roomOf(path) === roomOf(imported) ||
    floorOf(imported) >= 0 && floorOf(imported) < floorOf(path)
  );
  const reached = [...(await wholeGraph()).keys()];
  assertEquals(
    ROOMS.filter((room) => !reached.some((path) => roomOf(path) === room)),
    [],
  );
});

test("a folder of core/ imports only itself and the floors below it", async () => {
  const folderOf = (path: string) =>
    path.split("/").length > 2 ? path.split("/")[1] : "";
  const floorOf = (path: string) =>
    CORE_FLOORS.findIndex((folders) => folders.includes(folderOf(path)));
  await assertImports((imported, path) =>
    roomOf(path) !== "core" || folderOf(path) === folderOf(imported) ||
    floorOf(imported) >= 0 && floorOf(imported) < floorOf(path)
  );
});

for (const [place, known] of Object.entries(RULES)) {
  test(`${place} imports only ${known.join(", ") || "builtins of Node"}`, () =>
    assertImports((imported, path) =>
      !isAt(path, [place]) || isAt(imported, known)
    ));
}

test("./errors loads the errors and how they print, and nothing that runs", async () => {
  const files = [...await reachedFrom("packages/processes/errors.ts")]
    .filter((name) => name.endsWith(".ts"));
  assert(files.length > 1 && files.length <= 12, files.join(", "));
});

test("only the rooms above nodes that need a part of nodes import it", () =>
  assertImports((imported, path) =>
    !(roomOf(path) in OF_NODES) ||
    !["net", "node"].includes(roomOf(imported)) || imported === "node.ts" ||
    OF_NODES[roomOf(path)].includes(imported)
  ));

for (
  const entry of [
    "packages/servers/agent/agent.ts",
    "packages/servers/supervisor/dynamic_supervisor.ts",
    "packages/servers/gen_server/gen_server.ts",
    "packages/servers/supervisor/partition_supervisor.ts",
    "packages/servers/registry/registry.ts",
    "packages/servers/supervisor/supervisor.ts",
    "task_supervisor.ts",
  ]
) {
  test(`${entry} reaches the registry of { global: name } by itself`, async () => {
    assert(
      (await reachedFrom(entry)).has(
        "packages/cluster/global/global_client.ts",
      ),
    );
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
  const rooms = await Promise.all(
    ["", ...ROOMS.filter((room) => !room.endsWith(".ts"))].map(filesOf),
  );
  for (const path of rooms.flat()) {
    // The source text of EPMD's thread consists of other files.
    if (path === "packages/epmd/worker_source.ts") continue;
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

test("mod.ts reaches no package until a shell is opened", async () => {
  const reached = await reachedFrom("mod.ts");
  assertEquals([...reached].filter((name) => !/^node:|\.ts$/.test(name)), []);
  assert(reached.has("node.ts") && !reached.has(SHELL_ON_DEMAND));
});

test("mod.ts loads no code for TLS, files, terminals, clusters and Erlang's wire when a program starts", async () => {
  const reached = await reachedFrom("mod.ts", { later: false });
  assert(reached.has("node:net"));
  assertEquals(
    [
      "node:tls",
      "node:fs",
      "node:readline",
      "node:util",
      "node:dgram",
      "node:dns/promises",
      "packages/node/host/tls.ts",
      "packages/cluster/discovery/start_cluster.ts",
    ].filter((path) => reached.has(path)),
    [],
  );
  assertEquals(
    [...reached].filter((path) => path.startsWith("packages/beam/wire/")),
    ["packages/beam/wire/beam_wire.ts"],
  );
});

test("servers, supervisors and tasks load no code of nodes and connections", async () => {
  for (
    const entry of [
      "packages/servers/gen_server/gen_server.ts",
      "packages/servers/supervisor/supervisor.ts",
      "task_supervisor.ts",
    ]
  ) {
    const reached = [...await reachedFrom(entry, { later: false })];
    assertEquals(
      reached.filter((path) =>
        /^(?:net|node|observe)\/|^node\.ts|\/(?:global|io|observer|rpc)\/|pg_scope/
          .test(path)
      ),
      [],
      entry,
    );
  }
});

test("a node loads Task.Supervisor, pg and the server of EPMD when they are used", async () => {
  const reached = [...await reachedFrom("node.ts", { later: false })];
  assert(reached.includes("packages/epmd/epmd_registry.ts"));
  assertEquals(
    reached.filter((path) =>
      /\/task\/|\/pg_scope|epmd\/(?:thread|worker|epmd_server)/.test(path)
    ),
    [],
  );
});

test("only the files that the npm manifest lists act when they are loaded", async () => {
  const acting = new Set<string>();
  for (const path of (await wholeGraph()).keys()) {
    if (path.startsWith("packages/observe/dashboard/client/")) continue;
    const source = bare(await Deno.readTextFile(join(ROOT, path)));
    const isOwn = (name: string) =>
      name !== "" &&
      new RegExp(
        `^(?:export )?(?:class|const|(?:async )?function) ${name}\\b`,
        "m",
      )
        .test(source);
    for (const [, name = ""] of source.matchAll(ACTS)) {
      if (!isOwn(name)) acting.add(path);
    }
  }
  assertEquals(
    [...acting].sort(),
    [...Object.keys(HARMLESS), ...SIDE_EFFECTS].sort(),
  );
});

test("imports have no cycles, types included, except within one idea", async () => {
  assertEquals(circlesOf(await wholeGraph()), ONE_IDEA);
});

test("folders of a room import each other in no circle, types included", async () => {
  const placeOf = (path: string) => /^\w+\/\w+(?=\/)/.exec(path)?.[0] ?? path;
  const folders: Graph = new Map();
  for (const [path, imports] of await wholeGraph()) {
    const from = placeOf(path);
    const known = folders.get(from) ?? new Set();
    for (const imported of imports) {
      if (placeOf(imported) !== from) known.add(placeOf(imported));
    }
    folders.set(from, known);
  }
  assertEquals(circlesOf(folders), []);
});

test("every file of the library is reached", async () => {
  const reached = await wholeGraph();
  const rooms = await Promise.all(
    ["", ...ROOMS.filter((room) => !room.endsWith(".ts"))].map(filesOf),
  );
  assertEquals(rooms.flat().filter((path) => !reached.has(path)), []);
});

test("the library does not use Deno", async () => {
  const wrong: string[] = [];
  const reached = await wholeGraph();
  for (const path of reached.keys()) {
    if (
      isAt(path, MAY_USE_DENO.map((each) => `${each}/`)) ||
      path === ASKS_PERMISSIONS
    ) continue;
    if (/\bDeno\b/.test(bare(await Deno.readTextFile(join(ROOT, path))))) {
      wrong.push(path);
    }
  }
  assertEquals(wrong, []);
});
