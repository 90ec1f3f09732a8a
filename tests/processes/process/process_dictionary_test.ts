/** The process dictionary and labels, and other small functions of Elixir's Process. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  Agent,
  type Pid,
  Process,
  receive,
  spawnLink,
  Supervisor,
} from "../../../mod.ts";
import { pairTest } from "../../_nodes.ts";
import { processTest, quiet } from "../../_processes.ts";
import { rawTest, THEIRS } from "../../_raw_peer.ts";

processTest("put() stores values uncopied, copies keys", () => {
  const value = () => "a function";
  const key = ["key", { of: 1 }];
  assertEquals(Process.put(key, value), undefined);
  key.push("changed");
  assertStrictEquals(Process.get(["key", { of: 1 }]), value);
  assertEquals(Process.getKeys(), [["key", { of: 1 }]]);
  assertEquals(Process.get(), [{ key: ["key", { of: 1 }], value }]);
  assertEquals(Process.getKeys({ value: 1 }), []);
  assertThrows(() => Process.put(value, 1), TypeError, "Cannot ");
  assertThrows(() => Process.get(value), TypeError, "Cannot ");
  assertThrows(() => Process.delete(value), TypeError, "Cannot ");
  // 1, "1" and true are keys of their own.
  for (const key of [1, "1", true, 1n]) Process.put(key, typeof key);
  assertEquals(Process.get("1"), "string");
  assertEquals(Process.get(1), "number");
});

rawTest("send() with nosuspend does not wait", async (peer) => {
  peer.pause();
  const text = "x".repeat(50_000);
  let sent = 0;
  while (Process.send(THEIRS, text, { nosuspend: true }) === "ok") {
    // The event loop turns, so that the kernel takes as much as it can.
    await quiet();
    sent++;
    assert(sent < 10_000);
  }
  assertEquals(Process.send(THEIRS, text, { nosuspend: true }), "nosuspend");
  // Without it, the message is sent, and the sender is asked to wait.
  const held = Process.send(THEIRS, text, {});
  assert(held instanceof Promise);
  assertEquals(Process.send(THEIRS, text, { nosuspend: true }), "nosuspend");
  peer.resume();
  assertEquals(await held, "ok");
  assertEquals(Process.send(THEIRS, text, { nosuspend: true }), "ok");
}, { limits: { highWaterMark: 1 << 16, maxQueueBytes: 1 << 20 } });

pairTest("getChildspec() has a function, or its name", async ({ kate }) => {
  const start = () => spawnLink(() => receive());
  const sup = await Supervisor.startLink([{ id: "a", start }], {
    strategy: "one_for_one",
  });
  await Supervisor.startChild(sup, { id: "c", start, restart: "temporary" });
  assertEquals(await Supervisor.getChildspec(sup, "a"), {
    id: "a",
    start,
    restart: "permanent",
    shutdown: 5000,
    type: "worker",
    significant: false,
  });
  const added = await Supervisor.getChildspec(sup, "c");
  assert(added !== "not_found");
  assertStrictEquals(added.start, start);
  assertEquals(added.restart, "temporary");
  await Supervisor.stop(sup);

  await kate.run(async () => {
    Process.unlink(
      await Supervisor.startLink([
        Agent.childSpec(() => 0, { id: "mine" }),
        { id: "theirs", start: startExported },
      ], { strategy: "one_for_one", name: "sup" }),
    );
  });
  const far = { name: "sup", node: kate.name };
  await assertRejects(
    () => Supervisor.getChildspec(far, "mine"),
    TypeError,
    'Cannot get the specification of the child "mine"',
  );
  kate.export("Exported", { startExported });
  const spec = await Supervisor.getChildspec(far, "theirs");
  assert(spec !== "not_found");
  assertEquals(spec.start, ["Exported", "startExported"]);
  assertEquals(await Supervisor.getChildspec(far, "nobody"), "not_found");
});

function startExported(): Pid {
  return spawnLink(() => receive());
}

processTest("setLabel() keeps a copy of the label, for info() too", () => {
  const label = { room: ["lobby"] };
  Process.setLabel(label);
  label.room.push("hall");
  const first = Process.info()!.label as typeof label;
  assertEquals(first, { room: ["lobby"] });
  first.room.push("attic");
  assertEquals(Process.info()!.label, { room: ["lobby"] });
});
