// Says what we rely on in `@std`. It passes with the stand-ins beside it and
// with the genuine packages.

import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertFalse,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertIsError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertNotInstanceOf,
  assertNotMatch,
  assertNotStrictEquals,
  assertObjectMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  equal,
  fail,
  unimplemented,
  unreachable,
} from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { getAvailablePort } from "@std/net/get-available-port";
import { FakeTime, TimeError } from "@std/testing/time";
import {
  assertType,
  type Has,
  type IsExact,
  type IsNever,
  type NotHas,
} from "@std/testing/types";

function refuses(fn: () => unknown): void {
  assertThrows(fn, AssertionError);
}

class Point {
  readonly x: number;
  readonly #norm: number;
  constructor(x: number, y: number) {
    this.x = x;
    this.#norm = Math.hypot(x, y);
  }
  get norm(): number {
    return this.#norm;
  }
}

class Vector extends Point {}

Deno.test("equal() compares plain values by their properties", () => {
  assert(equal({ a: [1, { b: 2n }] }, { a: [1, { b: 2n }] }));
  assert(equal(NaN, NaN));
  assert(equal(0, -0));
  assert(equal(Object.assign(Object.create(null), { a: 1 }), { a: 1 }));
  assertFalse(equal({ a: undefined }, {}));
  assertFalse(equal([1, 2], [2, 1]));
  assertFalse(equal({ a: 1 }, { a: "1" }));
  assertFalse(equal([], {}));
});

Deno.test("equal() compares instances by class, properties and accessors", () => {
  assert(equal(new Point(1, 2), new Point(1, 2)));
  assertFalse(equal(new Point(1, 2), new Point(2, 1)));
  assertFalse(equal(new Point(1, 2), new Vector(1, 2)));
  assertFalse(equal(new Error("a"), new Error("a", { cause: 1 })));
  assertFalse(equal(() => 1, () => 1));
});

Deno.test("equal() compares collections without regard to order", () => {
  assert(equal(new Set([1, { a: 1 }]), new Set([{ a: 1 }, 1])));
  assert(equal(new Map([["a", 1], ["b", 2]]), new Map([["b", 2], ["a", 1]])));
  assert(equal(new Map([[{ a: 1 }, [1]]]), new Map([[{ a: 1 }, [1]]])));
  assertFalse(equal(new Map([["a", 1]]), new Map([["a", 2]])));
  assertFalse(equal(new Set([1]), new Set([2])));
});

Deno.test("equal() compares bytes, dates, patterns and URLs", () => {
  assert(equal(new Uint8Array([1, 2]), new Uint8Array([1, 2])));
  assertFalse(equal(new Uint8Array([1]), new Uint8Array([2])));
  assertFalse(equal(new Uint8Array([1]), new Int8Array([1])));
  assertFalse(equal(new ArrayBuffer(1), new ArrayBuffer(2)));
  assertFalse(equal(new Date(1), new Date(2)));
  assertFalse(equal(/a/, /a/g));
  assertFalse(equal(new URL("http://a/"), new URL("http://b/")));
  assertThrows(() => equal(new WeakMap(), new WeakMap()), TypeError);
});

Deno.test("equal() ends on a cycle", () => {
  const a: Record<string, unknown> = { n: 1 };
  const b: Record<string, unknown> = { n: 1 };
  a.self = a;
  b.self = b;
  assert(equal(a, b));
});

Deno.test("assert() and its kin pass what holds and refuse what does not", () => {
  assertEquals({ a: 1 }, { a: 1 });
  assertNotEquals({ a: 1 }, { a: 2 });
  assertStrictEquals(1, 1);
  assertNotStrictEquals({}, {});
  assertAlmostEquals(0.1 + 0.2, 0.3);
  assertGreater(2, 1);
  assertGreaterOrEqual(2, 2);
  assertLess(1, 2);
  assertLessOrEqual(2, 2);
  assertExists(0);
  assertInstanceOf(new Vector(1, 2), Point);
  assertNotInstanceOf(1, Date);
  assertStringIncludes("abc", "b");
  assertMatch("abc", /b/);
  assertNotMatch("abc", /d/);
  assertArrayIncludes([{ a: 1 }, { a: 2 }], [{ a: 2 }]);
  assertIsError(new TypeError("no way"), TypeError, "way");

  refuses(() => assert(0));
  refuses(() => assertFalse(1));
  refuses(() => assertEquals<unknown>({ a: 1 }, { a: "1" }));
  refuses(() => assertNotEquals([1], [1]));
  refuses(() => assertStrictEquals({}, {}));
  refuses(() => assertNotStrictEquals(NaN, NaN));
  refuses(() => assertAlmostEquals(0.1, 0.3));
  refuses(() => assertGreater(1, 1));
  refuses(() => assertGreaterOrEqual(1, 2));
  refuses(() => assertLess(1, 1));
  refuses(() => assertLessOrEqual(2, 1));
  refuses(() => assertExists(null));
  refuses(() => assertInstanceOf(new Point(1, 2), Vector));
  refuses(() => assertNotInstanceOf(new Vector(1, 2), Point));
  refuses(() => assertStringIncludes("abc", "d"));
  refuses(() => assertMatch("abc", /d/));
  refuses(() => assertNotMatch("abc", /b/));
  refuses(() => assertArrayIncludes([{ a: 1 }], [{ a: 2 }]));
  refuses(() => assertIsError(new TypeError("no way"), RangeError));
  refuses(() => fail());
  refuses(() => unreachable());
  refuses(() => unimplemented());
});

Deno.test("assertEquals() says what differs, and the caller's note", () => {
  const error = assertThrows(
    () => assertEquals({ name: "kate" }, { name: "alex" }, "the note"),
    AssertionError,
    "the note",
  );
  assertStringIncludes(error.message, "kate");
  assertStringIncludes(error.message, "alex");
});

Deno.test("assertObjectMatch() lets the actual value have more", () => {
  const actual = {
    type: "DOWN",
    object: { name: "a", node: "b" },
    list: [1, { x: 1, y: 2 }],
    map: new Map([["k", { v: 1, w: 2 }]]),
    set: new Set([1, 2]),
  };
  assertObjectMatch(actual, { type: "DOWN", object: { node: "b" } });
  assertObjectMatch(actual, { list: [1, { y: 2 }] });
  assertObjectMatch(actual, { map: new Map([["k", { v: 1 }]]) });
  assertObjectMatch(actual, { set: new Set([2]) });
  refuses(() => assertObjectMatch(actual, { type: "EXIT" }));
  refuses(() => assertObjectMatch(actual, { missing: undefined }));
  refuses(() => assertObjectMatch(actual, { list: [1, { y: 3 }] }));
  refuses(() => assertObjectMatch(actual, { list: [1, { y: 2 }, 3] }));
  refuses(() => assertObjectMatch(actual, { set: new Set([3]) }));
});

Deno.test("assertThrows() gives the error, and checks class and message", () => {
  const error = new RangeError("Cannot open: 7");
  const raise = () => {
    throw error;
  };
  assertStrictEquals(assertThrows(raise), error);
  assertStrictEquals(assertThrows(raise, RangeError, "open: 7"), error);
  refuses(() => assertThrows(() => 1));
  refuses(() => assertThrows(raise, TypeError));
  refuses(() => assertThrows(raise, RangeError, "close"));
  refuses(() =>
    assertThrows(() => {
      throw "text";
    }, Error)
  );
});

Deno.test("assertRejects() gives the reason, and checks class and message", async () => {
  const error = new RangeError("Cannot open: 7");
  const raise = () => Promise.reject(error);
  assertStrictEquals(await assertRejects(raise), error);
  assertStrictEquals(await assertRejects(raise, RangeError, "open: 7"), error);
  const refused = [
    () => assertRejects(() => Promise.resolve()),
    () => assertRejects(raise, TypeError),
    () => assertRejects(raise, RangeError, "close"),
    () =>
      assertRejects(() => {
        throw error;
      }, RangeError),
  ];
  for (const fn of refused) await assertRejects(fn, AssertionError);
});

Deno.test("parseArgs() parses and types declared flags", () => {
  const unknown: string[] = [];
  const args = parseArgs(
    [
      ..."--sname alex@localhost --port 4000 -e 1+1 --eval=2 --hidden".split(
        " ",
      ),
      ..."--no-halt --wrong file 7 -- --rest 8".split(" "),
    ],
    {
      string: ["sname", "cookie", "port", "eval"],
      boolean: ["hidden", "halt", "help"],
      collect: ["eval"],
      alias: { eval: "e", help: "h" },
      default: { cookie: "none", halt: true },
      negatable: ["halt"],
      "--": true,
      unknown: (arg: string, key?: string) => {
        if (key !== undefined) unknown.push(arg);
        return key === undefined;
      },
    },
  );
  assertType<IsExact<typeof args.sname, string | undefined>>(true);
  assertType<IsExact<typeof args.cookie, string>>(true);
  assertType<IsExact<typeof args.eval, string[]>>(true);
  assertType<IsExact<typeof args.hidden, boolean>>(true);
  assertType<IsExact<typeof args.h, boolean>>(true);
  assertType<IsExact<typeof args.other, unknown>>(true);
  assertEquals(args, {
    _: [7],
    "--": ["--rest", "8"],
    sname: "alex@localhost",
    port: "4000",
    cookie: "none",
    eval: ["1+1", "2"],
    e: ["1+1", "2"],
    hidden: true,
    halt: false,
    help: false,
    h: false,
  });
  assertEquals(unknown, ["--wrong"]);
});

Deno.test("parseArgs() guesses the types of flags that are not declared", () => {
  assertEquals(parseArgs(["--a", "1", "--b", "-xyz", "-n5", "-o=c", "d"]), {
    _: ["d"],
    a: 1,
    b: true,
    x: true,
    y: true,
    z: true,
    n: 5,
    o: "c",
  });
  assertEquals(parseArgs(["--a", "1", "--a", "2"]).a, 2);
  assertEquals(parseArgs(["--a.b", "3"]), { _: [], a: { b: 3 } });
  assertEquals(parseArgs(["--no-a"]), { _: [], "no-a": true });
});

Deno.test("parseArgs() stops at the first positional argument if told to", () => {
  assertEquals(parseArgs(["-a", "--b", "c", "d", "-e"], { stopEarly: true }), {
    _: ["d", "-e"],
    a: true,
    b: "c",
  });
  assertEquals(
    parseArgs(["-a", "b", "--c"], { boolean: ["a"], stopEarly: true }),
    { _: ["b", "--c"], a: true },
  );
});

Deno.test("parseArgs() keeps a flag from taking the next flag as its value", () => {
  assertEquals(
    parseArgs(["--sname", "--cookie", "c"], { string: ["sname", "cookie"] }),
    { _: [], sname: "", cookie: "c" },
  );
});

Deno.test("getAvailablePort() gives a port that can be listened on", () => {
  const port = getAvailablePort();
  using listener = Deno.listen({ port });
  assertEquals(listener.addr.port, port);
  assertNotEquals(getAvailablePort({ preferredPort: port }), port);
});

Deno.test("FakeTime moves the clock and what hangs on it", async () => {
  using time = new FakeTime(1000);
  const seen: string[] = [];
  setTimeout((text: string) => seen.push(text), 50, "timeout");
  const cleared = setTimeout(() => seen.push("cleared"), 50);
  clearTimeout(cleared);
  const interval = setInterval(() => seen.push("interval"), 30);
  const signal = AbortSignal.timeout(40);
  assertEquals(Date.now(), 1000);
  time.tick(29);
  assertEquals(seen, []);
  assert(time.next());
  assertEquals([Date.now(), new Date().getTime(), time.now], [
    1030,
    1030,
    1030,
  ]);
  await time.tickAsync(25);
  assertEquals(seen, ["interval", "timeout"]);
  assert(signal.aborted);
  clearInterval(interval);
  time.runAll();
  assertEquals(await time.nextAsync(), false);
  assertEquals(time.start, 1000);
});

Deno.test("FakeTime gives real time back", async () => {
  const realTimeout = setTimeout;
  {
    using time = new FakeTime();
    assertThrows(() => new FakeTime(), TimeError);
    assertThrows(() => time.now = time.now - 1, RangeError);
    await time.delay(1);
    const real = await FakeTime.restoreFor(() => setTimeout === realTimeout);
    assert(real);
    assertNotStrictEquals<unknown>(setTimeout, realTimeout);
  }
  assertStrictEquals(setTimeout, realTimeout);
  assertThrows(() => FakeTime.restore(), TimeError);
});

Deno.test("assertType() checks types when it is compiled", () => {
  assertType<IsExact<{ a: string }, { a: string }>>(true);
  assertType<IsExact<{ a: string }, { a?: string }>>(false);
  // deno-lint-ignore no-explicit-any
  assertType<IsExact<any, unknown>>(false);
  assertType<Has<string | number, number>>(true);
  assertType<NotHas<string, number>>(true);
  assertType<IsNever<never>>(true);
});
