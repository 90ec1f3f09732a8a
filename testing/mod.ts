/**
 * Testing distributed code: tests with tags, as in ExUnit, with the nodes that they need.
 *
 * `@otp/distribution/testing/main` runs a project's tests, and `docs/testing.md` is the way in.
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

export * from "./cluster.ts";
export * from "./configuration.ts";
export * from "./filters.ts";
export * from "./nodes.ts";
export * from "./peer.ts";
export * from "./tags.ts";
