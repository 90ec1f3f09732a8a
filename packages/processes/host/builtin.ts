/** Modules of the host that few programs need. */

import nodeProcess from "node:process";

interface Builtins {
  "node:fs": typeof import("node:fs");
  "node:readline": typeof import("node:readline");
  "node:util": typeof import("node:util");
}

/**
 * Loads a module of the host on first use. An `import` would load it at every program's start, and even a reference
 * to the host's loading function takes Deno 1 ms.
 */
export function builtin<Id extends keyof Builtins>(id: Id): Builtins[Id] {
  return nodeProcess.getBuiltinModule(id) as Builtins[Id];
}
