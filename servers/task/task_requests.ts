/**
 * Requests to a Task.Supervisor as they are sent.
 *
 * @module
 */

import type { StartTask } from "../../gen/messages.ts";
import type { Runnable } from "../../runtime/signals/signal.ts";
import type { Pid, Ref } from "../../runtime/values/pid.ts";
import { ServerRequest } from "../../runtime/values/server_message.ts";

/** Asks for a task. */
export class StartTaskRequest extends ServerRequest implements StartTask {
  readonly type = "start_task";
  readonly run: Runnable;
  readonly link: boolean;
  /** Absent without a reference: a field that is `undefined` would be sent. */
  declare readonly task?: Ref;
  readonly callers: Pid[];
  readonly restart: StartTask["restart"];
  readonly shutdown: StartTask["shutdown"];

  /** Creates a request from its fields. */
  constructor(
    run: Runnable,
    link: boolean,
    task: Ref | undefined,
    callers: Pid[],
    restart: StartTask["restart"],
    shutdown: StartTask["shutdown"],
  ) {
    super();
    this.run = run;
    this.link = link;
    if (task !== undefined) (this as { task?: Ref }).task = task;
    this.callers = callers;
    this.restart = restart;
    this.shutdown = shutdown;
  }
}
