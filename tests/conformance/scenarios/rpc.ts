/** Calls of functions on nodes: Erlang's `erpc`. */

import {
  beam,
  exit,
  IO,
  Node,
  type Pid,
  Process,
  receive,
  rpc,
  type RpcResult,
  self,
  send,
  spawn,
  spawnLink,
} from "../../../mod.ts";
import {
  asTerm,
  attempt,
  connectedNodes,
  expect,
  forever,
  killNode,
  message,
  next,
  output,
  peer,
  reasonOf,
  scenario,
  trace,
  traceNext,
  traceNothing,
  UNKNOWN_NODE,
} from "../_scenario.ts";

const MODULE = "Conformance.Rpc";

/** The results of a multicall, with errors in the form of raised ones. */
function shown(results: RpcResult<unknown>[]): unknown[] {
  return results.map((each) =>
    each.type === "error" ? { type: "error", error: each.error } : each
  );
}

export function place(prefix: string): unknown[] {
  return [prefix, Node.self()];
}

export function raises(message: string): never {
  throw new Error(message);
}

export function throws(value: unknown): never {
  throw value;
}

export function exits(reason: unknown): never {
  exit(reason);
}

beam(exits, { args: ["atom"] });

export function me(): Pid {
  return self();
}

export async function print(text: string): Promise<void> {
  await IO.puts(text);
}

export function tell(to: Pid, message: unknown): void {
  send(to, message);
}

/** Reports its pid, and returns the next message. */
export function waits(to: Pid): Promise<unknown> {
  send(to, self());
  return receive();
}

export async function traps(to: Pid): Promise<unknown> {
  Process.trapExit(true);
  return asTerm(await waits(to));
}

/** Differs by node. */
export function byNode(to: Pid): unknown {
  return Node.self().startsWith("kate") ? waits(to) : "here";
}

export function links(): Pid {
  return spawnLink(forever);
}

export function catchesLink(to: Pid): Promise<string> {
  const me = self();
  spawnLink(async () => {
    Process.trapExit(true);
    send(me, message("up"));
    const { reason } = await receive((m) => m?.type === "EXIT");
    send(to, message("normal", reason === "normal"));
  });
  return expect("up");
}

scenario("a call returns the result of a function on that node", async () => {
  const kate = await peer("kate");
  await trace("place", rpc.call(kate, place, ["on"]));
  await trace("connected", connectedNodes());
  await trace("here", rpc.call(Node.self(), place, ["on"]));
});

scenario("an error of the function is raised at the caller", async () => {
  const kate = await peer("kate");
  await attempt("raised", () => rpc.call(kate, raises, ["oops"]));
  await attempt("here", () => rpc.call(Node.self(), raises, ["oops"]));
});

scenario("a throw of the function reaches the caller unchanged", async () => {
  const kate = await peer("kate");
  await attempt("thrown", () => rpc.call(kate, throws, [[1, 2]]));
  await attempt("thrown", () => rpc.call(kate, throws, ["value"]));
});

scenario("an exit of the function exits with exception", async () => {
  const kate = await peer("kate");
  for (const reason of ["oops", "normal", "kill"]) {
    await attempt("exit", () => rpc.call(kate, exits, [reason]));
  }
  await attempt("here", () => rpc.call(Node.self(), exits, ["oops"]));
});

/** A process that sends an exit signal to the process that it receives. */
function killer(reason: unknown): Pid {
  return spawn(async () => void Process.exit(await receive(), reason));
}

scenario("an exit signal to the function exits with signal", async () => {
  const kate = await peer("kate");
  for (
    const reason of ["shutdown", "kill", { type: "shutdown", reason: "why" }]
  ) {
    await attempt("signal", () => rpc.call(kate, waits, [killer(reason)]));
  }
});

scenario("a function that traps exits receives signals", async () => {
  const kate = await peer("kate");
  const pid = killer("shutdown");
  await trace("killer", pid);
  await trace("value", rpc.call(kate, traps, [pid]));
});

scenario("a missing function raises undef, and the node goes on", async () => {
  const kate = await peer("kate");
  await attempt("no module", () => rpc.call(kate, ["nope", "nope"]));
  await attempt("no function", () => rpc.call(kate, [MODULE, "nope"]));
  await trace("place", rpc.call(kate, place, ["on"]));
});

scenario("a call ends at its timeout; the function continues", async () => {
  const kate = await peer("kate");
  await attempt(
    "late",
    // safe: its expiry is tested
    () => rpc.call(kate, waits, [self()], { timeout: 20 }),
  );
  const pid = await next();
  await trace("runs", pid);
  const ref = Process.monitor(pid);
  send(pid, message("go"));
  const { reason } = await receive((m) => ref.equals(m?.ref));
  await trace("ended", reason !== "noproc");
  await traceNothing("result");
});

scenario("a call to an unknown node fails with noconnection", async () => {
  await attempt("nobody", () => rpc.call(UNKNOWN_NODE, me));
  await traceNothing("message");
});

scenario("a call fails with noconnection when it is lost", async () => {
  const node = await peer("victim");
  const main = self();
  const caller = spawn(async () => {
    await attempt("lost", () => rpc.call(node, waits, [main]));
    send(main, message("done"));
  });
  await trace("caller", caller);
  await next();
  await killNode("victim");
  await traceNext("then");
});

scenario("a node that is not alive can call only itself", {
  alive: false,
}, async () => {
  await trace("here", rpc.call(Node.self(), place, ["on"]));
  await attempt("there", () => rpc.call("kate@localhost", [MODULE, "me"]));
});

scenario("each call runs in a process of its own", async () => {
  const kate = await peer("kate");
  await trace("main", self());
  await trace("one", rpc.call(kate, me));
  await trace("another", rpc.call(kate, me));
  await trace("here", rpc.call(Node.self(), me, [], { timeout: 60_000 }));
});

scenario("the function prints at the caller", async () => {
  const kate = await peer("kate");
  await rpc.call(kate, print, ["from kate"]);
  await trace("printed", output());
  await trace("on kate", output("kate"));
});

scenario("processes linked to the function's exit with the call", async () => {
  const kate = await peer("kate");
  await trace("call", rpc.call(kate, catchesLink, [self()]));
  await trace("exit", expect("normal"));
  const child = await rpc.call(kate, links);
  await trace("child is gone", await reasonOf(child) !== "normal");
});

scenario("the function runs on when its caller exits", async () => {
  const kate = await peer("kate");
  const main = self();
  const caller = spawn(async () => void await rpc.call(kate, waits, [main]));
  await trace("caller", caller);
  const pid = await next();
  await trace("runs", pid);
  Process.exit(caller, "kill");
  await reasonOf(caller);
  const ref = Process.monitor(pid);
  send(pid, message("go"));
  const { reason } = await receive((m) => ref.equals(m?.ref));
  await trace("ended by itself", !["noproc", "killed"].includes(reason));
});

scenario("multicall returns results in the order of the nodes", async () => {
  const kate = await peer("kate");
  const nodes = [kate, UNKNOWN_NODE, Node.self(), kate];
  await trace("results", shown(await rpc.multicall(nodes, place, ["on"])));
  await trace("none", rpc.multicall([], place, ["on"]));
});

scenario("multicall returns failures by class", async () => {
  const kate = await peer("kate");
  const nodes = [kate, Node.self()];
  for (const fn of [raises, throws, exits] as ((arg: string) => never)[]) {
    await trace(fn.name, shown(await rpc.multicall(nodes, fn, ["oops"])));
  }
  await trace("nope", shown(await rpc.multicall([kate], [MODULE, "nope"])));
});

scenario("multicall returns the results within its timeout", async () => {
  const kate = await peer("kate");
  await Node.connect(kate);
  const results = await rpc.multicall([kate, Node.self()], byNode, [self()], {
    // safe: its expiry is tested
    timeout: 200,
  });
  await trace("results", shown(results));
  const pid = await next();
  await trace("runs", pid);
  const ref = Process.monitor(pid);
  send(pid, message("go"));
  await receive((m) => ref.equals(m?.ref));
  await traceNothing("result");
});

scenario("cast runs the function, and reports no failure", async () => {
  const kate = await peer("kate");
  await trace("cast", rpc.cast(kate, tell, [self(), "hi"]));
  await traceNext("got");
  await trace("undef", rpc.cast(kate, [MODULE, "nope"]));
  await trace("exits", rpc.cast(kate, exits, ["oops"]));
  await trace("nobody", rpc.cast(UNKNOWN_NODE, tell, [self(), "hi"]));
  await trace("place", rpc.call(kate, place, ["on"]));
  await traceNothing("more");
});

scenario("multicast runs the function on each of the nodes", async () => {
  const kate = await peer("kate");
  const nodes = [kate, UNKNOWN_NODE, Node.self()];
  await trace("cast", rpc.multicast(nodes, tell, [self(), "hi"]));
  await traceNext("got 1");
  await traceNext("got 2");
  await traceNothing("more");
});

scenario("an invalid timeout is rejected, and nothing is sent", async () => {
  const kate = await peer("kate");
  for (const timeout of [-1, "soon" as unknown as number]) {
    await attempt(
      "refused",
      () => rpc.call(kate, tell, [self(), "hi"], { timeout }),
    );
  }
  await trace("connected", connectedNodes());
  await traceNothing("told");
});
