/** The parts of the harness that only Deno runs. */

import nodeProcess from "node:process";

/**
 * Throws a clear error on hosts other than Deno, instead of `Deno is not defined`.
 *
 * @throws {TypeError} On another host.
 */
export function assertDeno(what: string): void {
  if ("Deno" in globalThis) return;
  const host = nodeProcess.versions.bun === undefined
    ? `Node.js ${nodeProcess.versions.node}`
    : `Bun ${nodeProcess.versions.bun}`;
  throw new TypeError(
    `Cannot ${what}: this part of the harness needs Deno 2.9 or later, and this is ${host}; with the test runner of ${host}, use startNodes() and SimulatedCluster`,
  );
}
