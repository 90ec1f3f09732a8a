/**
 * Collectors of Erlang's tools: processes that send the load of this node (`observer_backend:fetch_stats`) and the trees
 * of its applications (`appmon_info`).
 *
 * A collector sends only to clients on the node that asked for it. It monitors them, and ends with them. As in OTP,
 * one server `appmon_info` has all clients; it sends a tree when a client asks for the tree, and when it has changed.
 */

import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { currentProcess } from "@otp/processes/runtime/current_process";
import { Atom, atom } from "@otp/processes/values/atom";
import { fromBeamName, toBeamName } from "@otp/processes/values/beam_names";
import { ExitError } from "@otp/processes/values/error_classes";
import { Pid, type Ref } from "@otp/processes/values/pid";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import { applicationsOf } from "@otp/servers/application/application_controller";
import { isTyped } from "@otp/servers/server/messages";
import { NO_REPLY, serve, type Server } from "@otp/servers/server/server";
import type { ObservedChild } from "@otp/observe/observer/observed_terms";
import type { ObserverShare } from "@otp/observe/observer/observer_share";
import { observeTree } from "@otp/observe/observer/supervision_tree";
import { spawnProcess } from "@otp/processes/spawning/spawn_process";

/** The maximum number of collectors of the load, and of clients of `appmon_info`, for one node. */
const MAX_COLLECTORS = 10;

/** The maximum number of trees that one client sees. */
const MAX_TREES = 3;

/** The shortest and the longest interval of messages about the load, in milliseconds. */
const MIN_INTERVAL = 100;
const MAX_INTERVAL = 60_000;

/** The interval at which trees are compared with those sent before, in milliseconds. */
const TREE_INTERVAL = 2000;

const APP = atom("app");
const APP_CTRL = atom("app_ctrl");
const DELIVERY = atom("delivery");
const TICK = Symbol("tick");

/** The application that has the supervisors outside applications. */
const PROGRAM = "typescript";

/** The tree of an application that does not run. */
const NO_TREE = tuple([], [], [], []);

export class OtpCollectors {
  readonly #runtime: Runtime;
  readonly #share: ObserverShare;
  readonly #clientsOfLoad = new Map<LocalProcess, Pid>();
  #appmon: Appmon | undefined;

  constructor(runtime: Runtime, share: ObserverShare) {
    this.#runtime = runtime;
    this.#share = share;
  }

  /** Sends `load()` to a client at an interval, until any message arrives or the client exits. */
  async fetchStats(
    client: Pid,
    interval: unknown,
    load: () => unknown,
  ): Promise<void> {
    const process = currentProcess();
    for (const each of this.#clientsOfLoad.keys()) {
      if (!each.alive) this.#clientsOfLoad.delete(each);
    }
    assertRoom(this.#clientsOfLoad.values(), client);
    this.#clientsOfLoad.set(process, client);
    process.monitor(client);
    const wanted = typeof interval === "number" ? interval : MAX_INTERVAL;
    const timeout = Math.min(Math.max(wanted, MIN_INTERVAL), MAX_INTERVAL);
    const options = { timeout, after: TICK, hasAfter: true };
    const { mailbox } = process;
    while (await mailbox.receive(undefined, options, process) === TICK) {
      process.assertAlive();
      await this.#share.take(() => process.send(client, load()));
    }
  }

  /** Returns the server `appmon_info`, with one more client. */
  appmon(client: Pid): Pid {
    if (!this.#appmon?.isOpen) {
      const process: LocalProcess = spawnProcess(
        this.#runtime,
        () => serve(process, appmon),
        {
          label: "appmon_info",
          kind: "server",
          groupLeader: this.#runtime.names.get("user")?.pid,
        },
      );
      const appmon = new Appmon(process, this.#share);
      this.#appmon = appmon;
    }
    return this.#appmon!.add(client);
  }
}

/** A term for clients, and its text, by which it is compared. */
interface Shown {
  term: unknown;
  text: string;
}

interface Client {
  pid: Pid;
  monitor: Ref;
  /** The term that the client was sent last, for each tree that it sees. */
  trees: Map<string, unknown>;
}

/** The server `appmon_info`. Its trees have the names of applications; the list of these has the name of the node. */
class Appmon implements Server {
  readonly #process: LocalProcess;
  readonly #share: ObserverShare;
  readonly #shown = new Map<string, Shown>();
  #clients: Client[] = [];
  #hasEnded = false;

  constructor(process: LocalProcess, share: ObserverShare) {
    this.#process = process;
    this.#share = share;
  }

  get isOpen(): boolean {
    return this.#process.alive && !this.#hasEnded;
  }

  get timeout(): number | undefined {
    return this.#clients.some(({ trees }) => trees.size > 0)
      ? TREE_INTERVAL
      : undefined;
  }

  add(pid: Pid): Pid {
    if (!this.#clients.some((client) => client.pid.equals(pid))) {
      assertRoom(this.#clients.map((client) => client.pid), pid);
      const monitor = this.#process.monitor(pid);
      this.#clients.push({ pid, monitor, trees: new Map() });
    }
    return this.#process.pid;
  }

  call(): typeof NO_REPLY {
    return NO_REPLY;
  }

  /** Handles `{Client, app, Application, IsOn, Options}` and `{Client, app_ctrl, Node, IsOn, Options}`. */
  async cast(request: unknown): Promise<void> {
    if (!(request instanceof Tuple)) return;
    const [pid, kind, key, isOn] = request.elements as unknown[];
    const client = this.#clients.find((each) =>
      pid instanceof Pid && each.pid.equals(pid)
    );
    if (client === undefined || !(key instanceof Atom)) return;
    const name = kind === APP_CTRL
      ? this.#process.runtime.node
      : kind === APP
      ? key.name
      : undefined;
    if (name === undefined) return;
    client.trees.delete(name);
    if (isOn !== true || client.trees.size >= MAX_TREES) return;
    client.trees.set(name, undefined);
    await this.#show(name);
  }

  async info(message: unknown): Promise<void> {
    if (message === "timeout") {
      const names = this.#clients.flatMap(({ trees }) => [...trees.keys()]);
      for (const name of new Set(names)) await this.#show(name);
    } else if (isTyped(message, "DOWN")) {
      const { ref } = message as { ref?: unknown };
      if (!this.#process.isDown(ref)) return;
      this.#clients = this.#clients.filter(({ monitor }) =>
        !monitor.equals(ref)
      );
      if (this.#clients.length > 0) return;
      this.#hasEnded = true;
      throw new ExitError("normal");
    }
  }

  /** Sends a tree to the clients that see it and were last sent another one. */
  async #show(name: string): Promise<void> {
    const { node } = this.#process.runtime;
    const term = await this.#share.take(() => this.#read(name));
    const kind = name === node ? APP_CTRL : APP;
    const message = tuple(DELIVERY, this.#process.pid, kind, atom(name), term);
    for (const { pid, trees } of this.#clients) {
      if (!trees.has(name) || trees.get(name) === term) continue;
      trees.set(name, term);
      this.#process.send(pid, message);
    }
  }

  /** Returns the tree: the same term as before, if it has the same text. */
  #read(name: string): unknown {
    const { runtime, pid } = this.#process;
    const read = name === runtime.node
      ? applicationList(runtime, pid)
      : treeOf(runtime, fromBeamName(name), pid);
    const before = this.#shown.get(name);
    if (read?.text === before?.text) return before?.term ?? NO_TREE;
    if (read === undefined) this.#shown.delete(name);
    else this.#shown.set(name, read);
    return read?.term ?? NO_TREE;
  }
}

/** Returns the applications, as `[{Pid, Name, {Name, Description, Version}}]`; `own` is the pid of `PROGRAM`. */
function applicationList(runtime: Runtime, own: Pid): Shown {
  const applications = applicationsOf(runtime);
  const all = applications.running().map((name) => {
    const { description = "", vsn = "" } = applications.loaded(name) ?? {};
    const { master } = applications.processesOf(name)!;
    return { name, pid: master, description, vsn };
  });
  const description = "supervisors outside applications";
  all.push({ name: PROGRAM, pid: own, description, vsn: "" });
  const term = all.map(({ name, pid, description, vsn }) => {
    const app = atom(toBeamName(name));
    return tuple(pid, app, tuple(app, charlist(description), charlist(vsn)));
  });
  return { term, text: all.map(({ name, pid }) => `${name} ${pid}`).join() };
}

/** Returns the tree of an application, as `{RootName, [{Pid, Name}], [{ParentName, ChildName}], []}`. */
function treeOf(runtime: Runtime, name: string, own: Pid): Shown | undefined {
  const applications = applicationsOf(runtime);
  const running = applications.running();
  const { roots } = observeTree(runtime);
  const app = applications.processesOf(name);
  if (!running.includes(name) && name !== PROGRAM) return undefined;
  const tops = running.map((each) => applications.processesOf(each)!.top);
  const isIn = ({ pid }: ObservedChild) =>
    app === undefined
      ? !tops.some((top) => top !== undefined && pid?.equals(top))
      : app.top !== undefined && pid?.equals(app.top);
  const nodes: Tuple[] = [];
  const links: Tuple[] = [];
  const texts: string[] = [];
  const add = (pid: Pid, text: string, children: ObservedChild[]) => {
    nodes.push(tuple(pid, charlist(text)));
    for (const child of children) {
      if (child.pid === undefined) continue;
      const childText = nameOf(runtime, child.pid);
      links.push(tuple(charlist(text), charlist(childText)));
      texts.push(`${text} ${childText}`);
      add(child.pid, childText, child.children);
    }
  };
  const root = app?.master ?? own;
  const rootText = nameOf(runtime, root);
  add(root, rootText, roots.filter(isIn));
  const term = tuple(charlist(rootText), nodes, links, []);
  return { term, text: [rootText, ...texts].join() };
}

/** Returns the name of a process in trees, which is unique: its registered name, or else its pid as OTP prints it. */
function nameOf(runtime: Runtime, pid: Pid): string {
  return runtime.find(pid)?.name ?? String(pid).slice("#PID".length);
}

/** Converts a text to a list of characters. */
export function charlist(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0)!);
}

function assertRoom(clients: Iterable<Pid>, { node }: Pid): void {
  const count = [...clients].filter((each) => each.node === node).length;
  if (count < MAX_COLLECTORS) return;
  throw new Error(
    `Cannot observe for ${node}: it has ${count} collectors of this kind, the most for one node; end one of them first`,
  );
}
