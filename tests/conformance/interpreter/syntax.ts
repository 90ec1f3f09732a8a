/** The syntax tree of the Elixir that scenarios use: `parser.ts` makes it, `evaluator.ts` runs it. */

/** An expression, with the line on which it begins. */
export type Node =
  & { line: number }
  & (
    | { kind: "literal"; value: unknown }
    | { kind: "text"; parts: (string | Node)[]; isCharlist: boolean }
    | { kind: "variable"; name: string }
    | { kind: "attribute"; name: string }
    /** A list; `isBare` are keys without brackets, at the end of arguments. */
    | { kind: "list"; items: Node[]; tail?: Node; isBare?: boolean }
    | { kind: "tuple"; items: Node[] }
    | { kind: "map"; struct?: Node; base?: Node; pairs: [Node, Node][] }
    | { kind: "bits"; segments: Node[] }
    | { kind: "block"; items: Node[] }
    | { kind: "fn"; clauses: Clause[] }
    /** The clauses of a `do` block. */
    | { kind: "clauses"; clauses: Clause[] }
    /** The place `&1` of a capture. */
    | { kind: "place"; index: number }
    | Call
  );

/** A call: `name(args)`, `target.name(args)`, `target.(args)`, or an operator. */
export interface Call {
  kind: "call";
  target?: Node;
  /** Empty in `target.(args)`. */
  name: string;
  args: Node[];
  /** Whether it is written as a field: `target.name`. */
  isField?: boolean;
}

/** `patterns when guard -> body`. */
export interface Clause {
  patterns: Node[];
  guard?: Node;
  body: Node;
}

/** An error of the interpreter itself, not of a scenario; a trace has its text. */
export class InterpreterError extends Error {}
