/** Links between the documents lead to existing files and headings. */

import { assert, assertEquals } from "@std/assert";
import { test } from "../../packages/testing/tags.ts";

const ROOT = new URL("../../", import.meta.url);

/** The documents in a folder, and optionally in its subfolders. */
async function documentsIn(folder: URL, isDeep = false): Promise<URL[]> {
  const documents: URL[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory && isDeep) {
      documents.push(...await documentsIn(new URL(`${name}/`, folder), true));
    } else if (name.endsWith(".md")) documents.push(new URL(name, folder));
  }
  return documents;
}

/** The text without its code, which contains no links or headings. */
function withoutBlocks(text: string): string {
  return text.replace(/^ *(`{3,}|~{3,})[^]*?^ *\1[`~]*$/gm, "");
}

/** The anchor of a heading, without the number that distinguishes it from an earlier one of the same text. */
function anchorOf(heading: string): string {
  return heading.replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1").trim().toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "")
    .replaceAll(" ", "-");
}

function anchorsIn(text: string): Set<string> {
  const anchors = new Set<string>();
  for (
    const [, heading] of withoutBlocks(text).matchAll(
      /^ {0,3}#{1,6} +(.+?)(?: +#+)? *$/gm,
    )
  ) {
    const first = anchorOf(heading);
    let anchor = first;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${first}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** The targets of a document's links. */
function linksIn(text: string): string[] {
  const prose = withoutBlocks(text).replace(
    /(?<!`)(`+)(?!`)(?:(?!\n\s*\n)[^])*?(?<!`)\1(?!`)/g,
    "code",
  );
  const inline = prose.matchAll(/\[[^\]]*\]\(\s*([^)\s]+)[^)]*\)/g);
  const named = prose.matchAll(/^ {0,3}\[[^\]]+\]: *(\S+)/gm);
  return [...inline, ...named].map(([, target]) =>
    target.replace(/^<(.*)>$/, "$1")
  );
}

/** The broken links of a document to files and anchors; other links are ignored. */
async function brokenLinks(document: URL): Promise<string[]> {
  const broken: string[] = [];
  for (const link of linksIn(await Deno.readTextFile(document))) {
    if (/^[a-z][a-z\d+.-]*:/i.test(link)) continue;
    const target = new URL(link, document);
    const anchor = decodeURIComponent(target.hash.slice(1));
    target.hash = "";
    try {
      await Deno.stat(target);
    } catch {
      broken.push(`${link}: there is no such file`);
      continue;
    }
    if (anchor === "" || !target.pathname.endsWith(".md")) continue;
    if (!anchorsIn(await Deno.readTextFile(target)).has(anchor)) {
      broken.push(`${link}: no heading there has this anchor`);
    }
  }
  return broken;
}

test("the documents have no broken links", async () => {
  const documents = [
    ...await documentsIn(ROOT),
    ...await documentsIn(new URL("docs/", ROOT)),
    ...await documentsIn(new URL("bench/", ROOT)),
    ...await documentsIn(new URL("examples/", ROOT), true),
  ];
  assert(documents.length > 8, `only ${documents.length} documents`);
  const broken: string[] = [];
  for (const document of documents) {
    const name = document.href.slice(ROOT.href.length);
    for (const each of await brokenLinks(document)) {
      broken.push(`${name}: ${each}`);
    }
  }
  assertEquals(broken, []);
});

test("CONTRIBUTING.md names existing files", async () => {
  const page = await Deno.readTextFile(new URL("CONTRIBUTING.md", ROOT));
  const missing: string[] = [];
  const paths = page.matchAll(
    /(?<!packages\/)\b(?:tests|tools|docs|testing|distribution)\/[\w/.-]+\b/g,
  );
  for (const [path] of paths) {
    if (path.endsWith("_")) continue;
    await Deno.stat(new URL(path, ROOT)).catch(() => missing.push(path));
  }
  assertEquals(missing, []);
});
