/**
 * The surroundings of a test process: its own home, folder for temporary files, EPMD port and other ports.
 *
 * Concurrent tests, of this run and of others on the host, thus share no cookie file, EPMD or port. They share the
 * caches of packages.
 */

import { join } from "node:path";
import { PortBlock } from "./_port_blocks.ts";

/** Files in the user's home that programs need to find packages and repositories. */
const LINKED = [".npmrc", ".gitconfig", ".bunfig.toml"];

/** Caches below the user's home, by the variables that name them. */
const CACHES: Record<string, string> = {
  npm_config_cache: ".npm",
  BUN_INSTALL_CACHE_DIR: ".bun/install/cache",
};

let denoDir: Promise<string> | undefined;

/** The folder of Deno's cache, which depends on the user's home. */
async function findDenoDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-config"],
    stdin: "null",
    stderr: "null",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

/** The surroundings of a test process; removed when it goes out of scope. */
export class Sandbox implements AsyncDisposable {
  /** The variables of the process. */
  readonly env: Record<string, string>;
  /** The first port of its block. */
  readonly ports: number;
  readonly #folder: string;
  readonly #block: PortBlock;

  private constructor(
    folder: string,
    block: PortBlock,
    env: Record<string, string>,
  ) {
    this.#folder = folder;
    this.#block = block;
    this.ports = block.first;
    this.env = env;
  }

  static async make(): Promise<Sandbox> {
    denoDir ??= findDenoDir();
    const DENO_DIR = await denoDir;
    // The paths of sockets below it must be short.
    const folder = await Deno.makeTempDir({ prefix: "otp-" });
    const HOME = join(folder, "home");
    const TMPDIR = join(folder, "tmp");
    await Deno.mkdir(HOME);
    await Deno.mkdir(TMPDIR);
    // Let programs that run as another user reach files that tests create for them, as in /tmp.
    for (const path of [folder, TMPDIR]) await Deno.chmod(path, 0o711);
    const env: Record<string, string> = { HOME, TMPDIR, DENO_DIR };
    const before = Deno.env.get("HOME");
    if (before !== undefined) {
      for (const name of LINKED) {
        await Deno.symlink(join(before, name), join(HOME, name));
      }
      for (const [name, path] of Object.entries(CACHES)) {
        env[name] = Deno.env.get(name) ?? join(before, path);
      }
    }
    const block = await PortBlock.reserve();
    return new Sandbox(folder, block, {
      ...env,
      ERL_EPMD_PORT: `${block.first}`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#block.release();
    // A process that outlives its test may still write there.
    await Deno.remove(this.#folder, { recursive: true }).catch(() => {});
  }
}
