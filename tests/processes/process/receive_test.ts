import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { ReceiveTimeout } from "../../../packages/processes/errors.ts";
import {
  type MessageSchema,
  Process,
  receive,
  type ReceiveOptions,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { test } from "../../../packages/testing/tags.ts";
import { ended, isPending, mail, processTest } from "../../_processes.ts";

// deno-lint-ignore no-explicit-any
function isNumber(message: any): message is number {
  return typeof message === "number";
}

processTest("receive() accepts undefined and null as messages", async () => {
  send(self(), undefined);
  send(self(), null);
  assertStrictEquals(await receive(), undefined);
  assertStrictEquals(await receive(), null);
  const wait = receive();
  send(self(), undefined);
  assertStrictEquals(await wait, undefined);
});

processTest("receive() with a guard leaves others in order", async () => {
  for (const message of ["a", 1, "b", 2, "c"]) send(self(), message);
  assertEquals(await receive(isNumber), 1);
  assertEquals(await receive((m) => m === "c"), "c");
  assertEquals(await receive(isNumber), 2);
  const wait = receive(isNumber);
  send(self(), "other");
  assert(await isPending(wait));
  send(self(), 5);
  // Its guard gives the type.
  const five: number = await wait;
  assertEquals(five, 5);
  // @ts-expect-error: it is a number
  const text: string = await receive(isNumber, { timeout: 0, after: 1 });
  assertEquals<unknown>(text, 1);
  assertEquals(await mail(), ["a", "b", "other"]);
});

processTest("receive() serves several waits by their guards", async () => {
  const waits = [receive(), receive(), receive()];
  for (const message of [1, 2, 3]) send(self(), message);
  assertEquals(await Promise.all(waits), [1, 2, 3]);
  const text = receive((m) => typeof m === "string");
  const first = receive(isNumber);
  const any = receive();
  const second = receive(isNumber);
  send(self(), 1);
  send(self(), 2);
  send(self(), "text");
  send(self(), true);
  send(self(), 3);
  assertEquals(await Promise.all([text, first, any, second]), [
    "text",
    1,
    2,
    3,
  ]);
  assertEquals(await mail(), [true]);
});

processTest("receive() keeps the order of waits and messages", async () => {
  const waits: Promise<number>[] = [];
  for (let i = 0; i < 500; i++) {
    waits.push(receive((m) => m % 2 === i % 2));
  }
  for (let i = 0; i < 500; i++) send(self(), i);
  assertEquals(
    await Promise.all(waits),
    Array.from({ length: 500 }, (_, i) => i),
  );
});

processTest("receive() keeps a long mailbox in order", async () => {
  const total = 5000;
  for (let i = 0; i < total; i++) send(self(), i);
  assertEquals(await receive((m) => m === 2500), 2500);
  for (let i = 0; i < total; i++) {
    if (i !== 2500) assertEquals(await receive(), i);
    if (i % 1000 === 0) send(self(), -i);
  }
  assertEquals(await mail(), [-0, -1000, -2000, -3000, -4000].map(Number));
});

processTest("receive() runs its guard as its process", async () => {
  const parent = self();
  const seen: unknown[] = [];
  const wait = receive(() => {
    seen.push(self());
    return true;
  });
  await ended(spawn(() => send(parent, 1)));
  await wait;
  assertEquals(seen, [parent]);
});

processTest("receive() lets a guard send to its own process", async () => {
  send(self(), 1);
  const taken = await receive((m) => {
    if (m === 1) send(self(), 2);
    return m === 2;
  });
  assertEquals(taken, 2);
  const wait = receive((m) => {
    if (m === 3) send(self(), 4);
    return m === 4;
  });
  send(self(), 3);
  assertEquals(await wait, 4);
  assertEquals((await mail()).sort(), [1, 3]);
});

// a guard that throws

processTest("receive() rejects with its guard's error", async () => {
  send(self(), "bad");
  await assertRejects(
    () =>
      receive(() => {
        throw new RangeError("guard");
      }),
    RangeError,
    "guard",
  );
  assertEquals(await mail(), ["bad"]);
});

processTest("receive() whose guard throws leaves the message", async () => {
  const broken = receive((m) => m.no.such);
  const next = receive((m) => m === "bad");
  send(self(), "bad");
  await assertRejects(() => broken, TypeError);
  assertEquals(await next, "bad");
});

processTest("receive() whose guard throws spares the sender", async () => {
  const parent = self();
  const broken = receive(() => {
    throw new Error("guard");
  });
  const sender = spawn(() => {
    send(parent, 1);
  });
  assertEquals(await ended(sender), "normal");
  await assertRejects(() => broken, Error, "guard");
  assertEquals(await mail(), [1]);
});

// timeout and after

processTest("receive() rejects with ReceiveTimeout in time", async () => {
  const start = performance.now();
  const error = await assertRejects(
    // safe: its expiry is tested
    () => receive(null, { timeout: 20 }),
    ReceiveTimeout,
  );
  // safe: a lower limit, which load cannot miss
  assert(performance.now() - start >= 18);
  assertEquals(error.timeout, 20);
  assertEquals(
    error.message,
    "Cannot receive: no matching message came within 20 ms; give `after` to get a value instead",
  );
});

processTest("receive() with timeout 0 takes arrived messages", async () => {
  const none = { timeout: 0, after: "none" };
  assertEquals(await receive(null, none), "none");
  send(self(), "a");
  assertEquals(await receive(isNumber, none), "none");
  assertEquals(await receive(null, none), "a");
  await assertRejects(() => receive(null, { timeout: 0 }), ReceiveTimeout);
});

processTest("receive() returns after, also when it is undefined", async () => {
  assertStrictEquals(
    // safe: its expiry is tested
    await receive(null, { timeout: 1, after: undefined }),
    undefined,
  );
  // safe: its expiry is tested
  assertStrictEquals(await receive(null, { timeout: 1, after: null }), null);
  send(self(), 1);
  assertEquals(await mail(), [1], "a wait that timed out takes no message");
});

processTest("receive() times out each wait by itself", async () => {
  const long = receive(null, { timeout: 60_000 });
  // safe: its expiry is tested
  const short = receive(null, { timeout: 1, after: "short" });
  assertEquals(await short, "short");
  send(self(), "for the long one");
  assertEquals(await long, "for the long one");
});

test("receive() waits longer than the host's longest timer", async () => {
  using time = new FakeTime();
  const days = 24 * 60 * 60 * 1000;
  const wait = receive(null, { timeout: 60 * days, after: "after" });
  let given: unknown;
  wait.then((value) => given = value);
  await time.tickAsync(59 * days);
  assertStrictEquals(given, undefined);
  await time.tickAsync(days);
  assertEquals(given, "after");
});

// abort signal

processTest("receive() rejects with the reason of its signal", async () => {
  const controller = new AbortController();
  const wait = receive(null, { signal: controller.signal, timeout: 60_000 });
  controller.abort(new RangeError("enough"));
  await assertRejects(() => wait, RangeError, "enough");
  send(self(), 1);
  assertEquals(await mail(), [1]);
});

processTest("receive() with an aborted signal takes nothing", async () => {
  send(self(), 1);
  const signal = AbortSignal.abort("enough");
  for (const guard of [null, isNumber]) {
    const error = await receive(guard, { signal }).catch((e) => e);
    assertEquals(error, "enough");
  }
  assertEquals(await mail(), [1]);
});

processTest("receive() removes its listener from the signal", async () => {
  const listeners = new Set<unknown>();
  const { signal } = new AbortController();
  const add = signal.addEventListener;
  const remove = signal.removeEventListener;
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners.add(args[1]);
    add.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners.delete(args[1]);
    remove.apply(signal, args);
  };
  const wait = receive(null, { signal });
  assertEquals(listeners.size, 1);
  send(self(), 1);
  await wait;
  assertEquals(listeners.size, 0);
  // safe: its expiry is tested
  await receive(null, { signal, timeout: 1, after: 0 });
  assertEquals(listeners.size, 0);
});

processTest("receive() of others ignores an aborted signal", async () => {
  const parent = self();
  const controller = new AbortController();
  const pid = spawn(async () => {
    const wait = receive(null, { signal: controller.signal });
    const next = receive();
    send(parent, "waiting");
    const error = await wait.catch((e) => e);
    send(parent, [error, await next]);
  });
  assertEquals(await receive(), "waiting");
  controller.abort("enough");
  send(pid, "message");
  assertEquals(await receive(), ["enough", "message"]);
});

processTest("receive() without await ends silently", async () => {
  const pid = spawn(async () => {
    receive(null, { timeout: 60_000 });
    receive(isNumber);
    await receive();
  });
  Process.exit(pid, "kill");
  assertEquals(await ended(pid), "noproc");
});

test("ReceiveOptions has the type of after in the result", async () => {
  const options: ReceiveOptions<"none"> = { timeout: 0, after: "none" };
  const given: number | "none" = await receive(isNumber, options);
  assertEquals(given, "none");
  assertInstanceOf(new ReceiveTimeout(1), Error);
});

/** A schema of texts that are numbers, as libraries of Standard Schema make it. */
const NUMERIC: MessageSchema<number> = {
  "~standard": {
    validate: (message) =>
      Number.isNaN(Number(message))
        ? { issues: [{ message: "not numeric" }] }
        : { value: Number(message) },
  },
};

processTest("receive() with a schema returns its result", async () => {
  for (const message of ["a", "1", "b"]) send(self(), message);
  const one: number = await receive(NUMERIC);
  assertEquals(one, 1);
  const late = await receive(NUMERIC, { timeout: 0, after: "none" });
  assertEquals(late, "none");
  const wait = receive(NUMERIC);
  send(self(), "2");
  assertEquals(await wait, 2);
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => receive(NUMERIC, { signal }), Error, "enough");
  await assertRejects(
    () => receive(NUMERIC, { after: 1, tmeout: 1 } as never),
    TypeError,
    'did you mean "timeout"',
  );
  assertEquals(await mail(), ["a", "b"]);
});

processTest("receive() refuses an asynchronous schema", async () => {
  const schema: MessageSchema<number> = {
    "~standard": { validate: () => Promise.reject(new Error("later")) },
  };
  send(self(), 1);
  await assertRejects(() => receive(schema), TypeError, "asynchronously");
  const wait = assertRejects(() => receive(schema), TypeError);
  send(self(), 2);
  await wait;
  assertEquals(await mail(), [1, 2]);
});
