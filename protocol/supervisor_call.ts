/**
 * What supervisors of both kinds are asked alike, and how their answers are read.
 *
 * @module
 */

import { ExitError } from "../errors.ts";
import { never, waitingProcess } from "../runtime/current.ts";
import type { Process } from "../runtime/process.ts";
import { call, locate, type Place, startCall } from "./call.ts";
import { type FullChildSpec, type Started, startRunnable } from "./child.ts";
import type { ServerRef } from "./messages.ts";
import { serverInWords } from "./names.ts";
import type { Failure, SentChildSpec, Success } from "./supervision.ts";

/** Asks a supervisor, for as long as it takes. */
export function askSupervisor<T>(
  supervisor: ServerRef,
  request: { type: string },
): Promise<T> {
  const words = Object.keys(request).length > 1 ? request : request.type;
  const as = calling(supervisor, words);
  return call<T>(supervisor, request, { timeout: Infinity, as });
}

/** Asks a supervisor to start a child; gives what its start gave. */
export function askToStart(
  supervisor: ServerRef,
  spec: FullChildSpec,
): Promise<Started> {
  const process = waitingProcess();
  if (process === undefined) return never();
  const place = locate(supervisor, process);
  if (!(place instanceof Promise)) {
    return startAt(process, place, supervisor, spec);
  }
  return place.then((place) =>
    process.alive ? startAt(process, place, supervisor, spec) : never()
  );
}

async function startAt(
  process: Process,
  place: Place,
  supervisor: ServerRef,
  spec: FullChildSpec,
): Promise<Started> {
  const { runtime } = process;
  const start = startRunnable(spec, runtime, place.node);
  const sent: SentChildSpec = { ...spec, start };
  // The words for a call that failed leave the rest of the specification out.
  const as = calling(supervisor, { type: "start_child", id: spec.id });
  const request = { type: "start_child", spec: sent };
  try {
    return startedOf(
      await startCall<Success | Failure>(process, place, request, {
        timeout: Infinity,
        as,
      }).promise,
    );
  } finally {
    if ("parked" in start) runtime.modules.unpark(start.parked);
  }
}

/** What a start gave, or an exit for the reason that it did not. */
export function startedOf(answer: Success | Failure): Started {
  if (answer.type === "error") throw new ExitError(answer.reason);
  return answer.started;
}

function calling(
  supervisor: ServerRef,
  request: unknown,
): () => [string, string, unknown[]] {
  return () => [
    "GenServer",
    "call",
    [serverInWords(supervisor), request, "infinity"],
  ];
}
