import { watchersOf } from "../../../packages/processes/process/watchers.ts";
import { assertEquals, assertFalse } from "@std/assert";
import {
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { insideOf } from "../../../packages/processes/runtime/current_process.ts";
import { exiting, mail, processTest } from "../../_processes.ts";

const HERE = "nonode@nohost";

// monitors

processTest("monitor() of the caller has no effect", async () => {
  Process.register(self(), "me");
  for (const target of [self(), "me", { name: "me", node: HERE }]) {
    const ref = Process.monitor(target, { alias: "explicit_unalias" });
    send(ref, "dropped");
    assertFalse(Process.unalias(ref));
    assertFalse(Process.demonitor(ref));
  }
  Process.unregister("me");
  assertEquals(await mail(), []);
});

// Entries in tables.

processTest("ended monitors, aliases and links leave no entries", async () => {
  const me = insideOf()!;
  const { runtime } = me;
  const pid = exiting();
  Process.register(pid, "watched");
  const watched = runtime.find(pid)!;
  for (const target of [pid, "watched", "nobody"]) {
    Process.demonitor(Process.monitor(target), { flush: true });
    Process.demonitor(Process.monitor(target, { alias: "reply_demonitor" }), {
      flush: true,
    });
    Process.unalias(Process.monitor(target, { alias: "explicit_unalias" }));
  }
  Process.unalias(Process.alias());
  send(Process.alias({ reply: true }), 1);
  Process.link(pid);
  Process.unlink(pid);
  assertEquals([watched.links?.size, me.links?.size], [0, 0]);
  assertEquals(watchersOf(watched).length, 2);
  Process.exit(pid, "kill");
  await receive((m) => m === 1);
  for (let i = 0; i < 3; i++) await receive((m) => m.type === "DOWN");
  assertEquals(me.entries?.size, 0);
  assertEquals(runtime.aliases.size, 0);
  assertEquals(runtime.names.has("watched"), false);
});
