import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  DynamicSupervisor,
  type DynamicSupervisorOptions,
} from "../dynamic_supervisor.ts";
import { ExitError } from "../errors.ts";
import { GenServer } from "../gen_server.ts";
import { Node } from "../node.ts";
import {
  alive,
  exit,
  type Pid,
  receive,
  self,
  send,
  spawn,
  spawnLink,
  trapExit,
  unlink,
  whereis,
} from "../process.ts";
import { Registry } from "../registry.ts";
import {
  type ChildDefinition,
  type ChildSpec,
  Supervisor,
} from "../supervisor.ts";
import { freePort } from "../testing/_ports.ts";
import { test } from "../testing/tags.ts";
import { ended, mail, processTest } from "./_processes.ts";
import { exitOf, logged, probe, told } from "./_supervision.ts";

const WORKER = { id: "worker", start: linked };

function linked(): Pid {
  return spawnLink(() => receive(() => false));
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return (await assertRejects(() => promise, ExitError)).reason;
}

/** Waits until a supervisor has seen to what has come before. */
async function settled(sup: Pid): Promise<void> {
  await DynamicSupervisor.countChildren(sup);
}

// startLink(), childSpec()

processTest("startLink() refuses limits that are out of bounds", async () => {
  const invalid: [DynamicSupervisorOptions, RegExp][] = [
    [{ maxChildren: -1 }, /maxChildren is -1; give an integer/],
    [{ maxChildren: 1.5 }, /maxChildren is 1.5/],
    [{ maxChildren: "1" as never }, /maxChildren is "1"/],
    [{ maxRestarts: Infinity }, /maxRestarts is Infinity/],
    [{ maxSeconds: 0 }, /DynamicSupervisor: maxSeconds is 0/],
    [{ maxSeconds: 1.5 }, /DynamicSupervisor: maxSeconds is 1.5/],
  ];
  for (const [options, text] of invalid) {
    const error = await assertRejects(
      () => DynamicSupervisor.startLink(options),
      typeof Object.values(options)[0] === "number" ? RangeError : TypeError,
    );
    assertMatch(error.message, text);
  }
});

processTest("a DynamicSupervisor is a child of a supervisor", async () => {
  const sup = await Supervisor.startLink([
    [DynamicSupervisor, { name: "rooms" }],
    DynamicSupervisor,
  ], { strategy: "one_for_one" });
  const [unnamed, named] = await Supervisor.whichChildren(sup);
  assertEquals([named.id, named.type], ["rooms", "supervisor"]);
  assertEquals([unnamed.id, unnamed.type], ["DynamicSupervisor", "supervisor"]);
  const pid = await DynamicSupervisor.startChild("rooms", WORKER);
  const down = ended(pid);
  await Supervisor.stop(sup);
  assertEquals(await down, "shutdown");
});

// startChild()

processTest("startChild() starts several children of one id", async () => {
  const sup = await DynamicSupervisor.startLink();
  const first = await DynamicSupervisor.startChild(sup, WORKER);
  const second = await DynamicSupervisor.startChild(sup, {
    ...WORKER,
    type: "supervisor",
  });
  assertEquals(await DynamicSupervisor.whichChildren(sup), [
    { pid: first, type: "worker" },
    { pid: second, type: "supervisor" },
  ]);
  assertEquals(await DynamicSupervisor.countChildren(sup), {
    specs: 2,
    active: 2,
    supervisors: 1,
    workers: 1,
  });
  await DynamicSupervisor.stop(sup);
});

processTest(
  "startChild() exits with max_children when it is full",
  async () => {
    const sup = await DynamicSupervisor.startLink({ maxChildren: 1 });
    const pid = await DynamicSupervisor.startChild(sup, WORKER);
    const another = () => DynamicSupervisor.startChild(sup, WORKER);
    assertEquals(await failure(another()), "max_children");
    await DynamicSupervisor.terminateChild(sup, pid);
    assert(alive(await another()));
    await DynamicSupervisor.stop(sup);
  },
);

processTest("startChild() gives ignore, and keeps nothing", async () => {
  const sup = await DynamicSupervisor.startLink({ maxChildren: 1 });
  const child = { id: "a", start: () => "ignore" as const };
  assertEquals(await DynamicSupervisor.startChild(sup, child), "ignore");
  assertEquals(await DynamicSupervisor.startChild(sup, child), "ignore");
  assertEquals(await DynamicSupervisor.whichChildren(sup), []);
  await DynamicSupervisor.stop(sup);
});

processTest(
  "startChild() exits with the reason when the child does not start",
  async () => {
    const sup = await DynamicSupervisor.startLink();
    const start = () => exit("nope");
    assertEquals(
      await failure(DynamicSupervisor.startChild(sup, { id: "a", start })),
      "nope",
    );
    const odd = { id: "a", start: () => 1 as never };
    const reason = await failure(DynamicSupervisor.startChild(sup, odd));
    assertMatch(String(reason), /its start gave 1, which is not a pid/);
    await assertRejects(
      () => DynamicSupervisor.startChild(sup, { id: "a" } as ChildDefinition),
      TypeError,
      "its start is undefined",
    );
    assertEquals((await DynamicSupervisor.countChildren(sup)).specs, 0);
    await DynamicSupervisor.stop(sup);
  },
);

processTest(
  "startChild() and what is asked after it come in their order",
  async () => {
    const sup = await DynamicSupervisor.startLink();
    const [, { active }] = await Promise.all([
      DynamicSupervisor.startChild(sup, WORKER),
      DynamicSupervisor.countChildren(sup),
    ]);
    assertEquals(active, 1);
    await DynamicSupervisor.stop(sup);
  },
);

processTest("startChild() exits with noproc when nobody is there", async () => {
  assertEquals(await failure(DynamicSupervisor.startChild("nobody", WORKER)), {
    type: "call",
    reason: "noproc",
    call: ["DynamicSupervisor", "startChild", ["nobody", "worker"]],
  });
});

// Restarts

for (
  const [restart, reason, restarted] of [
    ["permanent", "normal", true],
    ["permanent", "oops", true],
    ["transient", "normal", false],
    ["transient", { type: "shutdown", reason: 1 }, false],
    ["transient", "oops", true],
    ["temporary", "oops", false],
  ] as const
) {
  const end = typeof reason === "string" ? reason : "a shutdown";
  processTest(
    `a ${restart} dynamic child that ends with ${end} is${
      restarted ? "" : " not"
    } started again`,
    async () => {
      const sup = await DynamicSupervisor.startLink();
      const pid = await DynamicSupervisor.startChild(sup, {
        id: "a",
        restart,
        start: () => spawnLink(async () => exit(await receive())),
      });
      const down = ended(pid);
      send(pid, reason);
      await down;
      const children = await DynamicSupervisor.whichChildren(sup);
      assertEquals(children.length, restarted ? 1 : 0);
      for (const child of children) assert(!pid.equals(child.pid));
      await DynamicSupervisor.stop(sup);
    },
  );
}

processTest(
  "a DynamicSupervisor exits with shutdown after too many restarts",
  async () => {
    trapExit(true);
    const sup = await DynamicSupervisor.startLink({ maxRestarts: 1 });
    await DynamicSupervisor.startChild(sup, probe("other", { trap: true }));
    await DynamicSupervisor.startChild(sup, probe("a"));
    exit(whereis("a")!, "oops");
    await settled(sup);
    exit(whereis("a")!, "oops");
    assertEquals(await exitOf(sup), "shutdown");
    assertEquals(await told(4), [
      "up:other",
      "up:a",
      "up:a",
      "down:other:shutdown",
    ]);
  },
);

processTest(
  "a dynamic child that does not start again is tried until it does",
  async () => {
    logged();
    let starts = 0;
    const sup = await DynamicSupervisor.startLink({ name: "sup" });
    const pid = await DynamicSupervisor.startChild(sup, {
      id: "a",
      start: () => [1, 2].includes(starts++) ? exit("not yet") : linked(),
    });
    exit(pid, "oops");
    await settled(sup);
    await settled(sup);
    await settled(sup);
    const [child] = await DynamicSupervisor.whichChildren(sup);
    assert(alive(child.pid as Pid));
    assertEquals(starts, 4);
    assertEquals(
      logged().map((text) => text.replace(/\n[^]*/, "")),
      [
        `info: Child ${pid} of Supervisor sup terminated`,
        `error: Child ${pid} of Supervisor sup failed to start`,
        `error: Child ${pid} of Supervisor sup failed to start`,
      ],
    );
    await DynamicSupervisor.stop(sup);
  },
);

processTest(
  "a dynamic child that is tried again counts, and can be terminated by its pid",
  async () => {
    const observer = self();
    let starts = 0;
    const sup = await DynamicSupervisor.startLink({ maxChildren: 1 });
    const pid = await DynamicSupervisor.startChild(sup, {
      id: "a",
      start: async () => {
        if (starts++ === 0) return linked();
        send(observer, "trying");
        await receive((message) => message === "fail");
        return exit("not yet");
      },
    });
    exit(pid, "oops");
    assertEquals(await receive(), "trying");
    const children = DynamicSupervisor.whichChildren(sup);
    const counts = DynamicSupervisor.countChildren(sup);
    const another = failure(DynamicSupervisor.startChild(sup, WORKER));
    const terminated = DynamicSupervisor.terminateChild(sup, pid);
    send(sup, "fail");
    assertEquals(await children, [{ pid: "restarting", type: "worker" }]);
    assertEquals(await counts, {
      specs: 1,
      active: 0,
      supervisors: 0,
      workers: 1,
    });
    assertEquals(await another, "max_children");
    assertEquals(await terminated, "ok");
    assertEquals(await DynamicSupervisor.whichChildren(sup), []);
    assertEquals(starts, 2, "it is not tried again");
    await DynamicSupervisor.stop(sup);
  },
);

processTest(
  "a dynamic child that ignores its restart is forgotten",
  async () => {
    let starts = 0;
    const sup = await DynamicSupervisor.startLink();
    const pid = await DynamicSupervisor.startChild(sup, {
      id: "a",
      start: () => starts++ === 0 ? linked() : "ignore",
    });
    assert(pid !== "ignore");
    exit(pid, "oops");
    assertEquals(await DynamicSupervisor.whichChildren(sup), []);
    await DynamicSupervisor.stop(sup);
  },
);

// terminateChild(), stop()

processTest("terminateChild() ends a child for good", async () => {
  const sup = await DynamicSupervisor.startLink();
  const pid = await DynamicSupervisor.startChild(
    sup,
    probe("a", { trap: true }),
  );
  assertEquals(await DynamicSupervisor.terminateChild(sup, pid), "ok");
  assertEquals(await told(2), ["up:a", "down:a:shutdown"]);
  assertEquals(await DynamicSupervisor.terminateChild(sup, pid), "not_found");
  await assertRejects(
    () => DynamicSupervisor.terminateChild(sup, "a" as unknown as Pid),
    TypeError,
    'Cannot terminate the child "a": give a pid',
  );
  await DynamicSupervisor.stop(sup);
  assertEquals(await mail(), []);
});

processTest("stop() ends all children at once", async () => {
  const observer = self();
  // None ends before both have been told: one after the other, they would never end.
  const start = () =>
    spawnLink(async () => {
      trapExit(true);
      await receive();
      send(observer, "told");
      await receive((message) => message === "go on");
    });
  const sup = await DynamicSupervisor.startLink();
  const child = { id: "a", start, shutdown: "infinity" } as const;
  const pids = [
    await DynamicSupervisor.startChild(sup, child),
    await DynamicSupervisor.startChild(sup, child),
  ];
  const stopped = DynamicSupervisor.stop(sup);
  assertEquals(await told(2), ["told", "told"]);
  assert(alive(sup));
  for (const pid of pids) send(pid, "go on");
  assertEquals(await stopped, "ok");
});

processTest("stop() kills the children that take too long", async () => {
  const sup = await DynamicSupervisor.startLink();
  const downs = [];
  for (
    const child of [
      probe("a", { stubborn: true, shutdown: 1 }),
      probe("b", { trap: true, shutdown: "brutal_kill" }),
    ]
  ) downs.push(ended(await DynamicSupervisor.startChild(sup, child)));
  assertEquals(await told(2), ["up:a", "up:b"]);
  assertEquals(await DynamicSupervisor.stop(sup), "ok");
  assertEquals(await Promise.all(downs), ["killed", "killed"]);
});

processTest("a DynamicSupervisor exits with its parent", async () => {
  const observer = self();
  const parent = spawn(async () => {
    send(observer, await DynamicSupervisor.startLink());
    await receive();
  });
  const sup = await receive();
  const child = await DynamicSupervisor.startChild(sup, WORKER);
  const downs = [ended(sup), ended(child)];
  exit(parent, "oops");
  assertEquals(await Promise.all(downs), ["oops", "shutdown"]);
});

processTest(
  "a DynamicSupervisor logs messages that it does not expect",
  async () => {
    logged();
    const sup = await DynamicSupervisor.startLink({ name: "sup" });
    const stranger = spawn(() => {
      send(sup, "hi");
      GenServer.cast(sup, "hi");
      exit(sup, "oops");
    });
    await ended(stranger);
    await settled(sup);
    assertEquals(logged().length, 1);
    await DynamicSupervisor.stop(sup);
  },
);

// Other nodes

const Worker = {
  start(name: string): Pid {
    return spawnLink(() => Worker.wait(name));
  },
  wait(name: string): Promise<unknown> {
    return receive((message) => message === name);
  },
};

test("a DynamicSupervisor of another node starts and ends children there", async () => {
  const options = {
    cookie: "secret",
    epmdPort: freePort(),
    modules: { Worker },
    log() {},
  };
  await using kate = await Node.start({ ...options, name: "kate@localhost" });
  await using alex = await Node.start({ ...options, name: "alex@localhost" });
  await kate.run(async () => {
    unlink(await DynamicSupervisor.startLink({ name: "rooms" }));
  });
  const rooms = { name: "rooms", node: "kate@localhost" };
  await alex.run(async () => {
    const pid = await DynamicSupervisor.startChild(rooms, {
      id: "room",
      start: ["Worker", "start", ["done"]],
      restart: "transient",
    });
    assert(pid !== "ignore");
    assertEquals(pid.node, "kate@localhost");
    const down = ended(pid);
    exit(pid, "oops");
    assertEquals(await down, "oops");
    const [{ pid: next }] = await DynamicSupervisor.whichChildren(rooms);
    assert(!pid.equals(next));
    assertEquals(
      await DynamicSupervisor.terminateChild(rooms, next as Pid),
      "ok",
    );
    await assertRejects(
      () => DynamicSupervisor.startChild(rooms, WORKER),
      TypeError,
      "functions do not travel",
    );

    // A child may be on another node than its supervisor.
    const sup = await DynamicSupervisor.startLink();
    const far = await DynamicSupervisor.startChild(sup, {
      id: "far",
      start: () =>
        Node.spawnLink("kate@localhost", ["Worker", "wait"], ["done"]),
      restart: "temporary",
    });
    assertEquals((await DynamicSupervisor.countChildren(sup)).active, 1);
    assertEquals(await DynamicSupervisor.terminateChild(sup, far), "ok");
    await DynamicSupervisor.stop(sup);
  });
});

// Names that a registry keeps

processTest("a DynamicSupervisor has a name in a registry", async () => {
  await Registry.startLink({ keys: "unique", name: "names" });
  const name = { via: Registry, name: ["names", "rooms"] };
  const sup = await Supervisor.startLink([[DynamicSupervisor, { name }]], {
    strategy: "one_for_one",
  });
  const pid = await DynamicSupervisor.startChild(name, WORKER);
  assertEquals(await DynamicSupervisor.terminateChild(name, pid), "ok");
  assertEquals((await DynamicSupervisor.countChildren(name)).specs, 0);
  await Supervisor.stop(sup);
  await Supervisor.stop("names");
});

// Types

/** Never called: it is the compiler that tests. */
export async function types(sup: Pid, spec: ChildSpec): Promise<void> {
  const known: Pid = await DynamicSupervisor.startChild(sup, WORKER);
  const options = { name: "rooms" };
  const made: Pid = await Supervisor.startChild(sup, [
    DynamicSupervisor,
    options,
  ]);
  const maybe: Pid | undefined = await Supervisor.startChild(sup, spec);
  // @ts-expect-error: its start may give "ignore"
  const pid: Pid = await Supervisor.startChild(sup, spec);
  // @ts-expect-error: it may here as well
  const ignored: Pid = await DynamicSupervisor.startChild(sup, spec);
  // @ts-expect-error: no start gives a number
  await DynamicSupervisor.startChild(sup, { id: "a", start: () => 1 });
  // @ts-expect-error: no such strategy
  await Supervisor.startLink([], { strategy: "simple_one_for_one" });
  send(sup, [known, made, maybe, pid, ignored]);
}
