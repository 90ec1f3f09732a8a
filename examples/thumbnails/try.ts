/** `deno task thumbnails [--dashboard]`: a web node and two workers on this machine, and what to try with them. */

import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const port = Deno.env.get("HTTP_PORT") ?? "8000";
const nodes = ["web@localhost", "worker-1@localhost", "worker-2@localhost"];
const dashboard = Deno.args.includes("--dashboard") ? "1" : "";
const cookieFile = await Deno.makeTempFile();
await Deno.writeTextFile(cookieFile, randomBytes(24).toString("base64url"));

const children = new Map<string, Deno.ChildProcess>();
let isStopping = false;

/** Starts a program, and starts it again whenever it ends, as systemd and Kubernetes do. */
async function keepUp(node: string): Promise<void> {
  const isWeb = node.startsWith("web");
  const program = new URL(isWeb ? "web.ts" : "worker.ts", import.meta.url);
  while (!isStopping) {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "-A", "--unstable-no-legacy-abort"],
        fileURLToPath(program),
        ...["--sname", node, "--cookie-file", cookieFile],
        ...["--cluster", nodes.join(","), "--allow-observe"],
      ],
      env: {
        HTTP_PORT: isWeb ? port : "",
        THREADS: "1",
        DASHBOARD: isWeb ? dashboard : "",
      },
      stdin: "null",
      detached: true, // Ctrl-C is for this program, which then stops the others in order.
    }).spawn();
    children.set(node, child);
    console.log(`${node} starts: process ${child.pid}`);
    const { code, signal } = await child.status;
    console.log(`${node} has ended: ${signal ?? `exit code ${code}`}`);
    if (!isStopping) await setTimeout(500);
  }
}

/** Has all programs drain, one after the other. */
async function stop(): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  for (const node of nodes) { // The web node still needs the workers.
    const child = children.get(node)!;
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
}

console.log(`
Open http://localhost:${port} when all are up. Try meanwhile:

  kill -9 PROCESS   A worker crashes. Its requests run on the other one.
  kill PROCESS      It finishes its work, and is started again: a rolling restart.
  Ctrl-C            Stops all, the web node first.
`);
const running = nodes.map(keepUp);
Deno.addSignalListener("SIGINT", stop);
Deno.addSignalListener("SIGTERM", stop);
