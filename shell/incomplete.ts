/**
 * Whether code ends too early, so that more lines are to come.
 *
 * @module
 */

import { parse } from "acorn";
import { stripTypeScriptTypes } from "node:module";

/** Ends all that could be open, so that what is open shows in where the error is. */
const END = ")]}";

/**
 * Whether code is unfinished: it may parse when more is added, and does not yet.
 *
 * @param source TypeScript or JavaScript.
 */
export function isIncomplete(source: string): boolean {
  let code: string;
  try {
    code = stripTypeScriptTypes(source, { mode: "strip" });
  } catch {
    return isUnfinishedTypeScript(source);
  }
  try {
    parse(code, {
      ecmaVersion: "latest",
      sourceType: "module",
      // A block that is shut may be an object just as well, of which the evaluator makes sure.
      allowReturnOutsideFunction: true,
    });
    return false;
  } catch (error) {
    const { pos, message } = error as { pos?: number; message: string };
    return pos !== undefined && pos >= code.length || isOpenText(message);
  }
}

/** For what has types, or is wrong: TypeScript's parser says where. */
function isUnfinishedTypeScript(source: string): boolean {
  if (transformError(source) === undefined) {
    // Code with an `enum`, or a comment that does not end, which is taken for nothing.
    return source.lastIndexOf("/*") > source.lastIndexOf("*/");
  }
  const lines = source.trimEnd().split("\n").length;
  const error = transformError(`${source.trimEnd()}\n${END}`);
  if (error === undefined) return true;
  if (isOpenText(error)) return true;
  const [, line] = /:(\d+):\d+\s*$/.exec(error) ?? [];
  return Number(line) > lines;
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
