/** A program that logs more than anyone reads, and then prints that it is done. */

import nodeProcess from "node:process";
import { standardLog } from "../../../node.ts";

const [count, size] = nodeProcess.argv.slice(2).map(Number);
for (let i = 0; i < count; i++) {
  standardLog({ level: "error", node: "n@h", message: "x".repeat(size) });
}
nodeProcess.stdout.write("done\n");
