/** Elixir's operators and special forms: what evaluates its arguments by itself, or not at all. */

import { ExitError } from "../../../packages/processes/errors.ts";
import { receive } from "../../../packages/processes/process.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { equalTerms } from "../../../packages/processes/values/equality.ts";
import { ExternalFunction } from "../../../packages/processes/values/functions.ts";
import type { Tuple } from "../../../packages/processes/values/tuple.ts";
import {
  applyClauses,
  call,
  evaluate,
  evaluateAll,
  failure,
  run,
  scoped,
  settled,
} from "./evaluator.ts";
import {
  bindingOf,
  type Evaluation,
  moduleOf,
  nameOfAlias,
  type Scope,
  sectionsOf,
} from "./modules.ts";
import { clausesOf } from "./parser.ts";
import { allMatch, isStruct, matches } from "./patterns.ts";
import {
  type Call,
  type Clause,
  InterpreterError,
  type Node,
} from "./syntax.ts";
import {
  camel,
  compare,
  isEqual,
  isTruthy,
  itemsOf,
  numberOf,
  valueAt,
} from "./values.ts";

/** Evaluates a form from its unevaluated arguments. */
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
export const SPECIAL_FORMS: Readonly<Record<string, Special>> = {
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
      const key = `${String(target).replace(/^Elixir\./, "")}.${name}`;
      return bindingOf(key) ??
        new ExternalFunction(String(target), name, arity);
    }
    const owner = [scope.module, ...scope.module.imports].find((each) =>
      each.has(name, arity)
    );
    return owner?.fn(name) ?? bindingOf(name);
  }
  const own = scoped(scope);
  const fn = (...args: unknown[]) => {
    const inner = scoped(own);
    args.forEach((arg, at) => inner.variables.set(`&${at + 1}`, arg));
    return run(evaluate(body, inner));
  };
  return fn;
}
