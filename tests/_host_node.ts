/** A node on a host of `_hosts.ts`, which prints the nodes that it is connected to, and the state of its cluster. */

import {
  Cluster,
  type ClusterMessage,
} from "../packages/cluster/discovery/cluster.ts";
import { Node, type NodeOptions } from "../node.ts";
import { receive } from "../packages/processes/process.ts";

// It ends with its input, so that it does not outlive a test run that is killed.
Deno.stdin.readable.pipeTo(new WritableStream()).finally(() => Deno.exit());

const options: NodeOptions = JSON.parse(Deno.args[0]);
const node = await Node.start({ ...options, log() {} });
await node.run(async () => {
  Node.monitorNodes(true);
  await Cluster.subscribe();
  for (;;) {
    await print({ list: Node.list().sort() });
    await print({ info: await Cluster.info() });
    await receive((m: ClusterMessage | { type: "nodeup" | "nodedown" }) =>
      ["cluster", "nodeup", "nodedown"].includes(m.type)
    );
  }
});

async function print(value: unknown): Promise<void> {
  await Deno.stdout.write(
    new TextEncoder().encode(`${JSON.stringify(value)}\n`),
  );
}
