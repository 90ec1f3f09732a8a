import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { ExitError, ProcessExited } from "../errors.ts";
import * as IO from "../io.ts";
import {
  alias,
  alive,
  demonitor,
  exit,
  flush,
  groupLeader,
  link,
  makeRef,
  monitor,
  receive,
  register,
  reply,
  self,
  send,
  signal,
  sleep,
  spawn,
  spawnLink,
  spawnMonitor,
  trapExit,
  unalias,
  unlink,
  unregister,
  whereis,
} from "../process.ts";
import { test } from "../testing/tags.ts";
import {
  ended,
  idle,
  isPending,
  mail,
  processTest,
  turn,
} from "./_processes.ts";

/** What code of a process did before and after its death, as it saw it. */
function journal(): { entries: unknown[]; write: (entry: unknown) => void } {
  const entries: unknown[] = [];
  return { entries, write: (entry) => void entries.push(entry) };
}

// Dead to others at once.

processTest("a killed process is dead to others at once", async () => {
  const { pid, ref } = spawnMonitor(async () => {
    register("victim");
    await receive();
  });
  await turn();
  assertEquals(whereis("victim"), pid);
  exit(pid, "kill");
  assertFalse(alive(pid));
  assertStrictEquals(whereis("victim"), undefined);
  assertEquals(await mail(), [{
    type: "DOWN",
    ref,
    object: pid,
    reason: "killed",
  }]);
  register("victim");
});

processTest(
  "a process that is killed while it computes is dead at once too, and its code runs on",
  async () => {
    const { entries, write } = journal();
    const pid = spawn(async () => {
      write("before");
      await turn();
      write("after");
      write(await sleep(0).catch((error) => error));
      write("never");
    });
    const ref = monitor(pid);
    await Promise.resolve();
    exit(pid, "over");
    assertEquals((await receive()).ref, ref);
    assertEquals(entries, ["before"]);
    await turn();
    await turn();
    assertEquals(entries, ["before", "after"]);
  },
);

processTest(
  "mail for a dead process is dropped, and it sees none of it",
  async () => {
    const { entries, write } = journal();
    const pid = spawn(async () => {
      await receive().catch(write);
      await receive().then(write);
    });
    await turn();
    exit(pid, "over");
    send(pid, "mail");
    await turn();
    assertEquals(entries.length, 1);
    assertInstanceOf(entries[0], ProcessExited);
  },
);

// Pending waits reject once.

processTest(
  "every pending wait rejects once with ProcessExited and the reason",
  async () => {
    const { entries, write } = journal();
    const leader = idle();
    const pid = spawn(async () => {
      groupLeader(leader);
      await Promise.all([
        receive().then(write, write),
        receive((m) => m === 1, { timeout: 60_000, after: 2 }).then(
          write,
          write,
        ),
        sleep(60_000).then(write, write),
        IO.puts("hi").then(write, write),
        IO.gets("? ").then(write, write),
        IO.inspect("hi").then(write, write),
      ]);
    });
    await turn();
    exit(pid, { because: "x" });
    exit(leader, "kill");
    await turn();
    assertEquals(entries.length, 6);
    for (const error of entries) {
      assertInstanceOf(error, ProcessExited);
      assertEquals(error.reason, { because: "x" });
      assertEquals(
        error.message,
        'the process has exited: { because: "x" }',
      );
    }
  },
);

processTest(
  "a wait of a process that ends by itself rejects as well",
  async () => {
    const { entries, write } = journal();
    const pid = spawn(() => {
      receive().then(write, write);
    });
    assertEquals(await ended(pid), "normal");
    await turn();
    assertEquals(entries.length, 1);
    assertInstanceOf(entries[0], ProcessExited);
    assertEquals(entries[0].reason, "normal");
  },
);

processTest(
  "waits that nobody awaits do not harm the program when their process exits",
  async () => {
    const leader = idle();
    const pid = spawn(() => {
      groupLeader(leader);
      receive();
      sleep(60_000);
      IO.puts("unawaited");
      IO.write("unawaited");
      IO.inspect("unawaited");
      IO.gets("unawaited");
    });
    assertEquals(await ended(pid), "normal");
    await turn();
    exit(leader, "kill");
  },
);

processTest("finally and using run when the process is killed", async () => {
  const { entries, write } = journal();
  const pid = spawn(async () => {
    using _sync = { [Symbol.dispose]: () => write("using") };
    await using _async = {
      async [Symbol.asyncDispose]() {
        await turn();
        write("await using");
      },
    };
    try {
      await receive();
      write("never");
    } finally {
      write("finally");
    }
  });
  await turn();
  exit(pid, "kill");
  await turn();
  await turn();
  assertEquals(entries, ["finally", "await using", "using"]);
});

// Later waits never settle.

processTest("a wait in a dead process never settles", async () => {
  const later: Promise<unknown>[] = [];
  const pid = spawn(async () => {
    try {
      await receive();
    } catch {
      later.push(
        receive(),
        receive(null, { timeout: 0 }),
        receive(null, { timeout: 1, after: "after" }),
        receive(null, { signal: AbortSignal.abort() }),
        sleep(0),
        flush(),
        IO.puts("from the dead"),
        IO.inspect("from the dead"),
        IO.gets("? "),
      );
    }
  });
  await turn();
  exit(pid, "kill");
  await turn();
  assertEquals(later.length, 9);
  for (const wait of later) assert(await isPending(wait));
});

processTest(
  "a loop that catches and waits again does not freeze the node",
  async () => {
    let rounds = 0;
    const pid = spawn(async () => {
      for (;;) {
        try {
          await receive();
        } catch {
          rounds++;
        }
      }
    });
    await turn();
    exit(pid, "kill");
    await turn();
    assertEquals(rounds, 1);
  },
);

// Synchronous calls throw and do nothing.

processTest(
  "a synchronous call of a dead process throws ProcessExited and has no effect",
  async () => {
    const parent = self();
    const other = idle();
    register("other", other);
    const calls: Record<string, () => unknown> = {
      self: () => self(),
      "send to a pid": () => send(parent, "from the dead"),
      "send to a name": () => send("other", "from the dead"),
      "send to {name, node}": () =>
        send({ name: "other", node: "nonode@nohost" }, 1),
      spawn: () => spawn(() => send(parent, "child of the dead")),
      spawnLink: () => spawnLink(() => {}),
      spawnMonitor: () => spawnMonitor(() => {}),
      link: () => link(parent),
      unlink: () => unlink(other),
      monitor: () => monitor(parent),
      demonitor: () => demonitor(makeRef()),
      "exit(reason)": () => exit("again"),
      "exit(pid)": () => exit(parent, "from the dead"),
      trapExit: () => trapExit(true),
      register: () => register("dead"),
      "register other": () => register("dead", parent),
      unregister: () => unregister("other"),
      whereis: () => whereis("other"),
      alive: () => alive(parent),
      makeRef: () => makeRef(),
      alias: () => alias(),
      unalias: () => unalias(makeRef()),
      reply: () => reply(makeRef(), 1),
      signal: () => signal(),
      groupLeader: () => groupLeader(),
      "set groupLeader": () => groupLeader(other),
    };
    const outcomes: Record<string, unknown> = {};
    const ref = makeRef();
    const pid = spawn(async () => {
      const own = alias();
      try {
        await receive();
      } finally {
        calls["send to an alias"] = () => send(own, 1);
        for (const [name, call] of Object.entries(calls)) {
          try {
            outcomes[name] = call();
          } catch (error) {
            outcomes[name] = error;
          }
        }
      }
    });
    await turn();
    exit(pid, "kill");
    await turn();
    assertEquals(Object.keys(outcomes).length, Object.keys(calls).length);
    for (const [name, outcome] of Object.entries(outcomes)) {
      assertInstanceOf(outcome, ProcessExited, name);
      assertEquals(outcome.reason, "killed", name);
    }
    assertEquals(await mail(), []);
    assertEquals(whereis("other"), other);
    assertStrictEquals(whereis("dead"), undefined);
    assertFalse(demonitor(ref));
    assert(alive(other));
    exit(other, "kill");
  },
);

processTest(
  "exit() to oneself ends the process there: what follows throws",
  async () => {
    const { entries, write } = journal();
    const parent = self();
    const pid = spawn(() => {
      try {
        exit(self(), "enough");
        send(parent, "from the dead");
      } catch (error) {
        write(error);
      }
    });
    assertEquals(await ended(pid), "enough");
    await turn();
    assertEquals(entries.length, 1);
    assertInstanceOf(entries[0], ProcessExited);
  },
);

processTest(
  "the first reason stays: a dead process cannot exit again",
  async () => {
    const { pid } = spawnMonitor(async () => {
      try {
        await receive();
      } catch {
        throw new Error("while it dies");
      }
    });
    await turn();
    exit(pid, "first");
    exit(pid, "second");
    assertEquals((await receive()).reason, "first");
    await turn();
    assertEquals(await mail(), []);
  },
);

processTest(
  "a process whose function returns after its death ends once",
  async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { pid } = spawnMonitor(() => promise);
    exit(pid, "kill");
    resolve();
    assertEquals((await receive()).reason, "killed");
    await turn();
    assertEquals(await mail(), []);
  },
);

// AbortSignal

processTest(
  "signal() is aborted when the process exits, with the exit",
  async () => {
    let given!: AbortSignal;
    const pid = spawn(async () => {
      given = signal();
      assertStrictEquals(signal(), given);
      await receive();
    });
    await turn();
    assertFalse(given.aborted);
    exit(pid, "over");
    assert(given.aborted);
    assertInstanceOf(given.reason, ProcessExited);
    assertEquals(given.reason.reason, "over");
  },
);

processTest("signal() is aborted when the process ends normally", async () => {
  let given!: AbortSignal;
  const pid = spawn(() => {
    given = signal();
  });
  await ended(pid);
  assert(given.aborted);
});

processTest(
  "signal() calls its listeners as code of the dead process, not of whoever ended it",
  async () => {
    const { entries, write } = journal();
    const pid = spawn(async () => {
      signal().addEventListener("abort", () => {
        try {
          write(self());
        } catch (error) {
          write(error);
        }
      });
      await receive();
    });
    await turn();
    exit(pid, "over");
    assertEquals(entries.length, 1);
    assertInstanceOf(entries[0], ProcessExited);
  },
);

processTest("signal() stops what knows nothing of processes", async () => {
  const { entries, write } = journal();
  const pid = spawn(async () => {
    const stop = signal();
    await new Promise((_resolve, reject) => {
      stop.addEventListener("abort", () => reject(stop.reason));
    }).catch(write);
  });
  await turn();
  exit(pid, "over");
  await turn();
  assertInstanceOf(entries[0], ProcessExited);
});

// Order: names, then EXIT, then DOWN.

processTest(
  "names are released before EXIT, and EXIT comes before DOWN",
  async () => {
    trapExit(true);
    const seen: unknown[] = [];
    const pid = spawn(async () => {
      register("named");
      await receive();
    });
    await turn();
    const ref = monitor(pid);
    link(pid);
    const named = monitor("named");
    const watch = (message: { type: string }) => {
      seen.push([message.type, whereis("named")]);
      register("named");
      unregister("named");
      return true;
    };
    const waits = [receive(watch), receive(watch), receive(watch)];
    exit(pid, "over");
    const [first, second, third] = await Promise.all(waits);
    assertEquals(seen, [
      ["EXIT", undefined],
      ["DOWN", undefined],
      ["DOWN", undefined],
    ]);
    assertEquals([first.from, second.ref, third.ref], [pid, ref, named]);
  },
);

processTest(
  "mail that was sent before the death comes before EXIT and DOWN",
  async () => {
    trapExit(true);
    const parent = self();
    const pid = spawnLink(() => {
      send(parent, 1);
      send(parent, 2);
      exit("over");
    });
    monitor(pid);
    const all = [
      await receive(),
      await receive(),
      await receive(),
      await receive(),
    ];
    assertEquals(all.map((m) => m.type ?? m), [1, 2, "EXIT", "DOWN"]);
  },
);

// Chains and crowds.

processTest(
  "a chain of 20,000 linked processes dies without overflowing the stack",
  async () => {
    const parent = self();
    const length = 20_000;
    function next(left: number): Promise<unknown> {
      if (left > 0) spawnLink(next, [left - 1]);
      else send(parent, self());
      return receive(() => false);
    }
    const first = spawn(next, [length - 1]);
    const last = await receive();
    const refs = [monitor(first), monitor(last)];
    exit(first, "domino");
    assertFalse(alive(last));
    for (const ref of refs) {
      assertEquals((await receive((m) => ref.equals(m.ref))).reason, "domino");
    }
  },
);

processTest(
  "a chain whose processes clean up when they die is dead at once as well",
  async () => {
    let cleaned = 0;
    const parent = self();
    async function next(left: number): Promise<void> {
      if (left > 0) spawnLink(next, [left - 1]);
      else send(parent, self());
      try {
        await receive(() => false);
      } finally {
        cleaned++;
      }
    }
    const first = spawn(next, [999]);
    const last = await receive();
    exit(first, "domino");
    assertFalse(alive(last));
    await turn();
    assertEquals(cleaned, 1000);
  },
);

processTest(
  "one process that 20,000 are linked to and monitor takes them along, each once",
  async () => {
    const crowd = 20_000;
    const hub = idle();
    const pids = Array.from({ length: crowd }, () =>
      spawn(() => {
        link(hub);
        return receive();
      }));
    await turn();
    const refs = pids.map((pid) => monitor(pid));
    const start = performance.now();
    exit(hub, "crowd");
    const took = performance.now() - start;
    const downs = (await mail()) as { ref: unknown; reason: unknown }[];
    assertEquals(downs.length, crowd);
    assert(
      downs.every(({ reason }, i) =>
        reason === "crowd" && refs[i].equals(downs[i].ref)
      ),
    );
    assert(took < 2000, `took ${took} ms`);
  },
);

processTest("a ring of linked processes dies once each", async () => {
  const ring = Array.from({ length: 10 }, () =>
    spawn(async () => {
      link((await receive()).to);
      await receive();
    }));
  ring.forEach((pid, i) => send(pid, { to: ring[(i + 1) % ring.length] }));
  await turn();
  const refs = ring.map((pid) => monitor(pid));
  exit(ring[3], "ring");
  const downs = (await mail()) as { reason: unknown }[];
  assertEquals(downs.length, refs.length);
  assert(downs.every(({ reason }) => reason === "ring"));
});

processTest(
  "a process that traps exits stands between two that do not",
  async () => {
    const parent = self();
    const wall = spawn(async () => {
      trapExit(true);
      send(parent, [spawnLink(() => receive()), spawnLink(() => receive())]);
      send(parent, await receive());
      await receive();
    });
    const [first, second] = await receive();
    exit(first, "hit");
    assertEquals(await receive(), { type: "EXIT", from: first, reason: "hit" });
    assert(alive(wall) && alive(second));
    exit(wall, "kill");
    assertFalse(alive(second));
  },
);

// The shell.

test("a dead shell's waits reject with ExitError, and its signal is aborted", async () => {
  const shell = self();
  const given = signal();
  let inListener: unknown;
  given.addEventListener("abort", () => inListener = self());
  const waits = [receive(), sleep(60_000)];
  spawn(() => exit(shell, "over"));
  for (const wait of waits) {
    const error = await assertRejects(() => wait, ExitError, "over");
    assertEquals(error.reason, "over");
  }
  assert(given.aborted);
  assertEquals(inListener, self());
  assertThrows(() => exit("from the new one"), ExitError);
});
