/** Which programs are installed. */

import { delimiter, join } from "node:path";

const missing = new Map<string, boolean>();

/** Whether a program is in no folder of the path. */
export function isMissing(program: string): boolean {
  let known = missing.get(program);
  if (known === undefined) {
    const suffixes = Deno.build.os === "windows"
      ? [".exe", ".cmd", ".bat"]
      : [""];
    const folders = (Deno.env.get("PATH") ?? "").split(delimiter);
    known = !folders.some((folder) =>
      suffixes.some((suffix) => isFile(join(folder, program + suffix)))
    );
    missing.set(program, known);
  }
  return known;
}

export function isFile(path: string | URL): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory
    ) return false;
    throw error;
  }
}
