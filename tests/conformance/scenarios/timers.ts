/** Timers that send: set, read, cancelled, and whom they find. */

import {
  cancelTimer,
  type CancelTimerMessage,
  exit,
  makeRef,
  readTimer,
  register,
  self,
  send,
  sendAfter,
  sleep,
  spawn,
  unregister,
} from "../../../mod.ts";
import {
  attempt,
  expect,
  forever,
  next,
  reasonOf,
  scenario,
  trace,
  traceNext,
  traceNothing,
} from "../_scenario.ts";

scenario("timers: a message comes, once, to a pid and to a name", async () => {
  register("clerk");
  sendAfter(self(), "to_pid", 20);
  await traceNext("got");
  sendAfter("clerk", "to_name", 0);
  await traceNext("got");
  // Behind either of them, were it to come again.
  sendAfter(self(), "marker", 100);
  await traceNext("then");
  unregister("clerk");
});

scenario(
  "timers: those that are due earlier come earlier, whenever they were set",
  async () => {
    sendAfter(self(), "third", 150);
    sendAfter(self(), "first", 0);
    sendAfter(self(), "second", 75);
    for (let i = 0; i < 3; i++) await traceNext("got");
  },
);

function isLeft(left: number | false): boolean {
  return Number.isInteger(left) && Number(left) <= 60_000;
}

scenario("timers: one that is cancelled does not come", async () => {
  const timer = sendAfter(self(), "never", 60_000);
  await trace("left", isLeft(readTimer(timer)));
  await trace("cancelled", isLeft(cancelTimer(timer)));
  await trace("again", cancelTimer(timer));
  await trace("read", readTimer(timer));
  await trace(
    "soon",
    Number.isInteger(cancelTimer(sendAfter(self(), "never", 150))),
  );
  sendAfter(self(), "marker", 200);
  await traceNext("then");
});

scenario("timers: one that has come cannot be cancelled", async () => {
  const timer = sendAfter(self(), "there", 0);
  await traceNext("got");
  await trace("cancel", cancelTimer(timer));
  await trace("read", readTimer(timer));
  await trace("of none", cancelTimer(makeRef()));
});

scenario("timers: another process cancels one", async () => {
  const timer = sendAfter(self(), "never", 60_000);
  const main = self();
  spawn(() => {
    send(main, { type: "left", left: Number.isInteger(cancelTimer(timer)) });
  });
  await traceNext("got");
  await trace("read", readTimer(timer));
});

scenario("timers: a name is looked up when the time has come", async () => {
  const main = self();
  sendAfter("clerk", "late", 300);
  spawn(async () => {
    register("clerk");
    send(main, "registered");
    send(main, { type: "clerk_got", message: await next() });
  });
  await expect("registered");
  await traceNext("got");
});

scenario(
  "timers: a name that nobody has when the time has come harms nobody",
  async () => {
    const timer = sendAfter("nobody", "lost", 0);
    sendAfter(self(), "marker", 30);
    await traceNext("got");
    await trace("read", readTimer(timer));
  },
);

scenario("timers: one for a process that ends is gone", async () => {
  const pid = spawn(forever);
  const timer = sendAfter(pid, "lost", 60_000);
  exit(pid, "kill");
  await reasonOf(pid);
  send(self(), "marker");
  await traceNext("got");
  for (let tries = 0; readTimer(timer) !== false && tries < 100; tries++) {
    await sleep(2);
  }
  await trace("read", readTimer(timer));
});

scenario(
  "timers: the message is what it was when the timer was set",
  async () => {
    const list = [1, 2];
    sendAfter(self(), { type: "copy", value: { list } }, 0);
    list.push(3);
    await traceNext("got");
  },
);

scenario("timers: a time that is no time raises", async () => {
  await attempt("negative", () => sendAfter(self(), "x", -1));
  await traceNothing("then");
});

scenario(
  "timers: cancelling answers by a message, or not at all, if it is asked to",
  async () => {
    const timer = sendAfter(self(), "never", 60_000);
    await trace("timer", timer);
    await trace("async", cancelTimer(timer, { async: true }));
    const { ref, result } = await next() as CancelTimerMessage;
    await trace("told", [ref, isLeft(result)]);
    await trace("again", cancelTimer(timer, { async: true }));
    await traceNext("told");
    await trace("without info", cancelTimer(timer, { info: false }));
    await trace(
      "neither",
      cancelTimer(timer, { async: true, info: false }),
    );
    const running = sendAfter(self(), "never", 100);
    await trace("of one that runs", cancelTimer(running, { info: false }));
    sendAfter(self(), "marker", 150);
    await traceNext("then");
  },
);
