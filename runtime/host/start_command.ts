/**
 * The command that starts the program that runs, so that an error can name it: no command can be
 * advised in a program of the user's own.
 *
 * @module
 */

let command: string | undefined;

/** Sets the command, to which flags can be added; `undefined` in any other program. */
export function setStartCommand(given: string | undefined): void {
  command = given;
}

/** How to start a node, at the end of the error that there is none of its name. */
export function howToStart(node: string): string {
  return command === undefined
    ? "start the node, or check its name and cookie"
    : `\`${command} --sname ${node}\` starts one`;
}
