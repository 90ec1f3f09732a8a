import { assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import {
  alias,
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
  trapExit,
  unalias,
  unlink,
  unregister,
} from "../process.ts";
import { insideOf } from "../runtime/context/async_context.ts";
import { atom } from "../runtime/values/pid.ts";
import { ended, exiting, inProcess, mail, processTest } from "./_processes.ts";

const HERE = "nonode@nohost";

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

processTest(
  "monitor() of oneself watches nobody, and is no alias",
  async () => {
    register("me");
    for (const target of [self(), "me", { name: "me", node: HERE }]) {
      const ref = monitor(target, { alias: "explicit_unalias" });
      send(ref, "dropped");
      assertFalse(unalias(ref));
      assertFalse(demonitor(ref));
    }
    unregister("me");
    assertEquals(await mail(), []);
  },
);

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

// What is kept.

processTest(
  "monitors, aliases and links that have ended leave nothing behind",
  async () => {
    const me = insideOf()!;
    const { runtime } = me;
    const pid = exiting();
    register("watched", pid);
    const watched = runtime.find(pid)!;
    for (const target of [pid, "watched", "nobody"]) {
      demonitor(monitor(target), { flush: true });
      demonitor(monitor(target, { alias: "reply_demonitor" }), { flush: true });
      unalias(monitor(target, { alias: "explicit_unalias" }));
    }
    unalias(alias());
    send(alias({ reply: true }), 1);
    link(pid);
    unlink(pid);
    assertEquals([watched.links?.size, me.links?.size], [0, 0]);
    assertEquals(watched.watchers?.size, 2);
    exit(pid, "kill");
    await receive((m) => m === 1);
    for (let i = 0; i < 3; i++) await receive((m) => m.type === "DOWN");
    assertEquals([me.monitors?.size, me.aliases?.size], [0, 0]);
    assertEquals(runtime.aliases.size, 0);
    assertEquals(runtime.names.has("watched"), false);
  },
);
