/**
 * Packs an npm tarball: `deno task pack FILE`, with flags of `deno pack` before the file.
 *
 * `deno pack` creates it, and this tool completes it: the tarball then needs nothing from JSR, has a
 * version where the sources read theirs from `deno.json`, has no comments and source maps beside its types, and installs
 * the commands `otp-chat` and `otp-epmd`.
 */

import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "npm:typescript@^5";
import {
  manifestFields,
  PROJECT,
  SIDE_EFFECTS,
  withAbsoluteLinks,
} from "./release.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The import from JSR in compiled code, perhaps behind a comment. */
const FROM_JSR = /^(.*\*\/ )?(import .* from )"@std\/(\w+)\/([\w-]+)"/gm;

/** The specifier of another package of the workspace, in compiled code or in declarations. */
const FROM_PACKAGE = /((?:from|import\(?) ?)"@otp\/(\w+)(\/[\w\/]+)?"/g;

/** A declaration that older versions of Node.js cannot parse. */
const USING = /^\s*(?:await )?using \w+ =/m;

/** The import from which the sources read their version. */
const FROM_CONFIG = /^(import config from "(?:\.\.\/)+)deno\.json"/gm;

/** The oldest Node.js that the package runs on. */
const NODE = "24.2";

/** Checks the host before anything else of the package is evaluated. */
const HOST_CHECK_FILE = "host_check.js";

const HOST_CHECK =
  `// The other modules use what older versions of Node.js lack.
const { bun, deno, node } = globalThis.process?.versions ?? {};
const [major, minor] = (node ?? "").split(".").map(Number);
const [least, lesser] = [${NODE.split(".").join(", ")}];
if (
  bun === undefined && deno === undefined && globalThis.Deno === undefined &&
  !(major > least || (major === least && minor >= lesser))
) {
  throw new Error(
    \`Cannot load @otp/distribution: it needs Node.js ${NODE} or later, Deno 2.9 or Bun 1.3, and this is Node.js \${node}\`,
  );
}
`;

/** The fields of `package.json` that `deno pack` does not write. */
const FIELDS = {
  ...manifestFields(PROJECT),
  bin: { "otp-chat": "./chat/main.js", "otp-epmd": "./exports/epmd.js" },
  engines: { node: `>=${NODE}`, bun: ">=1.3" },
  sideEffects: [HOST_CHECK_FILE, ...SIDE_EFFECTS]
    .map((path) => `./${path.replace(/ts$/, "js")}`),
};

/** Packages that only one module each needs: users of the module install its package. */
const OPTIONAL = ["@logtape/logtape", "@opentelemetry/api"];

/** The dependencies of a manifest, and those that are optional. */
function dependenciesOf(all: Record<string, string>): Record<string, unknown> {
  const isOptional = ([name]: [string, unknown]) => OPTIONAL.includes(name);
  const entries = Object.entries(all);
  const peers = entries.filter(isOptional);
  return {
    dependencies: Object.fromEntries(
      entries.filter((each) => !isOptional(each)),
    ),
    peerDependencies: Object.fromEntries(peers),
    peerDependenciesMeta: Object.fromEntries(
      peers.map(([name]) => [name, { optional: true }]),
    ),
  };
}

async function run(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
  }).output();
  if (success) return;
  const decoder = new TextDecoder();
  throw new Error(
    `Cannot pack: ${program} ${args.join(" ")} failed:\n${
      decoder.decode(stdout)
    }${decoder.decode(stderr)}`,
  );
}

/** The files in a folder with a given suffix. */
async function* filesIn(folder: string, end: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* filesIn(path, end);
    else if (name.endsWith(end)) yield path;
  }
}

/** Replaces the specifiers of packages of the workspace by the paths of their files, which the tarball has. */
async function joinPackages(folder: string): Promise<void> {
  const exportsOf = new Map<string, Record<string, string>>();
  for await (const { name } of Deno.readDir(join(ROOT, "packages"))) {
    const config = join(ROOT, "packages", name, "deno.json");
    exportsOf.set(name, JSON.parse(await Deno.readTextFile(config)).exports);
  }
  for (const end of [".js", ".d.ts"]) {
    for await (const file of filesIn(folder, end)) {
      const code = await Deno.readTextFile(file);
      const whole = code.replace(
        FROM_PACKAGE,
        (written, before, name, path = "") => {
          const to = exportsOf.get(name)?.[`.${path}`];
          if (to === undefined) return written;
          const target = join(folder, "packages", name, to)
            .replace(/ts$/, "js");
          const way = relative(dirname(file), target).replaceAll("\\", "/");
          return `${before}"${way.startsWith(".") ? way : `./${way}`}"`;
        },
      );
      if (whole !== code) await Deno.writeTextFile(file, whole);
    }
  }
}

async function completeCode(folder: string): Promise<void> {
  await joinPackages(folder);
  for await (const file of filesIn(folder, ".js")) {
    const code = await Deno.readTextFile(file);
    const whole = code
      .replace(FROM_JSR, (_line, head = "", rest, pack, name) => {
        const stand = `tools/offline_std/${pack}/${name.replaceAll("-", "_")}`;
        const path = relative(dirname(file), join(folder, `${stand}.js`));
        return `${head}${rest}"./${path.replaceAll("\\", "/")}"`;
      })
      .replace(FROM_CONFIG, '$1package.json"');
    await Deno.writeTextFile(file, readable(whole));
  }
}

/**
 * Code without comments, which editors show from the `.d.ts` files and bundlers would copy; and without `using`, which
 * older versions of Node.js cannot parse: they would show a syntax error before the check of the host is evaluated.
 */
function readable(code: string): string {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      removeComments: true,
      target: USING.test(code)
        ? ts.ScriptTarget.ES2022
        : ts.ScriptTarget.ESNext,
      verbatimModuleSyntax: true,
    },
  });
  return outputText;
}

/** A file of the umbrella that only re-exports a file of a package. */
const RE_EXPORT = /^export \* from "([^"]+)";\s*$/;

/**
 * Makes the manifest name the files of the packages themselves. Behind a file that only re-exports, esbuild does not
 * initialise a module that is also imported later, because the manifest says that loading the file does nothing.
 */
async function exportFilesOfPackages(folder: string): Promise<void> {
  const path = join(folder, "package.json");
  const manifest = JSON.parse(await Deno.readTextFile(path));
  for (
    const each of Object.values<Record<string, string>>(manifest.exports)
  ) {
    const entry = await Deno.readTextFile(join(folder, each.default));
    const [, target] = RE_EXPORT.exec(entry) ?? [];
    if (target === undefined) continue;
    const file = `./${
      join(dirname(each.default), target).replaceAll("\\", "/")
    }`;
    each.types = file.replace(/js$/, "d.ts");
    each.import = each.default = file;
  }
  await Deno.writeTextFile(path, JSON.stringify(manifest));
}

/**
 * Declares the class `Node` in the file that imports the parts of nodes. Bundlers pass by a file that only re-exports, and
 * would drop its import of the parts, while a file that acts would keep the parts in programs without a node.
 */
async function declareNode(folder: string): Promise<void> {
  const path = join(folder, "node.js");
  const code = await Deno.readTextFile(path);
  const own = `import { Node as NodeOfPackage } from "./packages/node/node.js";
export const Node = NodeOfPackage;
`;
  await Deno.writeTextFile(path, code + own);
}

/** The public module for browsers, which it could not load behind the check of the host. */
const FOR_BROWSERS = "./channels/client";

/** Makes each public module check the host first. */
async function addHostCheck(folder: string): Promise<void> {
  await Deno.writeTextFile(join(folder, HOST_CHECK_FILE), HOST_CHECK);
  const { exports } = JSON.parse(
    await Deno.readTextFile(join(folder, "package.json")),
  );
  const entries = Object.entries<{ default: string }>(exports);
  for (const [name, { default: path }] of entries) {
    if (name === FOR_BROWSERS) continue;
    const file = join(folder, path);
    const check = relative(dirname(file), join(folder, HOST_CHECK_FILE));
    const specifier = `./${check.replaceAll("\\", "/")}`;
    const code = await Deno.readTextFile(file);
    await Deno.writeTextFile(file, `import "${specifier}";\n${code}`);
  }
}

async function completeManifest(folder: string): Promise<void> {
  const path = join(folder, "package.json");
  const { name, version, dependencies, ...rest } = JSON.parse(
    await Deno.readTextFile(path),
  );
  const whole = {
    name,
    version,
    ...FIELDS,
    ...rest,
    ...dependenciesOf(dependencies),
  };
  await Deno.writeTextFile(path, JSON.stringify(whole, undefined, 2) + "\n");
  const readme = join(folder, "README.md");
  await Deno.writeTextFile(
    readme,
    withAbsoluteLinks(await Deno.readTextFile(readme), PROJECT),
  );
  for (const program of Object.values(FIELDS.bin)) {
    const main = join(folder, program);
    const code = await Deno.readTextFile(main);
    await Deno.writeTextFile(main, `#!/usr/bin/env node\n${code}`);
  }
}

/**
 * Packs the tarball.
 *
 * @param file The path of the tarball.
 * @param flags Flags of `deno pack`.
 */
export async function pack(
  file: string,
  flags: readonly string[] = [],
): Promise<void> {
  const scratch = await Deno.makeTempDir();
  try {
    const first = join(scratch, "first.tgz");
    const args = [
      "pack",
      "--quiet",
      "--no-source-maps",
      ...flags,
      `--output=${first}`,
    ];
    await run(Deno.execPath(), args, ROOT);
    await run("tar", ["xzf", first], scratch);
    const folder = join(scratch, "package");
    await completeCode(folder);
    await exportFilesOfPackages(folder);
    await declareNode(folder);
    await addHostCheck(folder);
    await completeManifest(folder);
    await run("tar", ["czf", resolve(file), "package"], scratch);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

const HELP = `Usage: deno task pack [flags of deno pack] FILE

Packs the npm tarball, of a tree without changes; of any with --allow-dirty.`;

if (import.meta.main) {
  const file = Deno.args.at(-1);
  if (file === undefined || file.startsWith("-")) {
    console.error(HELP);
    Deno.exit(file === "--help" || file === "-h" ? 0 : 2);
  }
  try {
    await pack(file, Deno.args.slice(0, -1));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
