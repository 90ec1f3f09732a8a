// Offline stand-in for `@std/cli/parse-args`, so that a clone works without
// JSR; the published package depends on the genuine one. `node:util` splits
// the arguments, and this file gives the pieces the meaning that they have in
// `@std/cli`.

import { parseArgs as split } from "node:util";
import type {
  AfterDoubleDash,
  Aliases,
  Defaults,
  Flat,
  Names,
  Values,
} from "./_types.ts";

/** The result of {@linkcode parseArgs}. */
export type Args<
  // deno-lint-ignore no-explicit-any
  TArgs extends Record<string, unknown> = Record<string, any>,
  TDoubleDash extends boolean | undefined = undefined,
> = Flat<
  TArgs & { _: Array<string | number> } & AfterDoubleDash<TDoubleDash>
>;

/** Options for {@linkcode parseArgs}. */
export interface ParseOptions<
  TBooleans extends boolean | string | undefined = boolean | string | undefined,
  TStrings extends string | undefined = string | undefined,
  TCollectable extends string | undefined = string | undefined,
  TNegatable extends string | undefined = string | undefined,
  TDefault extends Defaults | undefined = Defaults | undefined,
  TAliases extends Aliases | undefined = Aliases | undefined,
  TDoubleDash extends boolean | undefined = boolean | undefined,
> {
  /** Whether what follows `--` goes to `"--"` instead of `_`. */
  "--"?: TDoubleDash;
  /** Other names of a flag. */
  alias?: TAliases;
  /** Flags that take no value; `true` for all that are written `--flag`. */
  boolean?: Names<Extract<TBooleans, string> | undefined> | TBooleans;
  /** Values of flags that are not given. */
  default?: TDefault;
  /** Whether what follows the first positional argument is positional. */
  stopEarly?: boolean;
  /** Flags whose value stays a string. */
  string?: Names<TStrings>;
  /** Flags that may be given several times, and give an array. */
  collect?: Names<TCollectable>;
  /** Flags that may be given as `--no-flag`. */
  negatable?: Names<TNegatable>;
  /** Called with each argument that is not declared; `false` leaves it out. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/**
 * Parses command line arguments.
 *
 * @param args The arguments.
 * @param options What they may be.
 * @returns The flags by name, and the positional arguments as `_`.
 */
export function parseArgs<
  TDoubleDash extends boolean | undefined = undefined,
  TBooleans extends boolean | string | undefined = undefined,
  TStrings extends string | undefined = undefined,
  TCollectable extends string | undefined = undefined,
  TNegatable extends string | undefined = undefined,
  TDefaults extends Defaults | undefined = undefined,
  const TAliases extends Aliases | undefined = undefined,
>(
  args: readonly string[],
  options: ParseOptions<
    TBooleans,
    TStrings,
    TCollectable,
    TNegatable,
    TDefaults,
    TAliases,
    TDoubleDash
  > = {},
): Args<
  Values<TBooleans, TStrings, TCollectable, TNegatable, TDefaults, TAliases>,
  TDoubleDash
> {
  const end = args.indexOf("--");
  const parser = new Parser(
    end === -1 ? args : args.slice(0, end),
    options as ParseOptions,
  );
  const result = parser.parse();
  const rest = end === -1 ? [] : args.slice(end + 1);
  if (options["--"]) result["--"] = rest;
  else result._.push(...rest);
  return result as ReturnType<
    typeof parseArgs<
      TDoubleDash,
      TBooleans,
      TStrings,
      TCollectable,
      TNegatable,
      TDefaults,
      TAliases
    >
  >;
}

type Value = string | number | boolean;

/** Splits arguments one by one, since Node takes the end of `-a-` for a `--`. */
function splitOne(arg: string) {
  const { tokens } = split({
    args: [arg],
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  return tokens.at(0);
}

class Parser {
  readonly #args: readonly string[];
  readonly #options: ParseOptions;
  readonly #aliases = new Map<string, Set<string>>();
  readonly #booleans: Set<string>;
  readonly #strings: Set<string>;
  readonly #collected: Set<string>;
  readonly #negatable: Set<string>;
  readonly #result: Args = { _: [] };

  constructor(args: readonly string[], options: ParseOptions) {
    this.#args = args;
    this.#options = options;
    for (const [name, others] of Object.entries(options.alias ?? {})) {
      if (others === undefined) {
        throw new TypeError(
          `Cannot parse arguments: the alias of "${name}" is undefined`,
        );
      }
      this.#addAliases([name].concat(others));
    }
    this.#booleans = this.#withAliases(options.boolean);
    this.#strings = this.#withAliases(options.string);
    this.#collected = this.#withAliases(options.collect);
    this.#negatable = this.#withAliases(options.negatable);
  }

  parse(): Args {
    let index = 0;
    while (index < this.#args.length) {
      const token = splitOne(this.#args[index]);
      if (token?.kind !== "option") {
        index = this.#positional(index);
      } else if (token.rawName.startsWith("--")) {
        index = this.#long(index, token.name, token.value);
      } else {
        index = this.#short(index);
      }
    }
    this.#fillIn();
    return this.#result;
  }

  #addAliases(names: readonly string[]): void {
    for (const name of names) {
      this.#aliases.set(name, new Set(names.filter((other) => other !== name)));
    }
  }

  #withAliases(
    names: boolean | string | readonly string[] | undefined,
  ): Set<string> {
    const given = typeof names === "boolean" ? [] : [names ?? []].flat();
    return new Set(
      given.filter((name) => name !== "").flatMap((
        name,
      ) => [name, ...this.#aliases.get(name) ?? []]),
    );
  }

  /** Each of these takes the argument at an index, and gives the next index. */
  #positional(index: number): number {
    const arg = this.#args[index];
    if (this.#options.unknown?.(arg) !== false) {
      this.#result._.push(this.#strings.has("_") ? arg : toNumber(arg));
    }
    if (!this.#options.stopEarly) return index + 1;
    this.#result._.push(...this.#args.slice(index + 1));
    return this.#args.length;
  }

  #long(index: number, name: string, value: string | undefined): number {
    const arg = this.#args[index];
    const positive = /^no-./.test(name) ? name.slice(3) : undefined;
    if (value !== undefined) {
      // As the genuine package has it: `--no-a=1` is `--a=1`.
      name = positive ?? name;
      this.#set(
        name,
        this.#booleans.has(name) ? value !== "false" : value,
        arg,
      );
      return index + 1;
    }
    if (positive !== undefined && this.#negatable.has(positive)) {
      this.#set(positive, false, arg, false);
      return index + 1;
    }
    const takesNoValue = this.#options.boolean === true ||
      this.#isBoolean(name);
    return this.#valueFromNext(index, name, takesNoValue, /^-/);
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
    return this.#valueFromNext(index, last, this.#isBoolean(last), /^--?[^-]/);
  }

  #valueFromNext(
    index: number,
    name: string,
    takesNoValue: boolean,
    flag: RegExp,
  ): number {
    const arg = this.#args[index];
    const next = this.#args[index + 1];
    if (next && !takesNoValue && !flag.test(next)) {
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

  #isBoolean(name: string): boolean {
    const others = this.#aliases.get(name) ?? [];
    return [name, ...others].some((other) => this.#booleans.has(other));
  }

  #set(name: string, value: Value, arg: string, collect = true): void {
    const declared = this.#booleans.has(name) || this.#strings.has(name) ||
      this.#collected.has(name) || this.#aliases.has(name) ||
      (this.#options.boolean === true && /^--[^=]+$/.test(arg));
    if (!declared && this.#options.unknown?.(arg, name, value) === false) {
      return;
    }
    if (typeof value === "string" && !this.#strings.has(name)) {
      value = toNumber(value);
    }
    collect &&= this.#collected.has(name);
    for (const key of [name, ...this.#aliases.get(name) ?? []]) {
      put(this.#result, key, value, collect);
    }
  }

  #fillIn(): void {
    for (const [name, value] of Object.entries(this.#options.default ?? {})) {
      if (has(this.#result, name)) continue;
      for (const key of [name, ...this.#aliases.get(name) ?? []]) {
        put(this.#result, key, value);
      }
    }
    for (const name of this.#booleans) {
      if (has(this.#result, name)) continue;
      put(this.#result, name, this.#collected.has(name) ? [] : false);
    }
    for (const name of this.#strings) {
      if (!this.#collected.has(name) || has(this.#result, name)) continue;
      put(this.#result, name, []);
    }
  }
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

function toNumber(text: string): string | number {
  const number = Number(text);
  return text.trim() !== "" && Number.isFinite(number) ? number : text;
}

type Tree = Record<string, unknown>;

/** Names with dots are paths. */
function put(tree: Tree, name: string, value: unknown, collect = false): void {
  const path = name.split(".");
  if (path.some((key) => key === "__proto__" || key === "constructor")) return;
  const last = path.pop()!;
  for (const key of path) tree = (tree[key] ??= {}) as Tree;
  const present = tree[last];
  if (!collect) tree[last] = value;
  else if (Array.isArray(present)) present.push(value);
  else tree[last] = present ? [present, value] : [value];
}

function has(tree: Tree, name: string): boolean {
  let node: unknown = tree;
  for (const key of name.split(".")) {
    if (
      typeof node !== "object" || node === null || !Object.hasOwn(node, key)
    ) {
      return false;
    }
    node = (node as Tree)[key];
  }
  return true;
}
