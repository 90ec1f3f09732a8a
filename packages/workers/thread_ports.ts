/**
 * The connections between the nodes of one program, on its threads.
 *
 * The main thread makes them: a node requests a connection to another node (`dial`), and the main thread sends each of
 * the two nodes one end of a `MessageChannel`. The bytes then pass directly between the two threads, so a busy main
 * thread delays only new connections.
 *
 * When a thread ends, for whatever reason, the main thread closes its own connections to it and notifies the other
 * threads (`gone`), because not every host closes the ports of a terminated thread. Only then may the worker be
 * restarted: otherwise a connection of the old thread would be taken for a connection of the new thread.
 */

import { PortTransport } from "./port_transport.ts";
import type { PeerStream, ThreadNodes } from "@otp/node/host/host_environment";
import type { NodeName } from "@otp/node/addresses/node_name";
import { outside } from "@otp/processes/context/async_context";
import type { Node } from "@otp/node/node";
import type { ToWorker } from "./worker_messages.ts";
import { internalsOf } from "@otp/node/start/node_internals";

/** The time limit for the last bytes of an ended thread, in milliseconds. */
const LAST_BYTES = 50;

export interface PortOwner {
  readonly ended: Promise<void>;
  post(message: ToWorker, ports?: MessagePort[]): void;
}

interface Member {
  readonly owner: PortOwner;
  /** Resolves when its node is up; rejects if the thread ends first. */
  readonly up: PromiseWithResolvers<void>;
  /** The main node's connections to it. */
  readonly transports: Set<PortTransport>;
}

const known = new WeakMap<Node, ThreadPorts>();

export class ThreadPorts implements ThreadNodes {
  readonly #main: Node;
  readonly #members = new Map<string, Member>();

  private constructor(main: Node) {
    this.#main = main;
  }

  /** Returns the threads' nodes of a main node; `undefined` if its host has no threads. */
  static of(main: Node): ThreadPorts | undefined {
    const { threads } = internalsOf(main).host;
    if (threads === undefined) return undefined;
    let ports = known.get(main);
    if (ports === undefined) {
      known.set(main, ports = new ThreadPorts(main));
      threads.add(ports);
    }
    return ports;
  }

  has(node: string): boolean {
    return this.#members.has(node);
  }

  /** The nodes that `node` reaches without the network. */
  around(node: string): string[] {
    return [this.#main.name, ...this.#members.keys()]
      .filter((each) => each !== node);
  }

  /** Adds the node of a starting thread; dials to the node wait until it is up. */
  add(node: string, owner: PortOwner): void {
    const up = Promise.withResolvers<void>();
    up.promise.catch(() => {});
    this.#members.set(node, { owner, up, transports: new Set() });
    this.#announce();
  }

  up(node: string): void {
    this.#members.get(node)?.up.resolve();
  }

  /** Removes the node of an ended thread; resolves when the main node has no connection to the node. */
  async remove(node: string): Promise<void> {
    const member = this.#members.get(node);
    if (member === undefined) return;
    this.#members.delete(node);
    member.up.reject(new Error("its thread has ended"));
    this.#announce();
    const { transports } = member;
    await lastBytes(transports);
    for (const transport of transports) {
      transport.destroy(new Error("its thread has ended"));
    }
    await Promise.all(Array.from(transports, ({ ended }) => ended));
    for (const { owner } of this.#members.values()) {
      owner.post({ type: "gone", node });
    }
  }

  async stopped(): Promise<void> {
    await Promise.all(
      [...this.#members.values()].map(({ owner }) => owner.ended),
    );
  }

  #announce(): void {
    for (const [node, { owner }] of this.#members) {
      owner.post({ type: "nodes", nodes: this.around(node) });
    }
  }

  connect(
    { full }: NodeName,
    signal: AbortSignal,
  ): Promise<PeerStream> | undefined {
    const member = this.#members.get(full);
    return member && this.#connect(full, member, signal);
  }

  async #connect(
    node: string,
    member: Member,
    signal: AbortSignal,
  ): Promise<PeerStream> {
    await unlessAborted(member.up.promise, signal);
    const transport = this.#open(node, member, (port) => {
      const from = this.#main.name;
      member.owner.post({ type: "connected", from, port }, [port]);
    });
    return { transport, extra: undefined };
  }

  /** Opens a connection to a thread's node; `give` sends the other end. */
  #open(
    node: string,
    { transports }: Member,
    give: (port: MessagePort) => void,
  ): PortTransport {
    for (const each of transports) if (each.isClosed) transports.delete(each);
    const { port1, port2 } = outside(() => new MessageChannel());
    const transport = new PortTransport(port1, threadLabel(node));
    transports.add(transport);
    give(port2);
    return transport;
  }

  async dial(from: string, id: number, to: string): Promise<void> {
    const member = this.#members.get(from);
    if (member === undefined) return;
    const { owner } = member;
    const answer = (port: MessagePort) =>
      owner.post({ type: "dialled", id, port }, [port]);
    if (to === this.#main.name) {
      internalsOf(this.#main).network.accept(this.#open(from, member, answer));
      return;
    }
    const other = this.#members.get(to);
    try {
      if (other === undefined) throw new Error(`no thread has the node ${to}`);
      await other.up.promise;
    } catch (error) {
      owner.post({ type: "dialled", id, reason: (error as Error).message });
      return;
    }
    const { port1, port2 } = outside(() => new MessageChannel());
    answer(port1);
    other.owner.post({ type: "connected", from, port: port2 }, [port2]);
  }
}

/** The label of a thread's node in the log. */
export function threadLabel(node: string): string {
  return `thread:${node}`;
}

/** Waits for a promise; rejects when the signal aborts. */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Waits until the connections of an ended thread have closed by themselves, at most LAST_BYTES. */
async function lastBytes(transports: Iterable<PortTransport>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = outside(() => setTimeout(resolve, LAST_BYTES));
  const ended = Promise.all(Array.from(transports, ({ ended }) => ended));
  await Promise.race([ended, promise]);
  clearTimeout(timer);
}
