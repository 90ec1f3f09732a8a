/** The request to a Task.Supervisor for a task. */

import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runnable } from "@otp/processes/signals/signal";
import type { Pid, Ref } from "@otp/processes/values/pid";
import {
  type CopyField,
  OwnRequest,
} from "@otp/processes/values/server_message";
import type { ChildRestart, ChildShutdown } from "../server/child_spec.ts";

/** Asks a Task.Supervisor for a task, which the caller owns. */
export interface StartTask {
  type: "start_task";
  /**
   * The task's reference: the monitor, and the alias of the task's result. Without a reference, the task is not
   * awaited.
   */
  task?: Ref;
  /** Whether the owner is linked to the task. */
  link: boolean;
  /** The function that it runs. */
  run: Runnable;
  restart: ChildRestart;
  shutdown: ChildShutdown;
  /** The callers of the task: the owner first. */
  callers: Pid[];
}

/** The second step of a start on a wire whose supervisors start a task first, and get its work from the owner then. */
interface SecondStep {
  readonly owner: LocalProcess;
  /** Creates the message with the work, for a result that goes to `ref`; set when the request is encoded. */
  work: ((ref: Ref) => unknown) | undefined;
}

/** A request for a task, as its owner sends it. */
export class StartTaskRequest extends OwnRequest implements StartTask {
  declare readonly type: "start_task";
  declare readonly task?: Ref;
  declare readonly run: Runnable;
  declare readonly link: boolean;
  declare readonly callers: Pid[];
  declare readonly restart: ChildRestart;
  declare readonly shutdown: ChildShutdown;
  /** An object that the copies of this request share. */
  readonly #second: SecondStep;

  /** Creates a request from its fields and the process for which the task runs. */
  constructor(
    fields: StartTask,
    owner: LocalProcess,
    second: SecondStep = { owner, work: undefined },
  ) {
    super(fields, "TaskSupervisor");
    this.#second = second;
  }

  /** The process for which the task runs. */
  get owner(): LocalProcess {
    return this.#second.owner;
  }

  /** Creates the message that gives a started task its work; `undefined` if the supervisor has the work. */
  get work(): SecondStep["work"] {
    return this.#second.work;
  }

  /** Called by a wire whose supervisors start tasks without their work. */
  setWork(work: (ref: Ref) => unknown): void {
    this.#second.work = work;
  }

  override copiedWithBrand(copy: CopyField, left: number, max: number): this {
    const fields = copy({ ...this }, left + 1, max) as StartTask;
    return new StartTaskRequest(fields, this.owner, this.#second) as this;
  }
}
