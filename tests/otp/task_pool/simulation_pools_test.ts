/** Pools, over random lives of a simulated cluster. */

import { livesTest } from "../../_simulated_lives.ts";
import { POOLS } from "../../_simulated_pools.ts";

livesTest("pools", POOLS, 40);
