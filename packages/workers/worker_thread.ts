/** A thread of the host that runs a worker's node, as the main thread sees it. */

import { Worker } from "node:worker_threads";
import { defaultPartsModule } from "@otp/node/start/parts";
import { outside } from "@otp/processes/context/async_context";
import { printable } from "@otp/processes/values/inspect";
import type { FromWorker, ToWorker } from "./worker_messages.ts";

export interface WorkerThreadHandlers {
  message(message: FromWorker): void;
  /** Called once when the thread has ended, with its error, if the host reports one, and whether it had begun. */
  ended(error: string | undefined, hasBegun: boolean): void;
}

/**
 * Runs the program of a worker, in the worker's thread. Packers and bundlers find the program by this import. Returns a
 * promise that resolves when it is loaded.
 */
export async function runThread(): Promise<void> {
  await import("./thread_main.ts");
}

/**
 * A running thread.
 *
 * The thread starts with a line of code that imports this file: Deno starts threads only from a file or a `data:` URL,
 * and this package may be at one of JSR's `https:` URLs.
 */
export class WorkerThread {
  readonly #worker: Worker;
  /** The worker's callbacks, set when it is its turn to start. */
  #handlers: WorkerThreadHandlers | undefined;
  /** Messages for a thread that does not listen yet, since not every host keeps them. */
  #early: [ToWorker, MessagePort[]][] | undefined = [];
  #hasEnded = false;
  #hasBegun = false;
  #error: string | undefined;

  /**
   * Starts the thread.
   *
   * @param name Its name, for debuggers.
   * @throws {Error} If the host allows no thread.
   */
  constructor(name: string) {
    // The thread's node has the same parts as the nodes of this thread.
    const parts = defaultPartsModule();
    const code = `${
      parts === undefined ? "" : `import ${JSON.stringify(parts)};\n`
    }import { runThread } from ${JSON.stringify(import.meta.url)};
await runThread();`;
    const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
    this.#worker = outside(() => new Worker(url, { name }));
    this.#worker.on("message", (message: FromWorker) => {
      if (this.#hasEnded) return;
      if (message.type === "listens") this.#listens();
      else this.#handlers?.message(message);
    });
    this.#worker.on("error", (error: unknown) => {
      const text = error instanceof Error ? error.message : String(error);
      // Keep the first line: Deno adds the position in the source, in colours.
      this.#error ??= printable(text.split("\n")[0]);
    });
    this.#worker.on("exit", () => {
      if (this.#hasEnded) return;
      this.#hasEnded = true;
      this.#hasBegun = this.#early === undefined;
      this.#listens();
      this.#handlers?.ended(this.#error, this.#hasBegun);
    });
  }

  /** Sets the callbacks. Until the thread gets its first message, it only loads this package. */
  use(handlers: WorkerThreadHandlers): void {
    this.#handlers = handlers;
    if (this.#hasEnded) handlers.ended(this.#error, this.#hasBegun);
  }

  #listens(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const [message, ports] of early) this.post(message, ports);
  }

  /** Sends a message; ports in it move to the thread. */
  post(message: ToWorker, ports: MessagePort[] = []): void {
    if (this.#hasEnded) {
      for (const port of ports) port.close();
      return;
    }
    if (this.#early !== undefined) {
      this.#early.push([message, ports]);
      return;
    }
    // Node.js declares another type for ports.
    this.#worker.postMessage(message, ports as never);
  }

  /** Ends the thread at once, even while it computes. */
  async terminate(): Promise<void> {
    if (!this.#hasEnded) await this.#worker.terminate();
  }
}
