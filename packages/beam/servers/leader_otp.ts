/**
 * OTP's encoding of requests to group leaders of this library, and of the replies (the Erlang I/O protocol).
 *
 * The wire decodes the request and encodes the reply, so a group leader knows only operations and their results.
 */

import { constants } from "node:os";
import { atom } from "@otp/processes/values/atom";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import { bytesOfText, charsOf, textOfAtom } from "../io/chardata.ts";
import { FormatError, formatText, promptText } from "../io/erlang_format.ts";
import type {
  Encoding,
  IoResult,
  LeaderOperation,
} from "@otp/node/io/leader_operations";

const UNICODE = atom("unicode");
const ERROR = atom("error");
const BINARY = atom("binary");
const LIST = atom("list");
const ENCODING = atom("encoding");
const ECHO = atom("echo");

/** The maximum length of a prompt, in characters. */
const MAX_PROMPT = 4096;

const REQUEST: LeaderOperation = refusal("request");

function refusal(reason: unknown): LeaderOperation {
  return { type: "refused", reason };
}

/** Decodes an operation of a process on a BEAM. An unknown one is refused with the reason that OTP's leaders use. */
export function operationFromOtp(term: unknown): LeaderOperation {
  const [kind, ...fields] = term instanceof Tuple ? term.elements : [term];
  switch (textOfAtom(kind)) {
    case "put_chars":
      return decode(fields, fields.length < 3 ? 1 : 3, putChars);
    case "get_line":
      return decode(fields, 1, getLine);
    case "get_chars":
      return fields.length === 2 && encodingOf(fields[0]) !== undefined
        ? REQUEST
        : decode(fields, 2, getChars);
    case "get_until":
      return decode(fields, 4, getUntil);
    case "get_password":
      // A device here cannot read without echo.
      return refusal("enotsup");
    case "get_geometry": {
      const of = textOfAtom(fields[0]);
      return fields.length === 1 && (of === "columns" || of === "rows")
        ? { type: "get_geometry", of }
        : REQUEST;
    }
    case "getopts":
      return fields.length === 0 ? { type: "getopts" } : REQUEST;
    case "setopts":
      return fields.length === 1 ? setOptions(fields[0]) : REQUEST;
    case "requests":
      return fields.length === 1 && Array.isArray(fields[0])
        ? { type: "requests", requests: operationsOf(fields[0]) }
        : REQUEST;
    default:
      return REQUEST;
  }
}

/** Decodes operations up to the first refused one: later ones are not performed. */
function operationsOf(terms: readonly unknown[]): LeaderOperation[] {
  const operations: LeaderOperation[] = [];
  for (const term of terms) {
    const operation = operationFromOtp(term);
    operations.push(operation);
    if (isRefused(operation)) break;
  }
  return operations;
}

function isRefused(operation: LeaderOperation): boolean {
  if (operation.type !== "requests") return operation.type === "refused";
  const last = operation.requests.at(-1);
  return last !== undefined && isRefused(last);
}

function encodingOf(term: unknown): Encoding | undefined {
  const name = textOfAtom(term);
  return name === "unicode" || name === "latin1" ? name : undefined;
}

/** Decodes `count` fields, after their encoding. Requests from before OTP R13 have no encoding. */
function decode(
  fields: readonly unknown[],
  count: number,
  read: (encoding: Encoding, fields: readonly unknown[]) => LeaderOperation,
): LeaderOperation {
  if (fields.length === count) return read("latin1", fields);
  const [first, ...rest] = fields;
  const encoding = encodingOf(first);
  return encoding === undefined || rest.length !== count
    ? REQUEST
    : read(encoding, rest);
}

function putChars(
  encoding: Encoding,
  fields: readonly unknown[],
): LeaderOperation {
  if (fields.length === 3) {
    const chars = applied(encoding, fields);
    return chars === undefined
      ? refusal(fields[1])
      : { type: "put_chars", chars };
  }
  const isNarrow = encoding === "latin1";
  const chars = charsOf(fields[0], { encoding, isNarrow });
  return chars === undefined
    ? refusal(tuple(atom("put_chars"), atom(encoding), fields[0]))
    : { type: "put_chars", chars };
}

/** Returns the text of a supported function of `io_lib`; `undefined` if it fails or is not supported. */
function applied(
  encoding: Encoding,
  [module, name, args]: readonly unknown[],
): string | undefined {
  if (textOfAtom(module) !== "io_lib" || !Array.isArray(args)) return undefined;
  try {
    const text = ioLib(textOfAtom(name), args);
    // deno-lint-ignore no-control-regex
    return encoding === "latin1" && /[^\u0000-\u00ff]/.test(text ?? "")
      ? undefined
      : text;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

function ioLib(
  name: string | undefined,
  args: readonly unknown[],
): string | undefined {
  switch (`${name}/${args.length}`) {
    case "format/2":
    case "fwrite/2":
      return formatText(args[0], args[1]);
    case "write/1":
      return formatText("~w", args);
    case "print/1":
      return formatText("~p", args);
    case "nl/0":
      return "\n";
    default:
      return undefined;
  }
}

function getLine(
  encoding: Encoding,
  [given]: readonly unknown[],
): LeaderOperation {
  const prompt = promptText(given, encoding, MAX_PROMPT);
  return { type: "get_line", prompt, encoding };
}

function getChars(
  encoding: Encoding,
  [given, count]: readonly unknown[],
): LeaderOperation {
  if (!Number.isSafeInteger(count) || count as number < 0) {
    return refusal("collect_chars");
  }
  const prompt = promptText(given, encoding, MAX_PROMPT);
  return { type: "get_chars", prompt, count: count as number, encoding };
}

/** Decodes `get_until`. Only functions that read a line or a number of characters are supported: no formats, no terms. */
function getUntil(
  encoding: Encoding,
  [prompt, module, name, args]: readonly unknown[],
): LeaderOperation {
  if (textOfAtom(module) !== "io_lib" || !Array.isArray(args)) {
    return refusal("enotsup");
  }
  switch (`${textOfAtom(name)}/${args.length}`) {
    case "collect_line/0":
      return getLine(encoding, [prompt]);
    case "collect_chars/1":
      return getChars(encoding, [prompt, args[0]]);
    default:
      return refusal("enotsup");
  }
}

function setOptions(options: unknown): LeaderOperation {
  let isBinary: boolean | undefined;
  if (!Array.isArray(options)) return REQUEST;
  for (const option of options) {
    const [key, value] = option instanceof Tuple ? option.elements : [option];
    if (option === BINARY || key === BINARY && value === true) isBinary = true;
    else if (option === LIST || key === BINARY && value === false) {
      isBinary = false;
    } else {
      const isKept = key === ENCODING && value === UNICODE ||
        key === ECHO && value === true;
      if (!isKept) return refusal("enotsup");
    }
  }
  return { type: "setopts", isBinary };
}

/**
 * The reasons that are atoms on a BEAM: the reasons of the protocol, and the codes of the system. The text of a
 * device's own error is sent as a binary, because a BEAM never frees atoms.
 */
const REASONS: ReadonlySet<string> = new Set([
  ...["request", "enotsup", "system_limit", "collect_chars", "collect_line"],
  ...["interrupted", "terminated", "arguments", "get_until", "format"],
  ...Object.keys(constants.errno).map((code) => code.toLowerCase()),
]);

/** Encodes a reply for a BEAM. */
export function resultToOtp(result: IoResult): unknown {
  if (typeof result === "string") return atom(result);
  if (typeof result === "number") return result;
  switch (result.type) {
    case "error": {
      const { reason } = result;
      const isAtom = typeof reason === "string" && REASONS.has(reason);
      return tuple(ERROR, isAtom ? atom(reason) : reason);
    }
    case "options":
      return [[BINARY, result.isBinary], [ENCODING, UNICODE], [ECHO, true]]
        .map((pair) => tuple(...pair));
    case "text":
      return textToOtp(result);
    default:
      return ofProgram(result);
  }
}

/** Encodes the reply of a program's own group leader, which has the form that nodes of this library exchange. */
function ofProgram(result: unknown): unknown {
  if (typeof result !== "object" || result === null) return result;
  const { line, chars } = result as { line?: unknown; chars?: unknown };
  return line ?? chars ?? result;
}

function textToOtp(
  { text, encoding, isBinary }: Extract<IoResult, { type: "text" }>,
): unknown {
  const bytes = encoding === "latin1" ? bytesOfText(text) : undefined;
  if (encoding === "latin1" && bytes === undefined) {
    const reason = tuple(atom("no_translation"), UNICODE, atom("latin1"));
    return tuple(ERROR, reason);
  }
  if (isBinary) return bytes ?? text;
  return bytes === undefined
    ? [...text].map((character) => character.codePointAt(0)!)
    : [...bytes];
}
