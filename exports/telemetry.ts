/**
 * Traces and metrics by [OpenTelemetry](https://opentelemetry.io), through `npm:@opentelemetry/api`.
 *
 * `OTEL_DENO=true` exports them on Deno, and the SDK that the program sets up on Node.js and Bun. While telemetry is
 * off, a node pays one comparison for each signal.
 *
 * @example One trace over a call
 * ```ts
 * import { GenServer, Node } from "@otp/distribution";
 * import { Telemetry } from "@otp/distribution/telemetry";
 *
 * const Stack = {
 *   name: "Stack",
 *   init: () => ({ type: "ok", state: 0 } as const),
 *   handleCall: (_: unknown, _from: unknown, state: number) => (
 *     { type: "reply", reply: state, state } as const
 *   ),
 * };
 * Telemetry.start();
 * await Node.run(async () => {
 *   const stack = await GenServer.startLink(Stack, undefined);
 *   // A span "GenServer.call", and in it one of the server, "Stack.handleCall".
 *   await GenServer.call(stack, "top");
 * });
 * Telemetry.stop();
 * ```
 *
 * @module
 */

export * from "@otp/observe/telemetry";
