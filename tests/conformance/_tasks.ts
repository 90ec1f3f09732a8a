/** Functions that the scenarios of tasks share; `elixir/support_tasks.ex` has the same. */

import {
  beam,
  exit,
  ExitError,
  type Pid,
  Process,
  receive,
  type Ref,
  self,
  send,
  spawn,
  TaskSupervisor,
  type TaskSupervisorOptions,
} from "../../mod.ts";
import type { Tuple } from "../../packages/processes/values/tuple.ts";
import { reasonFromBeam } from "../../packages/beam/terms/beam_reasons.ts";
import { expect, forever, isMessage, message, on, peer } from "./_scenario.ts";

/** A task's body: reports its pid, and never ends. */
export async function endless(to: Pid): Promise<void> {
  send(to, message("started", self()));
  await forever();
}

/** A task's body: reports its pid, and returns the next message, or does as it says. */
export async function obedient(to: Pid): Promise<unknown> {
  send(to, message("started", self()));
  const order = await receive<Tuple>();
  const [, value] = order;
  if (isMessage(order, "exit")) exit(reasonFromBeam(value));
  if (isMessage(order, "throw")) throw value;
  return value;
}

/** A task's body: traps exits, and when it is asked to exit, returns, exits or goes on. */
export async function trapping(to: Pid, answer: string): Promise<unknown> {
  Process.trapExit(true);
  send(to, message("started", self()));
  const { reason } = await expect("EXIT");
  if (answer === "give") return message("told", reason);
  if (answer === "go_on") return await forever();
  return exit(answer);
}

beam(trapping, { args: ["term", "atom"] });

/** Orders for {@linkcode obedient} and {@linkcode owner}. */
export const give = (value: unknown) => message("give", value);
export const quit = (reason: unknown) => message("exit", reason);
export const toss = (value: unknown) => message("throw", value);

/** Reasons of exits, normal and others. */
export const REASONS = [
  ...["normal", "shutdown"],
  { type: "shutdown", reason: "why" },
  "oops",
] as const;

/** Waits for a task that has started; returns its pid. */
export async function started(): Promise<Pid> {
  return (await expect("started"))[1];
}

export function callers(): Pid[] {
  return Process.callers();
}

/** Starts a Task.Supervisor in the calling process. */
export function startSup(options?: TaskSupervisorOptions): Promise<Pid> {
  return TaskSupervisor.startLink(options);
}

/** Starts the Task.Supervisor `sup` in the calling process. */
export function startNamed(): Promise<Pid> {
  return startSup({ name: "sup" });
}

/** The Task.Supervisor `sup` on a peer. */
export async function remoteSup(
  name: string,
): Promise<{ name: string; node: string }> {
  await on(name, startNamed);
  return { name: "sup", node: await peer(name) };
}

/** Waits for the exit of a process under an existing monitor; returns its reason. */
export async function down(ref: Ref): Promise<unknown> {
  return (await receive((m) => m?.type === "DOWN" && ref.equals(m.ref))).reason;
}

/** Sends an order to a process; returns the reason of its exit. */
export function endAfter(pid: Pid, order: unknown): Promise<unknown> {
  const ref = Process.monitor(pid);
  send(pid, order);
  return down(ref);
}

/** The reason of a call that fails. */
export async function why(fn: () => unknown): Promise<unknown> {
  try {
    return await fn();
  } catch (error) {
    const reason = (error as ExitError).reason as { type: string };
    if (reason?.type !== "call") throw error;
    return (reason as unknown as { reason: unknown }).reason;
  }
}

/** The exit reason of a process that runs a function. */
export function reasonWhen(fn: () => unknown): Promise<unknown> {
  const pid = spawn(async () => {
    await expect("go");
    await fn();
  });
  return endAfter(pid, message("go"));
}

/** A process that runs a function, and then exits on request. */
export function owner(fn: () => unknown): Pid {
  return spawn(async () => {
    await fn();
    exit(reasonFromBeam((await expect("exit"))[1]));
  });
}

/** A function; the tasks in the reason of its exit are written as tasks. */
export function waited(fn: () => unknown): () => Promise<unknown> {
  return async () => {
    try {
      return await fn();
    } catch (error) {
      if (error instanceof ExitError) throw new ExitError(named(error.reason));
      throw error;
    }
  };
}

function named(term: unknown): unknown {
  if (Array.isArray(term)) return term.map(named);
  if (Object.getPrototypeOf(Object(term)) !== Object.prototype) return term;
  const object = term as Record<string, unknown>;
  if ("ref" in object && "owner" in object) return "#Task";
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [key, named(value)]),
  );
}
