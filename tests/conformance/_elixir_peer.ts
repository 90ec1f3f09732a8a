/** A peer in Elixir, of a main node in TypeScript. */

import { Buffer } from "node:buffer";
import { ElixirNode, type Evaluator } from "../_elixir.ts";
import type { TestCluster } from "../../packages/testing/test_cluster.ts";
import {
  type Controlled,
  decodeTerm,
  encodeTerm,
  toElixir,
} from "./_control.ts";
import type { Area } from "./_load.ts";

/** A node of Elixir that has the scenarios' modules. */
export class ElixirPeer implements Controlled {
  readonly #node: ElixirNode;
  readonly #areas: readonly Area[];
  /** Evaluators between two calls: those that run beside each other need one each. */
  readonly #idle: Evaluator[] = [];

  private constructor(node: ElixirNode, areas: readonly Area[]) {
    this.#node = node;
    this.#areas = areas;
  }

  /** Starts one that loads the compiled modules of a folder. */
  static async start(
    name: string,
    { cluster, folder, areas }: {
      cluster: TestCluster;
      folder: string;
      areas: readonly Area[];
    },
  ): Promise<ElixirPeer> {
    const node = await ElixirNode.start(name, {
      ...cluster,
      erl: [
        ...["-pa", folder],
        ...["-kernel", "prevent_overlapping_partitions", "false"],
      ],
    });
    return new ElixirPeer(node, areas);
  }

  get name(): string {
    return this.#node.name;
  }

  async call<T>(name: string, args: unknown[]): Promise<T> {
    const { args: given, result } = toElixir(this.#areas, name, args);
    const bytes = Buffer.from(encodeTerm(given)).toString("base64");
    const evaluator = this.#idle.pop() ?? await this.#node.evaluator();
    const answer = await evaluator.evaluate(
      `Conformance.Control.call(:${snake(name)}, "${bytes}")`,
    );
    this.#idle.push(evaluator);
    return result(decodeTerm(Buffer.from(JSON.parse(answer), "base64"))) as T;
  }

  async kill(): Promise<void> {
    await this.#node[Symbol.asyncDispose]();
  }
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
