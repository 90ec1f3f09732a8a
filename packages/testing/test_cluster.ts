/** The EPMD port and cookie of a test's nodes. */

import { freePort } from "./_ports.ts";
import { randomBytes } from "node:crypto";

/** Options of `Node.start` that nodes of the same test share. */
export interface TestCluster {
  /** An unused EPMD port. */
  epmdPort: number;
  /** A random cookie. */
  cookie: string;
}

let current: TestCluster | undefined;

/**
 * Returns the EPMD port and the cookie of the running test. They differ from test to test, so no test
 * connects to nodes of another test, or of the user.
 *
 * @returns The options, to be passed to `Node.start`.
 *
 * @example A node that peers of the same test can reach
 * ```ts
 * import { testCluster } from "@otp/distribution/testing";
 * import { Node } from "@otp/distribution/node";
 *
 * await using node = await Node.start({ name: "alex@localhost", ...testCluster() });
 * ```
 */
export function testCluster(): TestCluster {
  current ??= {
    epmdPort: freePort(),
    cookie: randomBytes(24).toString("base64url"),
  };
  return { ...current };
}

/** Gives the next test its own cluster. */
export function leaveCluster(): void {
  current = undefined;
}

/** A node's name, on this machine unless it names a host. */
export function withHost(name: string): string {
  return name.includes("@") ? name : `${name}@localhost`;
}
