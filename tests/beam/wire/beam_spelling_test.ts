/** How names, exit reasons and declared values are spelled for a BEAM, and back. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import {
  beam,
  beamTypesOf,
} from "../../../packages/beam/functions/declaration.ts";
import { Atom, atom, Float, Tuple, tuple } from "../../../mod.ts";
import {
  argsFromBeam,
  argsToBeam,
  fromBeam,
  toBeam,
} from "../../../packages/beam/terms/conversions.ts";
import {
  type BeamType,
  beamTypeOfText,
  beamTypeToText,
  checkBeamType,
} from "../../../packages/processes/values/beam_types.ts";
import {
  fromBeamFunction,
  fromBeamName,
  toBeamFunction,
  toBeamName,
} from "../../../packages/processes/values/beam_names.ts";
import {
  reasonFromBeam,
  reasonToBeam,
} from "../../../packages/beam/terms/beam_reasons.ts";
import { test } from "../../../packages/testing/tags.ts";
import fc from "../../_seeds.ts";

test("names of modules and processes have one encoding each way", () => {
  const spelled: [ours: string, theirs: string][] = [
    ["Chat", "Elixir.Chat"],
    ["Chat.Server", "Elixir.Chat.Server"],
    ["kate", "kate"],
    ["camelCase", "camelCase"],
    ["snake_case", "snake_case"],
    ["'Chat'", "Chat"],
    ["'Elixir'", "Elixir"],
    ["'quoted'", "'quoted'"],
    ["''Chat''", "'Chat'"],
    ["", ""],
    ["Ümlaut", "Ümlaut"],
  ];
  for (const [ours, theirs] of spelled) {
    assertEquals(toBeamName(ours), theirs);
    assertEquals(fromBeamName(theirs), ours);
  }
  const atoms = fc.string({ unit: fc.constantFrom("'", "A", "a", ".", "é") })
    .chain((text) => fc.constantFrom(text, `Elixir.${text}`));
  fc.assert(fc.property(atoms, (name) => {
    assertEquals(toBeamName(fromBeamName(name)), name);
  }));
});

test("function names change case in capitalised modules only", () => {
  const spelled: [module: string, ours: string, theirs: string][] = [
    ["Chat", "receiveMessage", "receive_message"],
    ["Chat", "run", "run"],
    ["Chat", "toJSON", "to_j_s_o_n"],
    ["Chat", "v2Run", "v2_run"],
    ["Chat", "valid?", "valid?"],
    ["Chat", "_private", "_private"],
    ["lists", "keyFind", "keyFind"],
    ["lists", "key_find", "key_find"],
  ];
  for (const [module, ours, theirs] of spelled) {
    assertEquals(toBeamFunction(module, ours), theirs);
    assertEquals(fromBeamFunction(module, theirs), ours);
  }
  assertEquals(toBeamFunction("Chat", "'receiveMessage'"), "receiveMessage");
});

/** Reasons that have one encoding there. */
const reasons = fc.letrec<{ reason: unknown }>((tie) => ({
  reason: fc.oneof(
    { maxDepth: 6 },
    fc.constantFrom<unknown>("normal", "noproc", "killed", "kill", "a_b1"),
    fc.constantFrom<unknown>("two words", "Capital", "", "x!", "1"),
    fc.constantFrom<unknown>(atom("Elixir.Chat"), atom("two words"), 7, null),
    fc.record({
      type: fc.constant("binary"),
      text: fc.constantFrom("normal", "noproc", "x"),
    }),
    fc.record({ type: fc.constant("shutdown"), reason: tie("reason") }),
    fc.record({ type: fc.constant("nodedown"), node: fc.constant("a@b") }),
    fc.record({ type: fc.constant("nocatch"), value: fc.integer() }),
    fc.record({
      type: fc.constant("call"),
      reason: tie("reason"),
      call: fc.constantFrom(
        ["GenServer", "call", [1, "x"]],
        ["Chat", "sendMessage", []],
        ["lists", "keyFind", [1]],
      ),
    }),
    fc.record({
      type: fc.constant("failed_to_start_child"),
      id: fc.constant("id"),
      reason: tie("reason"),
    }),
    fc.constant(tuple(atom("badarg"), [1])),
  ),
})).reason;

test("exit reasons come back as they were", () => {
  fc.assert(fc.property(reasons, (reason) => {
    assertEquals(reasonFromBeam(reasonToBeam(reason)), reason);
  }));
  const error = reasonFromBeam(reasonToBeam(new TypeError("boom")));
  assert(error instanceof TypeError);
  assertEquals(error.message, "boom");
  // Texts that are atoms there are the only ones.
  assertEquals(reasonToBeam("normal"), atom("normal"));
  assertEquals(reasonToBeam("a".repeat(256)), "a".repeat(256));
  assertEquals(reasonFromBeam("normal"), { type: "binary", text: "normal" });
});

/** Declared types, and values here and there. */
const DECLARED: [type: BeamType, ours: unknown, theirs: unknown][] = [
  ["term", "a", "a"],
  ["binary", "a", "a"],
  ["bytes", new Uint8Array([97]), "a"],
  ["atom", "ok", atom("ok")],
  ["charlist", "hé", [104, 233]],
  ["float", 1, new Float(1)],
  ["float", 1.5, 1.5],
  [{ list: "atom" }, ["a", "b"], [atom("a"), atom("b")]],
  [{ tuple: ["atom", "term"] }, ["ok", 1], tuple(atom("ok"), 1)],
  [{ map: { a: "atom" } }, { a: "x" }, new Map([[atom("a"), atom("x")]])],
  [{ tagged: { get: [] } }, "get", atom("get")],
  [{ tagged: { get: ["atom"] } }, "get", atom("get")],
  [{ tagged: { get: ["atom"] } }, ["get", "a"], tuple(atom("get"), atom("a"))],
  [{ tagged: { get: {} } }, { type: "get" }, atom("get")],
  [
    { tagged: { add: { n: "float", to: "atom" } } },
    { type: "add", n: 1, to: "x" },
    tuple(atom("add"), new Float(1), atom("x")),
  ],
];

test("declared types convert values both ways, and leave others as they are", () => {
  for (const [type, ours, theirs] of DECLARED) {
    assertEquals(fromBeam(theirs, type), ours);
    if (type !== "bytes") assertEquals(toBeam(ours, type), theirs);
    for (const [, other] of DECLARED) toBeam(other, type);
    for (const odd of [undefined, null, NaN, Symbol.iterator, new Date(0)]) {
      if (type === "atom" || odd === theirs) continue;
      assertEquals(fromBeam(odd, type), odd);
      assertEquals(toBeam(odd, type), odd);
    }
  }
  // The values that are atoms there.
  assertEquals(fromBeam(null, { tagged: { nil: [] } }), "nil");
  assertEquals(fromBeam(true, "atom"), "true");
  assertEquals(fromBeam(null, "atom"), "nil");
  assertEquals(fromBeam(undefined, "atom"), "undefined");
  assertEquals(fromBeam([0x110000], "charlist"), [0x110000]);
});

/** A type and a value of it. */
type Declared = [type: BeamType, value: unknown];

function valuesOf(
  type: BeamType,
  values: fc.Arbitrary<unknown>,
): fc.Arbitrary<Declared> {
  return values.map((value) => [type, value]);
}

/** The types of fields, and their values. */
function unzipped(all: Record<string, Declared>) {
  const fields = Object.entries(all);
  return {
    types: Object.fromEntries(fields.map(([key, [type]]) => [key, type])),
    values: Object.fromEntries(fields.map(([key, [, value]]) => [key, value])),
  };
}

/** Types with values of theirs. */
const declared = fc.letrec<{ any: Declared }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    valuesOf("binary", fc.string()),
    valuesOf("atom", fc.string()),
    valuesOf("charlist", fc.string({ unit: "grapheme" })),
    valuesOf("float", fc.double({ noNaN: true })),
    valuesOf("bytes", fc.uint8Array()),
    fc.array(tie("any")).map((all): Declared => [
      { tuple: all.map(([type]) => type) },
      all.map(([, value]) => value),
    ]),
    fc.tuple(tie("any"), fc.nat(3)).map(([[type, value], n]): Declared => [
      { list: type },
      Array(n).fill(value),
    ]),
    fc.dictionary(fc.string(), tie("any")).map((all): Declared => {
      const { types, values } = unzipped(all);
      return [{ map: types }, values];
    }),
    fc.tuple(fc.string(), fc.array(tie("any"))).map(([name, all]): Declared => [
      { tagged: Object.fromEntries([[name, all.map(([type]) => type)]]) },
      all.length === 0 ? name : [name, ...all.map(([, value]) => value)],
    ]),
    fc.tuple(
      fc.string(),
      fc.dictionary(fc.string().filter((key) => key !== "type"), tie("any")),
    ).map(([name, all]): Declared => {
      const { types, values } = unzipped(all);
      return [
        { tagged: Object.fromEntries([[name, types]]) },
        { type: name, ...values },
      ];
    }),
  ),
})).any;

test("values of declared types come back as they were, and types survive their text", () => {
  fc.assert(fc.property(declared, ([type, value]) => {
    checkBeamType(type);
    assertEquals(fromBeam(toBeam(value, type), type), value);
    const same = beamTypeOfText(beamTypeToText(type));
    assertEquals(fromBeam(toBeam(value, same), type), value);
  }));
});

test("-0 of the declared type float is sent as it is", () => {
  assertEquals(toBeam(-0, "float"), -0);
  assertEquals(
    fromBeam(toBeam([-0, 1], { list: "float" }), { list: "float" }),
    [-0, 1],
  );
});

test("a term of another form than declared arrives as it is", () => {
  const type: BeamType = { tagged: { put: { key: "atom" }, add: ["atom"] } };
  for (
    const term of [
      atom("put"),
      atom("other"),
      tuple(atom("put")),
      tuple(atom("put"), 1, 2),
      tuple(atom("add"), 1, 2),
      tuple("put", 1),
      tuple(),
      "put",
      ["put", 1],
    ]
  ) assertEquals(fromBeam(term, type), term);
  for (
    const value of ["put", ["put", "a"], { type: "add" }, ["add"], { put: 1 }]
  ) assertEquals(toBeam(value, type), value);
});

test("texts of types that a peer sends are checked", () => {
  for (
    const text of [
      "",
      '"atoms"',
      "null",
      '{"list":"atom","tuple":[]}',
      '{"tagged":{"a":{"type":"atom"}}}',
      "[".repeat(10_000),
      `"${"a".repeat(20_000)}"`,
      '{"list":'.repeat(40) + '"atom"' + "}".repeat(40),
      7,
    ]
  ) assertThrows(() => beamTypeOfText(text), Error);
});

test("beam() declares the types of a function, and checks them", () => {
  const fn = beam(
    (name: string, count: number, all: string[]) => `${name}${count}${all}`,
    { args: ["atom", "float", { list: "atom" }], returns: "atom" },
  );
  assertEquals(fn("a", 1, ["b"]), "a1b");
  const types = beamTypesOf(fn);
  assertEquals(
    argsFromBeam([atom("a"), new Float(2), [atom("b")], "more"], types),
    ["a", 2, ["b"], "more"],
  );
  assertEquals(
    argsToBeam(["a", 2, ["b"]], types),
    [atom("a"), new Float(2), [atom("b")]],
  );
  // @ts-expect-error: a number is no atom
  beam((count: number) => count, { args: ["atom"] });
  // @ts-expect-error: more types than arguments
  beam((count: number) => count, { args: ["float", "atom"] });
  // @ts-expect-error: the result is a number
  beam((count: number) => count, { returns: "charlist" });
  // deno-lint-ignore no-explicit-any
  const wrong = (types: any) => () => beam((x: unknown) => x, types);
  assertThrows(wrong({ args: ["atoms"] }), TypeError, '"atoms"');
  assertThrows(wrong({ args: "atom" }), TypeError, "array of types");
  assertThrows(wrong({ returns: { list: 1 } }), TypeError);
  assertThrows(wrong(undefined), TypeError);
  // deno-lint-ignore no-explicit-any
  assertThrows(() => beam(1 as any, {}), TypeError, "give a function");
  assert(new Tuple([]).length === 0 && atom("x") instanceof Atom);
});

test("an invalid declaration of a GenServer throws, at its start and for a reference", async () => {
  for (
    const [declaration, said] of [
      [{ calls: {} }, 'no option "calls"; did you mean "call"?'],
      [{ call: "atoms" }, 'Cannot declare the type "atoms"'],
      [{ call: { tagged: ["pop"] } }, "Cannot declare the type"],
      [{ call: { tagged: { pop: "atom" } } }, "Cannot declare the type"],
      [{ call: { tagged: { pop: { type: "atom" } } } }, "the type"],
      [{ call: { list: "atom", tuple: [] } }, "Cannot declare the type"],
      [{ replies: "atom" }, "declare the replies of a GenServer"],
      [{ replies: { pop: "atoms" } }, 'Cannot declare the type "atoms"'],
      ["atom", "declare the types of a GenServer"],
      [[], "declare the types of a GenServer"],
      [null, "declare the types of a GenServer"],
      [{ info: { tuple: Array(9000).fill("term") } }, "16384 is the most"],
    ] as const
  ) {
    // deno-lint-ignore no-explicit-any
    const beam = declaration as any;
    const init = () => ({ type: "ok", state: 0 }) as const;
    const error = await assertRejects(() =>
      GenServer.start({ init, beam }, undefined)
    ) as Error;
    assert(error.message.includes(said), error.message);
    assertThrows(() => GenServer.ref("any", { beam }), Error, said);
  }
  // @ts-expect-error: options by name
  assertThrows(() => GenServer.ref("any", "beam"), TypeError, "{ beam:");
});
