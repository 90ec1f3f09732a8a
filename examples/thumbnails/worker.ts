/** The program of a worker node: `deno run -A worker.ts --sname worker@localhost --cluster web@localhost`. */

import { Node, Supervisor } from "@otp/distribution";
import { health } from "@otp/distribution/health";
import { nodeFlags } from "@otp/distribution/node-flags";
import { Workers } from "@otp/distribution/workers";
import { env } from "node:process";
import { serve, serveMetrics } from "./http.ts";

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
  await serve(Number(env.HTTP_PORT), (request, response) => {
    if (!probe(request, response)) response.writeHead(404).end();
  });
}
await serveMetrics();

console.log(`${node.name} is up`);
