/** A node of a cluster whose size is measured: `sizes_node.ts NAME`. It ends with its standard input. */

import { Cluster } from "../packages/cluster/discovery/cluster.ts";
import { Node } from "../node.ts";
import { Process } from "../packages/processes/process.ts";
import type { NodeFigures } from "./sizes.ts";

const node = await Node.start({
  name: Deno.args[0],
  cookie: "sizes",
  epmdPort: false,
  log() {},
});
console.log(node.port);

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
  .getReader();
const { seed, others } = JSON.parse((await lines.read()).value!);

function report(): void {
  const { sentBytes, failedDials } = Node.stats()!;
  const { rss: memory } = Deno.memoryUsage();
  const at = Date.now();
  const figures: NodeFigures = { sentBytes, failedDials, memory, at };
  console.log(JSON.stringify(figures));
}

await node.run(async () => {
  const nodes = [`127.0.0.1:${seed}`];
  await Cluster.startLink({
    topologies: { seed: { strategy: "static", nodes } },
  });
  while (Node.stats()!.connections < others) await Process.sleep(10);
  report();
  while (!(await lines.read()).done) report();
});
Deno.exit();
