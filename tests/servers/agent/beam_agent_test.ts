/** Agents between nodes of this library and of Elixir, and requests that only this library has. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Agent } from "../../../packages/servers/agent/agent.ts";
import { ExitError } from "../../../packages/processes/errors.ts";
import { beam } from "../../../mod.ts";
import { Node } from "../../../node.ts";
import { atom, type Pid, tuple } from "../../../mod.ts";
import {
  assertValues,
  elixirPairTest,
  nextMessage,
} from "../../_elixir_pair.ts";

const ALEX = ":alex@localhost";

/** Functions that agents run. */
const Counter = {
  read: (count: number) => count,
  add: (count: number, by: number) => count + by,
  name: beam((_count: number, name: string) => name === "a" ? "first" : name, {
    args: ["term", "atom"],
    returns: "atom",
  }),
  take: beam((count: number, by: number) => ["taken", count - by], {
    args: ["term", "float"],
    returns: { tuple: ["atom", "term"] },
  }),
  takeTuple: (count: number) => tuple("taken", count),
  crash: () => {
    throw new Error("boom");
  },
  bad: () => 1,
};

/** Functions that a node does not let others run. */
const Private = { secret: (count: number) => count };

elixirPairTest("Elixir's Agent functions reach ours", async ({ kate }) => {
  const start = () => Agent.start(() => 40, { name: "counter" });
  await start();
  const ask = (code: string) =>
    kate.evaluate(code.replaceAll("AGENT", `{:counter, ${ALEX}}`));
  await assertValues(
    ask,
    `
    Agent.get(AGENT, Counter, :read, []) #=> 40
    Agent.get(AGENT, &Counter.read/1) #=> 40
    Agent.update(AGENT, Counter, :add, [2]) #=> :ok
    Agent.cast(AGENT, Counter, :add, [8]) #=> :ok
    Agent.get(AGENT, Counter, :read, []) #=> 50
    Agent.get(AGENT, Counter, :name, [:a]) #=> :first
    Agent.get_and_update(AGENT, Counter, :take, [10.0]) #=> :taken
    Agent.get_and_update(AGENT, Counter, :take_tuple, []) #=> "taken"
    Agent.get(AGENT, Counter, :read, []) #=> 40`,
  );
  const fail = (code: string) =>
    ask(`try do ${code} catch :exit, {r, {GenServer, :call, _}} -> r end`);
  assertMatch(
    await fail("Agent.get(AGENT, fn x -> x end)"),
    /a function of the BEAM cannot run here; give module, function and arguments, as in Agent\.get/,
  );
  assertMatch(
    await fail("GenServer.call(AGENT, {:get, &Counter.read/2})"),
    /arity 1/,
  );
  assertEquals(
    await fail("Agent.get(AGENT, Counter, :none, [1])"),
    "{:undef, [{Counter, :none, [:undefined, 1], []}]}",
  );
  assertMatch(
    await fail("Agent.get(AGENT, Private, :secret, [])"),
    /not allow|refuse|allow/,
  );
  // Refused casts change nothing, and are logged.
  assertEquals(await ask("Agent.cast(AGENT, fn x -> x end)"), ":ok");
  assertEquals(await ask("Agent.cast(AGENT, Private, :secret, [])"), ":ok");
  assertEquals(await ask("Agent.get(AGENT, Counter, :read, [])"), "40");
  assertMatch(await fail("Agent.get(AGENT, Counter, :crash, [])"), /boom/);
  assertEquals(await fail("Agent.get(AGENT, Counter, :read, [])"), ":noproc");
  await start();
  assertMatch(
    await fail("Agent.get_and_update(AGENT, Counter, :bad, [])"),
    /bad_return_value/,
  );
  await start();
  assertMatch(await ask("GenServer.call(AGENT, {:nope, 1})"), /"badarg"/);
  assertEquals(await ask("Agent.stop(AGENT)"), ":ok");
}, {
  modules: { Counter, Private },
  allow: (_node, module) => module !== "Private",
  log: () => {},
});

elixirPairTest("Agent functions reach Elixir's", async ({ kate }) => {
  await kate.evaluate(`
      defmodule Their.Counter do
        def take_one(count, by), do: {:taken, count - by}
        def crash(_), do: exit(:crashed)
      end
      {:ok, agent} = Agent.start(fn -> 40 end, name: Their.Agent)
      send({:main, ${ALEX}}, agent)`);
  const pid: Pid = await nextMessage();
  const agent = { name: "Their.Agent", node: kate.name };
  assertEquals(await Agent.get(agent, ["erlang", "+", [2]]), 42);
  assertEquals(await Agent.update(pid, ["erlang", "+", [2]]), "ok");
  assertEquals(Agent.cast(agent, ["erlang", "+", [8]]), "ok");
  assertEquals(
    await Agent.getAndUpdate(agent, ["Their.Counter", "takeOne", [10]]),
    atom("taken"),
  );
  assertEquals(await Agent.get(agent, ["erlang", "+", [0]]), 40);
  const error = await assertRejects(
    () => Agent.get(agent, (count) => count),
    TypeError,
  );
  assertMatch(error.message, /function/);
  // While the node is dialled.
  await Node.disconnect(kate.name);
  assertEquals(Agent.cast(agent, ["erlang", "+", [1]]), "ok");
  assertEquals(await Agent.get(agent, ["erlang", "+", [0]]), 41);
  const crashed = await assertRejects(
    () => Agent.get(agent, ["Their.Counter", "crash"]),
    ExitError,
  );
  assertEquals((crashed.reason as { reason: unknown }).reason, "crashed");
  await kate.evaluate("Agent.start(fn -> 1 end, name: Their.Agent) |> elem(0)");
  assertEquals(await Agent.stop(agent), "ok");
});
