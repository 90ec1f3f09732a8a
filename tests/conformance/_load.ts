/** Finds the scenarios: a file of `scenarios/` for each area. */

import type { ModuleExports } from "../../node.ts";
import { type Scenario, scenarios } from "./_scenario.ts";

const FOLDER = new URL("./scenarios/", import.meta.url);

/** An area: a file of scenarios, as nodes export it. */
export interface Area {
  /** The file's name, without its ending. */
  name: string;
  /** The name under which nodes export its functions. */
  module: string;
  url: string;
  /** Its functions. */
  exports: ModuleExports;
  /** Its scenarios, in the order of the file. */
  scenarios: Scenario[];
}

export function areaNames(): string[] {
  return [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
    .filter((name) => name.endsWith(".ts"))
    .map((name) => name.slice(0, -3))
    .sort();
}

/** Imports the scenarios of some areas, or of all. */
export async function loadAreas(
  names: readonly string[] = [],
): Promise<Area[]> {
  const wanted = areaNames()
    .filter((name) => names.length === 0 || names.includes(name));
  const areas: Area[] = [];
  for (const name of wanted) {
    const before = scenarios.length;
    const url = new URL(`${name}.ts`, FOLDER).href;
    const exports = await import(url);
    areas.push({
      name,
      module: moduleName(name),
      url,
      exports: Object.fromEntries(
        Object.entries(exports).filter(([, value]) =>
          typeof value === "function"
        ),
      ),
      scenarios: scenarios.slice(before).map((each) => ({
        ...each,
        name: `${name}: ${each.name}`,
      })),
    });
  }
  return areas;
}

function moduleName(area: string): string {
  const words = area.split("_").map((word) =>
    word[0].toUpperCase() + word.slice(1)
  );
  return `Conformance.${words.join("")}`;
}
