/** Large signals are parsed in turns of their own; signals of others pass them, and all signals of one sender keep their order. */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { Budget } from "../../../packages/node/connections/budget.ts";
import { Decoder } from "../../../packages/node/json/json_decoder.ts";
import { Encoder } from "../../../packages/node/json/json_encoder.ts";
import { LateSignals } from "../../../packages/node/json/late_signals.ts";
import { DEFAULT_LIMITS } from "../../../packages/node/wire.ts";
import {
  Pid,
  Process,
  receive,
  Ref,
  self,
} from "../../../packages/processes/process.ts";
import type { Signals } from "../../../packages/processes/signals/signal.ts";
import { test } from "../../../packages/testing/tags.ts";
import { frameOf, rawFrameOf, rawTest, THEIRS } from "../../_raw_peer.ts";
import fc, { runs } from "../../_seeds.ts";
import { eachSignal } from "../../_signals.ts";
import { flushed, portTo, signalsTo } from "../wires/_ports.ts";

const HERE = { name: "alex@localhost", creation: 5 };
const THERE = { name: "kate@localhost", creation: 6 };

/** A decoder whose late signals are read when the test says so. */
function lateDecoder(deliver: Signals, budget = new Budget(Infinity)): Decoder {
  const port = portTo(() => {}, { readLater() {} });
  return new Decoder(THERE, HERE, DEFAULT_LIMITS, port, deliver, budget);
}

/** The values of signals: small ones, and some that leave in parts, as JSON or attached. */
const VALUES: readonly (() => unknown)[] = [
  () => "small",
  () => ({ small: 1n }),
  () => "attached ".repeat(50),
  () => new Uint8Array(300),
  () => Array.from({ length: 9_000 }, (_, id) => ({ id })),
  () => Array.from({ length: 30_000 }, (_, id) => `text ${id}`),
  () => ["l".repeat(70_000), Array.from({ length: 6_000 }, (_, n) => [n])],
];

const KINDS = Object.keys(signalsOf(1, 1, ""));

/** One signal of each kind, whose references have the number `n`. */
function signalsOf(sender: number, n: number, value: unknown) {
  return eachSignal({
    from: new Pid(HERE.name, sender, HERE.creation),
    ref: new Ref(HERE.name, n, HERE.creation),
    to: new Pid(THERE.name, 7 + n % 2, THERE.creation),
    alias: new Ref(THERE.name, n, THERE.creation),
  }, value);
}

/** Records the kind, and the arguments as far as they have no large value, by sender. */
function record(order: Map<number, string[]>): Signals {
  return signalsTo((kind, from, ...args) => {
    const { number } = from as Pid;
    if (kind === "demonitor") args.length = 1;
    const said = JSON.stringify(
      [kind, args],
      (_key, value) =>
        value instanceof Uint8Array || Array.isArray(value) && value.length > 9
          ? value.length
          : typeof value === "bigint"
          ? `${value}`
          : value,
    );
    const signals = order.get(number);
    const short = `${said.length} ${said.slice(0, 400)}`;
    if (signals === undefined) order.set(number, [short]);
    else signals.push(short);
  });
}

/** Signals of all sizes, the bytes that they leave in, and when late ones are read. */
const story = fc.record({
  signals: fc.array(
    fc.record({
      sender: fc.integer({ min: 1, max: 3 }),
      kind: fc.constantFrom("send", ...KINDS),
      value: fc.nat(VALUES.length - 1),
      flushes: fc.boolean(),
    }),
    { minLength: 10, maxLength: 30 },
  ),
  steps: fc.array(
    fc.record({
      bytes: fc.integer({ min: 1, max: 90_000 }),
      late: fc.constantFrom(0, 0, 1, 70_000),
    }),
    { minLength: 1, maxLength: 20 },
  ),
});

test("signals of one sender keep their order, whatever their sizes and kinds", () => {
  fc.assert(
    fc.property(story, ({ signals, steps }) => {
      const chunks: Uint8Array[] = [];
      const port = portTo((bytes) => chunks.push(bytes.slice()));
      const encoder = new Encoder(
        HERE,
        THERE,
        DEFAULT_LIMITS,
        DEFAULT_LIMITS,
        port,
      );
      const sent = new Map<number, string[]>();
      const recorder = record(sent);
      for (const [n, { sender, kind, value, flushes }] of signals.entries()) {
        const put = signalsOf(sender, n + 1, VALUES[value]())[kind];
        put(encoder);
        put(recorder);
        if (flushes) encoder.flush(1);
      }
      flushed(encoder);
      const got = new Map<number, string[]>();
      const budget = new Budget(DEFAULT_LIMITS.maxTotalMessageBytes);
      const decoder = lateDecoder(record(got), budget);
      const bytes = Buffer.concat(chunks);
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const step = steps[i % steps.length];
        // The bytes are valid only during the call.
        const chunk = new Uint8Array(bytes.subarray(at, at += step.bytes));
        decoder.receive(chunk);
        chunk.fill(0xff);
        decoder.readLate(step.late);
      }
      decoder.readLate(Infinity);
      for (const [sender, order] of sent) assertEquals(got.get(sender), order);
      assertEquals(got.size, sent.size);
      assertEquals(budget.used, 0);
    }),
    { numRuns: runs(300) },
  );
});

/** The frames of a large signal of process 1, and its message. */
function large(
  count: number,
  to = 7,
): { frames: Uint8Array[]; message: number[][] } {
  const message = Array.from({ length: count }, (_, n) => [n]);
  const bytes = Buffer.from(JSON.stringify(["send", 1, to, message]));
  const frames: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 60_000) {
    const part = bytes.subarray(at, at + 60_000);
    frames.push(rawFrameOf(1, part, at + 60_000 >= bytes.length));
  }
  return { frames: [...frames, frameOf('[["large",1]]')], message };
}

test("signals of others pass a large signal that has arrived and is not parsed yet", () => {
  const got: unknown[] = [];
  const decoder = lateDecoder(signalsTo((kind, from, _to, value) => {
    got.push([kind, (from as Pid).number, value]);
  }));
  const { frames, message } = large(20_000);
  for (const frame of frames) decoder.receive(frame);
  decoder.receive(frameOf(
    '[["send",1,7,"after"],["send",2,7,"passes"],["exit_link",1,5,7,"later"],["unlink",0,0,6,4]]',
  ));
  assertEquals(got, [["send", 2, "passes"]]);
  decoder.readLate(Infinity);
  const [, first, ...rest] = got;
  assertEquals(first, ["send", 1, message]);
  // The ack follows when the bytes before it are parsed.
  assertEquals(rest.map((signal) => (signal as unknown[]).slice(0, 2)), [
    ["send", 1],
    ["exitLink", 1],
    ["unlink", 0],
  ]);
});

rawTest(
  "a peer that sends a large signal and leaves is down after it",
  async (peer) => {
    const { number } = self();
    const { frames, message } = large(60_000, number);
    Process.monitor(THEIRS);
    for (const frame of frames) void peer.write(frame);
    peer.end();
    assertEquals(await receive(), message);
    assertEquals((await receive()).reason, "noconnection");
  },
);

test("few bytes wait, and none if the budget of all peers has no room", () => {
  const budget = new Budget(8 << 20);
  const late = new LateSignals(budget, () => {});
  const added: number[] = [];
  const got: number[] = [];
  const add = (n: number) => {
    added.push(n);
    late.add(1 + n % 3, 60_000, () => void got.push(n));
  };
  for (let n = 0; n < 100; n++) add(n);
  assert(got.length > 50 && got.length < 100, `${got.length} were read`);
  assert(budget.used > 60_000 && budget.used < 2 << 20, `${budget.used}`);
  budget.add(budget.max);
  add(100);
  assertEquals(got, added);
  assertEquals(budget.used, budget.max);
  budget.add(-budget.max);
  add(101);
  late.clear();
  late.read(Infinity);
  assertEquals([budget.used, got.length, late.has(3)], [0, 101, false]);
});
