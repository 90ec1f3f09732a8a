/**
 * Modules of the host that few programs need.
 *
 * @module
 */

import nodeProcess from "node:process";

/**
 * A module of the host, which is loaded when it is first asked for: an `import` of it would be a part of
 * every program's start.
 */
export const builtin: typeof nodeProcess.getBuiltinModule = nodeProcess
  .getBuiltinModule;
