/**
 * Runs a function under a lock of a registry, for `Registry.lock`.
 *
 * The registry's process grants locks (`registry_partition.ts`), and releases the lock of a process that exits. So
 * the lock is released here only if the process is alive after the function.
 */

import { call, tell } from "../gen/call.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import type { Ref } from "../../core/values/pid.ts";
import { OwnRequest } from "../../core/values/server_message.ts";
import type { LockRequest, Unlock } from "./registry_partition.ts";
import type { RegistryTable } from "./registry_table.ts";

/** Waits for a lock, runs a function of the calling process, and releases the lock. */
export async function runWithLock<T>(
  process: LocalProcess,
  { name, owner }: RegistryTable,
  key: unknown,
  fn: () => T,
): Promise<Awaited<T>> {
  const request: LockRequest = { type: "lock", key };
  const ref = await call<Ref>(owner, new OwnRequest(request), {
    timeout: Infinity,
    as: () => ["Registry", "lock", [name, key]],
  });
  process.assertAlive();
  try {
    return await fn();
  } finally {
    const unlock: Unlock = { type: "unlock", ref };
    if (process.alive) tell(process, owner, unlock);
  }
}
