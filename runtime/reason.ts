/**
 * Exit reasons: what they look like here, how they read, and how they are told to others.
 *
 * @module
 */

import { inspect, printable } from "./inspect.ts";
import { Atom } from "./pid.ts";
import { copyTerm, errorTerm, REASON_LEVELS, rebuildError } from "./term.ts";

/**
 * A shutdown that says why: Elixir's `{:shutdown, reason}`. Counts as a normal end for
 * supervisors and crash reports.
 */
export interface ShutdownReason {
  /** Always `"shutdown"`. */
  type: "shutdown";
  /** Why. */
  reason: unknown;
}

/** A thrown value that is no `Error`: Erlang's `{nocatch, value}`. */
export interface NoCatchReason {
  /** Always `"nocatch"`. */
  type: "nocatch";
  /** What was thrown. */
  value: unknown;
}

/** The node of a called process is down or cannot be reached: Erlang's `{nodedown, node}`. */
export interface NodeDownReason {
  /** Always `"nodedown"`. */
  type: "nodedown";
  /** The node's name. */
  node: string;
}

/**
 * A call that failed: what was called and why it failed, Elixir's `{reason, {module, function,
 * args}}`.
 */
export interface CallReason {
  /** Always `"call"`. */
  type: "call";
  /** Why the call failed. */
  reason: unknown;
  /** What was called: module, function, arguments. */
  call: [module: string, function: string, args: unknown[]];
}

/**
 * Why a process ended. Any value that can be sent is a reason; these have a meaning:
 * `"normal"`, `"shutdown"`, `"kill"`, `"killed"`, `"noproc"`, `"noconnection"`, `"timeout"`, an
 * `Error` (what the process threw), and the objects listed.
 */
export type ExitReason =
  | "normal"
  | "shutdown"
  | "kill"
  | "killed"
  | "noproc"
  | "noconnection"
  | "timeout"
  | Error
  | ShutdownReason
  | NoCatchReason
  | NodeDownReason
  | CallReason
  // deno-lint-ignore ban-types
  | (unknown & {});

/** Whether a reason, a string or an atom, is the one of that name. */
export function isReason(reason: unknown, name: string): boolean {
  return reason === name || (reason instanceof Atom && reason.name === name);
}

/** Whether a reason is `shutdown`, with or without more. */
export function isShutdown(reason: unknown): boolean {
  return isReason(reason, "shutdown") || typed(reason, "shutdown");
}

/** Whether a reason is one that is not an error: `normal` or a shutdown. */
export function isOrderly(reason: unknown): boolean {
  return isReason(reason, "normal") || isShutdown(reason);
}

function typed(reason: unknown, type: string): boolean {
  return typeof reason === "object" && reason !== null &&
    (reason as { type?: unknown }).type === type;
}

const TEXTS: Record<string, string> = {
  noproc:
    "no process: the process is not alive or there's no process currently associated with the given name, possibly because its application isn't started",
  noconnection: "no connection",
  timeout: "time out",
  calling_self: "process attempted to call itself",
};

/**
 * Says a reason in words, as Elixir's `Exception.format_exit` does.
 *
 * @param reason Any exit reason.
 * @returns One line or several.
 *
 * @example Usage
 * ```ts
 * import { formatExit } from "@otp/distribution/errors";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatExit({ type: "nodedown", node: "moebi@localhost" }), "no connection to moebi@localhost");
 * ```
 */
export function formatExit(reason: unknown): string {
  return format(reason, "");
}

/** How many causes of an error are told. */
const CAUSES = 4;

/** An error with its stack and causes, with nothing in it that steers a terminal. */
export function formatError(error: Error): string {
  let text = formatStack(error);
  let { cause } = error;
  for (let i = 0; cause !== undefined && i < CAUSES; i++) {
    const isError = cause instanceof Error;
    text += `\nCaused by: ${
      isError ? formatStack(cause as Error) : inspect(cause)
    }`;
    cause = isError ? (cause as Error).cause : undefined;
  }
  return text;
}

function formatStack({ stack, message, name }: Error): string {
  return printable(
    typeof stack === "string" && stack.includes(message)
      ? stack
      : `${name}: ${message}`,
  );
}

function format(reason: unknown, indent: string): string {
  if (typeof reason === "string" && Object.hasOwn(TEXTS, reason)) {
    return TEXTS[reason];
  }
  if (reason instanceof Error) {
    return `an exception was raised:\n${indent}    ** ${
      formatError(reason).split("\n").join(`\n${indent}    `)
    }`;
  }
  if (typed(reason, "already_started")) {
    return `already started: ${inspect((reason as { pid: unknown }).pid)}`;
  }
  if (typed(reason, "failed_to_start_child")) {
    const { id, reason: why } = reason as { id: unknown; reason: unknown };
    return `failed to start child: ${inspect(id)}\n${indent}    ** (EXIT) ${
      format(why, indent + "    ")
    }`;
  }
  if (typed(reason, "bad_return_value")) {
    return `bad return value: ${
      inspect((reason as { value?: unknown }).value)
    }`;
  }
  if (typed(reason, "shutdown")) {
    return `shutdown: ${format((reason as ShutdownReason).reason, indent)}`;
  }
  if (typed(reason, "nocatch")) {
    return `a value was thrown that nothing caught: ${
      inspect((reason as NoCatchReason).value)
    }`;
  }
  if (typed(reason, "nodedown")) {
    return `no connection to ${
      printable(String((reason as NodeDownReason).node))
    }`;
  }
  if (typed(reason, "call") && Array.isArray((reason as CallReason).call)) {
    const { call: [module, name, args], reason: why } = reason as CallReason;
    const shown = Array.isArray(args)
      ? args.map((item) => inspect(item, { width: Infinity })).join(", ")
      : "";
    return `exited in: ${printable(String(module))}.${
      printable(String(name))
    }(${shown})\n${indent}    ** (EXIT) ${format(why, indent + "    ")}`;
  }
  return typeof reason === "string" ? printable(reason) : inspect(reason);
}

/**
 * The reason as others get it: a copy; of an error whose fields cannot be sent, the error without
 * them; of anything else that cannot be sent, its text.
 */
export function sendableReason(reason: unknown, maxDepth: number): unknown {
  if (typeof reason === "string") return reason;
  try {
    return copyTerm(reason, maxDepth - REASON_LEVELS);
  } catch {
    return bareError(reason) ?? inspect(reason);
  }
}

function bareError(reason: unknown): Error | undefined {
  try {
    if (!(reason instanceof Error)) return undefined;
    return rebuildError({ ...errorTerm(reason), fields: undefined });
  } catch {
    return undefined;
  }
}
