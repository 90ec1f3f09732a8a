/** Global names and locks, over random lives of a simulated cluster. */

import { GLOBAL } from "./_simulated_global.ts";
import { livesTest } from "./_simulated_lives.ts";

livesTest("global", GLOBAL, 60, import.meta.url);
