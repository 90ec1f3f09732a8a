/**
 * Clusters that form themselves: nodes are found, connected to, and connected to again.
 *
 * Follows [libcluster](https://hexdocs.pm/libcluster/readme.html), which Elixir programs use.
 *
 * @module
 */

import { call } from "@otp/servers/server/call";
import {
  callExit,
  describeServer,
  type NameOnNode,
  serverName,
  type ServerRef,
  serverRef,
} from "@otp/servers/server/server_ref";
import { checkTopologies } from "./check_topologies.ts";
import type { ClusterInfo, ClusterMessage } from "./cluster_info.ts";
import { type ClusterRequest, clusterServerName } from "./cluster_server.ts";
import { DEFAULT_CLUSTER, startCluster } from "./start_cluster.ts";
import type { Topologies, Topology } from "@otp/node/start/topology";
import type { ChildSpec } from "@otp/servers/server/child_spec";
import { checkOptions, checkRef } from "@otp/processes/values/check_arguments";
import { never, waitingProcess } from "@otp/processes/runtime/current_process";
import { promised } from "@otp/processes/promises/promises";
import { inspect } from "@otp/processes/values/inspect";
import type { Pid, Ref } from "@otp/processes/values/pid";
import { type Atom, nameOf } from "@otp/processes/values/atom";
import { OwnRequest } from "@otp/processes/values/server_message";
import type { OptionChecks } from "@otp/processes/values/options";

export type { ChildSpec, ClusterInfo, ClusterMessage, NameOnNode };
export type {
  AddressState,
  ClusterAdded,
  ClusterAddressEvent,
  ClusterAddressInfo,
  ClusterConnected,
  ClusterDialFailed,
  ClusterDisconnected,
  ClusterEvent,
  ClusterRemoved,
  ClusterStrategyFailed,
  GossipCounts,
  TopologyInfo,
} from "./cluster_info.ts";
export type {
  ClusterAddress,
  ClusterAddresses,
  ClusterResolver,
  ClusterStrategy,
  ClusterTarget,
  CustomTopology,
  DnsOptions,
  DnsSrvTopology,
  DnsTopology,
  EpmdTopology,
  GossipTopology,
  PollOptions,
  ResolverContext,
  SrvRecord,
  StaticTopology,
  StrategyContext,
  StrategyName,
  Topology,
  TopologyOptions,
} from "@otp/node/start/topology";

export type { Pid } from "@otp/processes/values/pid";
export type { Atom } from "@otp/processes/values/atom";
export type {
  ChildRestart,
  ChildShutdown,
  ChildStart,
} from "@otp/servers/server/child_spec";

/**
 * Options for {@linkcode Cluster.startLink}. An invalid topology throws a `TypeError`, a number out of bounds a
 * `RangeError`.
 */
export interface ClusterOptions {
  /** The topologies, by name. */
  topologies: Readonly<Record<string, Topology>>;
  /**
   * The cluster's name on its node.
   *
   * @default {"Cluster"}
   */
  name?: string | Atom;
}

const CLUSTER_OPTIONS: OptionChecks<ClusterOptions> = {
  topologies: true,
  name: true,
};

/**
 * Finds the other nodes of a cluster, connects to them, and connects to them again when they are lost.
 *
 * A cluster is a supervisor with a process for each topology. A topology has a strategy, which names addresses:
 *
 * - `"static"`: fixed names or addresses.
 * - `"epmd"`: all nodes that are registered with EPMD on some hosts.
 * - `"dns"`: the A and AAAA records of a name, such as a headless service of Kubernetes.
 * - `"dnsSrv"`: the SRV records of a name, with ports.
 * - `"gossip"`: the nodes of the local network with the same cookie, by UDP multicast.
 * - a function of the program, which returns addresses, or an async iterable of them.
 *
 * An address is a name, `"kate@host"`, which EPMD resolves; or a host and port, `"10.0.0.1:4370"`, where the node
 * states its name, so that no EPMD is needed; or both.
 *
 * An address is dialled for as long as the strategy names it: at once, then after a delay that grows at random
 * from `minDelay` to `maxDelay`, and again when the connection is lost. An address that the strategy no longer names
 * is forgotten: it is not dialled again, but its connection stays, so that a node that leaves a deployment can finish
 * its work, unless `disconnectForgotten` is set. When a strategy fails, the addresses of its last answer stay.
 *
 * Visible nodes connect transitively, so one address suffices to join a whole cluster. With several addresses, joining
 * does not depend on a single node.
 *
 * {@linkcode Cluster.info} returns the state, and {@linkcode Cluster.subscribe} sends changes as messages. Both, and
 * {@linkcode Cluster.unsubscribe}, throw an `ExitError` if the cluster does not run, or its node is down.
 * `Node.start({ cluster: topologies })` starts a cluster with its node; in a program's own supervision tree,
 * `[Cluster, { topologies }]` is the child.
 *
 * @example A strategy of the program
 * ```ts
 * import { Cluster, type ClusterMessage } from "@otp/distribution/cluster";
 * import { Node } from "@otp/distribution/node";
 * import { receive } from "@otp/distribution/process";
 * import { Supervisor } from "@otp/distribution/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const cookie = "secret_token";
 * await using kate = await Node.start({ name: "kate@localhost", cookie, epmdPort: false });
 * await using alex = await Node.start({ name: "alex@localhost", cookie, epmdPort: false });
 * await alex.run(async () => {
 *   // It could as well ask a database, or the interface of a cloud.
 *   const strategy = () => Promise.resolve([`127.0.0.1:${kate.port}`]);
 *   await Cluster.startLink({ topologies: { own: { strategy, interval: 1000 } } });
 *   await Cluster.subscribe();
 *   await receive((m: ClusterMessage) => m.event === "connected");
 *   const { topologies: [own] } = await Cluster.info();
 *   assertEquals(own.addresses[0].node, "kate@localhost");
 *   await Supervisor.stop("Cluster");
 * });
 * ```
 */
export class Cluster {
  private constructor() {}

  /**
   * Starts a cluster, linked to the caller. It does not wait for any node.
   *
   * Follows [Cluster.Supervisor](https://hexdocs.pm/libcluster/Cluster.Supervisor.html). A strategy that fails does
   * not fail the start: it is asked again, and {@linkcode Cluster.info} returns the reason.
   *
   * @returns The pid of the cluster's supervisor.
   * @throws {ExitError} If the name is taken: `{ type: "already_started", pid }`.
   *
   * @example Usage
   * ```ts
   * import { Cluster } from "@otp/distribution/cluster";
   * import { Process } from "@otp/distribution/process";
   * import { Supervisor } from "@otp/distribution/supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const pid = await Cluster.startLink({ topologies: {} });
   * assertEquals(Process.whereis("Cluster"), pid);
   * await Supervisor.stop(pid);
   * ```
   */
  static startLink(options: ClusterOptions): Promise<Pid> {
    return promised(() => {
      const { topologies, name } = checkStart(options);
      return startCluster(topologies, { name });
    });
  }

  /**
   * Returns the child specification of a cluster; `[Cluster, { topologies }]` is a shorthand.
   *
   * @returns The specification; its id is the cluster's name.
   *
   * @example Usage
   * ```ts
   * import { Cluster } from "@otp/distribution/cluster";
   * import { Supervisor } from "@otp/distribution/supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const topologies = {
   *   web: { strategy: "static", nodes: ["kate@localhost"] },
   * } as const;
   * assertEquals(Cluster.childSpec({ topologies }).id, "Cluster");
   * const sup = await Supervisor.startLink([[Cluster, { topologies }]], { strategy: "one_for_one" });
   * await Supervisor.stop(sup);
   * ```
   */
  static childSpec(options: ClusterOptions): ChildSpec<() => Promise<Pid>> {
    const { name } = checkStart(options);
    return {
      id: name,
      start: () => Cluster.startLink(options),
      type: "supervisor",
    };
  }

  /**
   * Returns the state of a cluster as one node sees it: its topologies, and for each address the attempts, the next
   * attempt, and the last error.
   *
   * @param cluster The cluster, on any node; `"Cluster"` on this node by default.
   *
   * @example An address that cannot be reached
   * ```ts
   * import { Cluster, type ClusterMessage } from "@otp/distribution/cluster";
   * import { Node } from "@otp/distribution/node";
   * import { receive } from "@otp/distribution/process";
   * import { assert, assertEquals } from "@std/assert";
   *
   * const cluster = { old: { strategy: "static", nodes: ["gone@localhost"] } } as const;
   * await using alex = await Node.start({ name: "alex@localhost", cookie: "c", epmdPort: 14369, cluster, log() {} });
   * await alex.run(async () => {
   *   await Cluster.subscribe();
   *   await receive((m: ClusterMessage) => m.event === "dial_failed");
   *   const { topologies: [old] } = await Cluster.info();
   *   const [gone] = old.addresses;
   *   assertEquals(gone.node, "gone@localhost");
   *   assert(gone.attempts >= 1);
   *   assert(gone.lastError?.startsWith("Cannot connect to gone@localhost"));
   * });
   * ```
   */
  static async info(
    cluster: string | Atom | NameOnNode = DEFAULT_CLUSTER,
  ): Promise<ClusterInfo> {
    return (await ask<{ info: ClusterInfo }>("info", cluster, { type: "info" }))
      .info;
  }

  /**
   * Sends the calling process a {@linkcode ClusterMessage} for each change of a cluster.
   *
   * Each call subscribes once more. The messages of a topology are in the order of its changes. Earlier changes are
   * not sent: {@linkcode Cluster.info} returns their result.
   *
   * @param cluster The cluster, on this node; `"Cluster"` by default.
   * @returns The subscription, for {@linkcode Cluster.unsubscribe}.
   *
   * @example Usage
   * ```ts
   * import { Cluster, type ClusterMessage } from "@otp/distribution/cluster";
   * import { receive } from "@otp/distribution/process";
   * import { Supervisor } from "@otp/distribution/supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const { promise: addresses, resolve } = Promise.withResolvers<string[]>();
   * const topologies = { own: { strategy: () => addresses } };
   * const pid = await Cluster.startLink({ topologies });
   * await Cluster.subscribe();
   * resolve(["10.0.0.1:4370"]);
   * const added = await receive((m: ClusterMessage) => m.event === "added");
   * assertEquals(added.address, "10.0.0.1:4370");
   * await Supervisor.stop(pid);
   * ```
   */
  static async subscribe(
    cluster: string | Atom = DEFAULT_CLUSTER,
  ): Promise<Ref> {
    return (await ask<{ ref: Ref }>("subscribe", cluster, {
      type: "subscribe",
    })).ref;
  }

  /**
   * Ends a subscription, and removes its cluster's messages from the caller's mailbox.
   *
   * @param cluster The cluster, on this node; `"Cluster"` by default.
   * @returns Whether the subscription existed.
   *
   * @example Usage
   * ```ts
   * import { Cluster } from "@otp/distribution/cluster";
   * import { Supervisor } from "@otp/distribution/supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const pid = await Cluster.startLink({ topologies: {} });
   * const ref = await Cluster.subscribe();
   * assertEquals(await Cluster.unsubscribe(ref), true);
   * assertEquals(await Cluster.unsubscribe(ref), false);
   * await Supervisor.stop(pid);
   * ```
   */
  static async unsubscribe(
    ref: Ref,
    cluster: string | Atom = DEFAULT_CLUSTER,
  ): Promise<boolean> {
    checkRef(ref, "unsubscribe", "Cluster.subscribe returned");
    const process = waitingProcess();
    if (process === undefined) return never();
    const name = nameOf(cluster);
    const { found } = await ask<{ found: boolean }>("unsubscribe", name, {
      type: "unsubscribe",
      ref,
    });
    const isOfCluster = (message: unknown) => {
      const told = message as Partial<ClusterMessage> | null;
      return told?.type === "cluster" && told.cluster === name;
    };
    while (found && process.mailbox.take(isOfCluster) !== undefined);
    return found;
  }
}

function checkStart(
  options: ClusterOptions,
): { topologies: Topologies; name: string } {
  const doing = "start a cluster";
  checkOptions(options, doing, CLUSTER_OPTIONS, "{ topologies: {} }");
  const { topologies, name = DEFAULT_CLUSTER } = options;
  checkTopologies(topologies, doing);
  const text = nameOf(name);
  // Refuses an empty name.
  serverName(text);
  return { topologies, name: text };
}

function ask<T>(
  fn: string,
  cluster: ServerRef,
  request: ClusterRequest,
): Promise<T> {
  return promised(async () => {
    const [target, shown] = targetOf(cluster, fn);
    const as = () => ["Cluster", fn, [shown]] as [string, string, unknown[]];
    const answer = await call<{ type: string; reason?: unknown }>(
      target,
      new OwnRequest(request),
      { timeout: 5000, as },
    );
    if (answer.type === "ok") return answer as T;
    throw callExit(answer.reason, as());
  });
}

/** Returns the process that answers for a cluster, and the cluster as errors show it. */
function targetOf(cluster: ServerRef, fn: string): [ServerRef, unknown] {
  const server = serverRef(cluster);
  const shown = describeServer(server);
  if (typeof server === "string") return [clusterServerName(server), shown];
  const { name, node } = server as { name?: unknown; node?: unknown };
  if (typeof name === "string" && typeof node === "string") {
    return [{ name: clusterServerName(name), node }, shown];
  }
  throw new TypeError(
    `Cannot call Cluster.${fn} with ${
      inspect(cluster)
    }: give the cluster's name, or { name, node }`,
  );
}
