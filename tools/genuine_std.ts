/**
 * Runs the tests with the genuine packages of `@std` in place of the stand-ins: `deno task std FOLDER`.
 *
 * FOLDER is a clone of denoland/std. The tests run in a copy of the last commit, whose workspace has the packages of that
 * clone. Further arguments are those of `deno task test`; without any, everything runs.
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The stand-in for a package in the workspace. */
const STAND_IN = /^\.\/tools\/offline_std\//;

/** The packages that the replaced ones import. */
const IMPORTED = ["async", "data_structures", "internal"];

async function run(cwd: string, program: string, ...args: string[]) {
  const { success } = await new Deno.Command(program, { args, cwd })
    .spawn().status;
  if (!success) {
    throw new Error(`Cannot run ${program} ${args.join(" ")}: see above`);
  }
}

/** Copies the last commit into a folder, with the packages of a clone; returns their versions. */
async function copyWith(std: string, folder: string): Promise<string[]> {
  await run(ROOT, "git", "clone", "--quiet", "--no-hardlinks", ".", folder);
  const replaced = config.workspace.filter((each) => STAND_IN.test(each))
    .map((each) => each.replace(STAND_IN, ""));
  const names = [...replaced, ...IMPORTED];
  const archive = join(folder, "std.tar");
  await run(std, "git", "archive", "-o", archive, "HEAD", ...names);
  await Deno.mkdir(join(folder, "std"));
  await run(
    ...[folder, "tar", "-x", "-C", "std", "-f", archive] as const,
    // Their own tests are not the question.
    ...["--exclude=*_test.ts", "--exclude=testdata"],
  );
  await Deno.remove(archive);
  const workspace = [
    ...config.workspace.filter((each) => !STAND_IN.test(each)),
    ...names.map((name) => `./std/${name}`),
  ];
  await Deno.writeTextFile(
    join(folder, "deno.json"),
    JSON.stringify({ ...config, workspace }, undefined, 2),
  );
  return names.map((name) => {
    const text = Deno.readTextFileSync(join(folder, "std", name, "deno.json"));
    const own = JSON.parse(text);
    return `${own.name} ${own.version}`;
  });
}

if (import.meta.main) {
  const [std, ...args] = Deno.args;
  if (std === undefined) {
    console.error("Cannot run: name the folder of a clone of denoland/std");
    Deno.exit(2);
  }
  const folder = await Deno.makeTempDir({ prefix: "std-" });
  try {
    console.log((await copyWith(await Deno.realPath(std), folder)).join(", "));
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "test", ...args],
      cwd: folder,
    }).spawn().status;
    Deno.exitCode = code;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
