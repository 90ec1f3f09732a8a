import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  ExitError,
  RpcError,
  SpawnRefusedError,
  UndefinedFunctionError,
} from "../errors.ts";
import { IO } from "../io.ts";
import { Node } from "../node.ts";
import {
  exit,
  groupLeader,
  monitor,
  type Pid,
  receive,
  self,
  send,
  spawn,
  spawnLink,
  trapExit,
} from "../process.ts";
import { rpc } from "../rpc.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { clusterTest, pairTest, part } from "./_nodes.ts";
import { mail, processTest } from "./_processes.ts";
import * as Remote from "./_remote.ts";

const KATE = "kate@localhost";

/** What kate exports besides. */
const Calls = {
  leader: () => groupLeader(),
  me: () => self(),
  exits: (reason: unknown) => exit(reason),
  unsendable: () => ({ fn: () => {} }),
  unsendableError: () => {
    throw Object.assign(new RangeError("far off"), { fn: () => {} });
  },
  /** Tells that it runs, and gives what it is then told. */
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

/** Waits for the rejection of a call. */
async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("the call did not fail");
}

/** Waits for an RpcError; gives its code. */
async function code(promise: Promise<unknown>): Promise<string> {
  const error = await failure(promise);
  assertInstanceOf(error, RpcError);
  assertEquals(error.name, "RpcError");
  return error.code;
}

pairTest("call() gives what a function of another node returns", async () => {
  assertEquals(await rpc.call(KATE, Remote.add, [1, 2]), 3);
  assertEquals(await rpc.call(KATE, ["Remote", "add"], [3, 4]), 7);
  assertEquals(await mail(), []);
});

pairTest(
  "call() rejects with an error that was thrown there, and tells where",
  async () => {
    const error = await failure(rpc.call(KATE, Remote.crash, ["oops"]));
    assertInstanceOf(error, TypeError);
    assertEquals(error.message, "oops");
    assertEquals(rpc.raisedOn(error), KATE);
    assertEquals(rpc.raisedOn(new TypeError("oops")), undefined);
    assertEquals(await mail(), []);
  },
);

pairTest("call() throws what was thrown there and is no error", async () => {
  const error = await failure(rpc.call(KATE, Remote.toss, [{ value: 42 }]));
  assertEquals(error, { value: 42 });
});

pairTest(
  "call() tells an exit of the function from a signal to its process",
  async () => {
    const exits = await failure(rpc.call(KATE, ["Calls", "exits"], ["oops"]));
    assertInstanceOf(exits, ExitError);
    assertEquals(exits.reason, { type: "exception", reason: "oops" });
    const call = rpc.call(KATE, ["Calls", "waits"], [self()]);
    exit(await receive(), "kill");
    const signal = await failure(call);
    assertInstanceOf(signal, ExitError);
    assertEquals(signal.reason, { type: "signal", reason: "killed" });
    assertEquals(await mail(), []);
  },
  WITH_CALLS,
);

pairTest(
  "call() of what is not exported, or not to this node, fails as a spawn does",
  async () => {
    await assertRejects(
      () => rpc.call(KATE, ["Nope", "nope"]),
      UndefinedFunctionError,
      "no module",
    );
    const refused = await assertRejects(
      () => rpc.call(KATE, Remote.add, [1, 2]),
      SpawnRefusedError,
    );
    assertEquals(refused.code, "not_allowed");
    const closure = await assertRejects(
      () => rpc.call(KATE, () => 1),
      SpawnRefusedError,
    );
    assertEquals(closure.code, "closure");
  },
  { kate: { allow: () => false } },
);

clusterTest(
  "call() asks `allow` for the function, and counts what it refuses",
  async (cluster) => {
    const asked: string[] = [];
    const kate = await cluster.start("kate", {
      allow(node, module, fn) {
        asked.push(`${node} ${module}.${fn}`);
        return fn !== "crash";
      },
    });
    const alex = await cluster.start("alex");
    await alex.run(async () => {
      assertEquals(await rpc.call(KATE, Remote.add, [1, 2]), 3);
      await assertRejects(
        () => rpc.call(KATE, Remote.crash, ["x"]),
        SpawnRefusedError,
      );
      rpc.cast(KATE, Remote.crash, ["x"]);
      await rpc.call(KATE, Remote.add, [1, 2]);
    });
    assertEquals(asked, [
      "alex@localhost Remote.add",
      "alex@localhost Remote.crash",
      "alex@localhost Remote.crash",
      "alex@localhost Remote.add",
    ]);
    const { refusedRequests, held } = await kate.run(() => Node.stats()!);
    assertEquals(refusedRequests.not_allowed, 2);
    assertEquals(held.processes, 0);
  },
);

pairTest(
  "call() is counted among a node's processes, and refused beyond",
  async ({ kate }) => {
    const call = rpc.call(KATE, ["Calls", "waits"], [self()]);
    const pid = await receive();
    assertEquals(
      (await kate.run(() => Node.stats()!)).held,
      { processes: 1, links: 0, monitors: 1 },
    );
    assertEquals(
      await code(rpc.call(KATE, Remote.add, [1, 2])),
      "system_limit",
    );
    send(pid, "go");
    assertEquals(await call, "go");
    assertEquals(await rpc.call(KATE, Remote.add, [1, 2]), 3);
  },
  { kate: { modules: { Remote, Calls }, limits: { maxRemoteProcesses: 1 } } },
);

pairTest(
  "call() gives up at its timeout, and drops what comes later",
  async () => {
    const call = rpc.call(KATE, ["Calls", "waits"], [self()], { timeout: 1 });
    assertEquals(await code(call), "timeout");
    const pid = await receive();
    const down = monitor(pid);
    send(pid, "late");
    await receive((m) => down.equals(m?.ref));
    assertEquals(await rpc.call(KATE, Remote.add, [1, 2]), 3);
    assertEquals(await mail(), []);
  },
  WITH_CALLS,
);

pairTest(
  "call() fails with noconnection when the node is not there or goes",
  async ({ alex, kate }) => {
    assertEquals(
      await code(rpc.call("nobody@localhost", Remote.add, [1, 2])),
      "noconnection",
    );
    const call = code(rpc.call(KATE, ["Calls", "waits"], [self()]));
    await receive();
    await part(alex, kate);
    assertEquals(await call, "noconnection");
  },
  WITH_CALLS,
);

pairTest(
  "call() fails with notsup on a node that serves no calls",
  async ({ kate }) => {
    // As one that was made before there were any.
    const { services } = (kate as unknown as { _runtime(): Runtime })._runtime()
      .modules;
    services.clear();
    assertEquals(await code(rpc.call(KATE, Remote.add, [1, 2])), "notsup");
  },
);

pairTest(
  "call() runs in a process of its own, under the caller's group leader",
  async () => {
    const [one, other] = await Promise.all([
      rpc.call<[], Pid>(KATE, ["Calls", "me"]),
      rpc.call<[], Pid>(KATE, ["Calls", "me"]),
    ]);
    assert(!one.equals(other));
    assertEquals(one.node, KATE);
    assert(groupLeader().equals(await rpc.call(KATE, ["Calls", "leader"])));
    assertEquals(
      (await rpc.call<[], Pid>(Node.self(), self)).equals(self()),
      false,
    );
  },
  WITH_CALLS,
);

const outputs: Record<string, string> = {};
pairTest(
  "call() has what is printed come out at the caller's node",
  async () => {
    await rpc.call(KATE, ["Calls", "print"]);
    assertEquals(outputs, { alex: "printed\n" });
  },
  { ...WITH_CALLS, outputs },
);

pairTest(
  "call() ends what the function has linked to its process",
  async () => {
    const child = await rpc.call<[], Pid>(KATE, ["Calls", "links"]);
    const ref = monitor(child);
    const { reason } = await receive((m) => ref.equals(m?.ref));
    assert(reason === "noproc" || reason.type === "return", String(reason));
  },
  WITH_CALLS,
);

pairTest(
  "call() rejects with a TypeError when what is returned cannot be sent",
  async () => {
    await assertRejects(
      () => rpc.call(KATE, ["Calls", "unsendable"]),
      TypeError,
      "Cannot send the function",
    );
    const error = await failure(rpc.call(KATE, ["Calls", "unsendableError"]));
    assertInstanceOf(error, RangeError);
    assertEquals(error.message, "far off");
  },
  WITH_CALLS,
);

pairTest("call() runs on when its caller exits", async () => {
  const me = self();
  const caller = spawn(() => rpc.call(KATE, ["Calls", "waits"], [me]));
  const pid = await receive();
  const [callerDown, down] = [monitor(caller), monitor(pid)];
  exit(caller, "kill");
  await receive((m) => callerDown.equals(m?.ref));
  send(pid, "go");
  const { reason } = await receive((m) => down.equals(m?.ref));
  assertEquals(reason, { type: "return" });
}, WITH_CALLS);

processTest(
  "call() works on a node that is not started, for itself",
  async () => {
    assertEquals(await rpc.call(Node.self(), (a: number) => a + 1, [1]), 2);
    assertEquals(await code(rpc.call(KATE, ["Remote", "add"])), "noconnection");
    const error = await failure(rpc.call(Node.self(), Remote.crash, ["oops"]));
    assertEquals(rpc.raisedOn(error), "nonode@nohost");
  },
);

processTest(
  "call() copies arguments when it is called, and throws for what is none",
  async () => {
    const list = [1];
    const call = rpc.call(Node.self(), (given: number[]) => given, [list]);
    list.push(2);
    assertEquals(await call, [1]);
    await assertRejects(
      () => rpc.call(Node.self(), (_: unknown) => 1, [() => {}]),
      TypeError,
      "Cannot send",
    );
    await assertRejects(
      () => rpc.call(Node.self(), 5 as never),
      TypeError,
      "Cannot run 5",
    );
    for (const timeout of [-1, NaN, "1" as never]) {
      const error = typeof timeout === "number" ? RangeError : TypeError;
      await assertRejects(
        () => rpc.call(Node.self(), () => 1, [], { timeout }),
        error,
        "Cannot call a function with a timeout",
      );
    }
  },
);

pairTest(
  "multicall() gives results in the order of the nodes, by class",
  async () => {
    const results = await rpc.multicall(
      [KATE, "nobody@localhost", "alex@localhost", KATE],
      Remote.add,
      [1, 2],
    );
    assertEquals(results.map(({ type }) => type), ["ok", "error", "ok", "ok"]);
    const [thrown] = await rpc.multicall([KATE], Remote.toss, [42]);
    assertEquals(thrown, { type: "throw", value: 42 });
    const [raised] = await rpc.multicall([KATE], Remote.crash, ["oops"]);
    assert(raised.type === "error");
    assertMatch(raised.error.message, /oops/);
    const [exited] = await rpc.multicall([KATE], ["Calls", "exits"], ["x"]);
    assertEquals(exited, {
      type: "exit",
      reason: { type: "exception", reason: "x" },
    });
  },
  WITH_CALLS,
);

pairTest(
  "multicall() has one timeout for all; those in time give their results",
  async () => {
    const [late, here] = await rpc.multicall(
      [KATE, "alex@localhost"],
      ["Timed", "answer"],
      [self()],
      { timeout: 200 },
    );
    assert(late.type === "error" && late.error instanceof RpcError);
    assertEquals(late.error.code, "timeout");
    assertEquals(here.type, "error");
    assert(
      here.type === "error" && here.error instanceof UndefinedFunctionError,
    );
  },
  { kate: { modules: { Timed: { answer: Remote.wait } } } },
);

pairTest(
  "cast() runs a function and tells nothing, not even that it cannot",
  async () => {
    assertEquals(rpc.cast(KATE, Remote.tell, [self(), "hi"]), "ok");
    assertEquals(await receive(), "hi");
    assertEquals(rpc.cast(KATE, ["Nope", "nope"]), "ok");
    assertEquals(rpc.cast("nobody@localhost", ["Remote", "add"]), "ok");
    assertEquals(
      rpc.multicast([KATE, "alex@localhost"], Remote.tell, [self(), "all"]),
      "ok",
    );
    assertEquals([await receive(), await receive()], ["all", "all"]);
    await rpc.call(KATE, Remote.add, [1, 2]);
    assertEquals(await mail(), []);
    assertThrows(
      () => rpc.cast(KATE, Remote.tell, [self(), () => {}]),
      TypeError,
    );
  },
);

clusterTest(
  "cast() reports a crash where the function throws, call() does not",
  async (cluster) => {
    await cluster.start("kate");
    const alex = await cluster.start("alex");
    await alex.run(async () => {
      await failure(rpc.call(KATE, Remote.crash, ["called"]));
      rpc.cast(KATE, Remote.crash, ["cast"]);
      await cluster.logged(/TypeError: cast/);
    });
    assertEquals(cluster.lines().filter((line) => /called/.test(line)), []);
  },
);

clusterTest(
  "requests of a peer that are none of rpc's are refused, and harm nothing",
  async (cluster) => {
    const kate = await cluster.start("kate");
    const alex = await cluster.start("alex");
    await alex.run(async () => {
      trapExit(true);
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
  },
);
