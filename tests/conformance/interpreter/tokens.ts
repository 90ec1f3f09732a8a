/** Splits Elixir's text into tokens. */

import { atom } from "../../../packages/processes/values/atom.ts";
import { InterpreterError } from "./syntax.ts";

export type Token =
  & {
    line: number;
    /** Whether a space, or a line's beginning, is before the token. */
    isSpaced: boolean;
    /** Whether a space, or a line's end, is behind the token. */
    isSpacedAfter: boolean;
  }
  & (
    | { kind: "number" | "atom"; value: unknown }
    /** A text, between its parts the source of what it interpolates; a charlist, a name of a keyword or an atom. */
    | { kind: "text"; parts: Part[]; use: "text" | "charlist" | "key" | "atom" }
    /** `name:`, the key of a keyword list or a map. */
    | { kind: "key"; text: string }
    | { kind: "name" | "alias" | "operator" | "line" | "end"; text: string }
  );

/** A text, or the source of an interpolated expression. */
export type Part = string | { source: string; line: number };

const OPERATORS = [
  ...["===", "!==", "...", "&&", "||", "==", "!=", "=~", "<=", ">=", "->"],
  ...["<-", "|>", "=>", "\\\\", "::", "++", "--", "..", "<>", "//", "<<", ">>"],
  ..."+-*/=<>|&!^.@%(){}[],;",
];
const NUMBER = /\d[\d_]*(\.\d[\d_]*(e[+-]?\d+)?)?/y;
const NAME = /[a-z_][\w]*[?!]?/y;
const ALIAS = /[A-Z]\w*(\.[A-Z]\w*)*/y;
const ATOM = /:([\p{L}_][\w@]*[?!]?|[+\-*/<>=&|.!^]+|\{\}|%\{\}|<<>>)/uy;
const ESCAPES: Record<string, string> = { n: "\n", t: "\t", s: " ", "0": "\0" };

/** The tokens of a source. Line ends that end no expression are left out. */
export function tokensOf(source: string, line = 1): Token[] {
  return new Tokenizer(source, line).all();
}

class Tokenizer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #line: number;
  #at = 0;

  constructor(source: string, line: number) {
    this.#source = source;
    this.#line = line;
  }

  all(): Token[] {
    while (this.#at < this.#source.length) this.#next();
    this.#push({ kind: "end", text: "the end" }, false);
    return this.#tokens;
  }

  #next(): void {
    const char = this.#source[this.#at];
    const isSpaced = /^[\s(]?$/.test(this.#source[this.#at - 1] ?? "");
    if (char === "\n") return this.#endLine();
    if (char === " ") return void this.#at++;
    if (char === "#") {
      const end = this.#source.indexOf("\n", this.#at);
      this.#at = end < 0 ? this.#source.length : end;
      return;
    }
    const quoted = this.#quoted();
    if (quoted !== undefined) return this.#push(quoted, isSpaced);
    const number = this.#match(NUMBER);
    if (number !== undefined) {
      const [text, fraction] = number;
      const value = Number(text.replaceAll("_", ""));
      return this.#push({
        kind: "number",
        value: fraction === undefined ? value : { float: value },
      }, isSpaced);
    }
    const name = this.#match(NAME) ?? this.#match(ALIAS);
    if (name !== undefined) return this.#name(name[0], isSpaced);
    if (char === ":" && this.#source[this.#at + 1] !== ":") {
      const found = this.#match(ATOM);
      if (found !== undefined) {
        return this.#push({ kind: "atom", value: atom(found[1]) }, isSpaced);
      }
    }
    const text = OPERATORS.find((each) =>
      this.#source.startsWith(each, this.#at)
    );
    if (text === undefined) {
      throw new InterpreterError(
        `Cannot read line ${this.#line}: unexpected ${char}`,
      );
    }
    this.#at += text.length;
    // A key may be an operator: `[+: 2]`.
    if (/^[+*-]$/.test(text) && this.#isKey()) {
      this.#at++;
      return this.#push({ kind: "key", text }, isSpaced);
    }
    this.#push({ kind: "operator", text }, isSpaced);
  }

  #name(text: string, isSpaced: boolean): void {
    if (this.#isKey()) {
      this.#at++;
      return this.#push({ kind: "key", text }, isSpaced);
    }
    const kind = /^[A-Z]/.test(text) ? "alias" : "name";
    this.#push({ kind, text }, isSpaced);
  }

  #isKey(): boolean {
    return /^:\s/.test(this.#source.slice(this.#at, this.#at + 2));
  }

  /** A line's end, unless the next line goes on with a pipe. */
  #endLine(): void {
    this.#at++;
    this.#line++;
    const last = this.#tokens.at(-1);
    const goesOn = /^\s*(\|>|\+\+|<>)/.test(
      this.#source.slice(this.#at, this.#at + 80),
    );
    if (goesOn || last === undefined || last.kind === "line") return;
    this.#push({ kind: "line", text: "a line's end" }, true);
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source);
    if (found === null) return undefined;
    this.#at += found[0].length;
    return found;
  }

  /** A text in quotes of any use, with its escapes and interpolations. */
  #quoted():
    | Omit<
      Extract<Token, { kind: "text" }>,
      "line" | "isSpaced" | "isSpacedAfter"
    >
    | undefined {
    const found = this.#match(/(:|~c)?("""|")/y);
    if (found === undefined) return undefined;
    const [, prefix, quote] = found;
    const parts = quote === '"""' ? this.#heredoc() : this.#parts(quote);
    const use = prefix === ":" ? "atom" : prefix === "~c" ? "charlist" : "text";
    if (use === "text" && this.#isKey()) {
      this.#at++;
      return { kind: "text", parts, use: "key" };
    }
    return { kind: "text", parts, use };
  }

  /** A text of lines, without the indentation of its end. */
  #heredoc(): Part[] {
    this.#at = this.#source.indexOf("\n", this.#at) + 1;
    const end = this.#source.indexOf('"""', this.#at);
    const text = this.#source.slice(this.#at, end);
    const indent = text.slice(text.lastIndexOf("\n") + 1).length;
    const lines = text.split("\n").slice(0, -1).map((line) =>
      line.slice(indent)
    );
    this.#line += lines.length + 1;
    this.#at = end + 3;
    return [lines.map((line) => `${line}\n`).join("")];
  }

  #parts(quote: string): Part[] {
    const parts: Part[] = [];
    let text = "";
    for (;;) {
      const char = this.#source[this.#at++];
      if (char === quote) break;
      if (char === "\n") this.#line++;
      if (char === "\\") {
        const escaped = this.#source[this.#at++];
        text += ESCAPES[escaped] ?? escaped;
      } else if (char === "#" && this.#source[this.#at] === "{") {
        const end = this.#closing();
        if (text !== "") parts.push(text);
        text = "";
        const source = this.#source.slice(this.#at + 1, end);
        parts.push({ source, line: this.#line });
        this.#at = end + 1;
      } else text += char;
    }
    if (text !== "" || parts.length === 0) parts.push(text);
    return parts;
  }

  /** The place of the brace that closes an interpolation. */
  #closing(): number {
    let depth = 0;
    for (let at = this.#at;; at++) {
      const char = this.#source[at];
      if (char === "{") depth++;
      else if (char === "}" && --depth === 0) return at;
    }
  }

  // deno-lint-ignore no-explicit-any
  #push(token: any, isSpaced: boolean): void {
    const isSpacedAfter = /^\s?$/.test(this.#source[this.#at] ?? "");
    this.#tokens.push({ ...token, line: this.#line, isSpaced, isSpacedAfter });
  }
}
