/**
 * Plays the lesson with three nodes, each an operating system process: `deno task demo`. One of them is a node of Elixir
 * where Elixir is installed.
 *
 * Shows the code of each step and the output of each node, and fails if the output differs from the step's
 * announcement.
 */

import { freePort } from "../packages/testing/_ports.ts";
import { styleText } from "node:util";
import { DemoNode } from "./_demo_node.ts";
import {
  codeOf,
  LAST_STEP,
  type Line,
  type Step,
  STEPS,
  VALUE,
  type VisitorStep,
  type Who,
} from "./_demo_steps.ts";

/** How long a step may take, in milliseconds. */
const STEP_WITHIN = 30_000;

/** How long to wait for lines that must not appear, in milliseconds. */
const SETTLE = 100;

const COOKIE = "secret_token";
const USES_COLOUR = Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR");
const WIDTH = Math.min(
  Deno.stdout.isTerminal() ? Deno.consoleSize().columns : 100,
  100,
);

const COLOURS = {
  alex: "cyan",
  kate: "magenta",
  moebi: "yellow",
  sophie: "blue",
} as const;

type Style = Parameters<typeof styleText>[0];

/** The output of a step differs from the announced output. */
class Difference extends Error {}

function style(format: Style, text: string): string {
  return USES_COLOUR
    ? styleText(format, text, { validateStream: false })
    : text;
}

function say(text = ""): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

/** Wraps text; all lines except the first have the same indent. */
function wrap(text: string, indent: number): string {
  const lines: string[] = [];
  let [line] = text.match(/^ */)!;
  for (const word of text.trim().split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line.trim() === "" ? line + word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${" ".repeat(indent)}`);
}

function commandOf(who: Who, flags: readonly string[]): string {
  return ["deno task chat --sname", `${who}@localhost`, ...flags].join(" ");
}

function name(who: Who): string {
  return style(["bold", COLOURS[who]], who);
}

/** The demo's nodes, which play the steps. */
class Stage implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #nodes = new Map<Who, DemoNode>();
  readonly #epmdPort = freePort();
  readonly #folder: string;
  readonly #cookieFile: string;
  #section = 0;

  constructor(folder: string) {
    this.#folder = folder;
    // Elixir reads the cookie in its home folder.
    this.#cookieFile = `${folder}/.erlang.cookie`;
    Deno.writeTextFileSync(this.#cookieFile, COOKIE, { mode: 0o400 });
  }

  /** Starts a node and shows its command line; waits until it can be reached. */
  async start(who: Who, flags: string[], code: string[]): Promise<void> {
    this.#showCommand(who, commandOf(who, flags));
    const cookie = `--cookie-file=${this.#cookieFile}`;
    this.#add(who, [...flags, cookie], code);
    await this.#until(() => this.#nodes.get(who)!.isIdle, STEP_WITHIN);
    this.#check({}, undefined);
  }

  /** Starts a node of Elixir, and shows its command line; returns whether there is an Elixir that can do it. */
  async startElixir(who: Who): Promise<boolean> {
    const node = DemoNode.startElixir({
      short: who,
      home: this.#folder,
      epmdPort: this.#epmdPort,
    });
    if (node === undefined) return false;
    this.#stack.use(node);
    await this.#until(() => node.isIdle, STEP_WITHIN);
    if (node.hasEnded) return false;
    this.#nodes.set(who, node);
    this.#showCommand(who, `iex --sname ${who}@localhost -S mix`);
    say(style("dim", "           in examples/elixir_chat: it runs Elixir"));
    return true;
  }

  #showCommand(who: Who, command: string): void {
    const gap = " ".repeat(5 - who.length);
    say(`   ${name(who)}${gap} $ ${wrap(command, 11)}`);
  }

  async play(step: Step | VisitorStep): Promise<void> {
    this.#announce(step);
    if (!("flags" in step)) return await this.#run(step);
    this.#add(step.who, step.flags, [codeOf(step)]);
    await this.#run(step);
    await this.leave(step.who);
  }

  /** Stops a node, as Ctrl-C does. */
  async leave(who: Who): Promise<void> {
    const code = await this.#nodes.get(who)!.stop();
    this.#check({}, undefined);
    this.#nodes.delete(who);
    if (code === 0) return;
    throw new Difference(`${who} was to end with code 0, not ${code}`);
  }

  /** Plays the step that ends the node that runs it. */
  async playLast(step: Step): Promise<void> {
    await this.play(step);
    const code = await this.#nodes.get(step.who)!.ended;
    this.#nodes.delete(step.who);
    say(`   ${style("dim", `${step.who} has ended with code ${code}`)}`);
    if (code === 1) return;
    throw new Difference(`${step.who} was to end with code 1, not ${code}`);
  }

  /** Stops all remaining nodes. */
  async end(): Promise<void> {
    for (const who of [...this.#nodes.keys()]) await this.leave(who);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }

  #add(who: Who, flags: string[], code: string[]): void {
    const epmd = `--epmd-port=${this.#epmdPort}`;
    const node = DemoNode.start({ short: who, flags: [...flags, epmd], code });
    this.#nodes.set(who, this.#stack.use(node));
  }

  #announce(step: Step | VisitorStep): void {
    say();
    if (step.title !== "") {
      this.#section++;
      say(`${style("bold", `${this.#section}. ${step.title}`)}`);
    }
    if (step.says !== "") say(style("dim", `   ${wrap(step.says, 3)}`));
    if ("flags" in step) {
      say(`   ${name(step.who)} $ ${commandOf(step.who, step.flags)}`);
    }
    const [first, ...others] = step.code.split("\n");
    say(`   ${name(step.who)}> ${first}`);
    const dots = ".".repeat(step.who.length);
    for (const line of others) say(`   ${style("dim", dots)}> ${line}`);
  }

  async #run({ who, prints, gives }: Step): Promise<void> {
    const node = this.#nodes.get(who)!;
    await this.#until(() => node.isIdle, STEP_WITHIN);
    await node.step();
    const wanted = (each: Who) =>
      (prints[each]?.length ?? 0) +
      (each === who && gives !== undefined ? 1 : 0);
    await this.#until(
      () =>
        node.isIdle &&
        [...this.#nodes].every(([each, { lines }]) =>
          lines.length >= wanted(each)
        ),
      STEP_WITHIN,
    );
    await new Promise((resolve) => setTimeout(resolve, SETTLE));
    this.#check(prints, gives);
  }

  /** Waits for a condition, at most for some time; the check then reports the difference. */
  async #until(is: () => boolean, within: number): Promise<void> {
    const end = performance.now() + within;
    while (!is() && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Shows the output, and fails if it is not as expected. */
  #check(prints: Step["prints"], gives: Line | undefined): void {
    const silent: Who[] = [];
    const differences: string[] = [];
    const given: string[] = [];
    const printed: [Who, string[]][] = [];
    for (const [who, node] of this.#nodes) {
      const lines = node.take();
      given.push(...lines.filter((line) => line.startsWith(VALUE)));
      const own = lines.filter((line) => !line.startsWith(VALUE));
      if (own.length === 0) silent.push(who);
      else printed.push([who, own]);
      const difference = differ(prints[who] ?? [], own);
      if (difference !== "") differences.push(`${who} ${difference}`);
    }
    const values = given.map((line) => line.slice(VALUE.length));
    const difference = differ(gives === undefined ? [] : [gives], values);
    if (difference !== "") differences.push(`the value: ${difference}`);
    for (const value of values) say(`   ${style("green", value)}`);
    for (const [who, lines] of printed) this.#show(who, lines);
    if (printed.length > 0 && silent.length > 0) {
      say(style("dim", `     ${silent.join(", ")}: nothing`));
    }
    if (differences.length > 0) throw new Difference(differences.join("\n"));
  }

  #show(who: Who, lines: string[]): void {
    for (const line of lines) {
      const gap = " ".repeat(6 - who.length);
      say(`     ${name(who)}${gap} ${style("dim", "│")} ${wrap(line, 14)}`);
    }
  }
}

/** The difference between lines and the expected lines, if any. */
function differ(wanted: readonly Line[], got: readonly string[]): string {
  const same = wanted.length === got.length &&
    wanted.every((line, index) =>
      typeof line === "string" ? line === got[index] : line.test(got[index])
    );
  if (same) return "";
  const list = (lines: readonly Line[]) =>
    lines.length === 0 ? "nothing" : lines.map(String).join("\n    ");
  return `was to print:\n    ${list(wanted)}\n  and printed:\n    ${list(got)}`;
}

async function play(stage: Stage): Promise<void> {
  const code = (who: Who) =>
    [...STEPS, LAST_STEP].filter((step) =>
      step.who === who && !("flags" in step)
    ).map(codeOf);
  const kate = ["--module", "Kate=./chat/kate.ts"];
  await stage.start("kate", [...kate, "--allow-closures"], code("kate"));
  if (!await stage.startElixir("moebi")) await stage.start("moebi", [], []);
  await stage.start("alex", kate, code("alex"));
  for (const step of STEPS) await stage.play(step);
  await stage.leave("moebi");
  await stage.playLast(LAST_STEP);
  await stage.end();
}

/** Rejects when this program is asked to stop. */
function told(): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(
      signal,
      () => reject(new Difference(`stopped by ${signal}`)),
    );
  }
  return promise;
}

async function main(): Promise<number> {
  const started = performance.now();
  say(style("bold", "The lesson, played by three nodes"));
  say(
    style(
      "dim",
      "Each is a process of its own; EPMD's port and the cookie file are the demo's.\n",
    ),
  );
  const folder = await Deno.makeTempDir({ prefix: "otp_demo_" });
  try {
    await using stage = new Stage(folder);
    await Promise.race([play(stage), told()]);
  } catch (error) {
    if (!(error instanceof Difference)) throw error;
    say(`\n${style(["bold", "red"], "Not as announced:")} ${error.message}`);
    return 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  say(
    `\n${
      style(["bold", "green"], "All as announced")
    }, in ${seconds} s. Now you, in two terminals:\n`,
  );
  const [kate, alex] = [commandOf("kate", []), commandOf("alex", [])];
  say(`   ${name("kate")}  $ ${kate}`);
  say(`   ${name("alex")}  $ ${alex}`);
  say(
    '         chat(alex@localhost)1> await Chat.sendMessage("kate@localhost", "hi")',
  );
  return 0;
}

if (import.meta.main) Deno.exit(await main());
