/** Hints for the syntax and names of Elixir and of other shells, and for misspelled names. */

import { nearName } from "@otp/processes/values/near_name";
import type { Scope } from "./evaluate.ts";

/** A dotted path of names in code, not part of a longer path. */
const PATHS = /(?<![\w$.])[A-Za-z_$][\w$]*(?:\s*\??\.\s*[A-Za-z_$][\w$]*)*/g;

const PATH = /^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*$/;

/** A text literal, in which names mean nothing. */
const TEXT = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g;

const HELP = "h() says what this shell can do";

/** Elixir's syntax, and its equivalent in TypeScript; the first match is shown. */
const SYNTAX: [pattern: RegExp, says: (found: RegExpExecArray) => string][] = [
  [
    /(?<![\w$.])([A-Za-z_$][\w$.]*)\?\s*(?:\(|$)/,
    ([, path]) =>
      `Names have no ? here: ${path.slice(path.lastIndexOf(".") + 1)}()`,
  ],
  [/\|>/, () => "There is no |> here: write g(f(x)) for x |> f() |> g()"],
  [
    /\bdefmodule\b|\bdefp?\s+\w/,
    () =>
      "Modules are files here: export functions from one, and load it by --module Name=./file.ts or import()",
  ],
  [
    /\bfn\b[^]*->/,
    () => "A function is (x) => x + 1 here, or async () => { … }",
  ],
  [
    /\breceive\s+do\b/,
    () =>
      'Messages are received by await receive(), or await receive((m) => m.type === "hi")',
  ],
  [
    /\b(?:case|cond|if|with|for)\b[^]*\bdo\b/,
    () => "Blocks are in braces here: if (a) { … } else { … }",
  ],
  [/%[\w.]*\{/, () => "A map is an object here: { a: 1 } for %{a: 1}"],
  [
    /(?<![\w$)\]"'`?:}]\s*):([A-Za-z_]\w*[?!]?)/,
    ([, name]) => `Write "${name}" for the atom :${name}`,
  ],
  [
    /\{\s*:([A-Za-z_]\w*)/,
    ([, name]) => `Write "${name}" for the atom :${name}`,
  ],
  [
    /&\d|&\w+[./]/,
    () =>
      "A function is (x) => x + 1 for &(&1 + 1), and IO.puts for &IO.puts/1",
  ],
  [/<>/, () => "Texts are joined by + here, or as in `${a}${b}`"],
  [
    /(?<![\w$.])[a-z]\w*\s+do\b/,
    () => "Blocks are in braces here: () => { … }",
  ],
  [/^\s*\.(?:exit|help)\b/, () => `${HELP}; Ctrl-D leaves`],
  [
    /(?<![\w$.])([A-Z]\w*(?:\.\w+)+) +(?:"|\w)/,
    ([, path]) => `Arguments are in parentheses here: ${path}(…)`,
  ],
];

/** Names of Elixir and of other shells that do not exist here. */
const WORDS: Record<string, string> = {
  nil: "undefined or null is nil here",
  Enum: "Arrays have map, filter, reduce and more: [1, 2].map((n) => n + 1)",
  Stream: "Arrays and iterators have map, filter, take and more",
  List: "Arrays have at, concat, flat and more",
  Keyword: "Options are an object here: { timeout: 5000 }",
  Kernel:
    "Its functions are in scope here, as spawn and send, or JavaScript's own",
  Logger:
    "The node's log is the log option of Node.start; console.log prints here",
  System: 'The process of the operating system is import("node:process")',
  IEx: HELP,
  help: HELP,
  quit: "Ctrl-D leaves",
  require: 'Load a module by import fs from "node:fs", or import()',
  Ecto: "Use a database's own library",
  and: "It is && here",
  or: "It is || here",
  not: "It is ! here",
};

/** Commands of iex that do not exist here, if they are called. */
const CALLED: Record<string, string> = {
  b: "h(GenServer) lists the functions of a module; its page says which callbacks it takes",
  c: 'Load a file by import * as Kate from "./kate.ts", or start with --module Kate=./kate.ts',
  l: "r(Kate) loads the file of a module of --module again",
};

/** Returns a hint for code that threw an error, if there is one. */
export function hintForError(
  error: unknown,
  source: string,
  scope: Scope,
): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, message } = error;
  const code = source.replace(TEXT, '""');
  if (name === "SyntaxError") return hintForSyntax(code);
  if (name === "TypeError") return hintForPaths(code, scope);
  if (name !== "ReferenceError") return undefined;
  const [unknown = ""] =
    /[\w$]+(?= is not defined)|(?<=variable: )[\w$]+/.exec(message) ?? [];
  if (unknown === "" || unknown in scope) return undefined;
  if (isAssigned(unknown, code)) {
    return `Declare it first: const ${unknown} = …`;
  }
  const called = code.includes(`${unknown}(`) ? CALLED[unknown] : undefined;
  return called ?? WORDS[unknown] ?? didYouMean(likeRoot(unknown, scope));
}

/** Whether code assigns to a name, as Elixir declares a variable. */
function isAssigned(name: string, code: string): boolean {
  const path = name.replaceAll("$", "\\$&");
  return new RegExp(`(?<![\\w$.])${path}\\s*=(?![=>])`).test(code);
}

/** Returns a hint for code whose value is a function, or `undefined`, if there is one. */
export function hintForValue(
  value: unknown,
  source: string,
  scope: Scope,
): string | undefined {
  const path = source.trim().replace(/;$/, "");
  if (!PATH.test(path)) return undefined;
  if (value === undefined) return hintForPaths(path, scope);
  if (typeof value !== "function" || isClass(value)) return undefined;
  const [root] = path.split(".");
  return root in scope
    ? `${path} is a function: ${path}(${value.length > 0 ? "…" : ""}) calls it`
    : undefined;
}

function hintForSyntax(code: string): string | undefined {
  for (const [pattern, says] of SYNTAX) {
    const found = pattern.exec(code);
    if (found !== null) return says(found);
  }
  return undefined;
}

/** Guesses the intention of a path that begins in scope and does not resolve. */
function hintForPaths(code: string, scope: Scope): string | undefined {
  for (const [found] of code.matchAll(PATHS)) {
    const [root, ...rest] = found.split(/\s*\??\.\s*/);
    let value: unknown = scope[root];
    let path = root;
    for (const name of rest) {
      if (!isModule(value)) break;
      if (!(name in value)) {
        const meant = didYouMean(likeMember(path, name, value, scope));
        if (meant !== undefined) return meant;
        break;
      }
      value = memberOf(value, name);
      path += `.${name}`;
    }
  }
  return undefined;
}

function didYouMean(name: string | undefined): string | undefined {
  return name === undefined ? undefined : `Did you mean ${name}?`;
}

function likeRoot(name: string, scope: Scope): string | undefined {
  const camel = camelCase(name);
  if (camel in scope) return camel;
  return memberOfAny(camel, scope) ?? nearName(name, Object.keys(scope));
}

function likeMember(
  path: string,
  name: string,
  module: object,
  scope: Scope,
): string | undefined {
  const camel = camelCase(name);
  if (camel in module) return `${path}.${camel}`;
  if (path + name in scope) return path + name;
  if (camel in scope) return camel;
  const elsewhere = memberOfAny(camel, scope);
  if (elsewhere !== undefined) return elsewhere;
  const near = nearName(name, Object.getOwnPropertyNames(module));
  return near === undefined ? undefined : `${path}.${near}`;
}

/** Finds the first module in scope with a function called `name`; returns the function's path. */
function memberOfAny(name: string, scope: Scope): string | undefined {
  // Search `Process` first: most of Elixir's functions without a module act on processes.
  const modules = Object.keys(scope).filter((module) => module !== "Process");
  for (const module of ["Process", ...modules]) {
    const value = scope[module];
    if (isModule(value) && typeof memberOf(value, name) === "function") {
      return `${module}.${name}`;
    }
  }
  return undefined;
}

/** Returns a property without running a getter. */
export function memberOf(module: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(module, name)?.value;
}

export function isModule(value: unknown): value is object {
  return typeof value === "object" && value !== null || isClass(value);
}

export function isClass(value: unknown): boolean {
  return typeof value === "function" && /^class\b/.test(String(value));
}

function camelCase(name: string): string {
  return name.replace(/(?<=\w)_+([a-z0-9])/g, (_, next) => next.toUpperCase());
}
