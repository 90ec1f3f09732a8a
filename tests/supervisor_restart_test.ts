import { assert, assertEquals, assertFalse } from "@std/assert";
import fc from "fast-check";
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
  whereis,
} from "../process.ts";
import { RestartIntensity } from "../servers/supervisor/restart_intensity.ts";
import {
  type ChildSpec,
  type Strategy,
  Supervisor,
  type SupervisorOptions,
} from "../supervisor.ts";
import { test } from "../testing/tags.ts";
import { ended, mail, processTest } from "./_processes.ts";
import { exitOf, logged, probe, told } from "./_supervision.ts";

const ONE: SupervisorOptions = { strategy: "one_for_one" };

/** Ends a child's process with a reason, and waits until its supervisor has seen to it. */
async function end(sup: Pid, id: string, reason: unknown): Promise<void> {
  const { pid } = (await Supervisor.whichChildren(sup))
    .find((child) => child.id === id)!;
  const down = ended(pid as Pid);
  send(pid as Pid, { exit: reason });
  await down;
  await Supervisor.countChildren(sup);
}

/** A child that exits as it is told, and tells the caller that it has started. */
function obedient(id: string, options: Partial<ChildSpec> = {}): ChildSpec {
  const observer = self();
  const start = () => {
    send(observer, `up:${id}`);
    return spawnLink(async () => {
      const { exit: reason } = await receive();
      exit(reason);
    });
  };
  return { id, start, ...options };
}

// Restart types

for (
  const [restart, restarted] of [
    ["permanent", ["normal", "shutdown", { type: "shutdown", reason: 1 }]],
    ["transient", []],
    ["temporary", []],
  ] as const
) {
  processTest(
    `a ${restart} child that ends in order is${
      restarted.length > 0 ? "" : " not"
    } started again`,
    async () => {
      for (
        const reason of ["normal", "shutdown", { type: "shutdown", reason: 1 }]
      ) {
        const sup = await Supervisor.startLink(
          [obedient("a", { restart })],
          ONE,
        );
        await end(sup, "a", reason);
        const count = restarted.length > 0 ? 2 : 1;
        assertEquals(await mail(), Array(count).fill("up:a"));
        // Only a temporary one is forgotten.
        const { specs } = await Supervisor.countChildren(sup);
        assertEquals(specs, restart === "temporary" ? 0 : 1);
        await Supervisor.stop(sup);
      }
    },
  );
}

processTest(
  "a transient child that ends otherwise is started again",
  async () => {
    const sup = await Supervisor.startLink([
      probe("a", { restart: "transient" }),
    ], ONE);
    exit(whereis("a")!, "oops");
    assertEquals(await told(2), ["up:a", "up:a"]);
    await Supervisor.stop(sup);
  },
);

processTest(
  "a temporary child that ends otherwise is not started again",
  async () => {
    const sup = await Supervisor.startLink([
      probe("a", { restart: "temporary" }),
    ], ONE);
    exit(whereis("a")!, "oops");
    assertEquals(await Supervisor.whichChildren(sup), []);
    assertEquals(await told(1), ["up:a"]);
    await Supervisor.stop(sup);
  },
);

processTest(
  "a child that is started again has a new pid, and the others keep theirs",
  async () => {
    const sup = await Supervisor.startLink([probe("a"), probe("b")], ONE);
    const [b, a] = await Supervisor.whichChildren(sup);
    exit(a.pid as Pid, "oops");
    const [b2, a2] = await Supervisor.whichChildren(sup);
    assert((b.pid as Pid).equals(b2.pid));
    assertFalse((a.pid as Pid).equals(a2.pid));
    assert(whereis("a")!.equals(a2.pid));
    await told(3);
    await Supervisor.stop(sup);
  },
);

// Intensity

test("RestartIntensity reads the clock in whole seconds, as OTP does", () => {
  for (
    const [first, second, allowed] of [
      [0, 1999, false],
      [0, 2000, true],
      [999, 2000, true],
      [1000, 2000, false],
      [999, 1000, false],
      [1999.9, 3000.1, true],
    ] as const
  ) {
    const intensity = new RestartIntensity(1, 1);
    assert(intensity.add(first));
    assertEquals(intensity.add(second), allowed, `${first}, then ${second}`);
  }
});

test("RestartIntensity allows as many restarts as OTP's rule, at any times", () => {
  fc.assert(fc.property(
    fc.integer({ min: 0, max: 4 }),
    fc.integer({ min: 1, max: 4 }),
    fc.array(fc.double({ min: 0, max: 2500, noNaN: true }), { maxLength: 40 }),
    (maxRestarts, maxSeconds, gaps) => {
      const intensity = new RestartIntensity(maxRestarts, maxSeconds);
      const seconds: number[] = [];
      let now = 0;
      for (const gap of gaps) {
        now += gap;
        seconds.push(Math.floor(now / 1000));
        // OTP: Now =< Then + Period, of each restart so far.
        const counted = seconds.filter((then) =>
          seconds.at(-1)! <= then + maxSeconds
        );
        assertEquals(intensity.add(now), counted.length <= maxRestarts);
      }
    },
  ));
});

processTest(
  "a supervisor exits with shutdown after too many restarts",
  async () => {
    trapExit(true);
    const sup = await Supervisor.startLink([
      probe("other", { trap: true }),
      probe("a"),
    ], ONE);
    for (let i = 0; i < 4; i++) {
      assert(alive(sup));
      exit(whereis("a")!, "oops");
      if (i < 3) await Supervisor.countChildren(sup);
    }
    assertEquals(await exitOf(sup), "shutdown");
    assertEquals(await told(6), [
      "up:other",
      ...Array(4).fill("up:a"),
      "down:other:shutdown",
    ]);
  },
);

processTest("a supervisor with maxRestarts 0 restarts nothing", async () => {
  trapExit(true);
  const options = { ...ONE, maxRestarts: 0 };
  const sup = await Supervisor.startLink([probe("a")], options);
  exit(whereis("a")!, "oops");
  assertEquals(await exitOf(sup), "shutdown");
  assertEquals(await told(1), ["up:a"]);
});

processTest(
  "a child that does not start again is tried again, and each try counts",
  async () => {
    trapExit(true);
    const child = obedient("a");
    const start = child.start as () => Pid;
    let starts = 0;
    const sup = await Supervisor.startLink([{
      ...child,
      start: () => {
        const pid = start();
        if (starts++ > 0) exit(`no ${starts}`);
        return pid;
      },
    }], ONE);
    const [{ pid }] = await Supervisor.whichChildren(sup);
    send(pid as Pid, { exit: "shutdown" });
    assertEquals(await exitOf(sup), "shutdown");
    assertEquals(await told(4), Array(4).fill("up:a"));
  },
);

processTest("a child that is tried again starts when it can", async () => {
  let starts = 0;
  const child = obedient("a");
  const start = child.start as () => Pid;
  const sup = await Supervisor.startLink([{
    ...child,
    start: () => [1, 2].includes(starts++) ? exit("not yet") : start(),
  }], ONE);
  await end(sup, "a", "normal");
  assertEquals(await told(2), ["up:a", "up:a"]);
  assertEquals((await Supervisor.countChildren(sup)).active, 1);
  await Supervisor.stop(sup);
});

processTest("a request is served before a child is tried again", async () => {
  const observer = self();
  let starts = 0;
  const sup = await Supervisor.startLink([{
    id: "a",
    start: async () => {
      if (starts++ === 0) {
        return spawnLink(async () => exit((await receive()).exit));
      }
      send(observer, { trying: starts });
      await receive((message) => message === "fail");
      exit("not yet");
    },
  }], ONE);
  const [{ pid }] = await Supervisor.whichChildren(sup);
  send(pid as Pid, { exit: "normal" });
  assertEquals(await receive(), { trying: 2 });
  const children = Supervisor.whichChildren(sup);
  const deleted = Supervisor.deleteChild(sup, "a");
  const restarted = Supervisor.restartChild(sup, "a").catch((e) => e.reason);
  const terminated = Supervisor.terminateChild(sup, "a");
  send(sup, "fail");
  assertEquals(await children, [
    { id: "a", pid: "restarting", type: "worker" },
  ]);
  assertEquals(await deleted, "restarting");
  assertEquals(await restarted, "restarting");
  assertEquals(await terminated, "ok");
  assertEquals(await Supervisor.whichChildren(sup), [
    { id: "a", pid: undefined, type: "worker" },
  ]);
  assertEquals(starts, 2, "it is not tried again");
  await Supervisor.stop(sup);
});

// Strategies

async function restartOf(
  strategy: Strategy,
  ended: string,
): Promise<{ told: string[]; left: string[] }> {
  const children = ["a", "b", "t", "c"].map((id) =>
    probe(id, { trap: true, restart: id === "t" ? "temporary" : "permanent" })
  );
  const sup = await Supervisor.startLink(children, { strategy });
  await told(4);
  exit(whereis(ended)!, "kill");
  const left = await Supervisor.whichChildren(sup);
  const texts = await mail() as string[];
  await Supervisor.stop(sup);
  await mail();
  return { told: texts, left: left.map(({ id }) => id) };
}

processTest("one_for_one starts the one that ended", async () => {
  assertEquals(await restartOf("one_for_one", "b"), {
    told: ["up:b"],
    left: ["c", "t", "b", "a"],
  });
});

processTest("one_for_all ends and starts all but temporary ones", async () => {
  assertEquals(await restartOf("one_for_all", "b"), {
    told: [
      "down:c:shutdown",
      "down:t:shutdown",
      "down:a:shutdown",
      "up:a",
      "up:b",
      "up:c",
    ],
    left: ["c", "b", "a"],
  });
});

processTest(
  "rest_for_one ends and starts those that were started after it",
  async () => {
    assertEquals(await restartOf("rest_for_one", "b"), {
      told: ["down:c:shutdown", "down:t:shutdown", "up:b", "up:c"],
      left: ["c", "b", "a"],
    });
  },
);

processTest("a temporary child that ends takes none with it", async () => {
  assertEquals(await restartOf("one_for_all", "t"), {
    told: [],
    left: ["c", "b", "a"],
  });
});

processTest(
  "one_for_all starts all when one of the others is tried again",
  async () => {
    let starts = 0;
    const b = probe("b", { trap: true });
    const start = b.start;
    const sup = await Supervisor.startLink([
      probe("a", { trap: true }),
      { ...b, start: () => starts++ === 1 ? exit("not yet") : start() },
      probe("c", { trap: true }),
    ], { strategy: "one_for_all" });
    await told(3);
    exit(whereis("a")!, "kill");
    assertEquals(await told(7), [
      "down:c:shutdown",
      "down:b:shutdown",
      "up:a",
      "down:a:shutdown",
      "up:a",
      "up:b",
      "up:c",
    ]);
    await Supervisor.stop(sup);
    await mail();
  },
);

processTest(
  "a child that ignores its restart stays without a pid",
  async () => {
    let starts = 0;
    const child = obedient("a");
    const start = child.start as () => Pid;
    const sup = await Supervisor.startLink([{
      ...child,
      start: () => starts++ === 0 ? start() : "ignore",
    }], { ...ONE, maxRestarts: 1 });
    await end(sup, "a", "oops");
    assertEquals(await Supervisor.whichChildren(sup), [
      { id: "a", pid: undefined, type: "worker" },
    ]);
    assertEquals(await told(1), ["up:a"]);
    await Supervisor.stop(sup);
  },
);

// Significant children

const DONE = { restart: "transient", significant: true } as const;

processTest(
  "any_significant ends the supervisor with the first that is done",
  async () => {
    trapExit(true);
    for (const reason of ["normal", { type: "shutdown", reason: 1 }]) {
      const sup = await Supervisor.startLink([
        probe("a", { trap: true }),
        obedient("b", DONE),
        probe("c", { trap: true, ...DONE }),
      ], { ...ONE, autoShutdown: "any_significant" });
      const [, b] = await Supervisor.whichChildren(sup);
      send(b.pid as Pid, { exit: reason });
      assertEquals(await exitOf(sup), "shutdown");
      assertEquals((await told(5)).slice(3), [
        "down:c:shutdown",
        "down:a:shutdown",
      ]);
    }
  },
);

processTest(
  "any_significant goes on when one is restarted, terminated or not significant",
  async () => {
    const sup = await Supervisor.startLink([
      obedient("a", DONE),
      obedient("b", { restart: "transient" }),
    ], { ...ONE, autoShutdown: "any_significant" });
    await end(sup, "a", "oops");
    await end(sup, "b", "normal");
    assertEquals(await Supervisor.terminateChild(sup, "a"), "ok");
    assertEquals((await Supervisor.countChildren(sup)).active, 0);
    await Supervisor.stop(sup);
    await told(3);
  },
);

processTest("any_significant takes a temporary child's crash", async () => {
  trapExit(true);
  const sup = await Supervisor.startLink([
    obedient("a", { restart: "temporary", significant: true }),
  ], { ...ONE, autoShutdown: "any_significant" });
  const [a] = await Supervisor.whichChildren(sup);
  send(a.pid as Pid, { exit: "oops" });
  assertEquals(await exitOf(sup), "shutdown");
  await told(1);
});

processTest(
  "all_significant ends the supervisor with the last that is done",
  async () => {
    trapExit(true);
    const sup = await Supervisor.startLink([
      obedient("a", DONE),
      probe("other"),
      obedient("b", { restart: "temporary", significant: true }),
      { id: "never ran", start: () => "ignore", ...DONE },
    ], { ...ONE, autoShutdown: "all_significant" });
    const [, b] = await Supervisor.whichChildren(sup);
    await end(sup, "a", "normal");
    send(b.pid as Pid, { exit: "oops" });
    assertEquals(await exitOf(sup), "shutdown");
    await told(3);
  },
);

processTest(
  "all_significant waits for one that is being tried again",
  async () => {
    trapExit(true);
    const observer = self();
    let starts = 0;
    const child = obedient("a", DONE);
    const start = child.start as () => Pid;
    const sup = await Supervisor.startLink([
      {
        ...child,
        start: async () => {
          if (starts++ !== 1) return start();
          send(observer, "trying");
          await receive((message) => message === "fail");
          return exit("not yet");
        },
      },
      obedient("b", DONE),
    ], { ...ONE, autoShutdown: "all_significant" });
    const [b, a] = await Supervisor.whichChildren(sup);
    send(a.pid as Pid, { exit: "oops" });
    assertEquals(await told(3), ["up:a", "up:b", "trying"]);
    const down = ended(b.pid as Pid);
    send(b.pid as Pid, { exit: "normal" });
    await down;
    send(sup, "fail");
    assertEquals(await told(1), ["up:a"]);
    assert(alive(sup));
    const [, next] = await Supervisor.whichChildren(sup);
    send(next.pid as Pid, { exit: "normal" });
    assertEquals(await exitOf(sup), "shutdown");
  },
);

processTest("significant supervisors end theirs, up the tree", async () => {
  trapExit(true);
  const work = obedient("work", DONE);
  const inner = (id: string, children: ChildSpec[]): ChildSpec => ({
    id,
    type: "supervisor",
    ...DONE,
    start: () =>
      Supervisor.startLink(children, {
        ...ONE,
        name: id,
        autoShutdown: "any_significant",
      }),
  });
  const top = await Supervisor.startLink(
    [inner("one", [inner("two", [work])])],
    {
      ...ONE,
      autoShutdown: "all_significant",
    },
  );
  const [{ pid }] = await Supervisor.whichChildren("two");
  send(pid as Pid, { exit: "normal" });
  assertEquals(await exitOf(top), "shutdown");
  assertEquals(await told(1), ["up:work"]);
});

// Trees, and the log

processTest(
  "a supervisor that gives up is started again by its own",
  async () => {
    const child = probe("a");
    const sup = await Supervisor.startLink([{
      id: "inner",
      type: "supervisor",
      start: () => Supervisor.startLink([child], { ...ONE, maxRestarts: 0 }),
    }], ONE);
    exit(whereis("a")!, "oops");
    assertEquals(await told(2), ["up:a", "up:a"]);
    await Supervisor.stop(sup);
    assertEquals(whereis("a"), undefined);
  },
);

processTest("killing a supervisor kills its children", async () => {
  trapExit(true);
  const sup = await Supervisor.startLink([probe("a")], ONE);
  const down = ended(whereis("a")!);
  exit(sup, "kill");
  assertEquals(await down, "killed");
  assertEquals(await exitOf(sup), "killed");
  await told(1);
});

processTest("a supervisor tells the log of what it cannot mend", async () => {
  trapExit(true);
  logged();
  let starts = 0;
  const sup = await Supervisor.startLink([
    probe("slow", { stubborn: true, shutdown: 1 }),
    {
      id: "bad",
      start: () => starts++ === 0 ? spawnLink(() => receive()) : exit("in use"),
    },
  ], { ...ONE, name: "sup", maxRestarts: 1 });
  const [{ pid }] = await Supervisor.whichChildren(sup);
  send(pid as Pid, "end");
  await exitOf(sup);
  const lines = logged().map((text) => text.split("\n    ").slice(0, 2));
  assertEquals(lines, [
    [`info: Child "bad" of Supervisor sup terminated`, "** (exit) normal"],
    [
      `error: Child "bad" of Supervisor sup failed to start`,
      "** (exit) in use",
    ],
    [
      `error: Child "bad" of Supervisor sup has to be restarted too often: shutting down`,
      "** (exit) reached_max_restart_intensity",
    ],
    [
      `warning: Child "slow" of Supervisor sup did not shut down as told`,
      "** (exit) killed",
    ],
  ]);
  await told(1);
});

processTest(
  "a child that is not linked to its supervisor is not watched",
  async () => {
    const sup = await Supervisor.startLink([{
      id: "a",
      start: () => spawn(() => receive(() => false)),
    }], ONE);
    const [{ pid }] = await Supervisor.whichChildren(sup);
    exit(pid as Pid, "oops");
    const [child] = await Supervisor.whichChildren(sup);
    assert((pid as Pid).equals(child.pid));
    await Supervisor.stop(sup);
  },
);
