/** Exit reasons: their form and their text. */

import {
  inspectArgument,
  inspectWithin,
  printable,
  printableWithin,
  shorten,
} from "./inspect.ts";
import { Atom } from "./atom.ts";
import { type Parts, shapeOf } from "./term_shape.ts";

/** A call that failed: the call and the reason, Elixir's `{reason, {module, function, args}}`. */
export interface CallReason {
  /** Always `"call"`. */
  type: "call";
  /** The reason why the call failed. */
  reason: unknown;
  /** The call: module, function, arguments. */
  call: [module: string, function: string, args: unknown[]];
}

/**
 * A text that is a binary on a BEAM, although it reads as an identifier, which would be an atom there. An Erlang
 * process's `exit("normal")` is no normal exit.
 */
export interface BinaryReason {
  /** Always `"binary"`. */
  type: "binary";
  /** The characters of the binary. */
  text: string;
}

/**
 * The reason why a process exited. Any value that can be sent is a valid reason. These have a meaning:
 *
 * - `"normal"`, `"shutdown"`, `"kill"`, `"killed"`, `"noproc"`, `"noconnection"`, `"timeout"`
 * - an `Error`: the error that the process threw
 * - `{ type: "shutdown", reason }`: a shutdown with a reason, Elixir's `{:shutdown, reason}`. It counts as a normal
 *   exit for supervisors and crash reports.
 * - `{ type: "nocatch", value }`: the process threw a value that is not an `Error`
 * - `{ type: "nodedown", node }`: the node of a called process is down or cannot be reached
 * - `{ type: "system_limit", text }`: the receiving node refused a reason, request or reply that exceeds the node's
 *   `limits.maxDepth`, `limits.maxMessageBytes`, or the digits of an integer. The text names the node, the value and
 *   the limit.
 * - {@linkcode CallReason} and {@linkcode BinaryReason}
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
  | { type: "shutdown"; reason: unknown }
  | { type: "nocatch"; value: unknown }
  | { type: "nodedown"; node: string }
  | CallReason
  | BinaryReason
  | { type: "system_limit"; text: string }
  // deno-lint-ignore ban-types
  | (unknown & {});

/** An orderly exit that carries a reason of its own: Erlang's `{shutdown, reason}`. */
export type ShutdownReason = Extract<ExitReason, { type: "shutdown" }>;

/** A thrown value that is not an `Error`: Erlang's `{nocatch, value}`. */
export type NoCatchReason = Extract<ExitReason, { type: "nocatch" }>;

/** The node of a called process is down: Erlang's `{nodedown, node}`. */
export type NodeDownReason = Extract<ExitReason, { type: "nodedown" }>;

/** A refused reason, request or reply: on a BEAM, `{:system_limit, text}`. */
export type SystemLimitReason = Extract<ExitReason, { type: "system_limit" }>;

/** Whether a reason is `name`, as a string or an atom. */
export function isReason(reason: unknown, name: string): boolean {
  return reason === name || (reason instanceof Atom && reason.name === name);
}

/** Whether a reason is `shutdown`, alone or with a further reason. */
export function isShutdown(reason: unknown): boolean {
  return isReason(reason, "shutdown") || typed(reason, "shutdown");
}

/** Whether a reason is no error: `normal` or a shutdown. */
export function isOrderly(reason: unknown): boolean {
  return isReason(reason, "normal") || isShutdown(reason);
}

function typed(reason: unknown, type: string): boolean {
  return typeof reason === "object" && reason !== null &&
    (reason as { type?: unknown }).type === type;
}

const TEXTS: Record<string, string> = {
  noproc: "no process: no live process has that pid or name",
  noconnection: "no connection",
  timeout: "time out",
  calling_self: "process attempted to call itself",
};

/** The maximum length of a reason's text in characters, and of an error's stack. */
const MAX_WORDS = 16_384;
const MAX_STACK = 4096;

/** The maximum length of a value in the text. */
const MAX_VALUE = 4096;

/** The maximum number of nested reasons that are described. */
const MAX_NESTING = 8;

/**
 * Describes an exit reason, as Elixir's `Exception.format_exit` does.
 *
 * The text has at most about 16,000 characters, and is created in bounded time for any reason. Never throws.
 *
 * @param reason Any exit reason.
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
  if (typeof reason === "string" && reason.length < MAX_NAME) {
    return formatName(reason);
  }
  return shorten(format(reason, "", MAX_NESTING, formatError), MAX_WORDS);
}

/**
 * Describes an exit reason in an error's message. Errors in the reason appear by name and message alone, because
 * messages go to users and to other programs. `full` is the text with their stacks, if there are errors.
 */
export function describeExit(
  reason: unknown,
): { message: string; full: string | undefined } {
  let hasError = false;
  const brief = ({ name, message }: Error) => {
    hasError = true;
    return printableWithin(`${name}: ${message}`, MAX_STACK);
  };
  const message = typeof reason === "string"
    ? formatExit(reason)
    : shorten(format(reason, "", MAX_NESTING, brief), MAX_WORDS);
  return { message, full: hasError ? formatExit(reason) : undefined };
}

/** The length from which a text is no name of a reason. */
const MAX_NAME = 64;

function formatName(reason: string): string {
  return Object.hasOwn(TEXTS, reason) ? TEXTS[reason] : printable(reason);
}

/** The maximum number of a call's arguments that are shown. */
const MAX_ARGUMENTS = 20;

/** The maximum number of an error's causes that are shown. */
const CAUSES = 4;

/** Formats an error with its stack and causes, without characters that steer a terminal. */
export function formatError(error: Error): string {
  try {
    let text = formatStack(error);
    let { cause } = error;
    for (let i = 0; cause !== undefined && i < CAUSES; i++) {
      const isError = cause instanceof Error;
      text += `\nCaused by: ${
        isError ? formatStack(cause as Error) : shown(cause)
      }`;
      cause = isError ? (cause as Error).cause : undefined;
    }
    return text;
  } catch {
    // A getter of the error, or a proxy, threw.
    return shown(error);
  }
}

function formatStack({ stack, message, name }: Error): string {
  return printableWithin(
    typeof stack === "string" && stack.includes(message)
      ? stack
      : `${name}: ${message}`,
    MAX_STACK,
  );
}

function shown(value: unknown): string {
  // Texts in Erlang's terms are charlists, as the files of a stack; an array of a JavaScript program has numbers.
  const charlists = isTuple(value) ? "infer" : "as_lists";
  return inspectWithin(value, MAX_VALUE, { charlists });
}

function isTuple(value: unknown): boolean {
  try {
    return (shapeOf(value as object) as Parts).open === "{";
  } catch {
    // It has no shape, or is a proxy that throws.
    return false;
  }
}

function format(
  reason: unknown,
  indent: string,
  left: number,
  textOf: (error: Error) => string,
): string {
  try {
    if (typeof reason === "string") {
      return reason.length < MAX_NAME
        ? formatName(reason)
        : printableWithin(reason, MAX_VALUE);
    }
    if (reason instanceof Error) {
      return `an exception was raised:\n${indent}    ** ${
        textOf(reason).split("\n").join(`\n${indent}    `)
      }`;
    }
    if (left <= 0 || typeof reason !== "object" || reason === null) {
      return shown(reason);
    }
    const fields = reason as Record<string, unknown>;
    const inner = (by = "") =>
      format(fields.reason, indent + by, left - 1, textOf);
    const caused = (what: string) =>
      `${what}\n${indent}    ** (EXIT) ${inner("    ")}`;
    switch (fields.type) {
      case "already_started":
        return `already started: ${shown(fields.pid)}`;
      case "failed_to_start_child":
        return caused(`failed to start child: ${shown(fields.id)}`);
      case "bad_return_value":
        return `bad return value: ${shown(fields.value)}`;
      case "system_limit":
        return `system limit: ${plain(fields.text)}`;
      case "binary":
        return shown(fields.text);
      case "shutdown":
        return `shutdown: ${inner()}`;
      case "nocatch":
        return `a value was thrown that nothing caught: ${shown(fields.value)}`;
      case "nodedown":
        return `no connection to ${plain(fields.node)}`;
      case "call": {
        if (!Array.isArray(fields.call)) break;
        const [module, name, args] = fields.call;
        return caused(
          `exited in: ${plain(module)}.${plain(name)}(${
            formatArguments(args)
          })`,
        );
      }
    }
  } catch {
    // A getter or a proxy may throw, but the description of an exit must not.
  }
  return shown(reason);
}

function plain(text: unknown): string {
  return printableWithin(String(text), MAX_VALUE);
}

function formatArguments(args: unknown): string {
  if (!Array.isArray(args)) return "";
  const shown = args.slice(0, MAX_ARGUMENTS).map(inspectArgument);
  if (args.length > MAX_ARGUMENTS) shown.push("...");
  return shown.join(", ");
}
