/** A registry retains nothing that is no longer registered: the heap shows it. */

import { assertLess } from "@std/assert";
import v8 from "node:v8";
import vm from "node:vm";
import { Process, receive, self, send, spawn } from "../process.ts";
import { Registry } from "../registry.ts";
import { Supervisor } from "../supervisor.ts";
import { processTest } from "./_processes.ts";

/** The number of keys that are registered and unregistered in a round. */
const KEYS = 400;
/** The number of characters of a key, so that a retained one shows. */
const SIZE = 10_000;
const MEGABYTE = 1 << 20;

v8.setFlagsFromString("--expose-gc");
const collect = vm.runInNewContext("gc") as () => void;

/** The memory in use after garbage collection, in bytes. */
async function used(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 0));
  collect();
  return Deno.memoryUsage().heapUsed;
}

let made = 0;
const newKey = () => `${++made} `.padEnd(SIZE, "k");

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
    processTest(
      `a ${keys} registry forgets keys: ${way}`,
      async () => {
        await Registry.startLink({ keys, name: "R" });
        await fn();
        const before = await used();
        const rounds = 3;
        for (let round = 0; round < rounds; round++) await fn();
        const grown = await used() - before;
        // Each retained key would be more than its characters.
        const all = rounds * (way === "a lock" ? KEYS / 4 : KEYS) * SIZE;
        assertLess(
          grown,
          all / 4,
          `${Math.round(all / MEGABYTE)} MiB of keys were registered`,
        );
        await Supervisor.stop("R");
      },
    );
  }
}
