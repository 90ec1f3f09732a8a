/**
 * Writes the table that the shell's `h` reads, from the doc comments of what is in its scope:
 * `deno run --allow-read --allow-write tools/help_table.ts`.
 *
 * @module
 */

import { type Doc, docsOf, moduleTextOf } from "../shell/doc_comments.ts";

/** What is in scope of the shell, and where it is documented. */
const FILES: Record<string, string[]> = {
  Agent: ["agent.ts"],
  Application: ["application.ts"],
  DynamicSupervisor: ["dynamic_supervisor.ts"],
  GenServer: ["gen_server.ts"],
  IO: ["io.ts"],
  Node: ["node.ts"],
  Process: [
    "process.ts",
    "process_dictionary.ts",
    "process_info.ts",
    "timers.ts",
  ],
  Registry: ["registry.ts"],
  Supervisor: ["supervisor.ts"],
  Task: ["task.ts"],
  TaskSupervisor: ["task_supervisor.ts"],
  global: ["global.ts"],
  pg: ["pg.ts"],
  rpc: ["rpc.ts"],
};

const ROOT = new URL("../", import.meta.url);

/** Where the table is. */
export const TABLE: URL = new URL("shell/help_table.ts", ROOT);

/** Makes the table's source. */
export async function helpTable(): Promise<string> {
  const docs: Record<string, Doc[]> = {};
  for (
    const [name, file] of Object.entries(FILES).flatMap(([name, files]) =>
      files.map((file) => [name, file])
    )
  ) {
    const source = await Deno.readTextFile(new URL(file, ROOT));
    docs[name] ??= [{ signature: name, text: moduleTextOf(source, name) }];
    for (const [key, value] of Object.entries(docsOf(source))) {
      docs[`${name}.${key}`] = value;
    }
  }
  return `/**
 * What the library's doc comments say, for the shell's \`h\`. Written by tools/help_table.ts.
 *
 * @module
 */

import type { Doc } from "./doc_comments.ts";

/** By the names that the shell has in scope. */
// deno-fmt-ignore
export const HELP: Record<string, Doc[]> = ${JSON.stringify(docs, null, 2)};
`;
}

if (import.meta.main) await Deno.writeTextFile(TABLE, await helpTable());
