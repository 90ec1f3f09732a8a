import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { Buffer } from "node:buffer";
import * as errors from "../../../packages/processes/errors.ts";
import {
  exit,
  Process,
  receive,
  self,
  send,
  spawnMonitor,
} from "../../../packages/processes/process.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { improperList } from "../../../packages/processes/values/improper_list.ts";
import { termKey } from "../../../packages/processes/values/term_key.ts";
import { Tuple, tuple } from "../../../packages/processes/values/tuple.ts";
import fc, { runs } from "../../_seeds.ts";
import { anyTerm, exactly, mutable } from "../../_terms.ts";
import { mail, processTest } from "../../_processes.ts";

// deno-lint-ignore no-explicit-any
function copied<T>(value: T): Promise<any> {
  send(self(), value as unknown);
  return receive();
}

processTest("send() delivers a copy that shares nothing mutable", async () => {
  await fc.assert(
    fc.asyncProperty(anyTerm(), async (value) => {
      const before = exactly(value);
      const copy = await copied(value);
      assertEquals(exactly(copy), before);
      assertEquals(exactly(value), before);
      const originals = mutable(value);
      for (const each of mutable(copy)) assertFalse(originals.has(each));
    }),
    { numRuns: runs(500) },
  );
});

processTest("exit() and spawn() copy as send() does", async () => {
  await fc.assert(
    fc.asyncProperty(anyTerm(), async (value) => {
      let argument: unknown;
      const { ref } = spawnMonitor((given: unknown) => {
        argument = given;
        exit(value);
      }, [value]);
      const { reason } = await receive((m) => ref.equals(m?.ref));
      const originals = mutable(value);
      for (const copy of [argument, reason]) {
        assertEquals(exactly(copy), exactly(value));
        for (const each of mutable(copy)) assertFalse(originals.has(each));
      }
    }),
    { numRuns: runs(200) },
  );
});

processTest("send() copies a part once for each occurrence", async () => {
  const shared = { n: 1 };
  const copy = await copied({ a: shared, b: shared });
  assertNotStrictEquals(copy.a, shared);
  copy.a.n = 2;
  assertEquals(shared.n, 1);
});

processTest("send() copies a view's bytes, not its buffer", async () => {
  const buffer = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8).buffer;
  const copy = await copied(new Uint16Array(buffer, 2, 2));
  assertInstanceOf(copy, Uint16Array);
  assertEquals([...new Uint8Array(copy.buffer)], [3, 4, 5, 6]);
});

processTest("send() copies a Buffer, whose slice() shares memory", async () => {
  const buffer = Buffer.from("secret");
  const copy = await copied(buffer);
  copy[0] = 0;
  assertEquals(buffer.toString(), "secret");
  buffer[1] = 0;
  assertEquals([...copy], [0, ...new TextEncoder().encode("ecret")]);
});

processTest("send() delivers frozen and bare objects as plain", async () => {
  const frozen = await copied(Object.freeze({ list: Object.freeze([1]) }));
  frozen.list.push(2);
  frozen.more = true;
  assertEquals(frozen, { list: [1, 2], more: true });
  const bare = await copied(Object.assign(Object.create(null), { a: 1 }));
  assertStrictEquals(Object.getPrototypeOf(bare), Object.prototype);
  assertEquals(bare, { a: 1 });
});

processTest("send() copies only own enumerable string keys", async () => {
  const object = Object.defineProperty(
    {
      a: 1,
      [Symbol("s")]: 2,
      get b() {
        return [3];
      },
    },
    "hidden",
    { value: 4 },
  );
  const copy = await copied(object);
  assertEquals(Reflect.ownKeys(copy), ["a", "b"]);
  assertEquals(Object.getOwnPropertyDescriptor(copy, "b")?.value, [3]);
});

processTest("send() keeps a __proto__ key a key", async () => {
  await asElsewhere(async () => {
    const hostile = JSON.parse(
      '{"__proto__":{"polluted":true,"__proto__":{"deeper":true}}}',
    );
    const copy = await copied(hostile);
    assertEquals(Object.keys(copy), ["__proto__"]);
    assertStrictEquals(Object.getPrototypeOf(copy), Object.prototype);
    assertStrictEquals(copy.polluted, undefined);
    // deno-lint-ignore no-explicit-any
    assertStrictEquals(({} as any).polluted, undefined);
    const inner = Object.getOwnPropertyDescriptor(copy, "__proto__")!.value;
    assertStrictEquals(inner.deeper, undefined);
    assert(Object.hasOwn(inner, "__proto__"));
  });
});

/** Runs `fn` with the accessor that Deno lacks and other runtimes have. */
async function asElsewhere(fn: () => Promise<void>): Promise<void> {
  Object.defineProperty(Object.prototype, "__proto__", {
    get(this: object): unknown {
      return Object.getPrototypeOf(this);
    },
    set(this: object, prototype: object): void {
      Object.setPrototypeOf(this, prototype);
    },
    configurable: true,
  });
  try {
    await fn();
  } finally {
    // deno-lint-ignore no-explicit-any
    delete (Object.prototype as any).__proto__;
  }
}

// Values that cannot be sent.

class Account {}

const NOT_SENDABLE: Record<string, [value: unknown, message: string]> = {
  "a function": [
    function greet() {},
    "Cannot send the function greet: functions do not travel; export it from a module and send [module, function, args]",
  ],
  "an anonymous function": [
    (() => () => {})(),
    "Cannot send the function (anonymous): functions do not travel",
  ],
  "a class": [Account, "Cannot send the function Account: "],
  "an instance": [
    new Account(),
    "Cannot send an instance of Account: only plain data travels; send its fields instead",
  ],
  "a proxy of a function": [
    new Proxy(() => {}, {}),
    "Cannot send the function ",
  ],
  "a proxy of an instance": [
    new Proxy(new Account(), {}),
    "Cannot send an instance of Account: ",
  ],
  "a symbol": [
    Symbol("s"),
    "Cannot send Symbol(s): symbols do not travel; send an atom or a string",
  ],
  "a promise": [Promise.resolve(), "Cannot send an instance of Promise: "],
  "a WeakMap": [new WeakMap(), "Cannot send an instance of WeakMap: "],
  "a RegExp": [/x/, "Cannot send an instance of RegExp: "],
  "a URL": [new URL("http://x"), "Cannot send an instance of URL: "],
  "a DataView": [
    new DataView(new ArrayBuffer(1)),
    "Cannot send an instance of DataView: ",
  ],
  "shared memory": [
    new SharedArrayBuffer(1),
    "Cannot send an instance of SharedArrayBuffer: ",
  ],
  "a boxed number": [new Number(1), "Cannot send an instance of Number: "],
  "an object that inherits": [
    Object.create({ inherited: true }),
    "Cannot send an instance of Object: ",
  ],
  "a generator": [(function* () {})(), "Cannot send an instance of "],
};

for (const [what, [value, message]] of Object.entries(NOT_SENDABLE)) {
  processTest(`send() rejects ${what} anywhere in a message`, async () => {
    const places: unknown[] = [
      value,
      [value],
      { a: { b: value } },
      new Map([[value, 1]]),
      new Map([[1, value]]),
      new Set([value]),
      new Error("x", { cause: value }),
      { a: [tuple(1, tuple(value))] },
      improperList([value], 1),
      improperList([1], value),
    ];
    for (const place of places) {
      // An error keeps no functions among its fields.
      if (place instanceof Error && typeof value === "function") continue;
      assertThrows(() => send(self(), place), TypeError, message);
      assertThrows(() => termKey(place), TypeError, message);
    }
    assertEquals(await mail(), []);
  });
}

// Depth.

function nested(levels: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = wrap(value);
  return value;
}

processTest(
  "send() accepts 512 levels and rejects more, of any depth",
  async () => {
    const wraps: ((inner: unknown) => unknown)[] = [
      (inner) => [inner],
      (inner) => ({ inner }),
      (inner) => new Map([[1, inner]]),
      (inner) => new Map([[inner, 1]]),
      (inner) => new Set([inner]),
      (cause) => new Error("x", { cause }),
    ];
    for (const wrap of wraps) {
      const deepest = nested(512, wrap);
      assertEquals(exactly(await copied(deepest)), exactly(deepest));
      for (const levels of [513, 100_000]) {
        const error = assertThrows(
          () => send(self(), nested(levels, wrap)),
          RangeError,
        );
        assertEquals(
          error.message,
          "Cannot send a value nested deeper than 512 levels (or one that contains itself); flatten it, or raise limits.maxDepth on both nodes",
        );
      }
    }
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const set = new Set<unknown>();
    set.add(set);
    for (const value of [circular, set]) {
      assertThrows(() => send(self(), value), RangeError, "contains itself");
    }
    assertEquals(await mail(), []);
  },
);

// Errors.

processTest("an error keeps a class of the language or library", async () => {
  const originals: Error[] = [
    new TypeError("x"),
    new AggregateError([new RangeError("inner")], "several"),
    new errors.ExitError({ type: "shutdown", reason: 1 }),
    new errors.ReceiveTimeout(5),
    new errors.NoProcessError("x"),
    new errors.UndefinedFunctionError("x"),
    new errors.SpawnRefusedError("limit", "x"),
    new errors.QueueFullError("kate@localhost", 10, 5),
    new errors.NodeStartError("name", "x"),
  ];
  for (const original of originals) {
    const copy = await copied(original);
    assertNotStrictEquals(copy, original);
    assertInstanceOf(
      copy,
      original.constructor as abstract new (...args: never[]) => Error,
    );
    assertStrictEquals(
      Object.getPrototypeOf(copy),
      Object.getPrototypeOf(original),
    );
    assertEquals(
      [copy.name, copy.message, copy.stack],
      [original.name, original.message, original.stack],
    );
  }
  const exited = await copied(originals[2]);
  assertEquals(exited.reason, { type: "shutdown", reason: 1 });
  const full = await copied(originals[7]);
  assertEquals([full.node, full.queued], ["kate@localhost", 10]);
});

processTest("an error of another class is an Error with its name", async () => {
  class AccountError extends TypeError {
    override name = "AccountError";
    code = "E_ACCOUNT";
    owners = ["kate"];
    close(): void {}
  }
  const original = new AccountError("no money");
  const copy = await copied(original);
  assertStrictEquals(Object.getPrototypeOf(copy), Error.prototype);
  assertEquals([copy.name, copy.message], ["AccountError", "no money"]);
  assertEquals([copy.code, copy.owners], ["E_ACCOUNT", ["kate"]]);
  assertNotStrictEquals(copy.owners, original.owners);
});

processTest("an error's name alone gives it no class", async () => {
  const fake = Object.assign(new Error("x"), { name: "constructor" });
  for (const error of [fake, new DOMException("x", "AbortError")]) {
    const copy = await copied(error);
    assertStrictEquals(Object.getPrototypeOf(copy), Error.prototype);
    assertEquals([copy.name, copy.message], [error.name, "x"]);
  }
});

processTest("an error keeps its cause and the errors in it", async () => {
  const cause = new RangeError("cause", { cause: { list: [1] } });
  const inner = new TypeError("inner");
  const copy = await copied(new AggregateError([inner, 1], "m", { cause }));
  assertInstanceOf(copy.cause, RangeError);
  assertEquals(copy.cause.cause, { list: [1] });
  assertInstanceOf(copy.errors[0], TypeError);
  assertEquals(copy.errors[1], 1);
  assertEquals(Object.keys(copy), []);
  assertNotStrictEquals(copy.cause, cause);
  assertNotStrictEquals(copy.errors[0], inner);
});

processTest("an error's fields cannot hide its message", async () => {
  await asElsewhere(async () => {
    const hostile = new Error("real");
    Object.defineProperty(hostile, "__proto__", {
      value: { polluted: true },
      enumerable: true,
    });
    const copy = await copied(hostile);
    assertStrictEquals(Object.getPrototypeOf(copy), Error.prototype);
    assertStrictEquals(copy.polluted, undefined);
    assertEquals(copy.message, "real");
  });
});

processTest("atoms remain one object; pids and references equal", async () => {
  const [copy, pid] = await copied([atom("ok"), self()]);
  assertStrictEquals(copy, atom("ok"));
  assert(self().equals(pid));
});

processTest("an array with holes can be sent unless it is long", async () => {
  // deno-lint-ignore no-sparse-arrays
  const copy = await copied([1, , 3]);
  assertEquals([copy, Object.keys(copy)], [[1, undefined, 3], ["0", "1", "2"]]);
  const long: unknown[] = [1, 2, 3];
  long.length = 2 ** 32 - 1;
  const values = [long, { a: [long] }, new Map([[long, 1]]), new Tuple(long)];
  for (const value of values) {
    for (
      const fn of [
        () => send(self(), value),
        () => Process.exit(self(), value),
        () => termKey(value),
      ]
    ) assertThrows(fn, RangeError, "items that has holes");
  }
  const { ref } = spawnMonitor(() => exit(long));
  const { reason } = await receive((m) => ref.equals(m?.ref));
  assertEquals(typeof reason, "string");
});
