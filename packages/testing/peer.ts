/** Peers: nodes that are operating system processes. */

import {
  checkOptions,
  checkString,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";
import { type ChildProcess, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import nodeProcess from "node:process";
import { fileURLToPath } from "node:url";
import { formatExit } from "@otp/processes/errors";
import { type ModuleFunction, Node } from "@otp/node/node";
import { defaultPartsModule } from "@otp/node/start/parts";
import { isDown, receive, self } from "@otp/processes/process";
import { currentProcess } from "@otp/processes/runtime/current_process";
import { inspect } from "@otp/processes/values/inspect";
import { isDeno } from "./_deno.ts";
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
   * The permissions of the peer's process, as flags of the host.
   *
   * @default {["--allow-net", "--allow-env", "--allow-read", "--allow-sys=hostname"] on Deno, else all: []}
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

/** The peer's program, beside this file and with its suffix: `.ts`, or `.js` in the npm package. */
const PROGRAM = import.meta.url.replace(/peer(?=\.\w+$)/, "_peer_main");

const START_WITHIN = 20_000;
const STOP_WITHIN = 5000;

let own: Node | undefined;
let waitUntilUp: (peer: Peer, timeout: number) => Promise<void>;
let callers = 0;

interface Status {
  code: number | null;
  signal: string | null;
}

/** Sets the default node from which peers are called. */
export function callPeersFrom(node: Node | undefined): void {
  own = node;
}

/**
 * Starts a node as an operating system process, and waits until it can be reached.
 *
 * It uses the EPMD port and cookie of {@linkcode testCluster}. The peer ends with the test's process, even if the
 * process crashes. It runs on the host of the test, and works with any test runner: of Deno, Node.js or Bun. A test
 * of {@linkcode test} can declare its peers instead.
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
 *
 * @example A peer of all tests of a file, with Node's test runner
 * ```ts ignore
 * import assert from "node:assert/strict";
 * import { after, before, test } from "node:test";
 * import { type Peer, startPeer } from "@otp/distribution/testing";
 *
 * let kate: Peer;
 * before(async () => {
 *   kate = await startPeer("kate", {
 *     modules: { Counter: import.meta.resolve("./counter.ts") },
 *   });
 * });
 * after(() => kate.stop());
 *
 * test("add() adds", async () => {
 *   assert.equal(await kate.call("Counter", "add", [1]), 1);
 * });
 * ```
 */
export async function startPeer(
  name: string,
  options: PeerOptions = {},
): Promise<Peer> {
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
  readonly #child: ChildProcess;
  readonly #ended: Promise<Status>;
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
    const start: PeerStart = {
      node: { name, epmdPort, cookie },
      program: locateProgram(options),
    };
    this.#child = spawn(nodeProcess.execPath, commandOf(options), {
      env: { ...nodeProcess.env, NO_COLOR: "1", ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.pid = this.#child.pid ?? 0;
    this.#ended = this.#run();
    // The input of a program that has ended cannot be written; its end is reported.
    this.#child.stdin!.on("error", () => {});
    this.#child.stdin!.write(`${JSON.stringify(start)}\n`);
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
      name: `caller-${nodeProcess.pid}-${++callers}@localhost`,
      hidden: true,
      connectAll: false,
      log() {},
    });
  }

  /** Stops the peer, and waits for its end: its application stops, its node disconnects; after 5 s it is killed. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => this.#kill(), STOP_WITHIN);
    this.#child.stdin!.end("stop\n");
    await this.#end();
    clearTimeout(timer);
  }

  /** Kills the peer's process, as if its machine were switched off, and waits for its end. */
  async kill(): Promise<void> {
    this.#kill();
    await this.#end();
  }

  /** Stops the peer, at the end of `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #kill(): void {
    if (!this.#hasEnded) this.#child.kill("SIGKILL");
  }

  async #end(): Promise<void> {
    await this.#ended;
    const caller = this.#caller;
    this.#caller = undefined;
    await (await caller)?.stop();
  }

  #run(): Promise<Status> {
    const { stdout, stderr } = this.#child;
    for (const stream of [stdout!, stderr!]) {
      stream.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    }
    return new Promise((resolve) => {
      const end = (status: Status) => {
        this.#hasEnded = true;
        resolve(status);
      };
      this.#child.on("close", (code, signal) => end({ code, signal }));
      this.#child.on("error", ({ message }) => {
        this.#output += message;
        if (this.#child.pid === undefined) end({ code: null, signal: null });
      });
    });
  }

  #read(text: string): void {
    this.#output += text;
    if (!this.#output.includes(UP)) return;
    this.#output = this.#output.replace(UP, "");
    this.#up.resolve();
  }
}

/** The arguments with which the host runs a peer, whose node has the same default parts as the nodes of the test. */
function commandOf({ permissions }: PeerOptions): string[] {
  const module = defaultPartsModule();
  const parts = module === undefined ? [] : [`--import=${module}`];
  if (!isDeno()) {
    return [...permissions ?? [], ...parts, fileURLToPath(PROGRAM)];
  }
  return [
    ...["run", "--quiet", "--no-prompt"],
    ...configFlags(),
    ...(permissions ?? PERMISSIONS),
    ...parts,
    PROGRAM,
  ];
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
