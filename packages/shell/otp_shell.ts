/**
 * A shell here for a terminal of Erlang: `iex --remsh` and `erl -remsh`.
 *
 * OTP's program calls `iex:start/2` or `shell:start/0` on this node and gets the pid of the shell, to which its terminal
 * links. The terminal is the group leader of the call, so the shell reads lines and prints by plain I/O requests.
 *
 * - `iex` first runs its own code at the other node: the shell sends `{begin, Ref, Shell}` and waits for `{done, Ref}`.
 * - For Tab, the terminal calls `edlin_expand:expand/2`, with itself as the group leader.
 * - Ctrl-G and `i` send the shell the exit signal `interrupt`, which ends the running line.
 * - The exit of the terminal, or of its node, ends the shell.
 */

import { IO } from "@otp/node/io/io";
import {
  type Pid,
  Process,
  receive,
  Ref,
  self,
  send,
} from "@otp/processes/process";
import { requestIo } from "@otp/node/io/io_client";
import { currentProcess } from "@otp/processes/runtime/current_process";
import { ignore } from "@otp/processes/promises/promises";
import { atom } from "@otp/processes/values/atom";
import { Pid as PidValue } from "@otp/processes/values/pid";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import { ShellInput } from "./input.ts";
import { ShellSession } from "./session.ts";
import { ShellClient } from "./shell_client.ts";
import type { ShellContext } from "./shell_server.ts";
import { spawnProcess } from "@otp/processes/spawning/spawn_process";

/** OTP's answer if there is nothing to complete. */
const NO_NAMES = tuple(atom("no"), [], []);

/** The width for values if the terminal has none. */
const WIDTH = 80;

/** The open shells, with their terminals. */
const shells = new Set<{ terminal: Pid; client: ShellClient }>();

/** Starts a shell whose terminal is the group leader of the caller, after the process `sync`, if any; returns its pid. */
export function startOtpShell(context: ShellContext, sync: unknown): Pid {
  const { runtime, groupLeader, cold } = currentProcess();
  const { pid } = spawnProcess(runtime, () => run(context, sync), {
    groupLeader,
    label: "Shell.start/1",
    origin: cold?.origin ?? groupLeader.node,
  });
  return pid;
}

async function run(context: ShellContext, sync: unknown): Promise<void> {
  Process.trapExit(true);
  await synchronize(sync);
  const { node } = self();
  const client = ShellClient.local(context);
  const input = new LeaderInput(node);
  client.onSignal = (reason) => {
    if (reason === "interrupt") input.onInterrupt();
    else {
      input.isGone = true;
      client.lose("the terminal is gone");
    }
  };
  const shell = { terminal: Process.groupLeader(), client };
  shells.add(shell);
  try {
    const session = { name: "ts", remote: undefined };
    await new ShellSession(session, () => node, client, input).run();
  } finally {
    shells.delete(shell);
    client.close();
  }
}

/**
 * Completes the text before the cursor, in the shell of the terminal that is the group leader of the calling process.
 * OTP gives the characters in reverse order; the answer has the characters to add, and the names to choose from.
 */
export async function completeOtp(before: unknown): Promise<Tuple> {
  const terminal = Process.groupLeader();
  const shell = [...shells].find((each) => each.terminal.equals(terminal));
  if (shell === undefined || !Array.isArray(before)) return NO_NAMES;
  const text = String.fromCodePoint(...before.toReversed());
  const [names, from] = await shell.client.complete(text);
  if (names.length === 0) return NO_NAMES;
  const added = commonPrefix(names).slice(from.length);
  return tuple(
    atom("yes"),
    charlist(added),
    added === "" ? names.map(charlist) : [],
  );
}

function commonPrefix([first, ...rest]: readonly string[]): string {
  let length = first.length;
  for (const name of rest) {
    while (!name.startsWith(first.slice(0, length))) length--;
  }
  return first.slice(0, length);
}

function charlist(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0)!);
}

/** Lets the other node finish what it does before its shell starts. */
async function synchronize(sync: unknown): Promise<void> {
  const [pid, ref] = Array.isArray(sync) ? sync : [];
  if (!(pid instanceof PidValue) || !(ref instanceof Ref)) return;
  const watch = Process.monitor(pid);
  send(pid, tuple(atom("begin"), ref, self()));
  await receive((message) =>
    message instanceof Tuple
      ? ref.equals(message.elements[1])
      : message?.type === "DOWN" && watch.equals(message.ref)
  );
  Process.demonitor(watch, { flush: true });
}

/** A terminal that is the group leader of the shell. */
class LeaderInput extends ShellInput {
  override readonly banner: string;
  width = WIDTH;
  /** Set when nobody reads any more: output would dial the terminal's node again. */
  isGone = false;

  constructor(node: string) {
    super();
    this.banner =
      `Interactive TypeScript on ${node} - press Ctrl+C twice to leave (type h() ENTER for help)`;
  }

  async read(prompt: string): Promise<string | undefined> {
    try {
      this.width = await columns();
      const line = await IO.gets(prompt);
      return line === "eof" ? undefined : line.replace(/\r?\n$/, "");
    } catch {
      this.isGone = true;
      return undefined;
    }
  }

  show(text: string): void {
    if (!this.isGone) IO.puts(text).catch(ignore);
  }

  fail(text: string): void {
    this.show(text);
  }
}

/** The width of the terminal. */
function columns(): Promise<number> {
  const request = { type: "get_geometry", of: "columns" } as const;
  return requestIo(
    request,
    undefined,
    (width) => typeof width === "number" && width > 0 ? width : WIDTH,
  );
}
