/** Answers that a process awaits, and values that may be promises. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Process, self, spawn } from "../../../packages/processes/process.ts";
import { ExitError } from "../../../packages/processes/errors.ts";
import { currentProcess } from "../../../packages/processes/runtime/current_process.ts";
import { PendingAnswer } from "../../../packages/processes/process/pending_answer.ts";
import { andThen } from "../../../packages/processes/promises/promises.ts";
import { test } from "../../../packages/testing/tags.ts";
import { processTest } from "../../_processes.ts";

const HERE = new URL(import.meta.url).pathname;

class Expiring extends PendingAnswer<string> {
  override expire(): void {
    this.settle("expired");
  }
}

processTest("PendingAnswer keeps the first answer", async () => {
  const answer = new Expiring(currentProcess());
  answer.limit(0);
  answer.settle("first");
  answer.settle("second");
  answer.settleFailed(() => new Error("third"));
  assertEquals(await answer.promise, "first");
  // Beside load, an answer waits for its process's turn, and a process may exit before that.
  answer.abandon(() => new Error("fourth"));
  assertEquals(await answer.promise, "first");
});

processTest("PendingAnswer.settle() cancels the deadline", async () => {
  let expired = 0;
  class Counting extends PendingAnswer<string> {
    override expire(): void {
      expired++;
    }
  }
  const answer = new Counting(currentProcess());
  answer.limit(1);
  answer.settle("in time");
  await answer.promise;
  const later = new Expiring(currentProcess());
  later.limit(1);
  assertEquals(await later.promise, "expired");
  assertEquals(expired, 0);
});

processTest("PendingAnswer fails with the awaiting code's stack", async () => {
  const answer = new Expiring(currentProcess());
  setTimeout(() => answer.settleFailed(() => new ExitError("gone")), 0);
  const error = await assertRejects(() => answer.promise, ExitError);
  assert(error.stack?.includes(HERE), error.stack);
});

processTest("PendingAnswer.settleBy() fails if it cannot read", async () => {
  const answer = new Expiring(currentProcess());
  answer.settleBy(() => {
    throw new TypeError("unreadable");
  });
  await assertRejects(() => answer.promise, TypeError, "unreadable");
});

processTest("PendingAnswer.abandon() rejects, handled or not", async () => {
  const { promise, resolve } = Promise.withResolvers<Expiring>();
  const pid = spawn(async () => {
    const answer = new Expiring(currentProcess());
    resolve(answer);
    await new Promise(() => {});
  });
  const answer = await promise;
  const ref = Process.monitor(pid);
  answer.abandon(() => new ExitError("killed"));
  await assertRejects(() => answer.promise, ExitError);
  Process.exit(pid, "kill");
  Process.demonitor(ref, { flush: true });
  assert(Process.alive(self()));
});

test("andThen() goes on in the same turn with a value, and later with a promise", async () => {
  const order: string[] = [];
  andThen("value", (value) => order.push(value));
  const later = andThen(Promise.resolve("promise"), (value) => {
    order.push(value);
    return "done";
  });
  order.push("turn");
  assertEquals(await later, "done");
  assertEquals(order, ["value", "turn", "promise"]);
});

test("andThen() takes the error of a promise that rejects", async () => {
  const failed = andThen(
    Promise.reject<string>(new Error("no")),
    () => "value",
    (error) => (error as Error).message,
  );
  assertEquals(await failed, "no");
});
