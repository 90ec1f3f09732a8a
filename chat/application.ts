/**
 * The chat application: its supervisor, and its task supervisor.
 *
 * @module
 */

import type { ApplicationSpec } from "@otp/servers/application/application";
import { Supervisor } from "@otp/servers/supervisor/supervisor";
import { type ServerRef, TaskSupervisor } from "../task_supervisor.ts";
import dev from "./config/dev.ts";

/** Returns the supervisor that runs the tasks for a recipient's node: a name here, or a name on a node. */
export type RemoteSupervisor = (recipient: string) => ServerRef;

/**
 * The application `chat`: `Chat.Supervisor`, with `Chat.TaskSupervisor` under it.
 *
 * By default, tasks for a recipient run on the recipient's node.
 *
 * @example Usage
 * ```ts
 * import { Application } from "@otp/distribution/application";
 * import { chat } from "@otp/distribution/chat/application";
 * import { Process } from "@otp/distribution/process";
 * import { assert } from "@std/assert";
 *
 * await Application.start(chat);
 * assert(Process.whereis("Chat.TaskSupervisor"));
 * await Application.stop("chat");
 * ```
 */
export const chat: ApplicationSpec = {
  name: "chat",
  env: dev.chat,
  start: () =>
    Supervisor.startLink(
      [[TaskSupervisor, { name: "Chat.TaskSupervisor" }]],
      { strategy: "one_for_one", name: "Chat.Supervisor" },
    ),
};
