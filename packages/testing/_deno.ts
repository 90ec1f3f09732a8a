/**
 * The parts of the harness that only Deno runs.
 *
 * The types repeat those of the namespace `Deno`, which the declarations of the npm package cannot name: a Node.js
 * project that checks them has no such namespace. A test compares the two.
 */

import nodeProcess from "node:process";

/** A permission of a test: all, none, those of the file, or those listed. */
export type TestPermission = "inherit" | boolean | string[];

/** A permission of a test for files or programs. */
export type TestPathPermission = "inherit" | boolean | (string | URL)[];

/** The permissions of a test, as `Deno.PermissionOptions`. */
export interface TestPermissions {
  /**
   * Environment variables.
   *
   * @default {"inherit"}
   */
  env?: TestPermission;
  /**
   * Native libraries.
   *
   * @default {"inherit"}
   */
  ffi?: TestPathPermission;
  /**
   * Hosts to import from.
   *
   * @default {"inherit"}
   */
  import?: TestPermission;
  /**
   * Addresses.
   *
   * @default {"inherit"}
   */
  net?: TestPermission;
  /**
   * Files and folders to read.
   *
   * @default {"inherit"}
   */
  read?: TestPathPermission;
  /**
   * Programs to run.
   *
   * @default {"inherit"}
   */
  run?: TestPathPermission;
  /**
   * Information about the system.
   *
   * @default {"inherit"}
   */
  sys?: TestPermission;
  /**
   * Files and folders to write.
   *
   * @default {"inherit"}
   */
  write?: TestPathPermission;
}

/** The options of a step, as `Deno.TestStepDefinition`. */
export interface TestStepOptions {
  /**
   * Whether it does not run.
   *
   * @default {false}
   */
  ignore?: boolean;
  /**
   * Whether it fails if it starts operations, such as timers, that it does not await.
   *
   * @default {the test's}
   */
  sanitizeOps?: boolean;
  /**
   * Whether it fails if it leaves files or connections open.
   *
   * @default {the test's}
   */
  sanitizeResources?: boolean;
  /**
   * Whether it fails if it ends the process.
   *
   * @default {the test's}
   */
  sanitizeExit?: boolean;
}

/** The options of a test, as `Deno.TestDefinition`. */
export interface HostTestOptions extends TestStepOptions {
  /**
   * Whether the run is of such tests only, and fails.
   *
   * @default {false}
   */
  only?: boolean;
  /**
   * Its permissions, of those of the run.
   *
   * @default {"inherit"}
   */
  permissions?: "inherit" | "none" | TestPermissions;
  /**
   * The time limit, in milliseconds.
   *
   * @default {60000 with a node, else none}
   */
  timeout?: number;
  /**
   * How often to run it again if it fails.
   *
   * @default {0}
   */
  retry?: number;
  /**
   * How often to run it again; each run must pass.
   *
   * @default {0}
   */
  repeats?: number;
}

/** One step of a test, as `t.step` takes it. */
export interface TestStep extends TestStepOptions {
  /** The name that reports show. */
  name: string;
  /** Its code. */
  fn: (t: DenoTestContext) => void | Promise<void>;
}

/** Options of `assertSnapshot`, as `Deno.TestSnapshotOptions`. */
export interface TestSnapshotOptions<T = unknown> {
  /** The folder of the snapshot's file. */
  dir?: string;
  /** The snapshot's file. */
  path?: string;
  /** The snapshot's name in the file. */
  name?: string;
  /** The message of a failure. */
  msg?: string;
  /** Makes the text to compare. */
  serializer?: (actual: T) => string;
}

/** The context of a test, as `Deno.TestContext`. */
export interface DenoTestContext {
  /** The test's name. */
  name: string;
  /** The URL of its file. */
  origin: string;
  /** The test of which this is a step. */
  parent?: DenoTestContext;
  /** Runs a step; resolves with whether it passed. */
  step(definition: TestStep): Promise<boolean>;
  /** Runs a step; resolves with whether it passed. */
  step(
    name: string,
    fn: (t: DenoTestContext) => void | Promise<void>,
  ): Promise<boolean>;
  /** Runs a step with the function's name; resolves with whether it passed. */
  step(fn: (t: DenoTestContext) => void | Promise<void>): Promise<boolean>;
  /** Compares a value with the snapshot in a file. */
  assertSnapshot<T>(
    actual: T,
    options?: TestSnapshotOptions<T>,
  ): Promise<void>;
  /** Compares a value with the snapshot in a file. */
  assertSnapshot<T>(actual: T, message?: string): Promise<void>;
}

/** Whether the host is Deno. */
export function isDeno(): boolean {
  return "Deno" in globalThis;
}

/**
 * Throws a clear error on hosts other than Deno, instead of `Deno is not defined`.
 *
 * @throws {TypeError} On another host.
 */
export function assertDeno(what: string): void {
  if (isDeno()) return;
  const host = nodeProcess.versions.bun === undefined
    ? `Node.js ${nodeProcess.versions.node}`
    : `Bun ${nodeProcess.versions.bun}`;
  throw new TypeError(
    `Cannot ${what}: this part of the harness needs Deno 2.9 or later, and this is ${host}; with the test runner of ${host}, use startPeer(), startNodes() and SimulatedCluster`,
  );
}
