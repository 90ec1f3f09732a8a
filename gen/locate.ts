/**
 * Where a server is, and how a request goes on from there.
 *
 * Pids, names on a node, and names in a registry of this node are resolved at once. Other registries answer
 * with a promise. A request to a known place is sent in the turn of the call, so that it keeps its order
 * among the signals of its sender; that is why nothing here awaits.
 *
 * @module
 */

import { never } from "../runtime/context/current_process.ts";
import type { LocalProcess } from "../runtime/processes/local_process.ts";
import { andThen } from "../runtime/promises/promises.ts";
import type { Backpressure } from "../runtime/signals/signal.ts";
import { Pid } from "../runtime/values/pid.ts";
import { copyToSend } from "../runtime/values/term.ts";
import type { ServerTarget } from "./messages.ts";
import { whereisName } from "./server_names.ts";

/** A node, and a pid or name there. */
export interface Place {
  /** The node. */
  node: string;
  /** The pid, or the name on that node. */
  target: Pid | string;
}

/**
 * The place of a server. It is known at once, unless its name is kept by a registry that takes its time.
 *
 * An unregistered name resolves to a pid that no process has, so requests fail with `noproc`.
 */
export function locate(
  server: ServerTarget,
  process: LocalProcess,
): Place | Promise<Place> {
  if (server instanceof Pid) return { node: server.node, target: server };
  if (typeof server === "string") {
    return { node: process.runtime.node, target: server };
  }
  if ("node" in server) return { node: server.node, target: server.name };
  return andThen(
    whereisName(server),
    (pid) => placeOf(pid ?? process.runtime.nobody),
  );
}

/** The place of a server that need not answer; a pid of no process if its registry fails. */
export function locateForCast(
  server: ServerTarget,
  process: LocalProcess,
): Place | Promise<Place> {
  const nobody = placeOf(process.runtime.nobody);
  try {
    return andThen(
      locate(server, process),
      (place) => place,
      () => nobody,
    );
  } catch {
    return nobody;
  }
}

/** The term to send to a place once it is located: a copy if that takes time, as for any message. */
export function toSendLater<T>(
  located: unknown,
  process: LocalProcess,
  term: T,
): T {
  return located instanceof Promise
    ? copyToSend(term, process.runtime.maxDepth) as T
    : term;
}

/**
 * Goes on with the place of a server: in this turn if it is known. A process that exits during the lookup
 * does not go on.
 */
export function whenLocated<R>(
  located: Place | Promise<Place>,
  process: LocalProcess,
  next: (place: Place) => R | Promise<R>,
): R | Promise<R> {
  return andThen(
    located,
    (place) => process.alive ? next(place) : never<R>(),
  ) as R | Promise<R>;
}

/** The place of a process. */
export function placeOf(pid: Pid): Place {
  return { node: pid.node, target: pid };
}

/** Whether a place is the process itself, which would wait for itself for ever. */
export function isSelf(
  process: LocalProcess,
  { node, target }: Place,
): boolean {
  if (typeof target !== "string") return process.pid.equals(target);
  return node === process.runtime.node && target === process.name;
}

/** Sends to a server wherever it is. */
export function sendTo(
  process: LocalProcess,
  { node, target }: Place,
  message: unknown,
): Backpressure {
  return typeof target === "string"
    ? process.sendName(target, node, message)
    : process.send(target, message);
}
