/** Requests to a Task.Supervisor as they are sent. */

import type { StartTask } from "../gen/messages.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import type { Mfa, Runnable } from "../../core/signals/signal.ts";
import type { Pid, Ref } from "../../core/values/pid.ts";
import {
  type CopyField,
  ServerRequest,
} from "../../core/values/server_message.ts";
import { copyTerm } from "../../core/values/term.ts";
import { startedFromOtp, startTaskToOtp } from "./task_otp.ts";

/** A request for a task. */
export class StartTaskRequest extends ServerRequest implements StartTask {
  readonly type = "start_task";
  readonly run: Runnable;
  readonly link: boolean;
  /** Absent, not `undefined`, without a reference: an `undefined` field would be sent. */
  declare readonly task?: Ref;
  readonly callers: Pid[];
  readonly restart: StartTask["restart"];
  readonly shutdown: StartTask["shutdown"];
  /** An object that the copies of this request share. */
  readonly #otp: { owner: LocalProcess; mfa: Mfa | undefined };

  /** Creates a request from its fields and the process for which the task runs. */
  constructor(
    { run, link, task, callers, restart, shutdown }: Omit<StartTask, "type">,
    owner: LocalProcess,
    otp: { owner: LocalProcess; mfa: Mfa | undefined } = {
      owner,
      mfa: undefined,
    },
  ) {
    super();
    this.run = run;
    this.link = link;
    if (task !== undefined) (this as { task?: Ref }).task = task;
    this.callers = callers;
    this.restart = restart;
    this.shutdown = shutdown;
    this.#otp = otp;
  }

  /** The function and the arguments at the moment when this request was sent to a BEAM. */
  get mfa(): Mfa | undefined {
    return this.#otp.mfa;
  }

  override toOtp(): unknown {
    const { owner } = this.#otp;
    const { functions, maxDepth } = owner.runtime;
    const [module, name, args] = functions.called(this.run);
    // The arguments are sent in the second step, and the caller may have changed them by then.
    const mfa: Mfa = [module, name, copyTerm(args, maxDepth) as unknown[]];
    this.#otp.mfa = mfa;
    return startTaskToOtp(this, owner.pid, mfa);
  }

  override fromOtp(reply: unknown): unknown {
    return startedFromOtp(reply);
  }

  override kept(copy: CopyField, left: number, max: number): this {
    const fields = copy({ ...this }, left + 1, max) as StartTask;
    const otp = this.#otp;
    return new StartTaskRequest(fields, otp.owner, otp) as this;
  }
}
