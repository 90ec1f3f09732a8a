/** The shell of a node with `allowRemsh`. The node loads it when the first client attaches. */

import { shellOf } from "@otp/shell/remsh";
import * as library from "../mod.ts";
import type { RemoteShell } from "@otp/shell/part";

/** The shell, with the names of this package in scope. */
export const shellForOthers: RemoteShell = shellOf(library);
