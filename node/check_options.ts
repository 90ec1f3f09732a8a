/** Validates a node's options, before any socket or file is opened. */

import { advertisedAddress } from "../net/advertised_address.ts";
import type { TlsOptions } from "../net/credentials.ts";
import { DEFAULT_LIMITS, type WireName } from "../net/wire.ts";
import { NODE_OPTIONS, type NodeOptions } from "./node_options.ts";
import {
  checkCount,
  checkFlags,
  checkFunction,
  checkOptions,
  checkRecord,
  checkString,
  checkTimeout,
} from "../core/values/check_arguments.ts";
import { checkLogLevel } from "../core/log/log_level.ts";
import {
  type OptionNames,
  refuseUnknown,
  typeError,
} from "../core/values/options.ts";
import { inspect, quote } from "../core/values/inspect.ts";

const TLS_OPTIONS: OptionNames<TlsOptions> = {
  cert: true,
  key: true,
  ca: true,
  verify: true,
};

const WIRES: readonly unknown[] = ["json", "beam"] satisfies WireName[];

/**
 * Validates the options of a node.
 *
 * @throws {TypeError} If an option is of the wrong type.
 * @throws {RangeError} If a number is out of bounds.
 */
export function checkNodeOptions(options: NodeOptions): void {
  checkOptions(
    options,
    "start a node",
    NODE_OPTIONS,
    '{ name: "alex@localhost" }',
  );
  checkString(options.name, "start a node under the name");
  const what = `start ${quote(options.name.slice(0, 300))}`;
  checkFlags(
    options,
    what,
    "allowClosures",
    "allowRemsh",
    "connectAll",
    "hidden",
  );
  for (const key of ["cookie", "cookieFile", "listen"] as const) {
    const value: unknown = options[key];
    // Errors must not show the value, which may be a cookie. Reject an empty address, which would mean every address
    // of the machine; an empty cookie has its own error.
    const isEmpty = key !== "cookie" && value === "";
    if (value !== undefined && (typeof value !== "string" || isEmpty)) {
      throw new TypeError(
        `Cannot ${what}: the option ${key} is ${
          isEmpty ? "empty" : `of the type ${typeof value}`
        }; give a string`,
      );
    }
  }
  const { allow, log, logLevel, logFilter, tls, modules, tickTime } = options;
  const { drainTimeout, stopTimeout } = options;
  const check = (
    option: keyof NodeOptions,
    isValid: (value: unknown) => boolean,
    remedy: string,
  ) => {
    const value: unknown = options[option];
    if (value === undefined || isValid(value)) return;
    throw new TypeError(
      `Cannot ${what}: the option ${option} is ${
        inspect(value)
      }; give ${remedy}`,
    );
  };
  if (allow !== undefined) checkFunction(allow, `${what} with the rule`);
  if (log !== undefined) checkFunction(log, `${what} with the log`);
  if (logLevel !== undefined) checkLogLevel(logLevel, what);
  if (logFilter !== undefined) {
    checkFunction(logFilter, `${what} with the log filter`);
  }
  check("io", isDevice, "{ write(text) { … } }");
  if (tls !== undefined) {
    checkOptions(tls, `${what}: TLS`, TLS_OPTIONS, "{ cert, key, ca }");
  }
  if (modules !== undefined) checkModules(modules, what);
  check("allowObserve", isObserveRule, 'true, false or "write"');
  for (
    const [option, module] of [
      ["allowRemsh", "Shell"],
      ["allowObserve", "Observer"],
    ] as const
  ) {
    if (options[option] && Object.hasOwn(modules ?? {}, module)) {
      throw new TypeError(
        `Cannot ${what}: ${option} exports a module "${module}", and so do its modules; give that another name`,
      );
    }
  }
  check("wires", areWires, 'an array of one or both of "json" and "beam"');
  checkPort(options.port, what, "port", 0);
  check(
    "advertise",
    isAdvertised,
    'the IP address of this machine as others see it, with a port if it is another one: "203.0.113.5:14370"',
  );
  if (options.epmdPort !== false) {
    checkPort(options.epmdPort, what, "epmdPort", 1);
  }
  if (
    tickTime !== undefined && !(typeof tickTime === "number" && tickTime > 0)
  ) {
    throw typeError(
      tickTime,
      `Cannot ${what}: tickTime is ${
        inspect(tickTime)
      }; give milliseconds, more than 0`,
    );
  }
  check("onTreeEnd", isTreeEndAction, '"exit", "continue" or a function');
  if (stopTimeout !== undefined) checkTimeout(stopTimeout, `${what}, to stop`);
  if (drainTimeout !== undefined) {
    checkTimeout(drainTimeout, `${what}, to drain`);
  }
  if (options.limits !== undefined) checkLimits(options.limits, what);
}

function isDevice(io: unknown): boolean {
  return typeof (io as { write?: unknown } | null)?.write === "function";
}

function isObserveRule(allow: unknown): boolean {
  return typeof allow === "boolean" || allow === "write";
}

function areWires(wires: unknown): boolean {
  return Array.isArray(wires) && wires.length > 0 &&
    Array.from(wires).every((wire) => WIRES.includes(wire));
}

function isAdvertised(address: unknown): boolean {
  return typeof address === "string" &&
    advertisedAddress(address) !== undefined;
}

function isTreeEndAction(action: unknown): boolean {
  return action === "exit" || action === "continue" ||
    typeof action === "function";
}

function checkModules(modules: unknown, what: string): void {
  checkRecord(modules, `${what}: its modules`, "{ Chat }");
  for (const [name, module] of Object.entries(modules as object)) {
    checkModule(name, module, what);
  }
}

/** @throws {TypeError} If a module is neither an object nor a function, so a node could export none of its functions. */
export function checkModule(name: string, module: unknown, what: string): void {
  if (module !== null && ["object", "function"].includes(typeof module)) return;
  throw new TypeError(
    `Cannot ${what}: the module ${quote(name)} is ${
      inspect(module)
    }; give an object that has functions`,
  );
}

function checkPort(
  port: unknown,
  what: string,
  option: string,
  least: number,
): void {
  if (
    port === undefined ||
    Number.isInteger(port) && port as number >= least && port as number <= 65535
  ) return;
  throw typeError(
    port,
    `Cannot ${what}: ${option} is ${
      inspect(port)
    }; a port is an integer from ${least} to 65535`,
  );
}

function checkLimits(given: object, what: string): void {
  checkRecord(given, `${what}: its limits`, "{ maxDepth: 512 }");
  refuseUnknown(given, `${what}: its limits`, DEFAULT_LIMITS);
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) checkCount(value, what, `limits.${name}`);
  }
}
