/** Every file, class, method and message that `docs/architecture.md` and `docs/trust.md` name exists. */

import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "../../packages/testing/tags.ts";
import { readPage } from "../_pages.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The folders whose code the page describes. */
const FOLDERS = [
  "packages",
  "exports",
  "chat",
  "tools",
  "bench",
  "tests",
];

/** Names of JavaScript, of Node and of packages. */
const OF_OTHERS = [
  "AsyncLocalStorage",
  "ErlangError",
  "MessageChannel",
  "RuntimeError",
  "Deno",
  "Deno.test",
  "acorn",
  "import()",
  "proc_lib",
  "seq_trace",
  "tmux",
];

/** The code of a project: the text of each file by its path. */
type Sources = Map<string, string>;

async function readSources(): Promise<Sources> {
  const sources: Sources = new Map();
  const read = async (folder: string, isDeep: boolean): Promise<void> => {
    for await (const entry of Deno.readDir(join(ROOT, folder))) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory && isDeep) await read(path, true);
      if (!entry.isFile) continue;
      sources.set(
        path,
        path.endsWith(".ts") ? await Deno.readTextFile(join(ROOT, path)) : "",
      );
    }
  };
  await read("", false);
  await read("docs", true);
  for (const folder of FOLDERS) await read(folder, true);
  sources.set(".ci/run", "");
  return sources;
}

/** The code in a page's prose and tables, each text once. */
function namesIn(page: string): string[] {
  const prose = page.replace(/^```.*?^```$/gms, "");
  return [
    ...new Set(
      [...prose.matchAll(/`([^`]+)`/g)].map(([, text]) =>
        text.replace(/\s+/g, " ")
      ),
    ),
  ];
}

/** The files of a path, or of the end of one; `*` stands for any text. */
function filesOf(sources: Sources, name: string): string[] {
  const pattern = new RegExp(
    `(^|/)${name.replaceAll(".", "\\.").replace("*", ".*")}${
      name.endsWith("/") ? "" : "$"
    }`,
  );
  return [...sources.keys()].filter((path) => pattern.test(path));
}

/** Whether some code declares a name, or a file that does also declares the member. */
function isDeclared(sources: Sources, name: string, member?: string): boolean {
  const declared = new RegExp(
    `^ *(export )?(default )?(abstract |async )*(class|interface|type|const|let|function\\*?) ${name}\\b`,
    "m",
  );
  const has = new RegExp(
    `^ +((static|async|get|set|readonly|override) )*\\*?${member}[?!]?[(:;<=, ]`,
    "m",
  );
  return [...sources.values()].some((text) =>
    text.includes(name) && declared.test(text) &&
    (member === undefined || has.test(text))
  );
}

/** Whether some class or interface has a member of a name. */
function isMember(sources: Sources, name: string): boolean {
  const has = new RegExp(
    `^ +((static|async|get|set|readonly|override) )*\\*?${name}[?!]?[(:;<,]`,
    "m",
  );
  return [...sources.values()].some((text) =>
    text.includes(name) && has.test(text)
  );
}

/** Whether code has a text as a string: the type of a message, a name, a reason. */
function isString(sources: Sources, text: string): boolean {
  return [...sources.values()].some((each) => each.includes(`"${text}"`));
}

/** The names of a page that its project does not have. */
function missingIn(page: string, sources: Sources): string[] {
  const folders = FOLDERS.map((each) => `${each}/`);
  return namesIn(page).filter((text) => {
    if (OF_OTHERS.includes(text)) return false;
    if (
      /^[\w./-]+\.(ts|md|json)$/.test(text) || /^[\w./]+\/$/.test(text) ||
      folders.some((folder) => text.startsWith(folder))
    ) {
      return filesOf(sources, text).length === 0;
    }
    const member = /^(\w+)\.(#?\w+)(\(.*\))?$/.exec(text);
    // `Shell.serve` is a function that a node exports: code has its name as ["Shell", "serve"].
    if (member !== null) {
      return !isDeclared(sources, member[1], member[2]) &&
        ![...sources.values()].some((each) =>
          each.includes(`["${member[1]}", "${member[2]}"]`)
        );
    }
    const name = /^([#$\w]+)(\(.*\))?$/.exec(text)?.[1];
    if (name === undefined) return false;
    return !isDeclared(sources, name.replace("$", "\\$")) &&
      !isMember(sources, name.replace("$", "\\$")) && !isString(sources, name);
  });
}

/** Names that a page places in files that do not declare them. */
function misplacedIn(page: string, sources: Sources): string[] {
  const claims = page.matchAll(
    /((?:`[\w.#]+`(?:,| and)\s+)*`[\w.#]+`)\s+in\s+`([\w/.]+\.ts)`|(`[\w.#]+`)\s+\(`([\w/.]+\.ts)`/g,
  );
  return [...claims].flatMap(([, list, listFile, one, oneFile]) => {
    const [names, file] = list === undefined
      ? [one, oneFile]
      : [list, listFile];
    const files = new Map(
      filesOf(sources, file).map((path) => [path, sources.get(path)!]),
    );
    return [...names.matchAll(/`([\w]+)(?:\.(#?\w+))?`/g)]
      .filter(([text, name, member]) =>
        !text.endsWith(".ts`") && !isDeclared(files, name, member) &&
        !(member === undefined && isMember(files, name))
      )
      .map(([text]) => `${text} in ${file}`);
  });
}

for (const name of ["docs/architecture.md", "docs/trust.md"]) {
  test(`${name} names only files, classes, members and messages that exist, in their files`, async () => {
    const page = await readPage(name);
    const sources = await readSources();
    assertEquals(missingIn(page, sources), []);
    assertEquals(misplacedIn(page, sources), []);
    assert(namesIn(page).length > 40);
  });
}
