/** Starts a node with the options given as JSON, and prints the result. */

import process from "node:process";
import { Node } from "../../../node.ts";

let result: Record<string, unknown>;
try {
  const node = await Node.start({ log() {}, ...JSON.parse(process.argv[2]) });
  result = { started: node.name };
  await node.stop();
} catch (error) {
  const { name, code, message, cause } = error as Error & { code?: string };
  result = { name, code, message, cause: (cause as Error | undefined)?.name };
}
// An error that escapes `catch` does so in a later tick, and ends the program before the loop is empty.
process.once("beforeExit", () => console.log(JSON.stringify(result)));
