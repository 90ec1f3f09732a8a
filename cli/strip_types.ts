/**
 * TypeScript without its types, by what the runtime has for it.
 *
 * @module
 */

import * as module from "node:module";
import nodeProcess from "node:process";

/** A complaint of Bun's transpiler, or several as `errors`. */
interface BunError {
  message: string;
  position?: { line: number; column: number } | null;
  errors?: BunError[];
}

/** What is needed of Bun, which has no `stripTypeScriptTypes`. */
interface Bun {
  Transpiler: new (options: object) => { transformSync(code: string): string };
}

/**
 * Takes the types out of code.
 *
 * @param code TypeScript or JavaScript.
 * @param options `"strip"` takes types only; `"transform"` also writes what is more, as an `enum`.
 * @returns JavaScript.
 * @throws {Error} If it does not parse; line and column are at the end of the message.
 */
export function stripTypeScriptTypes(
  code: string,
  options: { mode: "strip" | "transform" },
): string {
  // Bun refuses to load who imports a name that a module lacks.
  const { stripTypeScriptTypes: strip } = module as Partial<typeof module>;
  const { Bun: bun } = globalThis as { Bun?: Bun };
  if (strip !== undefined || bun === undefined) {
    return withoutWarnings(() => strip!(code, options));
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

/** Node warns that this is experimental, in the midst of what its user types. */
function withoutWarnings<T>(fn: () => T): T {
  const { emitWarning } = nodeProcess;
  nodeProcess.emitWarning = () => {};
  try {
    return fn();
  } finally {
    nodeProcess.emitWarning = emitWarning;
  }
}
