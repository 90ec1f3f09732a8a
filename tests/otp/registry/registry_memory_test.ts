/** A registry retains nothing that is no longer registered: the heap shows it. */

import {
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../otp/process/process.ts";
import { Registry } from "../../../otp/registry/registry.ts";
import { Supervisor } from "../../../otp/supervisor/supervisor.ts";
import { assertForgets, newKey } from "../_memory.ts";
import { processTest } from "../../_processes.ts";

/** The number of keys that are registered and unregistered in a round. */
const KEYS = 400;

/** Ways to register keys temporarily. */
const WAYS: Record<string, () => void | Promise<void>> = {
  "unregister()": () => {
    for (let i = 0; i < KEYS; i++) {
      const key = newKey();
      Registry.register("R", key, i);
      Registry.unregister("R", key);
    }
  },
  "unregisterMatch()": () => {
    for (let i = 0; i < KEYS; i++) {
      const key = newKey();
      Registry.register("R", key, i);
      Registry.unregisterMatch("R", key, (value) => value === i);
    }
  },
  "the exit of the process": async () => {
    const owner = self();
    for (let i = 0; i < KEYS / 100; i++) {
      const pid = spawn(async () => {
        for (let j = 0; j < 100; j++) Registry.register("R", newKey(), j);
        send(owner, "ready");
        await receive(() => false);
      });
      await receive((m) => m === "ready");
      const ref = Process.monitor(pid);
      Process.exit(pid, "kill");
      await receive((m) => ref.equals(m?.ref));
    }
  },
  "putMeta() and deleteMeta()": () => {
    for (let i = 0; i < KEYS; i++) {
      const key = newKey();
      Registry.putMeta("R", key, i);
      Registry.deleteMeta("R", key);
    }
  },
  "lookup() of unregistered keys": () => {
    for (let i = 0; i < KEYS; i++) Registry.lookup("R", newKey());
  },
  "a lock": async () => {
    for (let i = 0; i < KEYS / 4; i++) {
      await Registry.lock("R", newKey(), () => i);
    }
  },
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
