/** Meshes of nodes of Elixir and of this library, for tests of nodes that come and go. */

import { assert } from "@std/assert";
import { Node } from "../../../node.ts";
import { global } from "../../../packages/cluster/global/global.ts";
import { pg } from "../../../packages/node/pg/pg.ts";
import {
  type Pid,
  receive,
  spawn,
} from "../../../packages/processes/process.ts";
import { ElixirNode } from "../../_elixir.ts";
import type { Cluster } from "../../_nodes.ts";
import { idle } from "../../_processes.ts";
import { until } from "../../_until.ts";

/** The group that the processes of `hold` join. */
const GROUP = "room";

/** A node of either kind. */
export interface MeshNode {
  readonly name: string;
  /** Whether it is of this library. */
  readonly isOurs: boolean;
  list(): Promise<string[]>;
  connect(to: string): Promise<unknown>;
  disconnect(from: string): Promise<unknown>;
  /** Waits until it has joined its peers, and their servers have handled earlier messages of its server. */
  flush(): Promise<unknown>;
  end(): Promise<void>;
  /** Begins to collect the nodes that come and go; returns a function that returns them. */
  watch(): Promise<() => Promise<string[]>>;
  /** Starts a process that has a global name and is in the group. */
  hold(name: string): Promise<unknown>;
  /** Starts a process that takes a global name from any other. */
  claim(name: string): Promise<unknown>;
  /** Returns the nodes of the processes that have global names, and of the group's members. */
  view(): Promise<string>;
}

function ofElixir(node: ElixirNode): MeshNode {
  const call = (fn: string, to: string) =>
    node.evaluate(`Node.${fn}(:"${to}")`);
  const list = async (code: string) => JSON.parse(await node.evaluate(code));
  const idle = "spawn(fn -> Process.sleep(:infinity) end)";
  return {
    name: node.name,
    isOurs: false,
    list: () => list("Enum.map(Node.list(), &to_string/1)"),
    connect: (to) => call("connect", to),
    disconnect: (from) => call("disconnect", from),
    flush: () =>
      node.evaluate(
        ":global.sync(); for n <- [node() | Node.list()], do: :rpc.call(n, :sys, :get_state, [:global_name_server])",
      ),
    end: () => node.kill(),
    async watch() {
      await node.evaluate(":net_kernel.monitor_nodes(true)");
      return () =>
        list(
          `{_, messages} = Process.info(self(), :messages); for {kind, node} <- messages, do: "#{kind} #{node}"`,
        );
    },
    hold: (name) =>
      node.evaluate(
        `:pg.start(:pg); pid = ${idle}; :yes = :global.register_name("${name}", pid); :ok = :pg.join("${GROUP}", pid)`,
      ),
    claim: (name) =>
      node.evaluate(`:yes = :global.re_register_name("${name}", ${idle})`),
    view: () =>
      list(`
        names = for name <- Enum.sort(:global.registered_names()) do
          pid = :global.whereis_name(name)
          "#{name} #{is_pid(pid) && node(pid)}"
        end
        members = for pid <- :pg.get_members("${GROUP}"), do: node(pid)
        Enum.join(names ++ Enum.sort(members), ", ")`),
  };
}

function ofOurs(node: Node): MeshNode {
  return {
    name: node.name,
    isOurs: true,
    list: () => node.run(() => Node.list()),
    connect: (to) => node.run(() => Node.connect(to)),
    disconnect: (from) => node.run(() => Node.disconnect(from)),
    flush: () =>
      node.run(async () => {
        await global.sync();
        await Promise.all(Node.list().map(Node.ping));
      }),
    end: () => node.stop(),
    async watch() {
      const news: string[] = [];
      const { promise, resolve } = Promise.withResolvers<void>();
      node.run(() =>
        spawn(async () => {
          Node.monitorNodes(true);
          resolve();
          for (;;) {
            const { type, node } = await receive();
            news.push(`${type} ${node}`);
          }
        })
      );
      await promise;
      return () => Promise.resolve(news);
    },
    hold: (name) =>
      node.run(async () => {
        await pg.start();
        const pid = idle();
        assert(await global.registerName(name, pid));
        await pg.join(GROUP, pid);
      }),
    claim: (name) =>
      node.run(async () => assert(await global.reRegisterName(name, idle()))),
    view: () =>
      node.run(async () => {
        const names = (await global.registeredNames() as string[]).sort();
        const nodeOf = ({ node }: Pid) => node;
        const holders = names.map(async (name) => {
          const pid = await global.whereisName(name);
          return `${name} ${pid && nodeOf(pid)}`;
        });
        const members = pg.getMembers(GROUP).map(nodeOf).sort();
        return [...await Promise.all(holders), ...members].join(", ");
      }),
  };
}

/** Nodes that are all to be connected to each other. */
export class Mesh implements AsyncDisposable {
  readonly nodes: MeshNode[] = [];
  readonly #cluster: Cluster;
  readonly #elixir = new AsyncDisposableStack();

  private constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** A mesh without nodes. */
  static async start(cluster: Cluster): Promise<Mesh> {
    // The cluster serves EPMD from its first node on.
    await cluster.start("apart");
    return new Mesh(cluster);
  }

  /** Starts a node, of this library or of Elixir. */
  async add(name: string, isOurs: boolean): Promise<MeshNode> {
    const node = isOurs
      ? ofOurs(await this.#cluster.start(name))
      : ofElixir(this.#elixir.use(await ElixirNode.start(name, this.#cluster)));
    this.nodes.push(node);
    return node;
  }

  /** The part of the mesh that each node sees; `undefined` unless it is the same for all nodes in it. */
  async parts(): Promise<string[] | undefined> {
    const { nodes } = this;
    const seen = await Promise.all(
      nodes.map(async (node) => [...await node.list(), node.name].sort()),
    );
    const isWhole = seen.every((part, i) =>
      nodes.every(({ name }, j) =>
        part.includes(name) === (seen[i].join() === seen[j].join())
      )
    );
    return isWhole ? seen.map((part) => part.join()) : undefined;
  }

  /** Whether all nodes are connected to each other. */
  async isWhole(): Promise<boolean> {
    return new Set(await this.parts()).size === 1;
  }

  /** Connects all nodes, again if a late report of an earlier loss ends a connection, as in OTP. */
  async join(): Promise<void> {
    const { nodes } = this;
    await until(async () => {
      for (const node of nodes) {
        for (const { name } of nodes) await node.connect(name);
      }
      if (!await this.isWhole()) return false;
      for (const node of [...nodes, ...nodes]) await node.flush();
      return await this.isWhole();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#elixir.disposeAsync();
  }
}
