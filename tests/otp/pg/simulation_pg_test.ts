/** Process groups, over random lives of a simulated cluster. */

import { livesTest } from "../../_simulated_lives.ts";
import { PG } from "./_simulated_pg.ts";

livesTest("pg", PG, 40);
