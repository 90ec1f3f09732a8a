/**
 * The commands of a shell for modules: `r` and `recompile` load changed files again, `exports` lists functions.
 *
 * A file is loaded again under its address with a number, as hosts load each address once. The files that it imports
 * keep their state. Running processes keep the functions that they were started with.
 */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { currentRuntime } from "@otp/processes/runtime/current_process";
import { inspect, printable } from "@otp/processes/values/inspect";
import type { ModuleExports } from "@otp/node/node";
import type { Scope } from "./cli/evaluate.ts";
import { functionsOf } from "./cli/modules.ts";
import type { Sources } from "./help.ts";
import { type PRINTED, printed } from "./printed.ts";

/** The modules of a shell that can be loaded again. */
export interface ReloadableModules {
  scope(): Scope;
  sources: Sources;
}

let loads = 0;

export function makeModuleCommands(
  { scope, sources }: ReloadableModules,
): Record<"exports" | "r" | "recompile", unknown> {
  const nameOf = (module: unknown) =>
    typeof module === "string"
      ? module
      : Object.keys(scope()).find((name) => scope()[name] === module);

  async function load(name: string): Promise<string> {
    const source = sources[name];
    const url = new URL(
      source instanceof URL || URL.canParse(source)
        ? source
        : pathToFileURL(resolve(source)),
    );
    url.searchParams.set("load", String(++loads));
    const loaded: ModuleExports = await import(url.href);
    const functions = functionsOf(loaded);
    scope()[name] = functions;
    const { modules } = currentRuntime();
    // Other nodes call the module too, unless the node does not export it.
    if ([...modules.entries()].some(([exported]) => exported === name)) {
      modules.add(name, functions);
    }
    return `${name} is loaded: ${functionsText(functions)}`;
  }

  async function r(module: unknown): Promise<typeof PRINTED> {
    const name = nameOf(module);
    if (name !== undefined && Object.hasOwn(sources, name)) {
      return await printed(await load(name));
    }
    const known = Object.keys(sources).join(", ");
    throw new TypeError(
      `Cannot load ${name ?? inspect(module)} again: its file is not known; ${
        known === ""
          ? "start with --module Name=./file.ts"
          : `r takes one of ${known}`
      }, or type await import("./file.ts?2")`,
    );
  }

  async function recompile(): Promise<typeof PRINTED> {
    const lines: string[] = [];
    for (const name of Object.keys(sources)) lines.push(await load(name));
    return await printed(
      lines.length === 0
        ? "There is nothing to load: start with --module Name=./file.ts"
        : lines.join("\n"),
    );
  }

  async function exports(module: unknown): Promise<typeof PRINTED> {
    const value = typeof module === "string" ? scope()[module] : module;
    const kind = typeof value;
    if (value === null || (kind !== "object" && kind !== "function")) {
      throw new TypeError(
        `Cannot list the functions of ${
          inspect(module)
        }: give a module in scope, as in exports(Node)`,
      );
    }
    return await printed(functionsText(value as object));
  }

  return { exports, r, recompile };
}

/** The functions of a module, each with its number of parameters. */
function functionsText(module: object): string {
  const texts = Object.entries(Object.getOwnPropertyDescriptors(module))
    .filter(([, { value }]) => typeof value === "function")
    .map(([name, { value }]) => `${printable(name)}/${value.length}`);
  return texts.sort().join(", ") || "no functions";
}
