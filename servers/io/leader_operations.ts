/**
 * The operations of a group leader on its device.
 *
 * A device reads lines. What a request leaves of a line is kept for the next request of the same node: people
 * answer one prompt at a time, and a peer must not read what another one has left.
 *
 * @module
 */

import type { IoOperation } from "../../gen/messages.ts";
import { printable, printableWithin } from "../../runtime/values/inspect.ts";
import type { Encoding } from "./chardata.ts";
import type { IoDevice } from "./io_device.ts";

/** An operation of a request, from a node of this library or from a BEAM. */
export type LeaderOperation =
  | Extract<IoOperation, { type: "put_chars" | "get_geometry" }>
  | { type: "get_line"; prompt: string; encoding?: Encoding }
  | { type: "get_chars"; prompt: string; count: number; encoding?: Encoding }
  | { type: "get_until"; prompt: string; reader: LineReader }
  | { type: "getopts" }
  | { type: "setopts"; isBinary: boolean | undefined }
  | { type: "requests"; requests: LeaderOperation[] }
  | { type: "refused"; reason: unknown };

/** Reads lines until it has all that it wants. */
export interface LineReader {
  /** Reads a line, and its line feed. */
  read(
    line: string,
    newline: string,
  ):
    | { type: "done"; term: unknown; rest: string }
    | { type: "error"; reason: unknown }
    | { type: "more" };
  /** The result at the end of the input: a reason, or `eof`. */
  end(): unknown;
}

/** The result of an operation. */
export type IoResult =
  | "ok"
  | "eof"
  | number
  | { type: "error"; reason: unknown }
  | { type: "text"; of: "line" | "chars"; text: string; encoding?: Encoding }
  | { type: "term"; term: unknown }
  | { type: "options" };

/** The longest prompt of another node that is shown, in characters. */
const MAX_PROMPT = 1000;

/** The most characters that one request reads. */
const MAX_READ = 4 << 20;

/** The number of nodes whose rest of a line, and options, are kept. */
const MAX_NODES = 1024;

/** Performs operations on a device. */
export class LeaderOperations {
  readonly #device: IoDevice;
  /** The rest of lines, by the node that read them. */
  readonly #rests = new Map<string | undefined, string>();
  /** The nodes that want texts as lists. */
  readonly #lists = new Map<string | undefined, true>();

  /** Of a device. */
  constructor(device: IoDevice) {
    this.#device = device;
  }

  /** Whether a node wants texts as binaries. */
  isBinary(node: string | undefined): boolean {
    return !this.#lists.has(node);
  }

  /** Performs an operation for a node: another one, or this one if it is not given. */
  async perform(
    operation: LeaderOperation,
    node: string | undefined,
  ): Promise<IoResult> {
    try {
      return await this.#perform(operation, node);
    } catch (error) {
      return { type: "error", reason: reasonOf(error) };
    }
  }

  async #perform(
    operation: LeaderOperation,
    node: string | undefined,
  ): Promise<IoResult> {
    switch (operation?.type) {
      case "put_chars":
        await this.#device.write(String(operation.chars));
        return "ok";
      case "get_line": {
        const { encoding } = operation;
        const text = await this.#line(String(operation.prompt), node);
        return text === undefined
          ? "eof"
          : { type: "text", of: "line", text, encoding };
      }
      case "get_chars":
        return await this.#chars(operation, node);
      case "get_until":
        return await this.#until(operation, node);
      case "get_geometry": {
        const size = this.#device.size?.();
        if (size === undefined) return { type: "error", reason: "enotsup" };
        return operation.of === "rows" ? size.rows : size.columns;
      }
      case "getopts":
        return { type: "options" };
      case "setopts":
        if (operation.isBinary === false) keep(this.#lists, node, true);
        else if (operation.isBinary) this.#lists.delete(node);
        return "ok";
      case "requests": {
        let last: IoResult = "ok";
        for (const each of operation.requests) {
          last = await this.perform(each, node);
          if (last !== "ok") break;
        }
        return last;
      }
      case "refused":
        return { type: "error", reason: operation.reason };
      default:
        return { type: "error", reason: "request" };
    }
  }

  /** A line with its line feed, which the last one may lack. */
  async #line(
    prompt: string,
    node: string | undefined,
  ): Promise<string | undefined> {
    const rest = this.#rests.get(node);
    this.#rests.delete(node);
    if (rest !== undefined) return rest;
    return await this.#device.readLine?.(
      node === undefined ? prompt : printable(prompt.slice(0, MAX_PROMPT)),
      node,
    );
  }

  #leave(node: string | undefined, rest: string): void {
    if (rest !== "") keep(this.#rests, node, rest);
  }

  async #chars(
    { prompt, count, encoding }: Extract<
      LeaderOperation,
      { type: "get_chars" }
    >,
    node: string | undefined,
  ): Promise<IoResult> {
    if (!Number.isSafeInteger(count) || count < 0) {
      return { type: "error", reason: "collect_chars" };
    }
    const parts: string[] = [];
    let left = count;
    while (left > 0) {
      const line = await this.#line(String(prompt), node);
      if (line === undefined) break;
      const taken = firstOf(line, left);
      parts.push(taken.text);
      left -= taken.count;
      this.#leave(node, line.slice(taken.text.length));
      if (count - left > MAX_READ) {
        return { type: "error", reason: "system_limit" };
      }
    }
    if (parts.length === 0 && count > 0) return "eof";
    return { type: "text", of: "chars", text: parts.join(""), encoding };
  }

  async #until(
    { prompt, reader }: Extract<LeaderOperation, { type: "get_until" }>,
    node: string | undefined,
  ): Promise<IoResult> {
    for (;;) {
      const line = await this.#line(prompt, node);
      if (line === undefined) {
        const end = reader.end();
        return end === "eof" ? end : { type: "error", reason: end };
      }
      const [newline] = /\r?\n?$/.exec(line)!;
      const read = reader.read(
        line.slice(0, line.length - newline.length),
        newline,
      );
      if (read.type === "error") return read;
      if (read.type === "done") {
        this.#leave(node, read.rest);
        return { type: "term", term: read.term };
      }
    }
  }
}

/** Keeps a value of a node, and those of the last nodes only. */
function keep<T>(
  values: Map<string | undefined, T>,
  node: string | undefined,
  value: T,
): void {
  values.delete(node);
  values.set(node, value);
  if (values.size <= MAX_NODES) return;
  for (const oldest of values.keys()) {
    values.delete(oldest);
    break;
  }
}

/** The first code points of a text. */
function firstOf(
  text: string,
  most: number,
): { text: string; count: number } {
  let count = 0;
  let end = 0;
  while (count < most && end < text.length) {
    end += text.codePointAt(end)! > 0xffff ? 2 : 1;
    count++;
  }
  return { text: text.slice(0, end), count };
}

/** Why a device failed: the system's code, as Erlang has it, or a text. */
function reasonOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string"
    ? printableWithin(code.toLowerCase(), 64)
    : printableWithin(String(error), 1024);
}
