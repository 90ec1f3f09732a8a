/**
 * Programs that are nodes: a command line, and a shell on a node.
 *
 * @module
 */

export * from "./cli/node_flags.ts";
export { type Program, run, runAndExit } from "./cli/run.ts";
export { shell } from "./program_shell.ts";
