/** A node as a handshake sees it, which admits every peer. */

import { randomBytes } from "node:crypto";
import { Budget } from "../packages/node/connections/budget.ts";
import { DEFAULT_LIMITS, type Local } from "../packages/node/wire.ts";
import { BeamFunctions } from "../packages/beam/functions/beam_functions.ts";
import { Modules } from "../packages/processes/remote/exported_modules.ts";

/** A visible node that admits every peer. */
export function localOf(
  node: Pick<Local, "name" | "creation" | "cookie"> & Partial<Local>,
): Local {
  return {
    hidden: false,
    limits: DEFAULT_LIMITS,
    randomBytes,
    parts: new Budget(Infinity),
    functions: new BeamFunctions(new Modules()),
    admit: () => ({
      status: "ok",
      confirm: () => Promise.resolve("ok" as const),
      isElsewhere: () => false,
    }),
    ...node,
  };
}
