/** The request to a Task.Supervisor for a task. */

import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Code } from "@otp/processes/remote/exported_modules";
import type { Runnable } from "@otp/processes/signals/signal";
import type { Pid, Ref } from "@otp/processes/values/pid";
import {
  type CopyField,
  ServerRequest,
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
  /**
   * The function that it runs. Code, which no wire carries, comes from this node: from a process of the node, or from
   * the package whose wire received the request.
   */
  run: Runnable | Code;
  restart: ChildRestart;
  shutdown: ChildShutdown;
  /** The callers of the task: the owner first. */
  callers: Pid[];
}

/** A wire's part in a start of two steps: the supervisor starts the task, and then the owner sends the task its work. */
interface SecondStep {
  readonly owner: LocalProcess;
  /** Creates the message with the work, for a result that goes to `ref`; set when the request is encoded. */
  work: ((ref: Ref) => unknown) | undefined;
}

/** A request for a task, as its owner sends it. */
export class StartTaskRequest extends ServerRequest implements StartTask {
  readonly type = "start_task";
  readonly run: Runnable | Code;
  readonly link: boolean;
  /** Absent, not `undefined`, without a reference: an `undefined` field would be sent. */
  declare readonly task?: Ref;
  readonly callers: Pid[];
  readonly restart: StartTask["restart"];
  readonly shutdown: StartTask["shutdown"];
  /** An object that the copies of this request share. */
  readonly #second: SecondStep;

  /** Creates a request from its fields and the process for which the task runs. */
  constructor(
    { run, link, task, callers, restart, shutdown }: Omit<StartTask, "type">,
    owner: LocalProcess,
    second: SecondStep = { owner, work: undefined },
  ) {
    super();
    this.run = run;
    this.link = link;
    if (task !== undefined) (this as { task?: Ref }).task = task;
    this.callers = callers;
    this.restart = restart;
    this.shutdown = shutdown;
    this.#second = second;
  }

  override get protocol(): string {
    return "TaskSupervisor";
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

  /** A request with code shares nothing with its sender: it has copies of the arguments already. */
  override copied(copy: CopyField, left: number, max: number): unknown {
    return "fn" in this.run ? this : super.copied(copy, left, max);
  }

  override kept(copy: CopyField, left: number, max: number): this {
    const fields = copy({ ...this }, left + 1, max) as StartTask;
    const second = this.#second;
    return new StartTaskRequest(fields, second.owner, second) as this;
  }
}
