/** Nodes within the test's own process. */

import { checkList, checkOptions } from "@otp/processes/values/check_arguments";
import { Node, type NodeOptions } from "@otp/node/node";
import { testCluster, withHost } from "./test_cluster.ts";
import { NODE_OPTIONS } from "@otp/node/start/check_options";

const { name: _name, ...SHARED_OPTIONS } = NODE_OPTIONS;

let startOne: (
  nodes: TestNodes,
  name: string,
  options: Partial<NodeOptions>,
) => Promise<void>;

/** Nodes of one test, as {@linkcode startNodes} returns them: an iterable, in the order of their names. */
export class TestNodes implements AsyncDisposable, Iterable<Node> {
  readonly #nodes: { node: Node; output: string[] }[] = [];

  static {
    startOne = (nodes, name, options) => nodes.#start(name, options);
  }

  async #start(name: string, options: Partial<NodeOptions>): Promise<void> {
    const output: string[] = [];
    const node = await Node.start({
      ...testCluster(),
      io: { write: (text) => void output.push(text) },
      log() {},
      onTreeEnd: "continue",
      ...options,
      name,
    });
    this.#nodes.push({ node, output });
  }

  #find(name: string): { node: Node; output: string[] } {
    const found = this.#nodes.find(({ node }) => node.name === withHost(name));
    if (found !== undefined) return found;
    throw new RangeError(
      `Cannot find the node ${JSON.stringify(name)}: there are ${
        this.#nodes.map(({ node }) => node.name).join(", ")
      }`,
    );
  }

  /**
   * Finds a node.
   *
   * @param name Its name, with or without the host.
   * @throws {RangeError} If none of these nodes has the name.
   */
  get(name: string): Node {
    return this.#find(name).node;
  }

  /**
   * Returns the output of a node.
   *
   * @param name Its name, with or without the host.
   * @returns The text so far; empty if the node was started with an `io` of its own.
   * @throws {RangeError} If none of these nodes has the name.
   *
   * @example Usage
   * ```ts
   * import { startNodes } from "@otp/distribution/testing";
   * import { IO } from "@otp/distribution/io";
   * import { assertEquals } from "@std/assert";
   *
   * await using nodes = await startNodes(["alex"]);
   * await nodes.get("alex").run(() => IO.puts("hi"));
   * assertEquals(nodes.output("alex"), "hi\n");
   * ```
   */
  output(name: string): string {
    return this.#find(name).output.join("");
  }

  /** Iterates over the nodes, in the order of their names. */
  *[Symbol.iterator](): Iterator<Node> {
    for (const { node } of this.#nodes) yield node;
  }

  /** Stops the nodes, last started first. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { node } of this.#nodes.splice(0).reverse()) await node.stop();
  }
}

/**
 * Starts nodes in this process, for tests that need no separate operating system processes. They share
 * {@linkcode testCluster}; their output is captured, and they log nothing.
 *
 * @param names Their names; without a host, they are on `localhost`.
 * @param options The options of `Node.start` for each of them.
 * @returns The nodes; stop them with `await using`.
 * @throws {NodeStartError} If one cannot be started; the nodes started before it are stopped.
 *
 * @example Usage
 * ```ts
 * import { startNodes } from "@otp/distribution/testing";
 * import { Node } from "@otp/distribution/node";
 * import { assertEquals } from "@std/assert";
 *
 * await using nodes = await startNodes(["alex", "kate"]);
 * const [alex, kate] = nodes;
 * await alex.run(() => Node.connect(kate.name));
 * assertEquals(await kate.run(() => Node.list()), ["alex@localhost"]);
 * ```
 */
export async function startNodes(
  names: readonly string[],
  options: Omit<Partial<NodeOptions>, "name"> = {},
): Promise<TestNodes> {
  checkList(names, "start the nodes");
  checkOptions(options, "start nodes", SHARED_OPTIONS, '{ cookie: "c" }');
  const nodes = new TestNodes();
  try {
    for (const name of names) await startOne(nodes, withHost(name), options);
    return nodes;
  } catch (error) {
    await nodes[Symbol.asyncDispose]();
    throw error;
  }
}
