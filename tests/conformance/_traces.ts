/**
 * The committed traces of Elixir: one file for each area, `traces/AREA.txt`.
 *
 * A scenario's name is a line of its own; the lines of its trace follow, indented.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Area } from "./_load.ts";
import { SideError, type Trace, type Traces } from "./_runner.ts";

const FOLDER = fileURLToPath(new URL("./traces/", import.meta.url));
const HEAD =
  "# Elixir's traces, written by `deno task conformance --record`. Do not edit.\n";
const INDENT = "    ";

/** Formats traces as the text of a file. */
export function formatTraces(traces: readonly Trace[]): string {
  const parts = traces.map(({ name, lines }) =>
    `\n${name}\n${lines.map((line) => `${INDENT}${line}\n`).join("")}`
  );
  return HEAD + parts.join("");
}

/** Parses the text of a file. */
export function parseTraces(text: string): Trace[] {
  const traces: Trace[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith(INDENT)) {
      const trace = traces.at(-1);
      if (trace === undefined) {
        throw new SideError(
          `Cannot read the traces: "${line}" is before the first scenario`,
        );
      }
      trace.lines.push(line.slice(INDENT.length));
    } else if (line !== "" && !line.startsWith("#")) {
      traces.push({ name: line, lines: [], ms: 0 });
    }
  }
  return traces;
}

function fileOf(area: string): string {
  return join(FOLDER, `${area}.txt`);
}

/** Reads the committed traces of some areas, in the order of the files. */
export function readTraces(areas: readonly string[]): Traces {
  const traces: Traces = new Map();
  for (const area of areas) {
    for (const trace of parseTraces(readIfThere(fileOf(area)))) {
      traces.set(trace.name, trace);
    }
  }
  return traces;
}

function readIfThere(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Returns the areas that have committed traces. */
export function recordedAreas(): string[] {
  return [...Deno.readDirSync(FOLDER)]
    .map(({ name }) => name.replace(/\.txt$/, ""))
    .sort();
}

/**
 * Writes the traces of an area. Scenarios that did not run keep their traces; removed scenarios lose
 * theirs.
 */
export function writeTraces({ name, scenarios }: Area, recorded: Traces): void {
  const before = readTraces([name]);
  const traces = scenarios.flatMap(({ name }) =>
    recorded.get(name) ?? before.get(name) ?? []
  );
  const text = formatTraces(traces);
  const lines = (all: readonly Trace[]) =>
    JSON.stringify(all.map(({ name, lines }) => [name, lines]));
  if (lines(parseTraces(text)) !== lines(traces)) {
    throw new SideError(
      `Cannot record ${name}: a line of a trace does not survive the file's format; escape it in the notation`,
    );
  }
  Deno.mkdirSync(FOLDER, { recursive: true });
  Deno.writeTextFileSync(fileOf(name), text);
}
