/** The names that closures from other nodes can use: the library's and the exported modules' names. */

import * as library from "./closure_scope.ts";
import type { Modules } from "../core/remote/exported_modules.ts";

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/**
 * Compiles a closure's source to a function.
 *
 * @param source A function expression.
 * @param modules The exported modules, which take precedence over the library's names.
 * @param node The names of `node.ts`, which is in the layer above this file.
 * @returns The function.
 * @throws {SyntaxError} If the source is not a function expression.
 */
export function compileClosure(
  source: string,
  modules: Modules,
  node: Record<string, unknown>,
): (...args: unknown[]) => unknown {
  const scope: Record<string, unknown> = { ...library, ...node };
  for (const [name, module] of modules.entries()) {
    if (IDENTIFIER.test(name)) scope[name] = module;
  }
  const make = new Function(
    ...Object.keys(scope),
    `"use strict"; return (${source});`,
  );
  const fn = make(...Object.values(scope));
  if (typeof fn !== "function") throw new SyntaxError("no function");
  return fn;
}
