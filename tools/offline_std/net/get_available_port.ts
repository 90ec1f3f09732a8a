// Offline stand-in for `@std/net/get-available-port`, so that a clone works
// without JSR; the published package depends on the genuine one.

/** Options for {@linkcode getAvailablePort}. */
export interface GetAvailablePortOptions {
  /** The port to give if it is free. */
  preferredPort?: number;
}

/**
 * Returns a TCP port that is free now; it is not reserved.
 *
 * @param options Which port to try first.
 * @returns The port.
 */
export function getAvailablePort(options?: GetAvailablePortOptions): number {
  try {
    return portOf(options?.preferredPort ?? 0);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    return portOf(0);
  }
}

function portOf(port: number): number {
  using listener = Deno.listen({ port });
  return listener.addr.port;
}
