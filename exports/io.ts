/**
 * Input and output through the caller's group leader, as Elixir's [IO](https://hexdocs.pm/elixir/1.18/IO.html).
 *
 * @example Print
 * ```ts
 * import { IO } from "@otp/distribution/io";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await IO.puts("hi"), "ok");
 * ```
 *
 * @module
 */

export * from "@otp/node/io/io";
