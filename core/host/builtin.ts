/**
 * Modules of the host that few programs need.
 *
 * @module
 */

import nodeProcess from "node:process";

interface Builtins {
  "node:fs": typeof import("node:fs");
  "node:readline": typeof import("node:readline");
  "node:util": typeof import("node:util");
}

/**
 * Returns a module of the host, and loads it when it is first requested. An `import` would be part of every
 * program's start, and so would a reference to the function of the process, which takes Deno 1 ms.
 */
export function builtin<Id extends keyof Builtins>(id: Id): Builtins[Id] {
  return nodeProcess.getBuiltinModule(id) as Builtins[Id];
}
