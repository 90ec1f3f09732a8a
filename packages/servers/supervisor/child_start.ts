/**
 * A child's start: how it travels to the supervisor, how the supervisor's node authorises it, and how the supervisor
 * runs it.
 */

import { UndefinedFunctionError } from "@otp/processes/errors";
import { inspect, inspectArgument, quote } from "@otp/processes/values/inspect";
import { spawnError } from "@otp/processes/remote/exported_modules";
import { OwnFunction } from "@otp/processes/values/own_function";
import { Pid } from "@otp/processes/values/pid";
import type { Runtime } from "@otp/processes/process/runtime";
import type { Runnable } from "@otp/processes/signals/signal";
import { copyTerm } from "@otp/processes/values/term";
import {
  type ChildStart,
  type DescribedStart,
  type FullChildSpec,
  START_CALL,
  type Started,
} from "../server/child_spec.ts";
import { resolveFor } from "@otp/processes/spawning/spawn_requests";

/** Encodes a child's start for a supervisor of this node or another. */
export function startRunnable(
  { id, start }: FullChildSpec,
  runtime: Runtime,
  node: string,
): Runnable {
  if (typeof start !== "function") {
    const [module, name, args = []] = start;
    return { module, function: name, args: [...args] };
  }
  if (node === runtime.node) {
    return { local: new OwnFunction(start), args: [] };
  }
  const named = runtime.modules.nameOf(start);
  if (named === undefined) {
    throw new TypeError(
      `Cannot start the child ${
        quote(id)
      } on ${node}: functions do not travel; give its start as [module, function, args], of a module that ${node} exports`,
    );
  }
  return { module: named[0], function: named[1], args: [] };
}

/**
 * Checks whether a node may have this node run the function of a start. Throws an `UndefinedFunctionError` if this node
 * does not export the function, and a `SpawnRefusedError` if this node refuses the function.
 */
export function assertMayStart(
  run: Runnable,
  runtime: Runtime,
  node: string,
): void {
  if (node === runtime.node) return;
  const found = resolveFor(runtime, run, node, "resolve");
  if ("error" in found) {
    throw spawnError(runtime.node, found, "start the child");
  }
}

/** Decodes a start for a specification. */
export function receivedStart(run: Runnable, runtime: Runtime): ChildStart {
  if ("module" in run) return [run.module, run.function, run.args];
  if ("source" in run) return () => runNamed(run, runtime);
  const { args, local: { fn } } = run;
  return args.length === 0 ? fn as () => Started : () => fn(...args);
}

function runNamed(run: Runnable, runtime: Runtime): Started | Promise<Started> {
  const args = copyTerm(run.args, runtime.maxDepth) as unknown[];
  const found = runtime.modules.resolve({ ...run, args });
  if ("fn" in found) return found.fn() as Started | Promise<Started>;
  throw new UndefinedFunctionError(`Cannot start the child: ${found.message}`);
}

/** The maximum number of characters of a call in a report. */
const MAX_CALL = 500;

/** Formats the call that starts a child, for reports; `undefined` for a function that is not exported. */
export function startCallText(
  start: ChildStart & DescribedStart,
  { modules }: Runtime,
): string | undefined {
  const call = typeof start === "function"
    ? start[START_CALL] ?? modules.nameOf(start)
    : start;
  if (call === undefined) return undefined;
  const [module, name, args = []] = call;
  const text = args.map((arg) => inspectArgument(arg)).join(", ");
  return `${module}.${name}(${text})`.slice(0, MAX_CALL);
}

/** Runs a child's start, as code of its supervisor; {@linkcode checkStarted} checks the result. */
export function runStart(
  { start }: Pick<FullChildSpec, "start">,
  runtime: Runtime,
): unknown {
  return typeof start === "function" ? start() : runNamed(
    { module: start[0], function: start[1], args: [...start[2] ?? []] },
    runtime,
  );
}

/** Checks the result of a child's start. Throws a `TypeError` if `started` is neither a pid nor `"ignore"`. */
export function checkStarted(
  started: unknown,
  { id }: Pick<FullChildSpec, "id">,
): Started {
  if (started instanceof Pid || started === "ignore") return started;
  throw new TypeError(
    `Cannot start the child ${quote(id)}: its start gave ${
      inspect(started)
    }, which is not a pid`,
  );
}
