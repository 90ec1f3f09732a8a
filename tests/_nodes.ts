/** Helpers of the tests of nodes: several in one program, each with sockets of its own. */

import { EpmdServer } from "../packages/epmd/epmd_server.ts";
import { type LogEvent, Node, type NodeOptions } from "../node.ts";
import { standardIo } from "../packages/node/io/io_device.ts";
import {
  type DownMessage,
  type Pid,
  Process,
  receive,
  self,
} from "../packages/processes/process.ts";
import * as Remote from "./_remote.ts";
import { freePort } from "../packages/testing/_ports.ts";
import { test, type TestOptions } from "../packages/testing/tags.ts";

export { freePort };

/** The cookie that the nodes of a test share. */
export const COOKIE = "secret_token";

/** Nodes that find each other, and no others; stopped when it goes out of scope. */
export class Cluster implements AsyncDisposable {
  /** The port of their EPMD. */
  readonly epmdPort: number = freePort();
  /** Whether the cluster serves EPMD; if not, its first node does. */
  servesEpmd = true;
  #epmd: Promise<EpmdServer | undefined> | undefined;
  readonly #nodes: Node[] = [];
  readonly #events: LogEvent[] = [];
  #onEvent: () => void = () => {};

  /** Starts a node: `alex` is `alex@localhost`. */
  async start(name: string, options: Partial<NodeOptions> = {}): Promise<Node> {
    if (this.servesEpmd && options.epmdPort === undefined) {
      await (this.#epmd ??= serveEpmd(this.epmdPort));
    }
    const node = await Node.start({
      name: name.includes("@") ? name : `${name}@localhost`,
      cookie: COOKIE,
      epmdPort: this.epmdPort,
      modules: { Remote },
      log: (event) => {
        this.#events.push(event);
        this.#onEvent();
      },
      onTreeEnd: "continue",
      // No input: the host's thread would read it after the test.
      io: { write: standardIo().write },
      ...options,
    });
    this.#nodes.push(node);
    return node;
  }

  /** Starts nodes with the same options, one after the other. */
  async startAll<const Names extends readonly string[]>(
    names: Names,
    options: Partial<NodeOptions> = {},
  ): Promise<{ -readonly [Index in keyof Names]: Node }> {
    const nodes: Node[] = [];
    for (const name of names) nodes.push(await this.start(name, options));
    return nodes as { -readonly [Index in keyof Names]: Node };
  }

  /** The log of all nodes, as `name level: message`; warnings and errors unless `all` is set. */
  lines(all = false): string[] {
    return this.#events
      .filter(({ level }) => all || level === "warning" || level === "error")
      .map(({ node, level, message }) =>
        `${node.split("@")[0]} ${level}: ${message}`
      );
  }

  /** Waits until a matching line has been logged. */
  async logged(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = this.lines(true).find((each) => pattern.test(each));
      if (line !== undefined) return line;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onEvent = resolve;
      await promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop()));
    await (await this.#epmd)?.close();
  }
}

/** Serves EPMD for all nodes of a test, unless another program serves it. */
async function serveEpmd(port: number): Promise<EpmdServer | undefined> {
  try {
    return await EpmdServer.listen({ host: "127.0.0.1", port });
  } catch (error) {
    if ((error as { code?: string }).code === "EADDRINUSE") return undefined;
    throw error;
  }
}

export function clusterTest(
  name: string,
  fn: (cluster: Cluster) => Promise<void>,
  options: TestOptions = {},
): void {
  test(name, { timeout: 30_000, ...options }, async () => {
    await using cluster = new Cluster();
    await fn(cluster);
  });
}

/** Waits in the calling process for a DOWN; returns its reason. */
// deno-lint-ignore no-explicit-any
export async function reasonOf(pid: Pid): Promise<any> {
  const ref = Process.monitor(pid);
  return (await receive<DownMessage>((m) => ref.equals(m?.ref))).reason;
}

/** Waits in the calling process until a peer is down. */
export async function nodeDown(node: string): Promise<void> {
  await receive((m) => m?.type === "nodedown" && m.node === node);
}

/** Waits in the calling process until a peer is up. */
export async function nodeUp(node: string): Promise<void> {
  await receive((m) => m?.type === "nodeup" && m.node === node);
}

/** Closes all connections of a node, and waits until they are closed at both ends. */
export async function part(node: Node, other: Node): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const gone = other.run(async () => {
    Node.monitor(node.name);
    resolve();
    await nodeDown(node.name);
  });
  await promise;
  await node.run(() => Node.disconnect(other.name));
  await gone;
}

/** Lets a node look up an absent node, so often that work that others began before is done. */
export async function settled(node: Node): Promise<void> {
  await node.run(async () => {
    for (let i = 0; i < 5; i++) await Node.ping("nobody@localhost");
  });
}

/** A test of two nodes; its body is a process of alex. */
export function pairTest(
  name: string,
  fn: (nodes: { alex: Node; kate: Node }) => Promise<void>,
  options: { kate?: object; outputs?: Record<string, string> } = {},
): void {
  clusterTest(name, async (cluster) => {
    const { outputs = {} } = options;
    const io = (node: string) => ({
      write(text: string) {
        outputs[node] = (outputs[node] ?? "") + text;
      },
    });
    const kate = await cluster.start("kate", {
      io: io("kate"),
      ...options.kate,
    });
    const alex = await cluster.start("alex", { io: io("alex") });
    await alex.run(() => fn({ alex, kate }));
  });
}

/** A process of kate that waits for its exit reason. */
export async function exiting(): Promise<Pid> {
  const pid = await Node.spawn("kate@localhost", Remote.exiting, [self()]);
  await receive((m) => m === "up");
  return pid;
}

/** A process of kate that traps exits and forwards its messages. */
export async function relay(): Promise<Pid> {
  const pid = await Node.spawn("kate@localhost", Remote.relay, [self()]);
  await receive((m) => m === "up");
  return pid;
}
