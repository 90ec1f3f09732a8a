/** Erlang's formats: the text of `io_lib:format/2` of OTP and of the group leader here, for the same arguments. */

import { assertEquals, assertThrows } from "@std/assert";
import { atom } from "../../../packages/processes/values/atom.ts";
import { Bitstring } from "../../../packages/processes/values/bitstring.ts";
import { Float } from "../../../packages/processes/values/float.ts";
import { ExternalFunction } from "../../../packages/processes/values/functions.ts";
import { ImproperList } from "../../../packages/processes/values/improper_list.ts";
import { Tuple, tuple } from "../../../packages/processes/values/tuple.ts";
import { formatText } from "../../../packages/beam/io/erlang_format.ts";
import { test } from "../../../packages/testing/tags.ts";
import { TermReader } from "../../../packages/beam/wire/etf_decoder.ts";
import { TermWriter } from "../../../packages/beam/wire/etf_encoder.ts";
import { ELIXIR, ElixirNode } from "../../_elixir.ts";
import { clusterTest } from "../../_nodes.ts";
import fc, { commandOf, runs, SEED } from "../../_seeds.ts";

const RUNS = runs(2000);

/** Answers with each case as Erlang sends it, and the text or `error`. */
const ORACLE = `
defmodule Oracle do
  def run(cases) do
    for {format, args} = given <- :erlang.binary_to_term(Base.decode64!(cases)) do
      text =
        try do
          :unicode.characters_to_binary(:io_lib.format(format, args))
        rescue
          _ -> :error
        end
      {given, (if is_binary(text), do: text, else: :error)}
    end
    |> :erlang.term_to_binary()
    |> Base.encode64()
  end
end
`;

function encoded(term: unknown): string {
  const writer = new TermWriter(1 << 24);
  writer.u8(131);
  writer.term(term, 1000);
  return btoa(
    Array.from(writer.take(), (b) => String.fromCharCode(b)).join(""),
  );
}

function decoded(text: string): unknown {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new TermReader().open(bytes, 1, bytes.length).term(1000);
}

const ATOMS = [
  "ok",
  "error",
  "A b",
  "nil",
  "x@1",
  "maybe",
  "",
  "é",
  "λ",
  "undefined",
  "a_much_longer_atom_than_others",
];

function float(): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    fc.integer({ min: -10_000_000, max: 10_000_000 }).map((n) => n / 1000),
    fc.constantFrom(
      0.1,
      0.09999999,
      0.95,
      9.9999999,
      99999.5,
      1e21,
      1e-7,
      1e16,
      2 ** 53,
      123456789.125,
    ),
  ).map((value) =>
    Number.isInteger(value) && !Object.is(value, -0) ? new Float(value) : value
  );
}

/** Any term. */
function term(): fc.Arbitrary<unknown> {
  const printable = fc.string({ unit: "grapheme", maxLength: 40 });
  return fc.letrec((tie) => {
    const items = (max = 6) => fc.array(tie("term"), { maxLength: max });
    return {
      term: fc.oneof(
        { depthSize: "medium", withCrossShrink: true },
        fc.integer(),
        fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }),
        float(),
        fc.constantFrom(...ATOMS).map(atom),
        fc.constantFrom(true, false, null, undefined),
        printable.map((text) => [...text].map((c) => c.codePointAt(0))),
        fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 40 }),
        items(),
        items(20),
        items().map((each) => new Tuple(each)),
        fc.tuple(fc.constantFrom(...ATOMS), items()).map(([tag, each]) =>
          tuple(atom(tag), ...each)
        ),
        fc.tuple(
          fc.array(tie("term"), { minLength: 1, maxLength: 4 }),
          tie("term"),
        )
          .filter(([, tail]) =>
            !Array.isArray(tail) && !(tail instanceof ImproperList)
          )
          .map(([each, tail]) => new ImproperList(each, tail)),
        fc.constant(new ExternalFunction("Elixir.String", "upcase", 1)),
        printable,
        fc.string({ maxLength: 120 }),
        fc.constantFrom("a\n\t\"'\\\x1b\x7f", "é", "\x80", "日本"),
        fc.uint8Array({ maxLength: 60 }).map((bytes) => bytes.slice()),
        fc.tuple(
          fc.uint8Array({ minLength: 1, maxLength: 9 }),
          fc.integer({ min: 1, max: 7 }),
        )
          .map(([bytes, bits]) => new Bitstring(bytes, bits)),
        fc.array(fc.tuple(tie("term"), tie("term")), { maxLength: 5 }).map((
          each,
        ) =>
          // Some of the terms are the same in Erlang: the index makes a key unique.
          new Map(
            each.map((
              [key, value],
              i,
            ) => [i % 2 === 0 ? tuple(i, key) : `${i}`, value]),
          )
        ),
        fc.uniqueArray(fc.constantFrom(...ATOMS), { maxLength: 6 }).map((
          names,
        ) => new Map(names.map((name, i) => [atom(name), i]))),
      ),
    };
  }).term as fc.Arbitrary<unknown>;
}

/** A directive with an argument that mostly fits it. */
function directive(): fc.Arbitrary<[string, unknown[]]> {
  const modifier = fc.constantFrom("", "", "t", "l", "tl");
  const letter = fc.constantFrom(..."wwpppsssbbc~ni");
  const text = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 30 }),
    fc.string({ maxLength: 30 }).map((t) =>
      [...t].map((c) => c.codePointAt(0))
    ),
    fc.constantFrom(atom("ok"), null, atom("λ")),
    fc.array(
      fc.oneof(fc.string({ unit: "grapheme", maxLength: 5 }), fc.nat(300)),
      { maxLength: 6 },
    ),
    term(),
  );
  const integer = fc.oneof(
    fc.integer(),
    fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
    term(),
  );
  const given: Record<string, fc.Arbitrary<unknown>> = {
    w: term(),
    p: term(),
    i: term(),
    s: text,
    b: integer,
    c: fc.integer({ min: 0, max: 400 }),
  };
  return fc.tuple(modifier, letter).chain(([modifier, letter]) =>
    (letter in given ? fc.tuple(given[letter]) : fc.constant<unknown[]>([]))
      .map((
        args,
      ): [string, unknown[]] => [
        // Erlang breaks no lines in a width of 0.
        `~${letter === "p" ? "0" : ""}${
          letter === "b" ? "" : modifier
        }${letter}`,
        args,
      ])
  );
}

function formatCase(): fc.Arbitrary<Tuple> {
  const plain = fc.constantFrom("", " ", "ab: ", "\n", "\t", "é ");
  return fc.array(fc.tuple(plain, directive()), { maxLength: 4 }).map((parts) =>
    tuple(
      parts.map(([text, [format]]) => text + format).join(""),
      parts.flatMap(([, [, args]]) => args),
    )
  );
}

function ours(format: unknown, args: unknown): string {
  try {
    return formatText(format, args);
  } catch (error) {
    if ((error as Error).name !== "FormatError") throw error;
    return "error";
  }
}

clusterTest("formatText() equals io_lib:format/2", async (cluster) => {
  await cluster.start("alex");
  await using kate = await ElixirNode.start("kate", {
    ...cluster,
    epmdPort: cluster.epmdPort,
    erl: ["+pc", "unicode"],
  });
  await kate.evaluate(ORACLE);
  const cases = fc.sample(formatCase(), { numRuns: RUNS });
  const failed: string[] = [];
  for (let i = 0; i < cases.length; i += 500) {
    const given = encoded(cases.slice(i, i + 500));
    const answer = JSON.parse(await kate.evaluate(`Oracle.run("${given}")`));
    for (const each of decoded(answer) as Tuple<[Tuple, unknown]>[]) {
      const [format, args] = each[0].elements;
      const wanted = String(each[1]);
      const got = ours(format, args);
      if (got !== wanted) {
        failed.push(
          `${format} of ${
            Deno.inspect(args, { depth: 20, colors: false })
          }\n${wanted}\n--- here:\n${got}`,
        );
      }
    }
  }
  failed.sort((one, other) => one.length - other.length);
  assertEquals(
    failed.slice(0, Number(Deno.env.get("SHOW") ?? 5)).join("\n=====\n"),
    "",
    `${failed.length} of ${RUNS}, ${commandOf(SEED)}`,
  );
}, { programs: ELIXIR, timeout: 240_000 });

test("formatText() writes ~p in one line, and the arguments of other directives as ~p does", () => {
  const wide = Array.from({ length: 60 }, (_, i) => 1000 + i);
  const pairs = new Map<unknown, unknown>([[atom("b"), 1], [atom("a"), [2]]]);
  for (
    const [format, args, text] of [
      ["~p", [wide], `[${wide.join(",")}]`],
      ["~20p", [wide], `[${wide.join(",")}]`],
      ["~*.*.*p", [1, 2, 97, 42], "42"],
      ["~-5s|~5s|~.1s", ["a", "b", "cd"], "a|b|cd"],
      ["~.2f ~e ~g", [3.14159, 1.5, new Float(2)], "3.14159 1.5 2.0"],
      ["~.16b ~B ~X ~+", [255, 255, 255, "0x", 255], "255 255 255 255"],
      ["~W ~P", [[1, 2, 3], 2, pairs, 2], "[1,2,3] #{b => 1,a => [2]}"],
      ["~kp ~Kp", [pairs, atom("ordered"), 1], "#{b => 1,a => [2]} 1"],
      ["~999999999c~999999999n~999999999~", [97], "a\n~"],
    ] as const
  ) assertEquals(formatText(format, args), text, format);
});

test("formatText() refuses formats that do not fit their arguments", () => {
  for (
    const [format, args] of [
      ["~", []],
      ["~q", [1]],
      ["~-p", [1]],
      ["~p", []],
      ["~*p", [1]],
      ["~W", [1]],
      ["~n", [1]],
      ["~s", [1]],
      ["~s", [[300]]],
      ["~c", ["a"]],
      ["~tc", [0xd800]],
      ["~b", [1.5]],
      [{}, []],
      ["~p", atom("none")],
    ] as [unknown, unknown][]
  ) assertThrows(() => formatText(format, args), Error, "", `${format}`);
});
