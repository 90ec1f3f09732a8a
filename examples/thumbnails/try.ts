/** `deno task thumbnails [--dashboard]`: a web node and two workers on this machine, and what to try with them. */

import { argv, env } from "node:process";
import { keepUp } from "../keep_up.ts";

const port = env.HTTP_PORT ?? "8000";
const dashboard = argv.includes("--dashboard") ? "1" : "";
const web = new URL("web.ts", import.meta.url);
const worker = new URL("worker.ts", import.meta.url);
const workerEnv = { HTTP_PORT: "", METRICS_PORT: "", THREADS: "1" };

console.log(`
Open http://localhost:${port} when all are up. Try meanwhile:

  kill -9 PROCESS   A worker crashes. Its requests run on the other one.
  kill PROCESS      It finishes its work, and is started again: a rolling restart.
  Ctrl-C            Stops all, the web node first.
`);
await keepUp([ // The web node stops first: it still needs the workers.
  {
    node: "web@localhost",
    file: web,
    env: { HTTP_PORT: port, DASHBOARD: dashboard },
  },
  { node: "worker-1@localhost", file: worker, env: workerEnv },
  { node: "worker-2@localhost", file: worker, env: workerEnv },
]);
