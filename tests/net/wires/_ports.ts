/** The ends of encoders and decoders that belong to no connection. */

import type { Outgoing, Port } from "../../../net/wire.ts";
import type { Signals } from "../../../core/signals/signal.ts";
import { SIGNAL_KINDS } from "../../_signals.ts";

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
