/** The stage of the scenarios: the main node, its peers, and the trace of the running scenario. */

import { Node } from "../../node.ts";
import {
  type Pid,
  Process,
  receive,
  send,
  spawn,
  spawnMonitor,
} from "../../packages/processes/process.ts";
import { currentRuntime } from "../../packages/processes/runtime/current_process.ts";
import { startPeer } from "../../packages/testing/peer.ts";
import type { TestCluster } from "../../packages/testing/test_cluster.ts";
import { isTraced } from "./bindings/_api.ts";
import type { Controlled } from "./_control.ts";
import { ElixirPeer } from "./_elixir_peer.ts";
import { startLeader, type TextDevice } from "./_leader.ts";
import { type Area, exportedModules } from "./_load.ts";
import { isMessage, message } from "./_messages.ts";
import { type Line, Notation, type Parts } from "./_notation.ts";
import { endAllOf, leftNames, partAll, registered } from "./_peer.ts";
import { connectedNodes, type Scenario, TRACER } from "./_scenario.ts";

/** The name under which peers export the control functions. */
const CONTROL = "Conformance.Peer";

/** The nodes of a run; without them, scenarios run on a node that is not alive. */
export interface Nodes {
  main: Node;
  /** A hidden node, which controls the peers. */
  control: Node;
  cluster: TestCluster;
  /**
   * The folder of the scenarios in Elixir, compiled, if the peers are in Elixir.
   *
   * @default {undefined}
   */
  elixir?: string;
}

/** The stage of a run. */
export class Stage implements AsyncDisposable {
  readonly #nodes: Nodes | undefined;
  readonly #areas: readonly Area[];
  readonly #peers = new Map<string, Promise<Controlled>>();
  #isUsed = false;
  /** The area of the running scenario. */
  #area = "";
  #notation = new Notation();
  #lines: string[] = [];
  #device: TextDevice = { output: "", input: "" };

  constructor(areas: readonly Area[], nodes?: Nodes) {
    this.#areas = areas;
    this.#nodes = nodes;
    const exportAll = () => {
      for (const { module, exports } of exportedModules(areas)) {
        currentRuntime().modules.add(module, exports);
      }
    };
    if (nodes === undefined) {
      exportAll();
      return;
    }
    nodes.main.run(exportAll);
    nodes.main.run(() => {
      Process.register(spawn(() => this.#serveTracer()), TRACER);
    });
  }

  get usedPeers(): boolean {
    return this.#isUsed;
  }

  async #serveTracer(): Promise<never> {
    for (;;) {
      const [, from, ref, parts] = await receive((m) => isMessage(m, "trace"));
      this.#lines.push(this.#notation.join(parts as Parts));
      send(from, message("traced", ref));
    }
  }

  /** Runs a scenario; returns its trace. */
  async run(scenario: Scenario, timeout: number): Promise<string[]> {
    this.#lines = [];
    this.#notation = new Notation();
    const run = () => this.#run(scenario, timeout);
    await (this.#nodes === undefined ? run() : this.#nodes.main.run(run));
    return this.#lines;
  }

  async #run(
    { name, options, fn }: Scenario,
    timeout: number,
  ): Promise<void> {
    this.#area = name.slice(0, name.indexOf(":"));
    const names = registered();
    this.#isUsed = false;
    const { pid: leader, device } = startLeader(options.input ?? "");
    this.#device = device;
    const before = Process.groupLeader();
    Process.groupLeader(leader);
    const { pid, ref } = spawnMonitor(async () => void await fn());
    Process.groupLeader(before);
    const isDown = (m: { ref?: unknown } | null) => ref.equals(m?.ref);
    const down = await receive(isDown, { timeout, after: undefined });
    if (down === undefined) {
      this.write({ label: "timed out" });
      Process.exit(pid, "kill");
      await receive(isDown);
    } else if (down.reason !== "normal") {
      this.write({ label: "crashed", term: down.reason });
      if (isTraced) console.error(down.reason);
    }
    const lines = this.#lines;
    this.#lines = [];
    endAllOf(leader);
    if (this.#isUsed) await this.#cleanPeers(leader, lines);
    for (const left of await leftNames(names)) {
      lines.push(`left registered: ${left}`);
    }
    Process.exit(leader, "kill");
    this.#lines = lines;
  }

  /** Ends the processes that a scenario has left on the peers, and all connections. */
  async #cleanPeers(leader: Pid, lines: string[]): Promise<void> {
    const peers = await Promise.all(this.#peers.values());
    for (const peer of peers) {
      const left = await this.#control<string[]>(peer, "clean", leader);
      lines.push(
        ...left.map((each) => `left registered on ${peer.name}: ${each}`),
      );
    }
    // Operations under way while the nodes parted connect them again: wait until none does for a while.
    for (let quiet = 0; quiet < 2; quiet++) {
      const connected = (await Promise.all([
        partAll(),
        ...peers.map((peer) => this.#control<string[]>(peer, "partAll")),
      ])).flat();
      if (connected.length > 0) quiet = -1;
      // safe: asked again until it is so twice
      else await receive(() => false, { timeout: 3, after: undefined });
    }
  }

  /** Adds a line to the trace. */
  write(line: Line): void {
    const text = this.#notation.line(line);
    if (isTraced) console.error(`  ${text}`);
    this.#lines.push(text);
  }

  output(peer?: string): string | Promise<string> {
    if (peer === undefined) return this.#device.output;
    return this.#peer(peer).then((each) =>
      this.#control<string>(each, "output")
    );
  }

  /** Starts a peer, unless it is running; returns its node's name. */
  async ensure(name: string): Promise<string> {
    return (await this.#peer(name)).name;
  }

  async kill(name: string): Promise<void> {
    const peer = await this.#peer(name);
    this.#peers.delete(name);
    await peer.kill();
  }

  /** Waits until both ends have noticed that the connection to a peer is closed. */
  async parted(name: string, node: string): Promise<void> {
    const peer = await this.#peer(name);
    const main = this.#nodes!.main.name;
    for (let tries = 1;; tries++) {
      const there = await this.#control<string[]>(peer, "connected");
      if (!there.includes(main) && !connectedNodes().includes(node)) return;
      // Late messages between the nodes' own servers connect them again.
      if (tries % 10 === 0) Node.disconnect(node);
    }
  }

  /** Runs an exported function on a peer. */
  async on(
    name: string,
    fn: (...args: never[]) => unknown,
    args: unknown[],
  ): Promise<unknown> {
    const [module, key] = this.#nameOf(fn);
    return await this.#control(
      await this.#peer(name),
      "run",
      module,
      key,
      args,
    );
  }

  // deno-lint-ignore ban-types
  #nameOf(fn: Function): [module: string, name: string] {
    for (const { module, exports } of exportedModules(this.#areas)) {
      for (const [key, value] of Object.entries(exports)) {
        if (value === fn) return [module, key];
      }
    }
    throw new TypeError(
      `Cannot run ${
        fn.name || "a function"
      } on a peer: export it from the scenario's file`,
    );
  }

  async #peer(name: string): Promise<Controlled> {
    this.#isUsed = true;
    let starting = this.#peers.get(name);
    if (starting === undefined) {
      this.#peers.set(name, starting = this.#start(name));
    }
    const peer = await starting;
    await peer.load?.(this.#area);
    return peer;
  }

  async #start(name: string): Promise<Controlled> {
    if (this.#nodes === undefined) {
      throw new TypeError(
        `Cannot start the peer ${name}: this node is not alive`,
      );
    }
    const { cluster, elixir } = this.#nodes;
    const peer = elixir === undefined
      ? await this.#startTypeScript(name, this.#nodes)
      : await ElixirPeer.start(name, {
        cluster,
        folder: elixir,
        areas: this.#areas,
      });
    await this.#control(peer, "prepare");
    return peer;
  }

  async #startTypeScript(
    name: string,
    { cluster, control }: Nodes,
  ): Promise<Controlled> {
    const peer = await startPeer(name, {
      ...cluster,
      from: control,
      modules: { [CONTROL]: import.meta.resolve("./_peer.ts") },
    });
    const loaded = new Map<string, Promise<void>>();
    return {
      name: peer.name,
      call: (name, args) => peer.call(CONTROL, name, args),
      load(area) {
        const loading = loaded.get(area) ?? peer.call(CONTROL, "load", [area]);
        loaded.set(area, loading);
        return loading;
      },
      kill: () => peer.kill(),
    };
  }

  #control<T>(peer: Controlled, name: string, ...args: unknown[]): Promise<T> {
    return peer.call<T>(name, args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const peers = await Promise.all(this.#peers.values());
    await Promise.all(peers.map((peer) => peer.kill()));
  }
}
