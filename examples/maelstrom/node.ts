#!/usr/bin/env -S deno run --quiet -A
/** A node under Maelstrom, which starts several and speaks with each by its standard input and output. */

import { Node } from "@otp/distribution";
import { basename, join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { serve } from "./protocol.ts";
import { failureOf, WORKLOADS } from "./workloads.ts";

const [name] = process.argv.slice(2);
const { FOLDER } = process.env;
if (!Object.hasOwn(WORKLOADS, name ?? "")) {
  throw new Error(
    `Cannot start: ${name} is no workload; end the command with -- and one of ${
      Object.keys(WORKLOADS).join(", ")
    }`,
  );
}
if (!FOLDER) {
  throw new Error(
    "Cannot start: FOLDER is not set; set it to a new folder, the same one for all nodes of a run",
  );
}
const { start, handlers } = WORKLOADS[name];

await serve(
  createInterface({ input: process.stdin }),
  (line) => void process.stdout.write(`${line}\n`),
  async ({ node_id, node_ids }) => {
    // Another run on this machine has other names.
    const nodes = node_ids.map((id) => `${id}-${basename(FOLDER)}@localhost`);
    await Node.start({
      name: nodes[node_ids.indexOf(node_id)],
      cluster: { maelstrom: { strategy: "static", nodes } },
      // The standard output is Maelstrom's.
      io: { write: (text) => void process.stderr.write(text) },
      log: ({ level, message }) => console.error(`${level}: ${message}`),
    });
    await start({ nodes, store: join(FOLDER, "entities.db") });
    return Object.fromEntries(
      Object.entries(handlers).map(([type, handler]) => [
        type,
        (body) => Node.run(() => handler(body)), // a process for each request
      ]),
    );
  },
  failureOf,
);
process.exit(0);
