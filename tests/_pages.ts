/** Programs from pages, run in a project that is made as the pages describe. */

import { assertMatch } from "@std/assert";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Running } from "./_packed.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** A block of code of a page. */
export interface Block {
  /** The language, as after the fence: `ts`, `ts ignore`. */
  language: string;
  text: string;
}

/** The text of a page of this project. */
export function readPage(name: string): Promise<string> {
  return Deno.readTextFile(join(ROOT, name));
}

/** The factors of units; times are in milliseconds. */
const UNITS: Record<string, number> = {
  s: 1000,
  min: 60_000,
  minutes: 60_000,
  Ki: 1 << 10,
  Mi: 1 << 20,
  KiB: 1 << 10,
  MiB: 1 << 20,
  MB: 1_000_000,
};

/** Numbers that pages write as words. */
const WORDS: Record<string, number> = {
  half: 1 / 2,
  quarter: 1 / 4,
  a: 1,
  one: 1,
  two: 2,
  twice: 2,
  three: 3,
  four: 4,
  five: 5,
  ten: 10,
};

/**
 * The numbers that a part of a page states, in its order: times in milliseconds, lengths in bytes. In the
 * part, `#` stands for a number and its unit, and line breaks count as spaces.
 *
 * A test that takes its numbers from a page fails if the product or the page changes alone. Quote only the words around
 * the numbers, so that the rest of the sentence can be written better.
 *
 * @throws If the page does not contain the sentence exactly once.
 */
export function numbersIn(page: string, sentence: string): number[] {
  const number = `(\\d[\\d,]*(?:\\.\\d+)?(?: (?:${
    Object.keys(UNITS).join("|")
  })(?!\\w))?|\\b(?:${Object.keys(WORDS).join("|")})\\b)`;
  const pattern = sentence.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll("#", number);
  const text = Deno.readTextFileSync(join(ROOT, page)).replace(/\s+/g, " ");
  const found = [...text.matchAll(new RegExp(pattern, "g"))];
  if (found.length !== 1) {
    throw new Error(
      `Cannot find the numbers of "${sentence}": ${page} contains it ${found.length} times; quote a sentence that it contains once`,
    );
  }
  return found[0].slice(1).map((stated) => {
    const [digits, unit] = stated.replaceAll(",", "").split(" ");
    return (WORDS[digits] ?? Number(digits)) * (UNITS[unit] ?? 1);
  });
}

export function blocksIn(text: string): Block[] {
  return [...text.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)].map((found) => ({
    language: found[1],
    text: found[2],
  }));
}

/** The files in a text: blocks that begin with a comment that names one. */
export function filesIn(text: string): Map<string, string> {
  return new Map(
    blocksIn(text).flatMap(({ text }) => {
      const name = /^\/\/ (\w+\.ts)\n/.exec(text)?.[1];
      return name === undefined ? [] : [[name, text] as const];
    }),
  );
}

/** The output of a program, by the comments behind its `console.log`. */
export function announcedIn(program: string): string {
  return [...program.matchAll(/^\s*console\.log\(.*\); \/\/ (.*)$/gm)]
    .map(([, line]) => `${line}\n`).join("");
}

export function sectionsOf(page: string): Map<string, string> {
  return new Map(
    page.split(/^## /m).slice(1).map((section) => {
      const end = section.indexOf("\n");
      return [section.slice(0, end), section.slice(end)];
    }),
  );
}

/** The pattern of printed output: `…` stands for any text of a line; alone, for any lines. */
export function patternOf(printed: string): string {
  return printed.split("\n").map((line, index, { length }) => {
    if (line === "…") return "(?:.*\\n)*?";
    const text = line.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return text.replaceAll("…", ".*") + (index < length - 1 ? "\\n" : "");
  }).join("");
}

/** Asserts that output is what a page prints. */
export function assertPrinted(output: string, printed: string): void {
  assertMatch(output, new RegExp(`^${patternOf(printed)}$`));
}

/**
 * Runs commands in a shell, whose `deno` is the one that runs the tests. The last one takes the shell's
 * place, so that a signal reaches it.
 */
export function runCommands(
  commands: string,
  folder: string,
  env: Record<string, string>,
): Running {
  const lines = commands.split("\n");
  const last = lines.pop()!;
  const path = `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`;
  return new Running(
    "sh",
    ["-ec", [...lines, `exec 2>&1 ${last}`].join("\n")],
    folder,
    { PATH: path, ...env },
  );
}

/** A project beside a clone, in a folder that is removed when it goes out of scope. */
export class PageProject implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the project with the `deno.json` of a page, the only block of JSON in it. */
  static async make(page: string): Promise<PageProject> {
    const folder = await Deno.makeTempDir();
    const project = new PageProject(folder);
    const blocks = blocksIn(page).filter(({ language }) => language === "json");
    await Deno.symlink(ROOT, join(folder, "distribution"));
    await Deno.mkdir(join(folder, "project"));
    await project.write("deno.json", blocks[0].text);
    return project;
  }

  async write(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(join(this.#folder, "project", name), text);
  }

  /** Runs commands of a page, as a shell does; their errors appear in their output, in order. */
  run(commands: string, env: Record<string, string> = {}): Running {
    return runCommands(commands, join(this.#folder, "project"), {
      HOME: this.#folder,
      ...env,
    });
  }

  /** Another project in a folder beside it, which is removed with it. */
  at(folder: string): Pick<PageProject, "write" | "run"> {
    return {
      write: (name, text) => Deno.writeTextFile(join(folder, name), text),
      run: (commands, env = {}) =>
        runCommands(commands, folder, { HOME: this.#folder, ...env }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}
