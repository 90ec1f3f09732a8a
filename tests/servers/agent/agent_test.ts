import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Agent } from "../../../packages/servers/agent/agent.ts";
import { UndefinedFunctionError } from "../../../packages/processes/errors.ts";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import { Node } from "../../../node.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { exitOf, nodeTest } from "../_gen_servers.ts";
import { pairTest, part } from "../../_nodes.ts";
import { processTest } from "../../_processes.ts";
import { until } from "../../_until.ts";

const KATE = "kate@localhost";
const COUNTER = { name: "Counter", node: KATE };

/** The functions that nodes export. */
const Counters = {
  start: async (to: Pid, n: number): Promise<void> => {
    send(to, await Agent.start(() => n, { name: "Counter" }));
  },
  add: (count: number, by: number): number => count + by,
  read: (count: number): number => count,
  take: (count: number, by: number): [number, number] => [count, count - by],
  wait: (): Promise<never> => receive(() => false),
};

const modules = { Counters };

processTest("Agent's functions run in the agent, and are awaited", async () => {
  const agent = await Agent.startLink(() => self());
  assertEquals(await Agent.get(agent, (pid) => pid), agent);
  assertEquals(await Agent.get(agent, () => self()), agent);
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const slow = Agent.update(agent, async (pid) => {
    await gate.promise;
    seen.push("slow");
    return pid;
  });
  const quick = Agent.get(agent, () => void seen.push("quick"));
  await until(() => Process.info(agent)!.messageQueueLen === 1);
  gate.resolve();
  await Promise.all([slow, quick]);
  assertEquals(seen, ["slow", "quick"]);
  await Agent.stop(agent);
});

processTest("get() returns a copy", async () => {
  const agent = await Agent.startLink(() => ({ list: [1] }));
  (await Agent.get(agent, (state) => state)).list.push(2);
  assertEquals(await Agent.get(agent, (state) => state.list), [1]);
  // The function has the state itself.
  await Agent.get(agent, (state) => state.list.push(2));
  assertEquals(await Agent.get(agent, (state) => state.list), [1, 2]);
  await Agent.stop(agent);
});

nodeTest("an agent runs functions only for Agent's requests", async () => {
  const agent = await Agent.start(() => 0);
  const run = { stored: "guessed" };
  const { reason } = await exitOf(GenServer.call(agent, { type: "get", run }));
  assertMatch(
    String(reason),
    /TypeError: Cannot serve .*: an agent is asked by the functions of Agent/,
  );
});

pairTest("Agent runs its node's exports for others", async ({ alex, kate }) => {
  await Node.spawn(KATE, ["Counters", "start"], [self(), 1]);
  const agent: Pid = await receive();
  assertEquals(agent.node, KATE);
  assertEquals(await Agent.update(agent, ["Counters", "add", [4]]), "ok");
  assertEquals(Agent.cast(COUNTER, ["Counters", "add", [5]]), "ok");
  assertEquals(await Agent.get(COUNTER, ["Counters", "read"]), 10);
  assertEquals(await Agent.getAndUpdate(agent, ["Counters", "take", [3]]), 10);
  assertEquals(await Agent.get(agent, ["Counters", "read"]), 7);
  const pending = exitOf(Agent.get(agent, ["Counters", "wait"]));
  await Node.ping(KATE);
  await part(alex, kate);
  assertEquals((await pending).reason, { type: "nodedown", node: KATE });
}, { kate: { modules } });

nodeTest("Agent runs functions by name here", async (_cluster, alex) => {
  assertEquals(alex.name, "alex@localhost");
  const agent = await Agent.start(() => 1);
  await assertRejects(
    () => Agent.get(agent, ["Counters", "read"]),
    UndefinedFunctionError,
    "function Counters.read/1 is not exported",
  );
  assertEquals(
    await Agent.get({ name: "Nobody", node: alex.name }, (n) => n)
      .catch((error) => error.reason.reason),
    "noproc",
  );
  await Agent.stop(agent);
});
