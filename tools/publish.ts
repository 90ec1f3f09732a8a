/**
 * Publishes every package of the workspace, the lower ones first, and the umbrella last: `deno task publish`. Flags are
 * those of `deno publish`; `--dry-run` only checks.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url);

/** The folders of the packages that are published, in the order in which they can be: no package imports a later one. */
export const PUBLISHED: readonly string[] = [
  "processes",
  "epmd",
  "servers",
  "node",
  "cluster",
  "observe",
  "beam",
  "channels",
  "entities",
  "streams",
  "workers",
  "testing",
  "shell",
].map((name) => `packages/${name}/`).concat("");

if (import.meta.main) {
  for (const folder of PUBLISHED) {
    const args = ["publish", ...Deno.args];
    const cwd = new URL(folder, ROOT);
    const { success } = await new Deno.Command(Deno.execPath(), { args, cwd })
      .spawn().status;
    if (success) continue;
    console.error(
      `Cannot publish ${
        folder === "" ? config.name : folder
      }: deno publish says why above`,
    );
    Deno.exit(1);
  }
}
