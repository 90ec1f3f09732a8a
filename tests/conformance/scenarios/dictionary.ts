/** The process dictionary, and the label that is stored in it. */

import { Process, self, send, spawn, Task } from "../../../mod.ts";
import { expect, forever, scenario, trace, traceNext } from "../_scenario.ts";

scenario("put and delete return the old value, get the default", async () => {
  await trace("first", Process.put("a", 1));
  await trace("second", Process.put("a", 2));
  await trace("get", Process.get("a"));
  await trace("none", Process.get("b"));
  await trace("default", Process.get("b", 5));
  await trace("not the default", Process.get("a", 5));
  await trace("delete", Process.delete("a"));
  await trace("again", Process.delete("a"));
  await trace("get", Process.get("a"));
});

scenario("a value of nil is not the default", async () => {
  Process.put("a", undefined);
  await trace("get", Process.get<unknown>("a", 5));
  await trace("keys", Process.getKeys());
});

scenario("keys are any terms, and equal ones are one", async () => {
  const key = { type: "ok", value: [1, { b: "x", a: self() }] };
  Process.put(key, 1);
  await trace(
    "equal",
    Process.put({ type: "ok", value: [1, { a: self(), b: "x" }] }, 2),
  );
  await trace(
    "other",
    Process.get({ type: "ok", value: [2, { a: self(), b: "x" }] }),
  );
  await trace("how many", Process.getKeys().length);
});

scenario("get_keys has all keys, or those of a value", async () => {
  for (
    const [key, value] of [["a", 1], ["b", [2]], ["c", 1], ["d", [2]]]
  ) Process.put(key, value);
  await trace("all", Process.getKeys().sort());
  await trace("of 1", Process.getKeys({ value: 1 }).sort());
  await trace("of [2]", Process.getKeys({ value: [2] }).sort());
  await trace("of 3", Process.getKeys({ value: 3 }));
});

scenario("it belongs to one process, and is not inherited", async () => {
  const main = self();
  Process.put("a", 1);
  spawn(() => send(main, { type: "ok", value: Process.get("a") }));
  await traceNext("its own");
  const task = Task.async(() => Process.get("a"));
  await trace("a task's", Task.await(task));
  await trace("mine", Process.get("a"));
});

scenario("a label is stored there, and info shows it", async () => {
  const main = self();
  await trace("before", Process.info()!.label);
  await trace("set", Process.setLabel({ type: "ok", value: 1 }));
  await trace("keys", Process.getKeys().length);
  await trace("label", Process.info()!.label);
  await trace("again", Process.setLabel("other"));
  const pid = spawn(async () => {
    await trace("of one that it starts", Process.info()!.label);
    Process.setLabel("worker");
    send(main, "labelled");
    await forever();
  });
  await expect("labelled");
  await trace("of another", Process.info(pid)!.label);
  await trace("mine", Process.info()!.label);
});
