/** Registries, over random lives of a simulated cluster. */

import { livesTest } from "../../_simulated_lives.ts";
import { REGISTRIES } from "./_simulated_registries.ts";

livesTest("registries", REGISTRIES, 40);
