/** Runs a handshake, for the side that dials and for the side that accepts. */

import type { Transport } from "../wire.ts";

/** Runs a handshake until it is done or its signal aborts it; the transport is closed if it fails. */
export async function runHandshake<T>(
  transport: Transport,
  signal: AbortSignal,
  run: () => Promise<T>,
): Promise<T> {
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([run(), stopped]);
  } catch (error) {
    // The last frame must leave before the end.
    if (signal.aborted) transport.destroy();
    else transport.end();
    throw error;
  } finally {
    stopped.catch(() => {});
    signal.removeEventListener("abort", abort);
  }
}
