/** The stream of the JSON wire, split anywhere. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { DEFAULT_LIMITS } from "../../../packages/node/wire.ts";
import { Pid, Ref } from "../../../packages/processes/process.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import type { Signals } from "../../../packages/processes/signals/signal.ts";
import { Decoder } from "../../../packages/node/json/json_decoder.ts";
import { Encoder } from "../../../packages/node/json/json_encoder.ts";
import { runs } from "../../_seeds.ts";
import { exactly } from "../../_terms.ts";
import { test } from "../../../packages/testing/tags.ts";
import { flushed, portTo, signalsTo } from "../wires/_ports.ts";
import { eachSignal } from "../../_signals.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";

const HERE = { name: ALEX, creation: 5 };
const THERE = { name: KATE, creation: 6 };

/** Records signals. This wire does not carry the target of a `demonitor`. */
function recorderOf(calls: unknown[]): Signals {
  return signalsTo((kind, ...args) => {
    if (kind === "demonitor") args.length = 2;
    calls.push(exactly([kind, ...args]));
  });
}

/** A stream with each kind of signal in it, and the signals. */
function sample(): { bytes: Uint8Array; calls: unknown[] } {
  const chunks: Uint8Array[] = [];
  const calls: unknown[] = [];
  const encoder = new Encoder(
    HERE,
    THERE,
    DEFAULT_LIMITS,
    DEFAULT_LIMITS,
    portTo((bytes) => chunks.push(bytes)),
  );
  const from = new Pid(ALEX, 1, 5);
  const ref = new Ref(ALEX, 3, 5);
  const to = new Pid(KATE, 2, 6);
  const alias = new Ref(KATE, 4, 6);
  const all = [undefined, -0, new Date(1), [alias, ref], "reason"]
    .flatMap((value) =>
      Object.values(eachSignal({ from, ref, to, alias }, value))
    );
  for (const signals of [encoder, recorderOf(calls)]) {
    signals.send(from, to, { two: "ü" });
    signals.send(from, to, [3n, atom("x"), new Map([[from, to]])]);
    signals.send(from, to, new Uint8Array(4096).fill(0x22));
    signals.send(from, to, "a text that is attached ".repeat(20));
    signals.send(from, to, { ü: "ein längerer Text ".repeat(20) });
    for (const write of all) write(signals);
    encoder.tick();
  }
  flushed(encoder);
  return { bytes: Buffer.concat(chunks), calls };
}

function decoded(pieces: Uint8Array[]): unknown[] {
  const calls: unknown[] = [];
  const decoder = new Decoder(
    THERE,
    HERE,
    DEFAULT_LIMITS,
    portTo(() => {}),
    recorderOf(calls),
  );
  for (const piece of pieces) decoder.receive(piece);
  return calls;
}

test("a stream is decoded the same, wherever it is split", () => {
  const { bytes, calls } = sample();
  const expected = JSON.stringify(decoded([bytes]));
  assertEquals(decoded([bytes]), calls);
  // A newcomer's run cuts at each fifth byte.
  const step = Math.ceil(bytes.length / runs(bytes.length));
  for (let cut = 0; cut <= bytes.length; cut += step) {
    const got = decoded([bytes.subarray(0, cut), bytes.subarray(cut)]);
    assertStrictEquals(JSON.stringify(got), expected, `cut at ${cut}`);
  }
  assertEquals(decoded([...bytes].map((byte) => Uint8Array.of(byte))), calls);
});
