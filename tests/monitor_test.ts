import { assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import {
  alias,
  demonitor,
  exit,
  link,
  monitor,
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
import { ended, exiting, mail, processTest } from "./_processes.ts";

const HERE = "nonode@nohost";

// monitors

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
