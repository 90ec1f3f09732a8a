/** Agents: functions on the state, their failures, agents of other nodes. */

import {
  Agent,
  type AgentOptions,
  type AgentPid,
  exit,
  ExitError,
  type Pid,
  Process,
  self,
  send,
  spawn,
  Supervisor,
} from "../../../mod.ts";
import {
  attempt,
  expect,
  forever,
  message,
  on,
  part,
  raise,
  scenario,
  trace,
  traceMarker,
  traceNext,
  traceNothing,
  UNKNOWN_NODE,
} from "../_scenario.ts";
import { result } from "../_supervision.ts";

// The functions that an agent of another node runs.

export function add(state: number, n: number): number {
  return state + n;
}

export function take(state: number, n: number): [number, number] {
  return [state, state - n];
}

export function tell(state: number, main: Pid): number {
  send(main, message("state", state));
  return state;
}

export function wait(_state: number, main: Pid): Promise<void> {
  send(main, message("waiting"));
  return forever();
}

export function started(n: number): Promise<Pid> {
  return Agent.start(() => n, { name: "agent" });
}

/** The name of this file on other nodes. */
const HERE = "Conformance.Agent";

function start<S>(state: S, options: AgentOptions = {}): Promise<AgentPid<S>> {
  return Agent.start(() => state, options);
}

/** Names are spelled differently in Elixir: of the exit, only the reason is compared. */
async function failure(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    const { reason } = error.reason as { reason: unknown };
    return { type: "exit", reason };
  }
}

scenario("functions run on the state in the agent, in order", async () => {
  const agent = await start(["a"]);
  await trace("get", Agent.get(agent, (list) => list));
  await trace("update", Agent.update(agent, (list) => [...list, "b"]));
  await trace("cast", Agent.cast(agent, (list) => [...list, "c"]));
  const first = await Agent.getAndUpdate(
    agent,
    ([first, ...rest]) => [first, rest],
  );
  await trace("get_and_update", first);
  const state = await Agent.get(agent, (state) => ({
    type: "state",
    state,
    here: self().equals(agent),
  }));
  await trace("get", state);
  await trace("stop", Agent.stop(agent));
  await trace("alive", Process.alive(agent));
});

scenario("a function that fails ends the agent and the caller", async () => {
  const failing = [
    () => raise("boom"),
    () => exit("oops"),
    () => {
      throw "up";
    },
  ];
  for (const fn of failing) {
    const agent = await start(0);
    await trace("monitor", {
      type: "monitored",
      agent,
      ref: Process.monitor(agent),
    });
    await attempt("get", () => Agent.get(agent, fn));
    await traceNext("down");
    const other = await start(0);
    await trace("monitor", {
      type: "monitored",
      other,
      ref: Process.monitor(other),
    });
    await trace("cast", Agent.cast(other, fn));
    await traceNext("down");
  }
});

scenario("get_and_update whose function returns no pair", async () => {
  const agent = await start(0);
  await trace("monitor", {
    type: "monitored",
    agent,
    ref: Process.monitor(agent),
  });
  await attempt(
    "call",
    () => Agent.getAndUpdate(agent, () => "nonsense" as never),
  );
  await traceNext("down");
});

scenario("a call to a missing agent exits with noproc", async () => {
  const agent = await start(0);
  await Agent.stop(agent);
  const there = { name: "agent", node: UNKNOWN_NODE };
  await attempt("get", () => Agent.get(agent, (n) => n));
  await attempt(
    "update",
    // safe: the server does not exist; no time passes
    () => Agent.update("nobody", (n) => n, { timeout: 10 }),
  );
  await attempt(
    "get_and_update",
    () => Agent.getAndUpdate("nobody", (n) => [n, n], { timeout: Infinity }),
  );
  await trace("cast", Agent.cast("nobody", (n) => n));
  const asked = Agent.get(there, [HERE, "wait", [self()]], { timeout: 60_000 });
  await trace("there", failure(asked));
});

scenario("the function of a call that timed out still runs", async () => {
  const agent = await start(1);
  const main = self();
  Agent.cast(agent, async (n) => {
    send(main, { type: "busy", pid: self() });
    await expect("go");
    return n;
  });
  const { pid } = await expect("busy");
  await attempt(
    "update",
    // safe: its expiry is tested
    () => Agent.getAndUpdate(agent, (n) => [n, n + 1], { timeout: 10 }),
  );
  send(pid, "go");
  await trace("get", Agent.get(agent, (n) => n));
  await traceMarker("next");
});

scenario("the first state raises, or the name is taken", async () => {
  Process.trapExit(true);
  const boom = () => raise("boom");
  await trace("raises", result(Agent.startLink(boom, { name: "agent" })));
  await trace("exits", result(Agent.start(() => exit("oops"))));
  const agent = await start(0, { name: "agent" });
  await trace("agent", agent);
  await trace("taken", result(Agent.startLink(() => 1, { name: "agent" })));
  // safe: its expiry is tested
  await trace("slow", result(Agent.startLink(forever, { timeout: 10 })));
  await traceMarker("mail");
});

scenario("it exits with its starter, and ignores messages", async () => {
  const main = self();
  const starter = spawn(async () => {
    const agent = await Agent.startLink(() => 0);
    send(main, { type: "started", agent });
    await expect("end");
    exit("oops");
  });
  const { agent } = await expect("started");
  send(agent, "hello");
  await trace("get", Agent.get(agent, (n) => n));
  Process.monitor(agent);
  send(starter, "end");
  await trace("down", (await expect("DOWN")).reason);
});

scenario("one on another node runs named functions", async () => {
  const agent = await on("kate", started, 1);
  const named = { name: "agent", node: agent.node };
  await trace("agent", agent);
  await trace("update", Agent.update(agent, [HERE, "add", [4]]));
  await trace("cast", Agent.cast(named, [HERE, "add", [5]]));
  await trace("take", Agent.getAndUpdate(agent, [HERE, "take", [3]]));
  await trace("tell", Agent.update(agent, [HERE, "tell", [self()]]));
  await traceNext("told");
  const main = self();
  spawn(async () => {
    await trace("wait", failure(Agent.get(agent, [HERE, "wait", [main]])));
    send(main, "done");
  });
  await expect("waiting");
  await part("kate");
  await expect("done");
});

scenario("a function that its node does not export", {
  difference: {
    row: "undefined-function",
    elixir: [
      "monitor: monitored(#P1, #R1)",
      "get: exit(raised(undef))",
      "down: DOWN(#R1, #P1, raised(undef))",
    ],
    typescript: [
      "monitor: monitored(#P1, #R1)",
      "get: raised(undef)",
      "down: nothing",
    ],
    mixed: {
      elixir: [
        "monitor: monitored(#P1, #R1)",
        "get: exit(raised(undef))",
        "down: nothing",
      ],
    },
  },
}, async () => {
  const agent = await on("kate", started, 1);
  await trace("monitor", {
    type: "monitored",
    agent,
    ref: Process.monitor(agent),
  });
  await attempt("get", () => failure(Agent.get(agent, [HERE, "nothing", [1]])));
  await traceNothing("down");
});

scenario("a supervisor restarts it with its first state", async () => {
  const main = self();
  const init = () => {
    send(main, "started");
    return 0;
  };
  const sup = await Supervisor.startLink(
    [Agent.childSpec(init, { name: "agent" })],
    { strategy: "one_for_one" },
  );
  await expect("started");
  await Agent.update("agent", () => 1);
  await trace("get", Agent.get("agent", (n) => n));
  Agent.cast("agent", () => exit("oops"));
  await expect("started");
  await trace("count", (await Supervisor.countChildren(sup)).active);
  await trace("get", Agent.get("agent", (n) => n));
  await trace("stop", Supervisor.stop(sup));
});
