/** The notation of terms in a trace; `elixir/support.ex` writes the same. */

import { IoError, RpcError } from "../../packages/processes/errors.ts";
import { Pid, Ref } from "../../packages/processes/process.ts";
import { Atom, atom } from "../../packages/processes/values/atom.ts";
import { termKey } from "../../packages/processes/values/term_key.ts";
import { Tuple } from "../../packages/processes/values/tuple.ts";
import { Task } from "../../packages/servers/task/task.ts";

/** A line of a trace: a text, and optionally a term. */
export interface Line {
  label: string;
  term?: unknown;
}

/** The error, exit or throw of a function, from {@linkcode attempt}. */
export interface Raised {
  type: "$raised";
  error: Error;
}

/** Classes that correspond to one of Elixir's; any other is written by its name. */
const CLASSES: Record<string, string> = {
  TypeError: "ArgumentError",
  RangeError: "ArgumentError",
  NoProcessError: "ArgumentError",
};

/** Modules with a different encoding in Elixir. */
const MODULES: Record<string, string> = { TaskSupervisor: "Task.Supervisor" };

/** Texts that look like other terms: nothing, a number, a boolean, `nil`. */
const AMBIGUOUS = /^(-?\d+(\.\d+)?|true|false|nil)?$/;

/**
 * A line as the node on which it was traced writes it, for the main node, which numbers the pids and references: texts,
 * pids and references, one behind the other. So each side writes its own terms, whatever the language of the other.
 */
export type Parts = (string | Pid | Ref)[];

/** Separates the places of pids and references from the text around them. */
const PLACE = "\u0000";

/** Writes a line, but for the numbers of its pids and references. */
export function partsOf(line: Line): Parts {
  const found: (Pid | Ref)[] = [];
  const place = (term: Pid | Ref) => `${PLACE}${found.push(term) - 1}${PLACE}`;
  const texts = new Notation(place).line(line).split(PLACE);
  return texts.map((text, at) => at % 2 === 0 ? text : found[Number(text)]);
}

/** Writes the lines of one trace: it numbers pids and references by appearance. */
export class Notation {
  readonly #numbers = { P: new Map<unknown, number>(), R: new Map() };
  readonly #place: ((term: Pid | Ref) => string) | undefined;

  /** With `place`, that writes pids and references instead. */
  constructor(place?: (term: Pid | Ref) => string) {
    this.#place = place;
  }

  /** The text of a line that another node has written. */
  join(parts: Parts): string {
    return parts.map((part) =>
      typeof part === "string" ? part : this.show(part)
    )
      .join("");
  }

  line(line: Line): string {
    return "term" in line
      ? `${line.label}: ${this.show(line.term)}`
      : line.label;
  }

  show(term: unknown): string {
    if (term === undefined || term === null) return "nil";
    // A text that reads as another kind of term is quoted.
    if (typeof term === "string" && AMBIGUOUS.test(term)) return `"${term}"`;
    if (typeof term === "string") return text(term);
    if (term === Infinity) return "infinity";
    if (typeof term === "function") return "#Function";
    if (typeof term !== "object") return String(term);
    if (term instanceof Pid) return this.#numbered("P", term);
    if (term instanceof Ref) return this.#numbered("R", term);
    if (term instanceof Atom) return text(term.name);
    if (term instanceof Error) return this.#raised(term);
    if (term instanceof Task) return "#Task";
    if (Array.isArray(term)) return `[${this.#join(term)}]`;
    if (term instanceof Tuple) return this.#tuple(term.elements);
    if (term instanceof Set) return `[${this.#join([...term])}]`;
    if (term instanceof Map) return this.#map([...term]);
    return this.#object(term as Record<string, unknown>);
  }

  #object(term: Record<string, unknown>): string {
    const { type, ...rest } = term;
    if (typeof type !== "string") {
      const keys = Object.keys(term);
      // The copy of a task in a reason.
      if ("owner" in term && "ref" in term) return "#Task";
      if (keys.length === 1 && "global" in term) {
        return `global(${this.show(term.global)})`;
      }
      return keys.length === 2 && "name" in term && "node" in term
        ? `{${this.#join([term.name, term.node])}}`
        : this.#map(
          Object.entries(term).map(([key, value]) => [snake(key), value]),
        );
    }
    if (type === "$raised") return this.#raised(rest.error as Error);
    // The reason of an Elixir process that exits with a binary.
    if (type === "binary" && typeof rest.text === "string") {
      return this.show(rest.text);
    }
    if (type === "call" && Array.isArray(rest.call)) {
      const call = rest.call as [string, string, unknown[]];
      return `call(${this.show(rest.reason)}, ${
        this.#asked(...call) ?? this.#call(...call)
      })`;
    }
    const values = Object.values(rest);
    return values.length === 0 ? `{${type}}` : `${type}(${this.#join(values)})`;
  }

  #tuple(elements: readonly unknown[]): string {
    const [first, second] = elements;
    if (elements.length === 2) {
      if (first instanceof Ref) return `reply(${this.#join(elements)})`;
      if (isNode(second) && first instanceof Atom && !TAGS.has(first.name)) {
        return `{${this.#join(elements)}}`;
      }
    }
    if (elements.length === 2 && isCall(second)) {
      const [module, fn, args] = second.elements;
      return `call(${this.show(first)}, ${this.show(module)}.${fn}(${
        this.#join(args as unknown[])
      }))`;
    }
    if (elements.length === 2 && isStack(second)) return this.#failure(first);
    if (!(first instanceof Atom)) return `{${this.#join(elements)}}`;
    // What OTP's DOWN has, and ours has not: the kind of the monitored object.
    const rest = first.name === "DOWN" && elements.length === 5
      ? elements.toSpliced(2, 1).slice(1)
      : elements.slice(1);
    return rest.length === 0
      ? `{${this.show(first)}}`
      : `${this.show(first)}(${this.#join(rest)})`;
  }

  /** The reason of an Elixir process that has failed, of which the stack is not compared. */
  #failure(reason: unknown): string {
    if (reason instanceof Error) return this.#raised(reason);
    if (reason instanceof Map && reason.get(atom("__exception__")) === true) {
      const name = text(String(reason.get(atom("__struct__"))));
      return ["FunctionClauseError"].includes(name)
        ? "raised(ArgumentError)"
        : `raised(${name})`;
    }
    return reason instanceof Atom && BAD_ARGUMENTS.has(reason.name)
      ? "raised(ArgumentError)"
      : `raised(${this.show(reason)})`;
  }

  #call(module: string, fn: string, args: unknown[]): string {
    return `${MODULES[module] ?? module}.${snake(fn)}(${this.#join(args)})`;
  }

  /** A call of a function that calls a server: Elixir reports the inner call. */
  #asked(module: string, fn: string, args: unknown[]): string | undefined {
    const [server, ...rest] = args.map((arg) => this.show(arg));
    switch (module) {
      case "Agent":
        return `GenServer.call(${server}, ${snake(fn)}(#Function), ${rest[1]})`;
      case "DynamicSupervisor":
      case "Supervisor": {
        const asked = rest.length > 0 ? `(${rest.join(", ")})` : "";
        return `GenServer.call(${server}, ${snake(fn)}${asked}, infinity)`;
      }
    }
    return undefined;
  }

  #map(entries: [unknown, unknown][]): string {
    const shown = entries.map(([key, value]) =>
      `${this.show(key)}: ${this.show(value)}`
    );
    return `%{${shown.sort().join(", ")}}`;
  }

  #join(terms: readonly unknown[]): string {
    return terms.map((each) => this.show(each)).join(", ");
  }

  /** An error whose cause is a reason of OTP's is shown as that reason. */
  #raised(error: Error): string {
    const { cause } = error;
    return isTyped(cause) ? `raised(${this.show(cause)})` : raised(error);
  }

  #numbered(kind: "P" | "R", term: Pid | Ref): string {
    if (this.#place !== undefined) return this.#place(term);
    const known = this.#numbers[kind];
    const key = termKey(term);
    if (!known.has(key)) known.set(key, known.size + 1);
    return `#${kind}${known.get(key)}`;
  }
}

/** The tags of pairs that are not a name on a node, whatever their second element is. */
const TAGS: ReadonlySet<string> = new Set([
  "ok",
  "error",
  "exit",
  "throw",
  "nodeup",
  "nodedown",
  "shutdown",
  "badrpc",
  "noreply",
  "reply",
]);

const BAD_ARGUMENTS: ReadonlySet<string> = new Set([
  "badarg",
  "noproc",
  "notalive",
]);

/** Whether a term is a call: `{Module, Function, Args}`. */
function isCall(term: unknown): term is Tuple {
  return term instanceof Tuple && term.length === 3 &&
    term.elements[0] instanceof Atom && term.elements[1] instanceof Atom &&
    Array.isArray(term.elements[2]);
}

/** Whether a term is a stack of calls: `{Module, Function, Arity, Location}` each. */
function isStack(term: unknown): boolean {
  const [first] = Array.isArray(term) ? term : [];
  return first instanceof Tuple && first.length === 4 &&
    first.elements[0] instanceof Atom && first.elements[1] instanceof Atom &&
    Array.isArray(first.elements[3]);
}

function isNode(term: unknown): boolean {
  return term instanceof Atom && NODE_NAME.test(term.name);
}

const NODE_NAME = /^[a-z][\w-]*@[\w.-]+$/;

function isTyped(cause: unknown): boolean {
  return typeof cause === "object" && cause !== null && "type" in cause;
}

/** Messages of the library's own errors are not compared; those of the scenarios are. */
function raised(error: Error): string {
  if (error.name === "Error") return `raised(${error.message})`;
  if (error.name === "UndefinedFunctionError") return "raised(undef)";
  if (error instanceof RpcError) return `raised(erpc(${error.code}))`;
  if (error instanceof IoError) return `raised(${String(error.reason)})`;
  return `raised(${CLASSES[error.name] ?? error.name})`;
}

function text(value: string): string {
  // An atom that is a module of Elixir's.
  if (value.startsWith("Elixir.")) return value.slice("Elixir.".length);
  return NODE_NAME.test(value)
    ? value.slice(0, value.indexOf("@"))
    : value.replaceAll("\n", "\\n");
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
