/**
 * The command that starts the running program, for errors that suggest it. A user's own program has no such command.
 */

let command: string | undefined;

/** Sets the command, to which flags can be added; `undefined` for a user's own program. */
export function setStartCommand(given: string | undefined): void {
  command = given;
}

/** Suggests how to start a node, at the end of an error about an unregistered node. */
export function howToStart(node: string): string {
  return command === undefined
    ? "start the node, or check its name"
    : `\`${command} --sname ${node}\` starts one`;
}
