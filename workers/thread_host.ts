/**
 * The host environment of a worker's node: its thread listens and connects, but the main thread registers the node
 * with EPMD. EPMD frees a name when the registering connection ends, and a host may be unable to end a computing
 * thread and its sockets, like Deno 2.9 (https://github.com/denoland/deno/pull/35657).
 */

import type {
  HostEnvironment,
  HostRegistration,
  NodeDescription,
  PeerStream,
  ThreadNodes,
} from "../net/host_environment.ts";
import type { NetworkLog } from "../net/network_log.ts";
import type { NodeName } from "../net/node_name.ts";
import type { Transport } from "../net/wire.ts";
import type { NodeOptions } from "../node.ts";
import { systemHost } from "../node/start_node.ts";
import type { Clock } from "../core/host/clock.ts";
import type { FromWorker } from "./worker_messages.ts";

/** The environment of a worker's node. */
export class ThreadHost implements HostEnvironment {
  readonly clock: Clock;
  readonly threads: Set<ThreadNodes> | undefined;
  readonly #listening: HostEnvironment;
  readonly #connecting: HostEnvironment;
  readonly #address: string;
  readonly #register: ThreadRegistration | undefined;

  private constructor(
    options: NodeOptions,
    listening: HostEnvironment,
    connecting: HostEnvironment,
    register: ThreadRegistration,
  ) {
    this.clock = connecting.clock;
    this.threads = connecting.threads;
    this.#listening = listening;
    this.#connecting = connecting;
    this.#address = options.listen ?? "127.0.0.1";
    this.#register = options.epmdPort === false ? undefined : register;
  }

  /** The host environment of a node with these options. */
  static async of(
    options: NodeOptions,
    name: NodeName,
    register: ThreadRegistration,
  ): Promise<ThreadHost> {
    return new ThreadHost(
      options,
      await systemHost({ ...options, epmdPort: false }, name),
      await systemHost(options, name),
      register,
    );
  }

  get findsNames(): boolean | undefined {
    return this.#connecting.findsNames;
  }

  randomBytes(size: number): Uint8Array {
    return this.#connecting.randomBytes(size);
  }

  async register(
    node: NodeDescription,
    accept: (transport: Transport) => void,
    log: NetworkLog,
  ): Promise<HostRegistration> {
    const listening = await this.#listening.register(node, accept, log);
    if (this.#register === undefined) return listening;
    const { port, host, close } = listening;
    const { hidden, extra } = node;
    // If the registration fails, the main thread ends this thread.
    const creation = await this.#register({
      type: "register",
      host: this.#address,
      port,
      hidden,
      extra,
    });
    return { port, host, creation, close };
  }

  connect(
    peer: NodeName | undefined,
    address: string | undefined,
    signal: AbortSignal,
    nearest?: Parameters<HostEnvironment["connect"]>[3],
  ): Promise<PeerStream> {
    return this.#connecting.connect(peer, address, signal, nearest);
  }

  names(host: string, signal: AbortSignal): Promise<string[]> {
    return this.#connecting.names(host, signal);
  }
}

/** Has the main thread register the node with EPMD; returns its creation. */
export type ThreadRegistration = (
  node: Extract<FromWorker, { type: "register" }>,
) => Promise<number>;
