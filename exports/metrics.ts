/**
 * Metrics for [Prometheus](https://prometheus.io): a handler of `/metrics`.
 *
 * @example With `Deno.serve`
 * ```ts
 * import { metrics } from "@otp/distribution/metrics";
 * import { Node } from "@otp/distribution/node";
 * import { assertStringIncludes } from "@std/assert";
 *
 * await using node = await Node.start({ name: "web@localhost", cookie: "c", epmdPort: false });
 * const handler = metrics();
 * const response = await handler(new Request("http://localhost/metrics"));
 * assertStringIncludes(await response!.text(), 'otp_connections{node="web@localhost"} 0');
 * handler.stop();
 * ```
 *
 * @module
 */

export * from "@otp/observe/metrics";
