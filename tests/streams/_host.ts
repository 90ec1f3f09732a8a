/** A program of a node that serves streams from PostgreSQL; `_cluster.ts` starts several. */

import postgres from "npm:postgres@^3";
import { Node, type NodeOptions } from "../../node.ts";
import { Entities, postgresStore } from "../../packages/entities/mod.ts";
import { Supervisor } from "../../packages/servers/supervisor/supervisor.ts";
import { streams, streamType } from "../../packages/streams/mod.ts";
import { until } from "../_until.ts";
import { LONG_POLL, withLongerLives } from "./_suite.ts";

/** The argument of the program. */
export interface HostOptions {
  node: NodeOptions;
  /** The address of the database. */
  store: string;
  /** The port of HTTP. */
  port: number;
}

const { node, store, port }: HostOptions = JSON.parse(Deno.args[0]);
await Node.start(node);
const sql = postgres(store, { max: 4, fetch_types: false, onnotice() {} });
const Stream = streamType();
await Supervisor.startLink([
  Entities.childSpec({
    types: [Stream],
    store: postgresStore((text, params) => sql.unsafe(text, params)),
    shards: 32,
    lease: 2000,
  }),
], { strategy: "one_for_one" });
const handle = withLongerLives(streams({
  entities: Stream,
  authorize: () => true,
  limits: { longPoll: LONG_POLL },
}));
const server = Deno.serve(
  { port, hostname: "127.0.0.1", onListen() {} },
  handle,
);
Node.onDrain(async () => {
  const ended = server.shutdown();
  await handle.close();
  await ended;
});
Node.drainOnSignal();
await until(async () => {
  const { isServing, shards } = await Entities.info(Node.self());
  return isServing && shards.length > 0;
});
console.log("up");
