/**
 * Tasks: processes that run one function and return its result.
 *
 * Each function follows the function of the same name in Elixir's
 * [Task](https://hexdocs.pm/elixir/1.18/Task.html): `awaitMany` is `await_many`.
 *
 * @example Do something beside, and wait for it
 * ```ts
 * import { Task } from "@otp/distribution/task";
 * import { assertEquals } from "@std/assert";
 *
 * const task = Task.async((n: number) => n * 2, [21]);
 * assertEquals(await Task.await(task), 42);
 * ```
 *
 * @module
 */

export * from "@otp/servers/task/task";
