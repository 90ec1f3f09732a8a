/** The program of a worker node: `deno run -A worker.ts --sname worker@localhost --cluster web@localhost`. */

import { Node, Supervisor } from "@otp/distribution";
import { health } from "@otp/distribution/health";
import { metrics } from "@otp/distribution/metrics";
import { nodeFlags } from "@otp/distribution/node-flags";
import { Workers } from "@otp/distribution/workers";
import { env } from "node:process";

const options = nodeFlags();
const node = await Node.start(options);
Node.drainOnSignal(); // SIGTERM: finish what runs, then exit

await Supervisor.startLink([
  Workers.childSpec({
    module: new URL("./thumbs.ts", import.meta.url),
    moduleName: "Thumbs",
    count: env.THREADS ? Number(env.THREADS) : undefined,
    port: options.port ? options.port + 1 : 0,
  }),
], { strategy: "one_for_one" });

if (env.HTTP_PORT) {
  const probe = health();
  const measures = metrics();
  Deno.serve(
    {
      hostname: env.HTTP_HOST ?? "127.0.0.1",
      port: Number(env.HTTP_PORT),
      onListen() {},
    },
    (request) =>
      probe(request) ?? measures(request) ??
        new Response("not found", { status: 404 }),
  );
}

console.log(`${node.name} is up`);
