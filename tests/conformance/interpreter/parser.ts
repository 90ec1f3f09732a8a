/** Parses the Elixir that scenarios use. */

import { atom } from "../../../packages/processes/values/atom.ts";
import { Float } from "../../../packages/processes/values/float.ts";
import { type Clause, InterpreterError, type Node } from "./syntax.ts";
import { type Part, type Token, tokensOf } from "./tokens.ts";

/** The binary operators, from the weakest; those of a row bind alike. */
const ROWS = [
  ["<-", "\\\\"],
  ["when"],
  ["::"],
  ["|"],
  ["=>"],
  ["="],
  ["||", "or"],
  ["&&", "and"],
  ["==", "!=", "===", "!==", "=~"],
  ["<", ">", "<=", ">="],
  ["|>"],
  ["in"],
  ["//"],
  ["++", "--", "..", "<>"],
  ["+", "-"],
  ["*", "/"],
];
const POWERS = new Map(
  ROWS.flatMap((row, at) => row.map((each) => [each, 10 * (at + 1)] as const)),
);
/** The operators whose right operand takes those of the same row. */
const RIGHT = new Set(
  ["when", "::", "|", "=>", "=", "//", "++", "--", "..", "<>"],
);
const POWER_OF_CAPTURE = 55;
const POWER_OF_UNARY = 300;
const UNARY = new Set(["-", "+", "!", "^", "not"]);
/** The parts of a `do` block. */
const SECTIONS = new Set(["else", "rescue", "catch", "after"]);
/** Names that begin no argument. */
const RESERVED = new Set(
  [...SECTIONS, "do", "end", "when", "and", "or", "in"],
);
const CONSTANTS: Record<string, unknown> = {
  nil: null,
  true: true,
  false: false,
};

/** Parses a source: the block of its expressions. */
export function parse(source: string, line = 1): Node {
  const parser = new Parser(tokensOf(source, line));
  return parser.block(() => parser.isAt("end"));
}

class Parser {
  readonly #tokens: Token[];
  #at = 0;
  #takesBlocks = true;

  constructor(tokens: Token[]) {
    this.#tokens = tokens;
  }

  get #token(): Token {
    return this.#tokens[this.#at];
  }

  get #text(): string {
    const token = this.#token;
    return token.kind === "operator" || token.kind === "name"
      ? token.text
      : token.kind === "line"
      ? "\n"
      : "";
  }

  isAt(kind: Token["kind"]): boolean {
    return this.#token.kind === kind;
  }

  #take(text: string): boolean {
    if (this.#text !== text) return false;
    this.#at++;
    return true;
  }

  #expect(text: string): void {
    if (this.#take(text)) return;
    const { line, ...token } = this.#token;
    throw new InterpreterError(
      `Cannot parse line ${line}: expected ${text} at ${JSON.stringify(token)}`,
    );
  }

  #skipLines(): void {
    while (this.isAt("line") || this.#text === ";") this.#at++;
  }

  /** Expressions up to an end; clauses, if the first has an arrow. */
  block(isEnd: () => boolean): Node {
    const { line } = this.#token;
    const items: Node[] = [];
    const clauses: Clause[] = [];
    for (this.#skipLines(); !isEnd(); this.#skipLines()) {
      const patterns = this.#text === "->" ? [] : this.#arguments(isEnd);
      if (this.#take("->")) {
        clauses.push(this.#clause(patterns, isEnd));
      } else if (patterns.length !== 1) this.#expect("->");
      else if (clauses.length === 0) items.push(patterns[0]);
      else {
        // No clause begins here: it is one more expression of the last one's body.
        const last = clauses.at(-1)!;
        last.body = blockOf([last.body, patterns[0]]);
      }
    }
    if (clauses.length > 0) return { kind: "clauses", clauses, line };
    return items.length === 1 ? items[0] : { kind: "block", items, line };
  }

  #clause(patterns: Node[], isEnd: () => boolean): Clause {
    const { line } = this.#token;
    this.#skipLines();
    const last = patterns.at(-1);
    let guard: Node | undefined;
    if (last?.kind === "call" && last.name === "when") {
      guard = last.args[1];
      patterns = [...patterns.slice(0, -1), last.args[0]];
    }
    const body = isEnd()
      ? { kind: "literal", value: null, line } as Node
      : this.expression();
    return { patterns, guard, body };
  }

  /** Expressions between commas; what has keys at the end is a list of them. */
  #arguments(isEnd: () => boolean): Node[] {
    const items: Node[] = [];
    const pairs: Node[] = [];
    const { line } = this.#token;
    for (;;) {
      this.#skipLines();
      if (isEnd()) break;
      const key = this.#key();
      if (key === undefined) items.push(this.expression());
      else {
        this.#skipLines();
        const value = this.expression();
        pairs.push({ kind: "tuple", items: [key, value], line: key.line });
      }
      if (!this.#take(",")) break;
    }
    if (pairs.length > 0) {
      items.push({ kind: "list", items: pairs, isBare: true, line });
    }
    return items;
  }

  #key(): Node | undefined {
    const token = this.#token;
    const { line } = token;
    if (token.kind === "key") {
      this.#at++;
      return { kind: "literal", value: atom(token.text), line };
    }
    if (token.kind !== "text" || token.use !== "key") return undefined;
    this.#at++;
    return { kind: "literal", value: atom(token.parts.join("")), line };
  }

  #closed(end: string): Node[] {
    return this.#within(true, () => {
      const items = this.#arguments(() => this.#text === end);
      this.#skipLines();
      this.#expect(end);
      return items;
    });
  }

  /** Parses with, or without, the right of a call to take a `do` block: that belongs to the outermost call without parentheses. */
  #within<T>(takesBlocks: boolean, parse: () => T): T {
    const before = this.#takesBlocks;
    this.#takesBlocks = takesBlocks;
    const result = parse();
    this.#takesBlocks = before;
    return result;
  }

  expression(least = 0): Node {
    let left = this.#operand();
    for (;;) {
      const { line } = this.#token;
      const name = this.#text === "not" ? "in" : this.#text;
      const power = POWERS.get(name);
      if (power === undefined || power < least) return left;
      const isNot = this.#take("not");
      this.#expect(name);
      this.#skipLines();
      const right = this.expression(RIGHT.has(name) ? power : power + 1);
      left = { kind: "call", name, args: [left, right], line };
      if (isNot) left = { kind: "call", name: "not", args: [left], line };
    }
  }

  #operand(): Node {
    const { line } = this.#token;
    const text = this.#text;
    if (text === "&") {
      this.#at++;
      const next = this.#token;
      if (next.kind === "number" && !this.#tokens[this.#at - 1].isSpacedAfter) {
        this.#at++;
        const index = Number(next.value);
        return this.#withDots({ kind: "place", index, line });
      }
      const body = this.expression(POWER_OF_CAPTURE);
      return { kind: "call", name: "&", args: [body], line };
    }
    if (UNARY.has(text)) {
      this.#at++;
      const operand = this.expression(POWER_OF_UNARY);
      if (text === "-" && operand.kind === "literal") {
        return { ...operand, value: negative(operand.value) };
      }
      return { kind: "call", name: text, args: [operand], line };
    }
    return this.#withDots(this.#primary());
  }

  /** An expression with the calls, fields and keys behind it. */
  #withDots(node: Node): Node {
    for (;;) {
      const { line } = this.#token;
      if (this.#text === "[" && !this.#token.isSpaced) {
        this.#at++;
        const args = [node, ...this.#closed("]")];
        node = { kind: "call", name: "[]", args, line };
      } else if (this.#take(".")) {
        const token = this.#token;
        if (this.#take("(")) {
          const args = this.#closed(")");
          node = { kind: "call", target: node, name: "", args, line };
        } else if (this.#take("{")) {
          throw new InterpreterError(`Cannot parse line ${line}: .{`);
        } else {
          this.#at++;
          const name = "text" in token ? token.text : "";
          if (this.#text === "(" && !this.#token.isSpaced) {
            this.#at++;
            const args = this.#withBlock(this.#closed(")"));
            node = { kind: "call", target: node, name, args, line };
          } else {
            node = {
              kind: "call",
              target: node,
              name,
              args: [],
              line,
              isField: true,
            };
          }
        }
      } else return node;
    }
  }

  #primary(): Node {
    const token = this.#token;
    const { line } = token;
    this.#at++;
    switch (token.kind) {
      case "number": {
        const { value } = token;
        const given = typeof value === "number"
          ? value
          : floatOf((value as { float: number }).float);
        return { kind: "literal", value: given, line };
      }
      case "atom":
        return { kind: "literal", value: token.value, line };
      case "text":
        return this.#textOf(token.parts, token.use, line);
      case "alias":
        return { kind: "literal", value: atom(`Elixir.${token.text}`), line };
      case "name":
        return this.#named(token.text, line);
      case "operator":
        return this.#bracketed(token.text, line);
    }
    this.#at--;
    throw new InterpreterError(
      `Cannot parse line ${line}: unexpected ${JSON.stringify(token)}`,
    );
  }

  #textOf(parts: Part[], use: string, line: number): Node {
    const nodes = parts.map((each) =>
      typeof each === "string" ? each : parse(each.source, each.line)
    );
    if (use === "atom") {
      return { kind: "literal", value: atom(nodes.join("")), line };
    }
    return { kind: "text", parts: nodes, isCharlist: use === "charlist", line };
  }

  #bracketed(text: string, line: number): Node {
    switch (text) {
      case "(": {
        const node = this.#within(
          true,
          () => this.block(() => this.#text === ")"),
        );
        this.#expect(")");
        return node;
      }
      case "[": {
        const items = this.#closed("]");
        const last = items.at(-1);
        if (last?.kind === "call" && last.name === "|") {
          const [item, tail] = last.args;
          return {
            kind: "list",
            items: [...items.slice(0, -1), item],
            tail,
            line,
          };
        }
        if (last?.kind === "list" && last.isBare) {
          return {
            kind: "list",
            items: [...items.slice(0, -1), ...last.items],
            line,
          };
        }
        return { kind: "list", items, line };
      }
      case "{":
        return { kind: "tuple", items: this.#closed("}"), line };
      case "<<":
        return { kind: "bits", segments: this.#closed(">>"), line };
      case "%":
        return this.#map(line);
      case "@": {
        const token = this.#token;
        const name = this.#text;
        this.#at++;
        if (!this.#beginsArgument(token)) {
          return { kind: "attribute", name, line };
        }
        const args = this.#bareArguments();
        return { kind: "call", name: `@${name}`, args, line };
      }
    }
    throw new InterpreterError(`Cannot parse line ${line}: unexpected ${text}`);
  }

  #map(line: number): Node {
    const token = this.#token;
    let struct: Node | undefined;
    if (token.kind === "alias") struct = this.#primary();
    this.#expect("{");
    const base = this.#base();
    const pairs = this.#closed("}").flatMap((each): [Node, Node][] => {
      if (isKeywords(each) && each.isBare) {
        return each.items.map(({ items }) => pairOf(items));
      }
      if (each.kind === "call" && each.name === "=>") {
        return [pairOf(each.args)];
      }
      throw new InterpreterError(`Cannot parse line ${line}: a map of what`);
    });
    return { kind: "map", struct, base, pairs, line };
  }

  /** The map that `%{map | key: value}` updates. */
  #base(): Node | undefined {
    this.#skipLines();
    const start = this.#at;
    if (this.#text !== "}" && this.#key() === undefined) {
      const base = this.expression(POWERS.get("|")! + 1);
      if (this.#take("|")) return base;
    }
    this.#at = start;
    return undefined;
  }

  #named(name: string, line: number): Node {
    if (name in CONSTANTS) {
      return { kind: "literal", value: CONSTANTS[name], line };
    }
    if (name === "fn") {
      const node = this.#within(
        true,
        () => this.block(() => this.#text === "end"),
      );
      this.#expect("end");
      return { kind: "fn", clauses: clausesOf(node), line };
    }
    if (this.#text === "(" && !this.#tokens[this.#at - 1].isSpacedAfter) {
      this.#at++;
      const args = this.#withBlock(this.#closed(")"));
      return { kind: "call", name, args, line };
    }
    if (this.#beginsArgument(this.#tokens[this.#at - 1])) {
      const args = this.#withBlock(this.#bareArguments());
      return { kind: "call", name, args, line };
    }
    const args = this.#text === "do" && name !== "when"
      ? this.#withBlock([])
      : [];
    return args.length > 0
      ? { kind: "call", name, args, line }
      : { kind: "variable", name, line };
  }

  #bareArguments(): Node[] {
    return this.#within(false, () => this.#arguments(() => false));
  }

  /** Whether the token behind a name begins an argument without parentheses. */
  #beginsArgument(name: Token): boolean {
    const { kind } = this.#token;
    if (!name.isSpacedAfter) return false;
    if (kind === "name") {
      return !RESERVED.has(this.#text) && this.#text !== "not" ||
        this.#isNotPrefix();
    }
    if (kind === "operator") {
      if (["[", "{", "%", "@", "<<", "("].includes(this.#text)) return true;
      return ["-", "&", "^", "!"].includes(this.#text) &&
        !this.#token.isSpacedAfter;
    }
    return kind !== "line" && kind !== "end";
  }

  #isNotPrefix(): boolean {
    const next = this.#tokens[this.#at + 1];
    return this.#text === "not" && !("text" in next && next.text === "in");
  }

  /** Adds the sections of a `do` block that follows as a list of keys. */
  #withBlock(args: Node[]): Node[] {
    if (!this.#takesBlocks || this.#text !== "do") return args;
    const { line } = this.#token;
    this.#at++;
    const sections: Node[] = [];
    const isEnd = () => this.#text === "end" || SECTIONS.has(this.#text);
    for (let name = "do";;) {
      const key: Node = { kind: "literal", value: atom(name), line };
      const body = this.#within(true, () => this.block(isEnd));
      sections.push({ kind: "tuple", items: [key, body], line });
      if (this.#take("end")) break;
      name = this.#text;
      this.#at++;
    }
    const last = args.at(-1);
    const list: Node = { kind: "list", items: sections, line };
    return isKeywords(last) && last.isBare
      ? [...args.slice(0, -1), { ...list, items: [...last.items, ...sections] }]
      : [...args, list];
  }
}

/** A literal float: a whole one is an object, as elsewhere in the library. */
function floatOf(value: number): number | Float {
  return Number.isInteger(value) ? new Float(value) : value;
}

function negative(value: unknown): unknown {
  return value instanceof Float ? new Float(-value.value) : -Number(value);
}

function pairOf([key, value]: Node[]): [Node, Node] {
  return [key, value];
}

type Keywords = {
  kind: "list";
  items: { kind: "tuple"; items: Node[]; line: number }[];
  isBare?: boolean;
  line: number;
};

/** Whether a node is a list of pairs whose keys are atoms. */
export function isKeywords(node: Node | undefined): node is Keywords {
  return node?.kind === "list" && node.tail === undefined &&
    node.items.length > 0 &&
    node.items.every((each) =>
      each.kind === "tuple" && each.items.length === 2 &&
      each.items[0].kind === "literal"
    );
}

function blockOf(nodes: Node[]): Node {
  const items = nodes.flatMap((each) =>
    each.kind === "block" ? each.items : each
  );
  return { kind: "block", items, line: items[0].line };
}

export function clausesOf(node: Node): Clause[] {
  if (node.kind === "clauses") return node.clauses;
  throw new InterpreterError(
    `Cannot parse line ${node.line}: it has no clauses`,
  );
}
