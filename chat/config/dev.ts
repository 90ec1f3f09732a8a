/**
 * The chat in use: a message goes to the recipient's node.
 *
 * @module
 */

import type { TaskSupervisorRef } from "../../task_supervisor.ts";

/** The settings of the environment `dev`. */
const config = {
  chat: {
    remoteSupervisor: (recipient: string): TaskSupervisorRef => ({
      name: "Chat.TaskSupervisor",
      node: recipient,
    }),
  },
};

export default config;
