/** The lineage of servers, tasks and processes of OTP's `proc_lib`: who started them, and for whom they run. */

import type { Pid, Ref } from "./pid.ts";

/** An ancestor of a process: its name if it was registered, otherwise its pid. */
export type Ancestor = Pid | string;

/** The work of a server when it failed. */
export interface CrashContext {
  /** The message that it was handling. */
  lastMessage?: unknown;
  /** The process that sent it, if it was a call. */
  client?: Pid;
  /** Its state before that message. */
  state?: unknown;
}

/** A wait of a process's starter until the process is ready. */
export interface StartWait {
  readonly process: { readonly shell: boolean };
  /** Called when the process exits before it is ready, after its links have been notified. */
  exited(reason: unknown): void;
}

/** A wait of a process of the same node that has asked the process to stop. */
export interface StopWait {
  /** The reference of the request. */
  readonly ref: Ref;
  /** Called when the process is about to exit as asked. */
  reply(): void;
  /** Called when the process has exited. */
  exited(reason: unknown): void;
}

/** The server of a supervisor, as the runtime sees it. */
export interface SupervisingServer {
  /**
   * Called in place of an EXIT message while the supervisor waits for messages with an empty mailbox: it would handle
   * the message next. Returns false if the exit must be a message.
   */
  childExited?(pid: Pid, reason: unknown): boolean;
}

export interface Lineage {
  readonly kind: "server" | "task" | "process";
  /** The process that started it, the process that started that one, and so on, nearest first. */
  readonly ancestors: readonly Ancestor[];
  /** Its callers, nearest first. */
  readonly callers: Pid[];
  /** Its starter's wait until it is ready: its exit then fails the wait, and is not logged. */
  starting: StartWait | undefined;
  /** A wait for its exit, if it has been asked to stop. */
  stopping: StopWait | undefined;
  /** The server of a supervisor, for observers too. */
  supervision: SupervisingServer | undefined;
  /** Its work when it failed; recorded as a server exits. */
  context?: CrashContext;
}

/** The process that starts another process, as the lineage of the latter records it. */
export interface Starter {
  /** The name that it is registered under. */
  readonly name: string | undefined;
  readonly lineage: Lineage | undefined;
}

/** Creates the lineage of a process; its starter is known only if it is a process of this node. */
export function lineageOf(
  kind: Lineage["kind"],
  parent: Pid | undefined,
  callers: Pid[],
  starter: Starter | undefined,
): Lineage {
  // As in Elixir, a task knows its starter by pid, and a server by name.
  const name = kind === "task" ? undefined : starter?.name;
  const ancestors: Ancestor[] = parent === undefined ? [] : [name ?? parent];
  const before = starter?.lineage?.ancestors;
  // Listed one by one, because an object from a spread has spare room, in each process.
  return {
    kind,
    ancestors: before === undefined ? ancestors : ancestors.concat(before),
    callers,
    starting: undefined,
    stopping: undefined,
    supervision: undefined,
  };
}
