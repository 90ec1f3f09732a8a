/**
 * Ports for tests.
 *
 * @module
 */

import { getAvailablePort } from "@std/net/get-available-port";

/**
 * A port that is free now, below those that the system gives to whoever asks for any: one of those
 * may be taken between this look at it and its use.
 */
export function freePort(): number {
  const preferredPort = 10_000 + Math.floor(Math.random() * 20_000);
  return getAvailablePort({ preferredPort });
}
