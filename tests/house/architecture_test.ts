/** The floors of `docs/architecture.md`: which package imports which. */

import { assert, assertEquals } from "@std/assert";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "../../packages/testing/tags.ts";
import { SIDE_EFFECTS } from "../../tools/release.ts";
import { outputOf } from "../_child.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The packages, from the ground up. A package imports only itself and those on the floors below it. */
const FLOORS: readonly (readonly string[])[] = [
  ["processes"],
  ["epmd", "servers"],
  ["node"],
  ["cluster"],
  ["observe"],
  ["beam", "channels", "entities", "workers"],
  ["streams"],
  ["testing"],
  ["shell"],
  ["distribution"],
];
const PACKAGES = FLOORS.flat();

/** The folders of the umbrella package, `@otp/distribution`, which has the root of the repository. */
const UMBRELLA = ["", "chat", "exports"];

/** The folders of `packages/processes/`, from the ground up; the files beside them are the top. */
const PROCESSES_FLOORS: readonly (readonly string[])[] = [
  ["collections", "promises"],
  ["values"],
  ["context"],
  ["host", "signals"],
  ["log", "remote", "scheduling"],
  ["process"],
  ["spawning"],
  ["runtime"],
  [""],
];

/** Imports that stand against the floors. The list only gets shorter. */
const UPWARD: readonly string[] = [];

/** The shell for other nodes, which the default parts import by a computed name when the first one attaches. */
const SHELL_ON_DEMAND = "exports/remote_shell.ts";

/** The programs that no export reaches: threads, other processes, and the page of a browser. */
const PROGRAMS = [
  "chat/kate.ts",
  "packages/observe/dashboard/client/main.ts",
  "packages/testing/_peer_main.ts",
  SHELL_ON_DEMAND,
];

/** The places that may use `Deno`, and the file of the library that asks for Deno's permissions. */
const MAY_USE_DENO = [
  "chat/",
  "exports/testing_main.ts",
  "packages/channels/host_upgrade.ts",
  "packages/shell/cli/",
  "packages/testing/",
];
const ASKS_PERMISSIONS = "packages/processes/host/permissions.ts";

/** Narrower rules: the files at these paths import only files at those, beside builtins of Node. */
const RULES: Record<string, readonly string[]> = {
  "packages/processes/errors.ts": ["packages/processes/values/"],
  "packages/node/wire.ts": [
    "packages/processes/remote/peer_address.ts",
    "packages/processes/signals/signal.ts",
  ],
  "packages/epmd/": ["packages/epmd/"],
};

/** Files that share one idea, and may import each other. */
const ONE_IDEA: string[][] = [
  // The options of a node name its parts, and a part checks and reads the options.
  [
    "packages/node/start/node_options.ts",
    "packages/node/start/parts.ts",
  ],
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
  "node.ts": "sets the parts of nodes, which its class starts",
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

/** The specifier of a relative import, or of a re-export. */
const RELATIVE = /\bfrom "(\.[^"]+)"|\bimport\("(\.[^"]+)"/g;

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
      [
        ...Object.values<string>(exports),
        ...PACKAGES.filter((name) => name !== "distribution")
          .map((name) => `packages/${name}/mod.ts`),
        ...PROGRAMS,
      ]
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
  { later = true, without = [] }: {
    later?: boolean;
    without?: readonly string[];
  } = {},
): Promise<Set<string>> {
  const all = await (imports ??= readImports());
  const reached = new Set([entry]);
  for (const path of reached) {
    for (const { name, isType, isLater } of all.get(path) ?? []) {
      if (isType || isLater && !later) continue;
      if (!without.includes(`${path} -> ${name}`)) reached.add(name);
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
  return resolved !== undefined && isOwn(resolved)
    ? pathOf(resolved)
    : specifier;
}

function packageOf(path: string): string {
  const [first, second] = path.split("/");
  return first === "packages" ? second : "distribution";
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

const floorOf = (path: string) =>
  FLOORS.findIndex((floor) => floor.includes(packageOf(path)));

test("a package imports only itself and the floors below it", async () => {
  const upward: string[] = [];
  const reached = await wholeGraph();
  for (const [path, imports] of reached) {
    for (const imported of imports) {
      if (!imported.endsWith(".ts")) continue;
      if (packageOf(imported) === packageOf(path)) continue;
      if (floorOf(imported) < floorOf(path)) continue;
      upward.push(`${path} -> ${imported}`);
    }
  }
  assertEquals(upward.sort(), UPWARD);
  assertEquals(
    PACKAGES.filter((each) =>
      ![...reached.keys()].some((path) => packageOf(path) === each)
    ),
    [],
  );
});

test("an import of another package names the package", async () => {
  const wrong: string[] = [];
  for (const path of (await wholeGraph()).keys()) {
    const source = await Deno.readTextFile(join(ROOT, path));
    for (const [, given, later] of source.matchAll(RELATIVE)) {
      const specifier = given ?? later;
      const imported = join(path, "..", specifier);
      if (
        specifier.endsWith(".ts") && packageOf(imported) !== packageOf(path)
      ) wrong.push(`${path} imports ${specifier}`);
    }
  }
  assertEquals(wrong, []);
});

test("each package has its name, the version of all, a page and a front door", async () => {
  const read = async (path: string) =>
    JSON.parse(await Deno.readTextFile(join(ROOT, path)));
  const { version, workspace } = await read("deno.json");
  for (const name of PACKAGES.filter((each) => each !== "distribution")) {
    const config = await read(`packages/${name}/deno.json`);
    assertEquals(config.name, `@otp/${name}`);
    assertEquals(config.version, version);
    assertEquals(config.exports["."], "./mod.ts");
    assert(workspace.includes(`./packages/${name}`));
    const page = await Deno.readTextFile(
      join(ROOT, `packages/${name}/README.md`),
    );
    assert(page.startsWith(`# @otp/${name}\n`));
    assert(page.split("\n").length < 80, `${name}: more than a screen`);
  }
});

test("a folder of packages/processes/ imports only itself and the floors below it", async () => {
  const folderOf = (path: string) =>
    path.split("/").length > 3 ? path.split("/")[2] : "";
  const floorOf = (path: string) =>
    PROCESSES_FLOORS.findIndex((folders) => folders.includes(folderOf(path)));
  await assertImports((imported, path) =>
    packageOf(path) !== "processes" || packageOf(imported) !== "processes" ||
    folderOf(path) === folderOf(imported) ||
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

for (
  const entry of [
    "exports/agent.ts",
    "exports/dynamic_supervisor.ts",
    "exports/gen_server.ts",
    "exports/partition_supervisor.ts",
    "exports/registry.ts",
    "exports/supervisor.ts",
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
  beam: "declares the Erlang terms of a function, and is a part of a node",
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
    [...UMBRELLA, "packages"].map(filesOf),
  );
  for (const path of rooms.flat()) {
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
  assert(reached.has("packages/node/node.ts") && !reached.has(SHELL_ON_DEMAND));
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
      "packages/servers/task/task_supervisor.ts",
    ]
  ) {
    const reached = [...await reachedFrom(entry, { later: false })];
    assertEquals(
      reached.filter((path) =>
        /^packages\/(?:node\/(?!pg\/)|observe\/|cluster\/)/
          .test(path)
      ),
      [],
      entry,
    );
  }
});

test("a node loads Task.Supervisor, pg and the server of EPMD when they are used", async () => {
  const reached = [
    ...await reachedFrom("packages/node/node.ts", { later: false }),
  ];
  assert(reached.includes("packages/epmd/epmd_registry.ts"));
  assertEquals(
    reached.filter((path) =>
      /\/task\/|\/pg_scope|epmd\/epmd_server/.test(path)
    ),
    [],
  );
});

test("a node alone loads no package above it, and a part only what it needs", async () => {
  const packagesOf = async (entry: string, later: boolean) => {
    const reached = await reachedFrom(entry, { later, without: UPWARD });
    const files = [...reached].filter((name) => name.endsWith(".ts"));
    return [...new Set(files.map(packageOf))].sort();
  };
  const node = ["epmd", "node", "processes", "servers"];
  assertEquals(await packagesOf("packages/node/mod.ts", true), node);
  // Nodes of Erlang take part in the names of the cluster, by code that is loaded with their wire.
  assertEquals(
    await packagesOf("packages/beam/part.ts", false),
    ["beam", "cluster", ...node, "observe"].sort(),
  );
  const beam = await reachedFrom("packages/beam/part.ts", { later: false });
  assertEquals(
    [...beam].filter((path) =>
      /^packages\/cluster\/(?!global\/global_view)|\/beam\/wire\/(?!beam_wire)/
        .test(path)
    ),
    [],
  );
  const shell = ["node", "processes", "shell"];
  assertEquals(await packagesOf("packages/shell/part.ts", true), shell);
  // Without these arrows, `later` alone decides whether a file is reached.
  assert((await packagesOf("node.ts", true)).includes("cluster"));
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

test("folders of a package import each other in no circle, types included", async () => {
  const placeOf = (path: string) =>
    /^packages\/\w+\/\w+(?=\/)/.exec(path)?.[0] ?? path;
  const folders: Graph = new Map();
  for (const [path, imports] of await wholeGraph()) {
    const from = placeOf(path);
    const known = folders.get(from) ?? new Set();
    for (const imported of imports) {
      if (packageOf(imported) !== packageOf(path)) continue;
      if (placeOf(imported) !== from) known.add(placeOf(imported));
    }
    folders.set(from, known);
  }
  assertEquals(circlesOf(folders), []);
});

test("every file of the packages is reached", async () => {
  const reached = await wholeGraph();
  const rooms = await Promise.all(
    [...UMBRELLA, "packages"].map(filesOf),
  );
  assertEquals(rooms.flat().filter((path) => !reached.has(path)), []);
});

test("the library does not use Deno", async () => {
  const wrong: string[] = [];
  const reached = await wholeGraph();
  for (const path of reached.keys()) {
    if (
      isAt(path, MAY_USE_DENO) ||
      path === ASKS_PERMISSIONS
    ) continue;
    if (/\bDeno\b/.test(bare(await Deno.readTextFile(join(ROOT, path))))) {
      wrong.push(path);
    }
  }
  assertEquals(wrong, []);
});
