/** Loads the program of a test's node, and starts the node. */

import nodeProcess from "node:process";
import { pathToFileURL } from "node:url";
import { NodeStartError } from "@otp/processes/errors";
import type { ApplicationSpec } from "@otp/servers/application/application";
import { type ModuleExports, Node, type NodeOptions } from "@otp/node/node";
import { isDeno } from "./_deno.ts";
import { configured, type TestProgram } from "./configuration.ts";

/** The module that a peer exports for its test. */
export const HARNESS_MODULE = "otp.testing";

/** The line that a peer prints when it can be reached. */
export const UP = "\0up\n";

/** The result of a call to a peer, with the secret token of the call. */
export type Called =
  | { type: "called"; token: string; value: unknown }
  | { type: "failed"; token: string; error: unknown };

/** A program whose files are URLs. */
export interface LocatedProgram {
  /** The modules' files, by name. */
  modules: Record<string, string>;
  /** The application's file. */
  application: string | undefined;
}

/** Finds a program's files: the given ones, or else the configured ones. */
export function locateProgram(given: TestProgram): LocatedProgram {
  const { program } = configured;
  const modules = given.modules ?? program.modules;
  const application = given.application ?? program.application;
  return {
    modules: Object.fromEntries(
      Object.entries(modules ?? {}).map(([name, file]) => [name, href(file)]),
    ),
    application: application === undefined ? undefined : href(application),
  };
}

function href(file: string | URL): string {
  return new URL(file, mainModule()).href;
}

/** The URL of the file with which the program was started: the test's. */
function mainModule(): string {
  return isDeno()
    ? Deno.mainModule
    : pathToFileURL(nodeProcess.argv[1] ?? "").href;
}

/** Imports the modules of a program: their functions, by name. */
export async function loadProgramModules(
  { modules }: LocatedProgram,
): Promise<Record<string, ModuleExports>> {
  const loaded: Record<string, ModuleExports> = {};
  for (const [name, file] of Object.entries(modules)) {
    const exports: Record<string, unknown> = await import(file);
    const functions = Object.entries(exports)
      .filter(([, value]) => typeof value === "function");
    loaded[name] = Object.fromEntries(functions);
  }
  return loaded;
}

/** Imports the application of a program. Throws a `TypeError` if the program's file exports no application. */
export async function loadApplication(
  { application }: LocatedProgram,
): Promise<ApplicationSpec | undefined> {
  if (application === undefined) return undefined;
  const exports: Record<string, unknown> = await import(application);
  const found = Object.values(exports).find(isApplication);
  if (found !== undefined) return found;
  throw new TypeError(
    `Cannot start the application of ${application}: it exports none; export one as { name, start }`,
  );
}

function isApplication(value: unknown): value is ApplicationSpec {
  return typeof value === "object" && value !== null &&
    typeof (value as ApplicationSpec).name === "string" &&
    typeof (value as ApplicationSpec).start === "function";
}

/** The time for which EPMD may reserve a killed node's name, in milliseconds. */
const NAME_IS_HELD = 3000;

/** Starts a node; retries while its name is reserved. */
export async function startWhenFree(options: NodeOptions): Promise<Node> {
  const until = performance.now() + NAME_IS_HELD;
  for (;;) {
    try {
      return await Node.start({ onTreeEnd: "continue", ...options });
    } catch (error) {
      if (
        !(error instanceof NodeStartError && error.code === "in_use") ||
        performance.now() > until
      ) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
