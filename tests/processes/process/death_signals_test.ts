import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  ExitError,
  ProcessExited,
} from "../../../packages/processes/errors.ts";
import {
  exit,
  Process,
  receive,
  self,
  send,
  spawn,
  spawnLink,
} from "../../../packages/processes/process.ts";
import { test } from "../../../packages/testing/tags.ts";
import { ended, journal, processTest, quiet } from "../../_processes.ts";

// AbortSignal

processTest(
  "signal() aborts when the process exits, and calls listeners as the dead process",
  async () => {
    const { entries, write } = journal();
    let given!: AbortSignal;
    const pid = spawn(async () => {
      given = Process.signal();
      assertStrictEquals(Process.signal(), given);
      given.addEventListener("abort", () => {
        write(assertThrows(() => self()));
      });
      await receive();
    });
    await quiet();
    assertFalse(given.aborted);
    Process.exit(pid, "over");
    assert(given.aborted);
    for (const error of [given.reason, ...entries]) {
      assertInstanceOf(error, ProcessExited);
      assertEquals(error.reason, "over");
    }
    assertEquals(entries.length, 1);
  },
);

processTest("signal() aborts when the process ends normally", async () => {
  let given!: AbortSignal;
  const pid = spawn(() => {
    given = Process.signal();
  });
  await ended(pid);
  assert(given.aborted);
});

// Order: names, then EXIT, then DOWN.

processTest("names are released before EXIT, EXIT before DOWN", async () => {
  Process.trapExit(true);
  const seen: unknown[] = [];
  const pid = spawn(async () => {
    Process.register(self(), "named");
    await receive();
  });
  await quiet();
  const ref = Process.monitor(pid);
  Process.link(pid);
  const named = Process.monitor("named");
  const watch = (message: { type: string }) => {
    seen.push([message.type, Process.whereis("named")]);
    Process.register(self(), "named");
    Process.unregister("named");
    return true;
  };
  const waits = [receive(watch), receive(watch), receive(watch)];
  Process.exit(pid, "over");
  const [first, second, third] = await Promise.all(waits);
  assertEquals(seen, [
    ["EXIT", undefined],
    ["DOWN", undefined],
    ["DOWN", undefined],
  ]);
  assertEquals([first.from, second.ref, third.ref], [pid, ref, named]);
});

// Chains and crowds.

processTest(
  "a chain of 20,000 links dies at once, within the stack, and cleans up",
  async () => {
    let cleaned = 0;
    const parent = self();
    const length = 20_000;
    async function next(left: number): Promise<void> {
      if (left > 0) spawnLink(next, [left - 1]);
      else send(parent, self());
      try {
        await receive(() => false);
      } finally {
        cleaned++;
      }
    }
    const first = spawn(next, [length - 1]);
    const last = await receive();
    const refs = [Process.monitor(first), Process.monitor(last)];
    Process.exit(first, "domino");
    assertFalse(Process.alive(last));
    for (const ref of refs) {
      assertEquals((await receive((m) => ref.equals(m.ref))).reason, "domino");
    }
    await quiet();
    assertEquals(cleaned, length);
  },
);

// The shell.

test("waits of a dead shell reject with ExitError, and its signal aborts", async () => {
  const shell = self();
  const given = Process.signal();
  let inListener: unknown;
  given.addEventListener("abort", () => inListener = self());
  const waits = [receive(), Process.sleep(60_000)];
  spawn(() => Process.exit(shell, "over"));
  for (const wait of waits) {
    const error = await assertRejects(() => wait, ExitError, "over");
    assertEquals(error.reason, "over");
  }
  assert(given.aborted);
  assertFalse(self().equals(shell) || Process.alive(shell));
  assertEquals(inListener, self());
  send(shell, "for nobody");
  send(self(), "for the new one");
  assertEquals(await receive(), "for the new one");
  assertThrows(() => exit("from the new one"), ExitError);
});
