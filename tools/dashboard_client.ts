/**
 * Writes the code of the dashboard's page, as source text: `deno run --allow-read --allow-write tools/dashboard_client.ts`.
 *
 * It consists of the files of `observe/dashboard/client/`, without types and comments, so that browsers run it and a
 * user needs no build step.
 *
 * @module
 */

import { parse } from "acorn";
import { stripTypeScriptTypes } from "node:module";

const FOLDER = new URL("../observe/dashboard/client/", import.meta.url);

/** The file with the text. */
export const SOURCE: URL = new URL("../client_source.ts", FOLDER);

/** Code without types, comments and the white space around them; line ends are kept. */
function compacted(code: string): string {
  const plain = stripTypeScriptTypes(code);
  let text = "";
  let last = 0;
  parse(plain, {
    ecmaVersion: "latest",
    sourceType: "module",
    onToken: ({ start, end }) => {
      const gap = plain.slice(last, start);
      text += gap.includes("\n") ? "\n" : gap === "" ? "" : " ";
      text += plain.slice(start, end);
      last = end;
    },
  });
  return text.trim();
}

/** The content of the file. */
export async function clientSource(): Promise<string> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(FOLDER)) {
    if (name.endsWith(".ts")) names.push(name);
  }
  const files: Record<string, string[]> = {};
  for (const name of names.sort()) {
    const code = await Deno.readTextFile(new URL(name, FOLDER));
    files[`client/${name}`] = compacted(code).split("\n");
  }
  return `/**
 * The code of the dashboard's page, \`client/\`. Written by tools/dashboard_client.ts.
 *
 * @module
 */

// deno-fmt-ignore
const LINES: Record<string, string[]> = ${JSON.stringify(files, undefined, 1)};

/** JavaScript modules, by their path. */
export const CLIENT_SOURCE: Record<string, string> = Object.fromEntries(
  Object.entries(LINES).map(([path, lines]) => [path, lines.join("\\n")]),
);
`;
}

if (import.meta.main) await Deno.writeTextFile(SOURCE, await clientSource());
