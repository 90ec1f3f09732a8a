/**
 * Runs a project's tests: `deno test` with ExUnit's filters, a live node on request, and the true totals at the end.
 *
 * @example As a project's own task, in `deno.json`
 * ```json
 * { "tasks": { "test": "deno run -A jsr:@otp/distribution/testing/main -A" } }
 * ```
 *
 * @module
 */

export * from "@otp/testing/main";

import { main } from "@otp/testing/main";

if (import.meta.main) Deno.exit(await main(Deno.args));
