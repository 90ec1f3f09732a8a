/** The packed package in a project of its own, with Node and Bun beside it. */

import { join } from "node:path";
import nodeProcess from "node:process";
import { pack } from "../tools/pack.ts";
import { Child } from "./_child.ts";

/** Each host is a package with a program for this machine, so that no script has to run at installation. */
const { platform, arch } = nodeProcess;
const NODE = `node-${platform === "win32" ? "win" : platform}-${arch}`;
const BUN = `@oven/bun-${platform}-${arch === "arm64" ? "aarch64" : arch}`;
const ESBUILD = `@esbuild/${platform}-${arch}`;

/** The package that {@linkcode Project.bundle} needs. */
export const BUNDLER: string = `${ESBUILD}@0.25`;

const OLD_NODE = "old-node";

/** A runtime that npm offers; `"old node"` is a version that the package does not support. */
export type Host = "node" | "bun" | "old node";

/** The package of each host's program. */
const PACKAGES: Record<Host, string> = {
  node: `${NODE}@24`,
  "old node": `${OLD_NODE}@npm:${NODE}@20`,
  bun: `${BUN}@1`,
};

const PROGRAMS: Record<Host, string> = {
  node: `${NODE}/bin/node`,
  "old node": `${OLD_NODE}/bin/node`,
  bun: `${BUN}/bin/bun`,
};

/** A file that esbuild wrote, as it describes it. */
interface Output {
  imports: { path: string; kind: string }[];
  inputs: Record<string, { bytesInOutput: number }>;
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
      await project.write("package.json", '{"private":true,"type":"module"}');
      await pack(join(project.#folder, "package.tgz"), ["--allow-dirty"]);
      const flags = ["--no-audit", "--no-fund", "--ignore-scripts"];
      const args = [
        "install",
        ...flags,
        "./package.tgz",
        ...hosts.map((host) => PACKAGES[host]),
        ...packages,
      ];
      await using npm = new Running("npm", args, project.#folder);
      if (await npm.ended !== 0) throw new Error(npm.output);
      return project;
    } catch (error) {
      await project[Symbol.asyncDispose]();
      throw error;
    }
  }

  get folder(): string {
    return this.#folder;
  }

  /** The folder of a host's program. */
  programs(host: Host): string {
    return join(this.#folder, "node_modules", PROGRAMS[host], "..");
  }

  async write(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(join(this.#folder, name), text);
  }

  run(
    host: Host,
    args: readonly string[],
    env?: Record<string, string>,
  ): Running {
    const program = join(this.#folder, "node_modules", PROGRAMS[host]);
    return new Running(program, args, this.#folder, env);
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
