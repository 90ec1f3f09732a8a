/** The ends of encoders and decoders that belong to no connection. */

import { assertEquals } from "@std/assert";
import type { Outgoing, Port } from "../../../packages/node/wire.ts";
import type { NodeRuntime } from "../../../packages/processes/runtime/node_runtime.ts";
import type { Signals } from "../../../packages/processes/signals/signal.ts";
import { Pid } from "../../../packages/processes/values/pid.ts";
import { receive } from "../../../packages/processes/process.ts";
import { SIGNAL_KINDS } from "../../_signals.ts";
import { until } from "../../_until.ts";
import { spawnProcess } from "../../../packages/processes/spawning/spawn_process.ts";

/** A port that always has room, and passes the bytes on. */
export function portTo(
  write: (bytes: Uint8Array) => void,
  more: Partial<Port> = {},
): Port {
  return {
    wake() {},
    write,
    room: Infinity,
    pressure: () => undefined,
    assertRoom() {},
    peers() {},
    ...more,
  };
}

/** Takes signals of all kinds. */
export function signalsTo(
  take: (kind: keyof Signals, ...args: unknown[]) => void,
): Signals {
  return Object.fromEntries(SIGNAL_KINDS.map((kind) => [
    kind,
    (...args: unknown[]) => void take(kind, ...args),
  ])) as unknown as Signals;
}

/** Writes everything that waits in an encoder. */
export function flushed(encoder: Outgoing): void {
  while (encoder.pending > 0) encoder.flush(Infinity);
}

/** Stops a runtime; it still delivers messages of another peer, and releases all that it holds for this peer. */
export async function assertReleased(
  runtime: NodeRuntime,
  peer: string,
): Promise<void> {
  const heard: unknown[] = [];
  const other = spawnProcess(
    runtime,
    async () => void heard.push(await receive()),
    {},
  );
  runtime.local.send(new Pid("x@localhost", 1, 1), other.pid, "hi");
  await until(() => heard.length > 0);
  assertEquals(heard, ["hi"]);
  runtime.nodes.down(peer, true);
  const { links, monitors } = runtime.quotas.totals();
  assertEquals([links, monitors], [0, 0]);
  runtime.stop("shutdown");
  await until(() => runtime.quotas.totals().processes === 0);
  assertEquals([runtime.processes.size, runtime.names.size], [0, 0]);
  assertEquals(runtime.aliases.size, 0);
}
