/** The functions that scenarios of several areas use, as nodes export them: under the names of Elixir's modules. */

import type { ModuleExports } from "../../node.ts";
import type { Area } from "./_load.ts";
import * as Scenario from "./_scenario.ts";
import * as Tasks from "./_tasks.ts";

/** A file whose functions nodes export. */
export type ExportedFile = Pick<Area, "module" | "url" | "exports">;

const SUPPORT: readonly ExportedFile[] = [
  file("Conformance", "./_scenario.ts", Scenario),
  file("Conformance.Tasks", "./_tasks.ts", Tasks),
];

function file(
  module: string,
  path: string,
  exports: ModuleExports,
): ExportedFile {
  return { module, url: import.meta.resolve(path), exports };
}

/** All files whose functions the nodes of a run export. */
export function exportedFiles(areas: readonly Area[]): ExportedFile[] {
  return [...areas, ...SUPPORT];
}
