/** The chat in tests: for every recipient, the tasks run on this node. */

import type { ServerRef } from "../../task_supervisor.ts";

/** The settings of the environment `test`. */
const config = {
  chat: {
    remoteSupervisor: (_recipient: string): ServerRef => "Chat.TaskSupervisor",
  },
};

export default config;
