/** Stores whose calls pass through a function. */

import type { Runtime } from "@otp/processes/process/runtime";
import type { StoreTime } from "@otp/observe/observed_entities";
import type { Store } from "./store.ts";

/** The functions of a store. */
const FUNCTIONS = [
  ...["open", "setting", "join", "beat", "view", "remove", "claim", "give"],
  ...["load", "write", "readLog", "keys", "clean", "due", "close"],
] as (keyof Store)[];

/** Returns a store that makes each call of another store by `run`. */
export function storeThrough(
  store: Store,
  run: (
    name: keyof Store,
    call: () => Promise<unknown>,
    args: unknown[],
  ) => Promise<unknown>,
): Store {
  const through: Partial<Record<keyof Store, unknown>> = {};
  for (const name of FUNCTIONS) {
    through[name] = (...args: unknown[]) =>
      run(
        name,
        () =>
          (store[name] as (...args: unknown[]) => Promise<unknown>)
            .apply(store, args),
        args,
      );
  }
  return through as Record<keyof Store, never>;
}

/** Returns a store that notes the times of another in a map, by function. */
export function timedStore(
  runtime: Runtime,
  store: Store,
  times: Map<string, StoreTime>,
): Store {
  return storeThrough(store, async (name, call) => {
    let sums = times.get(name);
    if (sums === undefined) {
      times.set(name, sums = { calls: 0, failures: 0, time: 0 });
    }
    const since = runtime.clock.now();
    sums.calls++;
    try {
      return await call();
    } catch (error) {
      sums.failures++;
      throw error;
    } finally {
      sums.time += runtime.clock.now() - since;
    }
  });
}
