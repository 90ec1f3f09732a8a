/**
 * The examples of the documentation as tests.
 *
 * `deno test --doc` runs each example in a world of its own, which loads the library again: 90 seconds of
 * processor time for examples that take 12 when they share a world, as they do here. After each example, its
 * processes, messages and dictionary are removed. `deno test --no-run --doc` still checks the types.
 */

import { assert } from "@std/assert";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { receive } from "../../packages/processes/kernel.ts";
import { Process } from "../../packages/processes/process.ts";
import { currentRuntime } from "../../packages/processes/runtime/current_process.ts";
import { SYSTEM } from "../../packages/testing/_leaks.ts";
import { test } from "../../packages/testing/tags.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const { exclude } = JSON.parse(Deno.readTextFileSync(join(ROOT, "deno.json")));

const BLOCK = /^```(\w*)([^\n]*)\n(.*?)^```/gms;
const COMMENT = /\/\*\*(.*?)\*\//gs;
const SPECIFIER = /(\bfrom\s*|\bimport\s*\(?\s*)(["'])([^"'\n]+)\2/g;
const LANGUAGES = ["ts", "typescript", "js", "javascript"];

/** The EPMD port in examples: real ones, as in this process, differ from run to run. */
const PORT = "14369";
const OWN_PORT = Deno.env.get("ERL_EPMD_PORT") ?? PORT;

/** The arguments of `deno` that run a program of an example. */
const RUN = ["run", "-A", `--config=${join(ROOT, "deno.json")}`];

/** A wait of an example, and its last number of milliseconds. */
const WAIT = /\b(?:sleep|setTimeout)\(.*?\b([\d_]+)\)/g;

interface Example {
  name: string;
  code: string;
  /** The URL of its file. */
  base: string;
}

/** The files below a folder that may have examples. */
function* filesIn(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (/^(\.git|node_modules)$/.test(name)) continue;
    if (exclude.includes(relative(ROOT, path))) continue;
    if (isDirectory) yield* filesIn(path);
    else if (/\.(ts|md)$/.test(name)) yield path;
  }
}

function examplesOf(path: string): Example[] {
  const text = Deno.readTextFileSync(path);
  const parts = path.endsWith(".md")
    ? [[0, text] as const]
    : [...text.matchAll(COMMENT)].map((found) =>
      [found.index, found[0].replace(/^ *\/?\*+ ?/gm, "")] as const
    );
  return parts.flatMap(([start, part]) => {
    const line = text.slice(0, start).split("\n").length;
    return [...part.matchAll(BLOCK)].flatMap((block) => {
      const [whole, language, attributes, code] = block;
      if (!LANGUAGES.includes(language) || /\bignore\b/.test(attributes)) {
        return [];
      }
      const first = line + part.slice(0, block.index).split("\n").length - 1;
      const last = first + whole.split("\n").length - 1;
      const name = `${relative(ROOT, path)}#${first}-${last}.ts`;
      return [{ name, code, base: pathToFileURL(path).href }];
    });
  });
}

function resolve(specifier: string, base: string): string {
  return /^\.{0,2}\//.test(specifier)
    ? new URL(specifier, base).href
    : import.meta.resolve(specifier);
}

/** Asserts that an example waits for a turn only, or until something else ends the wait: other waits may be too short. */
function checkWaits(code: string): void {
  if (!code.includes("assert")) return;
  for (const [wait, ms] of code.matchAll(WAIT)) {
    const time = Number(ms.replaceAll("_", ""));
    assert(
      time <= 1 || time >= 10_000,
      `${wait} is too short on a busy machine: wait for a message or a promise`,
    );
  }
}

/** A newcomer's run leaves out examples that start threads. */
function tagsOf(name: string): string[] {
  return /^(docs\/)?workers\b/.test(name) ? ["slow"] : [];
}

/** Registers a test for each example of the files that a function picks, by their paths from the root. */
export function testExamples(picks: (path: string) => boolean): void {
  const files = [...filesIn(ROOT)].filter((file) => picks(relative(ROOT, file)))
    .sort();
  for (const { name, code, base } of files.flatMap(examplesOf)) {
    test(name, { sanitizeProcesses: false, tags: tagsOf(name) }, async () => {
      checkWaits(code);
      const runtime = currentRuntime();
      const { processes } = runtime;
      const before = new Set([...processes.values()].map(({ pid }) => pid));
      const folder = await Deno.makeTempDir();
      try {
        const file = join(folder, "example.ts");
        await Deno.writeTextFile(
          file,
          code.replace(
            SPECIFIER,
            (_, before, quote, specifier) =>
              `${before}${quote}${resolve(specifier, base)}${quote}`,
          ).replaceAll(PORT, OWN_PORT)
            // A program that an example starts finds the packages of this repository.
            .replaceAll('"run", "-A"', JSON.stringify(RUN).slice(1, -1)),
        );
        await import(pathToFileURL(file).href);
      } finally {
        // The next example finds an empty mailbox, and no process of this one.
        const left = [...processes.values()].filter(({ pid, label }) =>
          !before.has(pid) && !SYSTEM.has(label ?? "")
        );
        for (const { pid } of left) Process.unlink(pid);
        for (const { pid } of left) {
          const ref = Process.monitor(pid);
          Process.exit(pid, "kill");
          await receive((message) => message?.ref === ref);
        }
        for (const { key } of Process.get()) Process.delete(key);
        const none = Symbol();
        while (await receive(null, { timeout: 0, after: none }) !== none);
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}
