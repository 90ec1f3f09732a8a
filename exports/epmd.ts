/**
 * EPMD as a program: the table of the node names of a machine.
 *
 * The first node of a machine serves EPMD in its event loop, if no `epmd` runs. If nodes compute for seconds at a time,
 * run this program, or Erlang's `epmd`, before them: `deno run --allow-net jsr:@otp/distribution/epmd`. With npm, it is
 * the command `otp-epmd`. `-help` lists the flags.
 *
 * @module
 */

export * from "@otp/epmd/main";

import { main } from "@otp/epmd/main";
import nodeProcess from "node:process";

if (import.meta.main) {
  nodeProcess.exitCode = await main(nodeProcess.argv.slice(2));
}
