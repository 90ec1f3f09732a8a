/** The lesson's Kate, for `--module Kate=./chat/kate.ts`. */

import { IO } from "@otp/node/io/io";

/** Prints Kate's name. */
export function sayName(): Promise<"ok"> {
  return IO.puts("Hi, my name is Kate");
}
