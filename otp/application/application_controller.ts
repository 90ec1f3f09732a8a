/**
 * The application controller of a node: one process, which starts a master (`application_master.ts`) for each
 * application.
 *
 * States of an application: `starting`, `running`, `stopping`; otherwise it is not started. The controller
 * starts a master, which runs the application's `start`, links to its top supervisor and sends
 * `application_started`. `stop_application` has the master end the top supervisor; `prepStop` and `stop` of the
 * application run before and after. The EXIT of the master ends each state, and answers all that wait.
 *
 * Races: a stop can come while the application starts; the master takes it when the start is done, and those
 * that wait for the start are answered first. A start that comes while it stops is kept (`restarters`) and runs
 * after the EXIT. If the top supervisor ends by itself, the master ends with its reason, and a stop that comes in
 * that time is answered by the same EXIT. If the controller ends, its masters stop their applications.
 *
 * @module
 */

import {
  applicationEvent,
  applicationLevel,
} from "../../core/log/supervisor_report.ts";
import type { Pid } from "../../core/values/pid.ts";
import type { ReplyTo } from "../../core/values/reply_to.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import type { Runtime } from "../../core/processes/runtime.ts";
import { sendableReason } from "../../core/values/sendable_reason.ts";
import { tell } from "../gen/call.ts";
import { fromNode } from "../gen/messages.ts";
import {
  BADARG,
  isExitFrom,
  NO_REPLY,
  serve,
  type Server,
} from "../gen/server.ts";
import { applicationEnded } from "../supervisor/tree_end.ts";
import { ApplicationEnvironment } from "./application_environment.ts";
import {
  type ApplicationStarted,
  runApplication,
  type StopApplication,
} from "./application_master.ts";
import type { ApplicationSpec } from "./application_spec.ts";

/** A request to the controller. */
export type ApplicationRequest =
  | { type: "which_applications" }
  | { type: "start_application"; name: string }
  | { type: "stop_application"; name: string; timeout: number };

/** The answer of the controller to a start or stop; `which_applications` is answered with names. */
export type ApplicationReply =
  | "ok"
  | "already_started"
  | "not_started"
  | { type: "error"; reason: unknown };

/**
 * The meaning of the exit of an application's top supervisor for its node: the program ends (`"permanent"`); it ends
 * unless the reason is `"normal"` (`"transient"`); nothing (`"temporary"`).
 */
export type ApplicationType = "permanent" | "transient" | "temporary";

interface Started {
  readonly spec: ApplicationSpec;
  readonly master: LocalProcess;
  /** Its top supervisor, once it runs. */
  top: Pid | undefined;
  state: "starting" | "running" | "stopping";
  /** Callers that wait for its start. */
  readonly starters: ReplyTo[];
  /** Callers that wait for its end. */
  readonly stoppers: ReplyTo[];
  /** Callers that want it started again once it has stopped. */
  readonly restarters: ReplyTo[];
}

/** The applications of a node. */
export class Applications {
  /** The settings of the applications. */
  readonly env: ApplicationEnvironment = new ApplicationEnvironment();
  /** Applications that can be started by name. */
  readonly specs: Map<string, ApplicationSpec> = new Map();
  /** How they were started last. */
  readonly types: Map<string, ApplicationType> = new Map();
  readonly #runtime: Runtime;
  readonly #started = new Map<string, Started>();
  readonly #loaded = new Map<string, ApplicationSpec>();
  #controller: LocalProcess | undefined;

  /** Made for a node. */
  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** The names of the applications that run, in the order of their start. */
  running(): string[] {
    if (!this.#controller?.alive) return [];
    return [...this.#started.values()]
      .filter(({ state }) => state === "running").map(({ spec }) => spec.name);
  }

  /** An application that has been started, by its name; it stays loaded when it has stopped. */
  loaded(name: string): ApplicationSpec | undefined {
    return this.#loaded.get(name);
  }

  /** The controller's pid; it is started when it is first needed. */
  controller(): Pid {
    if (this.#controller?.alive) return this.#controller.pid;
    this.#started.clear();
    const runtime = this.#runtime;
    const process: LocalProcess = runtime.spawn(
      () => serve(process, new Controller(process, this, this.#started)),
      {
        label: "application_controller",
        kind: "server",
        groupLeader: runtime.names.get("user")?.pid,
      },
    );
    process.trapExit = true;
    runtime.register("application_controller", process);
    this.#controller = process;
    return process.pid;
  }

  /** Loads an application, and the environment that it brings with it, once. */
  load(spec: ApplicationSpec): void {
    if (this.#loaded.get(spec.name) === spec) return;
    this.#loaded.set(spec.name, spec);
    this.env.load(spec);
  }
}

const applications = new WeakMap<Runtime, Applications>();

/** The applications of a node. */
export function applicationsOf(runtime: Runtime): Applications {
  let found = applications.get(runtime);
  if (found === undefined) {
    applications.set(runtime, found = new Applications(runtime));
  }
  return found;
}

class Controller implements Server {
  readonly #process: LocalProcess;
  readonly #applications: Applications;
  readonly #started: Map<string, Started>;

  constructor(
    process: LocalProcess,
    applications: Applications,
    started: Map<string, Started>,
  ) {
    this.#process = process;
    this.#applications = applications;
    this.#started = started;
  }

  call(request: unknown, caller: ReplyTo): unknown {
    const asked = request as ApplicationRequest | null;
    switch (asked?.type) {
      case "which_applications":
        return this.#applications.running();
      case "start_application":
        return this.#start(asked.name, caller);
      case "stop_application": {
        const { timeout } = asked;
        if (typeof timeout !== "number" || !(timeout >= 0)) return BADARG;
        const started = this.#started.get(asked.name);
        if (started === undefined) return "not_started";
        const reply = this.#wait(started.stoppers, caller);
        if (reply === NO_REPLY) this.#stop(started, timeout);
        return reply;
      }
      default:
        return BADARG;
    }
  }

  info(message: unknown): void {
    const { node } = this.#process.runtime;
    const told = fromNode(message, node) as ApplicationStarted | undefined;
    if (told?.type === "application_started") return this.#running(told);
    for (const started of this.#started.values()) {
      if (!isExitFrom(message, started.master.pid)) continue;
      this.#ended(started, message.reason);
      return;
    }
  }

  #running({ name, top }: ApplicationStarted): void {
    const started = this.#started.get(name);
    if (started === undefined) return;
    started.top = top;
    if (started.state === "starting") started.state = "running";
    this.#answer(started.starters, "ok");
  }

  #start(name: string, caller: ReplyTo): ApplicationReply | typeof NO_REPLY {
    const known = this.#started.get(name);
    if (known?.state === "running") return "already_started";
    if (known !== undefined) {
      const { state, starters, restarters } = known;
      return this.#wait(state === "starting" ? starters : restarters, caller);
    }
    const spec = this.#applications.specs.get(name);
    if (spec === undefined) return { type: "error", reason: "enoent" };
    const starters: ReplyTo[] = [];
    const reply = this.#wait(starters, caller);
    if (reply !== NO_REPLY) return reply;
    this.#applications.load(spec);
    const controller = this.#process;
    const master: LocalProcess = controller.runtime.spawn(
      () => runApplication(master, spec, controller.pid),
      {
        label: `application ${name}`,
        parent: controller.pid,
        groupLeader: controller.groupLeader,
        linkParent: controller,
      },
    );
    master.trapExit = true;
    this.#started.set(name, {
      spec,
      master,
      top: undefined,
      state: "starting",
      starters,
      stoppers: [],
      restarters: [],
    });
    return NO_REPLY;
  }

  #stop(started: Started, timeout: number): void {
    if (started.state === "stopping") return;
    started.state = "stopping";
    const stop: StopApplication = { type: "stop_application", timeout };
    tell(this.#process, started.master.pid, stop);
  }

  #ended(started: Started, reason: unknown): void {
    const { spec: { name }, state, starters, stoppers, restarters } = started;
    const { runtime } = this.#process;
    this.#started.delete(name);
    if (state === "running") {
      runtime.report(
        applicationLevel(reason),
        () => applicationEvent(name, reason),
      );
      if (this.#endsProgram(name, reason)) {
        applicationEnded(runtime, name, started.top, reason);
      }
    }
    const failed = sendableReason(reason, runtime.maxDepth);
    this.#answer(starters, { type: "error", reason: failed });
    this.#answer(stoppers, "ok");
    for (const caller of restarters) {
      this.#process.dropFor(caller.pid.node);
      const reply = this.#start(name, caller);
      if (reply !== NO_REPLY) this.#process.reply(caller, reply);
    }
  }

  #endsProgram(name: string, reason: unknown): boolean {
    const type = this.#applications.types.get(name) ?? "permanent";
    return type === "permanent" || type === "transient" && reason !== "normal";
  }

  /** Has a caller wait for its answer. */
  #wait(
    callers: ReplyTo[],
    caller: ReplyTo,
  ): ApplicationReply | typeof NO_REPLY {
    if (!this.#process.keepFor(caller.pid.node)) {
      return { type: "error", reason: "system_limit" };
    }
    callers.push(caller);
    return NO_REPLY;
  }

  #answer(callers: ReplyTo[], reply: ApplicationReply): void {
    for (const caller of callers.splice(0)) {
      this.#process.dropFor(caller.node);
      this.#process.reply(caller, reply);
    }
  }
}
