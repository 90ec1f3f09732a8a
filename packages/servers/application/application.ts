/**
 * Applications: components that are started and stopped as a unit, each with its own configuration.
 *
 * Each function follows the function of the same name in Elixir's
 * [Application](https://hexdocs.pm/elixir/1.18/Application.html): `putEnv` is `put_env`.
 *
 * @module
 */

import {
  startApplications,
  STOP_TIMEOUT,
  stopApplication,
} from "./application_client.ts";
import {
  type Applications,
  applicationsOf,
  type ApplicationType,
} from "./application_controller.ts";
import type { ApplicationSpec } from "./application_spec.ts";
import { timeoutOf } from "../server/call.ts";
import {
  checkOptions,
  checkRecord,
  checkString,
  FLAG,
  oneOf,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";
import { currentRuntime } from "@otp/processes/runtime/current_process";
import { inspect, quote } from "@otp/processes/values/inspect";
import type { OptionChecks } from "@otp/processes/values/options";

export type { ApplicationSpec, ApplicationType };
export { ApplicationStartError } from "./application_client.ts";

export type { Pid } from "@otp/processes/values/pid";

/** A setting that exists, from {@linkcode Application.fetchEnv}. */
export interface EnvValue<T> {
  /** Always `"ok"`. */
  type: "ok";
  /** The value of the setting. */
  value: T;
}

/** The description of an application that {@linkcode Application.spec} returns. */
export interface LoadedApplication {
  /** The application's name. */
  name: string;
  /** A one-line description. */
  description: string | undefined;
  /** The application's version. */
  vsn: string | undefined;
  /** The names of the applications that must run before it starts. */
  applications: string[];
}

const SPEC_KEYS: readonly unknown[] = [
  "name",
  "description",
  "vsn",
  "applications",
];

/** Options for {@linkcode Application.start}. */
export interface ApplicationStartOptions {
  /**
   * The reaction when the top supervisor of the application, or of a dependency that was started for it, exits by itself.
   * `"permanent"`: the node stops, and the program ends (see `onTreeEnd` of `Node.start`). `"transient"`: the same, unless
   * the reason is `"normal"`. `"temporary"`: the exit is only logged.
   *
   * @default {"permanent"}
   */
  type?: ApplicationType;
}

const START_OPTIONS: OptionChecks<ApplicationStartOptions> = {
  type: oneOf("permanent", "transient", "temporary"),
};

/** Options for {@linkcode Application.stop}. */
export interface ApplicationStopOptions {
  /**
   * How long the top supervisor of each application may take to stop, in milliseconds; then it is killed.
   *
   * @default {60_000}
   */
  timeout?: number;
}

const STOP_OPTIONS: OptionChecks<ApplicationStopOptions> = { timeout: TIMEOUT };

/** Options for {@linkcode Application.putEnv} and {@linkcode Application.deleteEnv}. */
export interface EnvOptions {
  /**
   * Whether the setting survives the first start of its application. At that start, the application's own
   * environment overwrites settings that are not persistent.
   *
   * @default {false}
   */
  persistent?: boolean;
}

const ENV_OPTIONS: OptionChecks<EnvOptions> = { persistent: FLAG };

function here(): Applications {
  return applicationsOf(currentRuntime());
}

/**
 * Starts and stops applications, and stores their environments.
 *
 * Applications and their environments belong to a node: that of the calling process, or the default node for
 * code outside any process. Settings remain whether or not the application runs. A setting can be any value,
 * even a function, as it never leaves the node. The type that a caller states for a setting is not checked.
 *
 * @example Configuration that is loaded before the start wins over the application's own
 * ```ts
 * import { Application, Supervisor } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * Application.load({ shop: { currency: "EUR" } });
 * await Application.start({
 *   name: "shop",
 *   env: { currency: "USD", limit: 10 },
 *   start: () => Supervisor.startLink([], { strategy: "one_for_one" }),
 * });
 * assertEquals(Application.getAllEnv("shop"), { currency: "EUR", limit: 10 });
 * await Application.stop("shop");
 * ```
 */
export class Application {
  private constructor() {}

  /**
   * Starts an application, after the applications that it depends on.
   *
   * Follows [Application.ensure_all_started/2](https://hexdocs.pm/elixir/1.18/Application.html#ensure_all_started/2).
   * If the application already runs, its dependencies are not started. A process of the application starts the top
   * supervisor, so the application does not end with the caller, and prints where the node prints. If an application
   * fails to start, the dependencies that were started for it are stopped again.
   *
   * When the top supervisor exits by itself, the application's `prepStop` and `stop` are called, the exit is
   * logged, and the application no longer counts as started. The application's type decides what follows, see
   * {@linkcode ApplicationStartOptions}. A program that ends for this reason has the exit code 1, like a release of
   * Elixir. With `"temporary"`, applications that depend on the exited one continue too. Without a node, the program
   * always continues.
   *
   * @returns `"ok"`, or `"already_started"` if an application of that name runs.
   * @throws {ApplicationStartError} If the application, or one that it depends on, does not start.
   * @throws {TypeError} If the application is invalid, or depends on itself.
   *
   * @example Usage
   * ```ts
   * import { Application, type ApplicationSpec, Supervisor } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const start = () => Supervisor.startLink([], { strategy: "one_for_one" });
   * const store: ApplicationSpec = { name: "store", start };
   * const web: ApplicationSpec = { name: "web", start, applications: [store] };
   *
   * assertEquals(await Application.start(web), "ok");
   * assertEquals(await Application.start(store), "already_started");
   * assertEquals(Application.started(), ["store", "web"]);
   * await Application.stop("web");
   * await Application.stop("store");
   * assertEquals(Application.started(), []);
   * ```
   */
  static async start(
    application: ApplicationSpec,
    options: ApplicationStartOptions = {},
  ): Promise<"ok" | "already_started"> {
    const what = "start an application";
    checkOptions(options, what, START_OPTIONS, '{ type: "temporary" }');
    const { type = "permanent" } = options;
    return await startApplications(here(), application, type);
  }

  /**
   * Stops an application and waits until it has stopped.
   *
   * First its `prepStop` is called; then its top supervisor receives the exit signal `"shutdown"` and ends its
   * children, last started first; then its `stop` is called. If `prepStop` or `stop` throws, the error is logged, and
   * stopping continues. Applications that depend on the stopped one keep running, and so do its dependencies.
   *
   * @returns `"ok"`, or `"not_started"`.
   *
   * @example Usage
   * ```ts
   * import { Application } from "@otp/distribution/application";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await Application.stop("nothing"), "not_started");
   * ```
   */
  static async stop(
    name: string,
    options: ApplicationStopOptions = {},
  ): Promise<"ok" | "not_started"> {
    checkString(name, "stop the application");
    const timeout = timeoutOf(
      options,
      STOP_TIMEOUT,
      "stop an application",
      STOP_OPTIONS,
    );
    return await stopApplication(here(), name, timeout);
  }

  /**
   * Returns the names of the running applications, in the order of their start.
   *
   * @example Usage
   * ```ts
   * import { Application } from "@otp/distribution/application";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Application.started(), []);
   * ```
   */
  static started(): string[] {
    return here().running();
  }

  /**
   * Returns the specification of an application that has been started, even if it no longer runs.
   *
   * @returns A copy of the specification, or `undefined` if there is no such application.
   *
   * @example Usage
   * ```ts
   * import { Application, Supervisor } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * await Application.start({
   *   name: "shop",
   *   vsn: "1.2.0",
   *   start: () => Supervisor.startLink([], { strategy: "one_for_one" }),
   * });
   * assertEquals(Application.spec("shop", "vsn"), "1.2.0");
   * assertEquals(Application.spec("shop")?.applications, []);
   * assertEquals(Application.spec("nothing"), undefined);
   * ```
   */
  static spec(app: string): LoadedApplication | undefined;
  /**
   * Returns one property of an application's specification.
   *
   * @returns The property's value, or `undefined` if there is no such application.
   * @throws {TypeError} If the key is not one of {@linkcode LoadedApplication}.
   */
  static spec<K extends keyof LoadedApplication>(
    app: string,
    key: K,
  ): LoadedApplication[K] | undefined;
  static spec(app: string, ...keys: (keyof LoadedApplication)[]): unknown {
    checkString(app, "tell of the application");
    if (keys.length > 0 && !SPEC_KEYS.includes(keys[0])) {
      throw new TypeError(
        `Cannot tell ${inspect(keys[0])} of the application ${
          quote(app)
        }: give ${SPEC_KEYS.map((key) => quote(String(key))).join(", ")}`,
      );
    }
    const found = here().loaded(app);
    if (found === undefined) return undefined;
    const { name, description, vsn, applications = [] } = found;
    const spec: LoadedApplication = {
      name,
      description,
      vsn,
      applications: applications.map((each) => each.name),
    };
    const [key] = keys;
    return key === undefined ? spec : spec[key];
  }

  /**
   * Stores the settings of several applications at once, as a configuration file does.
   *
   * Follows [Application.put_all_env/2](https://hexdocs.pm/elixir/1.18/Application.html#put_all_env/2) with
   * `persistent: true`: they take precedence over the applications' own environments.
   *
   * @param config The settings, by application and key.
   *
   * @example Usage
   * ```ts
   * import { Application } from "@otp/distribution/application";
   * import { assertEquals } from "@std/assert";
   *
   * Application.load({ chat: { greeting: "hi" } });
   * assertEquals(Application.getEnv("chat", "greeting"), "hi");
   * ```
   */
  static load(config: Record<string, Record<string, unknown>>): "ok" {
    checkRecord(config, "load", '{ chat: { greeting: "hi" } }');
    for (const [app, values] of Object.entries(config)) {
      checkRecord(values, `load ${quote(app)}`, '{ greeting: "hi" }');
    }
    for (const [app, values] of Object.entries(config)) {
      for (const [key, value] of Object.entries(values)) {
        Application.putEnv(app, key, value, { persistent: true });
      }
    }
    return "ok";
  }

  /**
   * Stores a setting.
   *
   * When the application starts for the first time, its own environment overwrites earlier settings that are not
   * persistent.
   *
   * @param value The value; it is stored as is, not copied.
   *
   * @example Usage
   * ```ts
   * import { Application } from "@otp/distribution/application";
   * import { assertEquals } from "@std/assert";
   *
   * Application.putEnv("chat", "supervisor", (node: string) => `sup of ${node}`);
   * const resolve = Application.getEnv<(node: string) => string>("chat", "supervisor")!;
   * assertEquals(resolve("kate@localhost"), "sup of kate@localhost");
   * ```
   */
  static putEnv(
    app: string,
    key: string,
    value: unknown,
    options: EnvOptions = {},
  ): "ok" {
    checkSetting(app, key);
    checkEnvOptions(options);
    here().env.put(app, key, value, options.persistent === true);
    return "ok";
  }

  /**
   * Returns a setting, or `undefined` if it is not set.
   *
   * @example Usage
   * ```ts
   * import { Application } from "@otp/distribution/application";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Application.getEnv("chat", "nothing"), undefined);
   * assertEquals(Application.getEnv("chat", "nothing", 5), 5);
   * ```
   */
  static getEnv<T = unknown>(app: string, key: string): T | undefined;
  /**
   * Returns a setting, or a default if it is not set.
   *
   * @param otherwise The default.
   */
  static getEnv<T>(app: string, key: string, otherwise: T): T;
  static getEnv<T>(app: string, key: string, otherwise?: T): T | undefined {
    const found = Application.fetchEnv<T>(app, key);
    return found === "error" ? otherwise : found.value;
  }

  /**
   * Returns a setting, and distinguishes `undefined` from a setting that is not set.
   *
   * @returns The value in an {@linkcode EnvValue}, or `"error"` if it is not set.
   *
   * @example Usage
   * ```ts
   * import { Application } from "@otp/distribution/application";
   * import { assertEquals } from "@std/assert";
   *
   * Application.putEnv("chat", "greeting", undefined);
   * assertEquals(Application.fetchEnv("chat", "greeting"), { type: "ok", value: undefined });
   * assertEquals(Application.fetchEnv("chat", "nothing"), "error");
   * ```
   */
  static fetchEnv<T = unknown>(
    app: string,
    key: string,
  ): EnvValue<T> | "error" {
    checkSetting(app, key);
    const values = here().env.of(app);
    return values?.has(key)
      ? { type: "ok", value: values.get(key) as T }
      : "error";
  }

  /**
   * Returns a setting, and throws if it is not set: Elixir's `fetch_env!`.
   *
   * @throws {TypeError} If the setting is not set.
   *
   * @example Usage
   * ```ts
   * import { Application } from "@otp/distribution/application";
   * import { assertEquals, assertThrows } from "@std/assert";
   *
   * Application.putEnv("chat", "greeting", "hi");
   * assertEquals(Application.fetchEnvOrThrow("chat", "greeting"), "hi");
   * assertThrows(() => Application.fetchEnvOrThrow("chat", "nothing"), TypeError);
   * ```
   */
  static fetchEnvOrThrow<T = unknown>(app: string, key: string): T {
    const found = Application.fetchEnv<T>(app, key);
    if (found !== "error") return found.value;
    throw new TypeError(
      `Cannot fetch ${quote(key)} of the application ${
        quote(app)
      }: it is not set on ${currentRuntime().node}; put it, or load a configuration that has it`,
    );
  }

  /**
   * Deletes a setting.
   *
   * A persistent setting reappears when its application starts for the first time, unless it is deleted with
   * `persistent: true`.
   *
   * @param options Whether to delete a persistent setting for good.
   * @returns `"ok"`, even if the setting did not exist.
   *
   * @example Usage
   * ```ts
   * import { Application } from "@otp/distribution/application";
   * import { assertEquals } from "@std/assert";
   *
   * Application.putEnv("chat", "greeting", "hi");
   * Application.deleteEnv("chat", "greeting");
   * assertEquals(Application.getEnv("chat", "greeting"), undefined);
   * ```
   */
  static deleteEnv(app: string, key: string, options: EnvOptions = {}): "ok" {
    checkSetting(app, key);
    checkEnvOptions(options);
    here().env.delete(app, key, options.persistent === true);
    return "ok";
  }

  /**
   * Returns all settings of an application.
   *
   * @returns A new object with the values by key.
   *
   * @example Usage
   * ```ts
   * import { Application } from "@otp/distribution/application";
   * import { assertEquals } from "@std/assert";
   *
   * Application.load({ bank: { greeting: "hi", limit: 5 } });
   * assertEquals(Application.getAllEnv("bank"), { greeting: "hi", limit: 5 });
   * ```
   */
  static getAllEnv(app: string): Record<string, unknown> {
    checkString(app, "look for the settings of the application");
    return Object.fromEntries(here().env.of(app) ?? []);
  }
}

function checkSetting(app: unknown, key: unknown): void {
  checkString(app, "look for a setting of the application");
  checkString(key, `look for a setting of ${quote(app)} under the key`);
}

function checkEnvOptions(options: EnvOptions): void {
  checkOptions(options, "set", ENV_OPTIONS, "{ persistent: true }");
}
