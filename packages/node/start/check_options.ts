/** Validates a node's options, before any socket or file is opened. */

import { advertisedAddress } from "../addresses/advertised_address.ts";
import type { TlsOptions } from "../host/credentials.ts";
import { DEFAULT_LIMITS, type WireName } from "../wire.ts";
import type { NodeOptions } from "./node_options.ts";
import type { NodePart } from "./parts.ts";
import {
  checkOptions,
  checkValue,
  countFrom,
  FLAG,
  FUNCTION,
  integerFrom,
  oneOf,
  RECORD,
  TEXT,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";
import { LOG_LEVEL } from "@otp/processes/log/log_level";
import type { OptionChecks } from "@otp/processes/values/options";
import { inspect, quote } from "@otp/processes/values/inspect";

const VERIFY = oneOf("host", "name", "none");

const TLS_OPTIONS: OptionChecks<TlsOptions> = {
  cert: true,
  key: true,
  ca: true,
  verify: {
    accepts: (verify) => typeof verify === "function" || VERIFY.accepts(verify),
    give: `${VERIFY.give} or a function`,
  },
};

const LIMITS = Object.fromEntries(
  Object.keys(DEFAULT_LIMITS).map((name) => [name, countFrom(0)]),
);

const PORT = integerFrom(1, 65535);

const POLL = integerFrom(0, 100_000);

const WIRES: readonly unknown[] = ["json", "beam"] satisfies WireName[];

/** The checks of these options, for the interfaces that extend them. */
export const NODE_OPTIONS: OptionChecks<NodeOptions> = {
  name: { ...TEXT, isRequired: true },
  cookie: true,
  cookieFile: true,
  modules: RECORD,
  allow: FUNCTION,
  allowClosures: FLAG,
  allowRemsh: true,
  allowObserve: true,
  listen: true,
  port: integerFrom(0, 65535),
  advertise: {
    accepts: (address) =>
      typeof address === "string" && advertisedAddress(address) !== undefined,
    give:
      'the IP address of this machine as others see it, with a port if it is another one: "203.0.113.5:14370"',
  },
  tls: true,
  wires: {
    accepts: (wires) =>
      Array.isArray(wires) && wires.length > 0 &&
      Array.from(wires).every((wire) => WIRES.includes(wire)),
    give: 'an array of one or both of "json" and "beam"',
  },
  epmdPort: {
    accepts: (port) => port === false || PORT.accepts(port),
    give: `${PORT.give}, or false (--epmd-port none)`,
    isNumber: true,
  },
  cluster: true,
  minPeers: countFrom(0),
  hidden: FLAG,
  connectAll: FLAG,
  tickTime: {
    accepts: (time) => typeof time === "number" && time > 0,
    give: "milliseconds, more than 0",
    isNumber: true,
  },
  poll: {
    accepts: (poll) => poll === "auto" || POLL.accepts(poll),
    give: `"auto", or ${POLL.give} (microseconds)`,
    isNumber: true,
  },
  limits: true,
  io: {
    accepts: (io) =>
      typeof (io as { write?: unknown } | null)?.write === "function",
    give: "{ write(text) { … } }",
  },
  log: FUNCTION,
  logLevel: LOG_LEVEL,
  logFilter: FUNCTION,
  drainTimeout: TIMEOUT,
  onTreeEnd: {
    accepts: (action) =>
      action === "exit" || action === "continue" ||
      typeof action === "function",
    give: '"exit", "continue" or a function',
  },
  onStart: FUNCTION,
  stopTimeout: TIMEOUT,
  use: {
    accepts: (parts) =>
      Array.isArray(parts) &&
      // A function that creates a part has a name too.
      Array.from(parts).every((part) =>
        typeof part === "object" && typeof part?.name === "string"
      ),
    give: "an array of parts, as in [cluster()]",
  },
};

/** The options that only a part reads, and the part, for the error of a node without it. */
const OF_PARTS: Partial<Record<keyof NodeOptions, string>> = {
  allowRemsh: "remoteShell() of @otp/shell/part",
  allowObserve: "observe() of @otp/observe/part",
  cluster: "cluster() of @otp/cluster/part",
};

/**
 * Validates the options of a node and of its parts. Throws a `TypeError` if an option is of the wrong type or no part
 * reads it, and a `RangeError` if a number is out of bounds.
 */
export async function checkPartOptions(
  options: NodeOptions,
  parts: readonly NodePart[],
): Promise<void> {
  checkNodeOptions(options);
  const doing = startOf(options);
  for (const name of Object.keys(OF_PARTS) as (keyof NodeOptions)[]) {
    const value = options[name];
    if (value === undefined || value === false) continue;
    if (parts.some((part) => Object.hasOwn(part.options ?? {}, name))) continue;
    throw new TypeError(
      `Cannot ${doing}: none of its parts reads the option ${name}; add ${
        OF_PARTS[name]
      } to use`,
    );
  }
  for (const part of parts) {
    for (const [name, check] of Object.entries(part.options ?? {})) {
      const value = options[name as keyof NodeOptions];
      if (check === true || value === undefined) continue;
      checkValue(value, doing, name, check);
    }
    await part.check?.(options, doing);
  }
}

/** The first words of an error after "Cannot". */
function startOf(options: NodeOptions): string {
  const name: unknown = options?.name;
  return `start ${
    typeof name === "string" ? quote(name.slice(0, 300)) : "a node"
  }`;
}

/**
 * Validates the options of a node, but not those that its parts read. Throws a `TypeError` if an option is of the wrong
 * type, and a `RangeError` if a number is out of bounds.
 */
export function checkNodeOptions(options: NodeOptions): void {
  const what = startOf(options);
  checkOptions(options, what, NODE_OPTIONS, '{ name: "alex@localhost" }');
  for (const key of ["cookie", "cookieFile", "listen"] as const) {
    const value: unknown = options[key];
    // Errors must not show the value, which may be a cookie. Reject an empty address, which would mean every address
    // of the machine; an empty cookie has its own error.
    const isEmpty = key !== "cookie" && value === "";
    if (value !== undefined && (typeof value !== "string" || isEmpty)) {
      throw new TypeError(
        `Cannot ${what}: ${key} is ${
          isEmpty ? "empty" : `of the type ${typeof value}`
        }; give a string`,
      );
    }
  }
  const { tls, limits, modules = {} } = options;
  if (tls !== undefined) {
    checkOptions(tls, `${what}: TLS`, TLS_OPTIONS, "{ cert, key, ca }");
  }
  if (limits !== undefined) {
    const doing = `${what}: its limits`;
    checkOptions<object>(limits, doing, LIMITS, "{ maxDepth: 512 }");
  }
  for (const [name, module] of Object.entries(modules)) {
    checkModule(name, module, what);
  }
}

/** @throws {TypeError} If an option makes a node export a module under a name that its own modules have. */
export function checkModuleIsFree(
  options: NodeOptions,
  doing: string,
  option: keyof NodeOptions,
  module: string,
): void {
  if (!options[option] || !Object.hasOwn(options.modules ?? {}, module)) return;
  throw new TypeError(
    `Cannot ${doing}: ${option} exports a module "${module}", and so do its modules; give that another name`,
  );
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
