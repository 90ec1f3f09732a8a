/** Elixir's modules: their functions and scenarios, and the bindings of all other functions. */

import { Pid, Ref } from "../../../packages/processes/process.ts";
import { Atom, atom } from "../../../packages/processes/values/atom.ts";
import { Tuple } from "../../../packages/processes/values/tuple.ts";
import { callOwn, evaluate, run, scoped } from "./evaluator.ts";
import { isKeywords } from "./parser.ts";
import type { Variables } from "./patterns.ts";
import {
  type Call,
  type Clause,
  InterpreterError,
  type Node,
} from "./syntax.ts";
import { camel, termOf } from "./values.ts";

/** An evaluation: it yields promises, and is given their values. */
// deno-lint-ignore no-explicit-any
export type Evaluation<T = any> = Generator<Promise<unknown>, T, any>;

// deno-lint-ignore no-explicit-any
export type Fn = (...args: any[]) => unknown;

/** Functions by name: `spawn`, `Process.flag`. They are given values, and return them or promises of them. */
export type Bindings = Readonly<Record<string, Fn>>;

/** A place of the code: its module, and its variables. */
export interface Scope {
  module: Module;
  variables: Variables;
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

function exported(value: unknown): unknown {
  const result = termOf(value);
  if (!(result instanceof Tuple) || result.length !== 2) return result;
  const [first, second] = result.elements;
  if (first === atom("ok") && second instanceof Pid) return second;
  return first instanceof Atom || first instanceof Ref
    ? result
    : result.elements;
}

const modules = new Map<string, Module>();
let bindings: Bindings = {};

/** The binding of that name. */
export function bindingOf(name: string): Fn | undefined {
  return Object.hasOwn(bindings, name) ? bindings[name] : undefined;
}

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
  const fn = own?.fn(String(name)) ?? bindingOf(key);
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

export function nameOfAlias(node: Node): string {
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
export function sectionsOf(node: Node): Record<string, Node> {
  if (!isKeywords(node)) {
    throw new InterpreterError(`Cannot run line ${node.line}: it has no block`);
  }
  return Object.fromEntries(
    node.items.map((
      { items: [key, value] },
    ) => [String((key as { value: unknown }).value), value]),
  );
}
