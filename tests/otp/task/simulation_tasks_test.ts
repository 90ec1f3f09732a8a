/** Tasks, over random lives of a simulated cluster. */

import { livesTest } from "../../_simulated_lives.ts";
import { TASKS } from "./_simulated_tasks.ts";

livesTest("tasks", TASKS, 40);
