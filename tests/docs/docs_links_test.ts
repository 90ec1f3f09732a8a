/** Links between the documents lead to existing files and headings. */

import { assert, assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { test } from "../../testing/tags.ts";
import { temporaryFolder } from "../_temporary.ts";
import { anchorOf, anchorsIn, brokenLinks, linksIn } from "./_links.ts";

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

test("CONTRIBUTING.md names existing files and tasks", async () => {
  const page = await Deno.readTextFile(new URL("CONTRIBUTING.md", ROOT));
  const missing: string[] = [];
  const paths = page.matchAll(
    /\b(?:tests|tools|docs|testing|distribution)\/[\w/.-]+\b/g,
  );
  for (const [path] of paths) {
    if (path.endsWith("_")) continue;
    await Deno.stat(new URL(path, ROOT)).catch(() => missing.push(path));
  }
  for (const [, task] of page.matchAll(/\bdeno task (\w+)/g)) {
    if (!Object.hasOwn(config.tasks, task)) missing.push(`deno task ${task}`);
  }
  assertEquals(missing, []);
});

test("brokenLinks() reports missing files and headings", async () => {
  await using temporary = await temporaryFolder();
  const document = new URL(`file://${temporary.path}/one.md`);
  await Deno.writeTextFile(
    document,
    "# One\n\n[a](#one) [b](#two) [c](two.md) [d](.) [e](https://a.b/c)\n",
  );
  assertEquals(await brokenLinks(document), [
    "#two: no heading there has this anchor",
    "two.md: there is no such file",
  ]);
});

for (
  const [heading, anchor] of [
    ["TLS", "tls"],
    ["Finding a node: EPMD", "finding-a-node-epmd"],
    ["send_name", "send_name"],
    ['Output: `IO.puts("hi")`', "output-ioputshi"],
    ["Ctrl-C and Ctrl-D", "ctrl-c-and-ctrl-d"],
    ["1. A plain module", "1-a-plain-module"],
    ["This & that", "this--that"],
    ["The [wire](docs/protocol.md)", "the-wire"],
    ["Größe – und *mehr*", "größe--und-mehr"],
  ]
) {
  test(`anchorOf() returns ${anchor}`, () => {
    assertEquals(anchorOf(heading), anchor);
  });
}

test("anchorsIn() numbers repeated headings, and ignores code", () => {
  const text = "# One\n## Two\n```sh\n# Three\n```\n## Two\n#Four\n## Two ##\n";
  assertEquals([...anchorsIn(text)], ["one", "two", "two-1", "two-2"]);
});

test("linksIn() finds links in prose only", () => {
  assertEquals(
    linksIn(
      '[a\nb](one.md) [`c`](<two.md>) ![d](three.png "D") `[e](no.md)`\n' +
        "~~~\n[f](no.md)\n~~~\n\n[g]: four.md#x\n",
    ),
    ["one.md", "two.md", "three.png", "four.md#x"],
  );
});
