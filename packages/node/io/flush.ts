/** Prints the mailbox of the calling process. */

import { never, waitingProcess } from "@otp/processes/runtime/current_process";
import { IO } from "./io.ts";

/**
 * Prints and removes all messages in the mailbox, as in iex.
 *
 * @example Usage
 * ```ts
 * import { flush, self, send } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * send(self(), "sup?");
 * assertEquals(await flush(), "ok"); // prints "sup?"
 * ```
 */
export async function flush(): Promise<"ok"> {
  const process = waitingProcess();
  if (process === undefined) return never();
  for (
    let mail = process.mailbox.take(undefined);
    mail !== undefined;
    mail = process.mailbox.take(undefined)
  ) await IO.inspect(mail.message);
  return "ok";
}
