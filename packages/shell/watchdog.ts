/**
 * Lets Ctrl-C end this program when its code never yields, such as `while (true) {}`.
 *
 * A terminal in raw mode sends no signal for Ctrl-C, only a byte to the thread that runs the code. So a second thread
 * watches a counter that this thread increments. While the counter stands still, the second thread reads the terminal:
 * at the second Ctrl-C it restores the terminal's mode and kills the program. When the counter advances again, this
 * thread receives all input that the second thread has read.
 *
 * Only the code that puts a terminal into raw mode knows the previous mode. So the second thread sets raw mode before
 * the program does, whose own call then changes nothing.
 *
 * The thread's code is source text: starting a thread from a file needs a permission on Deno, and a bundler that knows of the file.
 */

import { Buffer } from "node:buffer";
import nodeProcess from "node:process";
import { Worker } from "node:worker_threads";
import { outside } from "@otp/processes/context/async_context";

/** The interval at which this thread counts, in milliseconds. */
const BEAT = 100;

/** The time without progress of the counter after which the other thread reads, in milliseconds. */
const PATIENCE = 700;

/** The time limit for the start of the thread, in milliseconds; the start takes 15 to 40 ms of CPU time. */
const START_TIMEOUT = 2000;

/** The time limit for restoring the terminal, in milliseconds. */
const STOP_TIMEOUT = 1000;

const CTRL_C = 3;

const CODE = `
import { writeSync } from "node:fs";
import process from "node:process";
import { ReadStream } from "node:tty";
import { parentPort, workerData } from "node:worker_threads";

const { count, beat, patience } = workerData;
// It never reads, because a paused stream would already have read once more.
const owner = new ReadStream(0);
owner.on("error", () => {});
let reader;
let last = -1;
let stillFor = 0;
let read = [];
let interrupts = 0;

function take(bytes) {
  read.push(bytes);
  for (const byte of bytes) if (byte === ${CTRL_C}) interrupt();
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

/** The second thread, which watches this thread and owns the terminal's mode. */
export class Watchdog {
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
    this.#worker.unref();
    this.#worker.on("message", (message: string | { read: Uint8Array[] }) => {
      if (typeof message === "string") this.#answered(true);
      else this.#take(message.read);
    });
    this.#worker.on("error", () => this.#answered(false));
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
   * Hands over what the second thread has read. This thread may have read later input already, so a Ctrl-C that was for
   * the code does not reach the line editor when the code has ended: it would remove that input.
   */
  #take(read: Uint8Array[]): void {
    const bytes = Buffer.concat(read);
    const start = this.hasEnded() ? bytes.lastIndexOf(CTRL_C) + 1 : 0;
    if (start === bytes.length) return;
    nodeProcess.stdin.emit("data", bytes.subarray(start));
  }
}
