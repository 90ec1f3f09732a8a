/** The notation of terms in a trace; `elixir/support.ex` writes the same. */

import { IoError, RpcError } from "../../errors.ts";
import { Pid, Ref } from "../../process.ts";
import { Atom } from "../../runtime/values/atom.ts";
import { Task } from "../../task.ts";

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

/** Modules with a different spelling in Elixir. */
const MODULES: Record<string, string> = { TaskSupervisor: "Task.Supervisor" };

/** Texts that look like other terms: nothing, a number, a boolean, `nil`. */
const AMBIGUOUS = /^(-?\d+(\.\d+)?|true|false|nil)?$/;

/** Writes the lines of one trace: it numbers pids and references by appearance. */
export class Notation {
  readonly #numbers = { P: new Map<string, number>(), R: new Map() };

  /** The text of a line. */
  line(line: Line): string {
    return "term" in line
      ? `${line.label}: ${this.show(line.term)}`
      : line.label;
  }

  /** The text of a term. */
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
    if (term instanceof Set) return `[${this.#join([...term])}]`;
    if (term instanceof Map) return this.#map([...term]);
    return this.#object(term as Record<string, unknown>);
  }

  #object(term: Record<string, unknown>): string {
    const { type, ...rest } = term;
    if (typeof type !== "string") {
      const keys = Object.keys(term);
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
    if (type === "call" && Array.isArray(rest.call)) {
      const call = rest.call as [string, string, unknown[]];
      return `call(${this.show(rest.reason)}, ${
        this.#asked(...call) ?? this.#call(...call)
      })`;
    }
    const values = Object.values(rest);
    return values.length === 0 ? `{${type}}` : `${type}(${this.#join(values)})`;
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

  #join(terms: unknown[]): string {
    return terms.map((each) => this.show(each)).join(", ");
  }

  /** An error whose cause is a reason of OTP's is shown as that reason. */
  #raised(error: Error): string {
    const { cause } = error;
    return isTyped(cause) ? `raised(${this.show(cause)})` : raised(error);
  }

  #numbered(kind: "P" | "R", { node, number, creation }: Pid | Ref): string {
    const known = this.#numbers[kind];
    const key = `${node} ${number} ${creation}`;
    if (!known.has(key)) known.set(key, known.size + 1);
    return `#${kind}${known.get(key)}`;
  }
}

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
  return /^[a-z][\w-]*@[\w.-]+$/.test(value)
    ? value.slice(0, value.indexOf("@"))
    : value.replaceAll("\n", "\\n");
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
