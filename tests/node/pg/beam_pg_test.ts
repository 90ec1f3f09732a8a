/** Groups of processes that nodes of this library share with Erlang's `pg`. */

import { assert, assertEquals } from "@std/assert";
import { Node } from "../../../node.ts";
import { pg, type PgMessage } from "../../../packages/node/pg/pg.ts";
import {
  type Pid,
  Process,
  receive,
  type Ref,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { Float } from "../../../packages/processes/values/float.ts";
import { Tuple, tuple } from "../../../packages/processes/values/tuple.ts";
import { ELIXIR, ElixirNode } from "../../_elixir.ts";
import { type Cluster, clusterTest } from "../../_nodes.ts";
import { idle } from "../../_processes.ts";

/** Elixir's side: members, and the next message of a monitor. */
const GROUPS = `
defmodule Groups do
  def member(scope \\\\ :pg, group) do
    pid = spawn(fn -> Process.sleep(:infinity) end)
    :ok = :pg.join(scope, group, pid)
    pid
  end
  def next(ref) do
    receive do {^ref, kind, group, pids} -> {kind, group, Enum.map(pids, &node/1)} end
  end
end
`;

/** The next message of a monitor here. */
async function told(ref: Ref): Promise<[string, unknown, string[]]> {
  const { type, group, pids } = await receive<PgMessage>((m) =>
    ref.equals(m?.ref)
  );
  return [type, group, pids.map(({ node }) => node)];
}

const ALEX = "alex@localhost";
const KATE = "kate@localhost";

/** The members at kate, once there are so many. */
function until(
  kate: ElixirNode,
  group: string,
  count: number,
  scope = ":pg",
): Promise<string> {
  return kate.evaluate(`
    Stream.repeatedly(fn -> Process.sleep(5); :pg.get_members(${scope}, ${group}) end)
    |> Enum.find(&(length(&1) == ${count}))
    |> Enum.map(&node/1) |> Enum.sort()`);
}

async function exit(pid: Pid): Promise<void> {
  const ref = Process.monitor(pid);
  Process.exit(pid, "kill");
  await receive((m) => ref.equals(m?.ref));
}

/** A test of a node here and one of Elixir, with Elixir's side; its body is a process of alex. */
function bothTest(
  name: string,
  fn: (kate: ElixirNode, cluster: Cluster) => Promise<void>,
): void {
  clusterTest(name, async (cluster) => {
    const alex = await cluster.start("alex");
    await using kate = await ElixirNode.start("kate", cluster);
    await kate.evaluate(GROUPS);
    await alex.run(() => fn(kate, cluster));
  }, { programs: ELIXIR, timeout: 60_000 });
}

bothTest("pg shares groups with Erlang's, and back", async (kate, cluster) => {
  await kate.evaluate("{:ok, _} = :pg.start(:pg)");
  await pg.start();
  const early = idle();
  await pg.join("room", early);
  await kate.evaluate(`early = Groups.member("room")`);
  const { ref, pids } = await pg.monitor("room");
  assertEquals(pids, [early]);
  await kate.evaluate(`{ref, pids} = :pg.monitor("room"); 1 = length(pids)`);
  assertEquals(await Node.connect(kate.name), true);
  assertEquals(await told(ref), ["join", "room", [KATE]]);
  assertEquals(
    await kate.evaluate("Groups.next(ref)"),
    `{:join, "room", [:${ALEX}]}`,
  );
  assertEquals(pg.getMembers("room").map(({ node }) => node).sort(), [
    ALEX,
    KATE,
  ]);
  assertEquals(pg.getLocalMembers("room"), [early]);
  assertEquals(
    await kate.evaluate(
      `{length(:pg.get_members("room")), :pg.get_local_members("room") == [early]}`,
    ),
    "{2, true}",
  );
  // Several at once, and one process twice.
  const [one, two] = [idle(), idle()];
  await pg.join("room", [one, two, one]);
  assertEquals(
    await kate.evaluate("Groups.next(ref)"),
    `{:join, "room", [:${ALEX}, :${ALEX}, :${ALEX}]}`,
  );
  await kate.evaluate(`:pg.join("room", [early, early])`);
  assertEquals(await told(ref), ["join", "room", [ALEX, ALEX, ALEX]]);
  assertEquals(await told(ref), ["join", "room", [KATE, KATE]]);
  await kate.evaluate(`:pg.leave("room", early)`);
  assertEquals(await told(ref), ["leave", "room", [KATE]]);
  assertEquals(await pg.leave("room", one), "ok");
  assertEquals(await told(ref), ["leave", "room", [ALEX]]);
  assertEquals(
    await kate.evaluate(
      `{Groups.next(ref), Groups.next(ref), Groups.next(ref)} |> elem(2)`,
    ),
    `{:leave, "room", [:${ALEX}]}`,
  );
  assertEquals(pg.getMembers("room").length, 5);
  // A process that exits leaves all groups, as often as it was in them.
  await kate.evaluate("Process.exit(early, :kill)");
  assertEquals(await told(ref), ["leave", "room", [KATE, KATE]]);
  await exit(one);
  await exit(two);
  assertEquals(await until(kate, `"room"`, 1), `[:${ALEX}]`);
  // To send to a member reaches it, in both directions.
  const chatty = spawn(async () => {
    send((await receive()) as unknown as Pid, "answered");
  });
  await pg.join("chatty", chatty);
  await until(kate, `"chatty"`, 1);
  assertEquals(
    await kate.evaluate(
      `send(hd(:pg.get_members("chatty")), self()); receive do "answered" -> :ok end`,
    ),
    ":ok",
  );
  assertEquals(cluster.lines(), []);
});

bothTest("pg shares groups of any name and scope", async (kate, cluster) => {
  await kate.evaluate("for scope <- [:chat, Chat.Scope], do: :pg.start(scope)");
  await Node.connect(kate.name);
  for (
    const [scope, there] of [["chat", ":chat"], ["Chat.Scope", "Chat.Scope"]]
  ) {
    await pg.start(scope);
    const { ref } = await pg.monitorScope({ scope });
    for (
      const [group, spelled] of [
        ["text", `"text"`],
        [atom("room"), ":room"],
        [tuple(atom("room"), 1), "{:room, 1}"],
        [["room", 1], `["room", 1]`],
        [new Float(1), "1.0"],
        [1, "1"],
        [2n ** 70n, `${2n ** 70n}`],
        [{ room: { a: [1, null] } }, `%{"room" => %{"a" => [1, nil]}}`],
        [tuple(), "{}"],
        [[], "[]"],
        [true, "true"],
        [tuple(atom("join"), self(), 1, 2), undefined],
      ] as [unknown, string | undefined][]
    ) {
      const own = idle();
      await pg.join(group, own, { scope });
      assertEquals((await told(ref))[2], [ALEX]);
      if (spelled === undefined) {
        // Elixir has no notation for the pid in the group.
        assertEquals(
          await kate.evaluate(`
              Stream.repeatedly(fn -> Process.sleep(5); :pg.which_groups(${there}) end)
              |> Stream.concat()
              |> Enum.find(&match?({:join, _, 1, 2}, &1))
              |> then(&:pg.get_members(${there}, &1))
              |> Enum.map(&node/1)`),
          `[:${ALEX}]`,
        );
      } else {
        assertEquals(
          await until(kate, spelled, 1, there),
          `[:${ALEX}]`,
          spelled,
        );
        await kate.evaluate(`Groups.member(${there}, ${spelled})`);
        assertEquals(await told(ref), ["join", group, [KATE]]);
        assertEquals(pg.getMembers(group, { scope }).length, 2);
      }
    }
  }
  assertEquals(cluster.lines(), []);
});

for (const late of ["Erlang's", "this library's"]) {
  bothTest(`pg finds a scope: ${late} is later`, async (kate, cluster) => {
    await Node.connect(kate.name);
    const start: Record<string, () => Promise<unknown>> = {
      "Erlang's": () =>
        kate.evaluate(`{:ok, scope} = :pg.start(:pg); Groups.member("g")`),
      "this library's": async () => {
        await pg.start();
        await pg.join("g", idle());
      },
    };
    for (const each of Object.keys(start)) {
      if (each !== late) await start[each]();
    }
    await start[late]();
    const { ref, pids } = await pg.monitor("g");
    if (pids.length < 2) await told(ref);
    assertEquals(pg.getMembers("g").length, 2);
    assertEquals(await until(kate, `"g"`, 2), `[:${ALEX}, :${KATE}]`);
    // The scope ends, and another one starts.
    if (late === "Erlang's") {
      await kate.evaluate("Process.exit(scope, :kill)");
      assertEquals(await told(ref), ["leave", "g", [KATE]]);
      await start[late]();
      assertEquals(await told(ref), ["join", "g", [KATE]]);
    } else {
      Process.exit(Process.whereis("pg")!, "kill");
      assertEquals(await until(kate, `"g"`, 1), `[:${KATE}]`);
      await start[late]();
    }
    assertEquals(await until(kate, `"g"`, 2), `[:${ALEX}, :${KATE}]`);
    assertEquals(cluster.lines(), []);
  });
}

bothTest("pg forgets a lost node of Erlang", async (kate) => {
  await kate.evaluate(`:pg.start(:pg); Groups.member("g")`);
  await pg.start();
  await pg.join("g", idle());
  const { ref } = await pg.monitor("g");
  for (let i = 0; i < 2; i++) {
    await Node.connect(kate.name);
    assertEquals(await told(ref), ["join", "g", [KATE]]);
    await until(kate, `"g"`, 2);
    Node.disconnect(kate.name);
    assertEquals(await told(ref), ["leave", "g", [KATE]]);
    assertEquals(await until(kate, `"g"`, 1), `[:${KATE}]`);
  }
  await Node.connect(kate.name);
  assertEquals(await told(ref), ["join", "g", [KATE]]);
  await kate.kill();
  assertEquals(await told(ref), ["leave", "g", [KATE]]);
});

bothTest("pg drops what no scope sends", async (kate, cluster) => {
  await kate.evaluate("{:ok, scope} = :pg.start(:pg)");
  await pg.start();
  await Node.connect(kate.name);
  const { ref } = await pg.monitorScope();
  Process.register(self(), "listener");
  await kate.evaluate(`
        pid = self()
        for message <- [{:join, pid, "a", pid}, {:leave, pid, pid, ["a"]}, {:discover, pid}] do
          send({:listener, :${ALEX}}, message)
        end`);
  for (const name of ["join", "leave", "discover"]) {
    const message = await receive<Tuple>((m) => m instanceof Tuple);
    assertEquals(String(message.elements[0]), name);
  }
  // From no scope, or with parts that are invalid, or of another node's processes.
  await kate.evaluate(`
        for message <- [
          {:join, self(), "a", self()}, {:join, scope, "a", :b}, {:join, scope, "a", [1]}, {:join, scope, "a", []},
          {:leave, scope, 1, ["a"]}, {:leave, scope, [], "a"}, {:"$gen_cast", {:sync, scope, "a"}},
          {:"$gen_cast", {:sync, scope, [{"a", 1}]}}, {:"$gen_cast", {:sync, scope, [1]}}, {:discover, 1}, {:join},
          {:"$gen_cast", :a}, :discover, {}, {:nodeup, :${KATE}}, {:join, scope, "a", hd(Process.list())}
        ] do
          send({:pg, :${ALEX}}, message)
        end`);
  assertEquals(
    await kate.evaluate(
      `:gen_server.call({:pg, :${ALEX}}, {:join_local, "a", self()})`,
    ),
    "{:error, :badarg}",
  );
  await kate.evaluate(`Groups.member("end")`);
  const joined: unknown[] = [];
  while (joined.at(-1) !== "end") joined.push((await told(ref))[1]);
  assertEquals(joined.filter((group) => group !== "a"), ["end"]);
  assertEquals(pg.getMembers("a").every(({ node }) => node === KATE), true);
  assert(
    !cluster.lines().some((line) => line.includes("terminating")),
    cluster.lines().join("\n"),
  );
});

bothTest("pg leaves out groups without a form", async (kate, cluster) => {
  await kate.evaluate("{:ok, scope} = :pg.start(:pg)");
  await pg.start();
  const member = idle();
  await pg.join("a", member);
  await pg.join(NaN, member);
  await pg.join("b", member);
  await Node.connect(kate.name);
  await until(kate, `"a"`, 1);
  await until(kate, `"b"`, 1);
  await pg.join(Infinity, member);
  await pg.join("c", member);
  await until(kate, `"c"`, 1);
  await exit(member);
  for (const group of ["a", "b", "c"]) await until(kate, `"${group}"`, 0);
  assertEquals(
    await kate.evaluate("{:pg.which_groups(:pg), Process.alive?(scope)}"),
    "{[], true}",
  );
  assert(
    cluster.lines().every((line) =>
      line.includes("is not told of a change of the groups")
    ),
  );
});
