/**
 * The operations of a group leader on its device.
 *
 * A device reads lines. The unread rest of a line is kept for the next request of the same node, so that a peer
 * cannot read input that was typed for another peer.
 */

import type { IoOperation } from "@otp/servers/server/messages";
import { printable, printableWithin } from "@otp/processes/values/inspect";
import type { IoDevice } from "./io_device.ts";

/** The encoding of the texts that an operation reads, for nodes that have bytes. */
export type Encoding = "unicode" | "latin1";

/**
 * An operation of a request.
 *
 * Programs that do not use this library can ask for texts as lists, and have operations of their own, which their wire
 * marks as refused.
 */
export type LeaderOperation =
  | Extract<IoOperation, { type: "put_chars" | "get_geometry" }>
  | { type: "get_line"; prompt: string; encoding?: Encoding }
  | { type: "get_chars"; prompt: string; count: number; encoding?: Encoding }
  | { type: "getopts" }
  | { type: "setopts"; isBinary: boolean | undefined }
  | { type: "requests"; requests: LeaderOperation[] }
  | { type: "refused"; reason: unknown };

export type IoResult =
  | "ok"
  | "eof"
  | number
  | { type: "error"; reason: unknown }
  | {
    type: "text";
    of: "line" | "chars";
    text: string;
    encoding?: Encoding;
    /** Whether the node reads texts as binaries, not as lists. */
    isBinary: boolean;
  }
  | { type: "options"; isBinary: boolean };

/** The maximum length of a shown prompt of another node, in characters. */
const MAX_PROMPT = 1000;

/** The maximum number of characters that one request reads. */
const MAX_READ = 4 << 20;

/** The maximum number of nodes whose unread input and options are kept. */
const MAX_NODES = 1024;

/** The answer to an unknown request, and to one whose fields are missing or of another form. */
const UNKNOWN = { type: "error", reason: "request" } as const;

/** Whether a value of any origin has the fields of its type. */
function isComplete(value: unknown): value is LeaderOperation {
  const operation = value as LeaderOperation | null | undefined;
  switch (operation?.type) {
    case "put_chars":
      return typeof operation.chars === "string";
    case "get_line":
      return typeof operation.prompt === "string";
    case "get_chars":
      return typeof operation.prompt === "string" &&
        typeof operation.count === "number";
    case "get_geometry":
      return operation.of === "rows" || operation.of === "columns";
    case "requests":
      return Array.isArray(operation.requests);
    default:
      return operation !== undefined && operation !== null;
  }
}

/** Performs operations on a device. */
export class LeaderOperations {
  readonly #device: IoDevice;
  /** The unread rest of a line, by the node that read the line. */
  readonly #rests = new Map<string | undefined, string>();
  /** The nodes that read texts as lists. */
  readonly #lists = new Map<string | undefined, true>();

  constructor(device: IoDevice) {
    this.#device = device;
  }

  /** Performs an operation for `node`; `undefined` is this node. */
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
    // A request of another node can have any fields.
    if (!isComplete(operation)) return UNKNOWN;
    switch (operation.type) {
      case "put_chars":
        await this.#device.write(operation.chars);
        return "ok";
      case "get_line": {
        const { encoding } = operation;
        const text = await this.#line(operation.prompt, node);
        if (text === undefined) return "eof";
        const isBinary = this.#isBinary(node);
        return { type: "text", of: "line", text, encoding, isBinary };
      }
      case "get_chars":
        return await this.#chars(operation, node);
      case "get_geometry": {
        const size = this.#device.size?.();
        if (size === undefined) return { type: "error", reason: "enotsup" };
        return operation.of === "rows" ? size.rows : size.columns;
      }
      case "getopts":
        return { type: "options", isBinary: this.#isBinary(node) };
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
        return UNKNOWN;
    }
  }

  #isBinary(node: string | undefined): boolean {
    return !this.#lists.has(node);
  }

  /** Reads a line with its line feed; the last line may have none. */
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
      const line = await this.#line(prompt, node);
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
    const text = parts.join("");
    const isBinary = this.#isBinary(node);
    return { type: "text", of: "chars", text, encoding, isBinary };
  }
}

/** Sets the value of a node, and drops the oldest entry above MAX_NODES. */
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

/** Returns the first `most` code points of a text, and their number. */
function firstOf(text: string, most: number): { text: string; count: number } {
  let count = 0;
  let end = 0;
  while (count < most && end < text.length) {
    end += text.codePointAt(end)! > 0xffff ? 2 : 1;
    count++;
  }
  return { text: text.slice(0, end), count };
}

/** The reason why a device failed: the error code in lower case, as in Erlang, or the text of the error. */
function reasonOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string"
    ? printableWithin(code.toLowerCase(), 64)
    : printableWithin(String(error), 1024);
}
