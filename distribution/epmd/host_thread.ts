/**
 * Threads of the host.
 *
 * On Deno, a `Worker` of the web starts in three quarters of the time of one of `node:worker_threads`: 33 and
 * 43 ms of the processor's, of some 130 in which the first node of a machine starts. But it keeps the program
 * alive as long as it runs, so a thread that must not do so is of the other kind. Node.js has only these, and
 * on Bun both are the same.
 *
 * @module
 */

import nodeProcess from "node:process";
import { Worker } from "node:worker_threads";

/** A running thread. */
export interface HostThread {
  /** Sends a message to the thread. */
  post(message: unknown): void;
  /** Sets whether the thread keeps the program alive. */
  keepAlive(on: boolean): void;
  /** Ends the thread. */
  terminate(): Promise<void>;
}

/** The options of {@linkcode startThread}. */
export interface HostThreadOptions {
  /** The thread's name, for debuggers. */
  name: string;
  /** Whether it keeps the program alive; if not, it does until `keepAlive(false)`. */
  ref: boolean;
  /** Takes messages of the thread. */
  message: (message: unknown) => void;
  /** Called when the thread has ended, for any reason. */
  ended: () => void;
}

/**
 * Starts a thread.
 *
 * The code ends with an expression whose value is a function. It is called with two others: one that sends
 * messages, and one that takes the function that takes messages.
 *
 * @param code The code, as a module.
 * @param entry The expression for the function.
 * @param options The callbacks.
 * @returns The thread.
 * @throws {Error} When the host allows no thread.
 */
export function startThread(
  code: string,
  entry: string,
  options: HostThreadOptions,
): HostThread {
  const isDeno = nodeProcess.versions.deno !== undefined;
  return isDeno && options.ref
    ? startWebThread(code, entry, options)
    : startNodeThread(code, entry, options);
}

function startWebThread(
  code: string,
  entry: string,
  { name, message, ended }: HostThreadOptions,
): HostThread {
  const worker = new globalThis.Worker(
    urlOf(`${code}
${entry}(
  (message) => postMessage(message),
  (take) => addEventListener("message", ({ data }) => take(data)),
);`),
    { type: "module", name },
  );
  worker.addEventListener(
    "message",
    (event) => message((event as MessageEvent).data),
  );
  worker.addEventListener("error", (event) => {
    // Otherwise the error ends the program.
    event.preventDefault();
    ended();
  });
  return {
    post: (sent) => worker.postMessage(sent),
    keepAlive() {},
    terminate: () => {
      worker.terminate();
      ended();
      return Promise.resolve();
    },
  };
}

function startNodeThread(
  code: string,
  entry: string,
  { name, message, ended }: HostThreadOptions,
): HostThread {
  const worker = new Worker(
    urlOf(`import { parentPort } from "node:worker_threads";
${code}
${entry}(
  (message) => parentPort.postMessage(message),
  (take) => parentPort.on("message", take),
);`),
    {
      name,
      // Deno asks for a permission to copy the environment; the flags of the program, which load
      // instrumentation and the like, are not for this thread.
      env: {},
      execArgv: [],
    },
  );
  worker.on("message", message);
  worker.on("error", () => {});
  worker.on("exit", ended);
  return {
    post: (sent) => worker.postMessage(sent),
    keepAlive: (on) => on ? worker.ref() : worker.unref(),
    terminate: async () => void await worker.terminate(),
  };
}

/** A text, since a file's URL needs a permission to read it on Deno, and a bundler that knows of the file. */
function urlOf(code: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}
