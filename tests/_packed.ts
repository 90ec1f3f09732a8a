/** The packed package in a project of its own, with Node and Bun beside it. */

import { dirname, join } from "node:path";
import nodeProcess from "node:process";
import { pack } from "../tools/pack.ts";
import { RUN_FOLDER } from "../tools/test_runner/sandbox.ts";
import { Child } from "./_child.ts";

/** Each host is a package with a program for this machine, so that no script has to run at installation. */
const { platform, arch } = nodeProcess;
const NODE = `node-${platform === "win32" ? "win" : platform}-${arch}`;
const BUN = `@oven/bun-${platform}-${arch === "arm64" ? "aarch64" : arch}`;
const ESBUILD = `@esbuild/${platform}-${arch}`;

/** The package that {@linkcode Project.bundle} needs. */
export const BUNDLER: string = `${ESBUILD}@0.25`;

/** A runtime that npm offers; `"old node"` is a version that the package does not support. */
export type Host = "node" | "bun" | "old node";

/** The package of each host's program. */
const PACKAGES: Record<Host, string> = {
  node: `${NODE}@24`,
  "old node": `${NODE}@20`,
  bun: `${BUN}@1`,
};

const PROGRAMS: Record<Host, string> = {
  node: `${NODE}/bin/node`,
  "old node": `${NODE}/bin/node`,
  bun: `${BUN}/bin/bun`,
};

/** A file that esbuild wrote, as it describes it. */
interface Output {
  imports: { path: string; kind: string }[];
  inputs: Record<string, { bytesInOutput: number }>;
}

/** Installs packages into a folder. */
async function install(folder: string, names: string[]): Promise<void> {
  const manifest = '{"private":true,"type":"module"}';
  await Deno.writeTextFile(join(folder, "package.json"), manifest);
  const flags = ["--no-audit", "--no-fund", "--ignore-scripts"];
  await using npm = new Running("npm", ["install", ...flags, ...names], folder);
  if (await npm.ended !== 0) throw new Error(npm.output);
}

/**
 * Makes a file or a folder that all test files of a run share; while one makes it, the others wait. Without a run, it
 * is in `own`.
 */
async function shared(
  name: string,
  own: string,
  make: (path: string) => Promise<void>,
): Promise<string> {
  const path = join(Deno.env.get(RUN_FOLDER) ?? own, name);
  const options = { create: true, write: true };
  using lock = await Deno.open(`${path}.lock`, options);
  await lock.lock(true);
  const isThere = await Deno.stat(path).then(() => true, () => false);
  if (!isThere) {
    const unfinished = await Deno.makeTempDir({ dir: dirname(path) });
    await make(join(unfinished, name));
    await Deno.rename(join(unfinished, name), path);
  }
  return path;
}

/** A running program, and its output; killed when it goes out of scope. */
export class Running extends Child {
  /** Resolves with the exit code when it has ended. */
  readonly ended: Promise<number>;

  constructor(
    program: string,
    args: readonly string[],
    cwd: string,
    env?: Record<string, string>,
  ) {
    super(program, { args: [...args], cwd, env });
    this.ended = this.status.then(({ code }) => code);
  }
}

/** A project that has installed the package; removed when it goes out of scope. */
export class Project implements AsyncDisposable {
  readonly #folder: string;
  readonly #hosts = new Map<Host, string>();
  #packed = "";

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Packs the package, and installs it, hosts and further packages. */
  static async make(
    hosts: readonly Host[],
    packages: readonly string[],
  ): Promise<Project> {
    const project = new Project(await Deno.makeTempDir());
    try {
      const own = project.#folder;
      project.#packed = await shared(
        "package.tgz",
        own,
        (path) => pack(path, ["--allow-dirty"]),
      );
      for (const host of hosts) {
        const folder = await shared(host, own, async (path) => {
          await Deno.mkdir(path);
          await install(path, [PACKAGES[host]]);
        });
        project.#hosts.set(host, join(folder, "node_modules", PROGRAMS[host]));
      }
      await install(own, [project.#packed, ...packages]);
      return project;
    } catch (error) {
      await project[Symbol.asyncDispose]();
      throw error;
    }
  }

  get folder(): string {
    return this.#folder;
  }

  /** The package's tarball. */
  get packed(): string {
    return this.#packed;
  }

  /** A host's program. */
  program(host: Host): string {
    const program = this.#hosts.get(host);
    if (program === undefined) throw new Error(`${host} is not installed`);
    return program;
  }

  async write(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(join(this.#folder, name), text);
  }

  run(
    host: Host,
    args: readonly string[],
    env?: Record<string, string>,
  ): Running {
    return new Running(this.program(host), args, this.#folder, env);
  }

  /**
   * Bundles a program into `out/`, for Node.
   *
   * @returns The files of the package in the bundle's first file, and the files that import more when they are used.
   */
  async bundle(
    name: string,
    flags: readonly string[] = [],
  ): Promise<{ first: string[]; later: string[] }> {
    const program = join(this.#folder, "node_modules", ESBUILD, "bin/esbuild");
    await using esbuild = new Running(program, [
      name,
      "--bundle",
      "--format=esm",
      "--platform=node",
      "--target=node24",
      "--outdir=out",
      "--out-extension:.js=.mjs",
      "--metafile=out/meta.json",
      ...flags,
    ], this.#folder);
    if (await esbuild.ended !== 0) throw new Error(esbuild.output);
    const { outputs } = JSON.parse(
      await Deno.readTextFile(join(this.#folder, "out/meta.json")),
    ) as { outputs: Record<string, Output> };
    const first = new Set([`out/${name}`]);
    for (const path of first) {
      for (const { path: imported, kind } of outputs[path].imports) {
        if (kind === "import-statement" && imported in outputs) {
          first.add(imported);
        }
      }
    }
    const inputsOf = (paths: Iterable<string>) =>
      [...paths].flatMap((path) =>
        Object.entries(outputs[path].inputs)
          .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
          .map(([input]) => input.replace(/^.*@otp\/distribution\//, ""))
      );
    return {
      first: inputsOf(first),
      later: inputsOf(Object.keys(outputs).filter((path) => !first.has(path))),
    };
  }

  /** Runs a command that the package installs. */
  command(host: Host, name: string, args: readonly string[]): Running {
    return this.run(host, [`node_modules/.bin/${name}`, ...args]);
  }

  /** Runs the package's command line on Node or Bun. */
  chat(host: Host, args: readonly string[]): Running {
    return this.run(host, [
      "node_modules/@otp/distribution/chat/main.js",
      ...args,
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}
