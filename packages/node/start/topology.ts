/** The options of a topology: a set of nodes, and the strategy that finds them. */

/**
 * A node to connect to: `"kate@host"`, which EPMD finds; `"10.0.0.1:4370"` or `"[::1]:4370"`, where the node states its
 * name; or both.
 */
export type ClusterAddress = string | ClusterTarget;

/** A node's name, its address, or both. */
export interface ClusterTarget {
  /**
   * The node's name.
   *
   * @default {the name that the node at the address states}
   */
  node?: string;
  /**
   * The address on which the node listens, as `host:port`.
   *
   * @default {the address from EPMD}
   */
  address?: string;
}

/** Options of every topology. */
export interface TopologyOptions {
  /**
   * The shortest delay before a node is dialled again, in milliseconds. Each delay is a random number between `minDelay`
   * and three times the previous delay.
   *
   * @default {100}
   */
  minDelay?: number;
  /**
   * The longest delay before a node is dialled again, in milliseconds.
   *
   * @default {30_000}
   */
  maxDelay?: number;
  /**
   * The number of nodes that are dialled at once.
   *
   * @default {16}
   */
  maxDials?: number;
  /**
   * The maximum number of addresses. Further addresses, in the order of their text, are ignored, so that an answer in
   * another order changes nothing.
   *
   * @default {1000}
   */
  maxAddresses?: number;
  /**
   * Whether to close the connection to a node that the strategy no longer names. An empty answer closes no connection,
   * since a name server that has just started may return one.
   *
   * @default {false}
   */
  disconnectForgotten?: boolean;
}

/** Options of a polled strategy. */
export interface PollOptions extends TopologyOptions {
  /**
   * The time between two questions, in milliseconds; a tenth more or less at random.
   *
   * @default {5000}
   */
  interval?: number;
  /**
   * The time for an answer, in milliseconds.
   *
   * @default {10_000}
   */
  timeout?: number;
}

/** Fixed nodes. */
export interface StaticTopology extends TopologyOptions {
  /** Names the strategy. */
  strategy: "static";
  /** The nodes to connect to, each by its name, its address, or both. */
  nodes: readonly ClusterAddress[];
}

/** All nodes that are registered with EPMD on some hosts. */
export interface EpmdTopology extends PollOptions {
  /** Names the strategy. */
  strategy: "epmd";
  /** The hosts, as they are part of the nodes' names. */
  hosts: readonly string[];
  /**
   * Returns whether to connect to a node.
   *
   * @default {all, except the nodes that `--remsh` starts}
   */
  filter?: (node: string) => boolean;
}

/** A DNS record that names a service. */
export interface SrvRecord {
  /** The name of the host. */
  name: string;
  /** Where all nodes of the cluster listen. */
  port: number;
}

/** The circumstances in which a resolver is asked. */
export interface ResolverContext {
  /** Aborted when the answer is no longer wanted: it took too long, or the topology stops. */
  readonly signal: AbortSignal;
}

/** Asks the DNS. A `Resolver` of `node:dns/promises` fits, but ignores the signal. */
export interface ClusterResolver {
  /** Returns the A records of a name. */
  resolve4(name: string, context: ResolverContext): Promise<string[]>;
  /** Returns the AAAA records of a name. */
  resolve6(name: string, context: ResolverContext): Promise<string[]>;
  /** Looks a name up in DNS; rejects if there is none. */
  resolveSrv(name: string, context: ResolverContext): Promise<SrvRecord[]>;
}

/** Options of the strategies `"dns"` and `"dnsSrv"`. */
export interface DnsOptions extends PollOptions {
  /** The name to ask for. */
  query: string;
  /**
   * The part before the `@` of the nodes' names, if it is the same for all nodes and their host is the address
   * (of `dns`) or the name (of `dnsSrv`) that the DNS returns.
   *
   * @default {the names that the nodes state}
   */
  node?: string;
  /**
   * Asks the DNS.
   *
   * @default {the resolver of the machine}
   */
  resolver?: ClusterResolver;
}

/** The addresses of a name: a headless service of Kubernetes, a service of Docker Compose. */
export interface DnsTopology extends DnsOptions {
  /** Names the strategy. */
  strategy: "dns";
  /**
   * The port of the nodes. It can be omitted if `node` is given: EPMD at each address is asked then.
   *
   * @default {undefined}
   */
  port?: number;
}

/** The services of a name: host names and ports, from SRV records. */
export interface DnsSrvTopology extends DnsOptions {
  /** Names the strategy. */
  strategy: "dnsSrv";
}

/** The nodes of the local network that have the same cookie, by UDP multicast. */
export interface GossipTopology extends TopologyOptions {
  /** Names the strategy. */
  strategy: "gossip";
  /**
   * The multicast group, an IPv4 address.
   *
   * @default {"239.255.79.84"}
   */
  address?: string;
  /**
   * The UDP port, the same on all nodes.
   *
   * @default {45_894}
   */
  port?: number;
  /**
   * The address of the interface to use.
   *
   * @default {the address that the node listens on; if that is every address, the host chooses}
   */
  interface?: string;
  /**
   * The number of routers that a packet may pass, plus 1.
   *
   * @default {1}
   */
  ttl?: number;
  /**
   * The mean time between two packets, in milliseconds; half as much more or less at random.
   *
   * @default {1500}
   */
  interval?: number;
  /**
   * The time after which a silent node is forgotten, in milliseconds.
   *
   * @default {15_000}
   */
  forgetAfter?: number;
  /**
   * How much the clocks of two nodes may differ, in milliseconds. Older packets are dropped.
   *
   * @default {30_000}
   */
  maxAge?: number;
}

/** The circumstances in which a strategy is asked. */
export interface StrategyContext {
  /** The topology's name. */
  readonly topology: string;
  /** The name of the asking node. */
  readonly node: string;
  /** Aborted when the answer is no longer wanted: it took too long, or the topology stops. */
  readonly signal: AbortSignal;
}

/** The addresses of all nodes, as a strategy knows them now. */
export type ClusterAddresses = Iterable<ClusterAddress>;

/**
 * A strategy of a program. It returns the addresses of all nodes, and is called again after each `interval`. It may also
 * return an async iterable of answers, each of which replaces the previous answer.
 *
 * A strategy runs in the topology's process and must not call `receive`, since the process receives messages itself.
 */
export type ClusterStrategy = (context: StrategyContext) =>
  | ClusterAddresses
  | Promise<ClusterAddresses | AsyncIterable<ClusterAddresses>>
  | AsyncIterable<ClusterAddresses>;

/** A strategy of the program. */
export interface CustomTopology extends PollOptions {
  /** Finds the nodes. */
  strategy: ClusterStrategy;
}

/** A set of nodes, and the strategy that finds them. */
export type Topology =
  | StaticTopology
  | EpmdTopology
  | DnsTopology
  | DnsSrvTopology
  | GossipTopology
  | CustomTopology;

/**
 * Topologies by name.
 *
 * @ignore
 */
export type Topologies = Readonly<Record<string, Topology>>;

/** The name of a topology's strategy. */
export type StrategyName =
  | Exclude<Topology["strategy"], ClusterStrategy>
  | "custom";
