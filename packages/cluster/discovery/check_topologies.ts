/** Validates the topologies of a cluster, before anything is started. */

import {
  ARRAY,
  checkOptions,
  checkRecord,
  checkValue,
  FLAG,
  FUNCTION,
  integerFrom,
} from "@otp/processes/values/check_arguments";
import { inspect, quote } from "@otp/processes/values/inspect";
import type { OptionCheck, OptionChecks } from "@otp/processes/values/options";
import { readTarget } from "./addresses.ts";
import type {
  ClusterResolver,
  CustomTopology,
  DnsSrvTopology,
  StrategyName,
  Topology,
  TopologyOptions,
} from "@otp/node/start/topology";

const MAX_TOPOLOGIES = 100;

const PORT = integerFrom(1, 65535);

const HOST: OptionCheck = {
  accepts: (value) =>
    typeof value === "string" && /^[\w.:-]{1,253}$/.test(value),
  give: 'the name of a host, as in "web.example"',
  isRequired: true,
};

const REQUIRED_LIST: OptionCheck = { ...ARRAY, isRequired: true };

const COMMON: OptionChecks<TopologyOptions> = {
  minDelay: integerFrom(1),
  maxDelay: integerFrom(1),
  maxDials: integerFrom(1),
  maxAddresses: integerFrom(1),
  disconnectForgotten: FLAG,
};
const POLLED: OptionChecks<CustomTopology> = {
  ...COMMON,
  strategy: true,
  interval: integerFrom(10),
  timeout: integerFrom(1),
};
const DNS: OptionChecks<DnsSrvTopology> = {
  ...POLLED,
  query: HOST,
  node: {
    accepts: (node) => typeof node === "string" && /^[\w-]{1,128}$/.test(node),
    give: 'the part of the names before the @, as in "web"',
  },
  resolver: {
    accepts: isResolver,
    give: "one of node:dns/promises, or { resolve4, resolve6, resolveSrv }",
  },
};

/** The options of each strategy. */
const OPTIONS: {
  readonly [S in Exclude<StrategyName, "custom">]: OptionChecks<
    Extract<Topology, { strategy: S }>
  >;
} = {
  static: { ...COMMON, strategy: true, nodes: REQUIRED_LIST },
  epmd: { ...POLLED, hosts: REQUIRED_LIST, filter: FUNCTION },
  dns: { ...DNS, port: PORT },
  dnsSrv: DNS,
  gossip: {
    ...COMMON,
    strategy: true,
    address: ipv4("239.255.79.84"),
    port: PORT,
    interface: ipv4("10.0.0.1"),
    ttl: integerFrom(0),
    interval: integerFrom(10),
    forgetAfter: integerFrom(1),
    maxAge: integerFrom(1),
  },
};

/**
 * Validates topologies. Throws a `TypeError` if a topology has the wrong shape, and a `RangeError` if a number is out
 * of bounds.
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
  checkOptions(
    topology,
    `${doing}, strategy ${strategyName(topology)}`,
    known as OptionChecks<Topology>,
  );
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
      for (const each of topology.nodes) checkTarget(each, doing);
      return;
    case "epmd":
      for (const each of topology.hosts) {
        checkValue(each, doing, "a host", HOST);
      }
      return;
    case "dns":
      if (topology.port === undefined && topology.node === undefined) {
        throw new TypeError(
          `Cannot ${doing}: it has neither port nor node; give the port on which the nodes listen, or the part of their names before the @`,
        );
      }
  }
}

function isResolver(resolver: unknown): boolean {
  const given = resolver as Partial<ClusterResolver> | null;
  return [given?.resolve4, given?.resolve6, given?.resolveSrv]
    .every((each) => typeof each === "function");
}

function checkTarget(given: unknown, doing: string): void {
  try {
    readTarget(given);
  } catch (error) {
    throw new TypeError(`Cannot ${doing}: ${(error as Error).message}`);
  }
}

function ipv4(example: string): OptionCheck {
  return {
    accepts: (value) =>
      typeof value === "string" && /^(?:\d{1,3}\.){3}\d{1,3}$/.test(value) &&
      value.split(".").every((part) => +part <= 255),
    give: `an IPv4 address, as in ${example}`,
  };
}

/** The name of a topology's strategy. */
export function strategyName({ strategy }: Topology): StrategyName {
  return typeof strategy === "function" ? "custom" : strategy;
}
