/** The files that `--module` names. */

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { ModuleExports } from "@otp/node/node";
import { quote } from "@otp/processes/values/inspect";
import { type ModuleFlag, UsageError } from "./flags.ts";
import { StartError } from "./report.ts";

/**
 * Loads modules, in order. They cannot have a name of `taken`. Throws a `UsageError` if a name is taken, or a file is
 * missing or has no functions, and a `StartError` if a file does not load.
 */
export async function loadModules(
  flags: readonly ModuleFlag[],
  taken: readonly string[],
): Promise<Record<string, ModuleExports>> {
  const modules: Record<string, ModuleExports> = {};
  for (const { name, path } of flags) {
    if (taken.includes(name)) {
      throw new UsageError(
        `Cannot use --module ${
          quote(`${name}=${path}`)
        }: ${name} means something else here; choose another name`,
      );
    }
    modules[name] = await load(name, path);
  }
  return modules;
}

async function load(name: string, path: string): Promise<ModuleExports> {
  const file = resolve(path);
  const what = `--module ${quote(`${name}=${path}`)}`;
  if (!isFile(file, what)) {
    throw new UsageError(
      `Cannot use ${what}: there is no file ${
        quote(file)
      }; the path starts at the working directory`,
    );
  }
  let exports: ModuleExports;
  try {
    exports = await import(pathToFileURL(file).href);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StartError(
      false,
      `Cannot use ${what}: it does not load: ${why}`,
      { cause: error },
    );
  }
  const functions = functionsOf(exports);
  if (Object.keys(functions).length > 0) return functions;
  throw new UsageError(
    `Cannot use ${what}: it exports no functions; write them as \`export function …\``,
  );
}

export function functionsOf(exports: ModuleExports): ModuleExports {
  return Object.fromEntries(
    Object.entries(exports).filter(([, each]) => typeof each === "function"),
  );
}

function isFile(path: string, what: string): boolean {
  try {
    return statSync(path).isFile();
  } catch (cause) {
    const { code, name } = cause as Error & { code?: string };
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    if (name !== "NotCapable") throw cause;
    throw new StartError(
      true,
      `Cannot use ${what}: the program may not read it; run it with --allow-read=${path}, by deno run if it is a task, whose permissions are fixed`,
      { cause },
    );
  }
}
