import {
  assert,
  assertEquals,
  assertFalse,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Pid, Ref } from "../../../packages/processes/process.ts";
import {
  inspect,
  type InspectOptions,
  printable,
} from "../../../packages/processes/values/inspect.ts";
import {
  atom,
  Bitstring,
  ExternalFunction,
  Float,
  improperList,
  Port,
  Tuple,
  tuple,
} from "../../../mod.ts";
import { formatExit } from "../../../packages/processes/values/exit_reason.ts";
import { LocalFunction } from "../../../packages/processes/values/functions.ts";
import { pidOf, refOf } from "../../../packages/processes/values/pid.ts";
import { test } from "../../../packages/testing/tags.ts";
import fc from "../../_seeds.ts";
import { anyTerm, objectOf } from "../../_terms.ts";

class Account {
  owner = "kate";
}
class Empty {}
class Link extends URL {
  override get href(): string {
    throw new Error("inspect() calls no code of a user");
  }
}

const SHOWN: [value: unknown, text: string][] = [
  ["text", '"text"'],
  ['a "quoted" \\ line\n', '"a \\"quoted\\" \\\\ line\\n"'],
  ["é 漢 🎉", '"é 漢 🎉"'],
  [1, "1"],
  [-0, "-0"],
  [NaN, "NaN"],
  [1.5e300, "1.5e+300"],
  [-Infinity, "-Infinity"],
  [42n, "42n"],
  [true, "true"],
  [null, "null"],
  [undefined, "undefined"],
  [Symbol("s"), "Symbol(s)"],
  [[], "[]"],
  [{}, "{}"],
  [["a", [1, 2]], '["a", [1, 2]]'],
  [{ type: "hi", tags: ["a", 1n] }, '{ type: "hi", tags: ["a", 1n] }'],
  [{ "a-b": 1, $ok: 2, 3: 3 }, '{ "3": 3, "a-b": 1, $ok: 2 }'],
  [objectOf([["__proto__", 1]]), "{ __proto__: 1 }"],
  [Object.assign(Object.create(null), { a: 1 }), "{ a: 1 }"],
  [new Map<unknown, unknown>([["k", { a: 1 }]]), '#Map<"k" => { a: 1 }>'],
  [new Map(), "#Map<>"],
  [new Set([1, "b"]), '#Set<1, "b">'],
  [new Uint8Array([1, 255]), "#Uint8Array<1, 255>"],
  [new BigInt64Array([-1n]), "#BigInt64Array<-1n>"],
  [new Uint8Array([1, 2]).buffer, "#ArrayBuffer<1, 2>"],
  [new DataView(Uint8Array.of(1, 2, 3).buffer, 1), "#DataView<2, 3>"],
  [new Date(0), "#Date<1970-01-01T00:00:00.000Z>"],
  [new Date(NaN), "#Date<invalid>"],
  [/a+/g, "/a+/g"],
  [new RangeError("too far"), "#RangeError<too far>"],
  [
    new URL("/?q=1", "https://me:pw@otp.example"),
    "#URL<https://me:...@otp.example/?q=1>",
  ],
  [new URLSearchParams({ q: "a b" }), "#URLSearchParams<q=a+b>"],
  [
    new Headers({ Cookie: "s", "x-id": "7" }),
    '#Headers { cookie: "...", "x-id": "7" }',
  ],
  [
    new Request("http://otp.example/"),
    '#Request { method: "GET", url: "http://otp.example/", headers: #Headers {} }',
  ],
  [
    new Response(null, { status: 204 }),
    "#Response { status: 204, headers: #Headers {} }",
  ],
  [AbortSignal.abort("late"), '#AbortSignal { aborted: true, reason: "late" }'],
  [new AbortController().signal, "#AbortSignal { aborted: false }"],
  [new Link("http://otp.example"), "#Link<http://otp.example/>"],
  [Object.create(URL.prototype), "#URL {}"],
  [new Account(), '#Account { owner: "kate" }'],
  [new Empty(), "#Empty {}"],
  [function greet() {}, "#Function<greet>"],
  [(() => () => {})(), "#Function<anonymous>"],
  [Account, "#Class<Account>"],
  [atom("ok"), ":ok"],
  [atom("alex@localhost"), ":alex@localhost"],
  [atom("done?"), ":done?"],
  [atom("two words"), ':"two words"'],
  [atom(""), ':""'],
  [new Pid("nonode@nohost", 112, 0), "#PID<0.112.0>"],
  [[new Ref("nonode@nohost", 7, 3)], "[#Reference<0.3.0.7>]"],
  [pidOf("nonode@nohost", 112, 2 ** 32 - 1, 0), "#PID<0.112.4294967295>"],
  [new Pid("nonode@nohost", 2 ** 32 + 5, 0), "#PID<0.5.1>"],
  [refOf("nonode@nohost", [1, 2, 3], 3), "#Reference<0.3.2.1>"],
  [refOf("nonode@nohost", [1, 2, 3, 4, 5], 3), "#Reference<0.5.4.3.2.1>"],
  [tuple(), "{}"],
  [tuple(atom("ok"), [1, tuple("a")]), '{:ok, [1, {"a"}]}'],
  [improperList([1, 2], tuple()), "[1, 2 | {}]"],
  [[108, 111, 99], "[108, 111, 99]"],
  [[tuple(atom("file"), [97, 46])], "[file: [97, 46]]"],
  [new Float(1), "1.0"],
  [[new Float(-5), new Float(0)], "[-5.0, 0.0]"],
  [new Float(9_999_999_999_999_998), "9999999999999998.0"],
  [new Float(1e16), "1.0e16"],
  [new Float(-1.25e300), "-1.25e300"],
  [new Bitstring(Uint8Array.of(255, 0x7f), 3), "<<255, 3::size(3)>>"],
  [new ExternalFunction("Elixir.Foo.Bar", "a?", 0), "&Foo.Bar.a?/0"],
  [new ExternalFunction("Elixir", "x", 3), "&Elixir.x/3"],
  [new ExternalFunction("Elixir.foo", "x", 3), '&:"Elixir.foo".x/3'],
  [new ExternalFunction("erlang", "+", 2), "&:erlang.+/2"],
  [new ExternalFunction("m", "..", 2), '&:m.".."/2'],
  [new ExternalFunction("m", "Foo", 2), '&:m."Foo"/2'],
  [new ExternalFunction("a b", "c-d", 2), '&:"a b"."c-d"/2'],
  [new ExternalFunction("m", "\x1b[2J", 2), '&:m."\\u001b[2J"/2'],
  [
    new LocalFunction("erl_eval", 43, 81571850, 0, Uint8Array.of(112)),
    "#Function<43.81571850/0 in :erl_eval>",
  ],
  [new Port("nonode@nohost", 5, 1), "#Port<0.5>"],
  [
    new Port("nonode@nohost", 2n ** 64n - 1n, 1),
    "#Port<0.18446744073709551615>",
  ],
  [atom("Elixir.Chat.Message"), "Chat.Message"],
  [atom("Elixir.chat"), ':"Elixir.chat"'],
  [atom("élan"), ":élan"],
];

test("inspect() shows each kind of value", () => {
  for (const [value, text] of SHOWN) assertEquals(inspect(value), text);
});

test("inspect() shows a value that contains itself, and one that appears twice", () => {
  const circular: Record<string, unknown> = { a: 1 };
  circular.self = circular;
  circular.list = [circular];
  assertEquals(
    inspect(circular),
    "{ a: 1, self: [circular], list: [[circular]] }",
  );
  const shared = { n: 1 };
  assertEquals(inspect([shared, shared]), "[{ n: 1 }, { n: 1 }]");
});

const OWN: unknown[] = [];
OWN.push(new Tuple(OWN));

const DEEP = tuple(improperList([tuple(1)], 2));
const KATE = { name: "kate", friends: ["alex", "moebi"] };

const LIMITED: [value: unknown, options: InspectOptions, text: string][] = [
  [[[[1]]], { depth: 2 }, "[[[...]]]"],
  [{ a: { b: { c: 1 } } }, { depth: 1 }, "{ a: { ... } }"],
  [nested(100_000), {}, "[".repeat(8) + "[...]" + "]".repeat(8)],
  [DEEP, { depth: 2 }, "{[{...} | 2]}"],
  [DEEP, { depth: 1 }, "{[...]}"],
  [DEEP, { depth: 0 }, "{...}"],
  [OWN, {}, "[{[circular]}]"],
  [[1, 2], { limit: 2 }, "[1, 2]"],
  [[1, 2, 3, 4], { limit: 2 }, "[1, 2, ...]"],
  [tuple(1, 2, 3), { limit: 2 }, "{1, 2, ...}"],
  [improperList([1, 2, 3], 4), { limit: 2 }, "[1, 2, ... | 4]"],
  [
    new Bitstring(new Uint8Array(1_000_000), 1),
    { limit: 2 },
    "<<0, 0, ...>>",
  ],
  [new Set([1, 2, 3, 4]), { limit: 2 }, "#Set<1, 2, ...>"],
  [{ a: 1, b: 2, c: 3 }, { limit: 2 }, "{ a: 1, b: 2, ... }"],
  [
    new Map([[1, 1], [2, 2], [3, 3]]),
    { limit: 2 },
    "#Map<1 => 1, 2 => 2, ...>",
  ],
  [new Uint8Array(4), { limit: 2 }, "#Uint8Array<0, 0, ...>"],
  [KATE, { width: Infinity }, '{ name: "kate", friends: ["alex", "moebi"] }'],
  [KATE, { width: 50 }, '{ name: "kate", friends: ["alex", "moebi"] }'],
  [
    KATE,
    { width: 30 },
    `{
  name: "kate",
  friends: ["alex", "moebi"]
}`,
  ],
  [
    KATE,
    { width: 12 },
    `{
  name: "kate",
  friends: [
    "alex",
    "moebi"
  ]
}`,
  ],
  [
    tuple("aaaa", improperList(["bbbb"], "cccc")),
    { width: 16 },
    `{
  "aaaa",
  [
    "bbbb" | "cccc"
  ]
}`,
  ],
];

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = [value];
  return value;
}

test("inspect() limits the depth and the number of items, and breaks only values that are wider than the width", () => {
  for (const [value, options, text] of LIMITED) {
    assertEquals(inspect(value, options), text);
  }
  assertEquals(inspect(Array(1000).fill(0)).split(",").length, 51);
});

// Terminals.

/** No width, fillers, joiners and selectors of no emoji, tags, a selector of another plane, and blanks. */
const HIDDEN = [
  ..."\u200b|\u200c|\u2060|\u2064|\u00ad|\u3164|\ufeff|\u2800|\ufffc|\ufe01"
    .split("|"),
  ..."a\u200d|a\u200db|a\ufe0f|1\ufe0f|#\ufe0e|\u30a2\ufe0f".split("|"),
  ..."\u{20bb7}\ufe0f|\u{20bb7}\u200d\u{1f4bb}|\u{13430}|\u{1343f}".split("|"),
  ..."\u{1d159}|\u{e0041}|\u{e007f}|\u{e0101}|\u{1d173}".split("|"),
  ..."\u00a0\u1680\u2000\u2009\u200a\u2028\u2029\u202f\u205f\u3000",
];

const STEERING = [
  ..."\x1b[2J|\x9b31m|\x07|\r|\x00|\x7f|\u202e|\u2066|\u200f|\u061c".split("|"),
  ...HIDDEN,
];

test("inspect() escapes control characters and characters that hide text", () => {
  for (const text of STEERING) {
    class Named {}
    Object.defineProperty(Named, "name", { value: `N${text}` });
    const fn = () => {};
    Object.defineProperty(fn, "name", { value: `f${text}` });
    const error = new Error(`message ${text}`);
    error.name = `Name${text}`;
    const values = [
      text,
      { [text]: 1 },
      new Map([[text, text]]),
      atom(`a${text}`),
      Symbol(text),
      new Named(),
      fn,
      error,
      new Pid(`x${text}`, 1, 1),
    ];
    for (const value of values) {
      assertFalse(inspect(value).includes(text), JSON.stringify(text));
    }
  }
});

test("text escapes what nobody sees, and leaves emojis and letters", () => {
  for (const hidden of HIDDEN) {
    assertFalse(printable(`x ${hidden} y`).includes(hidden), inspect(hidden));
    assertEquals(JSON.parse(inspect(hidden)), hidden);
  }
  assertEquals(printable("\u{e0041}"), "\\udb40\\udc41");
  assertEquals(printable("\u2764\ufe0f\ufe0f"), "\u2764\ufe0f\\ufe0f");
  for (
    const shown of [
      "\u{1f469}\u200d\u{1f4bb}",
      "\u{1f469}\u{1f3fd}\u200d\u2764\ufe0f\u200d\u{1f468}",
      "\u{1f468}\u200d\u{1f9b0} \u{1f3f4}\u200d\u2620\ufe0f \u{1f469}\u200d\u2695\ufe0f",
      "1\ufe0f\u20e3 \u2764\ufe0f \u00a9\ufe0f \u3297\ufe0e \u{1f590}\ufe0f",
      "na\u0308ive \u05e9\u05dc\u05d5\u05dd \u6c49\u5b57 \u{20bb7}",
    ]
  ) assertEquals([printable(shown), inspect(shown)], [shown, `"${shown}"`]);
});

test("inspect() never throws, for any value", () => {
  const throwing = {
    get a(): never {
      throw new Error("do not look");
    },
  };
  const error = new Error("x");
  Object.defineProperty(error, "message", { get: () => throwing.a });
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  assertEquals(inspect([1, throwing]), "[1, #Unreadable<>]");
  assertEquals(inspect(error), "#Unreadable<>");
  assertEquals(inspect([proxy]), "[#Unreadable<>]");
});

test("inspect() shows any value that can be sent, within its width where possible", () => {
  fc.assert(
    fc.property(anyTerm(), (value) => {
      const text = inspect(value);
      assert(text.length > 0);
      assertFalse(text.includes("#Unreadable"));
      assertEquals(inspect(value), text);
    }),
  );
});

for (
  const [value, text] of [
    [[108, 111, 99], '~c"loc"'],
    [[tuple(atom("file"), [97, 46, 101, 120])], '[file: ~c"a.ex"]'],
    [
      { sizes: [[65, 34], [], [127], [65.5], [10]] },
      '{ sizes: [~c"A\\"", [], [127], [65.5], ~c"\\n"] }',
    ],
    [[97, 0], "[97, 0]"],
    [["97"], '["97"]'],
    [[97 + 2 ** 16], "[65633]"],
    [Array(5000).fill(65), "[65, 65, 65, 65, 65, ...]"],
  ] as const
) {
  Deno.test(`inspect() with charlists "infer" shows ${text}`, () => {
    assertEquals(inspect(value, { charlists: "infer", limit: 5 }), text);
  });
}

Deno.test("inspect() rejects other charlists", () => {
  assertThrows(
    () => inspect([1], { charlists: "as_charlists" as never }),
    TypeError,
    'charlists is "as_charlists"; give "as_lists" or "infer"',
  );
});

Deno.test("formatExit() shows the files of an Erlang stack as texts, and a program's numbers as numbers", () => {
  const stack = [
    tuple(atom("m"), atom("f"), 1, [tuple(atom("file"), [97, 46])]),
  ];
  assertStringIncludes(
    formatExit(tuple(atom("badarg"), stack)),
    '[file: ~c"a."]',
  );
  assertStringIncludes(formatExit({ sizes: [97, 46] }), "[97, 46]");
  const throws = () => {
    throw new Error("no");
  };
  const hostile = new Proxy({}, { get: throws, getPrototypeOf: throws });
  assertEquals(formatExit(hostile), "#Unreadable<>");
});
