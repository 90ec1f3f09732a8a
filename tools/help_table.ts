/**
 * The table that the shell's `h` reads, from the doc comments of the public modules: `deno task generate packages/shell/help_table.ts`.
 *
 * @module
 */

import * as names from "../mod.ts";
import {
  type Doc,
  docsOf,
  moduleTextOf,
} from "../packages/shell/doc_comments.ts";

/** Modules that a shell has in scope besides the modules of `mod.ts`, and their files. */
const OTHERS: Record<string, string> = {
  Cluster: "packages/cluster/discovery/cluster.ts",
  Dashboard: "packages/observe/dashboard/dashboard.ts",
  Observer: "packages/observe/observer.ts",
};

const library = { ...names, ...OTHERS };

const ROOT = new URL("../", import.meta.url);

/** A re-export from another file, and the class of a file with all its members. */
const FROM = /^export (?:\*|\{[^}]*\}) from "((?:\.|@otp\/)[^"]+)";/gm;
const CLASS = /^export class ([\w$]+)[^]*?^\}$/gm;

/** Returns the table's source, for each function, class and static function that a shell has in scope. */
export async function helpTable(): Promise<string> {
  const docs: Record<string, Doc[]> = {};
  const files = ["mod.ts", ...Object.values(OTHERS)];
  const sources = await Promise.all(
    files.map((file) => sourcesFrom(new URL(file, ROOT))),
  );
  for (const source of sources.flat()) {
    for (const [text, name] of source.matchAll(CLASS)) {
      if (!(name in library)) continue;
      docs[name] = [{ signature: name, text: moduleTextOf(source, name) }];
      for (const [key, value] of Object.entries(docsOf(text))) {
        docs[`${name}.${key}`] = value;
      }
    }
    for (
      const [key, value] of Object.entries(docsOf(source.replace(CLASS, "")))
    ) {
      if (key in library) docs[key] = value;
    }
  }
  const lines = Object.entries(docs).sort(([a], [b]) => a < b ? -1 : 1)
    .map(([name, found]) =>
      `  ${JSON.stringify(name)}: ${JSON.stringify(found)},\n`
    );
  return `/**
 * The doc comments of the library, for the shell's \`h\`. Written by tools/generate.ts.
 *
 * @module
 */

import type { Doc } from "./doc_comments.ts";

/** The entries, by the names that the shell has in scope. */
// deno-fmt-ignore
export const HELP: Record<string, Doc[]> = {
${lines.join("")}};
`;
}

/** The text of a file, and of every file that it re-exports. */
async function sourcesFrom(
  file: URL,
  seen: Set<string> = new Set(),
): Promise<string[]> {
  if (seen.has(file.href)) return [];
  seen.add(file.href);
  const source = await Deno.readTextFile(file);
  const others = [...source.matchAll(FROM)].map(([, path]) =>
    sourcesFrom(
      new URL(
        import.meta.resolve(
          path.startsWith(".") ? new URL(path, file).href : path,
        ),
      ),
      seen,
    )
  );
  return [source, ...(await Promise.all(others)).flat()];
}
