/**
 * Ends this program by Ctrl-C where its code never gives way, as `while (true) {}` does.
 *
 * A terminal in raw mode makes no signal of Ctrl-C: it is a byte for the thread that runs the code. So
 * a second thread watches a count that this one keeps up. While that stands still, the thread reads the
 * terminal: at the second Ctrl-C it gives the terminal back its mode and kills the program. When the
 * count goes on, this thread gets all that was read meanwhile, as if it had read it.
 *
 * Only who has put a terminal into raw mode knows which mode it had. So the thread does that first, and
 * this program after it, for which nothing changes then.
 *
 * The thread's code is a text, as that of EPMD's thread is: to start it needs no permission.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import nodeProcess from "node:process";
import { Worker } from "node:worker_threads";
import { outside } from "../runtime/context/async_context.ts";

/** How often this thread counts, in milliseconds. */
const BEAT = 100;

/** How long the count may stand still before the other thread reads, in milliseconds. */
const PATIENCE = 700;

/** How long the thread may take to start, in milliseconds; it takes 15 to 40 of a processor's. */
const START_TIMEOUT = 2000;

/** How long it may take to give the terminal back, in milliseconds. */
const STOP_TIMEOUT = 1000;

const CODE = `
import { writeSync } from "node:fs";
import process from "node:process";
import { ReadStream } from "node:tty";
import { parentPort, workerData } from "node:worker_threads";

const { count, beat, patience } = workerData;
// It never reads: a stream that is paused has read once more by then.
const owner = new ReadStream(0);
owner.on("error", () => {});
let reader;
let last = -1;
let stillFor = 0;
let read = [];
let interrupts = 0;

function take(bytes) {
  read.push(bytes);
  for (const byte of bytes) if (byte === 3) interrupt();
}

function interrupt() {
  if (++interrupts === 1) {
    writeSync(1, "\\r\\n(The code does not give way. To end this program, press Ctrl-C again.)\\r\\n");
    return;
  }
  owner.setRawMode(false);
  writeSync(1, "** (interrupted) the code never gave way; the program was ended\\r\\n");
  process.kill(process.pid, "SIGKILL");
}

function setReading(isOn) {
  reader?.destroy();
  reader = undefined;
  if (read.length > 0) parentPort.postMessage({ read });
  read = [];
  interrupts = 0;
  if (!isOn) return;
  reader = new ReadStream(0);
  reader.on("error", () => {});
  reader.on("data", take);
}

const timer = setInterval(() => {
  const now = Atomics.load(count, 0);
  stillFor = now === last ? stillFor + beat : 0;
  last = now;
  const isStill = stillFor >= patience;
  if (isStill !== (reader !== undefined)) setReading(isStill);
}, beat);

parentPort.on("message", () => {
  clearInterval(timer);
  setReading(false);
  owner.setRawMode(false);
  owner.destroy();
  parentPort.postMessage("stopped");
});

owner.setRawMode(true);
parentPort.postMessage("started");
`;

/** The thread that watches this one, and owns the mode of the terminal. */
export class Watchdog {
  readonly #worker: Worker;
  readonly #count = new Int32Array(new SharedArrayBuffer(4));
  readonly #timer: ReturnType<typeof setInterval>;
  #answered: (isDone: boolean) => void = () => {};

  private constructor() {
    const code = encodeURIComponent(CODE);
    this.#worker = new Worker(new URL(`data:text/javascript,${code}`), {
      name: "watchdog",
      workerData: { count: this.#count, beat: BEAT, patience: PATIENCE },
      env: {},
      execArgv: [],
    });
    this.#worker.unref();
    this.#worker.on("message", (message: string | { read: Uint8Array[] }) => {
      if (typeof message === "string") this.#answered(true);
      else this.#take(message.read);
    });
    this.#worker.on("error", () => this.#answered(false));
    this.#timer = setInterval(() => void Atomics.add(this.#count, 0, 1), BEAT);
    this.#timer.unref();
  }

  /** Starts the thread, which puts the terminal into raw mode; nothing where the host allows none. */
  static async start(): Promise<Watchdog | undefined> {
    // Whether Bun's threads can read the terminal is not known.
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

  /** Gives the terminal back its mode, and ends the thread. */
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

  #take(read: Uint8Array[]): void {
    for (const bytes of read) {
      nodeProcess.stdin.emit("data", Buffer.from(bytes));
    }
  }
}
