/** Node monitors, over random lives of a simulated cluster. */

import { livesTest } from "../_simulated_lives.ts";
import { NODE_MONITORS } from "./_simulated_node_monitors.ts";

livesTest("node monitors", NODE_MONITORS, 60);
