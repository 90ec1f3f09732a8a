/** The output of a shell's commands. */

import { IO } from "@otp/node/io/io";

/** The value of a command that has printed all that it has to say: the shell shows no value after it. */
export const PRINTED: unique symbol = Symbol("printed");

/** Prints text, as the whole result of a command. */
export async function printed(text: string): Promise<typeof PRINTED> {
  await IO.puts(text);
  return PRINTED;
}
