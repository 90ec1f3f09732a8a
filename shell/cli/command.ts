/**
 * The command that starts a program, as a user types it.
 *
 * @module
 */

import nodeProcess from "node:process";

/** How to start a program of this package, for each source of the package. */
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
 * @param commands The command for each source.
 * @param url The URL of the program's main module.
 */
export function commandOf(commands: Commands, url: string): string {
  if (!url.startsWith("file:")) return commands.jsr;
  // Only the npm package is compiled.
  return url.endsWith(".js") || url.includes("/node_modules/")
    ? nodeProcess.versions.bun === undefined ? commands.npm : commands.bun
    : commands.clone;
}
