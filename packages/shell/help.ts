/** The shell's `h`: shows the documentation of a function, from its doc comment. */

import { readFileSync } from "node:fs";
import type { Scope } from "./cli/evaluate.ts";
import { isModule, memberOf } from "./cli/hints.ts";
import { inspect, printable } from "@otp/processes/values/inspect";
import { type Doc, docsOf, moduleTextOf } from "./doc_comments.ts";
import { HELP } from "./help_table.ts";
import type { LineValues } from "./line_values.ts";
import { type PRINTED, printed } from "./printed.ts";

/** The files of modules, by the modules' names in scope. */
export type Sources = Record<string, string | URL>;

const OF_THE_SHELL =
  `TypeScript and JavaScript, with await and import; declarations persist. Types are not checked: deno check does that.

  _              the last value
  v(3), v(-1)    the value of line 3, and the last
  h(fn)          shows the documentation of a function: h(Node.spawnLink), h("Node.spawnLink")
  h(Node)        shows the documentation of a module or class, and lists its functions
  exports(Node)  the functions of a module, with their numbers of parameters
  frames()       the last error again, with its positions in the library
  i(value)       describes a value; for a pid, also the process
  pid("0.105.0") the pid that is printed as #PID<0.105.0>
  top()          the processes with the most messages; top("rate"), top("memory") sort by another key
  tree()         the supervision trees, with restarts
  trace(pid)     the messages that a process receives and sends
  entities()     the types of entities, the owners of their shards, and parked keys
  entity(type, key)   where an entity is, and its state
  release(type, key)  lets a parked entity start again
  runs(type, key)     the runs of its durable methods; cancelRun and retryRun take the id too
  r(Kate)        loads the file of --module Kate=… again; recompile() loads those of all modules
  break          alone on a line, abandons incomplete input
  Tab            completes a name
  Ctrl-R         searches the last line that contains what is typed; again, the one before it
  Ctrl-C         clears the line, or interrupts waiting code; twice, ends code that never yields
  Ctrl-D         leaves, like Ctrl-C twice on an empty line`;

/** The commands of the shell, which `commands.ts` makes: the texts by their signatures. */
const COMMANDS: Record<string, string> = {
  "exports(module: object | string)":
    "Prints the functions of a module, with their numbers of parameters.",
  "frames()":
    "Prints the last error again, with the positions in the library's files that it passed.",
  "r(module: object | string)":
    "Loads the file of a module of --module again, for this shell and for other nodes. The files that it imports are not loaded again, and running processes keep their functions.",
  "recompile()":
    "Loads the files of all modules again, the program's own too, as r does.",
  "i(value: unknown)":
    "Describes a value. For a pid, also describes the process, which it requests from its node.",
  "v(line: number = -1): unknown":
    "The value of a line, by the number of its prompt; v(-1) and v() are the last. 20 are kept.",
  "pid(text: string): Pid":
    'The pid with these numbers: pid("0.105.0") is #PID<0.105.0>.',
  "pid(node: number, process: number, last: 0): Pid":
    "As above, with the numbers: pid(0, 105, 0).",
  'top(by: "messages" | "memory" | "rate" | "links" | "started" = "messages", options: { node?: string } = {})':
    "Shows the ten processes of the node with the greatest values of a key, and the messages that each received per second. Another node must allow it: --allow-observe.",
  "tree(options: { node?: string } = {})":
    "Shows the supervision trees of the node, with the restarts of each child. Another node must allow it: --allow-observe.",
  "entities(options: { node?: string } = {})":
    "Shows the types of the node's entities, the owners of their shards, and the parked keys. Another node must allow it: --allow-observe.",
  "entity(type: string, key: string, options: { node?: string } = {})":
    "Shows the owner of an entity and its state: in memory, or else in the store. Another node must allow it: --allow-observe.",
  'release(type: string, key: string): Promise<"ok" | "not_parked">':
    "Lets an entity that has crashed too often start again, on whichever node of the cluster it is parked.",
  "runs(type: string, key: string)":
    "Shows the runs of an entity's durable methods: their states, steps and last errors. This node must host or call the type.",
  'cancelRun(type: string, key: string, id: string): Promise<"ok" | "not_open">':
    "Ends a run of a durable method: its steps get an abort.",
  'retryRun(type: string, key: string, id: string): Promise<"ok" | "not_failed">':
    "Has a run go on that has failed, is parked, or waits to try a step again.",
  "trace(pid: Pid, options: { limit?: number; timeout?: number } = {})":
    "Prints the messages that a process receives and sends, 100 messages and 60,000 ms at most. Another node must allow it: --allow-observe.",
};

const OF_COMMANDS = Map.groupBy(
  Object.entries(COMMANDS),
  ([signature]) => signature.slice(0, signature.indexOf("(")),
);

/** The documentation that a shell has. */
export interface Documented {
  /** The library's names, of which `help_table.ts` has the documentation. */
  library: Scope;
  sources: Sources;
}

export function makeHelp(
  scope: Scope,
  documented: Documented,
  values: LineValues,
): (about?: unknown) => Promise<typeof PRINTED> {
  return async function h(about?: unknown): Promise<typeof PRINTED> {
    const text = helpFor(about, arguments.length, scope, documented);
    return await printed(
      text.split("\n").map((line) => wrapped(line, values.width)).join("\n"),
    );
  };
}

/** Breaks a line between words; the next lines begin below the words, or below the second column of two. */
function wrapped(line: string, width: number): string {
  const [first] = /^ *(?:\S.*? {2,})?/.exec(line)!;
  const indent = first.length < width / 2 ? first.length : 2;
  const lines: string[] = [];
  for (let rest = line, from = 0;; from = indent) {
    const end = rest.lastIndexOf(" ", width);
    if (rest.length <= width || end <= from) {
      // A word that is longer than a line stays whole.
      lines.push(rest);
      return lines.join("\n");
    }
    lines.push(rest.slice(0, end));
    rest = " ".repeat(indent) + rest.slice(end + 1);
  }
}

function helpFor(
  about: unknown,
  given: number,
  scope: Scope,
  { library, sources }: Documented,
): string {
  if (given === 0) {
    const names = Object.keys(scope).sort().map(printable).join(", ");
    return `${OF_THE_SHELL}\n\nIn scope: ${names}`;
  }
  const path = typeof about === "string" ? about : pathOf(about, scope);
  if (path === undefined) {
    return `Nothing is known of ${
      inspect(about)
    }; h(fn) takes a function in scope, as in h(Node.spawnLink)`;
  }
  const [module, name] = path.split(".");
  const { text, docs } = docsFor(module, sources);
  if (name === undefined && isModule(scope[module])) {
    return contents(module, scope[module], text, docs);
  }
  const found = name === undefined
    ? HELP[nameIn(library, scope[module]) ?? ""] ??
      OF_COMMANDS.get(module)?.map(([signature, text]) => ({ signature, text }))
    : docs[name];
  if (found !== undefined) {
    return found.map((doc) => show(path, doc)).join("\n\n");
  }
  return `There is no documentation of ${printable(path)}; h(${
    module in scope && name !== undefined ? printable(module) : ""
  }) lists what there is`;
}

/** The name under which the library exports a value; code can use that name for another value. */
function nameIn(library: Scope, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return Object.entries(library).find(([, each]) => each === value)?.[0];
}

/** The documentation of a module, and of its functions by name. */
function docsFor(
  module: string,
  sources: Sources,
): { text: string; docs: Record<string, Doc[]> } {
  const docs: Record<string, Doc[]> = Object.create(null);
  for (const [key, value] of Object.entries(HELP)) {
    const [of, name] = key.split(".");
    if (of === module && name !== undefined) docs[name] = value;
  }
  const text = Object.hasOwn(HELP, module) ? HELP[module][0].text : "";
  if (!Object.hasOwn(sources, module)) return { text, docs };
  try {
    const source = readFileSync(sources[module], "utf8");
    return {
      text: moduleTextOf(source, module),
      docs: { ...docs, ...docsOf(source) },
    };
  } catch {
    return { text, docs };
  }
}

function contents(
  module: string,
  value: object,
  text: string,
  docs: Record<string, Doc[]>,
): string {
  const names = Object.getOwnPropertyNames(value).filter((name) =>
    !name.startsWith("_") && typeof memberOf(value, name) === "function"
  ).sort();
  const width = Math.max(0, ...names.map((name) => name.length)) + 2;
  const lines = names.map((name) => {
    const [summary] = docs[name]?.[0].text.split(/(?<=\.)\s|\n\n/) ?? [];
    return `  ${printable(name).padEnd(width)}${
      printable((summary ?? "").replaceAll("\n", " "))
    }`.trimEnd();
  });
  const about = text === "" ? [] : ["", indented(text), ""];
  return [printable(module), ...about, ...lines].join("\n");
}

/** The name of a value for code in the scope. */
function pathOf(value: unknown, scope: Scope): string | undefined {
  if (!isModule(value) && typeof value !== "function") return undefined;
  for (const [name, each] of Object.entries(scope)) {
    if (!isModule(each)) continue;
    if (each === value) return name;
    for (const key of Object.getOwnPropertyNames(each)) {
      if (memberOf(each, key) === value) return `${name}.${key}`;
    }
  }
  return Object.keys(scope).find((name) => scope[name] === value);
}

function show(path: string, { signature, text }: Doc): string {
  const prefix = path.includes(".") ? `${path.split(".")[0]}.` : "";
  return `${printable(prefix + signature)}\n\n${indented(text)}`;
}

function indented(text: string): string {
  return text.split("\n").map((line) => `  ${printable(line)}`.trimEnd())
    .join("\n");
}
