/**
 * Runs the nodes of an example as programs of this machine, each again whenever it ends, as systemd and Kubernetes do.
 * They run on the host of this program, Deno or Node.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** The program of a node. */
export interface NodeProgram {
  /** The name of the node. */
  node: string;
  /** Its file. */
  file: URL;
  /** Its settings. */
  env: Record<string, string>;
}

const RUN = process.versions.deno ? ["run", "--quiet", "-A"] : [];

/** Starts all programs as one cluster. Ctrl-C and SIGTERM drain them, one after the other, and end this program. */
export async function keepUp(programs: NodeProgram[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "nodes-")); // for this user only
  const cookieFile = join(folder, "cookie");
  const cookie = randomBytes(24).toString("base64url");
  await writeFile(cookieFile, cookie, { mode: 0o600 });
  const cluster = programs.map(({ node }) => node).join(",");
  const children = new Map<string, ChildProcess>();
  let isStopping = false;

  const running = programs.map(async ({ node, file, env }) => {
    while (!isStopping) {
      const child = spawn(process.execPath, [
        ...[...RUN, fileURLToPath(file)],
        ...["--sname", node, "--cookie-file", cookieFile],
        ...["--cluster", cluster, "--allow-observe"],
      ], {
        env: { ...process.env, ...env },
        stdio: ["ignore", "inherit", "inherit"],
        detached: true, // Ctrl-C is for this program, which then stops the others in order.
      });
      children.set(node, child);
      console.log(`${node} starts: process ${child.pid}`);
      const [code, signal] = await once(child, "exit");
      children.delete(node);
      console.log(`${node} has ended: ${signal ?? `exit code ${code}`}`);
      if (!isStopping) await setTimeout(500);
    }
  });

  const stop = async () => {
    if (isStopping) return;
    isStopping = true;
    for (const child of [...children.values()]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, "exit");
      process.kill(child.pid!, "SIGTERM");
      await ended;
    }
    await Promise.all(running);
    await rm(folder, { recursive: true });
    process.exit(0);
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}
