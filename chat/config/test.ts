/**
 * The chat as it is tested: whoever the recipient is, everything runs on this node.
 *
 * @module
 */

import type { TaskSupervisorRef } from "../../task_supervisor.ts";

/** What is set in the environment `test`. */
const config = {
  chat: {
    remoteSupervisor: (_recipient: string): TaskSupervisorRef =>
      "Chat.TaskSupervisor",
  },
};

export default config;
