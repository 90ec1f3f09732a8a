/**
 * Process groups in the cluster: a process that joins a group on one node is a member on all nodes.
 *
 * Follows OTP's [pg](https://www.erlang.org/doc/apps/kernel/pg.html).
 *
 * @example Send to all of a group
 * ```ts
 * import { receive, self, send } from "@otp/distribution/process";
 * import { pg } from "@otp/distribution/pg";
 * import { assertEquals } from "@std/assert";
 *
 * await pg.startLink();
 * await pg.join("listeners", self());
 * for (const pid of pg.getMembers("listeners")) send(pid, "hi all");
 * assertEquals(await receive(), "hi all");
 * ```
 *
 * @module
 */

export * from "@otp/node/pg/pg";
