/**
 * Input and output through the caller's group leader, as Elixir's [IO](https://hexdocs.pm/elixir/1.18/IO.html).
 *
 * @module
 */

import { IoError } from "@otp/processes/errors";
import { requestIo } from "./io_client.ts";
import { prepareUnnamedNode } from "./group_leader.ts";
import { type IoOperation, isTyped } from "@otp/servers/server/messages";
import { promised } from "@otp/processes/promises/promises";
import {
  checkOptions,
  checkValue,
  integerFrom,
  PID,
  TEXT,
} from "@otp/processes/values/check_arguments";
import {
  inspect as show,
  INSPECT_OPTIONS,
  type InspectOptions,
} from "@otp/processes/values/inspect";
import type { Pid } from "@otp/processes/values/pid";
import type { OptionChecks } from "@otp/processes/values/options";

export type { Pid } from "@otp/processes/values/pid";

export type { InspectOptions };

prepareUnnamedNode();

/** The destination of output, if it is not the caller's group leader. */
export interface IoOptions {
  /**
   * The process that handles input and output.
   *
   * @default {the caller's group leader}
   */
  device?: Pid;
}

const IO_OPTIONS: OptionChecks<IoOptions> = { device: PID };

/** Options for {@linkcode IO.inspect}. */
export interface IoInspectOptions extends InspectOptions, IoOptions {
  /**
   * Printed before the value, with a colon.
   *
   * @default {undefined}
   */
  label?: string;
}

const IO_INSPECT_OPTIONS: OptionChecks<IoInspectOptions> = {
  ...INSPECT_OPTIONS,
  ...IO_OPTIONS,
  label: TEXT,
};

/** A value that {@linkcode IO.puts} prints. */
export type Printable = string | number | bigint | boolean | {
  toString(): string;
};

/**
 * Input and output through the caller's group leader, as Elixir's [IO](https://hexdocs.pm/elixir/1.18/IO.html).
 *
 * A process inherits the group leader of the process that spawned it, also across nodes: its output appears
 * on the node that spawned it. Each function rejects with an {@linkcode IoError} if the group leader or its node is
 * down, or the group leader replies with an error.
 */
export class IO {
  private constructor() {}

  /**
   * Prints a line.
   *
   * When the promise resolves, the group leader has written the line. Lines from one process appear in order.
   *
   * @param item The value to print; a value that is not a string is printed as `String(item)`.
   *
   * @example Usage
   * ```ts
   * import { IO } from "@otp/distribution/io";
   *
   * await IO.puts("Hi, my name is Kate");
   * ```
   */
  static puts(item: Printable, options: IoOptions = {}): Promise<"ok"> {
    return print(() => `${textOf(item)}\n`, options, IO_OPTIONS, "ok");
  }

  /**
   * Prints text without a line feed at the end.
   *
   * @example Usage
   * ```ts
   * import { IO } from "@otp/distribution/io";
   *
   * await IO.write("a line ");
   * await IO.puts("in two parts");
   * ```
   */
  static write(item: Printable, options: IoOptions = {}): Promise<"ok"> {
    return print(() => textOf(item), options, IO_OPTIONS, "ok");
  }

  /**
   * Prints a value as source-like text and returns the value.
   *
   * @param value Any value, even one that cannot be sent.
   *
   * @example Usage
   * ```ts
   * import { IO } from "@otp/distribution/io";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await IO.inspect(["a", 1], { label: "got" }), ["a", 1]); // got: ["a", 1]
   * ```
   */
  static inspect<T>(value: T, options: IoInspectOptions = {}): Promise<T> {
    return print(
      () => inspected(value, options),
      options,
      IO_INSPECT_OPTIONS,
      value,
    );
  }

  /**
   * Reads a line from the group leader's input.
   *
   * @param prompt The text to print before reading.
   * @returns The line with its line feed, or `"eof"` at the end of the input.
   *
   * @example Usage
   * ```ts ignore
   * import { IO } from "@otp/distribution/io";
   *
   * const name = await IO.gets("Your name? ");
   * ```
   */
  static gets(
    prompt: Printable,
    options: IoOptions = {},
  ): Promise<string | "eof"> {
    return promised(() => {
      checkIo(options, IO_OPTIONS);
      return line(options, textOf(prompt));
    });
  }

  /**
   * Reads from the group leader's input without a prompt.
   *
   * @param what `"line"` reads a line; `"eof"` reads all lines up to the end of the input; a number reads this number of
   *   characters, or fewer at the end of the input. The default is `"line"`.
   * @returns The text, or `"eof"` at the end of the input.
   * @throws {TypeError} If `what` is another value.
   * @throws {RangeError} If the number is not a positive integer.
   *
   * @example Usage
   * ```ts ignore
   * import { IO } from "@otp/distribution/io";
   *
   * const all = await IO.read("eof");
   * ```
   */
  static read(
    what: "line" | "eof" | number = "line",
    options: IoOptions = {},
  ): Promise<string | "eof"> {
    return promised(() => {
      checkIo(options, IO_OPTIONS);
      if (what === "line") return line(options);
      if (what === "eof") return allLines(options);
      if (typeof what !== "number") {
        throw new TypeError(
          `Cannot read from the group leader: ${
            show(what)
          } is not an amount; pass "line", "eof" or a number of characters`,
        );
      }
      checkValue(
        what,
        "read from the group leader",
        "the number",
        integerFrom(1),
      );
      const operation = { type: "get_chars", prompt: "", count: what } as const;
      return input(operation, "chars", options);
    });
  }
}

function line(options: IoOptions, prompt = ""): Promise<string | "eof"> {
  return input({ type: "get_line", prompt }, "line", options);
}

/** Requests input, which is a field of the answer. */
function input(
  operation: IoOperation,
  field: "line" | "chars",
  { device }: IoOptions,
): Promise<string | "eof"> {
  return requestIo(operation, device, (reply) => {
    refuseError(reply);
    return typeof reply === "string"
      ? "eof"
      : (reply as Record<string, string>)[field];
  });
}

async function allLines(options: IoOptions): Promise<string | "eof"> {
  const lines: string[] = [];
  for (;;) {
    const next = await line(options);
    if (next === "eof") return lines.length === 0 ? "eof" : lines.join("");
    lines.push(next);
  }
}

function inspected(value: unknown, options: IoInspectOptions): string {
  checkOptions(
    options,
    "inspect a value",
    IO_INSPECT_OPTIONS,
    '{ label: "x" }',
  );
  const { label, width, limit, depth, printableLimit, charlists } = options;
  const text = show(value, { width, limit, depth, printableLimit, charlists });
  return `${label === undefined ? "" : `${label}: `}${text}\n`;
}

/** Prints, and resolves to `result`: a single promise, so the caller may leave it unawaited. */
function print<O extends IoOptions, T>(
  text: () => string,
  options: O,
  checks: OptionChecks<NoInfer<O>>,
  result: T,
): Promise<T> {
  return promised(() => {
    const chars = text();
    checkIo(options, checks);
    return requestIo({ type: "put_chars", chars }, options.device, (reply) => {
      refuseError(reply);
      return result;
    });
  });
}

function checkIo<T extends IoOptions>(options: T, checks: OptionChecks<T>) {
  checkOptions(options, "do input or output", checks, "{ device: pid }");
}

/** Converts a value to text like `String`; throws if the value has no text form. */
function textOf(item: unknown): string {
  try {
    return String(item);
  } catch (cause) {
    throw new TypeError(
      `Cannot print ${show(item)}: it has no text; use IO.inspect`,
      { cause },
    );
  }
}

function refuseError(reply: unknown): void {
  if (!isTyped(reply, "error")) return;
  const { reason } = reply as { reason?: unknown };
  throw new IoError(
    reason,
    `the group leader answered with the error ${show(reason)}`,
  );
}
