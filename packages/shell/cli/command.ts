/** The command that starts a program, as a user types it. */

import nodeProcess from "node:process";

/** The commands that start a program of this package: from a clone, from npm on Node.js and on Bun, and from JSR. */
type Commands = Record<"clone" | "npm" | "bun" | "jsr", string>;

/** Chooses the command by the URL of the program's main module. */
export function commandOf(commands: Commands, url: string): string {
  if (!url.startsWith("file:")) return commands.jsr;
  // Only the npm package is compiled.
  return url.endsWith(".js") || url.includes("/node_modules/")
    ? nodeProcess.versions.bun === undefined ? commands.npm : commands.bun
    : commands.clone;
}
