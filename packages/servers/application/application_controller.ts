/**
 * The application controller of a node: one process, which starts a master for each
 * application.
 *
 * States of an application: `starting`, `running`, `stopping`; otherwise it is not started. The controller starts a
 * master, which runs the application's `start`, links to its top supervisor and sends `application_started`. On
 * `stop_application` the master ends the top supervisor, with `prepStop` before and `stop` after. The EXIT of the master
 * ends each state, and all waiting callers are answered.
 *
 * Races: the master handles a stop that comes during the start when the start is done, and the callers of the start are
 * answered first. A start that comes during a stop is kept (`restarters`) and runs after the EXIT. If the top supervisor
 * exits by itself, the master exits with the same reason, and the same EXIT answers a stop that comes meanwhile. If the
 * controller exits, its masters stop their applications.
 */

import {
  applicationEvent,
  applicationLevel,
} from "@otp/processes/log/supervisor_report";
import { Pid } from "@otp/processes/values/pid";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { sendableReason } from "@otp/processes/values/sendable_reason";
import { tell } from "../server/call.ts";
import { fromNode, isTyped } from "../server/messages.ts";
import {
  BADARG,
  isExitFrom,
  NO_REPLY,
  serve,
  type Server,
} from "../server/server.ts";
import { applicationEnded } from "../supervisor/tree_end.ts";
import type { ApplicationSpec } from "./application_spec.ts";
import { inspect, quote } from "@otp/processes/values/inspect";
import { shutdownChild } from "../server/stop.ts";
import { terminate } from "@otp/processes/process/deaths";
import { spawnProcess } from "@otp/processes/spawning/spawn_process";

/** A request to the controller. */
export type ApplicationRequest =
  | { type: "which_applications" }
  | { type: "start_application"; name: string }
  | { type: "stop_application"; name: string; timeout: number };

/** The controller's answer to a start or a stop; the answer to `which_applications` is a list of names. */
export type ApplicationReply =
  | "ok"
  | "already_started"
  | "not_started"
  | { type: "error"; reason: unknown };

/**
 * The effect on a node of the exit of an application's top supervisor. `"permanent"`: the program ends.
 * `"transient"`: the program ends, unless the reason is `"normal"`. `"temporary"`: nothing follows.
 */
export type ApplicationType = "permanent" | "transient" | "temporary";

interface Started {
  readonly spec: ApplicationSpec;
  readonly master: LocalProcess;
  /** The top supervisor, once it runs. */
  top: Pid | undefined;
  state: "starting" | "running" | "stopping";
  /** Callers that wait for the start. */
  readonly starters: ReplyTo[];
  /** Callers that wait for the end. */
  readonly stoppers: ReplyTo[];
  /** Callers that want the application started again after the stop. */
  readonly restarters: ReplyTo[];
}

/** The applications of a node. */
export class Applications {
  /** The settings of the applications. */
  readonly env: ApplicationEnvironment = new ApplicationEnvironment();
  /** The applications that can be started by name. */
  readonly specs: Map<string, ApplicationSpec> = new Map();
  /** The types with which the applications were started last. */
  readonly types: Map<string, ApplicationType> = new Map();
  readonly #runtime: Runtime;
  readonly #started = new Map<string, Started>();
  readonly #loaded = new Map<string, ApplicationSpec>();
  #controller: LocalProcess | undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Returns the names of the running applications, in the order of their start. */
  running(): string[] {
    if (!this.#controller?.alive) return [];
    return [...this.#started.values()]
      .filter(({ state }) => state === "running").map(({ spec }) => spec.name);
  }

  /** Returns the process that starts and stops an application's top supervisor, and the supervisor. */
  processesOf(name: string): { master: Pid; top: Pid | undefined } | undefined {
    const started = this.#started.get(name);
    return started && { master: started.master.pid, top: started.top };
  }

  /** Returns an application that has been started, by its name; an application stays loaded after its stop. */
  loaded(name: string): ApplicationSpec | undefined {
    return this.#loaded.get(name);
  }

  /** Returns the controller's pid; starts the controller when it is first needed. */
  controller(): Pid {
    if (this.#controller?.alive) return this.#controller.pid;
    this.#started.clear();
    const runtime = this.#runtime;
    const process: LocalProcess = spawnProcess(
      runtime,
      () => serve(process, new Controller(process, this, this.#started)),
      {
        label: "application_controller",
        kind: "server",
        groupLeader: runtime.names.get("user")?.pid,
      },
    );
    process.trapExit = true;
    runtime.names.register("application_controller", process);
    this.#controller = process;
    return process.pid;
  }

  /** Loads an application and its environment, once. */
  load(spec: ApplicationSpec): void {
    if (this.#loaded.get(spec.name) === spec) return;
    this.#loaded.set(spec.name, spec);
    this.env.load(spec);
  }
}

const applications = new WeakMap<Runtime, Applications>();

/** Returns the applications of a node. */
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
        return typeof asked.name === "string"
          ? this.#start(asked.name, caller)
          : BADARG;
      case "stop_application": {
        const { timeout } = asked;
        const isValid = typeof asked.name === "string" &&
          typeof timeout === "number" && timeout >= 0;
        if (!isValid) return BADARG;
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
    const master: LocalProcess = spawnProcess(
      controller.runtime,
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
      runtime.log.report(
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

  /** Adds a caller to a list of waiting callers. */
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

type Settings = Map<string, Map<string, unknown>>;

/**
 * The settings of a node's applications.
 *
 * The program or a configuration puts a setting, or an application brings it when it is loaded, at its first start. The
 * settings of an application replace other settings, except persistent ones.
 */
class ApplicationEnvironment {
  readonly #values: Settings = new Map();
  readonly #persistent: Settings = new Map();

  /** Returns the settings of an application, if it has any. */
  of(app: string): ReadonlyMap<string, unknown> | undefined {
    return this.#values.get(app);
  }

  /** Puts a setting. */
  put(app: string, key: string, value: unknown, persistent: boolean): void {
    settingsOf(this.#values, app).set(key, value);
    if (persistent) settingsOf(this.#persistent, app).set(key, value);
  }

  /** Deletes a setting. */
  delete(app: string, key: string, persistent: boolean): void {
    this.#values.get(app)?.delete(key);
    if (persistent) this.#persistent.get(app)?.delete(key);
  }

  /** Adds the settings of an application; persistent settings stay. */
  load({ name, env = {} }: ApplicationSpec): void {
    const values = settingsOf(this.#values, name);
    for (const [key, value] of Object.entries(env)) values.set(key, value);
    for (const [key, value] of this.#persistent.get(name) ?? []) {
      values.set(key, value);
    }
  }
}

function settingsOf(settings: Settings, app: string): Map<string, unknown> {
  let values = settings.get(app);
  if (values === undefined) settings.set(app, values = new Map());
  return values;
}

/** Sent by the controller to a master, to stop its application. */
interface StopApplication {
  type: "stop_application";
  /** The time limit for the top supervisor, in milliseconds. */
  timeout: number;
}

/** Sent by a master to its controller when its application runs. */
interface ApplicationStarted {
  type: "application_started";
  name: string;
  /** The application's top supervisor. */
  top: Pid;
}

/**
 * Runs the master process of an application, which traps exits: it runs the application's `start`, links to the top
 * supervisor, and ends it.
 *
 * States: the master awaits `start`, then a message that ends it: the EXIT of the top supervisor or of the controller,
 * or `stop_application`. A message that arrives during `start` is handled afterwards.
 */
async function runApplication(
  process: LocalProcess,
  spec: ApplicationSpec,
  controller: Pid,
): Promise<void> {
  const top: unknown = await spec.start();
  process.assertAlive();
  if (!(top instanceof Pid)) {
    throw new TypeError(
      `Cannot start the application ${quote(spec.name)}: its start gave ${
        inspect(top)
      }; give the pid of its top supervisor`,
    );
  }
  process.link(top);
  const started: ApplicationStarted = {
    type: "application_started",
    name: spec.name,
    top,
  };
  tell(process, controller, started);
  for (;;) {
    const message = await process.nextMessage();
    if (isExitFrom(message, top)) {
      await endApplication(spec, () => {});
      return terminate(process, message.reason);
    }
    if (isExitFrom(message, controller)) {
      return stopTop(process, spec, top, Infinity);
    }
    const told = fromNode(message, process.runtime.node);
    if (isTyped(told, "stop_application")) {
      const { timeout } = told as StopApplication;
      return stopTop(process, spec, top, timeout);
    }
  }
}

async function stopTop(
  process: LocalProcess,
  spec: ApplicationSpec,
  top: Pid,
  timeout: number,
): Promise<void> {
  await endApplication(spec, () => shutdownChild(process, top, timeout));
}

async function endApplication(
  spec: ApplicationSpec,
  end: () => unknown,
): Promise<void> {
  try {
    await spec.prepStop?.();
  } finally {
    try {
      await end();
    } finally {
      await spec.stop?.();
    }
  }
}
