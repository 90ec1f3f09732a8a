import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  RpcError,
  UndefinedFunctionError,
} from "../../../packages/processes/errors.ts";
import { IO } from "../../../packages/node/io/io.ts";
import { Node } from "../../../node.ts";
import {
  exit,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawnLink,
} from "../../../packages/processes/process.ts";
import { rpc } from "../../../packages/node/rpc/rpc.ts";
import { clusterTest, pairTest } from "../../_nodes.ts";
import { errorOf, mail } from "../../_processes.ts";
import * as Remote from "../../_remote.ts";
import { internalsOf } from "../../../packages/node/start/node_internals.ts";

const KATE = "kate@localhost";

/** Further functions that kate exports. */
const Calls = {
  leader: () => Process.groupLeader(),
  me: () => self(),
  exits: (reason: unknown) => exit(reason),
  unsendable: () => ({ fn: () => {} }),
  unsendableError: () => {
    throw Object.assign(new RangeError("far off"), { fn: () => {} });
  },
  /** Reports that it runs, and returns the next message. */
  async waits(to: Pid): Promise<unknown> {
    send(to, self());
    return await receive();
  },
  /** Starts a process that is linked to the one of the call. */
  links(): Pid {
    return spawnLink(Remote.wait);
  },
  async print(): Promise<void> {
    await IO.puts("printed");
  },
};

const WITH_CALLS = { kate: { modules: { Remote, Calls } } };

/** Waits for an RpcError; returns its code. */
async function code(promise: Promise<unknown>): Promise<string> {
  const error = await errorOf(promise);
  assertInstanceOf(error, RpcError);
  assertEquals(error.name, "RpcError");
  return error.code;
}

pairTest("call() rejects with the function's error, names a node", async () => {
  const error = await errorOf(rpc.call(KATE, Remote.crash, ["oops"]));
  assertInstanceOf(error, TypeError);
  assertEquals(error.message, "oops");
  assertEquals(rpc.raisedOn(error), KATE);
  assertEquals(rpc.raisedOn(new TypeError("oops")), undefined);
  assertEquals(await mail(), []);
});

pairTest("call() counts towards a node's processes", async ({ kate }) => {
  const call = rpc.call(KATE, ["Calls", "waits"], [self()]);
  const pid = await receive();
  assertEquals(
    (await kate.run(() => Node.stats()!)).held,
    { processes: 1, links: 0, monitors: 1 },
  );
  assertEquals(await code(rpc.call(KATE, Remote.add, [1, 2])), "system_limit");
  send(pid, "go");
  assertEquals(await call, "go");
  assertEquals(await rpc.call(KATE, Remote.add, [1, 2]), 3);
}, { kate: { modules: { Remote, Calls }, limits: { maxRemoteProcesses: 1 } } });

pairTest("call() fails with notsup where not served", async ({ kate }) => {
  // Like a node of a version without calls.
  const { services } = internalsOf(kate).runtime.modules;
  services.clear();
  assertEquals(await code(rpc.call(KATE, Remote.add, [1, 2])), "notsup");
});

pairTest("call() rejects a result that cannot be sent", async () => {
  await assertRejects(
    () => rpc.call(KATE, ["Calls", "unsendable"]),
    TypeError,
    "Cannot send the function",
  );
  const error = await errorOf(rpc.call(KATE, ["Calls", "unsendableError"]));
  assertInstanceOf(error, RangeError);
  assertEquals(error.message, "far off");
}, WITH_CALLS);

clusterTest("cast() logs a crash where it is, call() not", async (cluster) => {
  await cluster.start("kate");
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    await errorOf(rpc.call(KATE, Remote.crash, ["called"]));
    rpc.cast(KATE, Remote.crash, ["cast"]);
    await cluster.logged(/TypeError: cast/);
  });
  assertEquals(cluster.lines().filter((line) => /called/.test(line)), []);
});

clusterTest("a peer's invalid requests are refused", async (cluster) => {
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  await alex.run(async () => {
    Process.trapExit(true);
    for (
      const [name, args] of [
        ["call", []],
        ["call", [{ module: "Remote", function: "add", args: [] }]],
        ["call", [{ module: 1, args: [] }, "ref"]],
        ["cast", [null]],
        ["other", [{ module: "Remote", function: "add", args: [] }]],
      ] as [string, unknown[]][]
    ) {
      await assertRejects(
        () => Node.spawn(KATE, ["$rpc", name], args),
        UndefinedFunctionError,
        "no request",
      );
    }
    assertEquals(await rpc.call(KATE, Remote.add, [1, 2]), 3);
  });
  const { refusedRequests } = await kate.run(() => Node.stats()!);
  assertEquals(refusedRequests.undef, 5);
});
