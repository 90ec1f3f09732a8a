/**
 * The surroundings of a test process: its own home, folder for temporary files, EPMD port and other ports.
 *
 * Concurrent tests, of this run and of others on the host, thus share no cookie file, EPMD or port. They share the
 * caches of packages.
 */

import { join } from "node:path";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { getAvailablePort } from "@std/net/get-available-port";
import { BLOCK, PORTS_FLAG } from "../../packages/testing/_ports.ts";
import { PATIENT_FLAG } from "../../packages/testing/_leaks.ts";

/** Files in the user's home that programs need to find packages and repositories. */
const LINKED = [".npmrc", ".gitconfig", ".bunfig.toml"];

/** The variable with a folder that all test files of a run share. */
export const RUN_FOLDER = "TEST_RUN_FOLDER";

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

/** The variables and flags of a test process, until it has ended. */
export interface Surroundings extends AsyncDisposable {
  readonly env: Record<string, string>;
  /** Flags of the harness. */
  readonly flags: readonly string[];
}

/** Makes the surroundings of a test process, which has these flags too; they are removed when they go out of scope. */
export async function makeSandbox(
  flags: readonly string[],
  runFolder: string,
): Promise<Surroundings> {
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
  const env: Record<string, string> = {
    HOME,
    TMPDIR,
    DENO_DIR,
    [RUN_FOLDER]: runFolder,
  };
  const before = Deno.env.get("HOME");
  if (before !== undefined) {
    for (const name of LINKED) {
      await Deno.symlink(join(before, name), join(HOME, name));
    }
    for (const [name, path] of Object.entries(CACHES)) {
      env[name] = Deno.env.get(name) ?? join(before, path);
    }
  }
  const block = await reservePorts();
  const { port } = block.address();
  env.ERL_EPMD_PORT = `${port}`;
  return {
    env,
    flags: [...flags, `${PORTS_FLAG}${port}`, PATIENT_FLAG],
    async [Symbol.asyncDispose]() {
      block.close();
      // A process that outlives its test may still write there.
      await Deno.remove(folder, { recursive: true }).catch(() => {});
    },
  };
}

/** The first port of the first block; processes without a block use ports below it. */
const FIRST = 20_000;
const BLOCKS = 200;

/**
 * Reserves a block of ports for one process of a run, which no other run on this host uses, and whose first port no
 * other program listens on.
 *
 * A run holds a block while it has a UDP socket on the block's first port. Tests use the block's ports for TCP, so the
 * socket costs them no port. The system closes the socket when the run ends, even if the run crashes. Returns the
 * socket. Throws an `Error` if all blocks are taken.
 */
async function reservePorts(): Promise<Socket> {
  const start = Math.floor(Math.random() * BLOCKS);
  for (let i = 0; i < BLOCKS; i++) {
    const port = FIRST + (start + i) % BLOCKS * BLOCK;
    const socket = createSocket("udp4");
    try {
      socket.bind({ port, address: "127.0.0.1", exclusive: true });
      await once(socket, "listening");
      // EPMD of the tests listens there.
      if (getAvailablePort({ preferredPort: port }) === port) return socket;
    } catch {
      // Another run has the block.
    }
    socket.close();
  }
  throw new Error(
    `Cannot reserve ports for a test file: all blocks from ${FIRST} to ${
      FIRST + BLOCKS * BLOCK - 1
    } are taken; end other runs of tests`,
  );
}
