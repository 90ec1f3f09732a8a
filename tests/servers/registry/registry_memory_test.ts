/** A registry retains nothing that is no longer registered: the heap shows it. */

import {
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { Registry } from "../../../packages/servers/registry/registry.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { assertForgets, useKeys } from "../_memory.ts";
import { ended, processTest } from "../../_processes.ts";

/** The number of keys that are registered and unregistered in a round. */
const KEYS = 400;

/** Ways to register keys temporarily. */
const WAYS: Record<string, () => Promise<void>> = {
  "unregister()": () =>
    useKeys(KEYS, (key) => {
      Registry.register("R", key);
      Registry.unregister("R", key);
    }),
  "unregisterMatch()": () =>
    useKeys(KEYS, (key) => {
      Registry.register("R", key, 1);
      Registry.unregisterMatch("R", key, (value) => value === 1);
    }),
  "the exit of the process": async () => {
    const owner = self();
    for (let i = 0; i < KEYS / 100; i++) {
      const pid = spawn(async () => {
        await useKeys(100, (key) => Registry.register("R", key));
        send(owner, "ready");
        await receive(() => false);
      });
      await receive((m) => m === "ready");
      const end = ended(pid);
      Process.exit(pid, "kill");
      await end;
    }
  },
  "putMeta() and deleteMeta()": () =>
    useKeys(KEYS, (key) => {
      Registry.putMeta("R", key, 1);
      Registry.deleteMeta("R", key);
    }),
  "lookup() of unregistered keys": () =>
    useKeys(KEYS, (key) => Registry.lookup("R", key)),
  "a lock": () => useKeys(KEYS / 4, (key) => Registry.lock("R", key, () => 1)),
};

for (const keys of ["unique", "duplicate"] as const) {
  for (const [way, fn] of Object.entries(WAYS)) {
    processTest(`a ${keys} registry forgets keys: ${way}`, async () => {
      await Registry.startLink({ keys, name: "R" });
      await assertForgets(fn, way === "a lock" ? KEYS / 4 : KEYS);
      await Supervisor.stop("R");
    }, { tags: ["slow"] });
  }
}
