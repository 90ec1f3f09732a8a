/** Supervisors, over random lives of a simulated cluster. */

import { livesTest } from "../../_simulated_lives.ts";
import { SUPERVISORS } from "./_simulated_supervisors.ts";

livesTest("supervisors", SUPERVISORS, 40);
