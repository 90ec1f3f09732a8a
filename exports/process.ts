/**
 * Processes: spawn, send and receive, links and monitors, names, exits.
 *
 * Functions of Elixir's [Kernel](https://hexdocs.pm/elixir/1.18/Kernel.html) are plain functions here:
 * `self`, `send`, `receive`, `spawn`, `spawnLink`, `spawnMonitor`, `exit`, `makeRef`. Functions of its
 * [Process](https://hexdocs.pm/elixir/1.18/Process.html) are static methods of {@linkcode Process}.
 *
 * @example A process that answers
 * ```ts
 * import { receive, self, send, spawn } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * const pid = spawn(async () => {
 *   const message = await receive();
 *   send(message.from, "sup?");
 * });
 * send(pid, { type: "hi", from: self() });
 * assertEquals(await receive(), "sup?");
 * ```
 *
 * @module
 */

export * from "@otp/processes/process";
export { flush } from "@otp/node/io/flush";
