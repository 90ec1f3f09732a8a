import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertMatch,
  assertStringIncludes,
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
  spawnMonitor,
} from "../../../packages/processes/process.ts";
import { test } from "../../../packages/testing/tags.ts";
import { idle, processTest, standardError } from "../../_processes.ts";

// exit(reason)

processTest("exit() with an unsendable reason has its text", async () => {
  const { ref: byFunction } = spawnMonitor(() => exit(function boom() {}));
  assertEquals((await receive()).reason, "#Function<boom>");
  const { ref: byInstance } = spawnMonitor(() =>
    exit({ at: new (class Place {})() })
  );
  assertEquals((await receive()).reason, "{ at: #Place {} }");
  assertFalse(byFunction.equals(byInstance));
});

processTest("a process exits with the error that it throws", async () => {
  for (
    const fn of [
      () => {
        throw new RangeError("too far");
      },
      () => Promise.reject(new RangeError("too far")),
    ]
  ) {
    const { reason } = await crash(fn);
    assertInstanceOf(reason, RangeError);
    assertEquals(reason.message, "too far");
    assertStringIncludes(reason.stack!, "exit_test.ts");
  }
});

test("the message of an ExitError has no stack; its stack has that of the crash", () => {
  const crash = new TypeError("no", { cause: new Error("why") });
  for (
    const [reason, message] of [
      [crash, "an exception was raised:\n    ** TypeError: no"],
      [
        { type: "call", reason: crash, call: ["GenServer", "call", ["Cache"]] },
        'exited in: GenServer.call("Cache")\n    ** (EXIT) an exception was raised:\n        ** TypeError: no',
      ],
      [{ type: "shutdown", reason: "x" }, "shutdown: x"],
    ] as const
  ) {
    const error = new ExitError(reason);
    assertEquals([error.message, error.reason], [message, reason]);
    assert(!String(error).includes("exit_test.ts"), String(error));
    assertEquals(Object.keys(error), Object.keys(new ExitError("x")));
    if (reason === crash) {
      assertMatch(error.stack!, /TypeError: no\n +at .*exit_test\.ts/);
      assertStringIncludes(error.stack!, "Caused by: Error: why");
    }
    assertMatch(error.stack!, /\n +at .*exit_test\.ts:\d+:\d+\)?(\n|$)/);
  }
  assert(!new ProcessExited(crash).message.includes("exit_test.ts"));
});

processTest("unsendable fields of a thrown error are left out", async () => {
  const { reason } = await crash(() => {
    throw Object.assign(new TypeError("bad"), { deep: { fn: () => {} } });
  });
  assertInstanceOf(reason, TypeError);
  assertEquals([reason.message, Object.keys(reason)], ["bad", []]);
});

processTest("a thrown value that cannot be inspected is an exit", async () => {
  const look = () => {
    throw new Error("do not look");
  };
  const hostile = Object.defineProperty({}, "secret", {
    get: look,
    enumerable: true,
  });
  const error = Object.defineProperty(new Error("x"), "name", { get: look });
  const proxy = new Proxy({}, { getPrototypeOf: look });
  for (const thrown of [hostile, error, proxy]) {
    const { reason } = await crash(() => {
      throw thrown;
    });
    assertStringIncludes(reason as string, "#Unreadable<>");
    assertEquals(`${reason}`.includes("nocatch"), thrown !== error);
  }
});

processTest("a crash is logged to standard error, an exit is not", async () => {
  const { told } = await crash(function steer() {
    throw new RangeError("too \x1b[31mfar");
  });
  const [first, second] = told.split("\n");
  assertMatch(first, /nonode@nohost: Process #PID<0\.\d+\.0> terminating$/);
  assertEquals(second, "    ** RangeError: too \\u001b[31mfar");
  for (
    const reason of ["boom", "normal", new Error("no"), { type: "shutdown" }]
  ) {
    assertEquals((await crash(() => exit(reason))).told, "");
  }
});

/** Runs `fn` in a process; returns its exit reason and its output on standard error. */
async function crash(
  fn: () => unknown,
): Promise<{ reason: unknown; told: string }> {
  let reason: unknown;
  const told = await standardError(async () => {
    const { pid, ref } = spawnMonitor(fn);
    reason = (await receive((message) => ref.equals(message.ref))).reason;
    assertFalse(Process.alive(pid));
  });
  return { reason, told };
}

// exit(pid, reason)

processTest("exit(pid) rejects a reason that cannot be sent", () => {
  const pid = idle();
  assertThrows(() => Process.exit(pid, () => {}), TypeError, "function");
  assert(Process.alive(pid));
  Process.exit(pid, "kill");
});
