/**
 * The code of the dashboard's page, as source text: `deno task generate packages/observe/dashboard/client_source.ts`.
 *
 * It consists of the files of `packages/observe/dashboard/client/`, without types and comments, so that browsers run it and a
 * user needs no build step.
 *
 * @module
 */

import { stripTypeScriptTypes } from "node:module";
import { compact } from "./_compact.ts";

const FOLDER = new URL(
  "../packages/observe/dashboard/client/",
  import.meta.url,
);

/** The content of the file. */
export async function clientSource(): Promise<string> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(FOLDER)) {
    if (name.endsWith(".ts")) names.push(name);
  }
  const files: Record<string, string> = {};
  for (const name of names.sort()) {
    const code = await Deno.readTextFile(new URL(name, FOLDER));
    files[`client/${name}`] = compact(stripTypeScriptTypes(code));
  }
  return `/**
 * The code of the dashboard's page, \`client/\`. Written by tools/generate.ts.
 *
 * @module
 */

/** JavaScript modules, by their path. */
// deno-fmt-ignore
export const CLIENT_SOURCE: Record<string, string> = ${
    JSON.stringify(files, undefined, 2)
  };
`;
}
