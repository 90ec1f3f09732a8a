/**
 * Lets Ctrl-C end this program when its code never yields, such as `while (true) {}`.
 *
 * A terminal in raw mode sends no signal for Ctrl-C, only a byte to the thread that runs the code. So a second thread
 * reads the terminal, and watches a counter that this thread increments. If the counter stands still at the second
 * Ctrl-C, the second thread restores the terminal's mode and kills the program.
 *
 * This thread never reads the terminal: of two readers, each gets a part of the input, and nothing tells the order of
 * the parts. It asks the second thread for all input so far whenever it can handle some, so the second thread has the
 * input that was typed while code did not yield.
 *
 * The second thread also sets raw mode, because only the code that sets it knows the previous mode.
 *
 * The thread's code is source text: starting a thread from a file needs a permission on Deno, and a bundler that knows of the file.
 */

import { Buffer } from "node:buffer";
import nodeProcess from "node:process";
import { PassThrough } from "node:stream";
import { Worker } from "node:worker_threads";
import { outside } from "@otp/processes/context/async_context";

/** The interval at which this thread counts, in milliseconds. */
const BEAT = 100;

/** The time without progress of the counter after which Ctrl-C is for the other thread, in milliseconds. */
const PATIENCE = 700;

/** The time limit for the start of the thread, in milliseconds; the start takes 15 to 40 ms of CPU time. */
const START_TIMEOUT = 10_000;

/** The time limit for restoring the terminal, in milliseconds. */
const STOP_TIMEOUT = 1000;

const CTRL_C = 3;

const CODE = `
import { writeSync } from "node:fs";
import process from "node:process";
import { ReadStream } from "node:tty";
import { parentPort, workerData } from "node:worker_threads";

const { count, beat, patience } = workerData;
const terminal = new ReadStream(0);
let last = -1;
let stillFor = 0;
let read = [];
let interrupts = 0;

function countInterrupts(bytes) {
  for (const byte of bytes) if (byte === ${CTRL_C}) interrupt();
}

function interrupt() {
  if (++interrupts === 1) {
    writeSync(1, "\\r\\n(The code does not give way. To end this program, press Ctrl-C again.)\\r\\n");
    return;
  }
  terminal.setRawMode(false);
  writeSync(1, "** (interrupted) the code never gave way; the program was ended\\r\\n");
  process.kill(process.pid, "SIGKILL");
}

const timer = setInterval(() => {
  const now = Atomics.load(count, 0);
  const wasStill = stillFor >= patience;
  stillFor = now === last ? stillFor + beat : 0;
  last = now;
  if (stillFor >= patience && !wasStill) read.forEach(countInterrupts);
}, beat);

const answers = {
  take() {
    parentPort.postMessage({ read, wasInterrupted: interrupts > 0 });
    read = [];
    interrupts = 0;
  },
  stop() {
    clearInterval(timer);
    terminal.setRawMode(false);
    terminal.destroy();
    parentPort.postMessage("stopped");
  },
};
parentPort.on("message", (request) => answers[request]());

terminal.on("data", (bytes) => {
  if (read.length === 0) parentPort.postMessage("input");
  read.push(bytes);
  if (stillFor >= patience) countInterrupts(bytes);
});
terminal.on("error", () => terminal.destroy());
terminal.on("close", () => parentPort.postMessage("closed"));
terminal.setRawMode(true);
parentPort.postMessage("started");
`;

/** Input that the second thread has read. */
interface Taken {
  read: Uint8Array[];
  /** Whether it has a Ctrl-C for code that did not yield. */
  wasInterrupted: boolean;
}

/** The second thread, which reads the terminal, watches this thread, and owns the terminal's mode. */
export class Watchdog {
  /** The terminal's input. */
  readonly input: PassThrough = new PassThrough();
  readonly #worker: Worker;
  readonly #count = new Int32Array(new SharedArrayBuffer(4));
  readonly #timer: ReturnType<typeof setInterval>;
  #answered: (isDone: boolean) => void = () => {};
  /** Whether the code that did not yield has ended. */
  hasEnded: () => boolean = () => false;

  private constructor() {
    const code = encodeURIComponent(CODE);
    this.#worker = new Worker(new URL(`data:text/javascript,${code}`), {
      name: "watchdog",
      workerData: { count: this.#count, beat: BEAT, patience: PATIENCE },
      env: {},
      execArgv: [],
    });
    this.#worker.on("message", (message: string | Taken) => {
      if (typeof message !== "string") this.#take(message);
      else if (message === "input") this.#worker.postMessage("take");
      else if (message === "closed") this.input.end();
      else this.#answered(true);
    });
    this.#worker.on("error", () => {
      this.#answered(false);
      this.input.end();
    });
    this.#timer = setInterval(() => void Atomics.add(this.#count, 0, 1), BEAT);
    this.#timer.unref();
  }

  /** Starts the thread, which puts the terminal into raw mode; returns nothing if the host does not allow it. */
  static async start(): Promise<Watchdog | undefined> {
    // It is unknown whether Bun's threads can read the terminal.
    if (nodeProcess.versions.bun !== undefined) return undefined;
    let watchdog: Watchdog;
    try {
      watchdog = outside(() => new Watchdog());
    } catch {
      return undefined;
    }
    if (await watchdog.#answer(START_TIMEOUT)) return watchdog;
    await watchdog.#end();
    return undefined;
  }

  /** Restores the terminal's mode, and ends the thread. */
  async stop(): Promise<void> {
    this.#worker.postMessage("stop");
    await this.#answer(STOP_TIMEOUT);
    await this.#end();
  }

  #answer(timeout: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeout);
      this.#answered = (isDone) => {
        clearTimeout(timer);
        resolve(isDone);
      };
    });
  }

  async #end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#worker.terminate();
  }

  /**
   * Passes the input on. A Ctrl-C that was for the code does not reach the line editor when the code has ended: the
   * prompt that it would clear came later.
   */
  #take({ read, wasInterrupted }: Taken): void {
    const bytes = Buffer.concat(read);
    const isLate = wasInterrupted && this.hasEnded();
    const start = isLate ? bytes.lastIndexOf(CTRL_C) + 1 : 0;
    if (start < bytes.length) this.input.write(bytes.subarray(start));
  }
}
