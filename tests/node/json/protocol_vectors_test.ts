/** `docs/protocol_vectors.json` is correct for this implementation, as it must be for others. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { createHmac } from "node:crypto";
import { DEFAULT_LIMITS, type Port } from "../../../packages/node/wire.ts";
import {
  decodeRequest,
  encodeRequest,
} from "../../../packages/epmd/epmd_protocol.ts";
import { Atom } from "../../../packages/processes/values/atom.ts";
import type { Signals } from "../../../packages/processes/signals/signal.ts";
import { test } from "../../../packages/testing/tags.ts";
import {
  type Json,
  RECEIVER,
  SENDER,
  SIGNALS,
  signalsOf,
  valueOf,
  VECTORS,
} from "../../../tools/protocol_vectors.ts";
import { AttachmentReader } from "../../../packages/node/json/attachments.ts";
import { ProtocolError } from "../../../packages/node/wires/over_limit.ts";
import { partsOf } from "../../_raw_peer.ts";
import { portTo, signalsTo } from "../wires/_ports.ts";
import { Decoder } from "../../../packages/node/json/json_decoder.ts";
import {
  FrameReader,
  textFrame,
} from "../../../packages/node/json/json_frames.ts";
import { ValueDecoder } from "../../../packages/node/json/json_values.ts";

// deno-lint-ignore no-explicit-any
const FILE: any = JSON.parse(await Deno.readTextFile(VECTORS));

/** The signals that the receiver delivers. */
function delivered(signals: Json[]): unknown[][] {
  const calls: unknown[][] = [];
  decoderTo(calls).receive(textFrame(JSON.stringify(signals)));
  return calls;
}

function decoderTo(calls: unknown[][], more: Partial<Port> = {}): Decoder {
  const port = portTo(() => {}, more);
  const deliver = recorderOf(calls);
  return new Decoder(RECEIVER, SENDER, DEFAULT_LIMITS, port, deliver);
}

function recorderOf(calls: unknown[][]): Signals {
  return signalsTo((...call) => calls.push(call));
}

test("docs/protocol_vectors.json: values", () => {
  assert(FILE.values.length > 50);
  for (const { value: source, json } of FILE.values) {
    const decoder = new ValueDecoder(RECEIVER, SENDER);
    const actual = decoder.decode(structuredClone(json));
    const expected = valueOf(source);
    if (expected instanceof Atom || typeof expected !== "object") {
      assert(Object.is(actual, expected), source);
    } else assertEquals(actual, expected);
  }
});

test("docs/protocol_vectors.json: refused values", () => {
  for (const { why, json } of FILE.refusedValues) {
    const decoder = new ValueDecoder(RECEIVER, SENDER);
    assertThrows(() => decoder.decode(json), ProtocolError, undefined, why);
  }
});

test("docs/protocol_vectors.json: signals", () => {
  for (const { what, signal } of FILE.signals) {
    const expected: unknown[][] = [];
    SIGNALS[what](recorderOf(expected));
    const calls = delivered([structuredClone(signal)]);
    assertEquals(calls, expected);
    const again = signalsOf((to) => {
      for (const [kind, ...args] of calls) {
        (to as unknown as Record<string, (...args: unknown[]) => void>)[
          kind as string
        ](...args);
      }
    });
    assertEquals(again, [signal], what);
  }
});

test("docs/protocol_vectors.json: refused signals", () => {
  for (const { why, signal } of FILE.refusedSignals) {
    assertThrows(() => delivered([signal]), ProtocolError, undefined, why);
  }
});

test("docs/protocol_vectors.json: signals that are refused alone", () => {
  for (const { why, json } of FILE.refusedAlone) {
    const calls: unknown[][] = [];
    const refused: string[] = [];
    const decoder = decoderTo(calls, {
      refused: (signal) => void refused.push(signal),
    });
    decoder.receive(textFrame(`[${json},["send",112,108,"next"]]`));
    assertEquals(refused.length, 1, why);
    const [kind, , , message] = calls.at(-1)!;
    assertEquals([kind, message], ["send", "next"], why);
    const others = calls.slice(0, -1).map(([kind]) => kind);
    const arrives = /reply|exit/.exec(why)?.[0];
    assertEquals(others, arrives === undefined ? [] : [arrives], why);
  }
});

test("docs/protocol_vectors.json: frames", () => {
  for (const { what, hex, json, attachments, ...raw } of FILE.frames) {
    const read: unknown[] = [];
    new FrameReader(2000).read(Uint8Array.fromHex(hex), {
      text: (bytes, start, end) =>
        void read.push(new TextDecoder().decode(bytes.subarray(start, end))),
      attached: (bytes, start, end) => {
        const parts = partsOf(bytes.subarray(start - 4, end));
        const { length } = parts.attachments;
        const piece = { bytes: parts.attachments, start: 0, end: length };
        const reader = new AttachmentReader([piece]);
        read.push(parts.json);
        // deno-lint-ignore no-explicit-any
        attachments.forEach(({ text, bytes }: any, number: number) =>
          assertEquals(
            text ?? bytes,
            text !== undefined
              ? reader.text(number)
              : reader.bytes(number).toHex(),
          )
        );
        reader.finish();
      },
      raw: (number, bytes, kind) =>
        void read.push({ number, bytes: bytes.toHex(), kind }),
    });
    const expected = { tick: [], json: [json], attached: [json], raw: [raw] };
    assertEquals(read, expected[what as keyof typeof expected]);
  }
});

test("docs/protocol_vectors.json: refused frames", () => {
  for (const { why, hex } of FILE.refusedFrames) {
    assertThrows(
      () => decoderTo([]).receive(Uint8Array.fromHex(hex)),
      ProtocolError,
      undefined,
      why,
    );
  }
});

test("docs/protocol_vectors.json: EPMD", () => {
  for (const { hex } of FILE.epmd) {
    const request = decodeRequest(Uint8Array.fromHex(hex).subarray(2));
    assertEquals(encodeRequest(request).toHex(), hex);
  }
});

test("docs/protocol_vectors.json: proofs", () => {
  for (const { cookie, tls, ...nodes } of FILE.handshakes) {
    for (const role of ["dialler", "listener"]) {
      const text = ["otp-json/1", role];
      for (const { name, creation, nonce } of [nodes.dialler, nodes.listener]) {
        text.push(name, creation, nonce);
      }
      const { dialler, listener } = nodes;
      if (tls) text.push("tls", dialler.certificate, listener.certificate);
      const proof = createHmac("sha256", cookie).update(text.join("\n"));
      assertEquals(nodes[role].proof, proof.digest("hex"));
    }
  }
});
