/** Measures how long a store takes. */

import type { Runtime } from "../core/processes/runtime.ts";
import type { StoreTime } from "../otp/observer/observed_entities.ts";
import type { Store } from "./store.ts";

/** The functions of a store. */
const FUNCTIONS = [
  ...["open", "setting", "join", "beat", "view", "remove", "claim", "give"],
  ...["load", "write", "clean", "due", "close"],
] as (keyof Store)[];

/** Returns a store that notes the times of another in a map, by function. */
export function timedStore(
  runtime: Runtime,
  store: Store,
  times: Map<string, StoreTime>,
): Store {
  const timed: Partial<Record<keyof Store, unknown>> = {};
  for (const name of FUNCTIONS) {
    timed[name] = async (...args: unknown[]) => {
      let sums = times.get(name);
      if (sums === undefined) {
        times.set(name, sums = { calls: 0, failures: 0, time: 0 });
      }
      const since = runtime.now();
      sums.calls++;
      try {
        return await (store[name] as (...args: unknown[]) => unknown).apply(
          store,
          args,
        );
      } catch (error) {
        sums.failures++;
        throw error;
      } finally {
        sums.time += runtime.now() - since;
      }
    };
  }
  return timed as Record<keyof Store, never>;
}
