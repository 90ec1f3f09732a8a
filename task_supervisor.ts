/**
 * Supervised tasks, on this node or on another one.
 *
 * Each function follows the function of the same name in Elixir's
 * [Task.Supervisor](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html): `startChild` is `start_child`.
 *
 * @example A task under a supervisor
 * ```ts
 * import { Task, TaskSupervisor } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * await TaskSupervisor.startLink({ name: "My.TaskSupervisor" });
 * const task = await TaskSupervisor.async("My.TaskSupervisor", (n: number) => n + 1, [1]);
 * assertEquals(await Task.await(task), 2);
 * await TaskSupervisor.stop("My.TaskSupervisor");
 * ```
 *
 * @module
 */

import "./exports/global_names.ts";

export { TaskSupervisor } from "@otp/servers/task/task_supervisor";
export type * from "@otp/servers/task/task_supervisor";
