/**
 * Threads of the host.
 *
 * On Deno, a web `Worker` starts in 33 ms of processor time, and a thread of `node:worker_threads` in 43 ms; the first
 * node of a machine starts in some 130 ms. Node.js has only `node:worker_threads`.
 */

import nodeProcess from "node:process";
import { Worker } from "node:worker_threads";

/** A running thread. */
export interface HostThread {
  /** Sends a message to the thread. */
  post(message: unknown): void;
  /** Ends the thread. */
  terminate(): Promise<void>;
}

/** The callbacks of a thread. */
export interface HostThreadHandlers {
  /** Takes messages of the thread. */
  message: (message: unknown) => void;
  /** Called when the thread has ended, for any reason. */
  ended: () => void;
}

/** A thread's name, for debuggers. */
const NAME = "epmd";

/**
 * Starts a thread, which keeps the program alive. The thread evaluates `entry` in the module `code` to a function, and
 * calls it with a function that sends a message, and a function that sets the handler of messages. Throws an `Error` if
 * the host allows no thread.
 */
export function startThread(
  code: string,
  entry: string,
  handlers: HostThreadHandlers,
): HostThread {
  return nodeProcess.versions.deno === undefined
    ? startNodeThread(code, entry, handlers)
    : startWebThread(code, entry, handlers);
}

function startWebThread(
  code: string,
  entry: string,
  { message, ended }: HostThreadHandlers,
): HostThread {
  const worker = new globalThis.Worker(
    urlOf(`${code}
${entry}(
  (message) => postMessage(message),
  (take) => addEventListener("message", ({ data }) => take(data)),
);`),
    { type: "module", name: NAME },
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
  { message, ended }: HostThreadHandlers,
): HostThread {
  const worker = new Worker(
    urlOf(`import { parentPort } from "node:worker_threads";
${code}
${entry}(
  (message) => parentPort.postMessage(message),
  (take) => parentPort.on("message", take),
);`),
    {
      name: NAME,
      // This thread needs neither the environment nor the program's flags, which load instrumentation and the like.
      env: {},
      execArgv: [],
    },
  );
  worker.on("message", message);
  worker.on("error", () => {});
  worker.on("exit", ended);
  return {
    post: (sent) => worker.postMessage(sent),
    terminate: async () => void await worker.terminate(),
  };
}

/** Makes a URL of code. The URL of a file would need a permission on Deno, and a bundler that knows of the file. */
function urlOf(code: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}
