// Offline stand-in for the parts of `@std/cli/parse-args` that this repository
// uses, so that a clone works without JSR; the published package depends on the
// genuine one.

import { parseArgs as split } from "node:util";

export interface ParseOptions {
  /** Other names of a flag. */
  alias?: Record<string, string>;
  /** Flags that take no value. */
  boolean?: readonly string[];
  /** Flags whose value stays a string. */
  string?: readonly string[];
  /** Flags that may be given several times, and give an array. */
  collect?: readonly string[];
  /** Called with each argument that is not declared; `false` leaves it out. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** The flags by name, and the positional arguments as `_`. */
// deno-lint-ignore no-explicit-any
export type Args = Record<string, any> & { _: (string | number)[] };

/** Parses command line arguments. */
export function parseArgs(
  args: readonly string[],
  options: ParseOptions = {},
): Args {
  const end = args.indexOf("--");
  const own = end === -1 ? args : args.slice(0, end);
  const result = new Parser(own, options).parse();
  if (end !== -1) result._.push(...args.slice(end + 1));
  return result;
}

type Value = string | boolean;

class Parser {
  readonly #args: readonly string[];
  readonly #unknown: ParseOptions["unknown"];
  /** The other name of each flag that has one. */
  readonly #aliases = new Map<string, string>();
  readonly #booleans: ReadonlySet<string>;
  readonly #strings: ReadonlySet<string>;
  readonly #collected: ReadonlySet<string>;
  readonly #result: Args = { _: [] };

  constructor(args: readonly string[], options: ParseOptions) {
    this.#args = args;
    this.#unknown = options.unknown;
    for (const [name, other] of Object.entries(options.alias ?? {})) {
      this.#aliases.set(name, other).set(other, name);
    }
    this.#booleans = this.#withAliases(options.boolean);
    this.#strings = this.#withAliases(options.string);
    this.#collected = this.#withAliases(options.collect);
  }

  parse(): Args {
    for (let index = 0; index < this.#args.length;) {
      const token = splitOne(this.#args[index]);
      if (token?.kind !== "option") index = this.#positional(index);
      else if (!token.rawName.startsWith("--")) index = this.#short(index);
      else index = this.#long(index, token.name, token.value);
    }
    for (const name of this.#booleans) {
      this.#result[name] ??= this.#collected.has(name) ? [] : false;
    }
    for (const name of this.#strings.intersection(this.#collected)) {
      this.#result[name] ??= [];
    }
    return this.#result;
  }

  #namesOf(name: string): string[] {
    const other = this.#aliases.get(name);
    return other === undefined ? [name] : [name, other];
  }

  #withAliases(names: readonly string[] = []): Set<string> {
    return new Set(names.flatMap((name) => this.#namesOf(name)));
  }

  /** Each of these takes the argument at an index, and returns the next index. */
  #positional(index: number): number {
    const arg = this.#args[index];
    if (this.#unknown?.(arg) !== false) {
      const number = Number(arg);
      const isNumber = arg.trim() !== "" && Number.isFinite(number);
      this.#result._.push(isNumber ? number : arg);
    }
    return index + 1;
  }

  #long(index: number, given: string, value: string | undefined): number {
    if (value === undefined) return this.#valueFromNext(index, given, /^-/);
    // As the genuine package has it: `--no-a=1` is `--a=1`.
    const name = given.replace(/^no-(?=.)/, "");
    const isBoolean = this.#booleans.has(name);
    this.#set(name, isBoolean ? value !== "false" : value, this.#args[index]);
    return index + 1;
  }

  #short(index: number): number {
    const arg = this.#args[index];
    for (let at = 1; at < arg.length - 1; at++) {
      const name = arg[at];
      const rest = arg.slice(at + 1);
      const attached = attachedValue(name, rest);
      if (attached !== undefined) {
        this.#set(name, attached, arg);
        return index + 1;
      }
      // `-n-` is a flag with the value `-`, and so are the ones before it.
      this.#set(name, rest === "-" ? rest : this.#withoutValue(name), arg);
    }
    const last = arg.slice(-1);
    if (last === "-") return index + 1;
    return this.#valueFromNext(index, last, /^--?[^-]/);
  }

  #valueFromNext(index: number, name: string, flag: RegExp): number {
    const arg = this.#args[index];
    const next = this.#args[index + 1];
    if (next && !this.#booleans.has(name) && !flag.test(next)) {
      this.#set(name, next, arg);
      return index + 2;
    }
    if (next === "true" || next === "false") {
      this.#set(name, next === "true", arg);
      return index + 2;
    }
    this.#set(name, this.#withoutValue(name), arg);
    return index + 1;
  }

  #withoutValue(name: string): Value {
    return this.#strings.has(name) ? "" : true;
  }

  /** Notes the value of a declared flag; nothing reads others. */
  #set(name: string, value: Value, arg: string): void {
    const isDeclared = this.#booleans.has(name) || this.#strings.has(name);
    if (!isDeclared) return void this.#unknown?.(arg, name, value);
    for (const key of this.#namesOf(name)) {
      if (!this.#collected.has(name)) this.#result[key] = value;
      else (this.#result[key] ??= []).push(value);
    }
  }
}

/** Splits arguments one by one, since Node takes the end of `-a-` for a `--`. */
function splitOne(arg: string) {
  return split({
    args: [arg],
    strict: false,
    allowPositionals: true,
    tokens: true,
  }).tokens.at(0);
}

/** The value written to a one-letter flag without a space: `-n5`, `-n=5`, `-n./a`. */
function attachedValue(name: string, rest: string): string | undefined {
  if (rest === "=") return "";
  if (/[A-Za-z]/.test(name)) {
    const equals = rest.indexOf("=");
    if (equals !== -1 && equals < rest.length - 1) {
      return rest.slice(equals + 1);
    }
    if (/\d\.?$/.test(rest)) return rest;
  }
  return rest.length > 1 && /^\W/.test(rest) ? rest : undefined;
}
