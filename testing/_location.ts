/**
 * Where a test was registered: the line that Deno shows for a test that fails.
 *
 * @module
 */

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

/** Where the running code was called from: a line of the test file, or at least none of the harness. */
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
 * The file under a name that has no source map: with one slash too many. Deno leaves that slash out
 * where it ends the working folder.
 */
function unmapped(file: string): string {
  const folder = `${pathToFileURL(nodeProcess.cwd()).href}/`;
  return file.startsWith(folder)
    ? `${folder}/${file.slice(folder.length)}`
    : file.replace(/\/(?=[^/]*$)/, "//");
}

/**
 * Registers a test with Deno as if by the line that called the harness.
 *
 * Deno takes the place from the script that calls `Deno.test`, so a script of that name makes the call,
 * at that line. The file's source map must not be applied, as the place is mapped already.
 */
export function registerTest(definition: Deno.TestDefinition): void {
  const place = callerOf();
  if (place === undefined) return Deno.test(definition);
  const indent = " ".repeat(place.column - 1);
  const register = runInThisContext(
    `(register, test) =>\n${indent}register(test)`,
    {
      filename: unmapped(place.file),
      lineOffset: place.line - 2,
    },
  );
  register(Deno.test, definition);
}
