/** Peers: nodes that are operating system processes. */

import {
  checkOptions,
  checkString,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatExit } from "@otp/processes/errors";
import { type ModuleFunction, Node } from "@otp/node/node";
import { isDown, receive, self } from "@otp/processes/process";
import { currentProcess } from "@otp/processes/runtime/current_process";
import { inspect } from "@otp/processes/values/inspect";
import { assertDeno } from "./_deno.ts";
import { type TestCluster, testCluster, withHost } from "./test_cluster.ts";
import { PROGRAM_OPTIONS, type TestProgram } from "./configuration.ts";
import type { PeerStart } from "./_peer_main.ts";
import { type Called, HARNESS_MODULE, locateProgram, UP } from "./_program.ts";
import { isFile } from "./_programs.ts";
import { TimeLimit } from "./_time_limit.ts";
import type { OptionChecks } from "@otp/processes/values/options";

/** Options for {@linkcode startPeer}. */
export interface PeerOptions extends TestProgram, Partial<TestCluster> {
  /**
   * The permissions of the peer's process, as Deno flags.
   *
   * @default {["--allow-net", "--allow-env", "--allow-read", "--allow-sys=hostname"]}
   */
  permissions?: readonly string[];
  /**
   * Variables to add to the environment of the peer's process.
   *
   * @default {{}}
   */
  env?: Readonly<Record<string, string>>;
  /**
   * The time limit for the peer to become reachable, in milliseconds.
   *
   * @default {20000}
   */
  timeout?: number;
  /**
   * The node of this program from which the peer is called.
   *
   * @default {the test's own node, or a hidden one that is started for it}
   */
  from?: Node;
}

const PEER_OPTIONS: OptionChecks<PeerOptions> = {
  ...PROGRAM_OPTIONS,
  epmdPort: true,
  cookie: true,
  permissions: true,
  env: true,
  timeout: TIMEOUT,
  from: true,
};

/** A peer that a test declares: its name, or its name with options. */
export type PeerSpec = string | ({ name: string } & PeerOptions);

const PERMISSIONS = [
  "--allow-net",
  "--allow-env",
  "--allow-read",
  "--allow-sys=hostname",
];
const START_WITHIN = 20_000;
const STOP_WITHIN = 5000;

let own: Node | undefined;
let waitUntilUp: (peer: Peer, timeout: number) => Promise<void>;
let callers = 0;

/** Sets the default node from which peers are called. */
export function callPeersFrom(node: Node | undefined): void {
  own = node;
}

/**
 * Starts a node as an operating system process, and waits until it can be reached.
 *
 * It uses the EPMD port and cookie of {@linkcode testCluster}. The peer ends with the test's process, even if the
 * process crashes.
 *
 * @param name Its name; without a host, it is on `localhost`.
 * @param options The peer's program and its permissions.
 * @returns The peer; stop it with `stop()` or `await using`.
 * @throws {Error} If the peer does not start; the message contains its output.
 *
 * @example A peer that exports a module
 * ```ts ignore
 * import { startPeer } from "@otp/distribution/testing";
 *
 * await using kate = await startPeer("kate", {
 *   modules: { Kate: import.meta.resolve("./kate.ts") },
 * });
 * await kate.call("Kate", "sayName");
 * ```
 */
export async function startPeer(
  name: string,
  options: PeerOptions = {},
): Promise<Peer> {
  assertDeno(`start the peer ${inspect(name)}`);
  checkString(name, "start a peer under the name");
  checkOptions(options, `start the peer ${inspect(name)}`, PEER_OPTIONS);
  const peer = new Peer(withHost(name), options);
  try {
    await waitUntilUp(peer, options.timeout ?? START_WITHIN);
    return peer;
  } catch (error) {
    await peer.kill();
    throw error;
  }
}

/** A node that is an operating system process, as {@linkcode startPeer} returns it. */
export class Peer implements AsyncDisposable {
  /** The node's name. */
  readonly name: string;
  /** The id of its process. */
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #ended: Promise<Deno.CommandStatus>;
  readonly #cluster: TestCluster;
  readonly #up = Promise.withResolvers<void>();
  #from: Node | undefined;
  #caller: Promise<Node> | undefined;
  #output = "";
  #hasEnded = false;

  /** Made by {@linkcode startPeer}. */
  constructor(name: string, options: PeerOptions) {
    const shared = testCluster();
    const { epmdPort = shared.epmdPort, cookie = shared.cookie } = options;
    this.name = name;
    this.#cluster = { epmdPort, cookie };
    this.#from = options.from ?? own;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        ...configFlags(),
        ...(options.permissions ?? PERMISSIONS),
        import.meta.resolve("./_peer_main.ts"),
      ],
      env: { NO_COLOR: "1", ...options.env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.#input = this.#child.stdin.getWriter();
    this.#ended = this.#run();
    const start: PeerStart = {
      node: { name, epmdPort, cookie },
      program: locateProgram(options),
    };
    this.#input.write(new TextEncoder().encode(`${JSON.stringify(start)}\n`))
      .catch(() => {});
  }

  static {
    waitUntilUp = (peer, timeout) => peer.#isUp(timeout);
  }

  async #isUp(timeout: number): Promise<void> {
    using limit = new TimeLimit(
      timeout,
      () => this.#failure(`it is not up after ${timeout} ms`),
    );
    const ended = this.#ended.then(({ code, signal }) => {
      throw this.#failure(
        `it ended with ${signal ?? `code ${code}`} before it could be reached`,
      );
    });
    ended.catch(() => {});
    await Promise.race([this.#up.promise, ended, limit.expired]);
  }

  #failure(why: string): Error {
    return new Error(
      `Cannot start the peer ${this.name}: ${why}; it printed:\n${
        this.#output || "nothing"
      }`,
    );
  }

  /** Returns the peer's output so far, on standard output and standard error. */
  output(): string {
    return this.#output;
  }

  /**
   * Calls a function of a module that the peer exports, in a process of the peer; its output appears there.
   *
   * @typeParam T The function's result.
   * @returns The function's result; rejects with the error that the function throws.
   * @throws {Error} If the peer ends, or does not export the function.
   *
   * @example Usage
   * ```ts ignore
   * import { startPeer } from "@otp/distribution/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const modules = { Counter: import.meta.resolve("./counter.ts") };
   * await using kate = await startPeer("kate", { modules });
   * assertEquals(await kate.call("Counter", "add", [1]), 1);
   * ```
   */
  call<T = unknown>(
    module: string,
    fn: string,
    args?: readonly unknown[],
  ): Promise<T>;
  /**
   * Calls a function by its name with its types: `peer.call(remote<typeof Counter>("Counter")("add"), [1])`.
   *
   * @typeParam A The function's arguments.
   * @typeParam T The function's result.
   * @param fn The name, as `remote` returns it.
   * @returns The function's result; rejects with the error that the function throws.
   */
  call<A extends unknown[], T>(
    fn: ModuleFunction<A, T>,
    args: NoInfer<A>,
  ): Promise<Awaited<T>>;
  async call(
    first: string | readonly [module: unknown, fn: unknown],
    ...rest: unknown[]
  ): Promise<unknown> {
    const [module, fn, args] = typeof first === "string"
      ? [first, ...rest]
      : [...first, ...rest];
    const from = this.#from ?? await (this.#caller ??= this.#startCaller());
    const token = crypto.randomUUID();
    return await from.run(async () => {
      const { ref } = await Node.spawnMonitor(
        this.name,
        [HARNESS_MODULE, "call"],
        [self(), token, module, fn, [...(args as unknown[] | undefined) ?? []]],
      );
      const process = currentProcess();
      const answer = await receive<Called | { type: "DOWN"; reason: unknown }>(
        (message) =>
          isDown(message)
            ? ref.equals(message.ref) && process.isDown(ref)
            : message?.token === token,
      );
      if (answer.type === "called") return answer.value;
      if (answer.type === "failed") throw answer.error;
      throw new Error(
        `Cannot call ${module}.${fn} on ${this.name}: ${
          formatExit(answer.reason)
        }; it printed:\n${this.#output || "nothing"}`,
      );
    });
  }

  #startCaller(): Promise<Node> {
    return Node.start({
      ...this.#cluster,
      name: `caller-${Deno.pid}-${++callers}@localhost`,
      hidden: true,
      connectAll: false,
      log() {},
    });
  }

  /** Stops the peer, and waits for its end: its application stops, its node disconnects; after 5 s it is killed. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => this.#kill(), STOP_WITHIN);
    await this.#input.close().catch(() => {});
    await this.#end();
    clearTimeout(timer);
  }

  /** Kills the peer's process, as if its machine were switched off, and waits for its end. */
  async kill(): Promise<void> {
    this.#kill();
    await this.#end();
    await this.#input.close().catch(() => {});
  }

  /** Stops the peer, at the end of `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #kill(): void {
    try {
      if (!this.#hasEnded) this.#child.kill("SIGKILL");
    } catch {
      // It has ended just now.
    }
  }

  async #end(): Promise<void> {
    await this.#ended;
    const caller = this.#caller;
    this.#caller = undefined;
    await (await caller)?.stop();
  }

  async #run(): Promise<Deno.CommandStatus> {
    const [status] = await Promise.all([
      this.#child.status,
      this.#read(this.#child.stdout),
      this.#read(this.#child.stderr),
    ]);
    this.#hasEnded = true;
    return status;
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.#output += text;
      const at = this.#output.indexOf(UP);
      if (at < 0) continue;
      this.#output = this.#output.replace(UP, "");
      this.#up.resolve();
    }
  }
}

/** Makes a peer resolve imports like the test: with the nearest configuration file. */
function configFlags(): string[] {
  if (!Deno.mainModule.startsWith("file:")) return [];
  let folder = dirname(fileURLToPath(Deno.mainModule));
  for (;;) {
    for (const name of ["deno.json", "deno.jsonc"]) {
      const file = join(folder, name);
      if (isFile(file)) return [`--config=${file}`];
    }
    const parent = dirname(folder);
    if (parent === folder) return [];
    folder = parent;
  }
}
