/**
 * Children that report to the caller, for the scenarios of supervisors; `elixir/support_supervision.ex` has the
 * same.
 */

import {
  type ChildInfo,
  type ChildSpec,
  exit,
  ExitError,
  isExit,
  type Pid,
  Process,
  receive,
  self,
  send,
  type ServerRef,
  spawn,
  spawnLink,
  Supervisor,
} from "../../mod.ts";
import { reasonFromBeam } from "../../packages/beam/terms/beam_reasons.ts";
import { expect, isMessage, message, traceNext } from "./_scenario.ts";

export interface ProbeBehaviour {
  /** Whether it traps exits, and reports when it is asked to exit. */
  trap?: boolean;
  /** Whether it then waits for `"go"`. */
  slow?: boolean;
  /** Whether it ignores that request. */
  stubborn?: boolean;
}

/** Options of {@linkcode probe}: behaviour and specification. */
export type ProbeOptions =
  & ProbeBehaviour
  & Partial<Omit<ChildSpec, "id" | "start">>;

/**
 * A child that sends the caller `up` when it starts and, if it traps exits, `down` when it is asked to exit.
 * `{:exit, reason}` makes it exit.
 */
export function probe(
  id: string,
  options: ProbeOptions = {},
): ChildSpec<() => Promise<Pid>> {
  const { trap, slow, stubborn, ...spec } = options;
  const observer = self();
  const own = { trap, slow, stubborn };
  return { id, start: () => startProbe(id, observer, own), ...spec };
}

/** Starts a probe; it is ready for messages when this returns its pid. */
export async function startProbe(
  id: string,
  observer: Pid,
  { trap, slow, stubborn }: ProbeBehaviour = {},
): Promise<Pid> {
  send(observer, { type: "up", id });
  const caller = self();
  const pid = spawnLink(async () => {
    Process.trapExit(trap === true || slow === true || stubborn === true);
    send(caller, { type: "ready", pid: self() });
    for (;;) {
      const received = await receive();
      if (isMessage(received, "exit")) exit(reasonFromBeam(received[1]));
      if (!isExit(received)) continue;
      const { reason } = received;
      send(observer, { type: "down", id, reason });
      if (slow) await expect("go");
      if (!stubborn) exit(reason);
    }
  });
  await receive((m) => m?.type === "ready" && pid.equals(m.pid));
  return pid;
}

/**
 * A probe some of whose starts, counted from 1, fail: it sends `failing`, and with `wait` waits for `fail`
 * before it fails.
 */
export function flaky(
  id: string,
  failing: number[],
  { wait = false, ...options }: ProbeOptions & { wait?: boolean } = {},
): ChildSpec<() => Promise<Pid>> {
  const spec = probe(id, options);
  const observer = self();
  let starts = 0;
  const start = async () => {
    if (!failing.includes(++starts)) return spec.start();
    send(observer, { type: "failing", id });
    if (wait) await expect("fail");
    return exit("not_yet");
  };
  return { ...spec, start };
}

/** The children of a supervisor: id, pid and type of each. */
export async function tree(sup: ServerRef): Promise<unknown[]> {
  return inTree(await Supervisor.whichChildren(sup));
}

/** A list of children: id, pid and type of each. */
export function inTree(children: ChildInfo[]): unknown[] {
  return children.map(({ id, pid, type }) => [id, pid ?? "undefined", type]);
}

export async function pidOf(sup: ServerRef, id: string): Promise<Pid> {
  const children = await Supervisor.whichChildren(sup);
  return children.find((child) => child.id === id)!.pid as Pid;
}

/** Makes a child exit with a reason, and waits until its supervisor has handled it. */
export async function finish(
  sup: ServerRef,
  id: string,
  reason: unknown,
): Promise<void> {
  const pid = await pidOf(sup, id);
  send(pid, message("exit", reason));
  await settle(sup, pid);
}

/** Waits until a supervisor has handled the exit of a child. */
export async function settle(sup: ServerRef, pid: Pid): Promise<void> {
  let children: { pid: unknown }[];
  do children = await Supervisor.whichChildren(sup); while (
    children.some((child) => pid.equals(child.pid))
  );
}

/** Adds that many messages to the trace. */
export async function traceAll(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await traceNext("got");
}

/**
 * An answer in the form of Elixir: functions here return the value of its `{:ok, value}`, and exit with, or
 * return, the reason of its `{:error, reason}`.
 */
export async function result(answer: Promise<unknown>): Promise<unknown> {
  try {
    const value = await answer;
    if (value === "ok" || value === "ignore") return value;
    return typeof value === "string"
      ? { type: "error", reason: value }
      : { type: "ok", value: value ?? "undefined" };
  } catch (error) {
    if (error instanceof ExitError) {
      return { type: "error", reason: error.reason };
    }
    throw error;
  }
}

/** A process that starts a supervisor with a link, and exits on request. */
export async function parent(
  start: () => Promise<Pid>,
): Promise<{ pid: Pid; sup: Pid }> {
  const observer = self();
  const pid = spawn(async () => {
    send(observer, { type: "started", sup: await start() });
    exit(reasonFromBeam((await expect("exit"))[1]));
  });
  return { pid, sup: (await expect("started")).sup };
}
