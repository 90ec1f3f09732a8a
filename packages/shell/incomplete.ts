/** Detects incomplete code, which continues on the next line. */

import { parse } from "acorn";
import { stripTypeScriptTypes } from "./cli/strip_types.ts";

/** Closes open constructs: the position of the parser's error then shows whether the code had any. */
const END = ")]}";

type Status = "complete" | "incomplete" | "wrong";

/** Whether code is incomplete: it does not parse, but may parse when more is added. */
export function isIncomplete(source: string): boolean {
  // Elixir's names such as Node.alive? and its import Enum are complete, although a condition or an import could go on.
  if (/^\s*[A-Za-z_$][\w$.]*\?(?:\(.*\))?\s*$/.test(source)) return false;
  if (/^\s*import\s+[A-Z]\w*\s*$/.test(source)) return false;
  const status = statusOf(source);
  // Code that begins like a block may be an object.
  return status === "incomplete" ||
    (status === "wrong" && /^\s*\{/.test(source) &&
      statusOf(`(${source}`) === "incomplete" &&
      statusOf(`(${source})`) !== "complete");
}

function statusOf(source: string): Status {
  let code: string;
  try {
    code = stripTypeScriptTypes(source, { mode: "strip" });
  } catch {
    return statusOfTypeScript(source);
  }
  try {
    parse(code, { ecmaVersion: "latest", sourceType: "module" });
    return "complete";
  } catch (error) {
    const { pos, message } = error as { pos?: number; message: string };
    return (pos !== undefined && pos >= code.length) || isOpenText(message)
      ? "incomplete"
      : "wrong";
  }
}

/** Finds the error in code that is invalid or has more than types, with TypeScript's parser. */
function statusOfTypeScript(source: string): Status {
  const first = transformError(source);
  if (first === undefined) {
    // An `enum`, or an unterminated comment, which parses as empty.
    return source.lastIndexOf("/*") > source.lastIndexOf("*/")
      ? "incomplete"
      : "complete";
  }
  // Strings and regular expressions end with their line, so no further line completes them.
  if (/Unterminated (?:string|regexp)/.test(first)) return "wrong";
  const typed = source.trimEnd();
  const error = transformError(`${typed}\n${END}`);
  if (error === undefined || isOpenText(error)) return "incomplete";
  const [, line] = /:(\d+):\d+\s*$/.exec(error) ?? [];
  return Number(line) > typed.split("\n").length ? "incomplete" : "wrong";
}

function transformError(source: string): string | undefined {
  try {
    stripTypeScriptTypes(source, { mode: "transform" });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function isOpenText(message: string): boolean {
  return /Unterminated (?:template|comment|block comment)/i.test(message);
}
