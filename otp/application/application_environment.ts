/**
 * The settings of a node's applications.
 *
 * The program or a configuration puts a setting, or an application brings it when it is loaded, at its first start. The
 * settings of an application replace other settings, except persistent ones.
 */

import type { ApplicationSpec } from "./application_spec.ts";

type Settings = Map<string, Map<string, unknown>>;

/** Settings, by application and key. */
export class ApplicationEnvironment {
  readonly #values: Settings = new Map();
  readonly #persistent: Settings = new Map();

  /** Returns the settings of an application, if it has any. */
  of(app: string): ReadonlyMap<string, unknown> | undefined {
    return this.#values.get(app);
  }

  /** Puts a setting. */
  put(app: string, key: string, value: unknown, persistent: boolean): void {
    settingsOf(this.#values, app).set(key, value);
    if (persistent) settingsOf(this.#persistent, app).set(key, value);
  }

  /** Deletes a setting. */
  delete(app: string, key: string, persistent: boolean): void {
    this.#values.get(app)?.delete(key);
    if (persistent) this.#persistent.get(app)?.delete(key);
  }

  /** Adds the settings of an application; persistent settings stay. */
  load({ name, env = {} }: ApplicationSpec): void {
    const values = settingsOf(this.#values, name);
    for (const [key, value] of Object.entries(env)) values.set(key, value);
    for (const [key, value] of this.#persistent.get(name) ?? []) {
      values.set(key, value);
    }
  }
}

function settingsOf(settings: Settings, app: string): Map<string, unknown> {
  let values = settings.get(app);
  if (values === undefined) settings.set(app, values = new Map());
  return values;
}
