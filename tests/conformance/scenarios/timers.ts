/** Timers that send: set, read and cancelled, and their receivers. */

import {
  type CancelTimerMessage,
  makeRef,
  Process,
  self,
  send,
  spawn,
} from "../../../mod.ts";
import {
  attempt,
  expect,
  forever,
  next,
  reasonOf,
  scenario,
  trace,
  traceMarker,
  traceNext,
  traceNothing,
} from "../_scenario.ts";

scenario("a message arrives, once, at a pid and at a name", async () => {
  Process.register(self(), "clerk");
  Process.sendAfter(self(), "to_pid", 20);
  await traceNext("got");
  Process.sendAfter("clerk", "to_name", 0);
  await traceNext("got");
  // After both of them, in case one came again.
  Process.sendAfter(self(), "marker", 100);
  await traceNext("then");
  Process.unregister("clerk");
});

scenario("earlier timers send first, whenever they were set", async () => {
  // Moments, so that a pause between two of these lines does not change the order.
  const now = Process.monotonicTime();
  Process.sendAfter(self(), "third", now + 400, { abs: true });
  Process.sendAfter(self(), "first", now, { abs: true });
  Process.sendAfter(self(), "second", now + 200, { abs: true });
  for (let i = 0; i < 3; i++) await traceNext("got");
});

function isLeft(left: number | false): boolean {
  return Number.isInteger(left) && Number(left) <= 60_000;
}

scenario("a cancelled timer sends nothing", async () => {
  const timer = Process.sendAfter(self(), "never", 60_000);
  await trace("left", isLeft(Process.readTimer(timer)));
  await trace("cancelled", isLeft(Process.cancelTimer(timer)));
  await trace("again", Process.cancelTimer(timer));
  await trace("read", Process.readTimer(timer));
  await trace(
    "soon",
    Number.isInteger(
      Process.cancelTimer(Process.sendAfter(self(), "never", 150)),
    ),
  );
  Process.sendAfter(self(), "marker", 200);
  await traceNext("then");
});

scenario("a timer that has sent cannot be cancelled", async () => {
  const timer = Process.sendAfter(self(), "there", 0);
  await traceNext("got");
  await trace("cancel", Process.cancelTimer(timer));
  await trace("read", Process.readTimer(timer));
  await trace("of none", Process.cancelTimer(makeRef()));
});

scenario("another process can cancel a timer", async () => {
  const timer = Process.sendAfter(self(), "never", 60_000);
  const main = self();
  spawn(() => {
    send(main, {
      type: "left",
      left: Number.isInteger(Process.cancelTimer(timer)),
    });
  });
  await traceNext("got");
  await trace("read", Process.readTimer(timer));
});

scenario("a name is looked up when the timer expires", async () => {
  const main = self();
  Process.sendAfter("clerk", "late", 300);
  spawn(async () => {
    Process.register(self(), "clerk");
    send(main, "registered");
    send(main, { type: "clerk_got", message: await next() });
  });
  await expect("registered");
  await traceNext("got");
});

scenario("a timer for an unregistered name sends nothing", async () => {
  const timer = Process.sendAfter("nobody", "lost", 0);
  Process.sendAfter(self(), "marker", 30);
  await traceNext("got");
  await trace("read", Process.readTimer(timer));
});

scenario("a timer for a process ends with the process", async () => {
  const pid = spawn(forever);
  const timer = Process.sendAfter(pid, "lost", 60_000);
  Process.exit(pid, "kill");
  await reasonOf(pid);
  await traceMarker("got");
  // safe: asked again until it is so
  while (Process.readTimer(timer) !== false) await Process.sleep(2);
  await trace("read", Process.readTimer(timer));
});

scenario("the message is a copy from when the timer was set", async () => {
  const list = [1, 2];
  Process.sendAfter(self(), { type: "copy", value: { list } }, 0);
  list.push(3);
  await traceNext("got");
});

scenario("an invalid time raises", async () => {
  await attempt("negative", () => Process.sendAfter(self(), "x", -1));
  await traceNothing("then");
});

scenario("cancel_timer can answer with a message, or not at all", async () => {
  const timer = Process.sendAfter(self(), "never", 60_000);
  await trace("timer", timer);
  await trace("async", Process.cancelTimer(timer, { async: true }));
  const { ref, result } = await next() as CancelTimerMessage;
  await trace("told", [ref, isLeft(result)]);
  await trace("again", Process.cancelTimer(timer, { async: true }));
  await traceNext("told");
  await trace("without info", Process.cancelTimer(timer, { info: false }));
  await trace(
    "neither",
    Process.cancelTimer(timer, { async: true, info: false }),
  );
  const running = Process.sendAfter(self(), "never", 100);
  await trace(
    "of one that runs",
    Process.cancelTimer(running, { info: false }),
  );
  Process.sendAfter(self(), "marker", 150);
  await traceNext("then");
});
