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
const SYNTAX: [
  pattern: RegExp,
  says: (found: RegExpExecArray, scope: Scope) => string,
][] = [
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
    /~[a-zA-Z]["'`([{/|<]/,
    () => 'There are no sigils here: write "text", ["a", "b"] or /pattern/',
  ],
  [
    /(?<![\w$)\]"'`?:}]\s*):([a-z]\w*)\.(\w+)/,
    ([, module, name], scope) =>
      module in scope
        ? `Write ${module}.${name}(…) for :${module}.${name}(…)`
        : `Erlang's modules are not here; ${HELP}`,
  ],
  [
    /(?<![\w$)\]"'`?:}]\s*):([A-Za-z_][\w@]*[?!]?)/,
    ([, name]) => `Write "${name}" for the atom :${name}`,
  ],
  [
    /\{\s*:([A-Za-z_][\w@]*)/,
    ([, name]) => `Write "${name}" for the atom :${name}`,
  ],
  [
    /(?<![\w$)\]"'`?:}]\s*):""/,
    () => 'An atom is a text here: "kate@localhost" for :"kate@localhost"',
  ],
  [
    /\[([^[\]|]+)\|\s*(\w+)\s*\]\s*=/,
    ([, first, rest]) => `Write const [${first.trim()}, ...${rest}] = …`,
  ],
  [
    /^\s*\{([\w\s,]+)\}\s*=(?!=)/,
    ([, names]) => `Write const [${names.trim()}] = … for a tuple or an array`,
  ],
  [
    /^\s*(?:alias|use|import|require)\s+[A-Z]/,
    () =>
      'Load a module by import * as Kate from "./kate.ts"; those that h() lists are in scope',
  ],
  [/\b(?:and|or|not)\b/, () => "It is a && b, a || b and !a here"],
  [/\+\+/, () => "Lists are joined by [...a, ...b] for a ++ b"],
  [
    /\b\w+\.\.\w/,
    () =>
      "There are no ranges here: Array.from({ length: 3 }, (_, i) => i + 1)",
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
  [
    /^\s*\.(?:break|clear|editor|exit|help|load|save)\b/,
    () => `${HELP}; Ctrl-D leaves`,
  ],
  [/^\s*\?/, () => HELP],
  [
    /^\s*(var|let|const)\s+([A-Za-z_$][\w$]*)\s+[^\s=:,;]/,
    ([, kind, name]) => `A value comes after =: ${kind} ${name} = …`,
  ],
  [/^\s*export\b/, () => "Names at the prompt need no export"],
];

/** A text with Elixir's interpolation. */
const INTERPOLATION = /"(?:[^"\\\n]|\\.)*?#\{([^"{}\n]+)\}(?:[^"\\\n]|\\.)*"/;

/** A call without parentheses, as Elixir allows. */
const BARE_CALL = /^\s*([A-Za-z_$][\w$]*(?:\.\w+)*) +([^\s=(.].*?)\s*;?\s*$/;

const ATOMS = /(?<=^|[\s,([{]):(?:"([^"]*)"|([A-Za-z_][\w@]*))/g;

/** The number of parameters after the name of a function in Elixir: `Node.list/0`. */
const ARITY = /(?<=^[A-Za-z_][\w.]*[?!]?)\/\d+$/;

/** Names of Elixir and of other shells that do not exist here. */
const WORDS = new Map(Object.entries({
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
  hd: "The first item is list[0] here",
  tl: "The items after the first are list.slice(1) here",
  length: "The length is list.length here",
  elem: "An element of a tuple is tuple[0] here",
  div: "It is Math.trunc(a / b) here",
  rem: "It is a % b here",
  to_string: "It is String(value) here",
  to_charlist: "A text is a string here: there are no charlists",
  raise: "It is throw new Error(…) here",
  clear: "Ctrl-L clears the screen",
  print: 'It is IO.puts("hi") or console.log("hi") here',
  puts: 'It is IO.puts("hi") here',
  ...Object.fromEntries(
    ["cd", "deno", "git", "ls", "node", "npm", "npx", "pwd"].map((name) => [
      name,
      "Commands of the system go to another terminal; Ctrl-D leaves",
    ]),
  ),
}));

/** Elixir's tests of types, such as `is_pid`. */
const TYPE_TEST = /^is_[a-z]+$/;

/** Commands of iex that do not exist here, if they are called. */
const CALLED = new Map(Object.entries({
  b: "h(GenServer) lists the functions of a module; its page says which callbacks it takes",
  c: 'Load a file by import * as Kate from "./kate.ts", or start with --module Kate=./kate.ts',
  l: "r(Kate) loads the file of a module of --module again",
}));

/** Returns a hint for code that threw an error, if there is one. */
export function hintForError(
  error: unknown,
  source: string,
  scope: Scope,
): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, message } = error;
  const code = source.replace(TEXT, '""');
  if (name === "SyntaxError") {
    return hintForSyntax(code, scope) ?? hintForBareCall(source, scope);
  }
  if (name === "TypeError") return hintForPaths(code, scope);
  if (name !== "ReferenceError") return undefined;
  const [unknown = ""] =
    /[\w$]+(?= is not defined)|(?<=variable: )[\w$]+/.exec(message) ?? [];
  if (unknown === "" || unknown in scope) return undefined;
  if (isAssigned(unknown, code)) {
    return `Declare it first: const ${unknown} = …`;
  }
  // `h :erlang` parses: as a label, and a name.
  if (new RegExp(`^\\s*\\w+ +:${unknown}\\b`).test(code)) {
    return hintForSyntax(code.replace(/^\s*\w+/, ""), scope);
  }
  if (TYPE_TEST.test(unknown)) {
    return 'Types are tested by typeof x === "string", Array.isArray(x) or x instanceof Pid';
  }
  const called = code.includes(`${unknown}(`) ? CALLED.get(unknown) : undefined;
  return called ?? WORDS.get(unknown) ?? didYouMean(likeRoot(unknown, scope));
}

/** Whether code assigns to a name, as Elixir declares a variable. */
function isAssigned(name: string, code: string): boolean {
  const path = name.replaceAll("$", "\\$&");
  return new RegExp(`(?<![\\w$.])${path}\\s*=(?![=>])`).test(code);
}

/** Returns a hint for code that ran, but probably did not do what was meant, if there is one. */
export function hintForValue(
  value: unknown,
  source: string,
  scope: Scope,
): string | undefined {
  // `v -1` is a subtraction, and `i [1]` a property.
  if (value === undefined || Number.isNaN(value)) {
    const bare = hintForBareCall(source, scope);
    if (bare !== undefined) return bare;
  }
  const [, code] = INTERPOLATION.exec(source) ?? [];
  if (code !== undefined) {
    return `Values are put into texts in backticks here: \`\${${code}}\` for "#{${code}}"`;
  }
  const path = source.trim().replace(/;$/, "");
  if (!PATH.test(path)) return undefined;
  if (value === undefined) return hintForPaths(path, scope);
  if (typeof value !== "function" || isClass(value)) return undefined;
  const [root] = path.split(".");
  return root in scope
    ? `${path} is a function: ${path}(${value.length > 0 ? "…" : ""}) calls it`
    : undefined;
}

function hintForSyntax(code: string, scope: Scope): string | undefined {
  for (const [pattern, says] of SYNTAX) {
    const found = pattern.exec(code);
    if (found !== null) return says(found, scope);
  }
  return undefined;
}

/** Writes a call without parentheses as one with them, or says what replaces the function or its argument. */
function hintForBareCall(source: string, scope: Scope): string | undefined {
  const [, path, rest] = BARE_CALL.exec(source) ?? [];
  if (path === undefined) return undefined;
  if (!(path.split(".")[0] in scope)) {
    return CALLED.get(path) ?? WORDS.get(path);
  }
  if (typeof valueOf(path, scope) !== "function") return undefined;
  const given = rest.replace(ARITY, "").replace(
    ATOMS,
    (_, quoted, name) => JSON.stringify(quoted ?? name),
  ).replace(/%[\w.]*\{/g, "{");
  const [root] = given.split(".");
  if (PATH.test(given) && !(root in scope) && WORDS.has(root)) {
    return WORDS.get(root);
  }
  return `Arguments are in parentheses here: ${path}(${given})`;
}

/** Resolves a path without running getters. */
function valueOf(path: string, scope: Scope): unknown {
  const [root, ...rest] = path.split(".");
  let value = scope[root];
  for (const name of rest) {
    if (!isModule(value)) return undefined;
    value = memberOf(value, name);
  }
  return value;
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
