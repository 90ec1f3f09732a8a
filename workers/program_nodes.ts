/** A worker thread's connections to the program's nodes on other threads. */

import { PortTransport } from "../net/port_transport.ts";
import type { PeerStream, ThreadNodes } from "../net/host_environment.ts";
import type { NodeName } from "../net/node_name.ts";
import type { FromWorker, ToWorker } from "./worker_messages.ts";
import { threadLabel } from "./thread_ports.ts";

export class ProgramNodes implements ThreadNodes {
  readonly #say: (message: FromWorker) => void;
  readonly #dials = new Map<number, PromiseWithResolvers<MessagePort>>();
  readonly #transports = new Map<string, Set<PortTransport>>();
  #names: Set<string>;
  #last = 0;

  /**
   * Begins with the current nodes.
   *
   * @param nodes The names of the nodes.
   * @param say Sends messages to the main thread.
   */
  constructor(nodes: readonly string[], say: (message: FromWorker) => void) {
    this.#names = new Set(nodes);
    this.#say = say;
  }

  connect(
    { full }: NodeName,
    signal: AbortSignal,
  ): Promise<PeerStream> | undefined {
    return this.#names.has(full) ? this.#dial(full, signal) : undefined;
  }

  async #dial(to: string, signal: AbortSignal): Promise<PeerStream> {
    signal.throwIfAborted();
    const id = ++this.#last;
    const dial = Promise.withResolvers<MessagePort>();
    this.#dials.set(id, dial);
    const abort = () => dial.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.#say({ type: "dial", id, to });
    try {
      const port = await dial.promise;
      return { transport: this.accept(to, port), extra: undefined };
    } finally {
      this.#dials.delete(id);
      signal.removeEventListener("abort", abort);
    }
  }

  /** Takes a message about connections. */
  take(
    message: Extract<ToWorker, { type: "dialled" | "nodes" | "gone" }>,
  ): void {
    switch (message.type) {
      case "nodes":
        this.#names = new Set(message.nodes);
        break;
      case "gone":
        for (const transport of this.#transports.get(message.node) ?? []) {
          transport.destroy(new Error("its thread has ended"));
        }
        this.#transports.delete(message.node);
        break;
      case "dialled": {
        const { id, port, reason } = message;
        const dial = this.#dials.get(id);
        // The dial may have ended meanwhile.
        if (dial === undefined) port?.close();
        else if (port !== undefined) dial.resolve(port);
        else dial.reject(new Error(reason));
      }
    }
  }

  /** Creates a connection to another thread's node over a port. */
  accept(node: string, port: MessagePort): PortTransport {
    const transport = new PortTransport(port, threadLabel(node));
    const others = this.#transports.get(node) ?? [];
    const open = [...others].filter(({ isClosed }) => !isClosed);
    this.#transports.set(node, new Set([...open, transport]));
    return transport;
  }
}
