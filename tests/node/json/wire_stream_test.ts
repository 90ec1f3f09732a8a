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

const ALEX = "alex@localhost";
const KATE = "kate@localhost";

const HERE = { name: ALEX, creation: 5 };
const THERE = { name: KATE, creation: 6 };

/** Records signals. */
function recorderOf(calls: unknown[]): Signals {
  return signalsTo((kind, ...args) => calls.push(exactly([kind, ...args])));
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
  const to = new Pid(KATE, 2, 6);
  const ref = new Ref(ALEX, 3, 5);
  const theirs = new Ref(KATE, 4, 6);
  for (const signals of [encoder, recorderOf(calls)]) {
    signals.send(from, to, 1);
    signals.send(from, to, { two: "ü" });
    signals.send(from, to, [3n, atom("x"), new Map([[from, to]])]);
    signals.send(from, to, new Uint8Array(4096).fill(0x22));
    signals.send(from, to, "a text that is attached ".repeat(20));
    signals.send(from, to, { ü: "ein längerer Text ".repeat(20) });
    signals.sendName(from, "name", -0);
    signals.sendAlias(from, theirs, undefined);
    signals.reply(from, theirs, [theirs, ref]);
    signals.link(from, to);
    signals.unlink(from, to, 9);
    signals.unlinkAck(from, to, 10);
    signals.exit(from, to, "reason");
    signals.exitLink(from, to, new Date(1));
    signals.monitor(from, to, ref);
    signals.monitor(from, "name", ref);
    signals.demonitor(from, ref);
    signals.down(from, to, theirs, "why");
    signals.spawnRequest(from, {
      ref,
      run: { module: "M", function: "f", args: [1, 2n] },
      link: true,
      monitor: false,
      groupLeader: from,
    });
    signals.spawnReply(from, to, theirs, {
      pid: from,
      link: true,
      monitor: false,
    });
    signals.groupLeader(from, to, from);
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
