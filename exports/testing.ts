/**
 * Testing distributed code: tests with tags, as in ExUnit, and the nodes that the tests need.
 *
 * `@otp/distribution/testing/main` runs a project's tests; `docs/testing.md` is the introduction.
 *
 * @example Two nodes in a test
 * ```ts
 * import { startNodes } from "@otp/distribution/testing";
 * import { Node } from "@otp/distribution/node";
 * import { assertEquals } from "@std/assert";
 *
 * await using nodes = await startNodes(["alex", "kate"]);
 * assertEquals(await nodes.get("alex").run(() => Node.ping("kate@localhost")), "pong");
 * ```
 *
 * @module
 */

import "./default_parts.ts";

export * from "@otp/testing";
