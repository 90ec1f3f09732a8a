/** The values of a shell's lines, for `v`, and the last error, for `frames`. */

/** The number of kept values, as in iex. */
const MOST = 20;

/** The values of the lines that succeeded, by line number. */
export class LineValues {
  /** The number of the current or last line. */
  line = 0;
  width = 80;
  /** The error of the last line that failed. */
  error: unknown;
  readonly #values = new Map<number, unknown>();

  keep(line: number, value: unknown): void {
    this.#values.set(line, value);
    if (this.#values.size > MOST) {
      this.#values.delete(this.#values.keys().next().value!);
    }
  }

  /**
   * The value of a line.
   *
   * @param line The line's number; a negative number counts back from the last line with a value.
   * @throws {RangeError} If the line's value is not kept.
   */
  at(line: number): unknown {
    const lines = [...this.#values.keys()];
    const found = line < 0 ? lines.at(line) : line;
    if (found !== undefined && this.#values.has(found)) {
      return this.#values.get(found);
    }
    throw new RangeError(
      `Cannot tell the value of line ${line}: ${
        lines.length === 0
          ? "no line has one yet"
          : `the last ${MOST} values are kept, of the lines ${lines.join(", ")}`
      }`,
    );
  }
}
