/** Validates the topologies of a cluster, before anything is started. */

import {
  checkFlags,
  checkFunction,
  checkInteger,
  checkRecord,
  checkString,
} from "../../core/values/check_arguments.ts";
import { inspect, quote } from "../../core/values/inspect.ts";
import {
  type OptionNames,
  refuseUnknown,
  typeError,
} from "../../core/values/options.ts";
import { readTarget } from "./addresses.ts";
import {
  type ClusterResolver,
  type CustomTopology,
  type DnsSrvTopology,
  type DnsTopology,
  type StrategyName,
  strategyName,
  type Topology,
  type TopologyOptions,
} from "./topology.ts";

const MAX_TOPOLOGIES = 100;

const COMMON: OptionNames<TopologyOptions> = {
  minDelay: true,
  maxDelay: true,
  maxDials: true,
  maxAddresses: true,
  disconnectForgotten: true,
};
const POLLED: OptionNames<CustomTopology> = {
  ...COMMON,
  strategy: true,
  interval: true,
  timeout: true,
};
const DNS: OptionNames<DnsSrvTopology> = {
  ...POLLED,
  query: true,
  node: true,
  resolver: true,
};

/** The options of each strategy. */
const OPTIONS: {
  readonly [S in Exclude<StrategyName, "custom">]: OptionNames<
    Extract<Topology, { strategy: S }>
  >;
} = {
  static: { ...COMMON, strategy: true, nodes: true },
  epmd: { ...POLLED, hosts: true, filter: true },
  dns: { ...DNS, port: true },
  dnsSrv: DNS,
  gossip: {
    ...COMMON,
    strategy: true,
    address: true,
    port: true,
    interface: true,
    ttl: true,
    interval: true,
    forgetAfter: true,
    maxAge: true,
  },
};

/** The minimum values of integer options. */
const LEAST: Record<string, number> = {
  minDelay: 1,
  maxDelay: 1,
  maxDials: 1,
  maxAddresses: 1,
  interval: 10,
  timeout: 1,
  ttl: 0,
  forgetAfter: 1,
  maxAge: 1,
};

/**
 * Validates topologies.
 *
 * @throws {TypeError} If a topology has the wrong shape.
 * @throws {RangeError} If a number is out of bounds.
 */
export function checkTopologies(topologies: unknown, doing: string): void {
  checkRecord(
    topologies,
    `${doing}: its topologies,`,
    '{ web: { strategy: "dns", query: "web.example", port: 4370 } }',
  );
  const entries = Object.entries(topologies as object);
  if (entries.length > MAX_TOPOLOGIES) {
    throw new RangeError(
      `Cannot ${doing}: it has ${entries.length} topologies; give ${MAX_TOPOLOGIES} or fewer`,
    );
  }
  for (const [name, topology] of entries) {
    checkTopology(topology, `${doing}: the topology ${quote(name)}`);
  }
}

function checkTopology(topology: Topology, doing: string): void {
  checkRecord(topology, doing, '{ strategy: "static", nodes: ["kate@host"] }');
  const { strategy } = topology;
  const known = typeof strategy === "function"
    ? POLLED
    : Object.hasOwn(OPTIONS, strategy)
    ? OPTIONS[strategy]
    : undefined;
  if (known === undefined) {
    throw new TypeError(
      `Cannot ${doing}: its strategy is ${inspect(strategy)}; give ${
        Object.keys(OPTIONS).map(quote).join(", ")
      } or a function`,
    );
  }
  refuseUnknown(
    topology,
    `${doing}, strategy ${strategyName(topology)}`,
    known,
  );
  for (const [option, value] of Object.entries(topology)) {
    if (value !== undefined && Object.hasOwn(LEAST, option)) {
      checkInteger(value, doing, option, LEAST[option]);
    }
  }
  checkFlags(topology, doing, "disconnectForgotten");
  const { minDelay = 100, maxDelay = 30_000 } = topology;
  if (minDelay > maxDelay) {
    throw new RangeError(
      `Cannot ${doing}: minDelay is ${minDelay}, and maxDelay ${maxDelay}; give a maxDelay of ${minDelay} or more`,
    );
  }
  checkStrategy(topology, doing);
}

function checkStrategy(topology: Topology, doing: string): void {
  switch (topology.strategy) {
    case "static":
      for (const each of list(topology.nodes, doing, "nodes", '"kate@host"')) {
        checkTarget(each, doing);
      }
      return;
    case "epmd":
      if (topology.filter !== undefined) {
        checkFunction(topology.filter, `${doing} with the filter`);
      }
      for (const host of list(topology.hosts, doing, "hosts", '"host"')) {
        checkText(host, doing, "a host");
      }
      return;
    case "dns":
    case "dnsSrv":
      return checkDns(topology, doing);
    case "gossip":
      checkPort(topology.port, doing);
      for (const option of ["address", "interface"] as const) {
        const value = topology[option];
        if (value !== undefined) checkIpv4(value, doing, option);
      }
  }
}

function checkDns(topology: DnsTopology | DnsSrvTopology, doing: string): void {
  checkText(topology.query, doing, "query");
  const { node, resolver, strategy } = topology;
  if (node !== undefined) {
    checkString(node, `${doing} with the node`);
    if (!/^[\w-]{1,128}$/.test(node)) {
      throw new TypeError(
        `Cannot ${doing}: node is ${
          quote(node)
        }; give the part of the names before the @, as in "web"`,
      );
    }
  }
  if (resolver !== undefined) checkResolver(resolver, doing);
  if (strategy !== "dns") return;
  checkPort(topology.port, doing);
  if (topology.port === undefined && node === undefined) {
    throw new TypeError(
      `Cannot ${doing}: it has neither port nor node; give the port on which the nodes listen, or the part of their names before the @`,
    );
  }
}

function checkResolver(resolver: ClusterResolver, doing: string): void {
  for (const name of ["resolve4", "resolve6", "resolveSrv"] as const) {
    if (typeof resolver?.[name] === "function") continue;
    throw new TypeError(
      `Cannot ${doing}: resolver is ${
        inspect(resolver)
      }; give one of node:dns/promises, or { resolve4, resolve6, resolveSrv }`,
    );
  }
}

function checkTarget(given: unknown, doing: string): void {
  try {
    readTarget(given);
  } catch (error) {
    throw new TypeError(`Cannot ${doing}: ${(error as Error).message}`);
  }
}

function list(
  value: unknown,
  doing: string,
  option: string,
  example: string,
): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError(
    `Cannot ${doing}: ${option} is ${
      inspect(value)
    }; give a list, as in [${example}]`,
  );
}

function checkText(value: unknown, doing: string, option: string): void {
  if (typeof value === "string" && /^[\w.:-]{1,253}$/.test(value)) return;
  throw new TypeError(
    `Cannot ${doing}: ${option} is ${
      inspect(value)
    }; give the name of a host, as in "web.example"`,
  );
}

function checkIpv4(value: unknown, doing: string, option: string): void {
  const isIpv4 = typeof value === "string" &&
    /^(?:\d{1,3}\.){3}\d{1,3}$/.test(value) &&
    value.split(".").every((part) => +part <= 255);
  if (isIpv4) return;
  const example = option === "address" ? "239.255.79.84" : "10.0.0.1";
  throw new TypeError(
    `Cannot ${doing}: ${option} is ${
      inspect(value)
    }; give an IPv4 address, as in ${example}`,
  );
}

function checkPort(port: unknown, doing: string): void {
  if (
    port === undefined ||
    Number.isInteger(port) && port as number >= 1 && port as number <= 65535
  ) return;
  throw typeError(
    port,
    `Cannot ${doing}: port is ${
      inspect(port)
    }; a port is an integer from 1 to 65535`,
  );
}
