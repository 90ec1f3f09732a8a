/**
 * The error classes that callers catch, and functions that describe exit reasons.
 *
 * @example Catch a call to a node that is not there
 * ```ts
 * import { Task, TaskSupervisor } from "@otp/distribution";
 * import { ExitError } from "@otp/distribution/errors";
 * import { assertInstanceOf, assertStringIncludes } from "@std/assert";
 *
 * try {
 *   const sup = { name: "Chat.TaskSupervisor", node: "moebi@localhost" };
 *   await Task.await(await TaskSupervisor.async(sup, ["Chat", "receiveMessage"], ["hi"]));
 * } catch (error) {
 *   assertInstanceOf(error, ExitError);
 *   assertStringIncludes(error.message, "no connection to moebi@localhost");
 * }
 * ```
 *
 * @module
 */

export * from "@otp/processes/errors";
