import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  exit,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
  spawnLink,
} from "../../../packages/processes/process.ts";
import {
  type ChildDefinition,
  type ChildSpec,
  Supervisor,
  type SupervisorOptions,
} from "../../../packages/servers/supervisor/supervisor.ts";
import {
  ended,
  isPending,
  mail,
  processTest,
  quiet,
} from "../../_processes.ts";
import { probe, told } from "../../_supervision.ts";
import { exitOf, Stack } from "../_gen_servers.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { Registry } from "../../../packages/servers/registry/registry.ts";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import { Agent } from "../../../packages/servers/agent/agent.ts";

const ONE: SupervisorOptions = { strategy: "one_for_one" };

function linked(): Pid {
  return spawnLink(() => receive(() => false));
}

// startLink()

processTest("startLink() waits for slow children", async () => {
  const test = self();
  const { promise, resolve } = Promise.withResolvers<void>();
  const slow = async () => {
    send(test, "slow");
    await promise;
    return linked();
  };
  const started = Supervisor.startLink([
    { id: "slow", start: slow },
    probe("a"),
  ], ONE);
  assertEquals(await told(1), ["slow"]);
  assert(await isPending(started));
  assertEquals(await mail(), []);
  resolve();
  assertEquals(await told(1), ["up:a"]);
  const sup = await started;
  await Supervisor.stop(sup);
});

processTest("startLink() calls start as code of the supervisor", async () => {
  const test = self();
  const sup = await Supervisor.startLink([{
    id: "a",
    start: () => {
      send(test, { self: self(), leader: Process.groupLeader() });
      return linked();
    },
  }], ONE);
  const message = await receive();
  assert(sup.equals(message.self));
  assert(Process.groupLeader().equals(message.leader));
  await Supervisor.stop(sup);
});

processTest("startLink() reports the error of a start", async () => {
  Process.trapExit(true);
  const starts: [() => Pid, string][] = [
    [() => {
      throw new RangeError("out of ports");
    }, "RangeError: out of ports"],
    [
      () => "pid" as unknown as Pid,
      'TypeError: Cannot start the child "bad": its start gave "pid", which is not a pid',
    ],
  ];
  for (const [start, error] of starts) {
    const child = { id: "bad", start };
    const { reason } = await exitOf(Supervisor.startLink([child], ONE));
    assertEquals(String(reason.reason), error);
  }
});

processTest("startLink() rejects invalid children, starts none", async () => {
  const start = () => exit("was called");
  const invalid: [unknown, unknown, RegExp][] = [
    [[], { ...ONE, maxRestarts: Infinity }, /maxRestarts is Infinity/],
    [[{ id: "a", start }, { id: "a", start }], ONE, /two children .* id "a"/],
    [["a"], ONE, /Cannot use "a" as a child: a child has an id/],
    [[undefined], ONE, /Cannot use undefined as a child: a child has an id/],
    [{ id: "a" }, ONE, /Cannot start a supervisor: its children are .*; give/],
    [[{ start }], ONE, /a child has an id/],
    [[{ id: "a" }], ONE, /child "a": start is undefined/],
    [[{ id: "a", start: ["A"] }], ONE, /child "a": start is \["A"\]/],
    [[{ id: "a", start, shutdown: -1 }], ONE, /shutdown is -1; give/],
    [
      [{ id: "a", start, significant: true }],
      ONE,
      /a significant child cannot be permanent/,
    ],
    [
      [{ id: "a", start, significant: true, restart: "transient" }],
      ONE,
      /is significant, and its supervisor's autoShutdown is "never"; start/,
    ],
    [[[{}, 1]], ONE, /has neither childSpec\(options\)/],
  ];
  for (const [children, options, text] of invalid) {
    const error = await assertRejects(() =>
      Supervisor.startLink(
        children as ChildDefinition[],
        options as SupervisorOptions,
      )
    );
    assert(error instanceof TypeError || error instanceof RangeError);
    assertMatch(error.message, text);
  }
});

processTest("startLink() accepts every child specification", async () => {
  class Store {
    static childSpec(options: { id?: string }) {
      return { id: options.id ?? "store", start: linked };
    }
  }
  const Mine: typeof Stack = {
    ...Stack,
    name: "Mine",
    startLink: (items) => GenServer.startLink(Stack, items, { name: "Mine" }),
  };
  const transient = { restart: "transient" } as const;
  const sup = await Supervisor.startLink([
    Store,
    [Store, { id: "second" }],
    Supervisor.childSpec(Store, { id: "third", restart: "temporary" }),
    [Agent, () => 1],
    Agent.childSpec(() => 2, { name: "Two", ...transient }),
    [Stack, ["a"]],
    GenServer.childSpec(Stack, ["b"], { name: "One", ...transient }),
    [Mine, ["c"]],
    [Registry, { keys: "unique", name: "Names" }],
    [Registry, { keys: "duplicate", name: atom("Tags") }],
  ], ONE);
  const children = (await Supervisor.whichChildren(sup)).toReversed();
  assertEquals(
    children.map(({ id }) => id).join(" "),
    "store second third Agent Two Stack One Mine Names Tags",
  );
  const [agent, , stack] = children.slice(3).map(({ pid }) => pid as Pid);
  assertEquals(children.slice(8), [
    { id: "Names", pid: Process.whereis("Names"), type: "supervisor" },
    { id: "Tags", pid: Process.whereis("Tags"), type: "supervisor" },
  ]);
  for (const id of ["Two", "One"]) {
    const spec = await Supervisor.getChildspec(sup, id) as ChildSpec;
    assertEquals(spec.restart, "transient");
  }
  assertEquals(await Agent.get(agent, (n) => n), 1);
  for (const [server, item] of [[stack, "a"], ["One", "b"], ["Mine", "c"]]) {
    assertEquals(await GenServer.call(server, "pop"), item);
  }
  await Agent.update("Two", () => 3);
  for (const name of ["Two", "One"]) {
    Process.exit(Process.whereis(name)!, "kill");
    await Supervisor.countChildren(sup);
  }
  // They begin anew.
  assertEquals(await Agent.get("Two", (n) => n), 2);
  assertEquals(await GenServer.call("One", "pop"), "b");
  for (let i = 0; i < 2; i++) Registry.register("Tags", "key");
  assertEquals(Registry.count(atom("Tags")), 2);
  Registry.unregister("Tags", "key");
  await Supervisor.stop(sup);
});

processTest("startLink() starts no child once killed", async () => {
  const test = self();
  const { promise, resolve } = Promise.withResolvers<void>();
  const caller = spawn(() =>
    Supervisor.startLink([
      {
        id: "slow",
        start: async () => {
          send(test, self());
          // Not a wait of the process: it goes on after the process has been killed.
          await promise;
          return test;
        },
      },
      { id: "next", start: () => (send(test, "next"), linked()) },
    ], ONE)
  );
  const down = ended(caller);
  Process.exit(await receive(), "kill");
  assertEquals(await down, "killed");
  resolve();
  await quiet();
  assertEquals(await mail(), []);
});

// childSpec()

processTest("childSpec() fills in missing fields", () => {
  const child = { id: "a", start: linked };
  const full = { ...child, restart: "permanent", significant: false };
  assertEquals<unknown>(Supervisor.childSpec(child), {
    ...full,
    type: "worker",
    shutdown: 5000,
  });
  assertEquals<unknown>(Supervisor.childSpec(child, { type: "supervisor" }), {
    ...full,
    type: "supervisor",
    shutdown: "infinity",
  });
  assertThrows(
    () => Supervisor.childSpec(child, { id: 1 as never }),
    TypeError,
  );
});

processTest("a child's list has no further items", () => {
  const counter = { init: () => ({ type: "ok", state: 0 }) };
  const long = [counter, 0, { restart: "temporary" }] as never;
  assertThrows(
    () => Supervisor.childSpec(long),
    TypeError,
    'as a child: [module, options] has no third item; give Supervisor.childSpec([module, options], { restart: "temporary" }) to',
  );
  const start = ["Chat", "start", [], 1] as never;
  assertThrows(
    () => Supervisor.childSpec({ id: "a", start }),
    TypeError,
    'start is ["Chat", "start", [], 1]; give a function, or [module, function, args]',
  );
});

// whichChildren(), countChildren()

processTest("whichChildren() exits when a supervisor asks itself", async () => {
  const test = self();
  const sup = await Supervisor.startLink([{
    id: "a",
    start: async () => {
      send(test, await exitOf(Supervisor.whichChildren(self())));
      return linked();
    },
  }], ONE);
  assertEquals((await receive()).reason, "calling_self");
  await Supervisor.stop(sup);
});

// startChild()

processTest("startChild() adds no child that does not start", async () => {
  const sup = await Supervisor.startLink([], ONE);
  assertEquals(
    await exitOf(
      Supervisor.startChild(sup, { id: "a", start: () => exit("nope") }),
    ),
    "nope",
  );
  const odd = Object.assign(new Error("odd"), { handle: new (class X {})() });
  const reason = await exitOf(
    Supervisor.startChild(sup, {
      id: "a",
      start: () => {
        throw odd;
      },
    }),
  );
  assertMatch(String(reason), /odd/, "what cannot be sent comes as text");
  assertEquals((await Supervisor.countChildren(sup)).specs, 0);
  await Supervisor.stop(sup);
});

processTest("startChild() accepts an exported function's name", async () => {
  const sup = await Supervisor.startLink([], ONE);
  const { message } = await exitOf(
    Supervisor.startChild(sup, { id: "a", start: ["Nope", "start", [1]] }),
  );
  assertMatch(message, /Nope\.start\/1 is not exported/);
  await assertRejects(
    () =>
      Supervisor.startChild(
        { name: "sup", node: "moebi@localhost" },
        { id: "a", start: () => linked() },
      ),
    TypeError,
    "give its start as [module, function, args]",
  );
  await Supervisor.stop(sup);
});

processTest("startChild() rejects a useless significant child", async () => {
  const sup = await Supervisor.startLink([], ONE);
  const reason = await exitOf(
    Supervisor.startChild(sup, {
      id: "a",
      start: linked,
      restart: "transient",
      significant: true,
    }),
  );
  assertInstanceOf(reason, TypeError);
  assertMatch(reason.message, /"a": it is significant, and its supervisor's/);
  assertEquals(await Supervisor.whichChildren(sup), []);
  await Supervisor.stop(sup);
});
