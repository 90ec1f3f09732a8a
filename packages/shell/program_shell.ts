/**
 * The shell of a program: lines of its terminal or standard input, which run here or on another node.
 */

import { fstatSync } from "node:fs";
import nodeProcess from "node:process";
import type { ProgramShell, SessionContext } from "./cli/run.ts";
import { Node } from "@otp/node/node";
import { outside } from "@otp/processes/context/async_context";
import { ShellClient } from "./shell_client.ts";
import { COLOURED, PLAIN, wantsNoColour } from "./colour.ts";
import { History } from "./history.ts";
import { PipedInput } from "./input.ts";
import { completeOtp, startOtpShell } from "./otp_shell.ts";
import { connectShell } from "./remote.ts";
import { ShellSession } from "./session.ts";
import { serve } from "./shell_server.ts";
import { Terminal } from "./terminal.ts";
import { Watchdog } from "./watchdog.ts";

export const shell: ProgramShell = {
  open,
  exports: (context) => ({
    serve: (
      client: Parameters<typeof serve>[0],
      token: Parameters<typeof serve>[1],
    ) => serve(client, token, context),
    start: (sync: unknown) => startOtpShell(context, sync),
    complete: completeOtp,
  }),
};

/** Opens a shell; returns the exit code, or nothing if there is no input to read. */
async function open(context: SessionContext): Promise<number | undefined> {
  if (context.remote === undefined && hasNoInput()) return undefined;
  return await context.run(async () => {
    const client = context.remote === undefined
      ? ShellClient.local(context)
      : await connectShell(context.remote, context.log);
    const isTerminal = nodeProcess.stdin.isTTY && nodeProcess.stdout.isTTY;
    const watchdog = isTerminal ? await Watchdog.start() : undefined;
    const terminal = isTerminal
      ? new Terminal(
        new History(),
        wantsNoColour() ? PLAIN : COLOURED,
        watchdog?.input,
      )
      : undefined;
    if (watchdog && terminal) watchdog.hasEnded = () => terminal.isAtPrompt;
    const input = terminal ?? new PipedInput();
    input.server = context.remote;
    context.onStop(async () => {
      input.close();
      await watchdog?.stop();
    });
    try {
      const where = () => context.remote ?? nameHere(context);
      return await new ShellSession(context, where, client, input).run();
    } finally {
      client.close();
      input.close();
    }
  });
}

/** The name of the node that lines run on, which a line may have started. */
function nameHere({ node }: SessionContext): string | undefined {
  if (node !== undefined) return node.name;
  return outside(() => Node.alive() ? Node.self() : undefined);
}

/** Whether standard input is the null device, as for a service. */
function hasNoInput(): boolean {
  try {
    return !nodeProcess.stdin.isTTY && fstatSync(0).isCharacterDevice();
  } catch {
    // Standard input is closed.
    return true;
  }
}
