/**
 * Writes the generated files, or some of them: `deno task generate packages/shell/help_table.ts`.
 *
 * `.gitattributes` names these files, so that a review folds them and counts leave them out.
 *
 * @module
 */

import { clientSource } from "./dashboard_client.ts";
import { helpTable } from "./help_table.ts";
import { record } from "./protocol_transcript.ts";
import { vectors } from "./protocol_vectors.ts";

const ROOT = new URL("../", import.meta.url);

/** The generated files, and the function that returns the content of each. */
export const GENERATED: Record<string, () => string | Promise<string>> = {
  "docs/protocol_transcript.txt": record,
  "docs/protocol_vectors.json": () =>
    JSON.stringify(vectors(), undefined, 2) + "\n",
  "packages/observe/dashboard/client_source.ts": clientSource,
  "packages/shell/help_table.ts": helpTable,
};

if (import.meta.main) {
  const paths = Deno.args.length > 0 ? Deno.args : Object.keys(GENERATED);
  for (const path of paths) {
    const make = GENERATED[path];
    if (make === undefined) {
      console.error(
        `Cannot generate ${path}: choose from ${
          Object.keys(GENERATED).join(", ")
        }`,
      );
      Deno.exit(2);
    }
    await Deno.writeTextFile(new URL(path, ROOT), await make());
    console.log(path);
  }
}
