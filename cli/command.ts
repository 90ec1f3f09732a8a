/**
 * The command that starts a program, as its user would type it.
 *
 * @module
 */

import nodeProcess from "node:process";

/** How a program of this package is started, by the way the package came. */
export interface Commands {
  /** From a clone of the repository. */
  clone: string;
  /** From npm. */
  npm: string;
  /** From npm, run by Bun. */
  bun: string;
  /** From JSR. */
  jsr: string;
}

/**
 * Chooses the command.
 *
 * @param commands The command for each way.
 * @param url The URL of the program's main module.
 */
export function commandOf(commands: Commands, url: string): string {
  if (!url.startsWith("file:")) return commands.jsr;
  // Only the npm package is compiled.
  return url.endsWith(".js") || url.includes("/node_modules/")
    ? nodeProcess.versions.bun === undefined ? commands.npm : commands.bun
    : commands.clone;
}
