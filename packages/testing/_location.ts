/** The line where a test was registered, which Deno shows if the test fails. */

import nodeProcess from "node:process";
import { pathToFileURL } from "node:url";
import { runInThisContext } from "node:vm";

interface Place {
  file: string;
  line: number;
  column: number;
}

const FRAME = /\(?(file:\/\/\S+?):(\d+):(\d+)\)?$/;
const HARNESS = new URL("./", import.meta.url).href;

/** Finds the caller: the innermost frame in the test file, else the innermost frame outside the harness. */
function callerOf(): Place | undefined {
  const frames = (new Error().stack ?? "").split("\n").flatMap((line) => {
    const [, file, row, column] = FRAME.exec(line) ?? [];
    return file === undefined || file.startsWith(HARNESS)
      ? []
      : [{ file, line: Number(row), column: Number(column) }];
  });
  return frames.find(({ file }) => file === Deno.mainModule) ?? frames[0];
}

/**
 * Returns the file's name with a doubled slash, under which no source map is registered. Deno omits the second slash
 * when it follows the working folder.
 */
function unmapped(file: string): string {
  const folder = `${pathToFileURL(nodeProcess.cwd()).href}/`;
  return file.startsWith(folder)
    ? `${folder}/${file.slice(folder.length)}`
    : file.replace(/\/(?=[^/]*$)/, "//");
}

/**
 * Registers a test with Deno as if the caller's line had called `Deno.test`.
 *
 * Deno reports the script that calls `Deno.test`, so a script with the test file's name makes the call at the same
 * line. Deno must not apply the file's source map, because the line is already mapped.
 */
export function registerTest(definition: Deno.TestDefinition): void {
  const place = callerOf();
  if (place === undefined) return Deno.test(definition);
  const indent = " ".repeat(place.column - 1);
  const register = runInThisContext(
    `(register, test) =>\n${indent}register(test)`,
    { filename: unmapped(place.file), lineOffset: place.line - 2 },
  );
  register(Deno.test, definition);
}
