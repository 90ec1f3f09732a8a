/**
 * Applications: what is started and stopped as a whole, and configured by an environment of its own.
 *
 * Follows Elixir's [Application](https://hexdocs.pm/elixir/1.18/Application.html).
 *
 * @example An application with a supervisor and a setting
 * ```ts
 * import { Application, type ApplicationSpec } from "@otp/distribution/application";
 * import { Supervisor } from "@otp/distribution/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const chat: ApplicationSpec = {
 *   name: "chat",
 *   env: { greeting: "hi" },
 *   start: () => Supervisor.startLink([], { strategy: "one_for_one" }),
 * };
 *
 * await Application.start(chat);
 * assertEquals(Application.started(), ["chat"]);
 * assertEquals(Application.getEnv("chat", "greeting"), "hi");
 * await Application.stop("chat");
 * ```
 *
 * @module
 */

import {
  startApplications,
  STOP_TIMEOUT,
  stopApplication,
} from "./servers/application/application_client.ts";
import {
  type Applications,
  applicationsOf,
} from "./servers/application/application_controller.ts";
import type { ApplicationSpec } from "./servers/application/application_spec.ts";
import { timeoutOf } from "./gen/call.ts";
import {
  checkFlags,
  checkOptions,
  checkString,
} from "./runtime/values/check_arguments.ts";
import { currentRuntime } from "./runtime/context/current_process.ts";
import { inspect, quote } from "./runtime/values/inspect.ts";

export type { ApplicationSpec };
export { ApplicationStartError } from "./servers/application/application_client.ts";

/** A setting that is there, from {@linkcode Application.fetchEnv}. */
export interface EnvValue<T> {
  /** Always `"ok"`. */
  type: "ok";
  /** The value. */
  value: T;
}

/** The description of an application that {@linkcode Application.spec} returns. */
export interface LoadedApplication {
  /** Its name. */
  name: string;
  /** A description, in a line. */
  description: string | undefined;
  /** Its version. */
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

/** Options for {@linkcode Application.stop}. */
export interface ApplicationStopOptions {
  /**
   * Milliseconds that the top supervisor of each application may take to stop; then it is killed.
   *
   * @default {60_000}
   */
  timeout?: number;
}

/** Options for {@linkcode Application.putEnv} and {@linkcode Application.deleteEnv}. */
export interface EnvOptions {
  /**
   * Whether the setting outlives the first start of its application, whose own environment takes the
   * place of what has been put before otherwise.
   *
   * @default {false}
   */
  persistent?: boolean;
}

function here(): Applications {
  return applicationsOf(currentRuntime());
}

/**
 * Starts and stops applications, and keeps their environments.
 *
 * Both belong to a node: to that of the calling process, outside any process to the default node. What
 * is put into an environment stays there whether or not the application runs; any value will do, a
 * function as well, as it never leaves the node.
 *
 * @example Configuration that is loaded before the start wins over the application's own
 * ```ts
 * import { Application } from "@otp/distribution/application";
 * import { Supervisor } from "@otp/distribution/supervisor";
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
   * Starts an application, after those that it depends on.
   *
   * Follows [Application.ensure_all_started/2](https://hexdocs.pm/elixir/1.18/Application.html#ensure_all_started/2).
   * The dependencies of an application that runs already are not started. A process of the application's own
   * starts its top supervisor: the application does not end with the caller, and prints where the node
   * prints. If one application does not start, those that were started for it are stopped again.
   *
   * When the top supervisor exits by itself, the application's `prepStop` and `stop` are called, the
   * node's log is told and the application is no longer started; applications that depend on it are left
   * alone.
   *
   * @param application The application.
   * @returns `"ok"`, or `"already_started"` if one of that name runs.
   * @throws {ApplicationStartError} If it, or one that it depends on, does not start.
   * @throws {TypeError} If the application is not a valid one, or depends on itself.
   *
   * @example Usage
   * ```ts
   * import { Application, type ApplicationSpec } from "@otp/distribution/application";
   * import { Supervisor } from "@otp/distribution/supervisor";
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
  ): Promise<"ok" | "already_started"> {
    return await startApplications(here(), application);
  }

  /**
   * Stops an application, and waits until it has stopped.
   *
   * Follows [Application.stop/1](https://hexdocs.pm/elixir/1.18/Application.html#stop/1). Its `prepStop`
   * is called, its top supervisor is told to exit with `"shutdown"` and has ended its children, last
   * started first, and then its `stop` is called. What one of the two throws is reported to the node's
   * log, and stopping goes on. Applications that depend on it are left alone, as are those that it depends
   * on.
   *
   * @param name The application's name.
   * @param options How long it may take.
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
    const timeout = timeoutOf(options, STOP_TIMEOUT, "stop an application");
    return await stopApplication(here(), name, timeout);
  }

  /**
   * The applications that run, in the order of their start.
   *
   * @returns Their names.
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
   * The specification of an application that has been started, whether or not it runs.
   *
   * Follows [Application.spec/1](https://hexdocs.pm/elixir/1.18/Application.html#spec/1).
   *
   * @param app The application's name.
   * @returns What is known, in an object of its own, or `undefined` if there is no such application.
   *
   * @example Usage
   * ```ts
   * import { Application } from "@otp/distribution/application";
   * import { Supervisor } from "@otp/distribution/supervisor";
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
   * await Application.stop("shop");
   * ```
   */
  static spec(app: string): LoadedApplication | undefined;
  /**
   * One thing that is known of an application.
   *
   * Follows [Application.spec/2](https://hexdocs.pm/elixir/1.18/Application.html#spec/2).
   *
   * @param app The application's name.
   * @param key What is asked for.
   * @returns Its value, or `undefined` if there is no such application.
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
   * Puts the settings of several applications, as a configuration file has them.
   *
   * Follows [Application.put_all_env/2](https://hexdocs.pm/elixir/1.18/Application.html#put_all_env/2) with
   * `persistent: true`: they win over what the applications bring with them.
   *
   * @param config The settings, by application and key.
   * @returns `"ok"`.
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
    checkOptions(config, "load", '{ chat: { greeting: "hi" } }');
    for (const [app, values] of Object.entries(config)) {
      checkOptions(values, `load ${quote(app)}`, '{ greeting: "hi" }');
    }
    for (const [app, values] of Object.entries(config)) {
      for (const [key, value] of Object.entries(values)) {
        Application.putEnv(app, key, value, { persistent: true });
      }
    }
    return "ok";
  }

  /**
   * Puts a setting.
   *
   * Follows [Application.put_env/4](https://hexdocs.pm/elixir/1.18/Application.html#put_env/4). When the
   * application is started for the first time, settings that it brings with it take the place of those
   * that were put before and are not persistent.
   *
   * @param app The application's name.
   * @param key The setting's name.
   * @param value The value; it is kept as it is, not copied.
   * @param options Whether it is persistent.
   * @returns `"ok"`.
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
   * A setting, or nothing if it has not been put.
   *
   * @typeParam T The setting's type, which is not checked.
   * @param app The application's name.
   * @param key The setting's name.
   * @returns The value, or `undefined`.
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
   * A setting, or what is given for it if it has not been put.
   *
   * @typeParam T The setting's type, which is not checked.
   * @param app The application's name.
   * @param key The setting's name.
   * @param otherwise The value if there is none.
   * @returns The value.
   */
  static getEnv<T>(app: string, key: string, otherwise: T): T;
  static getEnv<T>(app: string, key: string, otherwise?: T): T | undefined {
    checkSetting(app, key);
    const values = here().env.of(app);
    return values?.has(key) ? values.get(key) as T : otherwise;
  }

  /**
   * A setting, told apart from one that has not been put.
   *
   * @typeParam T The setting's type, which is not checked.
   * @param app The application's name.
   * @param key The setting's name.
   * @returns The value in an {@linkcode EnvValue}, or `"error"`.
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
   * A setting that must have been put: Elixir's `fetch_env!`.
   *
   * @typeParam T The setting's type, which is not checked.
   * @param app The application's name.
   * @param key The setting's name.
   * @returns The value.
   * @throws {TypeError} If it has not been put.
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
   * Takes a setting away.
   *
   * Follows [Application.delete_env/3](https://hexdocs.pm/elixir/1.18/Application.html#delete_env/3). A
   * persistent one is back when its application is started for the first time, unless it is taken away as
   * such.
   *
   * @param app The application's name.
   * @param key The setting's name.
   * @param options Whether it is taken away for good.
   * @returns `"ok"`, also if it was not there.
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
  static deleteEnv(
    app: string,
    key: string,
    options: EnvOptions = {},
  ): "ok" {
    checkSetting(app, key);
    checkEnvOptions(options);
    here().env.delete(app, key, options.persistent === true);
    return "ok";
  }

  /**
   * All settings of an application.
   *
   * @param app The application's name.
   * @returns The values by key, in an object of its own.
   *
   * @example Usage
   * ```ts
   * import { Application } from "@otp/distribution/application";
   * import { assertEquals } from "@std/assert";
   *
   * Application.load({ chat: { greeting: "hi", limit: 5 } });
   * assertEquals(Application.getAllEnv("chat"), { greeting: "hi", limit: 5 });
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
  checkOptions(options, "set", "{ persistent: true }");
  checkFlags(options, "set", "persistent");
}
