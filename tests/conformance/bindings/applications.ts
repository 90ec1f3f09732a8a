/** `Application`. */

import { atom } from "../../../packages/processes/values/atom.ts";
import type { Tuple } from "../../../packages/processes/values/tuple.ts";
import { type Bindings, moduleOf } from "../interpreter/modules.ts";
import {
  elementsOf,
  error,
  ok,
  textOf,
  tuple,
  valueAt,
} from "../interpreter/values.ts";
import { Application, ApplicationStartError } from "./_api.ts";
import { type Any, atoms, nameOf, options, startedPid } from "./_terms.ts";

/** The applications that scenarios load, by name: Erlang's fields of each. */
const loaded = new Map<string, Any>();

function texts(env: Any): Record<string, unknown> {
  return Object.fromEntries(
    env.map(({ elements: [key, value] }: Tuple) => [nameOf(key), value]),
  );
}

/** The application that a specification of Erlang describes, with the callbacks of its module. */
function specOf(name: string): Any {
  const fields = loaded.get(name);
  const [module, arg] = elementsOf(valueAt(fields, atom("mod")))!;
  const own = moduleOf(module)!;
  let state: unknown;
  return {
    name,
    vsn: textOf(valueAt(fields, atom("vsn"))),
    description: textOf(valueAt(fields, atom("description"))),
    env: texts(valueAt(fields, atom("env")) ?? []),
    applications: (valueAt(fields, atom("applications")) as unknown[]).map(
      nameOf,
    )
      .filter((each) => loaded.has(each)).map(specOfOnce),
    async start() {
      const result = await own.fn("start")(atom("normal"), arg);
      const [tag, pid, given] = elementsOf(result) ?? [];
      if (tag !== atom("ok")) return startedPid(result);
      state = given;
      return pid;
    },
    prepStop: async () => void (state = await own.fn("prep_stop")(state)),
    stop: async () => void await own.fn("stop")(state),
  };
}

/** One object for each application: dependents name it by that. */
const specs = new Map<string, unknown>();

function specOfOnce(name: string): unknown {
  const spec = specs.get(name) ?? specOf(name);
  specs.set(name, spec);
  return spec;
}

async function start(name: string): Promise<unknown> {
  try {
    const started = await Application.start(specOfOnce(name) as Any);
    return ok(started === "ok" ? [atom(name)] : []);
  } catch (thrown) {
    if (!(thrown instanceof ApplicationStartError)) throw thrown;
    const { application, reason } = thrown;
    // The call of its callback, which failed for the reason.
    const call = tuple(atom("Elixir.Application"), atom("start"), []);
    return error(tuple(atom(application), tuple(reason, call)));
  }
}

export const APPLICATIONS: Bindings = {
  "application.load"({ elements: [, name, fields] }) {
    loaded.set(nameOf(name), fields);
    specs.delete(nameOf(name));
    return atom("ok");
  },
  "application.unload": (name) => (loaded.delete(nameOf(name)), atom("ok")),
  "Application.delete_env": (app, key, list) =>
    Application.deleteEnv(nameOf(app), nameOf(key), options(list)),
  "Application.ensure_all_started": (app) => start(nameOf(app)),
  "Application.fetch_env": (app, key) =>
    Application.fetchEnv(nameOf(app), nameOf(key)),
  "Application.fetch_env!": (app, key) =>
    Application.fetchEnvOrThrow(nameOf(app), nameOf(key)),
  "Application.get_all_env": (app) => Application.getAllEnv(nameOf(app)),
  "Application.get_env": (app, key, ...rest) =>
    Application.getEnv(nameOf(app), nameOf(key), ...rest as [unknown]),
  "Application.put_all_env": (config) =>
    Application.load(
      Object.fromEntries(
        Object.entries(texts(config)).map(([app, env]) => [app, texts(env)]),
      ),
    ),
  "Application.put_env": (app, key, value, list) =>
    Application.putEnv(
      nameOf(app),
      nameOf(key),
      value ?? undefined,
      options(list),
    ),
  "Application.spec"(app, key) {
    if (key === undefined) return Application.spec(nameOf(app));
    const found = Application.spec(nameOf(app), nameOf(key));
    return Array.isArray(found) ? atoms(found) : found;
  },
  // The latest is the first.
  "Application.started_applications": () =>
    Application.started().toReversed().map((name) => tuple(atom(name), "", "")),
  async "Application.stop"(app) {
    const stopped = await Application.stop(nameOf(app));
    return stopped === "ok" ? atom(stopped) : error(tuple(atom(stopped), app));
  },
};
