/**
 * The size of each package, which a house test only lets fall: `deno run -P=dev tools/package_sizes.ts` prints it, and
 * `--write` records it in `tests/house/packages.json`. Who raises a figure says why in the commit.
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "npm:typescript@^5";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** Where the sizes are recorded, from the root. */
export const RECORDED = "tests/house/packages.json";

/** Written by tools/generate.ts: nobody reads them. */
const GENERATED = /\/(?:client_source|help_table)\.ts$/;

/** What a reader of a package has before them. */
export interface PackageSize {
  /** Lines of all its files, comments included, without generated ones. */
  lines: number;
  /** Lines of its longest function. */
  longest: number;
  /** Files of other packages that it imports, by package. */
  imports: Record<string, number>;
}

/** Measures each package, and the umbrella as "distribution". */
export async function packageSizes(): Promise<Record<string, PackageSize>> {
  const sizes: Record<string, PackageSize> = {};
  for await (const { name } of Deno.readDir(join(ROOT, "packages"))) {
    sizes[name] = await sizeOf([`packages/${name}`]);
  }
  sizes.distribution = await sizeOf([
    "chat",
    "exports",
    "mod.ts",
    "node.ts",
    "task_supervisor.ts",
  ]);
  return Object.fromEntries(
    Object.entries(sizes).sort(([a], [b]) => a < b ? -1 : 1),
  );
}

async function sizeOf(places: readonly string[]): Promise<PackageSize> {
  let lines = 0;
  let longest = 0;
  const imported = new Set<string>();
  for (const place of places) {
    for await (const path of filesAt(place)) {
      const text = await Deno.readTextFile(join(ROOT, path));
      lines += text.split("\n").length - 1;
      longest = Math.max(longest, longestIn(path, text));
      for (const [, specifier] of text.matchAll(/"(@otp\/\w+(?:\/\w+)*)"/g)) {
        if (!specifier.startsWith("@otp/distribution")) imported.add(specifier);
      }
    }
  }
  const imports: Record<string, number> = {};
  for (const specifier of [...imported].sort()) {
    const name = specifier.split("/")[1];
    imports[name] = (imports[name] ?? 0) + 1;
  }
  return { lines, longest, imports };
}

async function* filesAt(place: string): AsyncGenerator<string> {
  if (place.endsWith(".ts")) {
    if (!GENERATED.test(place)) yield place;
    return;
  }
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, place))) {
    if (isDirectory || name.endsWith(".ts")) yield* filesAt(`${place}/${name}`);
  }
}

function longestIn(path: string, text: string): number {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
  const lineAt = (position: number) =>
    source.getLineAndCharacterOfPosition(position).line;
  let longest = 0;
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && "body" in node && node.body) {
      const from = lineAt(node.getStart(source));
      longest = Math.max(longest, lineAt(node.end) - from + 1);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return longest;
}

if (import.meta.main) {
  const sizes = JSON.stringify(await packageSizes(), undefined, 2) + "\n";
  if (Deno.args.includes("--write")) {
    await Deno.writeTextFile(join(ROOT, RECORDED), sizes);
  } else console.log(sizes);
}
