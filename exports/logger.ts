/**
 * The log of a node: messages of the program beside those of the node, with levels and a filter.
 *
 * Follows Elixir's [Logger](https://hexdocs.pm/logger/1.18/Logger.html).
 *
 * @example A message of a process, with a label
 * ```ts
 * import { Logger } from "@otp/distribution/logger";
 * import { type LogEvent, Node } from "@otp/distribution/node";
 * import { Process } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * const events: LogEvent[] = [];
 * await using node = await Node.start({
 *   name: "kate@localhost",
 *   cookie: "c",
 *   epmdPort: false,
 *   log: (event) => void events.push(event),
 *   logLevel: "info",
 * });
 * await node.run(() => {
 *   Process.setLabel("orders");
 *   Logger.info("an order has arrived", { order: 17 });
 *   Logger.debug(() => "never built: the level is info");
 * });
 * const [{ level, message, label, metadata }] = events;
 * assertEquals([level, message, label, metadata], [
 *   "info",
 *   "an order has arrived",
 *   "orders",
 *   { order: 17 },
 * ]);
 * ```
 *
 * @module
 */

export * from "@otp/servers/logger/logger";
