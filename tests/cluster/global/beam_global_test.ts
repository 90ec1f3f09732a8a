/** Global names and locks that nodes of this library share with Erlang's `global`, as visible nodes. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import {
  global,
  type ModuleFunction,
  type ResolveFunction,
} from "../../../packages/cluster/global/global.ts";
import { Node } from "../../../node.ts";
import {
  type Pid,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { tuple } from "../../../packages/processes/values/tuple.ts";
import { ELIXIR, ElixirNode } from "../../_elixir.ts";
import { Cluster, clusterTest, reasonOf } from "../../_nodes.ts";
import { idle } from "../../_processes.ts";
import { until } from "../../_until.ts";
import { SeededRandom } from "../../../packages/testing/simulation/random.ts";
import { Mesh } from "./_mesh.ts";

const OPTIONS = { programs: ELIXIR, timeout: 300_000 };

const KATE = "kate@localhost";

/** Elixir's side: a server that adds one, and a process that holds a name until it exits. */
const SIDE = `
defmodule Adder do
  use GenServer
  def init(n), do: {:ok, n}
  def handle_call(x, _from, n), do: {:reply, x + n, n}
  def handle_info(message, n), do: (send(:test, message); {:noreply, n})
end
Process.register(self(), :test)
start = fn name, n -> {:ok, pid} = GenServer.start(Adder, n, name: {:global, name}); pid end`;

const adder = (n: number) => ({
  init: () => ({ type: "ok" as const, state: n }),
  handleCall: (x: number, _from: unknown, n: number) => ({
    type: "reply" as const,
    reply: x + n,
    state: n,
  }),
});

/** Waits until a name has gone here. */
async function gone(name: unknown): Promise<void> {
  while (await global.whereisName(name) !== undefined) await global.sync();
}

clusterTest("global shares names and locks with Erlang's", async (cluster) => {
  const alex = await cluster.start("alex");
  await using kate = await ElixirNode.start("kate", cluster);
  await alex.run(async () => {
    const early = idle();
    assert(await global.registerName("early", early));
    await kate.evaluate(`${SIDE}; start.(:kate_early, 1)`);
    assert(await Node.connect(KATE));
    assertEquals(Node.list(), [KATE]);
    assertEquals(await kate.evaluate("Node.list()"), "[:alex@localhost]");
    assertEquals(await kate.evaluate(":global.sync()"), ":ok");
    await global.sync();
    // Names from before the connection.
    assertEquals(
      await GenServer.call({ global: atom("kate_early") }, 41),
      42,
    );
    assertEquals(
      await kate.evaluate(`node(:global.whereis_name("early"))`),
      ":alex@localhost",
    );
    // Names of later.
    await kate.evaluate(`late = start.({:late, 1}, 2)`);
    const late = { global: tuple(atom("late"), 1) };
    assertEquals(await GenServer.call(late, 40), 42);
    await GenServer.start(adder(3), undefined, { name: { global: "alex" } });
    assertEquals(
      await kate.evaluate(`GenServer.call({:global, "alex"}, 39)`),
      "42",
    );
    assert(!await global.registerName(late.global, self()));
    assertEquals(
      await kate.evaluate(`:global.register_name("alex", self())`),
      ":no",
    );
    assertEquals(
      await kate.evaluate(":global.registered_names() |> Enum.sort()"),
      `[:kate_early, {:late, 1}, "alex", "early"]`,
    );
    // The end of a name, of its process, and the move of a name.
    await global.unregisterName("early");
    assertEquals(
      await kate.evaluate(`:global.whereis_name("early")`),
      ":undefined",
    );
    await kate.evaluate("Process.exit(late, :kill)");
    await gone(late.global);
    await kate.evaluate(":global.re_register_name(:kate_early, self())");
    assertEquals(
      String(await global.whereisName(atom("kate_early"))).replace(
        /\d+/,
        "0",
      ),
      (await kate.evaluate("self()")).replace(/\d+/, "0"),
    );
    await kate.evaluate(":global.unregister_name(:kate_early)");
    assertEquals(await global.whereisName(atom("kate_early")), undefined);
    // Locks.
    assert(await global.setLock(["door", self()]));
    const tries =
      `:global.set_lock({"door", self()}, [node() | Node.list()], 0)`;
    assertEquals(await kate.evaluate(tries), "false");
    await global.delLock(["door", self()]);
    assertEquals(await kate.evaluate(tries), "true");
    assert(!await global.setLock(["door", self()], { retries: 0 }));
    await kate.evaluate(`:global.del_lock({"door", self()})`);
    assert(await global.setLock(["door", self()], { retries: 0 }));
    // The loss of a node.
    await kate.evaluate("start.(:lost, 0)");
    assert(await global.whereisName(atom("lost")) !== undefined);
    await kate.kill();
    await gone(atom("lost"));
  });
}, OPTIONS);

const Resolve = {
  keepSecond: (_name: unknown, _first: Pid, second: Pid) => second,
};

const RESOLVERS: Record<string, ResolveFunction | ModuleFunction> = {
  random_exit_name: global.randomExitName,
  random_notify_name: global.randomNotifyName,
  notify_all_name: global.notifyAllName,
  own: ["Resolve", "keepSecond"],
};

// The node of the smaller name resolves: the first pair has a node here as that, the second one of Elixir.
for (const name of ["alex", "moebi"]) {
  clusterTest(`a name at ${name} and kate is resolved`, async (cluster) => {
    const node = await cluster.start(name, { modules: { Resolve } });
    await using kate = await ElixirNode.start("kate", cluster);
    await node.run(async () => {
      const me = self();
      await kate.evaluate(`
          heard = fn pid ->
            case Process.info(pid, :messages) do
              nil -> nil
              {_, messages} -> Enum.map(messages, &{elem(&1, 0), elem(&1, 1)})
            end
          end
          hold = fn name, resolve ->
            pid = spawn(fn -> Process.sleep(:infinity) end)
            :yes = :global.register_name(name, pid, resolve)
            pid
          end`);
      const pids = new Map<string, Pid>();
      for (const [resolve, fn] of Object.entries(RESOLVERS)) {
        const pid = spawn(async () => {
          for (;;) send(me, { name: resolve, message: await receive() });
        });
        pids.set(resolve, pid);
        assert(
          await global.registerName(
            resolve,
            pid,
            fn as typeof global.randomExitName,
          ),
        );
        const there = resolve === "own"
          ? "fn _, _, pid2 -> pid2 end"
          : `&:global.${resolve}/3`;
        await kate.evaluate(`${resolve} = hold.("${resolve}", ${there})`);
      }
      await Node.connect(KATE);
      await global.sync();
      assertEquals(await kate.evaluate(":global.sync()"), ":ok");
      const first = name === "alex" ? node.name : KATE;
      for (const resolve of Object.keys(RESOLVERS)) {
        const holder = resolve === "notify_all_name" ? undefined : first;
        const pid = await global.whereisName(resolve);
        assertEquals(pid?.node, holder, resolve);
        assertEquals(
          await kate.evaluate(
            `case :global.whereis_name("${resolve}") do :undefined -> nil; pid -> node(pid) end`,
          ),
          holder === undefined ? "nil" : `:${holder}`,
        );
      }
      const there =
        "Enum.map([random_exit_name, random_notify_name, notify_all_name], heard)";
      const all = `[global_name_conflict: "notify_all_name"]`;
      assertEquals(
        await kate.evaluate(there),
        first === KATE
          ? `[[], [], ${all}]`
          : `[nil, [global_name_conflict: "random_notify_name"], ${all}]`,
      );
      if (first === KATE) {
        assertEquals(await reasonOf(pids.get("random_exit_name")!), "noproc");
        const { message } = await receive((m) =>
          m?.name === "random_notify_name"
        );
        assertEquals(message, {
          type: "global_name_conflict",
          name: "random_notify_name",
        });
      }
      const { message } = await receive((m) => m?.name === "notify_all_name");
      assertEquals(message.name, "notify_all_name");
      assertEquals(message.pid.node, KATE);
    });
  }, OPTIONS);
}

clusterTest("nodes of both wires form one mesh", async (cluster) => {
  await using mesh = await Mesh.start(cluster);
  const alex = await mesh.add("alex", true);
  const moebi = await mesh.add("moebi", true);
  const kate = await mesh.add("kate", false);
  const zoe = await mesh.add("zoe", false);
  const { nodes } = mesh;
  await alex.connect(moebi.name);
  await kate.connect(zoe.name);
  for (const node of nodes) await node.hold(node.name);
  // One connection between the two halves.
  await moebi.connect(zoe.name);
  await until(() => mesh.isWhole());
  for (const node of nodes) await node.flush();
  const names = nodes.map(({ name }) => name).sort();
  const all = [...names.map((name) => `${name} ${name}`), ...names];
  await until(async () => {
    const views = await Promise.all(nodes.map((node) => node.view()));
    return views.every((view) => view === all.join(", "));
  });
  // A BEAM closes its dial, before its first bytes too, when the other node's dial has succeeded.
  assertEquals(
    cluster.lines().filter((line) => !/closed before it said/.test(line)),
    [],
  );
  // A change anywhere is made everywhere.
  for (const [node, name] of [[alex, "late"], [kate, "later"]] as const) {
    await node.claim(name);
    for (const each of nodes) {
      assertStringIncludes(await each.view(), `${name} ${node.name}`);
    }
  }
}, OPTIONS);

const SLOW = { ...OPTIONS, tags: ["slow"] };

for (const ours of [0, 2]) {
  clusterTest(`no parts overlap with ${ours} of 5 nodes`, async (cluster) => {
    await using mesh = await Mesh.start(cluster);
    const { nodes } = mesh;
    await addFive(mesh, ours > 0);
    await mesh.join();
    for (const [i, one] of nodes.entries()) {
      for (const [k, other] of [...nodes.entries()].slice(i + 1)) {
        await one.disconnect(other.name);
        // One of the two may stay with the others, if they have disconnected the other one before its report.
        await until(async () => {
          const seen = await mesh.parts();
          if (seen === undefined || seen[i] === seen[k]) return false;
          const rest = seen.filter((_, j) => j !== i && j !== k);
          return new Set(rest).size === 1;
        });
        await mesh.join();
      }
    }
    while (nodes.length > 1) {
      await nodes.pop()!.end();
      await until(() => mesh.isWhole());
    }
  }, SLOW);
}

/** Starts five nodes; those here have names between the others'. */
async function addFive(mesh: Mesh, isMixed: boolean): Promise<void> {
  for (const name of ["n1", "n2", "n3", "n4", "n5"]) {
    await mesh.add(name, isMixed && (name === "n2" || name === "n4"));
  }
}

/** How long nodes of Elixir may differ before a partition counts as lost by a race among them, in milliseconds. */
const UNDECIDED_AFTER = 15_000;

/**
 * Has a mesh of five parted 30 times at random. Returns for each partition the milliseconds until all nodes agreed on names and
 * groups; `undefined` if nodes of Elixir went on to differ from each other, in which case each node here agrees with
 * one of them.
 */
async function partitions(
  cluster: Cluster,
  isMixed: boolean,
): Promise<(number | undefined)[]> {
  await using mesh = await Mesh.start(cluster);
  const { nodes } = mesh;
  await addFive(mesh, isMixed);
  await mesh.join();
  for (const node of nodes) await node.hold(node.name);
  const names = nodes.map(({ name }) => name);
  const all = [...names.map((name) => `${name} ${name}`), ...names].join(", ");
  const allowed = names.map((name) => `leader ${name}, ${all}`);
  const random = new SeededRandom(24);
  const times: (number | undefined)[] = [];
  for (let i = 0; i < 30; i++) {
    // At least one node on each side.
    const side = 1 + random.below(2 ** nodes.length - 2);
    const isLeft = (i: number) => (side >> i & 1) === 1;
    const left = nodes.filter((_, i) => isLeft(i));
    const right = nodes.filter((_, i) => !isLeft(i));
    await until(async () => {
      for (const one of left) {
        for (const other of right) await one.disconnect(other.name);
      }
      const seen = await mesh.parts();
      const isIn = (part: string, each: typeof left) =>
        each.some(({ name }) => part.includes(name));
      return seen !== undefined &&
        !seen.some((part) => isIn(part, left) && isIn(part, right));
    });
    for (const side of [left, right]) {
      await side[random.below(side.length)].claim("leader");
    }
    const begun = performance.now();
    await mesh.join();
    let isAgreed = false;
    await until(async () => {
      const views = await Promise.all(nodes.map((node) => node.view()));
      isAgreed = allowed.includes(views[0]) && new Set(views).size === 1;
      if (isAgreed) return true;
      const elixirs = views.filter((_, i) => !nodes[i].isOurs);
      // safe: a race among nodes of Elixir is only counted
      return performance.now() > begun + UNDECIDED_AFTER &&
        new Set(elixirs).size > 1 &&
        views.every((view) => elixirs.includes(view));
    });
    times.push(isAgreed ? performance.now() - begun : undefined);
  }
  return times;
}

clusterTest("both kinds agree after 30 partitions", async (cluster) => {
  const mixed = await partitions(cluster, true);
  await using other = new Cluster();
  const usual = await partitions(other, false);
  const shown = `${mixed.join()} ms, OTP's ${usual.join()} ms`;
  const agreed = (times: typeof mixed) =>
    times.filter((time) => time !== undefined);
  // OTP's nodes rarely lose a partition by a race among them.
  assert(agreed(mixed).length >= 25, shown);
  const longest = Math.max(...agreed(mixed));
  assert(longest < 10_000 + 3 * Math.max(...agreed(usual)), shown);
}, { ...SLOW, timeout: 600_000 });

clusterTest("12 of 24 nodes end, and all others count 12", async (cluster) => {
  await using mesh = await Mesh.start(cluster);
  const { nodes } = mesh;
  for (let i = 0; i < 24; i++) {
    // One of four is Elixir's, of those that end and of those that stay: each is a program, and 18 are none.
    const node = await mesh.add(`n${10 + i}`, i % 4 !== 0);
    await node.connect(nodes[0].name);
  }
  await mesh.join();
  const news = await Promise.all(nodes.slice(12).map((node) => node.watch()));
  const gone = nodes.splice(0, 12);
  await Promise.all(gone.map((node) => node.end()));
  await until(() => mesh.isWhole());
  for (const node of [...nodes, ...nodes]) await node.flush();
  assert(await mesh.isWhole());
  const all = gone.map(({ name }) => `nodedown ${name}`).sort();
  for (const each of news) assertEquals((await each()).sort(), all);
}, SLOW);
