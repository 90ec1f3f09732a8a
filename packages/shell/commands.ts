/**
 * The commands of a shell, in scope besides the library: `i`, `v`, `pid`, `frames`, and the commands of module_commands.ts,
 * observe_commands.ts and entity_commands.ts.
 */

import { Pid, Process, type ProcessInfo, Ref } from "@otp/processes/process";
import { currentRuntime } from "@otp/processes/runtime/current_process";
import { inspect, printable } from "@otp/processes/values/inspect";
import { isClass } from "./cli/hints.ts";
import { formatThrown } from "./cli/report.ts";
import { pidOf, printedPid } from "@otp/processes/values/pid";
import { Atom } from "@otp/processes/values/atom";
import { Bitstring } from "@otp/processes/values/bitstring";
import { Float } from "@otp/processes/values/float";
import {
  ExternalFunction,
  LocalFunction,
} from "@otp/processes/values/functions";
import { ImproperList } from "@otp/processes/values/improper_list";
import { Port } from "@otp/processes/values/port";
import { Tuple } from "@otp/processes/values/tuple";
import { Observer } from "@otp/observe/observer";
import {
  cancelRun,
  entities,
  entity,
  release,
  retryRun,
  runs,
} from "./entity_commands.ts";
import {
  makeModuleCommands,
  type ReloadableModules,
} from "./module_commands.ts";
import { top, trace, tree } from "./observe_commands.ts";
import { type PRINTED, printed } from "./printed.ts";
import type { LineValues } from "./line_values.ts";

/** Makes the commands, for the values of earlier lines and the modules that can be loaded again. */
export function makeCommands(
  values: LineValues,
  modules: ReloadableModules,
): Record<string, unknown> {
  function v(line: number = -1): unknown {
    if (!Number.isInteger(line)) {
      throw new TypeError(
        `Cannot tell the value of line ${
          inspect(line)
        }: give its number, as in v(3), or v(-1) for the last`,
      );
    }
    return values.at(line);
  }
  async function frames(): Promise<typeof PRINTED> {
    return await printed(
      values.error === undefined
        ? "No line has failed yet"
        : formatThrown(values.error, true),
    );
  }
  const { exports, r, recompile } = makeModuleCommands(modules);
  return {
    ...{ entities, entity, exports, frames, i, Observer, pid, r, recompile },
    ...{ cancelRun, release, retryRun, runs, top, trace, tree, v },
  };
}

async function i(value: unknown): Promise<typeof PRINTED> {
  const rows = await about(value);
  return await printed(
    rows.map(([what, text]) => `${what}\n  ${text.replaceAll("\n", "\n  ")}`)
      .join("\n"),
  );
}

type Row = [what: string, text: string];

async function about(value: unknown): Promise<Row[]> {
  const rows: Row[] = [["Value", inspect(value)], ["Type", typeOf(value)]];
  if (value instanceof Pid) rows.push(...await aboutProcess(value));
  else if (value instanceof Ref) rows.push(["Node", value.node]);
  else if (
    typeof value === "string" || Array.isArray(value) || value instanceof Tuple
  ) {
    rows.push(["Length", String(value.length)]);
  } else if (value instanceof Map || value instanceof Set) {
    rows.push(["Size", String(value.size)]);
  } else if (typeof value === "function") {
    rows.push(["Parameters", String(value.length)], [
      "Help",
      "h(…) says what it does",
    ]);
  } else if (value instanceof Error) {
    rows.push(["Message", printable(String(value.message))]);
  } else if (typeof value === "object" && value !== null) {
    rows.push(["Keys", Object.keys(value).map(printable).join(", ") || "none"]);
  }
  return rows;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (value instanceof Pid) return "a pid: the address of a process";
  if (value instanceof Ref) return "a reference";
  if (value instanceof Atom) return "an atom";
  if (value instanceof Tuple) return "a tuple";
  if (value instanceof ImproperList) return "an improper list";
  if (value instanceof Float) return "a float that is whole";
  if (value instanceof Bitstring) return "a bitstring";
  if (value instanceof ExternalFunction || value instanceof LocalFunction) {
    return "a function of Erlang or Elixir";
  }
  if (value instanceof Port) return "a port of an Erlang node";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "function") {
    return isClass(value) ? "a class" : "a function";
  }
  if (typeof value === "number") {
    return Number.isInteger(value) ? "number (an integer)" : "number";
  }
  if (typeof value !== "object") return typeof value;
  const { constructor } = Object.getPrototypeOf(value) ?? {};
  const name = typeof constructor === "function" ? constructor.name : "Object";
  return name === "Object" ? "an object" : `an object of ${printable(name)}`;
}

async function aboutProcess(pid: Pid): Promise<Row[]> {
  const rows: Row[] = [["Node", pid.node]];
  let found: ProcessInfo | undefined;
  try {
    found = await Process.info(pid, { remote: true });
  } catch (error) {
    return [...rows, ["Process", printable((error as Error).message)]];
  }
  if (found === undefined) return [...rows, ["Alive", "false"]];
  return [
    ...rows,
    ["Alive", "true"],
    ["Name", found.registeredName ?? "not registered"],
    ["Runs", callOf(found)],
    ["Messages", String(found.messageQueueLen)],
    ["Links", inspect(found.links)],
    ["Monitors", inspect(found.monitors)],
    ["Monitored by", inspect(found.monitoredBy)],
  ];
}

/**
 * The pid with its printed numbers: `pid("0.105.0")`, `pid(0, 105, 0)` or
 * `pid("#PID<0.105.0>")`.
 */
function pid(first: string | number, number?: number, last?: number): Pid {
  const text = typeof first === "string" && number === undefined
    ? first
    : `${first}.${number}.${last}`;
  const [, node, id, serial] =
    /^\s*(?:#PID)?<?(\d{1,9})\.(\d{1,10})\.(\d{1,10})>?\s*$/.exec(text) ??
      [];
  if (node === undefined) {
    throw new TypeError(
      `Cannot make a pid of ${
        inspect(number === undefined ? first : text)
      }: give what is printed of one, as in pid("0.105.0") or pid(0, 105, 0)`,
    );
  }
  if (Number(node) === 0) {
    const runtime = currentRuntime();
    return pidOf(runtime.node, Number(id), Number(serial), runtime.creation);
  }
  const found = printedPid(Number(node), Number(id), Number(serial));
  if (found !== undefined) return found;
  throw new RangeError(
    `Cannot make a pid of ${
      inspect(text)
    }: no pid of a node with the number ${node} has been printed here`,
  );
}

function callOf({ label, initialCall }: ProcessInfo): string {
  return label === undefined
    ? initialCall ?? "a function"
    : typeof label === "string"
    ? label
    : inspect(label);
}
