/**
 * Evaluates Elixir's expressions. Every call that is none of a module's own functions is one of `bindings/`.
 *
 * An evaluation is a generator that yields the promises of the API: without any, it runs at once, as the code of a
 * program in TypeScript would.
 */

import { Atom, atom } from "../../../packages/processes/values/atom.ts";
import { improperList } from "../../../packages/processes/values/improper_list.ts";
import { Bitstring } from "../../../packages/processes/values/bitstring.ts";
import {
  bindingOf,
  type Evaluation,
  type Fn,
  functionOf,
  type Module,
  moduleOf,
  nameOfAlias,
  type Scope,
} from "./modules.ts";
import { allMatch } from "./patterns.ts";
import { SPECIAL_FORMS } from "./special_forms.ts";
import {
  type Call,
  type Clause,
  InterpreterError,
  type Node,
} from "./syntax.ts";
import { isTruthy, textOf, tuple, valueAt } from "./values.ts";

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
    const [outcome] = await Promise.allSettled([waited]);
    const { done, value } = outcome.status === "fulfilled"
      ? evaluation.next(outcome.value)
      : evaluation.throw(outcome.reason);
    if (done) return value;
    waited = value;
  }
}

export function scoped({ module, variables }: Scope): Scope {
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

export function* callOwn(
  module: Module,
  name: string,
  args: unknown[],
): Evaluation {
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
export function* applyClauses(
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

export function failure(type: string): Error {
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
    return functionOf("%", nameOfAlias(struct))(fields);
  }
  const map = base === undefined ? [] : yield* evaluate(base, scope);
  return new Map([...map, ...entries]);
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

export function* call(
  node: Call & { line: number },
  scope: Scope,
  isTail = false,
): Evaluation {
  const { target, name, args } = node;
  if (target !== undefined) return yield* callTarget(node, scope);
  const special = Object.hasOwn(SPECIAL_FORMS, name)
    ? SPECIAL_FORMS[name]
    : undefined;
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
  const own = moduleOf(module);
  if (own?.has(name, args.length)) return yield* callOwn(own, name, args);
  return yield* bound(`${module}.${name}`, args, scope, line);
}

function* bound(
  name: string,
  args: unknown[],
  scope: Scope,
  line: number,
): Evaluation {
  const fn = bindingOf(name);
  if (fn === undefined) {
    throw new InterpreterError(
      `Cannot run ${scope.module.file}:${line}: ${name}/${args.length} has no binding`,
    );
  }
  return yield* settled(fn(...args));
}

export function* settled(value: unknown): Evaluation {
  return (value instanceof Promise ? yield value : value) ?? null;
}
