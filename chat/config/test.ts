/**
 * The chat in tests: for every recipient, the tasks run on this node.
 *
 * @module
 */

import type { TaskSupervisorRef } from "../../task_supervisor.ts";

/** The settings of the environment `test`. */
const config = {
  chat: {
    remoteSupervisor: (_recipient: string): TaskSupervisorRef =>
      "Chat.TaskSupervisor",
  },
};

export default config;
