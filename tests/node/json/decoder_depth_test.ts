/** The depth of values in handwritten frames: every signal × every container, small and large. */

import { assertEquals } from "@std/assert";
import { DEFAULT_LIMITS } from "../../../packages/node/wire.ts";
import { REASON_LEVELS } from "../../../packages/processes/values/term.ts";
import { test } from "../../../packages/testing/tags.ts";
import { Decoder } from "../../../packages/node/json/json_decoder.ts";
import { portTo, signalsTo } from "../wires/_ports.ts";
import {
  attachedFrameOf,
  attachmentOf,
  frameOf,
  rawFrameOf,
} from "../../_raw_peer.ts";

/** The rule is the same at the default of 512, where the tables take a minute. */
const LIMITS = { ...DEFAULT_LIMITS, maxDepth: 64 };
const MOST = LIMITS.maxDepth;
const HERE = { name: "kate@localhost", creation: 5 };
const THERE = { name: "alex@localhost", creation: 7 };

/** A level as JSON around inner JSON, and whether it is a tag. */
const LEVELS: Record<string, [json: (inner: string) => string, tag?: true]> = {
  array: [(inner) => `[${inner}]`],
  "array of many": [(inner) => `[${"0,".repeat(20)}${inner}]`],
  object: [(inner) => `{"a":${inner}}`],
  $object: [(inner) => `{"$object":[["$a",${inner}]]}`, true],
  "value of a Map": [(inner) => `{"$map":[["key",${inner}]]}`, true],
  "key of a Map": [(inner) => `{"$map":[[${inner},1]]}`, true],
  Set: [(inner) => `{"$set":[${inner}]}`, true],
  "field of an error": [
    (inner) =>
      `{"$error":{"name":"Error","message":"m","fields":{"a":${inner}}}}`,
    true,
  ],
  "cause of an error": [
    (inner) =>
      `{"$error":{"name":"Error","message":"m","fields":{"cause":${inner}}}}`,
    true,
  ],
  "$field of an error": [
    (inner) =>
      `{"$error":{"name":"Error","message":"m","fields":{"$object":[["$a",${inner}]]}}}`,
    true,
  ],
};

/** A signal with a value in it: the permitted depth, and its JSON. */
const SIGNALS: Record<
  string,
  [most: number, json: (value: string, star: string) => string]
> = {
  send: [MOST, (value, star) => `["send${star}",1,2,${value}]`],
  send_name: [MOST, (value, star) => `["send_name${star}",1,"inbox",${value}]`],
  send_alias: [MOST, (value, star) => `["send_alias${star}",1,3,${value}]`],
  reply: [MOST, (value, star) => `["reply${star}",1,3,${value}]`],
  exit: [MOST - REASON_LEVELS, (value, star) => `["exit${star}",1,2,${value}]`],
  exit_link: [
    MOST - REASON_LEVELS,
    (value, star) => `["exit_link${star}",1,7,2,${value}]`,
  ],
  down: [
    MOST - REASON_LEVELS,
    (value, star) => `["down${star}",1,2,3,${value}]`,
  ],
  // The request's envelope is a level.
  call: [MOST - 1, (value, star) => `["call${star}",1,2,4,${value}]`],
  call_name: [
    MOST - 1,
    (value, star) => `["call_name${star}",1,"inbox",4,${value}]`,
  ],
  // The list of the arguments is a level.
  spawn: [
    MOST - 1,
    (value) =>
      `["spawn*",1,4,{"run":{"module":"M","function":"f","args":[${value}]},"link":false,"monitor":false,"groupLeader":{"$pid":[0,1,7]}}]`,
  ],
};

const PORT = portTo(() => {}, { refused: () => void refused++ });

/** The signals that the decoder has refused alone. */
let refused = 0;

/** The signals that arrive although their value is refused: as a failed reply, or with a reason that says so. */
const ARRIVING = ["reply", "exit", "exit_link", "down"];

/** The number of signals that the node delivers from these chunks. */
function delivered(chunks: Uint8Array[]): number {
  let count = 0;
  // A call is one signal, which delivers a monitor and a request.
  const deliver = signalsTo((kind) => count += kind === "monitor" ? 0 : 1);
  const decoder = new Decoder(HERE, THERE, LIMITS, PORT, deliver);
  for (const chunk of chunks) decoder.receive(chunk);
  return count;
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

const TEXT = attachmentOf("hi");

/** A signal with so many spaces in front of its value, which JSON allows. */
function padded(signal: string): string {
  return signal.replace("[", `[${" ".repeat(100_000)}`);
}

/** A way to send a signal. */
interface Framing {
  framed(signal: string): Uint8Array[];
  /** The number of other signals in the frames. */
  others?: number;
  /** The innermost value, with a tag. */
  leaf?: string;
}

/** The ways to send a signal: in a frame of its own, with others, with attachments, or as a large one. */
const FRAMES: Record<string, Framing> = {
  "a small frame": { framed: (signal) => [frameOf(`[${signal}]`)] },
  "a frame with others": {
    framed: (signal) => [frameOf(`[["send",1,2,1],${signal},["send",1,2,1]]`)],
    others: 2,
  },
  "a frame behind a long one": {
    framed: (signal) => [
      frameOf(`[["send",1,2,"${"[".repeat(20_000)}"],${signal}]`),
    ],
    others: 1,
  },
  "a frame with attachments": {
    framed: (signal) => [attachedFrameOf(`[${signal}]`, ["hi"])],
    leaf: '{"$text":0}',
  },
  "a frame with the attachments of another": {
    framed: (signal) => [
      attachedFrameOf(`[["send*",1,2,{"$text":0}],${signal}]`, ["hi"]),
    ],
    others: 1,
  },
  "a large signal": {
    framed: (signal) => [
      rawFrameOf(1, bytesOf(signal), true),
      frameOf('[["large",1]]'),
    ],
  },
  "a large signal of many bytes": {
    framed: (signal) => [
      rawFrameOf(1, bytesOf(padded(signal)), true),
      frameOf('[["large",1]]'),
    ],
  },
  "a large signal with attachments": {
    framed: (signal) => [
      rawFrameOf(3, TEXT, "attachments"),
      rawFrameOf(3, bytesOf(signal), true),
      frameOf(`[["large_attached",3,0]]`),
    ],
    leaf: '{"$text":0}',
  },
  "a large signal in parts": {
    framed: (signal) => [
      rawFrameOf(9, bytesOf(signal.slice(0, 40)), false),
      rawFrameOf(9, bytesOf(signal.slice(40)), true),
      frameOf('[["large",9]]'),
    ],
  },
  "a large signal among deep ones": {
    framed: (signal) => [
      rawFrameOf(2, bytesOf(signal), true),
      frameOf(
        `[["send",1,2,${"[".repeat(MOST)}${
          "]".repeat(MOST)
        }],["large",2],["send",1,2,1]]`,
      ),
    ],
    others: 2,
  },
};

for (
  const [index, [frame, { framed, others = 0, leaf }]] of Object.entries(FRAMES)
    .entries()
) {
  // A newcomer's run has every second kind of frame.
  const tags = index % 2 === 0 ? [] : ["slow"];
  test(
    `the decoder accepts values of the permitted depth, and refuses a deeper one alone: ${frame}`,
    {
      tags,
    },
    () => {
      for (const [kind, [most, signal]] of Object.entries(SIGNALS)) {
        for (const [level, [json, isTag]] of Object.entries(LEVELS)) {
          const nested = (levels: number) => {
            let value = leaf ?? "1";
            for (let i = 0; i < levels; i++) value = json(value);
            return framed(
              signal(value, isTag || leaf !== undefined ? "*" : ""),
            );
          };
          for (const levels of [1, most - 1, most]) {
            assertEquals(
              delivered(nested(levels)),
              1 + others,
              `${levels} × ${level} in ${kind}`,
            );
          }
          for (const levels of [most + 1, most + 2, 5 * most]) {
            refused = 0;
            assertEquals(
              delivered(nested(levels)),
              others + (ARRIVING.includes(kind) ? 1 : 0),
              `${levels} × ${level} in ${kind}`,
            );
            assertEquals(refused, 1, `${levels} × ${level} in ${kind}`);
          }
        }
      }
    },
  );
}
