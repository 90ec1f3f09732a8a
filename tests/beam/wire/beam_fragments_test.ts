/** Distribution headers and fragments of a BEAM: as it writes them, and against the rules. */

import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertThrows,
} from "@std/assert";
import { Buffer } from "node:buffer";
import { Budget } from "../../../packages/node/connections/budget.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../packages/node/wire.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { LocalFunction } from "../../../packages/processes/values/functions.ts";
import { Pid } from "../../../packages/processes/values/pid.ts";
import {
  ProtocolError,
  Refusals,
} from "../../../packages/node/wires/over_limit.ts";
import * as control from "../../../packages/beam/wire/control.ts";
import { ControlDecoder } from "../../../packages/beam/wire/control_decoder.ts";
import { ControlEncoder } from "../../../packages/beam/wire/control_encoder.ts";
import { ownFlags } from "../../../packages/beam/wire/distribution_flags.ts";
import { ENTRIES } from "../../../packages/beam/wire/atom_cache.ts";
import { MAX_SEQUENCES } from "../../../packages/beam/wire/fragments.ts";
import { tuple } from "../../../packages/processes/values/tuple.ts";
import { test } from "../../../packages/testing/tags.ts";
import { fragment, framed, HeaderWriter } from "../../_beam_headers.ts";
import { elixirPairTest, nextMessage } from "../../_elixir_pair.ts";
import { numbersIn } from "../../_pages.ts";
import { beamFrame, CREATION, localOf, RAW } from "../../_raw_beam.ts";
import fc, { fuzz, Random, runs } from "../../_seeds.ts";
import { send, spawn } from "../../../packages/processes/process.ts";
import { portTo, signalsTo } from "../../node/wires/_ports.ts";
import { beamTerm } from "./_beam_terms.ts";
import { termBytes } from "./_etf_bytes.ts";

const KATE = "kate@localhost";
const TO = new Pid(KATE, 100, 5);

/** A decoder of kate's, with the messages that it has delivered and the signals that it has refused. */
function decoderOf(limits: Partial<Limits> = {}, max = Infinity) {
  const parts = new Budget(max);
  const got: [sender: number, message: unknown][] = [];
  const refused: string[] = [];
  const deliver = signalsTo((_kind, from, _to, message) => {
    got.push([(from as Pid).number, message]);
  });
  const local = {
    ...localOf(KATE, 5),
    limits: { ...DEFAULT_LIMITS, ...limits },
    parts,
  };
  const port = portTo(() => {}, { refused: (_, why) => refused.push(why) });
  const decoder = new ControlDecoder(
    local,
    { name: RAW, creation: CREATION, hidden: true },
    deliver,
    () => {},
    new Refusals(KATE, port),
  );
  return { decoder, got, refused, parts };
}

function frameOf(sender: number, message: unknown): Uint8Array {
  const from = new Pid(RAW, sender, CREATION);
  return beamFrame([control.DOP_SEND_SENDER, from, TO], message);
}

test("terms behind a header, whole or in fragments between others, are the terms without a header", () => {
  fc.assert(
    fc.property(
      fc.array(beamTerm(), { minLength: 1, maxLength: 6 }),
      fc.nat(),
      (terms, seed) => {
        const random = new Random(seed);
        const frames = terms.map((term, i) => frameOf(i, term));
        const plain = decoderOf();
        for (const frame of frames) plain.decoder.receive(frame);
        const { decoder, got, parts } = decoderOf();
        const writer = new HeaderWriter(random);
        const open: Buffer[][] = [];
        const goOn = () => {
          const next = random.of(open);
          decoder.receive(next.shift()!);
          if (next.length === 0) open.splice(open.indexOf(next), 1);
        };
        for (const [i, frame] of frames.entries()) {
          if (random.below(3) === 0) decoder.receive(writer.frame(frame));
          else {
            const count = 1 + random.below(4);
            // The control message has up to 80 bytes.
            open.push(writer.fragments(frame, i, count, 80));
            decoder.receive(open.at(-1)!.shift()!);
            if (count === 1) open.pop();
          }
          if (open.length > 0 && random.below(2) === 0) goOn();
        }
        while (open.length > 0) goOn();
        const byNumber = (messages: typeof got) =>
          messages.map((
            [sender, message],
          ) => [sender, termBytes(message).toHex()])
            .sort();
        assertEquals(byNumber(got), byNumber(plain.got));
        assertEquals(parts.used, 0);
      },
    ),
    { numRuns: runs(300) },
  );
});

/** The header of no atoms, and a message from 1 behind it, in bytes that are cut into fragments. */
function partsOf(message: unknown, ...sizes: number[]): Buffer[] {
  const { header, terms } = new HeaderWriter(new Random(1)).split(
    frameOf(1, message),
  );
  const bytes = Buffer.concat([header, terms]);
  const ends = [...sizes.map((size) => 120 + size), bytes.length];
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

const ZEROS = Buffer.alloc(2000);

const SMALL = partsOf("text".repeat(50), 10, 20);

test("a small signal passes between fragments, and an order that is broken closes", () => {
  const [first, second, third] = SMALL;
  const { decoder, got } = decoderOf();
  decoder.receive(fragment(69, 7, 3, first));
  decoder.receive(frameOf(2, "small"));
  decoder.receive(fragment(70, 7, 2, second));
  assertEquals(got, [[2, "small"]]);
  decoder.receive(fragment(70, 7, 1, third));
  assertEquals(got, [[2, "small"], [1, "text".repeat(50)]]);
  const begun = fragment(69, 7, 3, first);
  for (
    const [frames, why] of [
      [[fragment(70, 7, 2, second)], /has not begun/],
      [[begun, begun], /begins again/],
      [[begun, fragment(70, 8, 2, second)], /has not begun/],
      [[begun, fragment(70, 7, 3, second)], /the fragment 3 after 3/],
      [[begun, fragment(70, 7, 1, third)], /the fragment 1 after 3/],
      [[begun, ...[2, 1, 1].map((n) => fragment(70, 7, n))], /./],
      [[fragment(69, 7, 0, first)], /of the number 0/],
      [[framed([131, 69, ...new Uint8Array(15)])], /beyond its frame/],
      [[framed([131, 70, ...new Uint8Array(15)])], /beyond its frame/],
      [[framed([131, 71, 0])], /without a control message/],
      [[framed([131, 68])], /without a control message/],
      // The control message must be in the first fragment.
      [[fragment(69, 7, 2, first.subarray(0, 50)), fragment(70, 7, 1)], /./],
    ] as [Uint8Array[], RegExp][]
  ) {
    const { decoder, parts } = decoderOf();
    const error = assertThrows(
      () => frames.forEach((frame) => decoder.receive(frame)),
      ProtocolError,
    );
    assertMatch(error.message, why);
    decoder.close();
    assertEquals(parts.used, 0);
  }
});

test("a header that is invalid or refers to an empty entry closes", () => {
  const link = [104, 3, 97, 1, 82, 0, 82, 0];
  for (
    const [header, why] of [
      [[1], /a header that goes beyond/],
      [[1, 8], /a header that goes beyond/],
      [[1, 8, 5], /a header that goes beyond/],
      [[1, 8, 5, 3, 97, 97], /a header that goes beyond/],
      [[1, 0x18, 5, 0], /a header that goes beyond/],
      [[2, 0x88, 0, 5, 1, 97], /a header that goes beyond/],
      [[255, ...new Uint8Array(400)], /the entry 0 of the cache/],
      [[1, 0x07, 255, ...link], /the entry 2047 of the cache/],
      [[1, 8, 5, 1, 255, ...link], /not UTF-8/],
      [[0, ...link], /expected a pid/],
      [[0, 104, 3, 97, 22, 88, 82, 0], /the atom 0 of a header with 0/],
      [[1, 8, 5, 1, 97, 104, 3, 97, 22, 88, 82, 1], /the atom 1 of a header/],
    ] as [number[], RegExp][]
  ) {
    const { decoder } = decoderOf();
    const error = assertThrows(
      () => decoder.receive(framed([131, 68], header)),
      ProtocolError,
    );
    assertMatch(error.message, why);
  }
});

test("a signal that exceeds a limit in fragments is refused alone, and its other fragments are skipped", () => {
  const limits = { maxMessageBytes: 1000 };
  const zeros = ZEROS.subarray(0, 400);
  const { decoder, got, refused, parts } = decoderOf(limits, 24_000);
  const [first, second, third] = SMALL;
  decoder.receive(fragment(69, 1, 5, first));
  for (const n of [4, 3, 2]) decoder.receive(fragment(70, 1, n, zeros));
  assertMatch(refused[0], /a signal of over 1000 bytes \(limits.maxMessage/);
  assertEquals(parts.used, 0);
  decoder.receive(fragment(70, 1, 1, zeros));
  // A fragment that exceeds the limit by itself.
  decoder.receive(
    fragment(69, 1, 2, Buffer.concat([first, ZEROS.subarray(0, 900)])),
  );
  decoder.receive(fragment(70, 1, 1));
  decoder.receive(fragment(69, 1, 2, first));
  decoder.receive(fragment(70, 1, 1, ZEROS.subarray(0, 1000)));
  assertEquals(refused.length, 3);
  // The bytes of all signals: the one whose last fragment came first is refused.
  for (const id of [1, 2]) decoder.receive(fragment(69, id, 3, first));
  decoder.receive(fragment(70, 1, 2, second));
  decoder.receive(fragment(69, 3, 3, first));
  assertMatch(refused[3], /more than 12000 bytes .*\(limits.maxTotalMessage/);
  assertEquals(refused.length, 4);
  decoder.receive(fragment(70, 2, 2, second));
  decoder.receive(fragment(70, 1, 1, third));
  decoder.receive(fragment(70, 2, 1, third));
  assertEquals(got, [[1, "text".repeat(50)]]);
  decoder.close();
  assertEquals(parts.used, 0);
});

test("a peer holds no more than the limits, whatever fragments it sends", async () => {
  await fuzz(runs(300), (random) => {
    const max = random.of([20_000, 60_000]);
    const { decoder, parts } = decoderOf({ maxMessageBytes: 10_000 }, max);
    parts.add(random.below(max));
    const others = parts.used;
    const most = Math.max(max / 2, 10_000 + 4096);
    const open = new Map<number, number>();
    for (let i = 0; i < 200; i++) {
      const id = random.below(20);
      const next = (open.get(id) ?? 0) - 1;
      // The last fragment would end the run: what is behind the first one is no term.
      if (next > 1) {
        decoder.receive(
          fragment(70, id, next, ZEROS.subarray(random.below(2000))),
        );
        open.set(id, next);
      } else if (!open.has(id)) {
        const count = 2 + random.below(300);
        decoder.receive(fragment(69, id, count, SMALL[0]));
        open.set(id, count);
      }
      assertLess(parts.used - others, most + 1);
      assertLess(parts.used, max + 1);
    }
    decoder.close();
    assertEquals(parts.used, others);
  });
  const caps = "| (signals in fragments) | # ";
  assertEquals(numbersIn("docs/security.md", caps), [MAX_SEQUENCES]);
  const atoms = "| (atoms of headers) | # ";
  assertEquals(numbersIn("docs/security.md", atoms), [ENTRIES]);
  const { decoder } = decoderOf();
  for (let i = 0; i < MAX_SEQUENCES; i++) {
    decoder.receive(fragment(69, i, 2, SMALL[0]));
  }
  assertThrows(
    () => decoder.receive(fragment(69, MAX_SEQUENCES, 2, SMALL[0])),
    ProtocolError,
    "incomplete signals",
  );
});

test("the atoms of a signal in fragments count as long as it is incomplete", () => {
  const { decoder, parts } = decoderOf();
  const name = Buffer.from("\u{1f600}".repeat(255));
  const header = Buffer.concat([
    Buffer.of(200, ...new Array(100).fill(0x88), 1),
    ...Array.from(
      { length: 200 },
      (_, i) => Buffer.concat([Buffer.of(i, name.length >> 8, 252), name]),
    ),
  ]);
  decoder.receive(fragment(69, 1, 2, header));
  assertLess(200 * 2 * name.length, parts.used);
  decoder.close();
  assertEquals(parts.used, 0);
});

/** A frame with one atom of 1,020 bytes in its header, and a message to a pid behind it. */
function longAtomFrame(message: number[]): Buffer {
  const name = Buffer.from("\u{1f600}".repeat(255));
  const [node, to] = [RAW, KATE].map((
    each,
  ) => [119, each.length, ...Buffer.from(each)]);
  const pid = (
    atom: number[],
    creation: number,
  ) => [88, ...atom, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, creation];
  return framed(
    [131, 68, 1, 0x18, 9, name.length >> 8, name.length & 255],
    name,
    [
      104,
      3,
      97,
      control.DOP_SEND_SENDER,
      ...pid(node, CREATION),
      ...pid(to, 5),
    ],
    message,
  );
}

test("atoms of a header count in full: neither terms nor functions grow beyond the limits", () => {
  const list = (count: number) => [
    108,
    ...[count >> 24, count >> 16, count >> 8, count].map((each) => each & 255),
    ...new Array(count).fill([82, 0]).flat(),
    106,
  ];
  // A function of the module in the header, with a list of that atom as its variable.
  const fun = (count: number) => {
    const names = [82, 0, 97, 0, 97, 0, 88, 119, 3, 97, 64, 98];
    const rest = [...new Array(12).fill(0), ...list(count)];
    const size = 4 + 1 + 16 + 8 + names.length + rest.length;
    return [
      ...[112, 0, 0, size >> 8, size & 255, 0, ...new Array(16).fill(0)],
      ...[0, 0, 0, 0, 0, 0, 0, 1, ...names, ...rest],
    ];
  };
  const limits = { maxMessageBytes: 100_000 };
  for (const [term, isRefused] of [[list, false], [fun, true]] as const) {
    const { decoder, got, refused } = decoderOf(limits);
    decoder.receive(longAtomFrame(term(90)));
    assertEquals(got.length, 1);
    if (isRefused) {
      const { bytes, module } = got[0][1] as LocalFunction;
      assertEquals(module, "\u{1f600}".repeat(255));
      assertEquals(bytes.length, fun(90).length + 91 * 1021);
      assertEquals(Buffer.from(bytes).readUInt32BE(1), bytes.length - 1);
    }
    decoder.receive(longAtomFrame(term(100)));
    assertEquals(got.length, 1);
    assertMatch(refused[0], /over 100000 bytes longer/);
  }
});

/** An encoder of the peer whose frames go to a decoder. */
function encoderTo(decoder: ControlDecoder): ControlEncoder {
  const port = portTo((bytes) => decoder.receive(bytes));
  const peer = { name: KATE, creation: 5, hidden: true };
  return new ControlEncoder(localOf(RAW, CREATION), peer, port, ownFlags(true));
}

/** Bytes that are no text. */
function ones(length: number): Uint8Array {
  return new Uint8Array(1 + length).fill(255);
}

/** A text, bytes, or a term with both. */
function shaped(shape: number, length: number, bytes: Uint8Array): unknown {
  const text = "x".repeat(length);
  return [
    text,
    bytes,
    [bytes, text, bytes],
    { text, bytes, more: [bytes] },
    new Map<unknown, unknown>([[bytes, bytes], [1, text]]),
  ][shape];
}

test("large signals leave in fragments: those of others pass, and each sender's are in order", () => {
  const sizes = fc.oneof(
    fc.nat(100),
    fc.nat(200_000),
    // A frame that is just large, and one of two fragments.
    fc.integer({ min: 65_400, max: 65_600 }),
  );
  const signal = fc.tuple(fc.nat(2), sizes, fc.nat(3), fc.nat(4));
  fc.assert(
    fc.property(fc.array(signal, { maxLength: 12 }), (signals) => {
      const { decoder, got } = decoderOf();
      const encoder = encoderTo(decoder);
      const sent: typeof got = [];
      for (const [sender, size, turn, shape] of signals) {
        const bytes = ones(size);
        const number = sent.length;
        const message = tuple(number, shaped(shape, size, bytes));
        encoder.send(new Pid(RAW, sender, CREATION), TO, message);
        sent.push([sender, tuple(number, shaped(shape, size, ones(size)))]);
        // Later changes do not reach the receiver.
        bytes.fill(0);
        if (turn === 0) encoder.flush(50_000);
      }
      encoder.flush(Infinity);
      assertEquals([encoder.pending, encoder.passable], [0, 0]);
      for (const sender of [0, 1, 2]) {
        const own = (messages: typeof got) =>
          messages.filter(([from]) => from === sender);
        assertEquals(own(got), own(sent));
      }
    }),
    { numRuns: runs(100) },
  );
  const { decoder, got } = decoderOf();
  const encoder = encoderTo(decoder);
  const send = (sender: number, message: unknown) =>
    encoder.send(new Pid(RAW, sender, CREATION), TO, message);
  const large = "x".repeat(1_000_000);
  send(1, large);
  send(1, "behind");
  assertLess(999_999, encoder.passable);
  // One turn after the other: the small ones of another process do not wait for the large one.
  for (let i = 0; i < 10; i++) {
    send(2, i);
    encoder.flush(50_000);
  }
  encoder.flush(Infinity);
  const small = Array.from({ length: 10 }, (_, i) => [2, i]);
  assertEquals<unknown>(got, [...small, [1, large], [1, "behind"]]);
});

test("a large message that cannot be sent leaves nothing", () => {
  const { decoder, got } = decoderOf();
  const encoder = encoderTo(decoder);
  const from = new Pid(RAW, 1, CREATION);
  const most = DEFAULT_LIMITS.maxMessageBytes;
  for (const bad of [[ones(most)], [ones(100_000), Symbol("bad")]]) {
    assertThrows(() => encoder.send(from, TO, bad));
    encoder.send(from, TO, [ones(100_000)]);
  }
  encoder.flush(Infinity);
  const whole: typeof got = [[1, [ones(100_000)]], [1, [ones(100_000)]]];
  assertEquals(got, whole);
});

test("large messages that have arrived keep their bytes", () => {
  const { decoder, got } = decoderOf();
  const encoder = encoderTo(decoder);
  const sizes = [3_000_000, 2_000_000, 2_500_000, 1_200_000, 2_500_000];
  const data = sizes.flatMap((size, i) => [
    [ones(size).fill(240 + i), i],
    ["x".repeat(size + 10_000), i],
    [ones(size / 2).fill(250 + i), ones(size / 2).fill(250 + i)],
  ]);
  for (const message of data) {
    encoder.send(new Pid(RAW, 1, CREATION), TO, message);
    encoder.flush(Infinity);
  }
  assertEquals(got.map(([, message]) => message), data);
  // A binary may be a view of its own message, and of no other.
  for (const [i, [, [bytes]]] of (got as [number, unknown[]][]).entries()) {
    if (!(bytes instanceof Uint8Array)) continue;
    const others = data.map(([other]) => other)
      .filter((other) => other instanceof Uint8Array && other[0] !== bytes[0]);
    const around = new Set(new Uint8Array(bytes.buffer));
    for (const other of others) {
      assert(!around.has((other as Uint8Array)[0]), `${i}`);
    }
  }
});

test("a signal whose first fragment is short arrives whole", () => {
  const { decoder, got } = decoderOf();
  const text = Buffer.alloc(4_000_000, "x");
  const { header, terms } = new HeaderWriter(new Random(1)).split(
    frameOf(1, text.toString()),
  );
  const bytes = Buffer.concat([header, terms]);
  const ends = [
    120,
    ...Array.from({ length: 100 }, (_, i) => 40_000 * i + 200),
  ];
  ends.push(bytes.length);
  for (const [i, end] of ends.entries()) {
    const part = bytes.subarray(ends[i - 1] ?? 0, end);
    decoder.receive(fragment(i === 0 ? 69 : 70, 1, ends.length - i, part));
  }
  assertEquals(got[0][1] === text.toString(), true);
});

elixirPairTest(
  "large messages of several processes cross to Elixir and back, each in order",
  async ({ kate }) => {
    await kate.evaluate("Process.register(self(), :driver)");
    // Functions and sets, whose atoms are in the header.
    await kate.evaluate(`
      for i <- 1..4 do
        spawn(fn ->
          for n <- 1..3 do
            send({:main, :"alex@localhost"}, {i, n, String.duplicate("x", 1_000_000 * i), MapSet.new([:a, i]), fn -> {n, :atom} end})
            send({:main, :"alex@localhost"}, {i, n, :small})
          end
        end)
      end`);
    const next = new Map<number, unknown[]>();
    for (let i = 0; i < 24; i++) {
      const { elements: [sender, n, rest, set, fun] } = await nextMessage();
      if (fun !== undefined) {
        assertEquals(rest.length, 1_000_000 * sender);
        assertEquals(set, new Set([atom("a"), sender]));
        assert(fun instanceof LocalFunction);
        send({ name: "driver", node: kate.name }, fun);
      }
      next.set(sender, [...next.get(sender) ?? [], n]);
    }
    for (const numbers of next.values()) {
      assertEquals(numbers, [1, 1, 2, 2, 3, 3]);
    }
    const answers = await kate.evaluate(`
      for _ <- 1..12, do: receive(do: (f when is_function(f) -> f.()))`);
    assertEquals(answers.match(/:atom/g)?.length, 12);
    // And back.
    const driver = { name: "driver", node: kate.name };
    for (const sender of [1, 2]) {
      const large = sender === 1 ? "x".repeat(3_000_000) : ones(2_999_999);
      spawn(() => {
        for (const n of [1, 2]) {
          send(driver, tuple(sender, n, large));
          send(driver, tuple(sender, n, "small"));
        }
      });
    }
    const heard = await kate.evaluate(`
      for _ <- 1..8, do: receive(do: ({i, n, text} -> {i, n, byte_size(text)}))`);
    const tuples = heard.match(/\{.*?\}/g)!;
    for (const sender of [1, 2]) {
      const all = [1, 2].flatMap((n) =>
        [3_000_000, 5].map((size) => [n, size])
      );
      assertEquals(
        tuples.filter((each) => each.startsWith(`{${sender},`)),
        all.map(([n, size]) => `{${sender}, ${n}, ${size}}`),
      );
    }
  },
);
