/**
 * A server of streams for `bench/streams.ts`, on Deno by `Deno.serve` and on Node by `node:http`: with SQLite on one node,
 * or as a node of a cluster with PostgreSQL. It prints its port when it serves.
 *
 * @module
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { Node, type NodeOptions } from "../node.ts";
import {
  Entities,
  postgresStore,
  sqliteStore,
} from "../packages/entities/mod.ts";
import { streams, streamType } from "../packages/streams/mod.ts";
import { Supervisor } from "../packages/servers/supervisor/supervisor.ts";

/** The argument of the program. */
export interface StreamServerOptions {
  /** The file of SQLite, or the address of PostgreSQL. */
  store: string;
  /** The port, or 0 for a free one. */
  port: number;
  /** The node, with PostgreSQL. */
  node?: NodeOptions;
}

const { store, port, node }: StreamServerOptions = JSON.parse(process.argv[2]);
const usual = {
  authorize: () => true,
  limits: { readersOfAddress: 100_000, sse: 3_600_000 },
};
const handle = node === undefined
  ? streams({ store: sqliteStore(store), ...usual })
  : streams({ entities: await startNode(node), ...usual });

if ("Deno" in globalThis) {
  const server = Deno.serve(
    { port, hostname: "127.0.0.1", onListen() {} },
    handle,
  );
  console.log(`port ${server.addr.port}`);
  if (node !== undefined) {
    Node.onDrain(async () => {
      const ended = server.shutdown();
      await handle.close();
      await ended;
    });
    Node.drainOnSignal();
  }
} else {
  const server = createServer(handle.node);
  server.listen(
    port,
    "127.0.0.1",
    () => console.log(`port ${(server.address() as AddressInfo).port}`),
  );
}

async function startNode(options: NodeOptions) {
  const { default: postgres } = await import("npm:postgres@^3");
  await Node.start(options);
  const sql = postgres(store, { max: 4, fetch_types: false, onnotice() {} });
  const Stream = streamType();
  await Supervisor.startLink([
    Entities.childSpec({
      types: [Stream],
      store: postgresStore((text, params) => sql.unsafe(text, params)),
      shards: 32,
      lease: 3000,
    }),
  ], { strategy: "one_for_one" });
  while (!(await Entities.info(Node.self())).isServing) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return Stream;
}
