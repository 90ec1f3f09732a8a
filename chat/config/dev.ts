/**
 * The chat as it is used: a message goes to the recipient's node.
 *
 * @module
 */

import type { TaskSupervisorRef } from "../../task_supervisor.ts";

/** What is set in the environment `dev`. */
const config = {
  chat: {
    remoteSupervisor: (recipient: string): TaskSupervisorRef => ({
      name: "Chat.TaskSupervisor",
      node: recipient,
    }),
  },
};

export default config;
