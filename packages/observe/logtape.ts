/**
 * Passes the log of a node to [LogTape](https://logtape.org), with its sinks, filters and levels.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { LogEvent, LogHook } from "@otp/node/node";
import { checkOptions } from "@otp/processes/values/check_arguments";
import { inspect } from "@otp/processes/values/inspect";
import type { OptionChecks } from "@otp/processes/values/options";

/** Options for {@linkcode logtapeLog}. */
export interface LogtapeOptions {
  /**
   * The category of the node's events; the node's name is added to it.
   *
   * @default {["otp"]}
   */
  category?: readonly string[];
}

const LOGTAPE_OPTIONS: OptionChecks<LogtapeOptions> = {
  category: {
    accepts: (category) =>
      Array.isArray(category) &&
      category.every((each) => typeof each === "string"),
    give: 'texts, as in ["app"]',
  },
};

/**
 * Returns a log hook that passes each event to LogTape, whose configuration then decides about levels, filters and
 * sinks.
 *
 * The category of an event is `["otp", node]`. Its message is the text of the event; its properties are `node`,
 * `pid`, `label` and `metadata` as text or data, `traceId` and `spanId`, and the reports `crash`, `supervisor`,
 * `application` and `remote`, if the event has them. LogTape handles errors of sinks, which do not reach the node.
 *
 * @returns The hook, for the option `log` of `Node.start`.
 * @throws {TypeError} If the category is not an array of texts.
 *
 * @example Usage
 * ```ts
 * import { logtapeLog } from "@otp/distribution/logtape";
 * import { Logger } from "@otp/distribution/logger";
 * import { Node } from "@otp/distribution/node";
 * import { configure, type LogRecord } from "npm:@logtape/logtape@^2";
 * import { assertEquals } from "@std/assert";
 *
 * const records: LogRecord[] = [];
 * await configure({
 *   sinks: { records: (record) => void records.push(record) },
 *   loggers: [
 *     { category: ["otp"], lowestLevel: "info", sinks: ["records"] },
 *     { category: ["logtape", "meta"], lowestLevel: "error" },
 *   ],
 * });
 * await using node = await Node.start({
 *   name: "kate@localhost",
 *   cookie: "c",
 *   epmdPort: false,
 *   log: logtapeLog(),
 * });
 * await node.run(() => Logger.info("an order has arrived", { order: 17 }));
 * const [{ category, message, properties }] = records;
 * assertEquals(category, ["otp", "kate@localhost"]);
 * assertEquals(message.join(""), "an order has arrived");
 * assertEquals(properties.metadata, { order: 17 });
 * ```
 */
export function logtapeLog(options: LogtapeOptions = {}): LogHook {
  checkOptions(
    options,
    "pass a log to LogTape",
    LOGTAPE_OPTIONS,
    '{ category: ["app"] }',
  );
  const { category = ["otp"] } = options;
  return (event) => {
    const logger = getLogger([...category, event.node]);
    // Pass the text as a value, not as a template, because it may contain braces.
    const text = "{message}";
    logger[event.level](text, propertiesOf(event));
  };
}

function propertiesOf(event: LogEvent): Record<string, unknown> {
  const { node, message, pid, label, trace, metadata } = event;
  const { crash, supervisor, application, remote } = event;
  const all = {
    node,
    message,
    pid: pid && String(pid),
    label: label === undefined || typeof label === "string"
      ? label
      : inspect(label),
    ...trace,
    metadata,
    crash,
    supervisor,
    application,
    remote,
  };
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== undefined),
  );
}
