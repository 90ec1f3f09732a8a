// Says what we rely on in `@std`. It passes with the stand-ins beside it and
// with the genuine packages.

import {
  assert,
  assertArrayIncludes,
  assertEquals,
  assertFalse,
  assertGreater,
  assertInstanceOf,
  AssertionError,
  assertLess,
  assertMatch,
  assertNotEquals,
  assertNotMatch,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  equal,
} from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { getAvailablePort } from "@std/net/get-available-port";
import { FakeTime } from "@std/testing/time";
import { assertType, type IsExact } from "@std/testing/types";

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
  assertGreater(2, 1);
  assertLess(1, 2);
  assertInstanceOf(new Vector(1, 2), Point);
  assertStringIncludes("abc", "b");
  assertMatch("abc", /b/);
  assertNotMatch("abc", /d/);
  assertArrayIncludes([{ a: 1 }, { a: 2 }], [{ a: 2 }]);

  refuses(() => assert(0));
  refuses(() => assertFalse(1));
  refuses(() => assertEquals<unknown>({ a: 1 }, { a: "1" }));
  refuses(() => assertNotEquals([1], [1]));
  refuses(() => assertStrictEquals({}, {}));
  refuses(() => assertNotStrictEquals(NaN, NaN));
  refuses(() => assertGreater(1, 1));
  refuses(() => assertLess(1, 1));
  refuses(() => assertInstanceOf(new Point(1, 2), Vector));
  refuses(() => assertStringIncludes("abc", "d"));
  refuses(() => assertMatch("abc", /d/));
  refuses(() => assertNotMatch("abc", /b/));
  refuses(() => assertArrayIncludes([{ a: 1 }], [{ a: 2 }]));
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

Deno.test("parseArgs() parses declared flags, and reports others", () => {
  const unknown: string[] = [];
  const args = parseArgs(
    [
      ..."--sname alex@localhost --port 4000 -e 1+1 --eval=2 --hidden".split(
        " ",
      ),
      ..."--wrong file 7 -- --rest 8".split(" "),
    ],
    {
      string: ["sname", "cookie", "port", "eval", "module"],
      boolean: ["hidden", "halt", "help"],
      collect: ["eval", "module"],
      alias: { eval: "e", help: "h" },
      unknown: (arg: string, key?: string) => {
        if (key !== undefined) unknown.push(arg);
        return key === undefined;
      },
    },
  );
  assertEquals<unknown>(args, {
    _: [7, "--rest", "8"],
    sname: "alex@localhost",
    port: "4000",
    eval: ["1+1", "2"],
    e: ["1+1", "2"],
    module: [],
    hidden: true,
    halt: false,
    help: false,
    h: false,
  });
  assertEquals(unknown, ["--wrong"]);
});

Deno.test("parseArgs() takes values that are written to a letter", () => {
  for (const given of ["-e5", "-e=5", "-e 5", "-ve 5"]) {
    const { verbose, e } = parseArgs(given.split(" "), {
      string: ["e"],
      boolean: ["verbose"],
      alias: { verbose: "v" },
    });
    assertEquals([verbose, e], [given.includes("v"), "5"], given);
  }
});

Deno.test("parseArgs() keeps a flag from taking the next flag as its value", () => {
  const { _, sname, cookie } = parseArgs(["--sname", "--cookie", "c"], {
    string: ["sname", "cookie"],
  });
  assertEquals([_, sname, cookie], [[], "", "c"]);
});

Deno.test("getAvailablePort() gives a port that can be listened on", () => {
  const port = getAvailablePort();
  using listener = Deno.listen({ port });
  assertEquals(listener.addr.port, port);
  assertNotEquals(getAvailablePort({ preferredPort: port }), port);
});

Deno.test("FakeTime moves the clock and what hangs on it", async () => {
  const realTimeout = setTimeout;
  {
    using time = new FakeTime();
    const start = Date.now();
    const seen: string[] = [];
    setTimeout((text: string) => seen.push(text), 50, "timeout");
    const cleared = setTimeout(() => seen.push("cleared"), 50);
    clearTimeout(cleared);
    const interval = setInterval(() => seen.push("interval"), 30);
    const signal = AbortSignal.timeout(40);
    time.tick(29);
    assertEquals(seen, []);
    await time.tickAsync(26);
    assertEquals([Date.now(), new Date().getTime()], [start + 55, start + 55]);
    assertEquals(seen, ["interval", "timeout"]);
    assert(signal.aborted);
    clearInterval(interval);
    assertThrows(() => new FakeTime());
  }
  assertStrictEquals(setTimeout, realTimeout);
});

Deno.test("assertType() checks types when it is compiled", () => {
  assertType<IsExact<{ a: string }, { a: string }>>(true);
  assertType<IsExact<{ a: string }, { a?: string }>>(false);
  // deno-lint-ignore no-explicit-any
  assertType<IsExact<any, unknown>>(false);
});
