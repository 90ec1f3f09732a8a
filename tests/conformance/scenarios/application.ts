/** Applications: their environment, and the order of their start and stop. */

import {
  Application,
  type ApplicationSpec,
  ApplicationStartError,
  exit,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
  spawnLink,
  Supervisor,
  Task,
} from "../../../mod.ts";
import {
  attempt,
  expect,
  on,
  raise,
  reasonOf,
  scenario,
  trace,
} from "../_scenario.ts";
import { down } from "../_tasks.ts";

interface Parts extends Partial<ApplicationSpec> {
  children?: string[];
}

/** An application of that name, which reports its callbacks to the caller; `parts` are its fields. */
function define(name: string, parts: Parts = {}): ApplicationSpec {
  const main = self();
  const { children = [], start = () => top(main, children), ...rest } = parts;
  let pid: Pid;
  return {
    name,
    async start() {
      send(main, { type: "start", name });
      pid = await start();
      send(main, { type: "top", name, pid });
      return pid;
    },
    prepStop: () =>
      void send(main, { type: "prep_stop", name, alive: Process.alive(pid) }),
    stop: () =>
      void send(main, { type: "stop", name, alive: Process.alive(pid) }),
    ...rest,
  };
}

function top(main: Pid, ids: string[]): Promise<Pid> {
  return Supervisor.startLink(
    ids.map((id) => ({ id, start: () => startChild(main, id) })),
    { strategy: "one_for_one", maxRestarts: 0 },
  );
}

async function startChild(main: Pid, id: string): Promise<Pid> {
  const parent = self();
  const pid = spawnLink(async () => {
    Process.trapExit(true);
    send(parent, "ready");
    const { reason } = await expect("EXIT");
    send(main, { type: "down", id, reason });
    exit(reason);
  });
  await expect("ready");
  return pid;
}

async function start(spec: ApplicationSpec): Promise<unknown> {
  try {
    return await Application.start(spec);
  } catch (error) {
    if (!(error instanceof ApplicationStartError)) throw error;
    const { application, reason: why } = error;
    return { type: "error", reason: { type: "of", application, why } };
  }
}

function finish(name: string): Promise<string> {
  return Application.stop(name);
}

function started(names: string[]): string[] {
  return Application.started().filter((name) => names.includes(name));
}

const ALL = ["base", "middle", "top", "other", "restarts"];
const EVENTS = ["start", "prep_stop", "stop", "down"];

/** The next events that applications report. */
async function events(label: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await trace(
      label,
      receive((m) => EVENTS.includes(m?.type), {
        timeout: 30_000,
        after: "nothing",
      }),
    );
  }
}

async function topOf(name: string): Promise<Pid> {
  return (await receive((m) => m?.type === "top" && m.name === name)).pid;
}

async function waitFor(names: string[]): Promise<void> {
  // safe: asked again until it is so
  while (String(started(ALL)) !== String(names)) await Process.sleep(1);
}

scenario("get_env returns the value, nil, or the given default", async () => {
  await trace("put", Application.putEnv("env", "a", 1));
  Application.putEnv("env", "nothing", undefined);
  await trace("get", Application.getEnv("env", "a"));
  await trace("given", Application.getEnv("env", "a", 2));
  await trace("unset", Application.getEnv("env", "b"));
  await trace("unset, given", Application.getEnv("env", "b", 2));
  await trace("nil, given", Application.getEnv<unknown>("env", "nothing", 2));
  await trace("fetch", Application.fetchEnv("env", "a"));
  await trace("fetch nil", Application.fetchEnv("env", "nothing"));
  await trace("fetch unset", Application.fetchEnv("env", "b"));
  await attempt("fetch!", () => Application.fetchEnvOrThrow("env", "a"));
  await attempt("fetch! unset", () => Application.fetchEnvOrThrow("env", "b"));
  await trace("all", Application.getAllEnv("env"));
  await trace("delete", Application.deleteEnv("env", "a"));
  await trace("deleted", Application.fetchEnv("env", "a"));
  await trace("again", Application.deleteEnv("env", "a"));
  await trace("of nothing", Application.getAllEnv("no_application"));
});

scenario("its environment replaces all but persistent values", async () => {
  const persistent = { persistent: true };
  Application.putEnv("persists", "put", "put");
  Application.putEnv("persists", "only", "put");
  Application.putEnv("persists", "kept", "put", persistent);
  Application.putEnv("persists", "gone", "put", persistent);
  Application.deleteEnv("persists", "gone", persistent);
  Application.putEnv("persists", "back", "put", persistent);
  Application.deleteEnv("persists", "back");
  Application.load({ persists: { configured: "config" } });
  const env = { put: 1, kept: 2, gone: 3, configured: 4, own: 5 };
  const spec = define("persists", { env });
  await trace("start", start(spec));
  await trace("env", Application.getAllEnv("persists"));
  await finish("persists");
});

scenario("its environment survives a stop, and loads once", async () => {
  const spec = define("lasts", { env: { a: 1, b: 2, c: 3 } });
  await start(spec);
  Application.putEnv("lasts", "a", "changed");
  Application.deleteEnv("lasts", "b");
  Application.putEnv("lasts", "d", "put");
  await trace("stop", finish("lasts"));
  await trace("stopped", Application.getAllEnv("lasts"));
  await trace("start", start(spec));
  await trace("started", Application.getAllEnv("lasts"));
  await finish("lasts");
});

scenario("its dependencies are started before it, each once", async () => {
  const base = define("base");
  const middle = define("middle", { applications: [base] });
  const other = define("other", { applications: [base] });
  const top = define("top", { applications: [middle, other] });
  await trace("start", start(top));
  await events("event", 4);
  await trace("started", started(ALL));
  await trace("again", start(top));
  await trace("a part", start(base));
  for (const name of ["top", "other", "middle", "base"]) await finish(name);
  await trace("started", started(ALL));
});

scenario("a stop calls prep_stop, ends the children, calls stop", async () => {
  const spec = define("stops", { children: ["a", "b", "c"] });
  await trace("start", start(spec));
  await events("event", 1);
  const ref = Process.monitor(await topOf("stops"));
  await trace("stop", finish("stops"));
  await events("event", 5);
  await trace("top", down(ref));
  await trace("again", finish("stops"));
  await trace("started", started(["stops"]));
});

scenario("a stop does not stop its dependents", async () => {
  const base = define("base");
  const top = define("top", { applications: [base] });
  await start(top);
  await events("event", 2);
  await trace("stop", finish("base"));
  await events("event", 2);
  await trace("started", started(ALL));
  await trace("start", start(top));
  await trace("start it", start(base));
  await events("event", 1);
  for (const name of ["top", "base"]) await finish(name);
});

scenario("a failed start stops the dependencies that it started", async () => {
  const kept = define("kept");
  const base = define("base", { children: ["a"] });
  const middle = define("middle", { applications: [base, kept] });
  const bad = define("bad", {
    applications: [middle],
    start: () => exit("oops"),
  });
  const over = define("over", { applications: [bad] });
  await start(kept);
  await events("event", 1);
  await trace("start", start(over));
  await events("event", 8);
  await trace("started", started(["kept", "base", "middle", "bad", "over"]));
  await finish("kept");
});

scenario("a start fails as its callback does, and can be retried", async () => {
  const main = self();
  const raising = define("raising", {
    start: () => raise("mine"),
  });
  const exiting = define("exiting", { start: () => exit("mine") });
  const failing = define("failing", {
    start: () =>
      Supervisor.startLink([{ id: "child", start: () => exit("mine") }], {
        strategy: "one_for_one",
      }),
  });
  const late = define("late", {
    start: () =>
      Process.whereis("ready") === undefined ? exit("late") : top(main, []),
  });
  for (const spec of [raising, exiting, failing, late]) {
    await trace("start", start(spec));
    await trace("started", started([spec.name]));
  }
  Process.register(self(), "ready");
  await trace("again", start(late));
  Process.unregister("ready");
  await finish("late");
});

scenario("it outlives the process that started it", async () => {
  const main = self();
  const spec = define("outlives", { children: ["a"] });
  const starter = spawn(async () => {
    send(main, { type: "started", value: await start(spec) });
    exit("oops");
  });
  await trace("reason", reasonOf(starter));
  await trace("start", (await expect("started")).value);
  await trace("alive", Process.alive(await topOf("outlives")));
  await trace("started", started(["outlives"]));
  await finish("outlives");
  await trace("down", expect("down"));
});

scenario("concurrent callers of start wait for the same start", async () => {
  const main = self();
  const spec = define("slow", {
    async start() {
      send(main, { type: "starting", pid: self() });
      await expect("go");
      return await top(main, []);
    },
  });
  const first = Task.async(() => start(spec));
  const { pid: master } = await expect("starting");
  const second = Task.async(() => start(spec));
  // safe: the application waits for a message; nothing can arrive
  await trace("second", Task.yield(second, 200));
  await trace("started", started(["slow"]));
  send(master, "go");
  await trace("both", [await Task.await(first), await Task.await(second)]);
  await trace("third", start(spec));
  const again = await receive((m) => m?.type === "starting", {
    timeout: 0,
    after: undefined,
  });
  await trace("starts", again === undefined ? 0 : 1);
  await finish("slow");
});

scenario("it stops with its top supervisor; dependents do not", async () => {
  const base = define("base");
  await start(define("top", { applications: [base] }));
  await events("event", 2);
  const reasons = [
    "kill",
    "oops",
    { type: "shutdown", reason: "oops" },
    "normal",
  ];
  for (const reason of reasons) {
    const pid = await topOf("base");
    if (reason === "kill") Process.exit(pid, reason);
    else await Supervisor.stop(pid, reason);
    await events("event", 2);
    await waitFor(["top"]);
    await trace("started", started(ALL));
    await trace("again", start(base));
    await events("again", 1);
  }
  for (const name of ["base", "top"]) await finish(name);
});

scenario("it stops when a child exceeds the restart intensity", async () => {
  const spec = define("restarts", { children: ["a", "b"] });
  await start(spec);
  await events("event", 1);
  const top = await topOf("restarts");
  const ref = Process.monitor(top);
  const children = await Supervisor.whichChildren(top);
  const a = children.find(({ id }) => id === "a")!.pid as Pid;
  Process.exit(a, "kill");
  await trace("top", down(ref));
  await events("event", 3);
  await waitFor([]);
  await trace("again", start(spec));
  await finish("restarts");
});

scenario("stop of an application that is not started fails", async () => {
  await trace("unknown", finish("unknown_application"));
  define("known");
  await trace("known", finish("known"));
  await trace("started", started(["known"]));
});

export function there(): unknown[] {
  const before = Application.getEnv("env", "where");
  Application.putEnv("env", "where", "there");
  return [
    before ?? null,
    Application.getEnv("env", "where"),
    started(["here"]),
  ];
}

scenario("each node has its own applications", async () => {
  Application.putEnv("env", "where", "here");
  await trace("start", start(define("here")));
  await trace("there", on("kate", there));
  await trace("here", Application.getEnv("env", "where"));
  await finish("here");
});

scenario("it stops even if the stop callback raises", async () => {
  const main = self();
  const spec: ApplicationSpec = {
    name: "raising_stop",
    async start() {
      const pid = await Supervisor.startLink([], { strategy: "one_for_one" });
      send(main, { type: "pid", pid });
      return pid;
    },
    prepStop() {
      send(main, { type: "prep_stop" });
      throw new Error("mine");
    },
    stop() {
      send(main, { type: "stop" });
      throw new Error("mine");
    },
  };
  await trace("start", start(spec));
  const { pid } = await expect("pid");
  await trace("stop", finish("raising_stop"));
  await trace("prep_stop", expect("prep_stop"));
  await trace("stop", expect("stop"));
  await trace("alive", Process.alive(pid));
  await trace("started", started(["raising_stop"]));
  await trace("again", finish("raising_stop"));
});

scenario("spec describes a loaded application, running or not", async () => {
  await trace("unknown", Application.spec("conformance_spec"));
  await trace("unknown", Application.spec("conformance_spec", "vsn"));
  await Application.start(
    define("conformance_spec", { vsn: "1", description: "" }),
  );
  await trace("vsn", Application.spec("conformance_spec", "vsn") === "1");
  await trace(
    "description",
    Application.spec("conformance_spec", "description") === "",
  );
  await trace(
    "applications",
    Application.spec("conformance_spec", "applications"),
  );
  await Application.stop("conformance_spec");
  await trace(
    "when it has stopped",
    Application.spec("conformance_spec", "vsn") === "1",
  );
});
