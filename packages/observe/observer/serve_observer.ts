/** Makes a node observable. The observer's code is loaded on the first request. */

import { setImmediate } from "node:timers";
import { outside } from "@otp/processes/context/async_context";
import type { Runtime } from "@otp/processes/process/runtime";
import type { NodeObserver } from "./node_observer.ts";
import { ObserverShare } from "./observer_share.ts";
import type { ObservedConnection } from "./observed_terms.ts";

/** Whether other nodes may observe a node: not at all, read only, or with the right to end processes. */
export type AllowObserve = boolean | "write";

/** The name under which a node exports its observer. */
export const OBSERVER = "Observer";

const EXPORTED = [
  "node",
  "processes",
  "process",
  "tree",
  "names",
  "entities",
  "entity",
  "view",
  "log",
  "end",
  "trace",
] as const;

interface Sources {
  connections: () => ObservedConnection[];
  startedAt: number;
  mayEnd: boolean;
  observer?: Promise<NodeObserver>;
}

const sources = new WeakMap<Runtime, Sources>();
const shares = new WeakMap<Runtime, ObserverShare>();

/** Returns the limit on the time of a node's answers to observers. */
export function shareOf(runtime: Runtime): ObserverShare {
  let share = shares.get(runtime);
  if (share === undefined) {
    shares.set(runtime, share = new ObserverShare(runtime));
  }
  return share;
}

/** Makes a node observable by its own code, and by other nodes if the node allows it. */
export function serveObserver(
  runtime: Runtime,
  connections: () => ObservedConnection[],
  allow: AllowObserve = false,
): void {
  sources.set(runtime, {
    connections,
    startedAt: runtime.clock.now(),
    mayEnd: allow === "write",
  });
  if (allow === false) return;
  // Keep the log from the start: observers look for events of the past.
  void observerOf(runtime);
  const share = shareOf(runtime);
  runtime.modules.add(
    OBSERVER,
    Object.fromEntries(
      EXPORTED.map((name) => [
        name,
        async (...args: never[]) => {
          const observer = await observerOf(runtime);
          // The beginning of the answer waits in the connection to the asking node: let it leave first.
          if (name === "node") await nextTurn();
          const answer = () =>
            (observer[name] as (...args: unknown[]) => unknown)(...args);
          return await (name === "trace" ? answer() : share.take(answer));
        },
      ]),
    ),
  );
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function observerOf(runtime: Runtime): Promise<NodeObserver> {
  let found = sources.get(runtime);
  if (found === undefined) {
    found = {
      connections: () => [],
      startedAt: runtime.clock.now(),
      mayEnd: true,
    };
    sources.set(runtime, found);
  }
  const { connections, startedAt, mayEnd } = found;
  // On some hosts, code after an import runs in the context of the process that imported it: leave the context.
  return found.observer ??= outside(() => import("./node_observer.ts")).then((
    module,
  ) => new module.NodeObserver(runtime, connections, startedAt, mayEnd));
}
