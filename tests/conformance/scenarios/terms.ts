/** Erlang's terms: their text, equality, use as keys, and way to another node. */

import {
  type Atom,
  atom,
  Bitstring,
  ExternalFunction,
  Float,
  improperList,
  inspect,
  makeRef,
  Node,
  type Pid,
  Process,
  receive,
  self,
  send,
  tuple,
} from "../../../mod.ts";
import { equalTerms } from "../../../packages/processes/values/equality.ts";
import { expect, peer, scenario, trace } from "../_scenario.ts";

function fun(module: string, name: string, arity: number): ExternalFunction {
  return new ExternalFunction(module, name, arity);
}

function bits(count: number, ...bytes: number[]): Bitstring {
  const last = bytes.length - 1;
  bytes[last] <<= 8 - count;
  return new Bitstring(Uint8Array.from(bytes), count);
}

const OK: Atom = atom("ok");
const A: Atom = atom("a");

export async function echo(): Promise<never> {
  for (;;) {
    const [from, value] = await receive<[Pid, unknown]>();
    send(from, tuple(atom("echo"), value));
  }
}

scenario("inspect shows tuples, improper lists and bitstrings", async () => {
  await trace("empty", inspect(tuple()));
  await trace("pair", inspect(tuple(OK, 1)));
  await trace("nested", inspect([tuple(OK, [tuple(), tuple(tuple(1))])]));
  const inner = [tuple(atom("c?"), tuple()), tuple(atom("+"), 2)];
  const keywords = [tuple(A, 1), tuple(atom("b c"), inner)];
  await trace("keywords", inspect(keywords));
  await trace("no keywords", inspect([tuple(A, 1), tuple(atom("b"), 2, 3)]));
  await trace("modules", inspect([tuple(atom("Elixir.Foo"), 1)]));
  await trace("improper", inspect(improperList([1], 2)));
  await trace(
    "longer",
    inspect(improperList([1, tuple(A)], tuple(atom("b"), 2))),
  );
  await trace("bits", inspect(bits(3, 1)));
  await trace("more bits", inspect(bits(7, 255, 0, 127)));
});

scenario("inspect shows whole floats", async () => {
  for (
    const value of [
      ...[1, 0, -5, 123_456, 9_007_199_254_740_992, 9_999_999_999_999_998],
    ]
  ) await trace("decimal", inspect(new Float(value)));
  for (
    const value of [1e16, -1e16, 1.25e20, 1e22, 123_456_789_012_345_680, 1e300]
  ) await trace("scientific", inspect(new Float(value)));
});

scenario("inspect shows functions of modules, and atoms", async () => {
  await trace("of Elixir", inspect(fun("Elixir.String", "length", 1)));
  await trace(
    "of a module in a module",
    inspect(fun("Elixir.Foo.Bar", "a?", 0)),
  );
  await trace("of Erlang", inspect(fun("erlang", "abs", 1)));
  await trace("an operator", inspect(fun("erlang", "+", 2)));
  await trace("no operator", inspect(fun("m", "..", 2)));
  await trace("in quotes", inspect(fun("a b", "c-d", 2)));
  await trace("a capital", inspect(fun("m", "Foo", 2)));
  await trace("no module", inspect(fun("Elixir.foo", "x", 3)));
  await trace("an atom", inspect(OK));
  await trace("an alias", inspect(atom("Elixir.Chat.Message")));
  await trace("an atom in quotes", inspect(atom("two words")));
  await trace("a letter", inspect(atom("élan")));
  for (const name of ["+", "<>", "..", "{}", "::", "^^^", "[]"]) {
    await trace("an operator", inspect(atom(name)));
  }
});

scenario("equal terms have equal parts", async () => {
  const one = tuple(1);
  await trace("tuples", tuple(1, [2]).equals(tuple(1, [2])));
  await trace("a tuple and a list", one.equals([1]));
  await trace("another length", one.equals(tuple(1, 2)));
  await trace("an integer and a float", new Float(1).equals(1));
  await trace("within tuples", one.equals(tuple(new Float(1))));
  await trace("floats", new Float(2).equals(new Float(2)));
  const list = improperList([1], 2);
  await trace("improper lists", list.equals(improperList([1], 2)));
  await trace("another tail", list.equals(improperList([1], 3)));
  await trace("improper and proper", list.equals([1, 2]));
  await trace("bits", bits(3, 1).equals(bits(3, 1)));
  await trace("other bits", bits(3, 1).equals(bits(4, 1)));
  await trace("bits and bytes", bits(3, 1).equals(Uint8Array.of(32)));
  await trace("functions", fun("m", "f", 1).equals(fun("m", "f", 1)));
  await trace("another arity", fun("m", "f", 1).equals(fun("m", "f", 2)));
});

scenario("terms are keys by their parts", async () => {
  const keys = [
    tuple(A, 1),
    tuple(A, new Float(1)),
    improperList([A], 1),
    [A, 1],
    bits(3, 1),
    1,
    new Float(1),
    fun("m", "f", 1),
  ];
  keys.forEach((key, i) => Process.put(key, i));
  await trace("tuple", Process.get(tuple(A, 1)));
  await trace("with a float", Process.get(tuple(A, new Float(1))));
  await trace("improper list", Process.get(improperList([A], 1)));
  await trace("list", Process.get([A, 1]));
  await trace("bits", Process.get(bits(3, 1)));
  await trace("integer", Process.get(1));
  await trace("float", Process.get(new Float(1)));
  await trace("function", Process.get(fun("m", "f", 1)));
  await trace("another", Process.get(tuple(A, 2)));
});

scenario("terms arrive unchanged from another node", async () => {
  const kate = await peer("kate");
  const pid = await Node.spawn(kate, echo);
  const terms = [
    tuple(OK, [tuple(), new Float(1)]),
    improperList([1], tuple(2)),
    bits(3, 5, 3),
    fun("Elixir.String", "length", 1),
    makeRef(),
    tuple(self(), new Float(2)),
  ];
  for (const value of terms) {
    send(pid, tuple(self(), value));
    const [, back] = await expect("echo");
    await trace("equal", equalTerms(back, value));
  }
});
