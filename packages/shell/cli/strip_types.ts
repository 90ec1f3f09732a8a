/** Strips types from TypeScript with the host's own function. */

import * as module from "node:module";
import nodeProcess from "node:process";

/** An error of Bun's transpiler, or several in `errors`. */
interface BunError {
  message: string;
  position?: { line: number; column: number } | null;
  errors?: BunError[];
}

/** The part of Bun that is used in place of `stripTypeScriptTypes`, which it lacks. */
interface Bun {
  Transpiler: new (options: object) => { transformSync(code: string): string };
}

/**
 * Removes the types from code: `"strip"` removes types only, `"transform"` also compiles constructs such as `enum`.
 * Throws an `Error` if the code does not parse; line and column are at the end of the message.
 */
export function stripTypeScriptTypes(
  code: string,
  options: { mode: "strip" | "transform" },
): string {
  // Bun refuses to load a module that imports a missing name.
  const { stripTypeScriptTypes: strip } = module as Partial<typeof module>;
  const { Bun: bun } = globalThis as { Bun?: Bun };
  if (strip !== undefined || bun === undefined) {
    try {
      return withoutWarnings(() => strip!(code, options));
    } catch (error) {
      throw positioned(error as Error);
    }
  }
  const transpiler = new bun.Transpiler({
    loader: "ts",
    target: "bun",
    deadCodeElimination: false,
  });
  try {
    return transpiler.transformSync(code);
  } catch (error) {
    const first = (error as BunError).errors?.[0] ?? (error as BunError);
    const { message, position } = first;
    throw new SyntaxError(
      position ? `${message}\n:${position.line}:${position.column}` : message,
    );
  }
}

/**
 * Adds its position to an error of Node.js, which has it in its stack alone: `:2`, the line, then the code up to there,
 * and a caret below it, but none for the end of the code.
 */
function positioned(error: Error): Error {
  const [, line, code] =
    /^:(\d+)\n([^]*?)\n\nSyntaxError/.exec(error.stack ?? "") ??
      [];
  if (line !== undefined) {
    const last = code.split("\n").at(-1)!;
    const caret = /^\s*(?=\^+$)/.exec(last)?.[0] ?? last;
    error.message += `\n:${line}:${caret.length + 1}`;
  }
  return error;
}

/** Suppresses Node's warning about an experimental function, which would appear in the user's input. */
function withoutWarnings<T>(fn: () => T): T {
  const { emitWarning } = nodeProcess;
  nodeProcess.emitWarning = () => {};
  try {
    return fn();
  } finally {
    nodeProcess.emitWarning = emitWarning;
  }
}
