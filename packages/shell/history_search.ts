/** The search of Ctrl-R in a terminal: typed characters narrow it, and Ctrl-R goes on to older lines. */

/** A key, as `node:readline` names it. */
export interface PressedKey {
  ctrl?: boolean;
  meta?: boolean;
  name?: string;
}

/** A search in the history, from the newest line to the oldest. */
export class HistorySearch {
  readonly #lines: readonly string[];
  readonly #before: string;
  #text: string;
  /** The place of the found line in the history, or -1. */
  #found = -1;
  #isMissing = false;

  /**
   * Begins a search.
   *
   * @param lines The history, the newest line first.
   * @param typed The text on the line, the first that is searched for; without one, nothing is found until a character
   *   is typed.
   */
  constructor(lines: readonly string[], typed: string) {
    this.#lines = lines;
    this.#before = typed;
    this.#text = typed;
    if (typed !== "") this.#find(0);
  }

  /** The prompt, which shows the text. */
  get prompt(): string {
    return `(search${this.#isMissing ? ", none earlier" : ""}) ${this.#text}: `;
  }

  /** The found line; until there is one, the line before the search. */
  get line(): string {
    return this.#lines[this.#found] ?? this.#before;
  }

  /** Takes a key; returns false if the key ends the search: Escape and Ctrl-G bring back the line before it. */
  take(text: string | undefined, { ctrl, meta, name }: PressedKey): boolean {
    if (ctrl && name === "r") {
      this.#find(this.#found + 1);
    } else if (ctrl && name === "g" || name === "escape") {
      this.#found = -1;
      return false;
    } else if (name === "backspace") {
      this.#text = [...this.#text].slice(0, -1).join("");
      this.#found = -1;
      this.#isMissing = false;
      if (this.#text !== "") this.#find(0);
    } else if (
      !ctrl && !meta && text !== undefined && /^\P{Cc}+$/u.test(text)
    ) {
      this.#text += text;
      this.#find(Math.max(this.#found, 0));
    } else return false;
    return true;
  }

  #find(from: number): void {
    const next = this.#lines.findIndex((line, i) =>
      i >= from && line.includes(this.#text) &&
      (i === this.#found || line !== this.line)
    );
    this.#isMissing = next < 0;
    if (next >= 0) this.#found = next;
  }
}
