import { assertEquals, assertThrows } from "@std/assert";
import {
  makeRef,
  Process,
  receive,
  Ref,
  self,
  spawn,
} from "../../../packages/processes/process.ts";
import {
  NO_NODE,
  setDefaultRuntime,
} from "../../../packages/processes/runtime/default_node.ts";
import { Pid } from "../../../packages/processes/values/pid.ts";
import { shellProcess } from "../../../packages/processes/spawning/spawn_process.ts";
import { NodeRuntime } from "../../../packages/processes/runtime/node_runtime.ts";
import { Timeline } from "../../../packages/testing/simulation/timeline.ts";
import { ended, mail, processTest, quiet } from "../../_processes.ts";

const clock = new Timeline();
clock.time = 0.25;
const runtime = new NodeRuntime({ node: NO_NODE, creation: 0, clock });
setDefaultRuntime(runtime);

processTest("sendAfter() of 0 ms sends when the caller yields", async () => {
  Process.sendAfter(self(), "now", 0);
  assertEquals(await mail(), []);
  clock.pass(0);
  assertEquals(await receive(), "now");
});

processTest("sendAfter() sends after its caller has exited", async () => {
  const parent = self();
  await ended(spawn(() => Process.sendAfter(parent, "from the dead", 10)));
  clock.pass(10);
  assertEquals(await receive(), "from the dead");
});

processTest("sendAfter() to a dead process starts no timer", async () => {
  const pid = spawn(() => {});
  await ended(pid);
  const timer = Process.sendAfter(pid, 1, 10);
  assertEquals(Process.readTimer(timer), false);
  assertEquals(runtime.timers.size, 0);
});

processTest("readTimer() returns whole ms, and does not cancel", async () => {
  const timer = Process.sendAfter(self(), "tick", 10);
  assertEquals(Process.readTimer(timer), 10);
  clock.pass(3.25);
  assertEquals(Process.readTimer(timer), 7);
  clock.pass(6.75);
  assertEquals(Process.readTimer(timer), false);
  assertEquals(await receive(), "tick");
});

processTest("readTimer() and cancelTimer() return false for no timer", () => {
  const timer = Process.sendAfter(self(), "never", 10);
  for (
    const ref of [
      makeRef(),
      new Ref("kate@localhost", timer.number, timer.creation),
      new Ref(timer.node, timer.number, timer.creation + 1),
    ]
  ) {
    assertEquals(Process.readTimer(ref), false);
    assertEquals(Process.cancelTimer(ref), false);
  }
  assertEquals(Process.cancelTimer(timer), 10);
});

processTest("sendAfter() with abs uses the node's clock", async () => {
  const moment = Process.monotonicTime() + 50;
  const timer = Process.sendAfter(self(), "at", moment, { abs: true });
  clock.pass(10);
  assertEquals(Process.readTimer(timer), 40);
  clock.pass(40);
  assertEquals(await receive(), "at");
  Process.sendAfter(self(), "past", moment - 1, { abs: true });
  Process.sendAfter(self(), "before all", -5, { abs: true });
  clock.pass(0);
  assertEquals(await mail(), ["past", "before all"]);
});

processTest("sendAfter() rejects invalid times and receivers", () => {
  assertThrows(() => Process.sendAfter(self(), 1, Infinity), RangeError);
  assertThrows(
    () => Process.sendAfter(self(), 1, NaN, { abs: true }),
    RangeError,
    "Cannot send at NaN ms",
  );
  const elsewhere = new Pid("kate@localhost", 1, 1);
  for (const to of [elsewhere, { name: "a", node: "b@c" }, makeRef()]) {
    assertThrows(
      () => Process.sendAfter(to as Pid, 1, 0),
      TypeError,
      "neither a process of nonode@nohost nor a name",
    );
  }
  assertThrows(
    () => Process.sendAfter(self(), (() => {}) as unknown, 0),
    TypeError,
    "Cannot send",
  );
  assertEquals(runtime.timers.size, 0);
});

processTest("a node that stops cancels its timers", async () => {
  const other = new NodeRuntime({
    node: "other@localhost",
    creation: 1,
    clock,
  });
  other.timers.start("nobody", 1, 10);
  other.timers.start(shellProcess(other).pid, 2, 20);
  assertEquals(other.timers.size, 2);
  other.stop("shutdown");
  assertEquals(other.timers.size, 0);
  // The clock's own timers are cancelled when the event loop has turned.
  await quiet();
  assertEquals(clock.nextAt, undefined);
});
