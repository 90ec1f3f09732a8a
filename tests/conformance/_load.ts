/** Finds the scenarios, and defines the modules of an area: `elixir/AREA.ex`. */

import type { ModuleExports } from "../../node.ts";
import { BINDINGS } from "./bindings/mod.ts";
import { IN_TYPESCRIPT } from "./_limits.ts";
import { define, type Module, setBindings } from "./interpreter/modules.ts";
import { parse } from "./interpreter/parser.ts";
import { InterpreterError } from "./interpreter/syntax.ts";
import { asPlain } from "./interpreter/values.ts";
import type { Scenario, ScenarioOptions } from "./_scenario.ts";
import * as Support from "./_scenario.ts";

const FOLDER = new URL("./elixir/", import.meta.url);

/** A module, as nodes export it. */
export interface ExportedModule {
  /** The name under which nodes export its functions. */
  module: string;
  exports: ModuleExports;
}

/** An area: a file of scenarios. */
export interface Area extends ExportedModule {
  /** The file's name, without its ending. */
  name: string;
  /** Its scenarios, in the order of the file. */
  scenarios: Scenario[];
}

function sources(): string[] {
  return [...Deno.readDirSync(FOLDER)].map(({ name }) => name.slice(0, -3))
    .sort();
}

export function areaNames(): string[] {
  return sources().filter((name) => !name.startsWith("support"));
}

/** The modules that all areas use: what scenarios are written with, and the files that they import. */
const SHARED: ExportedModule[] = [];

function defineFile(name: string): Module {
  const file = `elixir/${name}.ex`;
  const source = Deno.readTextFileSync(new URL(`${name}.ex`, FOLDER));
  try {
    return define(parse(source), file);
  } catch (error) {
    if (!(error instanceof InterpreterError)) throw error;
    throw new InterpreterError(`Cannot load ${file}: ${error.message}`);
  }
}

/** Defines the modules of some areas, or of all. */
export function loadAreas(names: readonly string[] = []): Area[] {
  if (SHARED.length === 0) {
    setBindings(BINDINGS);
    SHARED.push({ module: "Conformance", exports: Support });
    for (const name of sources()) {
      if (!name.startsWith("support_")) continue;
      const module = defineFile(name);
      SHARED.push({ module: module.name, exports: module.exports() });
    }
  }
  return areaNames()
    .filter((name) => names.length === 0 || names.includes(name))
    .map((name) => {
      const module = defineFile(name);
      const scenarios = module.scenarios.map((each): Scenario => ({
        name: `${name}: ${each.name}`,
        options: asPlain(each.options) as ScenarioOptions,
        fn: IN_TYPESCRIPT[`${name}: ${each.name}`] ?? each.fn,
      }));
      return {
        name,
        module: module.name,
        exports: module.exports(),
        scenarios,
      };
    });
}

/** All modules whose functions the nodes of a run export. */
export function exportedModules(areas: readonly Area[]): ExportedModule[] {
  return [...areas, ...SHARED];
}
