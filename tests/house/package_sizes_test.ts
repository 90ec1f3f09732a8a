/** A package is read whole: its size only falls, and a commit that raises a figure says why. */

import { assert, assertEquals } from "@std/assert";
import { test } from "../../packages/testing/tags.ts";
import {
  type PackageSize,
  packageSizes,
  RECORDED,
} from "../../tools/package_sizes.ts";
import { readPage } from "../_pages.ts";

/** The most lines of any package, and of the lowest one. */
const MOST_LINES = 17_000;
const MOST_LINES_OF_PROCESSES = 15_000;

/** The part of a figure below which a record must follow a fall. */
const SLACK = 0.97;

const HOW =
  `deno run -P=dev tools/package_sizes.ts --write records it; a rise has its reason in the commit`;

test("no package grows", async () => {
  const recorded: Record<string, PackageSize> = JSON.parse(
    await readPage(RECORDED),
  );
  const measured = await packageSizes();
  assertEquals(Object.keys(measured), Object.keys(recorded), HOW);
  const wrong: string[] = [];
  for (const [name, now] of Object.entries(measured)) {
    const before = recorded[name];
    const most = name === "processes" ? MOST_LINES_OF_PROCESSES : MOST_LINES;
    if (now.lines > most) wrong.push(`${name}: ${now.lines} lines of ${most}`);
    const figures = { lines: now.lines, longest: now.longest, ...now.imports };
    const records: Record<string, number> = {
      lines: before.lines,
      longest: before.longest,
      ...before.imports,
    };
    for (const [what, figure] of Object.entries(figures)) {
      const record = records[what] ?? 0;
      if (figure > record) {
        wrong.push(`${name}: ${what} ${record} -> ${figure}`);
      }
    }
    if (now.lines < before.lines * SLACK) {
      wrong.push(`${name}: record its fall to ${now.lines} lines`);
    }
  }
  assertEquals(wrong, [], HOW);
  assert(Object.keys(measured).length > 10);
});

test("the five files that explain a process are as short as its README says", async () => {
  const page = await readPage("packages/processes/README.md");
  const [, number] = /Five files of under ([\d,]+) lines/.exec(page) ?? [];
  const files = [...page.matchAll(/^\d\. `([\w/.]+)`/gm)].map(([, path]) =>
    path
  );
  assertEquals(files.length, 5);
  let lines = 0;
  for (const path of files) {
    const text = await readPage(`packages/processes/${path}`);
    lines += text.split("\n").length - 1;
  }
  assert(lines < Number(number.replace(",", "")), `${lines} lines`);
});
