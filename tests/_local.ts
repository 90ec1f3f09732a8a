/** A node as a handshake sees it, which admits every peer. */

import { randomBytes } from "node:crypto";
import { Budget } from "../net/budget.ts";
import { DEFAULT_LIMITS, type Local } from "../net/wire.ts";
import { BeamFunctions } from "../core/remote/beam_functions.ts";
import { Modules } from "../core/remote/exported_modules.ts";

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
