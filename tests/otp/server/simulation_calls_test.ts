/** Calls, casts and aliases, over random lives of a simulated cluster. */

import { CALLS } from "./_simulated_calls.ts";
import { livesTest } from "../../_simulated_lives.ts";

livesTest("calls", CALLS, 60);
