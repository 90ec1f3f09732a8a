/** Erlang's terms that are not values of JavaScript: tuples, improper lists, bitstrings, floats, functions, ports. */

import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { assertType, type IsExact } from "@std/testing/types";
import { Buffer } from "node:buffer";
import nodeAssert from "node:assert/strict";
import { inspect as nodeInspect } from "node:util";
import {
  type Atom,
  atom,
  Bitstring,
  ExternalFunction,
  Float,
  improperList,
  inspect,
  jsonLog,
  type LogEvent,
  Node,
  Pid,
  Port,
  Process,
  receive,
  Ref,
  Registry,
  self,
  send,
  Tuple,
  tuple,
} from "../../../mod.ts";
import { DEFAULT_LIMITS } from "../../../packages/node/wire.ts";
import { keyOf } from "../../../packages/processes/process/links_and_monitors.ts";
import { equalTerms } from "../../../packages/processes/values/equality.ts";
import { LocalFunction } from "../../../packages/processes/values/functions.ts";
import { pidOf, refOf } from "../../../packages/processes/values/pid.ts";
import {
  leastWireBytes,
  termBytes,
} from "../../../packages/processes/values/term_bytes.ts";
import { copyTerm } from "../../../packages/processes/values/term.ts";
import { termKey } from "../../../packages/processes/values/term_key.ts";
import { test } from "../../../packages/testing/tags.ts";
import { TermReader } from "../../../packages/beam/wire/etf_decoder.ts";
import { TermWriter } from "../../../packages/beam/wire/etf_encoder.ts";
import {
  AttachmentReader,
  AttachmentWriter,
} from "../../../packages/node/json/attachments.ts";
import { ProtocolError } from "../../../packages/node/wires/over_limit.ts";
import {
  ValueDecoder,
  ValueEncoder,
} from "../../../packages/node/json/json_values.ts";
import { clusterTest, pairTest } from "../../_nodes.ts";
import { processTest, standardError } from "../../_processes.ts";
import { frameOf, RawPeer } from "../../_raw_peer.ts";
import * as Remote from "../../_remote.ts";
import fc, { runs } from "../../_seeds.ts";
import { anyTerm, exactly } from "../../_terms.ts";

const MOEBI = "moebi@localhost";
const BIG = 2 ** 32 - 1;

/** The ends of a connection. */
const ENDS = ["alex@localhost", "kate@localhost"].map((name, i) => ({
  name,
  creation: i + 1,
}));

function encoderTo(
  attachments: AttachmentWriter = new AttachmentWriter(),
): ValueEncoder {
  const { maxDepth } = DEFAULT_LIMITS;
  return new ValueEncoder(ENDS[0], ENDS[1], maxDepth, attachments);
}

/** Terms that all differ. */
const DIFFERENT: Record<string, () => unknown> = {
  "{}": () => tuple(),
  "{{}}": () => tuple(tuple()),
  "{1}": () => tuple(1),
  "{1.0}": () => tuple(new Float(1)),
  "{1, 2}": () => tuple(1, 2),
  "{1, {2}}": () => tuple(1, tuple(2)),
  "{[1, 2]}": () => tuple([1, 2]),
  "an array": () => [1, 2],
  "an array of 1.0": () => [new Float(1), 2],
  "an array with an improper list": () => [1, improperList([2], 3)],
  "[1 | 2]": () => improperList([1], 2),
  "[1, 2 | 3]": () => improperList([1, 2], 3),
  "[[1, 2] | 3]": () => improperList([[1, 2]], 3),
  "[1 | {2, 3}]": () => improperList([1], tuple(2, 3)),
  "1": () => 1,
  "1n": () => 1n,
  "1.0": () => new Float(1),
  "2.0": () => new Float(2),
  "-0": () => -0,
  "0.0": () => new Float(0),
  "1e300": () => new Float(1e300),
  "<<1::3>>": () => new Bitstring(Uint8Array.of(0b0010_0000), 3),
  "<<1::4>>": () => new Bitstring(Uint8Array.of(0b0001_0000), 4),
  "<<0, 1::3>>": () => new Bitstring(Uint8Array.of(0, 0b0010_0000), 3),
  "<<32>>": () => Uint8Array.of(0b0010_0000),
  "&m.f/1": () => new ExternalFunction("m", "f", 1),
  "&m.f/2": () => new ExternalFunction("m", "f", 2),
  "&m.g/1": () => new ExternalFunction("m", "g", 1),
  "&n.f/1": () => new ExternalFunction("n", "f", 1),
  "a function": () => new LocalFunction("m", 1, 2, 3, Uint8Array.of(112, 1)),
  "another": () => new LocalFunction("m", 1, 2, 3, Uint8Array.of(112, 2)),
  "a port": () => new Port(MOEBI, 5, 1),
  "a port of another start": () => new Port(MOEBI, 5, 2),
  "a port of another node": () => new Port("kate@localhost", 5, 1),
  "another port": () => new Port(MOEBI, 6, 1),
  "a port of 64 bits": () => new Port(MOEBI, 2n ** 64n - 1n, 1),
  "another of 64 bits": () => new Port(MOEBI, 2n ** 64n - 2n, 1),
  "a pid": () => new Pid(MOEBI, 5, 1),
  "a pid of another start": () => new Pid(MOEBI, 5, 2),
  "a pid of another node": () => new Pid("kate@localhost", 5, 1),
  "a pid with a serial": () => pidOf(MOEBI, 5, 1, 1),
  "a wide pid": () => pidOf(MOEBI, 5, BIG, 1),
  "another wide pid": () => pidOf(MOEBI, 6, BIG, 1),
  "a wide pid with another serial": () => pidOf(MOEBI, 5, BIG - 1, 1),
  "a wide pid of another start": () => pidOf(MOEBI, 5, BIG, 2),
  "a wide pid of another node": () => pidOf("kate@localhost", 5, BIG, 1),
  "a reference": () => new Ref(MOEBI, 5, 1),
  "a reference of another start": () => new Ref(MOEBI, 5, 2),
  "a reference of another node": () => new Ref("kate@localhost", 5, 1),
  "a reference of one word": () => refOf(MOEBI, [5], 1),
  "a reference of two words": () => refOf(MOEBI, [5, BIG], 1),
  "a reference of three words": () => refOf(MOEBI, [5, 0, 0], 1),
  "the words the other way": () => refOf(MOEBI, [0, 0, 5], 1),
  "a reference of five words": () => refOf(MOEBI, [5, 0, 0, 0, BIG], 1),
  "another of five words": () => refOf(MOEBI, [5, 0, 0, 0, BIG - 1], 1),
  "one of another start": () => refOf(MOEBI, [5, 0, 0, 0, BIG], 2),
  "one of another node": () => refOf("kate@localhost", [5, 0, 0, 0, BIG], 1),
};

// Types.

/** Never called: only type-checked. */
export function types(unknown: unknown): void {
  const pair = tuple(atom("ok"), 1);
  const [status, value] = pair;
  assertType<IsExact<typeof status, Atom>>(true);
  assertType<IsExact<typeof value, number>>(true);
  assertType<IsExact<typeof pair.length, 2>>(true);
  assertType<IsExact<(typeof pair)[1], number>>(true);
  assertType<IsExact<typeof pair.elements, [Atom, number]>>(true);
  const takes = ([, value]: Tuple<[Atom, number]>): number => value;
  takes(pair);
  // @ts-expect-error: another type of element
  takes(tuple(atom("ok"), "1"));
  // @ts-expect-error: one element too many
  takes(tuple(atom("ok"), 1, 2));
  // @ts-expect-error: an array is no tuple
  takes([atom("ok"), 1]);
  // @ts-expect-error: a tuple has no methods of an array
  pair.map(String);
  if (unknown instanceof Tuple) takes(unknown);
  const any: Tuple = pair;
  for (const each of any) assertType<IsExact<typeof each, unknown>>(true);
}

// Their kinds and contents.

test("a tuple is destructured, iterated and indexed, and is no array", () => {
  const three = tuple(atom("ok"), [1], tuple());
  const [status, ...rest] = three;
  assertStrictEquals(status, atom("ok"));
  assertEquals(rest, [[1], tuple()]);
  assertEquals([...three], [atom("ok"), [1], tuple()]);
  assertEquals([three.length, three[0], three[3]], [3, atom("ok"), undefined]);
  assertFalse(Array.isArray(three));
  assertFalse((three as unknown) instanceof Array);
  assertEquals(Object.keys(three), ["elements"]);
  const many = tuple(...Array.from({ length: 300 }, (_, i) => i));
  assertEquals([...many].at(-1), 299);
});

test("a float takes part in arithmetic, and is no number", () => {
  const two = new Float(2);
  assertEquals(Number(two) + 1, 3);
  assertEquals(two.valueOf() / 4, 0.5);
  assert((two as unknown as number) > 1);
  assertEquals(`${two}`, "2.0");
  assertFalse(two.equals(2));
});

test("a bitstring has the upper bits of its last byte, and shares no memory", () => {
  const bytes = Uint8Array.of(1, 0xff);
  const bits = new Bitstring(bytes, 3);
  bytes[0] = 9;
  assertEquals(bits.bytes, Uint8Array.of(1, 0b1110_0000));
  assert(bits.equals(new Bitstring(Uint8Array.of(1, 0b1110_0001), 3)));
});

test("a pid has a number of up to 64 bits, exactly", () => {
  for (const serial of [0, 1, 2 ** 21 - 1, 2 ** 21, BIG]) {
    const pid = pidOf(MOEBI, BIG, serial, 7);
    assertEquals([pid.id, pid.serial, pid.creation], [BIG, serial, 7]);
    assertEquals(Number.isNaN(pid.number), serial >= 2 ** 21);
    assert(pid.equals(pidOf(MOEBI, BIG, serial, 7)));
    assertFalse(pid.equals(pidOf(MOEBI, BIG - 1, serial, 7)));
    assertInstanceOf(pid, Pid);
  }
  assert(pidOf(MOEBI, 5, 0, 7).equals(new Pid(MOEBI, 5, 7)));
  const largest = new Pid(MOEBI, Number.MAX_SAFE_INTEGER, 7);
  assertEquals([largest.id, largest.serial], [BIG, 2 ** 21 - 1]);
});

test("a reference has one to five words; two are its number if they can be one", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (number) => {
    const own = new Ref(MOEBI, number, 7);
    const back = refOf(MOEBI, own.words, 7);
    assert(own.equals(back) && back.equals(own));
    assertEquals(back.number, number);
  }));
  for (
    const words of [[0], [0, 2 ** 21], [1, 2, 3], [1, 2, 3, 4], [
      ...[1, 2, 3, 4, BIG],
    ]]
  ) {
    const ref = refOf(MOEBI, words, 7);
    assertInstanceOf(ref, Ref);
    assertEquals(ref.words, words);
    assert(Number.isNaN(ref.number));
  }
});

// deno-lint-ignore no-explicit-any
function any(value: unknown): any {
  return value;
}

const INVALID: [
  make: () => unknown,
  type: typeof TypeError | typeof RangeError,
  text: string,
][] = [
  [() => new Tuple(any("ab")), TypeError, "Cannot make a tuple of"],
  [() => improperList(any("ab"), 1), TypeError, "give an array"],
  [() => improperList([], 1), RangeError, "without items"],
  [() => improperList([1], [2]), TypeError, "whose tail is a list"],
  [
    () => improperList([1], improperList([2], 3)),
    TypeError,
    "whose tail is a list",
  ],
  [() => new Bitstring(any([1]), 3), TypeError, "give a Uint8Array"],
  [() => new Bitstring(new Uint8Array(), 3), RangeError, "no bytes"],
  [() => new Bitstring(Uint8Array.of(1), 0), RangeError, "give 1 to 7"],
  [() => new Bitstring(Uint8Array.of(1), 8), RangeError, "give 1 to 7"],
  [() => new Bitstring(Uint8Array.of(1), 1.5), RangeError, "give 1 to 7"],
  [() => new Float(any("1")), TypeError, "give a number"],
  [() => new Float(any(1n)), TypeError, "give a number"],
  [() => new Float(1.5), RangeError, "Cannot make a float of 1.5"],
  [() => new Float(-0), RangeError, "Cannot make a float of -0"],
  [() => new Float(NaN), RangeError, "Cannot make a float of NaN"],
  [() => new Float(Infinity), RangeError, "Cannot make a float of Infinity"],
  [() => new ExternalFunction(any(1), "f", 1), TypeError, "give a string"],
  [() => new ExternalFunction("m", any(1), 1), TypeError, "give a string"],
  [
    () => new ExternalFunction("m", "ü".repeat(256), 1),
    RangeError,
    "longer than 255 characters",
  ],
  [() => new ExternalFunction("m", "f", 256), RangeError, "from 0 to 255"],
  [() => new ExternalFunction("m", "f", -1), RangeError, "from 0 to 255"],
  [() => new ExternalFunction("m", "f", 0.5), RangeError, "from 0 to 255"],
  [
    () => new LocalFunction("m", BIG + 1, 1, 1, Uint8Array.of(1)),
    RangeError,
    "from 0 to 2^32 - 1",
  ],
  [
    () => new LocalFunction("m", 1, 1, 1, new Uint8Array()),
    RangeError,
    "of 0 bytes",
  ],
  [() => new Port("moebi", 1, 1), TypeError, "not a node name"],
  [() => new Port(MOEBI, -1, 1), RangeError, "from 0 to 2^64 - 1"],
  [() => new Port(MOEBI, 2 ** 53, 1), RangeError, "as a bigint"],
  [() => new Port(MOEBI, 2n ** 64n, 1), RangeError, "from 0 to 2^64 - 1"],
  [() => new Port(MOEBI, 1, BIG + 1), RangeError, "creation"],
  [() => pidOf(MOEBI, BIG + 1, 0, 1), RangeError, "from 0 to 2^32 - 1"],
  [() => pidOf(MOEBI, 0, -1, 1), RangeError, "from 0 to 2^32 - 1"],
  [() => refOf(MOEBI, [], 1), RangeError, "one to 5 integers"],
  [() => refOf(MOEBI, [1, 2, 3, 4, 5, 6], 1), RangeError, "one to 5"],
  [() => refOf(MOEBI, [1, 2, BIG + 1], 1), RangeError, "one to 5 integers"],
  [() => refOf(MOEBI, [1, 2, 0.5], 1), RangeError, "one to 5 integers"],
];

test("constructors reject invalid parts", () => {
  for (const [make, type, text] of INVALID) assertThrows(make, type, text);
});

// Equality.

test("equals(), keys and assertions of hosts compare contents, from either side", () => {
  const entries = Object.entries(DIFFERENT);
  for (const [name, make] of entries) {
    const value = make();
    assertEquals(value, make(), name);
    nodeAssert.deepEqual(value, make(), name);
    assert(equalTerms(value, make()), name);
    assert(equalTerms({ a: [value] }, { a: [make()] }), name);
    assertEquals(termKey(value), termKey(make()), name);
    if (typeof (value as Tuple)?.equals === "function") {
      assert((value as Tuple).equals(make()), name);
      for (
        const other of [undefined, null, {}, [], "", 1, { ...value as [] }]
      ) {
        if (!equalTerms(value, other)) {
          assertFalse((value as Tuple).equals(other), name);
        }
      }
    }
    for (const [another, makeAnother] of entries) {
      if (name === another) continue;
      const other = makeAnother();
      const both = `${name} and ${another}`;
      assertFalse(equalTerms(value, other), both);
      assertNotEquals(termKey(value), termKey(other), both);
      assertNotEquals(value, other, both);
      nodeAssert.notDeepEqual(value, other, both);
    }
  }
});

test("two terms are equal if and only if their keys are", () => {
  fc.assert(
    fc.property(anyTerm(), anyTerm(), (one, other) => {
      assertEquals(equalTerms(one, other), termKey(one) === termKey(other));
      const copy = copyTerm(one);
      assert(equalTerms(one, copy) && equalTerms(copy, one));
      assertEquals(termKey(one), termKey(copy));
    }),
    { numRuns: runs(1000) },
  );
});

processTest("equal terms are one key of dictionary and registry", async () => {
  await Registry.startLink({ keys: "unique", name: "Terms" });
  for (const [name, make] of Object.entries(DIFFERENT)) {
    assertEquals(Process.put(make(), name), undefined);
    assertEquals((await Registry.register("Terms", make(), name)).type, "ok");
  }
  for (const [name, make] of Object.entries(DIFFERENT)) {
    assertEquals(Process.get(make()), name);
    const [found] = await Registry.lookup("Terms", make());
    assertEquals(found?.value, name);
  }
});

test("processes with long ids have keys of their own", () => {
  const here = { node: "alex@localhost", creation: 1 };
  const keys = Object.values(DIFFERENT).map((make) => make())
    .filter((value): value is Pid | Ref =>
      value instanceof Pid || value instanceof Ref
    );
  for (const type of [Pid, Ref]) {
    const all = keys.filter((each) => each instanceof type);
    assert(all.length > 5);
    for (const from of [here, { node: MOEBI, creation: 1 }]) {
      const distinct = new Set(all.map((each) => keyOf(each, from)));
      assertEquals(distinct.size, all.length);
    }
  }
});

// Copies.

test("the tail of an improper list is a level within it", () => {
  let deep: unknown = new Float(1);
  for (let i = 0; i < 512; i += 2) deep = improperList([1], tuple(deep));
  const encode = (value: unknown) => encoderTo().encode(value);
  for (const use of [copyTerm, termKey, encode]) {
    use(deep);
    for (const deeper of [tuple(deep), improperList([1], { deep })]) {
      assertThrows(() => use(deeper), RangeError, "512 levels");
    }
  }
});

test("sizes count the parts of terms", () => {
  const big = "x".repeat(100_000);
  for (
    const value of [
      tuple(big),
      improperList([big], 1),
      improperList([1], big),
      new Bitstring(new Uint8Array(100_000), 3),
      new LocalFunction("m", 1, 1, 1, new Uint8Array(100_000)),
    ]
  ) {
    for (const bytes of [termBytes(value), leastWireBytes(value)]) {
      assert(bytes >= 100_000 && bytes < 100_200, String(bytes));
    }
  }
  fc.assert(fc.property(anyTerm(), (value) => {
    const attachments = new AttachmentWriter();
    const json = encoderTo(attachments).encode(value);
    assert(leastWireBytes(value) <= json.length + attachments.bytes);
  }));
});

// Text.

test("hosts print terms as iex does", () => {
  const value = tuple(atom("ok"), improperList([new Float(1)], tuple()), [
    new Bitstring(Uint8Array.of(1, 0xe0), 3),
    new ExternalFunction("Elixir.String", "length", 1),
  ]);
  const text = "{:ok, [1.0 | {}], [ <<1, 7::size(3)>>, &String.length/1 ]}";
  assertEquals(nodeInspect(value), text);
  assertEquals(Deno.inspect(value), text);
  assertEquals(inspect(value), text.replace("[ <", "[<").replace("1 ]", "1]"));
});

test("a log in JSON has terms as arrays, numbers and texts", async () => {
  const reason = [
    tuple("a", 1),
    new Float(1),
    improperList([1], 2),
    pidOf(MOEBI, 5, BIG, 1),
    refOf(MOEBI, [1, 2, 3], 1),
    new Port(MOEBI, 2n ** 64n - 1n, 1),
  ];
  const pid = pidOf(MOEBI, 1, 0, 1);
  const line = await standardError(() =>
    jsonLog({ crash: { pid, reason } } as unknown as LogEvent)
  );
  const read = JSON.parse(line).crash.reason;
  assertEquals(read.slice(0, 3), [["a", 1], 1, { items: [1], tail: 2 }]);
  assertEquals([read[3].number, read[4].number], [[5, BIG], [1, 2, 3]]);
  assert(/^#Port<\d+\.18446744073709551615>$/.test(read[5]));
});

// Between nodes.

pairTest("a pid with a long id has no process", async ({ alex, kate }) => {
  await alex.run(async () => {
    const echo = await Node.spawn(kate.name, Remote.echo);
    for (const node of [kate.name, alex.name]) {
      const creation = node === kate.name ? echo.creation : self().creation;
      const pid = pidOf(node, 5, BIG, creation);
      const alias = refOf(node, [1, 2, 3], creation);
      send(pid, "lost");
      send(alias, "lost");
      Process.exit(pid, "lost");
      const ref = Process.monitor(pid);
      const down = await receive((m) => ref.equals(m?.ref));
      assertEquals([down.reason, down.object], ["noproc", pid]);
      Process.trapExit(true);
      Process.link(pid);
      const { from, reason } = await receive((m) => m?.type === "EXIT");
      assertEquals([from, reason], [pid, "noproc"]);
      Process.unlink(pid);
    }
    send(echo, { from: self(), value: tuple("still there") });
    assertEquals(await receive(), tuple("still there"));
  });
});

clusterTest("a term that crosses three nodes is equal", async (cluster) => {
  await cluster.start("kate");
  await cluster.start("moebi");
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    const far = await Node.spawn("moebi@localhost", Remote.echo);
    for (const make of Object.values(DIFFERENT)) {
      const message = { from: self(), value: make() };
      await Node.spawn("kate@localhost", Remote.tell, [far, message]);
      const back = await receive();
      assert(equalTerms(back, make()));
      assertEquals(back, make());
    }
  });
});

/** Of `fn b -> {:ok, 1} + b end` in Elixir, as OTP 27 writes it. */
const FUNCTION =
  "700000005201e8ff8a1111785c5ec249522937484e7a00000000000000017708456c697869722e" +
  "4d6100620747fc5058770d6e6f6e6f6465406e6f686f7374000000000000000000000000680277026f6b6101";

test("a term that came from an Erlang node crosses JSON unharmed", () => {
  const writer = new TermWriter();
  const reader = new TermReader();
  const decoder = new ValueDecoder(ENDS[1], ENDS[0]);
  let crossed = 0;
  const cross = (bytes: Uint8Array) => {
    const came = reader.open(bytes).term();
    const attachments = new AttachmentWriter();
    const encoder = encoderTo(attachments);
    const json = encoder.encode(came);
    const frame = attachments.frame("");
    const piece = { bytes: frame, start: 8, end: frame.length };
    decoder.attachments = new AttachmentReader([piece]);
    const there = encoder.tagged
      ? decoder.decode(JSON.parse(json))
      : JSON.parse(json);
    assertEquals(exactly(there), exactly(came));
    assert(equalTerms(there, came) && equalTerms(copyTerm(came), came));
    writer.term(there);
    assertEquals(writer.take(), bytes);
    crossed++;
  };
  cross(Uint8Array.from(Buffer.from(FUNCTION, "hex")));
  fc.assert(
    fc.property(anyTerm(), (term) => {
      try {
        writer.term(term);
      } catch (error) {
        // NaN, a function that was made up, and others have no encoding there.
        assert(error instanceof TypeError || error instanceof RangeError);
        writer.truncate(0);
        return;
      }
      // As it comes from a BEAM, where an object of an error's fields is another term.
      const first = reader.open(writer.take()).term();
      writer.term(first);
      cross(writer.take().slice());
    }),
    { numRuns: runs(300) },
  );
  assert(crossed > runs(300) / 6, `${crossed} terms`);
});

// Hostile peers.

/** JSON that `JSON.stringify` does not write. */
const HOSTILE = [
  '{"$float":-0}',
  '{"$float":-0.0}',
  '{"$float":1e999}',
  '{"$float":1e-5}',
  '{"$ref":[0,[1,2,1e10],4]}',
  '{"$tuple":{"$tuple":[]}}',
  '{"$tuple":[{"$improper":[[],1]}]}',
  '{"$bits":[3,{"$bytes":["Uint8Array","AQ=="]}]}',
  '{"$tuple":[1],"length":2}',
  '{"$fun":["m","f",1e308]}',
  '{"$port":["moebi@localhost",-1,1]}',
  '{"$port":["moebi@localhost",1.5,1]}',
  '{"$pid":["moebi@localhost",[1,1,1],1]}',
];

test("the decoder rejects invalid terms with an error of the protocol", () => {
  for (const json of HOSTILE) {
    const decoder = new ValueDecoder(ENDS[1], ENDS[0]);
    assertThrows(() => decoder.decode(JSON.parse(json)), ProtocolError);
  }
});

clusterTest("an invalid term closes its connection only", async (cluster) => {
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  await alex.run(() => Node.connect(kate.name));
  for (const json of HOSTILE) {
    await using peer = await RawPeer.dial(kate.port);
    await peer.enter("raw@localhost", kate.name);
    await peer.write(frameOf(`[["send*",1,1,${json}]]`));
    await peer.closed;
  }
  await alex.run(async () => {
    const echo = await Node.spawn(kate.name, Remote.echo);
    send(echo, { from: self(), value: tuple() });
    assertEquals(await receive(), tuple());
  });
});

test("a tuple of a million elements is one message", () => {
  const many = new Tuple(new Array(1_000_000).fill(1));
  const back = new ValueDecoder(ENDS[1], ENDS[0]).decode(
    JSON.parse(encoderTo().encode(many)),
  );
  assert(many.equals(back));
  assertEquals((inspect(many).match(/1/g) ?? []).length, 50);
});
