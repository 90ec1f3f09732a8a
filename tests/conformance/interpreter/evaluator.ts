/**
 * Runs Elixir's modules. Every call that is none of a module's own functions is one of `bindings/`.
 *
 * An evaluation is a generator that yields the promises of the API: without any, it runs at once, as the code of a
 * program in TypeScript would.
 */

import { ExitError } from "../../../packages/processes/errors.ts";
import { Atom, atom } from "../../../packages/processes/values/atom.ts";
import { improperList } from "../../../packages/processes/values/improper_list.ts";
import { Bitstring } from "../../../packages/processes/values/bitstring.ts";
import { ExternalFunction } from "../../../packages/processes/values/functions.ts";
import { equalTerms } from "../../../packages/processes/values/equality.ts";
import { Pid, receive, Ref } from "../../../packages/processes/process.ts";
import { Tuple } from "../../../packages/processes/values/tuple.ts";
import { allMatch, isStruct, matches, type Variables } from "./patterns.ts";
import { clausesOf, isKeywords } from "./parser.ts";
import type { Call, Clause, Node } from "./syntax.ts";
import {
  camel,
  compare,
  isEqual,
  isTruthy,
  itemsOf,
  numberOf,
  textOf,
  tuple,
  valueAt,
} from "./values.ts";

/** An evaluation: it yields promises, and is given their values. */
// deno-lint-ignore no-explicit-any
export type Evaluation<T = any> = Generator<Promise<unknown>, T, any>;

// deno-lint-ignore no-explicit-any
export type Fn = (...args: any[]) => unknown;

/** Functions by name: `spawn`, `Process.flag`. They are given values, and return them or promises of them. */
export type Bindings = Readonly<Record<string, Fn>>;

/** A place of the code: its module, and its variables. */
interface Scope {
  module: Module;
  variables: Variables;
}

/** Runs an evaluation; returns a promise only if it waits for one. */
export function run<T>(evaluation: Evaluation<T>): T | Promise<T> {
  const { done, value } = evaluation.next();
  return done ? value : goOn(evaluation, value as Promise<unknown>);
}

async function goOn<T>(
  evaluation: Evaluation<T>,
  waited: Promise<unknown>,
): Promise<T> {
  for (;;) {
    let step: IteratorResult<Promise<unknown>, T>;
    try {
      const value = await waited;
      step = evaluation.next(value);
    } catch (error) {
      step = evaluation.throw(error);
    }
    if (step.done) return step.value;
    waited = step.value;
  }
}

/** An error of the interpreter itself, not of a scenario. */
export class InterpreterError extends Error {
  override readonly name = "InterpreterError";
}

/** A scenario that a module declares. */
export interface Declared {
  name: string;
  options: unknown;
  fn: () => unknown;
}

/** A module: its functions, and its scenarios. */
export class Module {
  readonly name: string;
  readonly scenarios: Declared[] = [];
  /** The behaviours that it uses. */
  readonly uses: string[] = [];
  readonly imports: Module[] = [];
  readonly attributes = new Map<string, unknown>();
  /** The whole names of the modules within it. */
  readonly aliases = new Map<string, Atom>();
  /** The clauses of each function, by name and number of arguments. */
  readonly #clauses = new Map<string, Clause[]>();
  readonly #fns = new Map<string, Fn>();
  #exports: Record<string, Fn> | undefined;
  readonly #isPublic = new Set<string>();
  readonly file: string;

  constructor(name: string, file: string) {
    this.name = name;
    this.file = file;
  }

  define(name: string, clause: Clause, isPublic: boolean): void {
    const key = `${name}/${clause.patterns.length}`;
    this.#clauses.set(key, [...this.#clauses.get(key) ?? [], clause]);
    if (isPublic) this.#isPublic.add(name);
  }

  clauses(name: string, arity: number): Clause[] | undefined {
    return this.#clauses.get(`${name}/${arity}`);
  }

  has(name: string, arity: number): boolean {
    return this.#clauses.has(`${name}/${arity}`);
  }

  /** A function of the module, always the same object, which takes any number of arguments that it is defined for. */
  fn(name: string): Fn {
    let fn = this.#fns.get(name);
    if (fn === undefined) {
      fn = (...args: unknown[]) => run(callOwn(this, name, args));
      Object.defineProperty(fn, "name", { value: name });
      this.#fns.set(name, fn);
    }
    return fn;
  }

  /**
   * Its public functions, as programs here export them: with names in camel case, and results that the API takes from
   * functions of other nodes, the pid of a start's `{:ok, pid}` and the array of an update's pair.
   */
  exports(): Record<string, Fn> {
    return this.#exports ??= Object.fromEntries(
      [...this.#isPublic].map((name) => {
        const fn = this.fn(name);
        return [camel(name), (...args: unknown[]) => {
          const result = fn(...args);
          return result instanceof Promise
            ? result.then(exported)
            : exported(result);
        }];
      }),
    );
  }
}

function exported(result: unknown): unknown {
  if (!(result instanceof Tuple) || result.length !== 2) return result;
  const [first, second] = result.elements;
  if (first === atom("ok") && second instanceof Pid) return second;
  return first instanceof Atom || first instanceof Ref
    ? result
    : result.elements;
}

const modules = new Map<string, Module>();
let bindings: Bindings = {};

/** Sets the functions that modules call. */
export function setBindings(given: Bindings): void {
  bindings = given;
}

/** The module of that name, without `Elixir.`. */
export function moduleOf(name: unknown): Module | undefined {
  return modules.get(
    name instanceof Atom ? name.name.replace(/^Elixir\./, "") : String(name),
  );
}

/** The function of a module, which is one of the scenarios' or of the bindings. */
export function functionOf(module: unknown, name: unknown): Fn {
  const own = moduleOf(module);
  const key = `${String(module).replace(/^Elixir\./, "")}.${name}`;
  const fn = own?.fn(String(name)) ?? bindings[key];
  if (fn === undefined) {
    throw new InterpreterError(`Cannot run ${key}: it has no binding`);
  }
  return fn;
}

/** Defines the modules of a source. */
export function define(source: Node, file: string): Module {
  const items = source.kind === "block" ? source.items : [source];
  const [first] = items.map((each) =>
    run(defineModule(each as Node & Call, undefined, file))
  ) as Module[];
  return first;
}

function* defineModule(
  { args: [name, section] }: Call,
  outer: Module | undefined,
  file: string,
): Evaluation<Module> {
  const own = String((name as { value: Atom }).value).replace(/^Elixir\./, "");
  const module = new Module(
    outer === undefined ? own : `${outer.name}.${own}`,
    file,
  );
  modules.set(module.name, module);
  outer?.aliases.set(`Elixir.${own}`, atom(`Elixir.${module.name}`));
  const scope = { module, variables: new Map() };
  const body = sectionsOf(section).do;
  for (const item of body.kind === "block" ? body.items : [body]) {
    yield* declare(item, scope);
  }
  return module;
}

/** A declaration in the body of a module. */
function* declare(node: Node, scope: Scope): Evaluation {
  const { module } = scope;
  if (node.kind !== "call") return;
  const { name, args } = node;
  switch (name) {
    case "def":
    case "defp":
      return defineFunction(module, args, name === "def");
    case "defmodule":
      return yield* defineModule(node, module, module.file);
    case "use":
      return module.uses.push(nameOfAlias(args[0]));
    case "import":
      module.imports.push(
        ...[moduleOf(nameOfAlias(args[0]))].flatMap((each) => each ?? []),
      );
      return;
    case "scenario": {
      const title = yield* evaluate(args[0], scope);
      const sections = sectionsOf(args.at(-1)!);
      const { do: body, ...options } = sections;
      const given: Record<string, unknown> = {};
      for (const [key, value] of Object.entries(options)) {
        given[key] = yield* evaluate(value, scope);
      }
      const fn = () => run(evaluate(body, scoped(scope)));
      return module.scenarios.push({ name: title, options: given, fn });
    }
  }
  if (name.startsWith("@") && !/^@(impl|doc|moduledoc)$/.test(name)) {
    module.attributes.set(name.slice(1), yield* evaluate(args[0], scope));
  }
}

function nameOfAlias(node: Node): string {
  return String((node as { value?: Atom }).value).replace(/^Elixir\./, "");
}

function defineFunction(
  module: Module,
  [head, section]: Node[],
  isPublic: boolean,
): void {
  let guard: Node | undefined;
  if (head.kind === "call" && head.name === "when") [head, guard] = head.args;
  const name = (head as Call).name;
  const given = head.kind === "call" ? head.args : [];
  const { do: body, ...rest } = sectionsOf(section);
  const tried: Node = Object.keys(rest).length === 0
    ? body
    : { kind: "call", name: "try", args: [section], line: head.line };
  const patterns = given.map((each) =>
    each.kind === "call" && each.name === "\\\\" ? each.args[0] : each
  );
  module.define(name, { patterns, guard, body: tried }, isPublic);
  // A default value is one more function, which calls the whole one.
  const defaults = given.map((each) =>
    each.kind === "call" && each.name === "\\\\" ? each.args[1] : undefined
  );
  const count = defaults.filter((each) => each !== undefined).length;
  for (let left = 0; left < count; left++) {
    let taken = left;
    const names = given.map((_, at): Node => ({
      kind: "variable",
      name: `argument ${at}`,
      line: head.line,
    }));
    const parts = defaults.map((each, at) =>
      each === undefined || taken-- > 0
        ? { node: names[at], isOwn: true }
        : { node: each, isOwn: false }
    );
    module.define(name, {
      patterns: parts.filter(({ isOwn }) => isOwn).map(({ node }) => node),
      body: {
        kind: "call",
        name,
        args: parts.map(({ node }) => node),
        line: head.line,
      },
    }, isPublic);
  }
}

/** The sections of a `do` block, or the keys of options, by name. */
function sectionsOf(node: Node): Record<string, Node> {
  if (!isKeywords(node)) {
    throw new InterpreterError(`Cannot run line ${node.line}: it has no block`);
  }
  return Object.fromEntries(
    node.items.map((
      { items: [key, value] },
    ) => [String((key as { value: unknown }).value), value]),
  );
}

function scoped({ module, variables }: Scope): Scope {
  return { module, variables: new Map(variables) };
}

/** A call that is the last thing of a function: it takes its place, so that a process can loop for ever. */
class TailCall {
  readonly module: Module;
  readonly name: string;
  readonly args: unknown[];

  constructor(module: Module, name: string, args: unknown[]) {
    this.module = module;
    this.name = name;
    this.args = args;
  }
}

function* callOwn(module: Module, name: string, args: unknown[]): Evaluation {
  for (let next = new TailCall(module, name, args);;) {
    const { module, name, args } = next;
    const clauses = module.clauses(name, args.length);
    if (clauses === undefined) {
      throw undefinedFunction(`${module.name}.${name}/${args.length}`);
    }
    const result = yield* applyClauses(clauses, args, {
      module,
      variables: new Map(),
    }, { isTail: true });
    if (!(result instanceof TailCall)) return result;
    next = result;
  }
}

function undefinedFunction(name: string): Error {
  const error = new Error(`function ${name} is undefined`);
  error.name = "UndefinedFunctionError";
  return error;
}

/** Runs the first clause that matches; if none does, it throws the given error. */
function* applyClauses(
  clauses: readonly Clause[],
  values: readonly unknown[],
  scope: Scope,
  {
    isTail = false,
    otherwise = () => new TypeError("no function clause matching"),
  }: {
    isTail?: boolean;
    otherwise?: () => Error;
  } = {},
): Evaluation {
  for (const { patterns, guard, body } of clauses) {
    const inner = scoped(scope);
    if (!allMatch(patterns, values, inner.variables)) continue;
    if (guard !== undefined && !isTruthy(yield* evaluate(guard, inner))) {
      continue;
    }
    return yield* evaluate(body, inner, isTail);
  }
  throw otherwise();
}

function failure(type: string): Error {
  const error = new Error(type);
  error.name = type;
  return error;
}

/** Evaluates an expression; at the end of a function, with `isTail`, perhaps to a {@linkcode TailCall}. */
export function* evaluate(
  node: Node,
  scope: Scope,
  isTail = false,
): Evaluation {
  switch (node.kind) {
    case "literal":
      return aliased(node.value, scope.module);
    case "variable":
      return yield* variable(node, scope);
    case "attribute":
      return scope.module.attributes.get(node.name);
    case "text": {
      let text = "";
      for (const part of node.parts) {
        text += typeof part === "string"
          ? part
          : textOf(yield* evaluate(part, scope));
      }
      return node.isCharlist
        ? Array.from(text, (each) => each.codePointAt(0))
        : text;
    }
    case "list": {
      const items = yield* evaluateAll(node.items, scope);
      if (node.tail === undefined) return items;
      const tail = yield* evaluate(node.tail, scope);
      return Array.isArray(tail)
        ? [...items, ...tail]
        : improperList(items as [unknown], tail);
    }
    case "tuple":
      return tuple(...yield* evaluateAll(node.items, scope));
    case "map":
      return yield* mapOf(node, scope);
    case "bits":
      return yield* bitsOf(node.segments, scope);
    case "block": {
      for (const item of node.items.slice(0, -1)) yield* evaluate(item, scope);
      const last = node.items.at(-1);
      return last === undefined ? null : yield* evaluate(last, scope, isTail);
    }
    case "fn":
      return closure(node.clauses, scope);
    case "place":
      return scope.variables.get(`&${node.index}`);
    case "call":
      return yield* call(node, scope, isTail);
  }
  throw new InterpreterError(
    `Cannot run ${scope.module.file}:${node.line}: ${node.kind}`,
  );
}

function aliased(value: unknown, module: Module): unknown {
  return value instanceof Atom && module.aliases.get(value.name) || value;
}

export function* evaluateAll(
  nodes: readonly Node[],
  scope: Scope,
): Evaluation<unknown[]> {
  const values: unknown[] = [];
  for (const node of nodes) values.push(yield* evaluate(node, scope));
  return values;
}

function* variable(
  node: Extract<Node, { kind: "variable" }>,
  scope: Scope,
): Evaluation {
  const { name, line } = node;
  if (scope.variables.has(name)) return scope.variables.get(name);
  if (name === "__MODULE__") return atom(`Elixir.${scope.module.name}`);
  return yield* call({ kind: "call", name, args: [], line }, scope);
}

/** A function with the variables that it has now. */
function closure(clauses: readonly Clause[], scope: Scope): Fn {
  const own = scoped(scope);
  const fn = (...args: unknown[]) => run(applyClauses(clauses, args, own));
  Object.defineProperty(fn, "length", { value: clauses[0].patterns.length });
  return fn;
}

function* mapOf(
  { struct, base, pairs }: Extract<Node, { kind: "map" }>,
  scope: Scope,
): Evaluation {
  const entries: [unknown, unknown][] = [];
  for (const [key, value] of pairs) {
    entries.push([yield* evaluate(key, scope), yield* evaluate(value, scope)]);
  }
  if (struct !== undefined) {
    const fields = new Map(entries.map(([key, value]) => [String(key), value]));
    return bindings[`%${nameOfAlias(struct)}`](fields);
  }
  const map = base === undefined ? undefined : yield* evaluate(base, scope);
  if (map !== undefined && !(map instanceof Map)) {
    return Object.assign(
      Object.create(Object.getPrototypeOf(map)),
      map,
      Object.fromEntries(
        entries.map(([key, value]) => [camel(String(key)), value]),
      ),
    );
  }
  return new Map([...map ?? [], ...entries]);
}

/** `<<1, 2::size(3)>>`, or the characters of `<<…>>`. */
function* bitsOf(segments: readonly Node[], scope: Scope): Evaluation {
  const bytes: number[] = [];
  let size = 8;
  for (const segment of segments) {
    const isSized = segment.kind === "call" && segment.name === "::";
    const value = yield* evaluate(isSized ? segment.args[0] : segment, scope);
    size = isSized
      ? Number(yield* evaluate((segment.args[1] as Call).args[0], scope))
      : 8;
    bytes.push(value << (8 - size));
  }
  const all = Uint8Array.from(bytes);
  return size < 8 ? new Bitstring(all, size) : new TextDecoder().decode(all);
}

// Calls.

function* call(
  node: Call & { line: number },
  scope: Scope,
  isTail = false,
): Evaluation {
  const { target, name, args } = node;
  if (target !== undefined) return yield* callTarget(node, scope);
  const special = Object.hasOwn(SPECIAL, name) ? SPECIAL[name] : undefined;
  if (special !== undefined) {
    return yield* special(args, scope, node.line, isTail);
  }
  if (name === "on") {
    const [peer, fn, ...rest] = yield* evaluateAll(args, scope);
    return yield* bound(
      "on",
      [peer, scope.module.name, fn, ...rest],
      scope,
      node.line,
    );
  }
  const values = yield* evaluateAll(args, scope);
  const owner = [scope.module, ...scope.module.imports].find((each) =>
    each.has(name, args.length)
  );
  if (owner === undefined) return yield* bound(name, values, scope, node.line);
  return isTail
    ? new TailCall(owner, name, values)
    : yield* callOwn(owner, name, values);
}

function* callTarget(node: Call & { line: number }, scope: Scope): Evaluation {
  const target = yield* evaluate(node.target!, scope);
  const { name, isField } = node;
  if (isField && !(target instanceof Atom)) {
    if (name === "" || target === null) throw new TypeError(`no field ${name}`);
    return valueAt(target, atom(name));
  }
  const args = yield* evaluateAll(node.args, scope);
  return yield* apply(target, name, args, scope, node.line);
}

/** Calls a value that is a function, or a function of a module. */
function* apply(
  target: unknown,
  name: string,
  args: unknown[],
  scope: Scope,
  line: number,
): Evaluation {
  if (name === "") return yield* settled((target as Fn)(...args));
  const module = String(target).replace(/^Elixir\./, "");
  const own = modules.get(module);
  if (own?.has(name, args.length)) return yield* callOwn(own, name, args);
  return yield* bound(`${module}.${name}`, args, scope, line);
}

function* bound(
  name: string,
  args: unknown[],
  scope: Scope,
  line: number,
): Evaluation {
  const fn = Object.hasOwn(bindings, name) ? bindings[name] : undefined;
  if (fn === undefined) {
    throw new InterpreterError(
      `Cannot run ${scope.module.file}:${line}: ${name}/${args.length} has no binding`,
    );
  }
  return yield* settled(fn(...args));
}

function* settled(value: unknown): Evaluation {
  return (value instanceof Promise ? yield value : value) ?? null;
}

type Special = (
  args: Node[],
  scope: Scope,
  line: number,
  isTail: boolean,
) => Evaluation;

function binary(fn: (left: unknown, right: unknown) => unknown): Special {
  return function* ([left, right], scope) {
    return fn(yield* evaluate(left, scope), yield* evaluate(right, scope));
  };
}

function arithmetic(fn: (left: number, right: number) => number): Special {
  return binary((left, right) => fn(numberOf(left), numberOf(right)));
}

function ordered(isSo: (order: number) => boolean): Special {
  return binary((left, right) => isSo(compare(left, right)));
}

function* either(
  args: Node[],
  scope: Scope,
  isLeft: (left: unknown) => boolean,
): Evaluation {
  const left = yield* evaluate(args[0], scope);
  return isLeft(left) ? left : yield* evaluate(args[1], scope);
}

function* negated([operand]: Node[], scope: Scope): Evaluation {
  return !isTruthy(yield* evaluate(operand, scope));
}

function not(value: unknown): boolean {
  return !isTruthy(value);
}

/** The special forms and operators. */
const SPECIAL: Readonly<Record<string, Special>> = {
  "+": arithmetic((left, right) => left + right),
  "*": arithmetic((left, right) => left * right),
  "/": arithmetic((left, right) => left / right),
  *"-"(args, scope) {
    const [left, right] = (yield* evaluateAll(args, scope)).map(numberOf);
    return right === undefined ? -left : left - right;
  },
  "==": binary(isEqual),
  "!=": binary((left, right) => !isEqual(left, right)),
  "===": binary(equalTerms),
  "<": ordered((order) => order < 0),
  ">": ordered((order) => order > 0),
  "<=": ordered((order) => order <= 0),
  ">=": ordered((order) => order >= 0),
  "++": binary((left, right) => [...left as unknown[], ...right as unknown[]]),
  "--": binary((left, right) =>
    (left as unknown[]).filter((each) =>
      !(right as unknown[]).some((other) => isEqual(each, other))
    )
  ),
  "<>": binary((left, right) => `${left}${right}`),
  in: binary((left, right) =>
    (right as unknown[]).some((each) => isEqual(each, left))
  ),
  *".."([first, last], scope) {
    const [from, to] = [
      yield* evaluate(first, scope),
      yield* evaluate(last, scope),
    ];
    return Array.from({ length: to - from + 1 }, (_, at) => from + at);
  },
  // Only steps of one are written: for a range that may be empty.
  *"//"([range], scope) {
    return yield* evaluate(range, scope);
  },
  "&&": (args, scope) => either(args, scope, not),
  and: (args, scope) => either(args, scope, not),
  "||": (args, scope) => either(args, scope, isTruthy),
  or: (args, scope) => either(args, scope, isTruthy),
  not: negated,
  "!": negated,
  *"|>"([left, right], scope, line) {
    const { target, name, args } = right.kind === "variable"
      ? { target: undefined, name: right.name, args: [] }
      : right as Call;
    return yield* call({
      kind: "call",
      target,
      name,
      args: [left, ...args],
      line,
    }, scope);
  },
  *"[]"(args, scope) {
    const [collection, key] = yield* evaluateAll(args, scope);
    return valueAt(collection, key);
  },
  *"="([pattern, expression], scope) {
    const value = yield* evaluate(expression, scope);
    if (matches(pattern, value, scope.variables)) return value;
    throw failure("MatchError");
  },
  *"&"([body], scope) {
    return yield* capture(body, scope);
  },
  *if([condition, section], scope, _line, isTail) {
    const { do: then, else: otherwise } = sectionsOf(section);
    const inner = scoped(scope);
    const branch = isTruthy(yield* evaluate(condition, inner))
      ? then
      : otherwise;
    return branch === undefined ? null : yield* evaluate(branch, inner, isTail);
  },
  *case([subject, section], scope, _line, isTail) {
    const value = yield* evaluate(subject, scope);
    const clauses = clausesOf(sectionsOf(section).do);
    return yield* applyClauses(clauses, [value], scope, {
      isTail,
      otherwise: () => failure("CaseClauseError"),
    });
  },
  *"match?"([pattern, expression], scope) {
    return matches(
      pattern,
      yield* evaluate(expression, scope),
      new Map(scope.variables),
    );
  },
  *with(args, scope) {
    const { do: body, else: otherwise } = sectionsOf(args.at(-1)!);
    const inner = scoped(scope);
    for (const step of args.slice(0, -1)) {
      const [pattern, expression] = (step as Call).args;
      const value = yield* evaluate(expression, inner);
      if (matches(pattern, value, inner.variables)) continue;
      return otherwise === undefined
        ? value
        : yield* applyClauses(clausesOf(otherwise), [value], scope);
    }
    return yield* evaluate(body, inner);
  },
  *for(args, scope) {
    const results: unknown[] = [];
    const { do: body, into } = sectionsOf(args.at(-1)!);
    yield* loop(args.slice(0, -1), body, scoped(scope), results);
    if (into === undefined) return results;
    return new Map(
      (results as Tuple[]).map((each) => each.elements as [unknown, unknown]),
    );
  },
  *receive([section], scope, _line, isTail) {
    return yield* receiveOne(sectionsOf(section), scope, isTail);
  },
  *try([section], scope) {
    return yield* tryIn(sectionsOf(section), scope);
  },
};

/** Runs the body of a comprehension for each item of its generators, by its filters. */
function* loop(
  [step, ...rest]: Node[],
  body: Node,
  scope: Scope,
  results: unknown[],
): Evaluation {
  if (step === undefined) {
    results.push(yield* evaluate(body, scope));
    return;
  }
  if (step.kind !== "call" || step.name !== "<-") {
    if (isTruthy(yield* evaluate(step, scope))) {
      yield* loop(rest, body, scope, results);
    }
    return;
  }
  const [pattern, expression] = step.args;
  const items = itemsOf(yield* evaluate(expression, scope));
  const iterator = Symbol.asyncIterator in items
    ? items[Symbol.asyncIterator]()
    : items[Symbol.iterator]();
  let isDone: boolean | undefined = false;
  try {
    for (;;) {
      const { done, value }: IteratorResult<unknown> = yield* settled(
        iterator.next(),
      );
      isDone = done;
      if (done) return;
      const inner = scoped(scope);
      if (matches(pattern, value, inner.variables)) {
        yield* loop(rest, body, inner, results);
      }
    }
  } finally {
    // An error leaves the iteration, as it does in a loop.
    if (!isDone) yield* settled(iterator.return?.());
  }
}

function* receiveOne(
  sections: Record<string, Node>,
  scope: Scope,
  isTail: boolean,
): Evaluation {
  const { do: body, after } = sections;
  const clauses = body === undefined ? [] : clausesOf(body);
  let chosen: { clause: Clause; inner: Scope } | undefined;
  const isWanted = (message: unknown) => {
    for (const clause of clauses) {
      const inner = scoped(scope);
      if (!allMatch(clause.patterns, [message], inner.variables)) continue;
      if (
        clause.guard !== undefined &&
        !isTruthy(run(evaluate(clause.guard, inner)))
      ) continue;
      chosen = { clause, inner };
      return true;
    }
    return false;
  };
  const [late] = after === undefined ? [] : clausesOf(after);
  const options = late === undefined ? {} : {
    timeout: numberOf(yield* evaluate(late.patterns[0], scope)),
    after: undefined,
  };
  yield receive(isWanted, options);
  return chosen === undefined
    ? yield* evaluate(late.body, scoped(scope), isTail)
    : yield* evaluate(chosen.clause.body, chosen.inner, isTail);
}

function* tryIn(sections: Record<string, Node>, scope: Scope): Evaluation {
  try {
    return yield* evaluate(sections.do, scoped(scope));
  } catch (thrown) {
    if (thrown instanceof InterpreterError) throw thrown;
    const isExit = thrown instanceof ExitError;
    if (thrown instanceof Error && !isExit) {
      if (sections.rescue === undefined) throw thrown;
      return yield* rescue(clausesOf(sections.rescue), thrown, scope);
    }
    if (sections.catch === undefined) throw thrown;
    const kind = atom(isExit ? "exit" : "throw");
    const value = isExit ? thrown.reason : thrown;
    for (const { patterns, guard, body } of clausesOf(sections.catch)) {
      const values = patterns.length === 2 ? [kind, value] : [value];
      const inner = scoped(scope);
      if (
        patterns.length === 1 && isExit ||
        !allMatch(patterns, values, inner.variables)
      ) continue;
      if (guard !== undefined && !isTruthy(yield* evaluate(guard, inner))) {
        continue;
      }
      return yield* evaluate(body, inner);
    }
    throw thrown;
  } finally {
    if (sections.after !== undefined) {
      yield* evaluate(sections.after, scoped(scope));
    }
  }
}

function* rescue(
  clauses: readonly Clause[],
  thrown: Error,
  scope: Scope,
): Evaluation {
  for (const { patterns: [pattern], body } of clauses) {
    const inner = scoped(scope);
    if (pattern.kind === "variable") {
      if (pattern.name !== "_") inner.variables.set(pattern.name, thrown);
      return yield* evaluate(body, inner);
    }
    const isNamed = pattern.kind === "call" && pattern.name === "in";
    const name = nameOfAlias(isNamed ? pattern.args[1] : pattern);
    if (!isStruct(thrown, name)) continue;
    if (isNamed) {
      inner.variables.set((pattern.args[0] as { name: string }).name, thrown);
    }
    return yield* evaluate(body, inner);
  }
  throw thrown;
}

/** `&name/1`, `&Module.name/1`, or an expression with places. */
function* capture(body: Node, scope: Scope): Evaluation {
  if (
    body.kind === "call" && body.name === "/" && body.args[1].kind === "literal"
  ) {
    const named = body.args[0] as Call | { kind: "variable"; name: string };
    const arity = Number(body.args[1].value);
    const { name } = named;
    if (named.kind === "call" && named.target !== undefined) {
      const target = yield* evaluate(named.target, scope);
      const own = moduleOf(target);
      // The function that nodes export: the API knows it by that name.
      if (own?.has(name, arity)) return own.exports()[camel(name)];
      const fn = bindings[`${String(target).replace(/^Elixir\./, "")}.${name}`];
      return fn ?? new ExternalFunction(String(target), name, arity);
    }
    const owner = [scope.module, ...scope.module.imports].find((each) =>
      each.has(name, arity)
    );
    return owner?.fn(name) ?? bindings[name];
  }
  const own = scoped(scope);
  const fn = (...args: unknown[]) => {
    const inner = scoped(own);
    args.forEach((arg, at) => inner.variables.set(`&${at + 1}`, arg));
    return run(evaluate(body, inner));
  };
  return fn;
}
