/** The typed lines, kept between runs in a file that only its owner can read. */

import {
  appendFileSync,
  chmodSync,
  closeSync,
  openSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import nodeProcess from "node:process";
import { isGranted } from "@otp/processes/host/permissions";

const SIZE = 1000;

/** The end of a line within input of several lines, which is one line of the file. */
const WITHIN = "\u2028";

const HISTORY_FILE = ".otp_distribution_history";

/** The typed lines, in a file if that is permitted. */
export class History {
  /** The lines, the newest first, as `node:readline` wants them. */
  readonly lines: string[];
  readonly #file: string | undefined;
  #last: string | undefined;

  /** Reads the file; without access to it, lines are kept only for this run. */
  constructor(file: string | undefined = defaultFile()) {
    const known = file === undefined ? [] : read(file);
    this.#file = mayUse("write", file) ? file : undefined;
    this.lines = known.slice(-SIZE).reverse();
    this.#last = this.lines[0];
    // Truncate the file when reading it, because several shells append to it.
    if (known.length > 2 * SIZE) {
      this.#keep(() =>
        writeFileSync(
          file!,
          known.slice(-SIZE).map((line) => `${line.replaceAll("\n", WITHIN)}\n`)
            .join(""),
        )
      );
    }
  }

  /** Adds input, which may have several lines. */
  add(line: string): void {
    if (line.trim() === "" || line === this.#last) return;
    this.#last = line;
    const file = this.#file;
    if (file === undefined) return;
    this.#keep(() => {
      // Deno's appendFileSync sets the mode of a new file only after creating it.
      const opened = openSync(file, "a", 0o600);
      try {
        chmodSync(file, 0o600);
        appendFileSync(opened, `${line.replaceAll("\n", WITHIN)}\n`);
      } finally {
        closeSync(opened);
      }
    });
  }

  #keep(write: () => void): void {
    try {
      write();
    } catch {
      // Without a file, or permission to write it, the history covers only this run.
    }
  }
}

function mayUse(name: "read" | "write", file: string | undefined): boolean {
  return file !== undefined && isGranted({ name, path: file });
}

function read(file: string): string[] {
  if (!mayUse("read", file)) return [];
  try {
    return readFileSync(file, "utf8").split("\n").filter((line) => line !== "")
      .map((line) => line.replaceAll(WITHIN, "\n"));
  } catch {
    return [];
  }
}

function defaultFile(): string | undefined {
  const home = ["HOME", "USERPROFILE"]
    .filter((variable) => isGranted({ name: "env", variable }))
    .map((variable) => nodeProcess.env[variable])
    .find((each) => each !== undefined);
  return home ? join(home, HISTORY_FILE) : undefined;
}
