/** Runs the nodes of an example as programs of this machine, each again whenever it ends, as systemd and Kubernetes do. */

import { randomBytes } from "node:crypto";
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

/** Starts all programs as one cluster. Ctrl-C and SIGTERM drain them, one after the other, and end this program. */
export async function keepUp(programs: NodeProgram[]): Promise<void> {
  const cookieFile = await Deno.makeTempFile();
  await Deno.writeTextFile(cookieFile, randomBytes(24).toString("base64url"));
  const cluster = programs.map(({ node }) => node).join(",");
  const children = new Map<string, Deno.ChildProcess>();
  let isStopping = false;

  const running = programs.map(async ({ node, file, env }) => {
    while (!isStopping) {
      const child = new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--quiet", "-A", "--unstable-no-legacy-abort"],
          fileURLToPath(file),
          ...["--sname", node, "--cookie-file", cookieFile],
          ...["--cluster", cluster, "--allow-observe"],
        ],
        env,
        stdin: "null",
        detached: true, // Ctrl-C is for this program, which then stops the others in order.
      }).spawn();
      children.set(node, child);
      console.log(`${node} starts: process ${child.pid}`);
      const { code, signal } = await child.status;
      console.log(`${node} has ended: ${signal ?? `exit code ${code}`}`);
      if (!isStopping) await setTimeout(500);
    }
  });

  const stop = async () => {
    if (isStopping) return;
    isStopping = true;
    for (const child of children.values()) {
      try {
        child.kill("SIGTERM");
      } catch {
        // It has ended.
      }
      await child.status;
    }
    await Promise.all(running);
    await Deno.remove(cookieFile);
    Deno.exit(0);
  };
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
}
