import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertMatch,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { ExitError, NoProcessError } from "../errors.ts";
import {
  alias,
  alive,
  demonitor,
  exit,
  link,
  monitor,
  Pid,
  receive,
  register,
  self,
  send,
  spawn,
  spawnLink,
  spawnMonitor,
  trapExit,
  unalias,
  unlink,
  unregister,
} from "../process.ts";
import { atom } from "../runtime/pid.ts";
import {
  ended,
  idle,
  inProcess,
  mail,
  processTest,
  standardError,
} from "./_processes.ts";

const HERE = "nonode@nohost";

/** A process that exits with the reason that it is sent. */
function exiting(): Pid {
  return spawn(waitAndExit);
}

async function waitAndExit(): Promise<never> {
  return exit((await receive()).reason);
}

// exit(reason)

processTest(
  "exit() ends the process with every kind of reason, copied",
  async () => {
    const reasons = [
      "normal",
      "shutdown",
      "kill",
      "killed",
      "noproc",
      "noconnection",
      "any text",
      "",
      0,
      -0,
      NaN,
      42n,
      true,
      null,
      undefined,
      atom("badarg"),
      { type: "shutdown", reason: "upgrade" },
      { type: "nodedown", node: "kate@localhost" },
      ["a", { list: [1] }],
      new Map([["k", 1]]),
      self(),
    ];
    for (const reason of reasons) {
      const { ref } = spawnMonitor(() => exit(reason));
      const down = await receive();
      assert(ref.equals(down.ref));
      assertEquals(down.reason, reason);
      if (Array.isArray(reason)) assert(down.reason !== reason);
    }
  },
);

processTest("exit() can be caught, and finally runs", async () => {
  const steps: unknown[] = [];
  const pid = spawn(() => {
    try {
      exit("oops");
    } catch (error) {
      assertInstanceOf(error, ExitError);
      steps.push(error.reason);
    } finally {
      steps.push("finally");
    }
  });
  assertEquals(await ended(pid), "normal");
  assertEquals(steps, ["oops", "finally"]);
});

processTest(
  "exit() with a reason that cannot be sent ends with its text",
  async () => {
    const { ref: byFunction } = spawnMonitor(() => exit(function boom() {}));
    assertEquals((await receive()).reason, "#Function<boom>");
    const { ref: byInstance } = spawnMonitor(() =>
      exit({ at: new (class Place {})() })
    );
    assertEquals((await receive()).reason, "{ at: #Place {} }");
    assertFalse(byFunction.equals(byInstance));
  },
);

processTest(
  "a process ends with the error that it throws, of its class",
  async () => {
    for (
      const fn of [
        () => {
          throw new RangeError("too far");
        },
        () => Promise.reject(new RangeError("too far")),
      ]
    ) {
      const { reason } = await crash(fn);
      assertInstanceOf(reason, RangeError);
      assertEquals(reason.message, "too far");
      assertStringIncludes(reason.stack!, "signals_test.ts");
    }
  },
);

processTest(
  "a process ends with nocatch and the value that it throws",
  async () => {
    for (const value of ["text", 7, undefined, null, { a: 1 }]) {
      const { reason } = await crash(() => {
        throw value;
      });
      assertEquals(reason, { type: "nocatch", value });
    }
  },
);

processTest(
  "a process that throws an error whose fields cannot be sent ends with the error without them",
  async () => {
    const { reason } = await crash(() => {
      throw Object.assign(new TypeError("bad"), { deep: { fn: () => {} } });
    });
    assertInstanceOf(reason, TypeError);
    assertEquals([reason.message, Object.keys(reason)], ["bad", []]);
  },
);

processTest(
  "a process ends even if what it throws cannot be looked at",
  async () => {
    const look = () => {
      throw new Error("do not look");
    };
    const hostile = Object.defineProperty({}, "secret", {
      get: look,
      enumerable: true,
    });
    const error = Object.defineProperty(new Error("x"), "name", { get: look });
    for (const thrown of [hostile, error]) {
      const { reason } = await crash(() => {
        throw thrown;
      });
      assertEquals(reason, "#Unreadable<>");
    }
  },
);

processTest("a crash is told on standard error, an exit is not", async () => {
  const { told } = await crash(function steer() {
    throw new RangeError("too \x1b[31mfar");
  });
  const [first, second] = told.split("\n");
  assertMatch(
    first,
    /^\[error\] nonode@nohost: process #PID<0\.\d+\.0> \(steer\) terminating: an exception was raised:$/,
  );
  assertEquals(second, "    ** RangeError: too \\u001b[31mfar");
  for (const reason of ["boom", "normal", { type: "shutdown", reason: 1 }]) {
    assertEquals((await crash(() => exit(reason))).told, "");
  }
});

/** Runs `fn` in a process; gives its exit reason and what was told on standard error. */
async function crash(
  fn: () => unknown,
): Promise<{ reason: unknown; told: string }> {
  let reason: unknown;
  const told = await standardError(async () => {
    const { pid, ref } = spawnMonitor(fn);
    reason = (await receive((message) => ref.equals(message.ref))).reason;
    assertFalse(alive(pid));
  });
  return { reason, told };
}

// exit(pid, reason)

processTest("exit(pid) ends another process with the reason", async () => {
  const pid = idle();
  assertStrictEquals(exit(pid, { why: ["x"] }), true);
  assertFalse(alive(pid));
  assertEquals(await ended(pid), "noproc");
  const { pid: second } = spawnMonitor(() => receive());
  exit(second, { why: ["x"] });
  assertEquals((await receive()).reason, { why: ["x"] });
});

processTest(
  "exit(pid) is ignored with normal, unless it is trapped or sent to oneself",
  async () => {
    const { pid } = spawnMonitor(() => receive());
    exit(pid, "normal");
    exit(pid, atom("normal"));
    assert(alive(pid));
    send(pid, "end");
    assertEquals((await receive()).reason, "normal");

    spawnMonitor(async () => {
      exit(self(), "normal");
      await receive();
    });
    assertEquals((await receive()).reason, "normal");

    trapExit(true);
    exit(self(), "normal");
    assertEquals(await receive(), {
      type: "EXIT",
      from: self(),
      reason: "normal",
    });
  },
);

processTest(
  "exit(pid) with kill cannot be trapped, and ends with killed",
  async () => {
    for (const reason of ["kill", atom("kill")]) {
      const { pid } = spawnMonitor(() => {
        trapExit(true);
        return receive();
      });
      exit(pid, reason);
      assertEquals((await receive()).reason, "killed");
    }
  },
);

processTest("exit(pid) with kill to oneself ends with killed", async () => {
  spawnMonitor(async () => {
    trapExit(true);
    exit(self(), "kill");
    await receive();
  });
  assertEquals((await receive()).reason, "killed");
});

processTest(
  "exit(pid) is trapped with who sent it, and copies the reason",
  async () => {
    trapExit(true);
    const parent = self();
    const reason = { list: [1] };
    const sender = spawn(() => {
      exit(parent, reason);
      reason.list.push(2);
    });
    assertEquals(await receive(), {
      type: "EXIT",
      from: sender,
      reason: { list: [1] },
    });
  },
);

processTest(
  "exit(pid) to a dead process, or one elsewhere, does nothing",
  async () => {
    const pid = spawn(() => {});
    await ended(pid);
    assertStrictEquals(exit(pid, "kill"), true);
    assertStrictEquals(
      exit(new Pid("kate@localhost", self().number, 0), "kill"),
      true,
    );
    assertStrictEquals(exit(new Pid(HERE, self().number, 9), "kill"), true);
  },
);

processTest(
  "exit(pid) refuses a reason that cannot be sent, and a first argument that is no pid",
  () => {
    const pid = idle();
    assertThrows(() => exit(pid, () => {}), TypeError, "function");
    assert(alive(pid));
    assertThrows(
      // deno-lint-ignore no-explicit-any
      () => exit("name" as any, "kill"),
      TypeError,
      "Cannot exit: ",
    );
    exit(pid, "kill");
  },
);

// links

processTest(
  "spawnLink() exits with the reason of the linked process",
  async () => {
    const grandchild = Promise.withResolvers<Pid>();
    const pid = spawn(async () => {
      grandchild.resolve(spawnLink(waitAndExit));
      await receive();
    });
    const ref = monitor(pid);
    send(await grandchild.promise, { reason: { type: "shutdown", reason: 1 } });
    const down = await receive();
    assert(ref.equals(down.ref));
    assertEquals(down.reason, { type: "shutdown", reason: 1 });
  },
);

processTest(
  "spawnLink() does not exit when the linked process ends normally",
  async () => {
    for (const reason of ["normal", atom("normal")]) {
      const child = spawnLink(waitAndExit);
      send(child, { reason });
      await ended(child);
    }
    assert(alive(self()));
  },
);

processTest("spawnLink() links in both directions", async () => {
  const parent = self();
  const pid = spawn(async () => {
    send(parent, spawnLink(() => receive()));
    await receive();
  });
  const child = await receive();
  const ref = monitor(child);
  exit(pid, "over");
  const down = await receive();
  assert(ref.equals(down.ref));
  assertEquals(down.reason, "over");
});

processTest("spawnLink() is linked from its first moment", async () => {
  trapExit(true);
  const pid = spawnLink(() => {});
  exit(pid, "before it runs");
  assertEquals(await receive(), {
    type: "EXIT",
    from: pid,
    reason: "before it runs",
  });
});

processTest("a trapped exit over a link has from and reason", async () => {
  assertStrictEquals(trapExit(true), false);
  assertStrictEquals(trapExit(true), true);
  for (const reason of ["normal", "boom", "kill", undefined, { a: [1] }]) {
    const pid = spawnLink(waitAndExit);
    send(pid, { reason });
    assertEquals(await receive(), { type: "EXIT", from: pid, reason });
  }
  assertStrictEquals(trapExit(false), true);
});

processTest("kill over a link is not turned into killed", async () => {
  const { pid } = spawnMonitor(async () => {
    spawnLink(() => exit("kill"));
    await receive();
  });
  const down = await receive();
  assertEquals([down.object, down.reason], [pid, "kill"]);
  trapExit(true);
  const killed = spawnLink(() => receive());
  exit(killed, "kill");
  assertEquals((await receive()).reason, "killed");
});

processTest(
  "link() gives one link a pair, however often it is called",
  async () => {
    trapExit(true);
    const pid = exiting();
    link(pid);
    link(pid);
    send(pid, { reason: "bye" });
    assertEquals(await receive(), { type: "EXIT", from: pid, reason: "bye" });
    assertEquals(await mail(), []);
  },
);

processTest(
  "link() from both ends is one link, that either end ends",
  async () => {
    trapExit(true);
    const parent = self();
    const pid = spawn(async () => {
      link(parent);
      send(parent, "linked");
      exit((await receive()).reason);
    });
    link(pid);
    await receive();
    unlink(pid);
    send(pid, { reason: "unseen" });
    assertEquals(await ended(pid), "unseen");
    assertEquals(await mail(), []);
  },
);

processTest("link() to oneself changes nothing", async () => {
  assertStrictEquals(link(self()), true);
  assertStrictEquals(unlink(self()), true);
  spawnMonitor(() => {
    link(self());
    exit("alone");
  });
  assertEquals((await receive()).reason, "alone");
});

processTest(
  "link() to a dead process throws NoProcessError, or gives noproc when exits are trapped",
  async () => {
    const pid = spawn(() => {});
    await ended(pid);
    assertThrows(() => link(pid), NoProcessError, "Cannot link to #PID<");
    trapExit(true);
    assertStrictEquals(link(pid), true);
    assertEquals(await receive(), {
      type: "EXIT",
      from: pid,
      reason: "noproc",
    });
  },
);

processTest(
  "link() to a process of another node gives noconnection where no node is started",
  async () => {
    trapExit(true);
    const pid = new Pid("kate@localhost", self().number, 0);
    link(pid);
    assertEquals(await receive(), {
      type: "EXIT",
      from: pid,
      reason: "noconnection",
    });
  },
);

processTest("unlink() ends the link: nothing comes over it", async () => {
  trapExit(true);
  const pid = spawnLink(waitAndExit);
  assertStrictEquals(unlink(pid), true);
  assertStrictEquals(unlink(pid), true);
  send(pid, { reason: "unseen" });
  await ended(pid);
  assertEquals(await mail(), []);
});

processTest("unlink() leaves an EXIT that has come already", async () => {
  trapExit(true);
  const pid = spawnLink(() => exit("gone"));
  await ended(pid);
  unlink(pid);
  assertEquals(await mail(), [{ type: "EXIT", from: pid, reason: "gone" }]);
});

processTest("link() after unlink() links again", async () => {
  trapExit(true);
  const pid = spawnLink(waitAndExit);
  unlink(pid);
  link(pid);
  send(pid, { reason: "seen" });
  assertEquals((await receive()).reason, "seen");
});

// monitors

processTest(
  "monitor() gives one DOWN with the pid and the reason",
  async () => {
    const pid = exiting();
    const ref = monitor(pid);
    send(pid, { reason: "bye" });
    assertEquals(await receive(), {
      type: "DOWN",
      ref,
      object: pid,
      reason: "bye",
    });
    assertEquals(await mail(), []);
  },
);

processTest("monitor() stacks, each with its own DOWN", async () => {
  const pid = exiting();
  const refs = [monitor(pid), monitor(pid), monitor(pid)];
  demonitor(refs[1]);
  send(pid, { reason: "bye" });
  assertEquals((await receive()).ref, refs[0]);
  assertEquals((await receive()).ref, refs[2]);
  assertEquals(await mail(), []);
});

processTest("monitor() of a dead process gives noproc", async () => {
  const pid = spawn(() => {});
  await ended(pid);
  const ref = monitor(pid);
  assertEquals(await receive(), {
    type: "DOWN",
    ref,
    object: pid,
    reason: "noproc",
  });
});

processTest(
  "monitor() of a name gives the name and node, also when the name was taken away since",
  async () => {
    const pid = exiting();
    register("watched", pid);
    const refs = [
      monitor("watched"),
      monitor(atom("watched")),
      monitor({ name: "watched", node: HERE }),
    ];
    unregister("watched");
    register("watched");
    send(pid, { reason: "bye" });
    const object = { name: "watched", node: HERE };
    for (const ref of refs) {
      assertEquals(await receive(), {
        type: "DOWN",
        ref,
        object,
        reason: "bye",
      });
    }
  },
);

processTest("monitor() of an absent name gives noproc", async () => {
  for (const target of ["nobody", { name: "nobody", node: HERE }]) {
    const ref = monitor(target);
    assertEquals(await receive(), {
      type: "DOWN",
      ref,
      object: { name: "nobody", node: HERE },
      reason: "noproc",
    });
  }
});

processTest(
  "monitor() of another node gives noconnection where no node is started",
  async () => {
    register("watched");
    const object = { name: "watched", node: "kate@localhost" };
    const ref = monitor(object);
    assertEquals(await receive(), {
      type: "DOWN",
      ref,
      object,
      reason: "noconnection",
    });
    const pid = new Pid("kate@localhost", self().number, 0);
    monitor(pid);
    const down = await receive();
    assertEquals([down.object, down.reason], [pid, "noconnection"]);
  },
);

processTest(
  "monitor() goes one way: the watched one does not notice",
  async () => {
    const parent = self();
    const pid = spawn(async () => {
      trapExit(true);
      send(parent, await mail());
      send(parent, await receive());
    });
    const watcher = spawn(() => {
      monitor(pid);
    });
    await ended(watcher);
    assertEquals(await receive(), []);
    send(pid, "end");
    assertEquals(await receive(), "end");
  },
);

processTest(
  "demonitor() stops the DOWN, and tells whether there was a monitor",
  async () => {
    const pid = exiting();
    const ref = monitor(pid);
    assertStrictEquals(demonitor(ref), true);
    assertStrictEquals(demonitor(ref), false);
    send(pid, { reason: "bye" });
    await ended(pid);
    assertEquals(await mail(), []);
  },
);

processTest("demonitor() of a name stops the DOWN", async () => {
  const pid = exiting();
  register("watched", pid);
  const ref = monitor("watched");
  unregister("watched");
  assertStrictEquals(demonitor(ref), true);
  send(pid, { reason: "bye" });
  await ended(pid);
  assertEquals(await mail(), []);
});

processTest(
  "demonitor() with flush takes out its own DOWN and no other mail",
  async () => {
    const pid = spawn(() => {});
    const [ref, other] = [monitor(pid), monitor(pid)];
    await ended(pid);
    send(self(), { type: "DOWN", ref: "no reference" });
    send(self(), null);
    assertStrictEquals(demonitor(ref, { flush: true }), false);
    const rest = await mail();
    assertEquals(rest.length, 3);
    // deno-lint-ignore no-explicit-any
    assertEquals((rest[0] as any).ref, other);
  },
);

// aliases

processTest("alias() takes mail until unalias()", async () => {
  const address = alias();
  send(address, 1);
  send(address, 2);
  assertStrictEquals(unalias(address), true);
  assertStrictEquals(unalias(address), false);
  assertStrictEquals(send(address, 3), undefined);
  assertEquals(await mail(), [1, 2]);
});

processTest("alias() with reply ends at the first message", async () => {
  const address = alias({ reply: true });
  send(address, 1);
  send(address, 2);
  assertEquals(await mail(), [1]);
  assertStrictEquals(unalias(address), false);
});

processTest(
  "alias() reaches the process from another one, and dies with it",
  async () => {
    const parent = self();
    const pid = spawn(async () => {
      send(parent, alias());
      send(parent, await receive());
    });
    const address = await receive();
    send(address, "by alias");
    assertEquals(await receive(), "by alias");
    await ended(pid);
    assertStrictEquals(send(address, "late"), undefined);
  },
);

processTest(
  "monitor() with an alias of each mode ends it when it should",
  async () => {
    // What reaches the mailbox after each step, as Elixir 1.18 has it.
    const steps = {
      explicit_unalias: { afterSecond: true, demonitor: true, afterDown: true },
      demonitor: { afterSecond: true, demonitor: false, afterDown: false },
      reply_demonitor: {
        afterSecond: false,
        demonitor: false,
        afterDown: false,
      },
    } as const;
    for (const [mode, expected] of Object.entries(steps)) {
      const options = { alias: mode as keyof typeof steps };
      const pid = exiting();
      const twice = monitor(pid, options);
      send(twice, 1);
      send(twice, 2);
      assertEquals(await mail(), expected.afterSecond ? [1, 2] : [1], mode);
      assertStrictEquals(demonitor(twice), mode !== "reply_demonitor", mode);
      unalias(twice);

      const ended = monitor(pid, options);
      demonitor(ended);
      send(ended, 3);
      assertEquals(await mail(), expected.demonitor ? [3] : [], mode);
      assertStrictEquals(unalias(ended), expected.demonitor, mode);

      const down = monitor(pid, options);
      send(pid, { reason: "bye" });
      await receive((message) => down.equals(message.ref));
      send(down, 4);
      assertEquals(await mail(), expected.afterDown ? [4] : [], mode);
      assertStrictEquals(unalias(down), expected.afterDown, mode);
    }
  },
);

processTest("unalias() of a monitor's alias leaves the monitor", async () => {
  const pid = exiting();
  const ref = monitor(pid, { alias: "reply_demonitor" });
  assertStrictEquals(unalias(ref), true);
  send(ref, "late");
  send(pid, { reason: "bye" });
  const down = await receive();
  assertEquals([down.type, down.reason], ["DOWN", "bye"]);
});

processTest(
  "unalias() of another process's alias is false and leaves it",
  async () => {
    const address = alias();
    await inProcess(() => assertFalse(unalias(address)));
    send(address, 1);
    assertEquals(await mail(), [1]);
  },
);

// formatExit in ExitError

processTest("ExitError says the reason in words", () => {
  const error = assertThrows(() => exit({ type: "shutdown", reason: "x" }));
  assertInstanceOf(error, ExitError);
  assertMatch(error.message, /^shutdown: x$/);
  assertEquals(error.reason, { type: "shutdown", reason: "x" });
});
