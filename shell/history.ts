/**
 * The lines that were typed, kept between runs in a file that only its owner can read.
 *
 * @module
 */

import {
  appendFileSync,
  chmodSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import nodeProcess from "node:process";

/** How many lines are kept. */
const SIZE = 1000;

/** The name of the file, in the user's home folder. */
const HISTORY_FILE = ".otp_distribution_history";

/** Lines typed, in a file if there may be one. */
export class History {
  /** The lines, the newest first, as `node:readline` wants them. */
  readonly lines: string[];
  readonly #file: string | undefined;
  #last: string | undefined;

  /** Reads what is there; what cannot be read or written is not kept. */
  constructor(file: string | undefined = defaultFile()) {
    const known = file === undefined ? [] : read(file);
    this.#file = file;
    this.lines = known.slice(-SIZE).reverse();
    this.#last = this.lines[0];
    // Several shells add to one file, so that it is cut where it is read.
    if (known.length > 2 * SIZE) {
      this.#keep(() =>
        writeFileSync(file!, known.slice(-SIZE).join("\n") + "\n")
      );
    }
  }

  /** Keeps a line. */
  add(line: string): void {
    if (line.trim() === "" || line === this.#last) return;
    this.#last = line;
    const file = this.#file;
    if (file === undefined) return;
    this.#keep(() => {
      appendFileSync(file, `${line}\n`, { mode: 0o600 });
      chmodSync(file, 0o600);
    });
  }

  #keep(write: () => void): void {
    try {
      write();
    } catch {
      // Without a file, or leave to write it, there is a history of this run.
    }
  }
}

function read(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n").filter((line) => line !== "");
  } catch {
    return [];
  }
}

function defaultFile(): string | undefined {
  try {
    const home = nodeProcess.env.HOME ?? nodeProcess.env.USERPROFILE;
    return home ? join(home, HISTORY_FILE) : undefined;
  } catch {
    return undefined;
  }
}
