/** The chat in use: a message goes to the recipient's node. */

import type { ServerRef } from "../../task_supervisor.ts";

/** The settings of the environment `dev`. */
const config = {
  chat: {
    remoteSupervisor: (recipient: string): ServerRef => ({
      name: "Chat.TaskSupervisor",
      node: recipient,
    }),
  },
};

export default config;
