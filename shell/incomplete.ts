/**
 * Whether code ends too early, so that more lines are to come.
 *
 * @module
 */

import { parse } from "acorn";
import { stripTypeScriptTypes } from "../cli/strip_types.ts";

/** Shuts what is open, so that where the error is tells whether something was. */
const END = ")]}";

type Status = "complete" | "incomplete" | "wrong";

/**
 * Whether code is unfinished: it does not parse, and may when more is added.
 *
 * @param source TypeScript or JavaScript.
 */
export function isIncomplete(source: string): boolean {
  // A name of Elixir's, such as Node.alive?, and hardly the first half of a condition.
  if (/^\s*[A-Za-z_$][\w$.]*\?(?:\(.*\))?\s*$/.test(source)) return false;
  const status = statusOf(source);
  // What begins like a block may be an object.
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

/** What is wrong or has more than types: TypeScript's parser says where. */
function statusOfTypeScript(source: string): Status {
  const first = transformError(source);
  if (first === undefined) {
    // An `enum`, or a comment that does not end, which is taken for nothing.
    return source.lastIndexOf("/*") > source.lastIndexOf("*/")
      ? "incomplete"
      : "complete";
  }
  // These end with their line, and nothing that follows helps.
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
