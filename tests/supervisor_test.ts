import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { ExitError } from "../errors.ts";
import { GenServer } from "../gen_server.ts";
import {
  alive,
  exit,
  groupLeader,
  Pid,
  receive,
  self,
  send,
  spawn,
  spawnLink,
  trapExit,
  unlink,
  whereis,
} from "../process.ts";
import {
  type ChildDefinition,
  Supervisor,
  type SupervisorOptions,
} from "../supervisor.ts";
import { ended, idle, mail, processTest } from "./_processes.ts";
import { exitOf, probe, told } from "./_supervision.ts";

const ONE: SupervisorOptions = { strategy: "one_for_one" };

function linked(): Pid {
  return spawnLink(() => receive(() => false));
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return (await assertRejects(() => promise, ExitError)).reason;
}

// startLink()

processTest("startLink() starts the children in order", async () => {
  const sup = await Supervisor.startLink([probe("a"), probe("b")], ONE);
  assertEquals(await told(2), ["up:a", "up:b"]);
  await Supervisor.stop(sup);
});

processTest("startLink() waits for children that take their time", async () => {
  const test = self();
  const slow = async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    send(test, "slow");
    return linked();
  };
  const sup = await Supervisor.startLink([
    { id: "slow", start: slow },
    probe("a"),
  ], ONE);
  assertEquals(await told(2), ["slow", "up:a"]);
  await Supervisor.stop(sup);
});

processTest("startLink() calls start as code of the supervisor", async () => {
  const test = self();
  const sup = await Supervisor.startLink([{
    id: "a",
    start: () => {
      send(test, { self: self(), leader: groupLeader() });
      return linked();
    },
  }], ONE);
  const message = await receive();
  assert(sup.equals(message.self));
  assert(groupLeader().equals(message.leader));
  await Supervisor.stop(sup);
});

processTest("startLink() links the supervisor to the caller", async () => {
  trapExit(true);
  const sup = await Supervisor.startLink([], ONE);
  exit(sup, "kill");
  assertEquals(await exitOf(sup), "killed");
});

processTest(
  "startLink() registers the name until the supervisor has ended",
  async () => {
    const sup = await Supervisor.startLink([], { ...ONE, name: "named" });
    assert(whereis("named")?.equals(sup));
    await Supervisor.stop("named");
    assertEquals(whereis("named"), undefined);
    assert(!alive(sup));
  },
);

processTest(
  "startLink() exits with already_started when the name is taken",
  async () => {
    const sup = await Supervisor.startLink([], { ...ONE, name: "taken" });
    const child = probe("never");
    assertEquals(
      await failure(Supervisor.startLink([child], { ...ONE, name: "taken" })),
      { type: "already_started", pid: sup },
    );
    assert(alive(sup));
    await Supervisor.stop(sup);
  },
);

processTest(
  "startLink() gives one of two that want the same name at once",
  async () => {
    const options = { ...ONE, name: "one of two" };
    const [first, second] = await Promise.allSettled([
      Supervisor.startLink([], options),
      Supervisor.startLink([], options),
    ]);
    assertEquals([first.status, second.status], ["fulfilled", "rejected"]);
    await Supervisor.stop("one of two");
  },
);

processTest(
  "startLink() ends the children before one that does not start",
  async () => {
    trapExit(true);
    const children: ChildDefinition[] = [
      probe("a", { trap: true }),
      probe("b", { trap: true }),
      { id: "bad", start: () => exit("in_use") },
      probe("c"),
    ];
    assertEquals(
      await failure(
        Supervisor.startLink(children, { ...ONE, name: "failing" }),
      ),
      {
        type: "shutdown",
        reason: { type: "failed_to_start_child", id: "bad", reason: "in_use" },
      },
    );
    assertEquals(whereis("failing"), undefined);
    assertEquals(whereis("a"), undefined);
    // All that has come is what the probes told: no EXIT of the supervisor.
    assertEquals(await mail(), [
      "up:a",
      "up:b",
      "down:b:shutdown",
      "down:a:shutdown",
    ]);
  },
);

processTest(
  "startLink() takes a caller with it that does not trap exits",
  async () => {
    const caller = spawn(() =>
      Supervisor.startLink([{ id: "bad", start: () => exit("no") }], ONE)
    );
    assertEquals(await ended(caller), {
      type: "shutdown",
      reason: { type: "failed_to_start_child", id: "bad", reason: "no" },
    });
  },
);

processTest("startLink() tells what a start threw", async () => {
  trapExit(true);
  const start = () => {
    throw new RangeError("out of ports");
  };
  // deno-lint-ignore no-explicit-any
  const reason: any = await failure(
    Supervisor.startLink([{ id: "bad", start }], ONE),
  );
  assertInstanceOf(reason.reason.reason, RangeError);
  assertEquals(reason.reason.reason.message, "out of ports");
});

processTest("startLink() fails for a start that gives no pid", async () => {
  trapExit(true);
  const start = () => "pid" as unknown as Pid;
  // deno-lint-ignore no-explicit-any
  const reason: any = await failure(
    Supervisor.startLink([{ id: "bad", start }], ONE),
  );
  assertEquals(
    reason.reason.reason.message,
    `Cannot start the child "bad": its start gave "pid", which is not a pid`,
  );
});

processTest("startLink() starts nothing that is not valid", async () => {
  const start = () => exit("was called");
  const invalid: [unknown, unknown, RegExp][] = [
    [[], undefined, /strategy is undefined; give "one_for_one"/],
    [[], { strategy: "simple" }, /strategy is "simple"/],
    [[], { ...ONE, maxRestarts: -1 }, /maxRestarts is -1/],
    [[], { ...ONE, maxRestarts: Infinity }, /maxRestarts is Infinity/],
    [[], { ...ONE, maxSeconds: 0 }, /maxSeconds is 0/],
    [[], { ...ONE, maxSeconds: 0.5 }, /maxSeconds is 0.5; give whole seconds/],
    [[{ id: "a", start }, { id: "a", start }], ONE, /two children .* id "a"/],
    [["a"], ONE, /Cannot use "a" as a child: a child has an id/],
    [[1], ONE, /Cannot use 1 as a child: a child has an id/],
    [[undefined], ONE, /Cannot use undefined as a child: a child has an id/],
    [{ id: "a" }, ONE, /Cannot start a supervisor: its children are .*; give/],
    [[{ start }], ONE, /a child has an id/],
    [[{ id: "a" }], ONE, /child "a": its start is undefined/],
    [[{ id: "a", start: ["A"] }], ONE, /child "a": its start is \["A"\]/],
    [[{ id: "a", start, restart: "no" }], ONE, /its restart is "no"; give/],
    [[{ id: "a", start, shutdown: -1 }], ONE, /its shutdown is -1; give/],
    [[{ id: "a", start, type: "boss" }], ONE, /its type is "boss"; give/],
    [[{ id: "a", start, significant: 1 }], ONE, /its significant is 1; give/],
    [[{ id: "a", start, significant: true }], ONE, /significant and permanent/],
    [
      [{ id: "a", start, significant: true, restart: "transient" }],
      ONE,
      /is significant, and its supervisor's autoShutdown is "never"; start/,
    ],
    [[], { ...ONE, autoShutdown: true }, /its autoShutdown is true; give/],
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

processTest(
  "startLink() takes what makes a specification, with options or without",
  async () => {
    class Store {
      static childSpec(options: { id?: string }) {
        return { id: options.id ?? "store", start: linked };
      }
    }
    const sup = await Supervisor.startLink([
      Store,
      [Store, { id: "second" }],
      Supervisor.childSpec(Store, { id: "third", restart: "temporary" }),
    ], ONE);
    const children = await Supervisor.whichChildren(sup);
    assertEquals(children.map(({ id }) => id), ["third", "second", "store"]);
    await Supervisor.stop(sup);
  },
);

processTest(
  "startLink() starts no further child once the supervisor is killed",
  async () => {
    const test = self();
    const caller = spawn(() =>
      Supervisor.startLink([
        {
          id: "slow",
          start: async () => {
            send(test, self());
            // Not a wait of the process: it goes on after the process has been killed.
            await new Promise((resolve) => setTimeout(resolve, 5));
            return test;
          },
        },
        { id: "next", start: () => (send(test, "next"), linked()) },
      ], ONE)
    );
    const down = ended(caller);
    exit(await receive(), "kill");
    assertEquals(await down, "killed");
    await new Promise((resolve) => setTimeout(resolve, 10));
  },
);

// childSpec()

processTest("childSpec() fills in what is left out", () => {
  const start = linked;
  const full = {
    id: "a",
    start,
    restart: "permanent",
    type: "worker",
    significant: false,
  };
  assertEquals<unknown>(Supervisor.childSpec({ id: "a", start }), {
    ...full,
    shutdown: 5000,
  });
  assertEquals<unknown>(
    Supervisor.childSpec({ id: "a", start }, { type: "supervisor" }),
    { ...full, type: "supervisor", shutdown: "infinity" },
  );
  assertThrows(
    () => Supervisor.childSpec({ id: "a", start }, { id: 1 as never }),
    TypeError,
  );
});

// whichChildren(), countChildren()

processTest("whichChildren() gives the one started last first", async () => {
  const sup = await Supervisor.startLink([
    { id: "a", start: linked },
    {
      id: "b",
      type: "supervisor",
      start: () => Supervisor.startLink([], ONE),
    },
  ], ONE);
  await Supervisor.terminateChild(sup, "a");
  const [b, a] = await Supervisor.whichChildren(sup);
  assertEquals(a, { id: "a", pid: undefined, type: "worker" });
  assertEquals([b.id, b.type], ["b", "supervisor"]);
  assert(alive(b.pid as Pid));
  assertEquals(await Supervisor.countChildren(sup), {
    specs: 2,
    active: 1,
    supervisors: 1,
    workers: 1,
  });
  await Supervisor.stop(sup);
});

processTest(
  "whichChildren() exits with what was called when nobody is there",
  async () => {
    assertEquals(await failure(Supervisor.whichChildren("nobody")), {
      type: "call",
      reason: "noproc",
      call: ["Supervisor", "whichChildren", ["nobody"]],
    });
  },
);

processTest("whichChildren() exits when a supervisor asks itself", async () => {
  const test = self();
  const sup = await Supervisor.startLink([{
    id: "a",
    start: async () => {
      send(test, await failure(Supervisor.whichChildren(self())));
      return linked();
    },
  }], ONE);
  assertEquals((await receive()).reason, "calling_self");
  await Supervisor.stop(sup);
});

// startChild()

processTest(
  "startChild() adds a child after the others, and starts it again",
  async () => {
    const sup = await Supervisor.startLink([probe("a")], ONE);
    const pid = await Supervisor.startChild(sup, probe("b"));
    assert(whereis("b")?.equals(pid));
    exit(pid, "oops");
    assertEquals(await told(3), ["up:a", "up:b", "up:b"]);
    const children = await Supervisor.whichChildren(sup);
    assertEquals(children.map(({ id }) => id), ["b", "a"]);
    await Supervisor.stop(sup);
  },
);

processTest("startChild() does not add a child whose id is taken", async () => {
  const sup = await Supervisor.startLink([{ id: "a", start: linked }], ONE);
  const [{ pid }] = await Supervisor.whichChildren(sup);
  const again = () => Supervisor.startChild(sup, { id: "a", start: linked });
  assertEquals(await failure(again()), { type: "already_started", pid });
  await Supervisor.terminateChild(sup, "a");
  assertEquals(await failure(again()), "already_present");
  await Supervisor.stop(sup);
});

processTest(
  "startChild() does not add a child that does not start",
  async () => {
    const sup = await Supervisor.startLink([], ONE);
    assertEquals(
      await failure(
        Supervisor.startChild(sup, { id: "a", start: () => exit("nope") }),
      ),
      "nope",
    );
    const odd = Object.assign(new Error("odd"), { handle: new (class X {})() });
    const reason = await failure(
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
  },
);

processTest(
  "startChild() takes the name of an exported function, and none that is not",
  async () => {
    const sup = await Supervisor.startLink([], ONE);
    const reason = await failure(
      Supervisor.startChild(sup, { id: "a", start: ["Nope", "start", [1]] }),
    );
    assertMatch((reason as Error).message, /Nope\.start\/1 is not exported/);
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
  },
);

processTest(
  "startChild() refuses a significant child that could end nothing",
  async () => {
    const sup = await Supervisor.startLink([], ONE);
    const reason = await failure(
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
  },
);

processTest(
  "a child that ignores its start is kept, unless it is temporary",
  async () => {
    let starts = 0;
    const ignoring = () => "ignore" as const;
    const start = () => starts++ < 2 ? "ignore" as const : linked();
    const sup = await Supervisor.startLink([
      { id: "a", start },
      { id: "t", start: ignoring, restart: "temporary" },
    ], ONE);
    const idle = { id: "a", pid: undefined, type: "worker" } as const;
    assertEquals(await Supervisor.whichChildren(sup), [idle]);
    assertEquals(await Supervisor.restartChild(sup, "a"), undefined);
    const pid = await Supervisor.restartChild(sup, "a");
    assert(pid !== undefined && alive(pid));
    assertEquals(
      await Supervisor.startChild(sup, { id: "b", start: ignoring }),
      undefined,
    );
    assertEquals(
      await Supervisor.startChild(sup, {
        id: "t",
        start: ignoring,
        restart: "temporary",
      }),
      undefined,
    );
    assertEquals(
      (await Supervisor.whichChildren(sup)).map(({ id, pid }) => [id, pid]),
      [["b", undefined], ["a", pid]],
    );
    assertEquals(
      await failure(
        Supervisor.startChild(sup, { id: "b", start: ignoring }),
      ),
      "already_present",
    );
    await Supervisor.stop(sup);
  },
);

// terminateChild(), restartChild(), deleteChild()

processTest(
  "terminateChild() ends a child and keeps its specification",
  async () => {
    const sup = await Supervisor.startLink([
      probe("a", { trap: true }),
      probe("t", { restart: "temporary" }),
    ], ONE);
    assertEquals(await Supervisor.terminateChild(sup, "a"), "ok");
    assertEquals(await told(3), ["up:a", "up:t", "down:a:shutdown"]);
    assertEquals(await Supervisor.terminateChild(sup, "a"), "ok");
    assertEquals(await Supervisor.terminateChild(sup, "t"), "ok");
    assertEquals(await Supervisor.terminateChild(sup, "t"), "not_found");
    assertEquals(await Supervisor.whichChildren(sup), [
      { id: "a", pid: undefined, type: "worker" },
    ]);
    await Supervisor.stop(sup);
  },
);

processTest("restartChild() starts a child that is not running", async () => {
  const sup = await Supervisor.startLink([probe("a")], ONE);
  assertEquals(await failure(Supervisor.restartChild(sup, "a")), "running");
  assertEquals(await failure(Supervisor.restartChild(sup, "x")), "not_found");
  await Supervisor.terminateChild(sup, "a");
  const pid = await Supervisor.restartChild(sup, "a");
  assert(whereis("a")?.equals(pid));
  assertEquals(await told(2), ["up:a", "up:a"]);
  await Supervisor.stop(sup);
});

processTest(
  "restartChild() exits with the reason when the child does not start",
  async () => {
    let starts = 0;
    const start = () => starts++ === 0 ? linked() : exit("no more");
    const sup = await Supervisor.startLink([{ id: "a", start }], ONE);
    await Supervisor.terminateChild(sup, "a");
    assertEquals(await failure(Supervisor.restartChild(sup, "a")), "no more");
    await Supervisor.stop(sup);
  },
);

processTest("deleteChild() takes away what is not running", async () => {
  const sup = await Supervisor.startLink([{ id: "a", start: linked }], ONE);
  assertEquals(await Supervisor.deleteChild(sup, "a"), "running");
  assertEquals(await Supervisor.deleteChild(sup, "x"), "not_found");
  await Supervisor.terminateChild(sup, "a");
  assertEquals(await Supervisor.deleteChild(sup, "a"), "ok");
  assertEquals(await Supervisor.whichChildren(sup), []);
  await Supervisor.stop(sup);
});

// stop()

processTest("stop() ends the children in reverse order", async () => {
  const sup = await Supervisor.startLink([
    probe("a", { trap: true }),
    probe("b", { trap: true }),
    probe("c", { trap: true, restart: "temporary" }),
  ], ONE);
  assertEquals(await Supervisor.stop(sup), "ok");
  assertEquals((await told(6)).slice(3), [
    "down:c:shutdown",
    "down:b:shutdown",
    "down:a:shutdown",
  ]);
});

processTest(
  "stop() has the supervisor exit with the reason given",
  async () => {
    trapExit(true);
    for (const reason of ["shutdown", { type: "shutdown", reason: "done" }]) {
      const sup = await Supervisor.startLink([], ONE);
      assertEquals(await Supervisor.stop(sup, reason), "ok");
      assertEquals(await exitOf(sup), reason);
    }
  },
);

processTest("stop() waits for a child that takes its time", async () => {
  const test = self();
  const sup = await Supervisor.startLink([{
    id: "a",
    start: () =>
      spawnLink(async () => {
        trapExit(true);
        send(test, "up");
        await receive();
        send(test, "told");
        await receive((message) => message === "go on");
      }),
  }], ONE);
  const [{ pid }] = await Supervisor.whichChildren(sup);
  assertEquals(await told(1), ["up"]);
  const stopped = Supervisor.stop(sup);
  assertEquals(await told(1), ["told"]);
  assert(alive(sup));
  send(pid as Pid, "go on");
  await stopped;
  assertFalse(alive(pid as Pid));
});

processTest(
  "stop() kills a child that takes longer than its shutdown",
  async () => {
    const sup = await Supervisor.startLink([
      probe("a", { stubborn: true, shutdown: 5 }),
      probe("b", { stubborn: true, shutdown: "brutal_kill" }),
    ], ONE);
    assertEquals(await told(2), ["up:a", "up:b"]);
    const down = [ended(whereis("a")!), ended(whereis("b")!)];
    await Supervisor.stop(sup);
    assertEquals(await Promise.all(down), ["killed", "killed"]);
  },
);

processTest("stop() ends a child that has unlinked itself", async () => {
  const sup = await Supervisor.startLink([{
    id: "naughty",
    start: () => {
      const pid = linked();
      unlink(pid);
      return pid;
    },
  }], ONE);
  const [{ pid }] = await Supervisor.whichChildren(sup);
  await Supervisor.stop(sup);
  assertFalse(alive(pid as Pid));
});

processTest(
  "stop() gives up at its timeout, and stopping goes on",
  async () => {
    const sup = await Supervisor.startLink([
      probe("a", { stubborn: true, shutdown: "infinity" }),
    ], ONE);
    await told(1);
    assertEquals(await failure(Supervisor.stop(sup, "normal", 5)), {
      type: "call",
      reason: "timeout",
      call: ["GenServer", "stop", [sup, "normal", 5]],
    });
    assert(alive(sup));
    const down = ended(sup);
    exit(whereis("a")!, "kill");
    assertEquals(await down, "normal");
  },
);

processTest("stop() exits when it cannot stop what is asked", async () => {
  const reasonOf = async (promise: Promise<unknown>) =>
    (await failure(promise) as { reason: unknown }).reason;
  assertEquals(await reasonOf(Supervisor.stop("nobody")), "noproc");
  assertEquals(await reasonOf(Supervisor.stop(self())), "calling_self");
  // As in OTP, these are the failures of the call that asks.
  const far = { name: "sup", node: "moebi@localhost" };
  assertEquals(await reasonOf(Supervisor.stop(far)), {
    type: "call",
    reason: { type: "nodedown", node: "moebi@localhost" },
    call: ["sys", "terminate", [far, "normal", "infinity"]],
  });
  const other = idle();
  const stop = reasonOf(Supervisor.stop(other));
  exit(other, "oops");
  assertEquals(await stop, {
    type: "call",
    reason: "oops",
    call: ["sys", "terminate", [other, "normal", "infinity"]],
  });
});

// Exit signals

processTest(
  "a supervisor exits with its parent, after its children",
  async () => {
    const test = self();
    const children = [probe("a", { trap: true })];
    for (const [signal, reason] of [["oops", "oops"], ["kill", "killed"]]) {
      const parent = spawn(async () => {
        send(test, await Supervisor.startLink(children, ONE));
        await receive();
      });
      const down = ended(await receive<Pid>((m) => m instanceof Pid));
      exit(parent, signal);
      assertEquals(await down, reason);
      assertEquals(await told(2), ["up:a", "down:a:shutdown"]);
    }
  },
);

processTest("a supervisor exits when its parent exits normally", async () => {
  const test = self();
  spawn(async () => send(test, await Supervisor.startLink([], ONE)));
  assertEquals(await ended(await receive()), "normal");
});

processTest(
  "a supervisor takes no notice of other exits and messages",
  async () => {
    const sup = await Supervisor.startLink([probe("a")], ONE);
    const stranger = spawn(() => {
      exit(sup, "oops");
      send(sup, "hi");
      send(sup, { type: "$call" });
      send(sup, { type: "$stop" });
      GenServer.cast(sup, null);
    });
    await ended(stranger);
    assertEquals((await Supervisor.countChildren(sup)).active, 1);
    assertEquals(await told(1), ["up:a"]);
    await Supervisor.stop(sup);
  },
);
