/** The pages of the API: the first page links to every module, and usage boxes can be copied. */

import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { publicModules, writePages } from "../../tools/api_pages.ts";
import { test } from "../../packages/testing/tags.ts";
import { outputOf } from "../_child.ts";
import { temporaryFolder } from "../_temporary.ts";

const SPECIFIERS = new Set(
  Object.keys(config.exports).map((name) => config.name + name.slice(1)),
);

async function pagesIn(folder: string): Promise<string[]> {
  const pages: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) pages.push(...await pagesIn(path));
    else if (name.endsWith(".html")) pages.push(path);
  }
  return pages;
}

test(
  "deno task doc writes a page for each module, linked from the first with its summary, and valid specifiers",
  { tags: ["slow"], timeout: 60_000 },
  async () => {
    await using temporary = await temporaryFolder();
    const folder = temporary.path;
    await writePages(folder);
    const first = await Deno.readTextFile(join(folder, "index.html"));
    const modules = await publicModules();
    assertEquals(modules.map(({ specifier }) => specifier), [...SPECIFIERS]);
    for (const { specifier, page, summary } of modules) {
      assert((await Deno.stat(join(folder, page))).isFile, page);
      assert(summary.length > 10, summary);
      if (page === "index.html") continue;
      assert(first.includes(`href="./${page}">${specifier}</a>`), page);
    }
    const wrong: string[] = [];
    let boxes = 0;
    for (const page of await pagesIn(folder)) {
      const html = await Deno.readTextFile(page);
      if (/href="(?:file:|\/)/.test(html)) wrong.push(`${page}: absolute link`);
      const text = html.replace(/<(pre|code|script)\b[^]*?<\/\1>/g, "");
      // Those of a type of texts are right.
      const plain = text.replace(/`\$\{[^`]*`/g, "");
      if (plain.includes("`")) wrong.push(`${page}: raw backticks`);
      for (const [box] of html.matchAll(/usageContent[^]*?<\/pre>/g)) {
        for (const [, name] of box.matchAll(/from &quot;([^&]*)&quot;/g)) {
          boxes++;
          if (!SPECIFIERS.has(name)) wrong.push(`${page}: ${name}`);
        }
      }
    }
    assert(boxes > 100, `${boxes} boxes`);
    assertEquals(wrong, []);
  },
);

Deno.test("docs/library.md lists every export", async () => {
  const page = await Deno.readTextFile(
    new URL("../../docs/library.md", import.meta.url),
  );
  for (const name of Object.keys(config.exports)) {
    const shown = name === "." ? config.name : name.slice(2);
    assert(page.includes(`\`${shown}\``), name);
  }
});

/** Types that a module leaves to the module of their subject. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  ApplicationSpec: "./application",
  DurableCalls: "./entities",
  EntityContextOf: "./entities",
  EntityEvent: "./entities",
  EntityLogOptions: "./entities",
  EntityLogReader: "./entities",
  EntityType: "./entities",
  LogHook: "./node",
  Node: "./node",
  NodeOptions: "./node",
  NodePart: "./node",
  RemoteFunction: "./rpc",
  ServerRef: "./gen-server",
  Store: "./entities",
};

test(
  "each module exports the types that its signatures name",
  { tags: ["slow"], timeout: 120_000 },
  async () => {
    const missing: string[] = [];
    for (const [name, path] of Object.entries(config.exports)) {
      const { stderr } = await outputOf(Deno.execPath(), {
        args: ["doc", "--lint", path],
        cwd: new URL("../../", import.meta.url),
      });
      for (const [, type] of stderr.matchAll(/private type '([^']*)'/g)) {
        if (!Object.hasOwn(ELSEWHERE, type)) missing.push(`${name}: ${type}`);
      }
    }
    assertEquals(missing, []);
  },
);
