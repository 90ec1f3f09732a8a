/**
 * Remote procedure calls: run functions on other nodes and return their results.
 *
 * Follows Erlang's [erpc](https://www.erlang.org/doc/apps/kernel/erpc.html), which Elixir programs use as
 * `:erpc`: callers can distinguish an error that the function throws, its exit, the death of its process, and
 * a failure of the call itself.
 *
 * @example Read data of another node
 * ```ts
 * import { Node, rpc } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * const cookie = "c";
 * const Weather = { at: (place: string) => `sunny in ${place}` };
 * await using kate = await Node.start({ name: "kate@localhost", cookie, modules: { Weather }, epmdPort: 14369 });
 * await using alex = await Node.start({ name: "alex@localhost", cookie, epmdPort: 14369 });
 * await alex.run(async () => {
 *   assertEquals(await rpc.call(kate.name, ["Weather", "at"], ["Bern"]), "sunny in Bern");
 * });
 * ```
 *
 * @module
 */

export * from "@otp/node/rpc/rpc";
