/** Runs scenarios in Elixir and in TypeScript, each as programs of its own, and compares the traces. */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { outputOf } from "../_child.ts";
import { StockEpmd } from "../_elixir.ts";
import type { Area } from "./_load.ts";
import { expectedTrace, type Language } from "./_mixed.ts";
import type { Scenario } from "./_scenario.ts";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, "../..");

/** The time limit for a scenario, in milliseconds. */
const TIMEOUT = 60_000;

/** The output of one side for a scenario. */
export interface Trace {
  name: string;
  lines: string[];
  /** The duration, in milliseconds. */
  ms: number;
  /** Whether it used a peer; not in a committed trace. */
  peers?: boolean;
}

/** The traces of one side, by the scenario's name. */
export type Traces = Map<string, Trace>;

/** A program that could not run. */
export class SideError extends Error {
  override readonly name = "SideError";
}

/** Runs a program, and returns its output lines that begin with `@@`. */
async function run<T>(
  program: string,
  args: string[],
  { timeout, ...rest }: Deno.CommandOptions & { timeout: number },
): Promise<T[]> {
  const signal = AbortSignal.timeout(timeout);
  const ended = await outputOf(program, { args, signal, ...rest });
  const { code, stdout, stderr } = ended;
  if (code !== 0) {
    throw new SideError(
      `Cannot run ${
        [program, ...args].join(" ")
      }: it ended with code ${code}:\n${stdout}${stderr}`,
    );
  }
  if (rest.env?.CONFORMANCE_CALLS) console.error(stderr);
  return stdout.split("\n").filter((line) => line.startsWith("@@"))
    .map((line) => JSON.parse(line.slice(2)));
}

function tracesOf(list: Trace[]): Traces {
  return new Map(list.map((trace) => [trace.name, trace]));
}

/** Scenarios in Elixir, compiled. */
export class Elixir implements AsyncDisposable {
  /** The folder of the compiled scenarios. */
  readonly folder: string;
  readonly #stack: AsyncDisposableStack;

  private constructor(folder: string, stack: AsyncDisposableStack) {
    this.folder = folder;
    this.#stack = stack;
  }

  /** Compiles the scenarios of some areas. */
  static async compile(areas: readonly Area[]): Promise<Elixir> {
    await using stack = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "conformance_" });
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const sources = [...Deno.readDirSync(join(HERE, "elixir"))]
      .map(({ name }) => name);
    const wanted = areas.map(({ name }) => `${name}.ex`);
    const files = sources.filter((name) =>
      name.startsWith("support") || wanted.includes(name)
    );
    const { code, stdout, stderr } = await outputOf("elixirc", {
      args: ["-o", folder, ...files],
      cwd: join(HERE, "elixir"),
    });
    if (code !== 0) {
      throw new SideError(
        `Cannot compile the scenarios in Elixir:\n${stdout}${stderr}`,
      );
    }
    return new Elixir(folder, stack.move());
  }

  /**
   * Runs scenarios; a live node and its peers find each other through an epmd of their own. `peers` starts a peer in
   * TypeScript, of some areas: without it, they are in Elixir.
   */
  async run(
    names: readonly string[],
    { peers }: { peers?: string[] } = {},
  ): Promise<Traces> {
    await using epmd = await StockEpmd.start();
    const port = `${epmd.port}`;
    const file = join(this.folder, `names_${port}.txt`);
    await Deno.writeTextFile(file, names.join("\n"));
    const code = `Conformance.Main.run(${JSON.stringify(file)}, ${TIMEOUT})`;
    const flags =
      "-start_epmd false -kernel prevent_overlapping_partitions false";
    const args = [
      ...["-pa", this.folder, "--sname", "main@localhost"],
      ...["--cookie", crypto.randomUUID(), "--erl", flags, "-e", code],
    ];
    const env = {
      ERL_EPMD_PORT: port,
      ...peers && { CONFORMANCE_PEERS: JSON.stringify(peers) },
    };
    const timeout = limit(names);
    const traces = await run<Trace>("elixir", args, { env, timeout });
    return tracesOf(traces);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

/**
 * Runs scenarios in TypeScript; with `elixir`, their peers are in Elixir. With `calls`, prints the calls of the main
 * node's processes.
 */
export async function runTypeScript(
  names: readonly string[],
  { elixir, calls = false }: { elixir?: Elixir; calls?: boolean } = {},
): Promise<Traces> {
  const file = await Deno.makeTempFile({ prefix: "conformance_" });
  try {
    await Deno.writeTextFile(file, names.join("\n"));
    const [deno, ...args] = [
      ...denoRun("_typescript.ts"),
      ...(elixir === undefined ? [] : ["--elixir", elixir.folder]),
      file,
      String(TIMEOUT),
    ];
    const env: Record<string, string> = calls ? { CONFORMANCE_CALLS: "1" } : {};
    const options = { cwd: ROOT, timeout: limit(names), env };
    return tracesOf(await run<Trace>(deno, args, options));
  } finally {
    await Deno.remove(file);
  }
}

/** Runs scenarios with the main node in one language, and its peers in the other. */
export function runMixed(
  main: Language,
  elixir: Elixir,
  areas: readonly Area[],
  names: readonly string[],
): Promise<Traces> {
  if (main === "typescript") return runTypeScript(names, { elixir });
  const own = areas.map(({ name }) => name).join(",");
  return elixir.run(names, {
    peers: [...denoRun("_typescript_peer.ts"), own],
  });
}

/** The command line that runs a program of this folder. */
function denoRun(program: string): [string, ...string[]] {
  const args = ["run", "--quiet", "--no-check", "-A", join(HERE, program)];
  return [Deno.execPath(), ...args];
}

/** Runs Elixir while another function runs; waits for both, even if the other fails. */
export async function runBeside<T>(
  elixir: Elixir | undefined,
  names: readonly string[],
  other: Promise<T>,
): Promise<{ recorded: Traces | undefined; found: T }> {
  const [recorded, found] = await Promise.allSettled([
    elixir?.run(names),
    other,
  ]);
  if (recorded.status === "rejected") throw recorded.reason;
  if (found.status === "rejected") throw found.reason;
  return { recorded: recorded.value, found: found.value };
}

/** The time limit for a side, which takes 20 seconds for all scenarios on an idle machine: a wait always ends. */
function limit(names: readonly string[]): number {
  return 30_000 + Math.min(names.length * TIMEOUT, 570_000);
}

/** The result of a scenario. */
export interface Outcome {
  name: string;
  elixir: string[];
  typescript: string[];
  problem: string | undefined;
  /** The row of `docs/differences.md` that it shows. */
  row: string | undefined;
}

/** Compares the two traces of a scenario. */
export function compare(
  { name, options: { difference } }: Scenario,
  elixir: Trace | undefined,
  typescript: Trace | undefined,
): Outcome {
  const theirs = elixir?.lines ?? [];
  const ours = typescript?.lines ?? [];
  const same = isEqual(theirs, ours);
  const problem = elixir === undefined
    ? "Elixir's trace is not recorded"
    : typescript === undefined
    ? "there is no trace of TypeScript's"
    : theirs.length + ours.length === 0
    ? "nothing is traced"
    : difference === undefined
    ? (same ? undefined : "the traces are different")
    : same
    ? "it is marked as a difference, and there is none"
    : isEqual(ours, difference.typescript)
    ? undefined
    : `the trace is not the one that the difference ${difference.row} states`;
  const row = difference?.row;
  return { name, elixir: theirs, typescript: ours, problem, row };
}

/** Compares the trace of a scenario in a mixed run with the one expected. */
export function compareMixed(
  scenario: Scenario,
  main: Language,
  recorded: Trace | undefined,
  found: Trace | undefined,
): Outcome {
  const { name } = scenario;
  const { lines, row } = expectedTrace(scenario, main, recorded);
  const elixir = [...lines ?? []];
  const typescript = found?.lines ?? [];
  const problem = lines === undefined
    ? "Elixir's trace is not recorded"
    : found === undefined
    ? "there is no trace of the mixed run"
    : isEqual(elixir, typescript)
    ? undefined
    : "the traces are different";
  return { name, elixir, typescript, problem, row };
}

/** Compares a new trace of Elixir with the committed one; returns the difference, or nothing. */
export function changeOf(
  name: string,
  committed: Trace | undefined,
  recorded: Trace | undefined,
): string | undefined {
  if (recorded === undefined) return `${name}: Elixir printed no trace`;
  if (committed === undefined) return `${name}: its trace is not committed`;
  if (isEqual(committed.lines, recorded.lines)) return undefined;
  const shown = sideBySide(
    { left: committed.lines, right: recorded.lines },
    ["committed", "Elixir now"],
  );
  return `${name}: Elixir's trace is not the committed one\n${shown}`;
}

function isEqual(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length &&
    one.every((line, at) => line === other[at]);
}

/** Two traces side by side; a mark shows where they differ. */
export function sideBySide(
  { left, right }: { left: readonly string[]; right: readonly string[] },
  titles: readonly [string, string] = ["Elixir", "TypeScript"],
): string {
  const width = Math.min(
    Math.max(titles[0].length, ...left.map(({ length }) => length)),
    70,
  );
  const rows = Array.from(
    { length: Math.max(left.length, right.length) },
    (_, at) =>
      `  ${left[at] === right[at] ? " " : "≠"} ${
        (left[at] ?? "").padEnd(width)
      } | ${right[at] ?? ""}`,
  );
  return [`    ${titles[0].padEnd(width)} | ${titles[1]}`, ...rows].join("\n");
}

/** The two traces of an outcome, side by side. */
export function shown(
  { elixir, typescript }: Outcome,
  titles?: readonly [string, string],
): string {
  return sideBySide({ left: elixir, right: typescript }, titles);
}
