/**
 * Writes the table that the shell's `h` reads, from the doc comments of what is in its scope:
 * `deno run --allow-read --allow-write tools/help_table.ts`.
 *
 * @module
 */

import { type Doc, docsOf } from "../shell/doc_comments.ts";

/** What is in scope of the shell, and where it is documented. */
const FILES: Record<string, string> = {
  IO: "io.ts",
  Node: "node.ts",
  Process: "process.ts",
  Task: "task.ts",
  TaskSupervisor: "task_supervisor.ts",
};

const ROOT = new URL("../", import.meta.url);

/** Where the table is. */
export const TABLE: URL = new URL("shell/help_table.ts", ROOT);

/** Makes the table's source. */
export async function helpTable(): Promise<string> {
  const docs: Record<string, Doc[]> = {};
  for (const [name, file] of Object.entries(FILES)) {
    const source = await Deno.readTextFile(new URL(file, ROOT));
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
