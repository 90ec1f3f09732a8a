/**
 * Applications: components that are started and stopped as a unit, each with its own configuration.
 *
 * Each function follows the function of the same name in Elixir's
 * [Application](https://hexdocs.pm/elixir/1.18/Application.html): `putEnv` is `put_env`.
 *
 * @example An application with a supervisor and a setting
 * ```ts
 * import { Application, type ApplicationSpec, Supervisor } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * const chat: ApplicationSpec = {
 *   name: "chat",
 *   env: { greeting: "hi" },
 *   start: () => Supervisor.startLink([], { strategy: "one_for_one" }),
 * };
 *
 * await Application.start(chat);
 * assertEquals(Application.started(), ["chat"]);
 * assertEquals(Application.getEnv("chat", "greeting"), "hi");
 * await Application.stop("chat");
 * ```
 *
 * @module
 */

export * from "@otp/servers/application/application";
