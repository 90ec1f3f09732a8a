/** Which programs are installed. */

import { delimiter, join } from "node:path";

const missing = new Map<string, boolean>();

/** Whether a program is in no folder of the path that this user can read. */
export function isMissing(program: string): boolean {
  let known = missing.get(program);
  if (known === undefined) {
    const suffixes = Deno.build.os === "windows"
      ? [".exe", ".cmd", ".bat"]
      : [""];
    const folders = (Deno.env.get("PATH") ?? "").split(delimiter);
    known = !folders.some((folder) =>
      suffixes.some((suffix) => isProgram(join(folder, program + suffix)))
    );
    missing.set(program, known);
  }
  return known;
}

/** As a shell does, skips a folder that is closed to this user. */
function isProgram(path: string): boolean {
  try {
    return isFile(path);
  } catch (error) {
    // Deno names a refusal of the system so, and one by its own permissions NotCapable.
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
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
