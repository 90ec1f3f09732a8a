/**
 * The flags of a node, for a program of your own.
 *
 * @module
 */

import nodeProcess from "node:process";
import type { NodeOptions } from "@otp/node/node";
import { checkOptions, FLAG } from "@otp/processes/values/check_arguments";
import { printable } from "@otp/processes/values/inspect";
import { writeError, writeOutput } from "@otp/processes/host/standard_streams";
import {
  type DashboardFlags,
  listFlags,
  NODE_FLAGS,
  parseNodeFlags,
  UsageError,
} from "./flags.ts";
import { EXIT } from "./report.ts";
import type { OptionChecks } from "@otp/processes/values/options";

export { UsageError };

/** Options for {@linkcode nodeFlags}. */
export interface NodeFlagsOptions {
  /**
   * The command line.
   *
   * @default {the program's own}
   */
  args?: readonly string[];
  /**
   * Whether the program ends at `--help` and at a wrong command line, after it has printed the flags or the error.
   *
   * @default {true}
   */
  exit?: boolean;
}

const NODE_FLAGS_OPTIONS: OptionChecks<NodeFlagsOptions> = {
  args: {
    accepts: (args) =>
      Array.isArray(args) && args.every((each) => typeof each === "string"),
    give: "a list of strings",
  },
  exit: FLAG,
};

/**
 * Reads the options of a node from the command line: the flags with which the shell and the chat start a node, and
 * no others. Settings of the program itself can come from environment variables.
 *
 * `--help` prints the flags and ends the program with the exit code 0. A wrong command line, or a missing name
 * (`--sname` or `--name`), prints the error and ends the program with the exit code 2.
 *
 * With `--dashboard`, `Node.start` also serves the page of the dashboard and prints its link to standard error; the option
 * `onStart` does that.
 *
 * As in Elixir, where `elixir --sname alex --cookie c program.exs` starts the program on a node.
 *
 * @returns Options for `Node.start`. The log level is `"warning"` unless `--log-level` says otherwise.
 * @throws {UsageError} With `exit: false`, if the command line is wrong; for `--help`, the message is the list of flags.
 * @throws {TypeError} If an option is of the wrong type.
 *
 * @example Usage
 * ```ts
 * import { nodeFlags } from "@otp/distribution/node-flags";
 * import { assertEquals } from "@std/assert";
 *
 * const args = ["--sname", "web@localhost", "--port", "4370", "--cluster", "dns:web.example:4370"];
 * const { name, port, cluster } = nodeFlags({ args });
 * assertEquals([name, port], ["web@localhost", 4370]);
 * assertEquals(cluster, {
 *   "dns:web.example:4370": { strategy: "dns", query: "web.example", port: 4370 },
 * });
 * ```
 */
export function nodeFlags(options: NodeFlagsOptions = {}): NodeOptions {
  checkOptions(
    options,
    "read the flags of a node",
    NODE_FLAGS_OPTIONS,
    '{ args: ["--sname", "alex@localhost"] }',
  );
  const { args = nodeProcess.argv.slice(2), exit = true } = options;
  try {
    const { node, help, dashboard } = parseNodeFlags(args);
    if (node !== undefined && !help && dashboard !== undefined) {
      node.onStart = () => printPage(dashboard);
    }
    if (node !== undefined) return node;
    const flags = `Flags:\n${listFlags(NODE_FLAGS)}\n`;
    if (!help) {
      throw new UsageError(
        "Cannot start the program without a node: give --sname NAME, as in --sname alex@localhost; --help lists the flags",
      );
    }
    if (!exit) throw new UsageError(flags);
    writeOutput(flags);
    nodeProcess.exit(EXIT.OK);
  } catch (error) {
    if (!exit || !(error instanceof UsageError)) throw error;
    writeError(`${printable(error.message)}\n`);
    nodeProcess.exit(EXIT.USAGE);
  }
}

/** Starts the page of `--dashboard`, and prints its link. */
async function printPage(options: DashboardFlags): Promise<void> {
  // Programs without the page do not load it.
  const { startDashboard } = await import("./dashboard_flag.ts");
  writeError(`Dashboard: ${await startDashboard(options)}\n`);
}
