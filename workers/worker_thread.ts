/**
 * A thread of the host that runs a worker's node, as the main thread sees it.
 *
 * @module
 */

import { Worker } from "node:worker_threads";
import { outside } from "../runtime/context/async_context.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

/** The callbacks of a thread. */
export interface WorkerThreadHandlers {
  /** Takes its messages. */
  message(message: FromWorker): void;
  /** Called once when it has ended, with the error that ended it, if the host knows one. */
  ended(error: string | undefined): void;
}

/**
 * A running thread.
 *
 * It starts with a line of code that imports `thread_main.ts`: on Deno, a thread can be started only from a file
 * or a `data:` URL, and this package may be one of JSR's `https:` URLs.
 */
export class WorkerThread {
  readonly #worker: Worker;
  #hasEnded = false;
  #error: string | undefined;

  /**
   * Starts the thread.
   *
   * @param name Its name, for debuggers.
   * @param handlers The callbacks.
   * @throws {Error} When the host allows no thread.
   */
  constructor(name: string, handlers: WorkerThreadHandlers) {
    const main = import.meta.url.replace(
      /worker_thread(\.\w+)$/,
      "thread_main$1",
    );
    const code = `import ${JSON.stringify(main)};`;
    const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
    this.#worker = outside(() => new Worker(url, { name }));
    this.#worker.on("message", (message: FromWorker) => {
      if (!this.#hasEnded) handlers.message(message);
    });
    this.#worker.on("error", (error: unknown) => {
      this.#error ??= error instanceof Error ? error.message : String(error);
    });
    this.#worker.on("exit", () => {
      if (this.#hasEnded) return;
      this.#hasEnded = true;
      handlers.ended(this.#error);
    });
  }

  /** Sends a message; ports in it move to the thread. */
  post(message: ToWorker, ports: MessagePort[] = []): void {
    if (this.#hasEnded) {
      for (const port of ports) port.close();
      return;
    }
    // The types of Node.js have ports of their own.
    this.#worker.postMessage(message, ports as never);
  }

  /** Ends the thread at once, whatever it does. */
  async terminate(): Promise<void> {
    if (!this.#hasEnded) await this.#worker.terminate();
  }
}
