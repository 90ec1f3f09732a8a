/**
 * Starts and stops applications: requests to the application controller of a node.
 *
 * `Application.start` sends one request for each dependency and for the application, in the order of dependencies. If
 * one of them does not start, the ones started before are stopped, last first.
 */

import { call } from "../server/call.ts";
import { checkOptions } from "@otp/processes/values/check_arguments";
import { formatExit } from "@otp/processes/values/exit_reason";
import { inspect, quote } from "@otp/processes/values/inspect";
import { OwnRequest } from "@otp/processes/values/server_message";
import { allowErrorClass } from "@otp/processes/values/error_term";
import { never, waitingProcess } from "@otp/processes/runtime/current_process";
import type {
  ApplicationReply,
  ApplicationRequest,
  Applications,
  ApplicationType,
} from "./application_controller.ts";
import {
  APPLICATION_FIELDS,
  type ApplicationSpec,
} from "./application_spec.ts";

/** The default time limit for a top supervisor to stop, in milliseconds. */
export const STOP_TIMEOUT = 60_000;

/** An application did not start. */
export class ApplicationStartError extends Error {
  /** Always `"ApplicationStartError"`. */
  override readonly name = "ApplicationStartError";
  /** The application that did not start: the requested one, or a dependency. */
  readonly application: string;
  /** The exit reason. */
  readonly reason: unknown;

  /**
   * Created by `Application.start`.
   *
   * @param application The application that did not start.
   */
  constructor(application: string, reason: unknown) {
    super(
      `Cannot start the application ${quote(application)}: ${
        formatExit(reason)
      }`,
      reason instanceof Error ? { cause: reason } : undefined,
    );
    this.application = application;
    this.reason = reason;
  }
}

allowErrorClass(ApplicationStartError);

/** Stops an application within a time limit, in milliseconds. */
export function stopApplication(
  state: Applications,
  name: string,
  timeout: number,
): Promise<"ok" | "not_started"> {
  return ask(state, { type: "stop_application", name, timeout });
}

/**
 * Starts an application after its dependencies. Throws an `ApplicationStartError` if the application or a dependency
 * does not start.
 */
export async function startApplications(
  state: Applications,
  application: ApplicationSpec,
  type: ApplicationType,
): Promise<"ok" | "already_started"> {
  assertSpec(application);
  // Ask the controller, so that its earlier requests are done.
  const running = await ask<string[]>(state, { type: "which_applications" });
  const order = startOrder(application, running);
  const started: string[] = [];
  let reply: ApplicationReply = "already_started";
  for (const spec of order) {
    const { name } = spec;
    state.specs.set(name, spec);
    state.types.set(name, type);
    reply = await ask(state, { type: "start_application", name });
    if (reply === "ok") started.push(name);
    if (typeof reply === "string") continue;
    for (const each of started.reverse()) {
      await stopApplication(state, each, STOP_TIMEOUT);
    }
    throw new ApplicationStartError(name, reply.reason);
  }
  return reply as "ok" | "already_started";
}

/** Returns the applications to start, dependencies first, without the ones that run. */
function startOrder(
  application: ApplicationSpec,
  running: string[],
): ApplicationSpec[] {
  const order = new Map<string, ApplicationSpec>();
  const path: string[] = [];
  const visit = (spec: ApplicationSpec) => {
    assertSpec(spec);
    const { name } = spec;
    if (path.includes(name)) {
      throw new TypeError(
        `Cannot start the application ${quote(application.name)}: ${
          [...path, name].map(quote).join(" depends on ")
        }; take one of these out of its applications`,
      );
    }
    if (order.has(name) || running.includes(name)) return;
    path.push(name);
    spec.applications?.forEach(visit);
    path.pop();
    order.set(name, spec);
  };
  visit(application);
  return [...order.values()];
}

function assertSpec(spec: ApplicationSpec): void {
  checkOptions(
    spec,
    `start the application ${inspect(spec?.name)}`,
    APPLICATION_FIELDS,
    "{ name, start }",
  );
}

/** Sends the controller a request, and waits for its reply. */
function ask<T>(state: Applications, request: ApplicationRequest): Promise<T> {
  if (waitingProcess() === undefined) return never();
  return call<T>(state.controller(), new OwnRequest(request), {
    timeout: Infinity,
    as: () => [
      "Application",
      request.type === "stop_application" ? "stop" : "start",
      "name" in request ? [request.name] : [],
    ],
  });
}
