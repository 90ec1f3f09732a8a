/** Runs a test: on its own node if it needs one, with its peers, and with a check for leaks. */

import { Application } from "@otp/servers/application/application";
import type { Node, NodeOptions } from "@otp/node/node";
import { currentRuntime } from "@otp/processes/runtime/current_process";
import { parseTestArguments } from "./_arguments.ts";
import { say } from "./_announcements.ts";
import type { DenoTestContext } from "./_deno.ts";
import { LeakCheck, type LeakOptions } from "./_leaks.ts";
import {
  loadApplication,
  loadProgramModules,
  locateProgram,
  startWhenFree,
} from "./_program.ts";
import { leaveCluster, testCluster, withHost } from "./test_cluster.ts";
import type { TestProgram } from "./configuration.ts";
import { callPeersFrom, type Peer, type PeerSpec, startPeer } from "./peer.ts";
import { TimeLimit } from "./_time_limit.ts";

/** The context of a test: Deno's own context, and its nodes. */
export interface TestContext extends DenoTestContext {
  /** The node that the test's code runs on, if the test has its own. */
  readonly node: Node | undefined;
  /**
   * Finds a peer that the test declares.
   *
   * @param name Its name, with or without the host.
   * @throws {RangeError} If the test does not declare it.
   */
  peer(name: string): Peer;
  /** The output of the test's own node so far. */
  output(): string;
}

/** A test's code. */
export type TestFunction = (t: TestContext) => void | Promise<void>;

/** The default name of a test's own node. */
const OWN_NODE = "test@localhost";

export interface Plan extends TestProgram {
  name: string;
  /** The name of the test's own node; without it, the test has a node only if it needs one. */
  node?: string;
  peers: readonly PeerSpec[];
  /** Whether the test runs on the node that the command line names. */
  isDistributed: boolean;
  /** The time limit in milliseconds; without it, Deno's own applies. */
  timeout?: number;
  /** The checks after the test. */
  leaks: LeakOptions;
}

/** Whether a test runs on a node of its own. */
export function hasNode({ node, peers, isDistributed }: Plan): boolean {
  return node !== undefined || peers.length > 0 ||
    (isDistributed && parseTestArguments().node !== undefined);
}

export async function runTest(
  plan: Plan,
  fn: TestFunction,
  t: DenoTestContext,
): Promise<void> {
  leaveCluster();
  const leaks = new LeakCheck(currentRuntime(), plan.leaks);
  if (hasNode(plan)) await runOnNode(plan, fn, t);
  else await runHere(plan, fn, t);
  await leaks.assertClean();
}

/** Runs a test on no node. */
async function runHere(
  { name, isDistributed }: Plan,
  fn: TestFunction,
  t: DenoTestContext,
): Promise<void> {
  try {
    await fn(context(t, undefined, [], []));
  } catch (error) {
    // The test was included explicitly, and its error would not name the missing node.
    if (isDistributed) {
      say(
        `${
          JSON.stringify(name)
        } is tagged distributed and ran on no node: give --sname NAME, or let the test declare its peers`,
      );
    }
    throw error;
  }
}

/** Starts the node and the peers, runs the test on the node, and stops them. */
async function runOnNode(
  plan: Plan,
  fn: TestFunction,
  t: DenoTestContext,
): Promise<void> {
  const printed: string[] = [];
  await using stack = new AsyncDisposableStack();
  stack.defer(() => callPeersFrom(undefined));
  const program = locateProgram(plan);
  const application = await loadApplication(program);
  const node = stack.use(
    await startWhenFree({
      ...nodeOptions(plan),
      modules: await loadProgramModules(program),
      io: { write: (text) => void printed.push(text) },
    }),
  );
  callPeersFrom(node);
  if (application !== undefined) {
    await node.run(() => Application.start(application));
    stack.defer(async () => {
      await node.run(() => Application.stop(application.name));
    });
  }
  const peers = await startPeers(plan.peers, stack);
  const leaks = new LeakCheck(await node.run(currentRuntime), {
    sockets: false,
    processes: plan.leaks.processes,
    application: application !== undefined,
  });
  const { timeout } = plan;
  // So that the harness stops the peers before Deno ends the test.
  using limit = new TimeLimit(
    timeout,
    () => new Error(`Test timed out after ${timeout}ms.`),
  );
  try {
    await Promise.race([
      node.run(() => fn(context(t, node, peers, printed))),
      limit.expired,
    ]);
  } catch (error) {
    for (const peer of peers) tell(peer.name, peer.output());
    tell(node.name, printed.join(""));
    throw error;
  }
  await leaks.assertClean();
}

/** Prints the output of a node, which may explain why a test failed. */
function tell(name: string, output: string): void {
  if (output !== "") say(`${name} printed:\n${output.trimEnd()}`);
}

function nodeOptions({ node, peers }: Plan): NodeOptions {
  const requested = parseTestArguments().node;
  if (requested !== undefined && node === undefined && peers.length === 0) {
    return requested;
  }
  return {
    ...testCluster(),
    name: withHost(node ?? requested?.name ?? OWN_NODE),
  };
}

async function startPeers(
  specs: readonly PeerSpec[],
  stack: AsyncDisposableStack,
): Promise<Peer[]> {
  const results = await Promise.allSettled(specs.map((spec) => {
    const { name, ...options } = typeof spec === "string"
      ? { name: spec }
      : spec;
    return startPeer(name, options);
  }));
  const peers: Peer[] = [];
  for (const result of results) {
    if (result.status === "fulfilled") peers.push(stack.use(result.value));
  }
  for (const result of results) {
    if (result.status === "rejected") throw result.reason;
  }
  return peers;
}

function context(
  t: DenoTestContext,
  node: Node | undefined,
  peers: readonly Peer[],
  printed: readonly string[],
): TestContext {
  return {
    ...t,
    node,
    peer(name) {
      const found = peers.find((each) => each.name === withHost(name));
      if (found !== undefined) return found;
      throw new RangeError(
        `Cannot find the peer ${JSON.stringify(name)}: the test declares ${
          peers.map((each) => each.name).join(", ") || "none"
        }`,
      );
    },
    output: () => printed.join(""),
  };
}
