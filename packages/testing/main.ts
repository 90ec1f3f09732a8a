/**
 * Runs a project's tests: `deno test` with ExUnit's filters, a live node on request, and the true totals at the end.
 *
 * @module
 */

import nodeProcess from "node:process";
import { runCommand, runInOneProcess } from "./_run_command.ts";

const HELP = `Usage: deno task test [flags] [files]

Runs the tests. Deno's own options, as in deno test --help, are passed on. A file may be named
without its folder.

Flags:
  --include TAG[:VALUE]  Run tests that have the tag, whatever excludes them; repeatable
  --exclude TAG[:VALUE]  Do not run tests that have the tag; repeatable
  --only TAG[:VALUE]     Run those tests alone; repeatable
  --sname NAME           Run distributed tests on a live node of that name, as in sophie@localhost
  --name NAME            The same with a long name, as in sophie@host.example.org
  --cookie SECRET        The secret of the cluster; others on this machine can see it
  --cookie-file FILE     A file with the secret [$HOME/.erlang.cookie]
  --epmd-port PORT       EPMD's port [ERL_EPMD_PORT, or 4369]
  --may-exclude TAG      Fail if tests are excluded by any other tag, which may be a program that
                         is not installed; repeatable
  -h, --help             Show this
`;

/**
 * Runs the tests.
 *
 * @param args The command line, as `--help` describes it.
 * @returns The exit code: 0 if all tests that ran have passed.
 *
 * @example Usage
 * ```ts ignore
 * import { main } from "@otp/distribution/testing/main";
 *
 * Deno.exit(await main(["-A", "--only", "distributed", "--sname", "sophie@localhost"]));
 * ```
 */
export function main(args: readonly string[]): Promise<number> {
  return runCommand(args, HELP, runInOneProcess);
}

if (import.meta.main) nodeProcess.exit(await main(nodeProcess.argv.slice(2)));
