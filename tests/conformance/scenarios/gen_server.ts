/** Servers: calls and their failures, starts, results of callbacks, stops, names, several nodes. */

import {
  Atom,
  atom,
  beam,
  exit,
  type ExitError,
  type From,
  GenServer,
  type GenServerModule,
  type GenServerOptions,
  Node,
  type Pid,
  Process,
  Registry,
  self,
  send,
  type ServerRef,
  spawn,
  Supervisor,
} from "../../../mod.ts";
import { Tuple } from "../../../packages/processes/values/tuple.ts";
import type { MultiCallResult } from "../../../packages/servers/gen_server/gen_server.ts";
import {
  attempt,
  connectedNodes,
  expect,
  forever,
  isMessage,
  message,
  next,
  on,
  part,
  peer,
  reasonOf,
  scenario,
  trace,
  traceMarker,
  traceNext,
  traceNothing,
  UNKNOWN_NODE,
} from "../_scenario.ts";
import { result } from "../_supervision.ts";
import { down, REASONS } from "../_tasks.ts";

/** The actions of `init`, or of the handler of a call. */
// deno-lint-ignore no-explicit-any
type Todo = any;

interface State {
  main: Pid;
  said: unknown[];
}

interface Types {
  arg: { main: Pid; how: Todo };
  state: State;
  call: [Todo, Todo];
  cast: Todo;
  info: Todo;
  continue: Todo;
  ignore: true;
}

const NAME = { via: Registry, name: ["Conformance.Names", "server"] };

/** A scripted server, which reports its callbacks to the main process. */
const Server: GenServerModule<Types> = {
  async init({ main, how }) {
    const state: State = { main, said: [] };
    switch (how.type ?? how) {
      case "trap":
        Process.trapExit(true);
        break;
      case "ignore":
        return "ignore";
      case "hang":
        send(main, message("hanging", self()));
        await forever();
        break;
      case "stop":
        return how;
      case "exit":
        return exit(how.reason);
      case "raise":
        throw new Error(how.message);
      case "throw":
        throw how.value;
      case "give":
        return how.value;
      case "continue":
        return { type: "ok", state, continue: how.value };
      case "timeout":
        return { type: "ok", state, timeout: how.ms };
      case "early":
        send(self(), message("early"));
        return { type: "ok", state, continue: how.value };
    }
    return { type: "ok", state };
  },

  async handleCall(asked, from, state) {
    const { main, said } = state;
    const request = todoOf(asked);
    const { reply } = request;
    switch (request.type ?? request) {
      case "said":
        return { type: "reply", reply: said, state };
      case "hold":
        send(main, message("held", from));
        return { type: "noreply", state };
      case "stop":
        return "reply" in request
          ? { ...request, state: { main, said: ["last"] } }
          : { ...request, state };
      case "exit":
        return exit(request.reason);
      case "raise":
        throw new Error(request.message);
      case "throw":
        throw request.value;
      case "give":
        return request.value;
      case "continue":
        return { type: "reply", reply, state, continue: request.value };
      case "timeout":
        return { type: "reply", reply, state, timeout: request.ms };
      case "call":
        return {
          type: "reply",
          reply: await tryCall(request.server ?? NAME, request.request),
          state,
        };
      case "twice":
        GenServer.reply(from, reply);
        return { type: "reply", reply: "second", state };
      default:
        return {
          type: "reply",
          reply: request.what,
          state: { main, said: [...said, request.what] },
        };
    }
  },

  handleCast(request, state) {
    if (request.type === "stop") return { ...request, state };
    return told("cast", request, state);
  },

  handleInfo: (message, state) => told("info", message, state),

  handleContinue(value, state) {
    if (value.type === "raise") throw new Error(value.message);
    send(state.main, message("continue", value));
    return value === "first"
      ? { type: "noreply", state, continue: "second" }
      : { type: "noreply", state };
  },

  async terminate(reason, { main, said }) {
    send(main, message("terminate", reason, said));
    const { reason: why } = reason as { reason?: unknown };
    switch (why) {
      case "hold":
        await expect("go");
        break;
      case "exit":
        return exit("last");
      case "raise":
        throw new Error("last");
      case "throw":
        throw "last";
    }
  },
};

function told(
  type: string,
  what: unknown,
  { main, said }: State,
): { type: "noreply"; state: State } {
  send(main, message(type, what));
  return { type: "noreply", state: { main, said: [...said, what] } };
}

const Bare: GenServerModule<
  { call: [string, void]; cast: string; info: string }
> = { init: () => ({ type: "ok", state: undefined }) };

async function tryCall(server: ServerRef, request: unknown): Promise<unknown> {
  try {
    return await GenServer.call(server, request);
  } catch (error) {
    return (error as ExitError).reason;
  }
}

/** The fields of the requests that come from other nodes, by tag. */
const FIELDS: Record<string, string[]> = {
  say: ["what"],
  stop: ["reason", "reply"],
};

function isTuple(value: unknown): value is Tuple {
  return value instanceof Tuple;
}

/** A request that is one of Elixir's messages, as the text or object that it is here. */
function todoOf(request: unknown): Todo {
  if (request instanceof Atom) return request.name;
  if (!isTuple(request)) return request;
  const [tag, ...values] = request.elements.map((each: unknown) =>
    each instanceof Atom ? each.name : each
  );
  const fields = FIELDS[String(tag)];
  return {
    type: tag,
    ...Object.fromEntries(values.map((value, at) => [fields[at], value])),
  };
}

function start(how: Todo = "ok", options: GenServerOptions = {}) {
  return result(GenServer.start(Server, { main: self(), how }, options));
}

function startLink(how: Todo = "ok", options: GenServerOptions = {}) {
  return result(GenServer.startLink(Server, { main: self(), how }, options));
}

export function startedFor(
  main: Pid,
  how: Todo,
  name: Atom | Tuple | null,
): Promise<Pid> {
  return startedWith(main, how, {
    name: name instanceof Tuple ? { global: name.elements[1] } : name?.name,
  });
}

beam(startedFor, { args: ["term", "atom"] });

function startedWith(
  main: Pid,
  how: Todo,
  options: GenServerOptions,
): Promise<Pid> {
  return GenServer.start(Server, { main, how }, options) as Promise<Pid>;
}

function started(
  how: Todo = "ok",
  options: GenServerOptions = {},
): Promise<Pid> {
  return startedWith(self(), how, options);
}

/** Starts a server on a node; its name is one of the node, or `{:global, name}`. */
function startedOn(
  node: string,
  name: Atom | Tuple | null = null,
): Promise<Pid> {
  return on(node, startedFor, self(), "ok", name);
}

/** A hidden node, as one of the other language is, is not among all nodes. */
function allNodes(): { nodes?: string[] } {
  return Node.list("hidden").length === 0
    ? {}
    : { nodes: [Node.self(), ...connectedNodes()] };
}

const FOR_EVER = { timeout: Infinity };
const WHY = { type: "shutdown", reason: "why" };
const hi = message("say", "hi");

scenario("calls, casts and messages of a sender keep their order", async () => {
  const pid = await started();
  GenServer.cast(pid, "one");
  send(pid, message("two"));
  await trace("say", GenServer.call(pid, { type: "say", what: "three" }));
  send(pid, message("four"));
  GenServer.cast(pid, "five");
  await trace("said", GenServer.call(pid, "said"));
  for (let n = 1; n <= 4; n++) await traceNext(`told ${n}`);
});

scenario("a call to an unregistered name exits with noproc", async () => {
  const dead = spawn(() => {});
  await reasonOf(dead);
  const here = { name: "nobody", node: Node.self() };
  await attempt("pid", () => GenServer.call(dead, "hi"));
  await attempt("name", () => GenServer.call("nobody", "hi"));
  const request = { type: "hi", n: 1 };
  await attempt("name here", () => GenServer.call(here, request, FOR_EVER));
  const at0 = { timeout: 0 };
  await attempt("timeout 0", () => GenServer.call("nobody", "hi", at0));
});

export async function untilEnd(): Promise<void> {
  await expect("end");
}

scenario("a call to another node's free name exits with noproc", async () => {
  const kate = await peer("kate");
  const dead = await Node.spawn(kate, untilEnd);
  send(dead, message("end"));
  await reasonOf(dead);
  const timeout = 60_000;
  const name = { name: "nobody", node: kate };
  await attempt("name", () => GenServer.call(name, "hi", { timeout }));
  await attempt("pid", () => GenServer.call(dead, "hi", { timeout }));
});

scenario("a call to an unknown node exits with nodedown", async () => {
  const server = { name: "server", node: UNKNOWN_NODE };
  const timeout = 60_000;
  await attempt("call", () => GenServer.call(server, "hi", { timeout }));
  await attempt("stop", () => GenServer.stop(server));
  await attempt("cast", () => GenServer.cast(server, "hi"));
});

scenario(
  "a call from a node that is not alive exits with nodedown",
  { alive: false },
  async () => {
    const server = { name: "server", node: "kate@localhost" };
    await attempt("call", () => GenServer.call(server, "hi"));
    await attempt("cast", () => GenServer.cast(server, "hi"));
    await attempt("whereis", () => GenServer.whereis(server));
  },
);

scenario("a call exits with nodedown when its connection is lost", async () => {
  const pid = await startedOn("kate");
  await trace("pid", pid);
  const main = self();
  spawn(async () => {
    const hold = message("hold");
    await attempt("call", () => GenServer.call(pid, hold, FOR_EVER));
    send(main, message("done"));
  });
  await expect("held");
  await part("kate");
  await expect("done");
  // The server is still running.
  await trace(
    "said",
    GenServer.call(pid, message("said"), { timeout: 60_000 }),
  );
});

scenario("a server on another node is called by pid and by name", async () => {
  const pid = await startedOn("kate", atom("server"));
  const server = { name: "server", node: pid.node };
  await trace("say", GenServer.call(server, message("say", "one")));
  GenServer.cast(server, message("two"));
  await traceNext("cast");
  await trace("said", GenServer.call(pid, message("said")));
  await trace("whereis", GenServer.whereis(server));
  await trace("stop", GenServer.stop(server));
  await traceNext("terminate");
  await attempt(
    "gone",
    () => GenServer.call(server, message("said"), { timeout: 60_000 }),
  );
});

scenario("a call exits at its timeout; a late reply is dropped", async () => {
  const pid = await started();
  await trace("pid", pid);
  // safe: its expiry is tested
  await attempt("call", () => GenServer.call(pid, "hold", { timeout: 10 }));
  const [, from] = await expect("held");
  await trace("reply", GenServer.reply(from, "late"));
  // A later message arrives, and the reply has not arrived before it.
  await traceMarker("next");
});

export function replyLate(from: From, main: Pid): void {
  GenServer.reply(from, message("late"));
  send(main, message("marker"));
}

scenario("a late reply from another node is dropped", async () => {
  const pid = await startedOn("kate");
  await trace("pid", pid);
  await attempt(
    "call",
    // safe: its expiry is tested
    () => GenServer.call(pid, message("hold"), { timeout: 10 }),
  );
  const [, from] = await expect("held");
  await on("kate", replyLate, from, self());
  await traceNext("next");
});

scenario("a server that calls itself exits at once", async () => {
  const pid = await started("ok", { name: "server" });
  const here = { name: "server", node: Node.self() };
  const ask = (server: ServerRef) =>
    GenServer.call(pid, { type: "call", server, request: "hi" });
  await trace("pid", pid);
  await trace("by pid", ask(pid));
  await trace("by name", ask("server"));
  await trace("by node", ask(here));
  await attempt("stop of oneself", () => GenServer.stop(self()));
});

scenario("the caller exits with the reason of the server", async () => {
  for (const reason of REASONS) {
    const pid = await started();
    await trace("pid", pid);
    await attempt("call", () => GenServer.call(pid, { type: "stop", reason }));
    await traceNext("terminate");
  }
});

scenario(
  "an error or exit of terminate is the reason, a throw is not",
  async () => {
    for (const how of ["raise", "exit", "throw"]) {
      const pid = await started();
      await trace("monitor", [pid, Process.monitor(pid)]);
      await attempt(
        "call",
        () =>
          GenServer.call(pid, {
            type: "stop",
            reason: { type: "shutdown", reason: how },
          }),
      );
      await trace("down", expect("DOWN"));
    }
  },
);

scenario("terminate, the reply and the DOWN come in this order", async () => {
  const pid = await started();
  const main = self();
  await trace("monitor", { type: "monitored", pid, ref: Process.monitor(pid) });
  spawn(async () => {
    const reason = { type: "shutdown", reason: "hold" };
    const stop = { type: "stop", reason, reply: "bye" };
    send(main, message("replied", await GenServer.call(pid, stop)));
  });
  await traceNext("first");
  await traceNothing("until it has run");
  send(pid, message("go"));
  const messages = [await next(), await next()];
  await trace("replied", messages.find((each) => isMessage(each, "replied")));
  await trace("down", messages.find(({ type }) => type === "DOWN"));
});

scenario("an error, exit or throw of a callback ends the server", async () => {
  for (
    const request of [
      { type: "raise", message: "boom" },
      { type: "exit", reason: "oops" },
      { type: "throw", value: "up" },
      { type: "give", value: "nonsense" },
    ]
  ) {
    const pid = await started();
    await GenServer.call(pid, { type: "say", what: "before" });
    const ref = Process.monitor(pid);
    await trace("monitor", { type: "monitored", pid, ref });
    await attempt("call", () => GenServer.call(pid, request));
    await trace("terminate", expect("terminate"));
    await trace("down", expect("DOWN"));
  }
});

scenario("a thrown result is a result", async () => {
  const pid = await started();
  const state = { main: self(), said: ["thrown"] };
  const value = { type: "reply", reply: "thrown", state };
  await trace("call", GenServer.call(pid, { type: "throw", value }));
  await trace("said", GenServer.call(pid, "said"));
});

scenario("an unhandled call or cast ends the server", async () => {
  const pid = await GenServer.start(Bare, undefined);
  send(pid, "hello");
  const ref = Process.monitor(pid);
  const failed = await GenServer.call(pid, "hello").catch(({ reason }) =>
    reason.type === "call" && reason.reason instanceof Error ? "raised" : reason
  );
  await trace("call", failed);
  await trace("down", ref.equals((await expect("DOWN")).ref));
  const other = await GenServer.start(Bare, undefined);
  const otherRef = Process.monitor(other);
  GenServer.cast(other, "hello");
  await trace("down", otherRef.equals((await expect("DOWN")).ref));
});

scenario("start_link when init stops, fails or is invalid", async () => {
  Process.trapExit(true);
  for (
    const how of [
      { type: "stop", reason: "full" },
      { type: "stop", reason: "normal" },
      { type: "stop", reason: WHY },
      { type: "exit", reason: "oops" },
      { type: "raise", message: "boom" },
      { type: "throw", value: "up" },
      { type: "give", value: "nonsense" },
    ]
  ) {
    await trace("start", startLink(how, { name: "server" }));
    await trace("name", Process.whereis("server"));
  }
  await traceMarker("mail");
});

scenario("a starter exits with a server that fails to start", async () => {
  const arg = { main: self(), how: { type: "stop", reason: "full" } };
  const linked = spawn(() => GenServer.startLink(Server, arg).catch(forever));
  await trace("linked", reasonOf(linked));
  const free = spawn(async () => {
    await trace("start", result(GenServer.start(Server, arg)));
  });
  await trace("not linked", reasonOf(free));
});

scenario("ignore", async () => {
  Process.trapExit(true);
  await trace("start_link", startLink("ignore", { name: "server" }));
  await trace("start", start("ignore"));
  await trace("name", Process.whereis("server"));
  await traceMarker("mail");
  Process.trapExit(false);
  await trace("not trapping", startLink("ignore"));
});

scenario("init that takes too long", async () => {
  // safe: its expiry is tested
  const options = { timeout: 10, name: "server" };
  await trace("start_link", startLink("hang", options));
  const [, pid] = await expect("hanging");
  await trace("reason", reasonOf(pid));
  await trace("name", Process.whereis("server"));
  // safe: its expiry is tested
  await trace("start", start("hang", { timeout: 10 }));
  await expect("hanging");
  await traceMarker("mail");
});

scenario("a server that is killed in its init", async () => {
  Process.trapExit(true);
  const main = self();
  spawn(async () => {
    const value = await result(GenServer.start(Server, { main, how: "hang" }));
    send(main, message("gave", value));
  });
  const [, pid] = await expect("hanging");
  Process.exit(pid, "kill");
  await trace("start", expect("gave"));
});

scenario("a start under a registered name", async () => {
  const name = "server";
  const pid = await started("ok", { name });
  const here = { name, node: Node.self() };
  await trace("pid", pid);
  await trace("start", start("ok", { name }));
  const never = { type: "stop", reason: "never" };
  await trace("start_link", startLink(never, { name }));
  await trace("whereis", pid.equals(await GenServer.whereis(name)));
  await trace("whereis pid", pid.equals(await GenServer.whereis(pid)));
  await trace("whereis here", pid.equals(await GenServer.whereis(here)));
  await trace("whereis nobody", GenServer.whereis("nobody"));
});

scenario("handle_continue runs before the mailbox, repeatedly", async () => {
  const pid = await started({ type: "early", value: "first" });
  await trace("say", GenServer.call(pid, hi));
  for (let n = 1; n <= 3; n++) await traceNext(`told ${n}`);
  const request = { type: "continue", reply: "reply", value: "again" };
  await trace("call", GenServer.call(pid, request));
  await traceNext("after the reply");
});

scenario("a continue of init that raises does so after the start", async () => {
  Process.trapExit(true);
  const value = { type: "raise", message: "boom" };
  const how = { type: "continue", value };
  const pid = await GenServer.startLink(Server, { main: self(), how });
  await trace("pid", pid);
  await traceNext("first");
  await traceNext("second");
});

scenario("a timeout is a message, unless another comes before", async () => {
  const pid = await started({ type: "timeout", ms: 1 });
  await traceNext("of init");
  const request = (ms: number) => ({ type: "timeout", reply: "reply", ms });
  await trace("call", GenServer.call(pid, request(60_000)));
  send(pid, message("other"));
  await traceNext("other");
  await trace("call", GenServer.call(pid, request(0)));
  await traceNext("at once");
  await trace("said", GenServer.call(pid, "said"));
});

scenario("the starter's exit runs terminate if exits are trapped", async () => {
  const main = self();
  for (const how of ["ok", "trap"]) {
    for (const reason of ["shutdown", "oops", "normal"]) {
      const starter = spawn(async () => {
        const pid = await GenServer.startLink(Server, { main, how });
        send(main, message("started", pid));
        await expect("end");
        exit(reason);
      });
      const [, pid] = await expect("started");
      Process.monitor(pid);
      send(starter, message("end"));
      if (how === "ok" && reason === "normal") {
        await reasonOf(starter);
        const say = { type: "say", what: "alive" };
        await trace("lives on", GenServer.call(pid, say));
      } else {
        if (how === "trap") {
          await trace("terminate", expect("terminate"));
        }
        await trace("down", (await expect("DOWN")).reason);
      }
    }
  }
});

scenario("an exit of another process is a message if trapped", async () => {
  const pid = await started("trap");
  const main = self();
  const other = spawn(async () => {
    Process.link(pid);
    send(main, message("linked"));
    await expect("end");
    exit("oops");
  });
  await trace("other", other);
  await expect("linked");
  send(other, message("end"));
  await traceNext("linked");
  Process.exit(pid, "please");
  await trace("signal", (await next())[1][2]);
  await trace("said", (await GenServer.call(pid, "said")).length);
});

scenario("a message that looks like the starter's EXIT ends it", async () => {
  const main = self();
  const pid = await GenServer.startLink(Server, { main, how: "ok" }) as Pid;
  const ref = Process.monitor(pid);
  send(pid, { type: "EXIT", from: main, reason: "normal" });
  await traceNext("terminate");
  await trace("down", (await expect("DOWN")).reason);
  Process.demonitor(ref);
  const other = await started();
  send(other, { type: "EXIT", from: main, reason: "normal" });
  await trace("not linked", (await next())[1][2]);
});

scenario("stop comes after earlier messages, for any reason", async () => {
  for (const reason of REASONS) {
    const pid = await started("ok", { name: "server" });
    GenServer.cast("server", "before");
    await trace("stop", GenServer.stop("server", reason));
    await traceNext("cast");
    await traceNext("terminate");
    await trace("name", Process.whereis("server"));
    await trace("alive", Process.alive(pid));
  }
});

scenario("stop of a missing, slow or otherwise exiting server", async () => {
  const dead = spawn(() => {});
  await reasonOf(dead);
  await attempt("pid", () => GenServer.stop(dead));
  await attempt("name", () => GenServer.stop("nobody", "shutdown", 60_000));
  const busy = spawn(forever);
  await trace("busy", busy);
  await attempt("too long", () => GenServer.stop(busy, "normal", 10));
  await trace("alive", Process.alive(busy));
  const pid = await started();
  await trace("pid", pid);
  GenServer.cast(pid, { type: "stop", reason: "other" });
  await attempt("otherwise", () => GenServer.stop(pid));
});

scenario("another process may reply, and only the first counts", async () => {
  const pid = await started();
  const main = self();
  spawn(async () => {
    send(main, message("got", await GenServer.call(pid, "hold")));
  });
  const [, from] = await expect("held");
  spawn(async () => {
    await trace("reply", GenServer.reply(from, "helped"));
    send(main, message("replied"));
  });
  await expect("replied");
  await trace("got", expect("got"));
  await trace("again", GenServer.reply(from, "again"));
  await trace("twice", GenServer.call(pid, { type: "twice", reply: "first" }));
  await trace("said", GenServer.call(pid, "said"));
});

export function replyWithNode(from: From): void {
  GenServer.reply(from, message("ok", Node.self()));
}

scenario("a reply may come from another node", async () => {
  const pid = await started();
  const main = self();
  spawn(async () => {
    const reply = await GenServer.call(pid, "hold", { timeout: 60_000 });
    send(main, message("got", reply));
  });
  const [, from] = await expect("held");
  await Node.spawn(await peer("kate"), replyWithNode, [from]);
  await trace("got", expect("got"));
});

scenario("a server does not notice that a caller has exited", async () => {
  const pid = await started();
  const caller = spawn(() => GenServer.call(pid, "hold", FOR_EVER));
  const [, from] = await expect("held");
  Process.exit(caller, "kill");
  await trace("reply", GenServer.reply(from, "late"));
  await trace("said", GenServer.call(pid, "said"));
});

scenario("a cast to an unregistered name is ok", async () => {
  const dead = spawn(() => {});
  await reasonOf(dead);
  const here = { name: "nobody", node: Node.self() };
  const there = { name: "nobody", node: await peer("kate") };
  await trace("pid", GenServer.cast(dead, "hi"));
  await trace("name", GenServer.cast("nobody", "hi"));
  await trace("here", GenServer.cast(here, "hi"));
  await trace("there", GenServer.cast(there, "hi"));
});

scenario("multi_call returns replies, and nodes without a reply", async () => {
  const kate = await peer("kate");
  const moebi = await peer("moebi");
  await started("ok", { name: "server" });
  await startedOn("kate", atom("server"));
  const show = async ({ replies, badNodes }: MultiCallResult<unknown>) => {
    const sorted = replies.toSorted((a, b) => a.node < b.node ? -1 : 1);
    await trace("replies", sorted.map((each) => ({ type: "reply", ...each })));
    await trace("bad", badNodes.toSorted());
  };
  const nodes = [kate, UNKNOWN_NODE, Node.self(), moebi];
  await show(
    await GenServer.multiCall("server", hi, { nodes, timeout: 60_000 }),
  );
  // Without nodes, all connected nodes.
  await show(await GenServer.multiCall("server", message("said"), allNodes()));
  const stop = message("stop", "oops");
  const both = { nodes: [Node.self(), kate] };
  const { replies, badNodes } = await GenServer.multiCall("server", stop, both);
  await trace("ended", { type: "gave", replies, bad: badNodes.toSorted() });
});

scenario("multi_call stops at its timeout; late replies drop", async () => {
  const pid = await started("ok", { name: "server" });
  const { replies, badNodes } = await GenServer.multiCall("server", "hold", {
    nodes: [Node.self()],
    // safe: its expiry is tested
    timeout: 10,
  });
  await trace("gave", { type: "gave", replies, badNodes });
  const [, from] = await expect("held");
  GenServer.reply(from, "late");
  await trace("said", GenServer.call(pid, "said"));
  await traceMarker("next");
});

scenario("abcast sends to the servers of all connected nodes", async () => {
  const kate = await peer("kate");
  await started("ok", { name: "server" });
  await startedOn("kate", atom("server"));
  const nodes = [kate, UNKNOWN_NODE, Node.self()];
  await trace("nodes", GenServer.abcast("server", message("one"), { nodes }));
  await trace("told", [await next(), await next()]);
  await trace("all", GenServer.abcast("server", message("two"), allNodes()));
  await trace("told", [await next(), await next()]);
});

async function failure(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    const { type, reason, call } = (error as ExitError).reason as Todo;
    return type === "call"
      ? { type: "failed", reason, function: call[1] }
      : (error as ExitError).reason;
  }
}

scenario("a name in a registry", async () => {
  await Registry.startLink({ keys: "unique", name: "Conformance.Names" });
  const name = NAME;
  await trace("whereis", GenServer.whereis(name));
  const pid = await started("ok", { name });
  await trace("pid", pid);
  await trace("taken", start("ok", { name }));
  await trace("say", GenServer.call(name, { type: "say", what: "one" }));
  GenServer.cast(name, "two");
  GenServer.cast(pid, "three");
  await trace("said", GenServer.call(name, "said"));
  for (let n = 1; n <= 2; n++) await traceNext(`told ${n}`);
  await trace("whereis", pid.equals(await GenServer.whereis(name)));
  // The name is one that cannot be sent: the server knows it.
  const itself = await GenServer.call(pid, { type: "call", request: "hi" });
  await trace("by itself", itself.reason);
  await trace("stop", GenServer.stop(name));
  await traceNext("terminate");
  await trace("cast", GenServer.cast(name, "hi"));
  await trace("gone", failure(GenServer.call(name, "hi")));
  await trace("gone", failure(GenServer.stop(name)));
  const again = await start({ type: "stop", reason: "full" }, { name });
  await trace("again", (again as { reason: unknown }).reason);
  await trace("free", GenServer.whereis(name));
});

scenario("a global name", async () => {
  const kate = await peer("kate");
  await Node.connect(kate);
  const server = atom("server");
  const name = { global: server };
  await trace("whereis", GenServer.whereis(name));
  await attempt("nobody", () => GenServer.call(name, message("hi")));
  await trace("cast", GenServer.cast(name, message("hi")));
  const pid = await startedOn("kate", message("global", server) as Tuple);
  await trace("pid", pid);
  await trace("taken", start("ok", { name }));
  await trace("say", GenServer.call(name, message("say", "one")));
  GenServer.cast(name, message("two"));
  GenServer.cast(pid, message("three"));
  await trace("said", GenServer.call(name, message("said")));
  for (let n = 1; n <= 2; n++) await traceNext(`told ${n}`);
  await trace("stop", GenServer.stop(name));
  await traceNext("terminate");
});

scenario("a server's name is free when its exit is reported", async () => {
  for (let n = 1; n <= 3; n++) {
    const pid = await started("ok", { name: "server" });
    const ref = Process.monitor(pid);
    GenServer.cast("server", { type: "stop", reason: { type: "shutdown", n } });
    await trace("terminate", expect("terminate"));
    await trace("down", down(ref));
  }
});

scenario("a supervisor's child restarts with its first argument", async () => {
  const arg = { main: self(), how: "ok" };
  const child = GenServer.childSpec(Server, arg, { name: "server" });
  const sup = await Supervisor.startLink([child], { strategy: "one_for_one" });
  await trace("say", GenServer.call("server", { type: "say", what: "one" }));
  const stop = { type: "stop", reason: "shutdown" };
  await attempt("ends", () => GenServer.call("server", stop));
  await traceNext("terminate");
  const [{ id, pid, type }] = await Supervisor.whichChildren(sup);
  const isIt = Process.whereis("server")?.equals(pid);
  await trace("child", { type: "child", id, worker: type, isIt });
  await trace("said", GenServer.call("server", "said"));
  await trace("stop", Supervisor.stop(sup));
});
