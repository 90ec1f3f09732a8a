/**
 * Finds the places of a TypeScript file that can be mutated, by its syntax tree.
 *
 * Blanks replace the types before the code is parsed, so positions in the tree are positions in the file, and a
 * mutation changes only its own place.
 */

import { stripTypeScriptTypes } from "node:module";
import { type AnyNode, parse } from "acorn";

export interface Mutation {
  /** The change, as in `boundary`. */
  operator: Operator;
  /** The names around the place, as in `TopologyServer.#waitFor`; empty at the top of the module. */
  scope: string;
  /** The position among the changes of its operator in its scope, from 1. */
  nth: number;
  /** The place: offsets in the file's text. */
  start: number;
  end: number;
  /** The new text of the place. */
  replacement: string;
  /** The place, counted from 1. */
  line: number;
  column: number;
}

/** The kinds of changes. */
export const OPERATORS = [
  /** `if (a)` becomes `if (!(a))`, also in loops and `?:`. */
  "negate",
  /** `<` becomes `<=`, and so on. */
  "boundary",
  /** `===` becomes `!==`, and so on. */
  "equality",
  /** `&&` becomes `||`, and `||` becomes `&&`. */
  "logical",
  /** `a ?? b` becomes `a`. */
  "no-default",
  /** `+` becomes `-`, and so on; `++` becomes `--`. */
  "arithmetic",
  /** A number becomes greater: by 1, or, from 100 on, ten times as great. */
  "greater",
  /** A number becomes smaller: by 1, or, from 100 on, a tenth. */
  "smaller",
  /** `true` becomes `false`, and `false` becomes `true`. */
  "boolean",
  /** A statement that is a call is removed. */
  "drop-call",
  /** A statement that assigns, or deletes, is removed. */
  "drop-assignment",
  /** `throw` is removed. */
  "drop-throw",
  /** `return`, `continue` or `break` without a value is removed. */
  "drop-jump",
  /** A function returns at once. */
  "return-early",
  /** `await` is removed. */
  "no-await",
] as const;

/** The name of a kind of change. */
export type Operator = typeof OPERATORS[number];

const SWAPPED: Record<string, [Operator, string]> = {
  "<": ["boundary", "<="],
  "<=": ["boundary", "<"],
  ">": ["boundary", ">="],
  ">=": ["boundary", ">"],
  "===": ["equality", "!=="],
  "!==": ["equality", "==="],
  "==": ["equality", "!="],
  "!=": ["equality", "=="],
  "&&": ["logical", "||"],
  "||": ["logical", "&&"],
  "+": ["arithmetic", "-"],
  "-": ["arithmetic", "+"],
  "*": ["arithmetic", "/"],
  "/": ["arithmetic", "*"],
  "%": ["arithmetic", "*"],
  "<<": ["arithmetic", ">>"],
  ">>": ["arithmetic", "<<"],
  ">>>": ["arithmetic", "<<"],
  "+=": ["arithmetic", "-="],
  "-=": ["arithmetic", "+="],
  "++": ["arithmetic", "--"],
  "--": ["arithmetic", "++"],
};

/** Parses TypeScript; returns the tree, whose positions are offsets in the TypeScript text. */
function treeOf(text: string): AnyNode {
  const code = stripTypeScriptTypes(text, { mode: "strip" });
  if (code.length !== text.length) {
    throw new Error(
      `Cannot map the syntax tree to the file: ${text.length} characters became ${code.length}`,
    );
  }
  return parse(code, { ecmaVersion: "latest", sourceType: "module" });
}

/** Finds all mutations of a file's text; a few are no code, which {@linkcode isCode} tells. */
export function mutationsOf(text: string): Mutation[] {
  const found: Mutation[] = [];
  const counts = new Map<string, number>();
  const lines = lineStarts(text);

  const add = (
    operator: Operator,
    scope: string,
    [start, end]: [number, number],
    replacement: string,
  ) => {
    const line = lines.findLastIndex((at) => at <= start);
    const kind = `${scope}:${operator}`;
    const nth = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, nth);
    found.push({
      operator,
      scope,
      nth,
      start,
      end,
      replacement,
      line: line + 1,
      column: start - lines[line] + 1,
    });
  };

  const visit = (node: AnyNode, scope: string, parent?: AnyNode) => {
    const inner = nameOf(node, parent);
    const within = inner === undefined
      ? scope
      : scope === ""
      ? inner
      : `${scope}.${inner}`;
    for (
      const [operator, place, replacement] of changesOf(node, text, parent)
    ) {
      add(operator, within, place, replacement);
    }
    for (const child of childrenOf(node)) visit(child, within, node);
  };

  visit(treeOf(text), "");
  return found;
}

/** Returns the file's text with the mutation. */
export function mutated(
  text: string,
  { start, end, replacement }: Mutation,
): string {
  return text.slice(0, start) + replacement + text.slice(end);
}

type Change = [Operator, [number, number], string];

function* changesOf(
  node: AnyNode,
  text: string,
  parent: AnyNode | undefined,
): Generator<Change> {
  const place: [number, number] = [node.start, node.end];
  switch (node.type) {
    case "IfStatement":
    case "WhileStatement":
    case "DoWhileStatement":
    case "ConditionalExpression": {
      const { start, end } = node.test;
      yield ["negate", [start, end], `!(${text.slice(start, end)})`];
      return;
    }
    case "BinaryExpression":
    case "LogicalExpression": {
      const { left, right } = node;
      if (node.operator === "??") {
        return yield ["no-default", place, text.slice(left.start, left.end)];
      }
      if (node.operator === "+" && (isText(left) || isText(right))) return;
      return yield* swap(node.operator, text, left.end, right.start);
    }
    case "AssignmentExpression":
      return yield* swap(node.operator, text, node.left.end, node.right.start);
    case "UpdateExpression":
      return yield* node.prefix
        ? swap(node.operator, text, node.start, node.argument.start)
        : swap(node.operator, text, node.argument.end, node.end);
    case "Literal":
      if (typeof node.value === "boolean") {
        yield ["boolean", place, String(!node.value)];
      } else if (typeof node.value === "number") {
        const { value } = node;
        const isGreat = value >= 100;
        yield ["greater", place, String(isGreat ? value * 10 : value + 1)];
        const less = isGreat ? Math.floor(value / 10) : value - 1;
        if (value > 0) yield ["smaller", place, String(less)];
      }
      return;
    case "ExpressionStatement": {
      const { expression } = node;
      const inner = expression.type === "AwaitExpression"
        ? expression.argument
        : expression.type === "UnaryExpression"
        ? expression.argument
        : expression.type === "ChainExpression"
        ? expression.expression
        : expression;
      if (inner.type === "CallExpression") {
        if (inner.callee.type !== "Super") yield ["drop-call", place, ";"];
      } else if (expression.type !== "Literal") {
        yield ["drop-assignment", place, ";"];
      }
      return;
    }
    case "ThrowStatement":
      return yield ["drop-throw", place, ";"];
    case "ReturnStatement":
      if (node.argument) return;
      return yield ["drop-jump", place, ";"];
    case "ContinueStatement":
    case "BreakStatement":
      // Without its `break`, a case of a `switch` goes on with the next one.
      return yield ["drop-jump", place, ";"];
    case "AwaitExpression": {
      const { start, end } = node.argument;
      return yield ["no-await", place, `(${text.slice(start, end)})`];
    }
    case "FunctionDeclaration":
    case "FunctionExpression":
    case "ArrowFunctionExpression": {
      const isConstructor = parent?.type === "MethodDefinition" &&
        parent.kind === "constructor";
      const { body } = node;
      if (body.type !== "BlockStatement" || body.body.length === 0) return;
      if (isConstructor) return;
      return yield ["return-early", [body.start, body.start + 1], "{ return;"];
    }
  }
}

/** Replaces the operator that stands between two offsets; comments may stand there too. */
function* swap(
  operator: string,
  text: string,
  from: number,
  to: number,
): Generator<Change> {
  const swapped = SWAPPED[operator];
  if (swapped === undefined) return;
  const between = text.slice(from, to).replace(
    /\/\*[^]*?\*\/|\/\/.*/g,
    (comment) => " ".repeat(comment.length),
  );
  const at = between.lastIndexOf(operator);
  if (at < 0) return;
  const start = from + at;
  yield [swapped[0], [start, start + operator.length], swapped[1]];
}

/** Whether an expression is a text by its form; `+` joins it. */
function isText(node: AnyNode): boolean {
  return node.type === "TemplateLiteral" ||
    node.type === "Literal" && typeof node.value === "string" ||
    node.type === "BinaryExpression" &&
      (isText(node.left) || isText(node.right));
}

/** The name that a node adds to its scope. */
function nameOf(node: AnyNode, parent?: AnyNode): string | undefined {
  switch (node.type) {
    case "ClassDeclaration":
    case "FunctionDeclaration":
      return node.id?.name;
    case "MethodDefinition":
    case "PropertyDefinition":
      return node.key.type === "PrivateIdentifier"
        ? `#${node.key.name}`
        : node.key.type === "Identifier"
        ? node.key.name
        : undefined;
    case "ArrowFunctionExpression":
    case "FunctionExpression":
      return parent?.type === "VariableDeclarator" &&
          parent.id.type === "Identifier"
        ? parent.id.name
        : undefined;
  }
}

function* childrenOf(node: AnyNode): Generator<AnyNode> {
  for (const value of Object.values(node)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (typeof each?.type === "string") yield each;
    }
  }
}

/** Whether a text is TypeScript; its types are not checked. */
export function isCode(text: string): boolean {
  try {
    treeOf(text);
    return true;
  } catch {
    return false;
  }
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    starts.push(at + 1);
  }
  return starts;
}
