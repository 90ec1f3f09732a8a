/**
 * The command that starts the running program, for errors that suggest it. A user's own program has none.
 *
 * @module
 */

let command: string | undefined;

/** Sets the command, to which flags can be added; `undefined` in any other program. */
export function setStartCommand(given: string | undefined): void {
  command = given;
}

/** How to start a node, for the end of an error that it is not registered. */
export function howToStart(node: string): string {
  return command === undefined
    ? "start the node, or check its name and cookie"
    : `\`${command} --sname ${node}\` starts one`;
}
