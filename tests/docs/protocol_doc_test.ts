/** `docs/protocol.md` describes the code: its examples are decoded, and compared with the encoder's output. */

import { localOf } from "../_local.ts";
import { SIGNAL_KINDS } from "../_signals.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { createHmac } from "node:crypto";
import {
  QUIET_TURNS,
  SILENT_TURNS,
} from "../../packages/node/connections/connection.ts";
import {
  GIVE_WAY,
  INTRODUCED_AT_ONCE,
} from "../../packages/node/network/dialler.ts";
import { toRegistration } from "../../packages/epmd/entry.ts";
import { encodeRequest } from "../../packages/epmd/epmd_protocol.ts";
import {
  FIRST_JITTER,
  NEWCOMER_PAUSE,
} from "../../packages/epmd/epmd_registry.ts";
import { EPMD_LIMITS } from "../../packages/epmd/epmd_server.ts";
import { EPMD_PORT } from "../../packages/node/host/listen_for_peers.ts";
import { TICK_TURNS } from "../../packages/node/network/network.ts";
import {
  DEFAULT_LIMITS,
  HandshakeError,
  type Listening,
  type Local,
  type Port,
  type Transport,
  type TransportHandlers,
} from "../../packages/node/wire.ts";
import type { PeerAddress } from "../../packages/processes/remote/peer_address.ts";
import { Agent } from "../../packages/servers/agent/agent.ts";
import { GenServer } from "../../packages/servers/gen_server/gen_server.ts";
import { global } from "../../packages/cluster/global/global.ts";
import { IO } from "../../packages/node/io/io.ts";
import { rpc } from "../../packages/node/rpc/rpc.ts";
import { TICK_TIME } from "../../packages/node/start/start_node.ts";
import { Atom, MAX_NAME_LENGTH } from "../../packages/processes/values/atom.ts";
import {
  MAX_TYPE_DEPTH,
  MAX_TYPE_TEXT,
} from "../../packages/processes/values/beam_types.ts";
import { MAX_FUNCTION_BYTES } from "../../packages/processes/values/functions.ts";
import { FEW_KEYS } from "../../packages/processes/values/hash_collisions.ts";
import {
  MAX_BIGINT_DIGITS,
  REASON_LEVELS,
} from "../../packages/processes/values/term.ts";
import { Pid, Ref } from "../../packages/processes/values/pid.ts";
import { Call } from "../../packages/servers/server/messages.ts";
import { ReplyTo } from "../../packages/processes/values/reply_to.ts";
import { NodeRuntime } from "../../packages/processes/runtime/node_runtime.ts";
import type { Signals } from "../../packages/processes/signals/signal.ts";
import { TaskSupervisor } from "../../task_supervisor.ts";
import { valueOf } from "../../tools/protocol_vectors.ts";
import { test } from "../../packages/testing/tags.ts";
import {
  ATTACHED,
  AttachmentReader,
  AttachmentWriter,
} from "../../packages/node/json/attachments.ts";
import { Decoder } from "../../packages/node/json/json_decoder.ts";
import { Encoder } from "../../packages/node/json/json_encoder.ts";
import { LARGE } from "../../packages/node/wires/lanes.ts";
import { textFrame, TICK } from "../../packages/node/json/json_frames.ts";
import {
  attachedFrameOf,
  attachmentOf,
  partsOf,
  rawFrameOf,
} from "../_raw_peer.ts";
import { jsonWire } from "../../packages/node/json/json_wire.ts";
import {
  MAX_ADDRESS,
  MAX_PEERS,
  MAX_REFUSAL,
  ValueDecoder,
  ValueEncoder,
} from "../../packages/node/json/json_values.ts";
import { numbersIn, readPage } from "../_pages.ts";
import { until } from "../_until.ts";
import { spawnProcess } from "../../packages/processes/spawning/spawn_process.ts";

const NAME = "docs/protocol.md";
const SERVERS_NAME = "docs/protocol_servers.md";
const PAGE = await readPage(NAME);
const SERVERS_PAGE = await readPage(SERVERS_NAME);
const COOKIE = "secret_token";
const ALEX = { name: "alex@localhost", creation: 1234567890 };
const KATE = { name: "kate@localhost", creation: 2345678901 };
const LISTEN: Record<string, Listening> = {
  [ALEX.name]: { port: 40122, host: "127.0.0.1" },
  [KATE.name]: { port: 40123, host: "127.0.0.1" },
};

// deno-lint-ignore no-explicit-any
type Json = any;

/** The text below a heading, up to the next one of that level. */
function section(heading: string, page = PAGE): string {
  const level = heading.split(" ")[0];
  const start = page.indexOf(`\n${heading}\n`);
  assert(start >= 0, `the page has no heading ${heading}`);
  const rest = page.slice(start + heading.length + 2);
  const end = rest.search(new RegExp(`^#{1,${level.length}} `, "m"));
  return end < 0 ? rest : rest.slice(0, end);
}

function blocks(text: string, language: string): string[] {
  const pattern = new RegExp(`^\`\`\`${language}\n([^]*?)\n\`\`\`$`, "gm");
  return [...text.matchAll(pattern)].map(([, body]) => body);
}

/** The JSON in blocks, and the JSON of signals and of handshake frames in the text, in their order. */
function jsonIn(text: string): Json[] {
  const found = text.matchAll(
    /^```json5\n([^]*?)\n```$|`(\["[a-z_]+\*?", [^`]+\]|\{"(?:status|proof)": [^`…]+\})`/gm,
  );
  return [...found].flatMap(([, block, inline]) => textsOf(block ?? inline));
}

/** The values of JSON texts, each of which begins on a line of its own. */
function textsOf(texts: string): Json[] {
  return texts.split(/\n(?=\S)/).map((text) => JSON.parse(text));
}

/** The cells of a table's rows, without its header. */
function rows(text: string): string[][] {
  return text.split("\n").filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

function uncode(cell: string): string {
  assertMatch(cell, /^`.*`$/);
  return cell.slice(1, -1);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join(" ");
}

/** The port of an encoder or a decoder, which records the written bytes. */
class RecordingPort implements Port {
  frames: Uint8Array[] = [];
  named: PeerAddress[][] = [];
  readonly room = Infinity;

  wake(): void {}
  write(bytes: Uint8Array): void {
    this.frames.push(bytes.slice());
  }
  pressure(): undefined {}
  assertRoom(): void {}
  peers(nodes: PeerAddress[]): void {
    this.named.push(nodes);
  }

  /** The signals in the JSON frames. */
  signals(): Json[] {
    return this.frames.filter((frame) => frame[0] < 0x80 && frame.length > 4)
      .flatMap((frame) => JSON.parse(partsOf(frame).json));
  }
}

function recorder(): { signals: Signals; calls: unknown[][] } {
  const calls: unknown[][] = [];
  const signals = Object.fromEntries(
    SIGNAL_KINDS.map((kind) => [
      kind,
      (...args: unknown[]) => void calls.push([kind, ...args]),
    ]),
  ) as unknown as Signals;
  return { signals, calls };
}

function encoderOf(port: Port): Encoder {
  return new Encoder(ALEX, KATE, DEFAULT_LIMITS, DEFAULT_LIMITS, port);
}

/** The frames that alex writes to kate. */
function written(write: (to: Encoder) => void): RecordingPort {
  const port = new RecordingPort();
  const encoder = encoderOf(port);
  write(encoder);
  encoder.flush(Infinity);
  return port;
}

/** The signals that kate delivers for frames from alex. */
function decoded(
  frames: Uint8Array[],
): { calls: unknown[][]; port: RecordingPort } {
  const { signals, calls } = recorder();
  const port = new RecordingPort();
  const decoder = new Decoder(KATE, ALEX, DEFAULT_LIMITS, port, signals);
  for (const frame of frames) decoder.receive(frame);
  return { calls, port };
}

const alex = new Pid(ALEX.name, 112, ALEX.creation);
const kate = new Pid(KATE.name, 108, KATE.creation);
const leader = new Pid(ALEX.name, 101, ALEX.creation);
const alias = new Ref(KATE.name, 31, KATE.creation);
const seven = new Ref(ALEX.name, 7, ALEX.creation);
const eight = new Ref(ALEX.name, 8, ALEX.creation);
const bad = Object.assign(new TypeError("bad"), { stack: "TypeError: bad" });

/** A request as callers make it: a monitor, and a message under its reference. */
function call(to: Signals, target: Pid | string, request: unknown): void {
  const ref = new Ref(ALEX.name, 7, ALEX.creation);
  to.monitor(alex, target, ref, true);
  const message = new Call(new ReplyTo(alex, ref), request);
  if (typeof target === "string") to.sendName(alex, target, message);
  else to.send(alex, target, message);
}

/** The call for each example of a signal, in the page's order. */
const EXAMPLES: Record<string, ((to: Signals) => void)[]> = {
  send_text: [(to) => to.send(alex, kate, "hi".repeat(100))],
  send: [
    (to) => {
      to.send(alex, kate, { type: "hi" });
      to.send(alex, kate, "again");
    },
    (to) => to.send(alex, kate, { type: "hi", from: alex }),
  ],
  send_name: [(to) => to.sendName(alex, "Chat", "hi")],
  call: [(to) => call(to, kate, { type: "push", value: 1 })],
  call_name: [(to) => call(to, "Stack", "pop")],
  send_alias: [(to) => to.sendAlias(alex, alias, "hi")],
  reply: [(to) => to.reply(alex, alias, "ok")],
  answer: [(to) => to.reply(alex, alias, "ok", true)],
  link: [(to) => to.link(alex, kate)],
  unlink: [(to) => to.unlink(alex, kate, 5)],
  unlink_ack: [(to) => to.unlinkAck(alex, kate, 5)],
  exit: [(to) => to.exit(alex, kate, "kill")],
  exit_link: [(to) => to.exitLink(alex, kate, "noproc")],
  monitor: [(to) => to.monitor(alex, kate, seven)],
  monitor_name: [(to) => to.monitor(alex, "Chat", seven)],
  demonitor: [(to) => to.demonitor(alex, seven)],
  down: [
    (to) => to.down(alex, kate, alias, "normal"),
    (to) => to.down(alex, kate, alias, bad),
  ],
  spawn: [
    (to) =>
      to.spawnRequest(alex, {
        ref: eight,
        run: { module: "Kate", function: "sayName", args: [] },
        link: true,
        monitor: false,
        groupLeader: leader,
      }),
    (to) =>
      to.spawnRequest(alex, {
        ref: eight,
        run: { source: "() => Kate.sayName()", args: [] },
        link: false,
        monitor: true,
        groupLeader: leader,
      }),
  ],
  spawned: [
    (to) =>
      to.spawnReply(alex, kate, alias, {
        pid: alex,
        link: true,
        monitor: false,
      }),
  ],
  not_spawned: [
    (to) =>
      to.spawnReply(new Pid(ALEX.name, 0, ALEX.creation), kate, alias, {
        error: "undef",
        message: "function Kate.sing/0 is not exported",
      }),
  ],
  group_leader: [(to) => to.groupLeader(alex, kate, leader)],
};

for (const [kind, examples] of Object.entries(EXAMPLES)) {
  test(`docs/protocol.md: ${kind}`, () => {
    const shown = jsonIn(section(`### ${kind}`));
    assertEquals(shown.length, examples.length);
    examples.forEach((example, index) => {
      const port = written(example);
      assertEquals(port.signals(), [shown[index]]);

      const expected = recorder();
      example(expected.signals);
      // The page has no attachments: the ones written are read.
      const { calls } = decoded(
        kind === "send_text" || kind.startsWith("large")
          ? port.frames
          : [textFrame(JSON.stringify([shown[index]]))],
      );
      assertEquals(calls, expected.calls);
    });
  });
}

/** Kinds with the types of their items, as in the page's list. */
function shapes(): [kind: string, types: string[]][] {
  return [
    ...section("## Signals").matchAll(
      /^- `(\w+)`: ([a-z_]+(?:, [a-z_]+)*…?)$/gm,
    ),
  ].map(([, kind, items]) => [kind, items.split(", ")]);
}

const NATURAL = {
  good: [0, 1, 2 ** 53 - 1, -0],
  bad: [-1, 1.5, 2 ** 53, "1", null, true, [1], {}],
};
const ANY_PROCESS = {
  good: [...NATURAL.good, [1, 2 ** 32 - 1]],
  bad: [...NATURAL.bad, [], [1, 2, 3], [1, 2 ** 32], [-1, 1], [1, "2"]],
};
const long = (bytes: number) => "ü".repeat(bytes >> 1) + "u".repeat(bytes % 2);
const pidJson = { $pid: [0, 101, ALEX.creation] };
const startJson = {
  run: { module: "Kate", function: "sayName", args: [] },
  link: true,
  monitor: false,
  groupLeader: pidJson,
};

function levels(count: number): Json {
  return count === 0 ? 1 : [levels(count - 1)];
}

/** For each type of the page: accepted values, also at the bounds, and rejected ones. */
const TYPES: Record<string, { good: Json[]; bad: Json[] }> = {
  process: NATURAL,
  any_process: ANY_PROCESS,
  reference: NATURAL,
  creation: NATURAL,
  number: NATURAL,
  // A raw byte array with one of these numbers has arrived.
  array: { good: [0, 1, 2 ** 32 - 1], bad: [...NATURAL.bad, 2] },
  "attachment…": { good: [0], bad: [...NATURAL.bad, 1] },
  id: { good: [1, 2 ** 53 - 1], bad: [...NATURAL.bad, 0] },
  trace: {
    good: ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", null],
    bad: ["", "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01", 1],
  },
  name: {
    good: ["", "Chat", "\u{1f600}".repeat(255), "\ud800".repeat(255)],
    bad: ["\u{1f600}".repeat(256), "a".repeat(256), 1, null, ["Chat"]],
  },
  text: { good: ["", long(4096)], bad: [long(4097), 1, null] },
  boolean: { good: [true, false], bad: [0, 1, null, "true"] },
  failure: {
    good: ["undef", "not_allowed", "closure", "limit"],
    bad: ["", "noproc", null, 1],
  },
  nodes: {
    good: [[], ["a@b"], Array(1024).fill("a@b")],
    bad: [["a"], [1], "a@b", null, {}, Array(1025).fill("a@b")],
  },
  value: { good: [null, "", levels(512)], bad: [] },
  "value…": { good: [null, "", levels(512)], bad: [] },
  request: { good: [null, "", levels(511)], bad: [] },
  reason: { good: [null, "", levels(504)], bad: [] },
  pid: { good: [pidJson], bad: [null, 1, "x", { $ref: pidJson.$pid }, {}] },
  start: {
    good: [startJson, { ...startJson, more: 1 }],
    bad: [
      null,
      1,
      [],
      {},
      { ...startJson, link: 1 },
      { ...startJson, monitor: "false" },
      { ...startJson, groupLeader: [0, 1, 2] },
      { ...startJson, groupLeader: { $ref: pidJson.$pid } },
      { ...startJson, run: null },
      { ...startJson, run: [] },
      { ...startJson, run: { source: 1, args: [] } },
      { ...startJson, run: { ...startJson.run, function: null } },
      { ...startJson, run: { args: [] } },
      { ...startJson, run: { module: "Kate", args: [] } },
      { ...startJson, run: { ...startJson.run, args: {} } },
      { ...startJson, run: { ...startJson.run, module: "a".repeat(256) } },
    ],
  },
};

/**
 * Whether a decoder that has a raw byte array, with the attachment that a `large_attached` needs, and an attachment for
 * each text of a `send_text`, accepts a signal.
 */
function takes(signal: Json[]): boolean {
  const isAttached = signal[0] === "large_attached";
  const inner = new TextEncoder().encode(
    isAttached ? `["send_text",1,1,${signal[2]}]` : '["demonitor",1,1]',
  );
  const id = TYPES.array.good.includes(signal[1]) ? Number(signal[1]) : 0;
  try {
    decoded([
      ...isAttached ? [rawFrameOf(id, attachmentOf("hi"), "attachments")] : [],
      rawFrameOf(id, inner, true),
      attachedFrameOf(
        JSON.stringify([signal]),
        signal[0] === "send_text" ? Array(signal.length - 3).fill("a") : [],
      ),
    ]);
    return true;
  } catch (error) {
    assertEquals((error as Error).name, "ProtocolError");
    return false;
  }
}

test("docs/protocol.md: each signal has the shape of the list, and no other", () => {
  const table = shapes();
  const kinds = [...section("## Signals").matchAll(/^### (\w+)$/gm)];
  assertEquals(table.map(([kind]) => kind), kinds.map(([, kind]) => kind));
  for (const [kind, types] of table) {
    const last = types.at(-1)!;
    const hasValue = ["value", "value…", "request", "reason", "pid", "start"]
      .includes(last);
    const isTagged = last === "pid" || last === "start";
    const name = isTagged ? `${kind}*` : kind;
    const good = types.map((type) =>
      TYPES[type].good.at(1) ?? TYPES[type].good[0]
    );
    assert(takes([name, ...good]), `${name} is not taken`);
    types.forEach((type, i) => {
      for (const item of TYPES[type].good) {
        const signal = [name, ...good.with(i, item)];
        assert(takes(signal), `not taken: ${JSON.stringify(signal)}`);
      }
      for (const item of TYPES[type].bad) {
        const signal = [name, ...good.with(i, item)];
        assert(
          !takes(signal),
          `taken: ${JSON.stringify(signal).slice(0, 200)}`,
        );
      }
    });
    assert(!takes([name, ...good.slice(0, -1)]), `${name} with an item less`);
    const more = takes([name, ...good, 1]);
    assertEquals(more, last.endsWith("…"), `${name} with an item more`);
    assertEquals(takes([`${kind}*`, ...good]), hasValue, `${kind}*`);
    assert(!takes([`${kind}**`, ...good]), `${kind}**`);
  }
  assert(takes(["send*", 1, 2, "a", "b"]));
  assert(!takes(["sing", 1]));
});

test("docs/protocol.md: valid and invalid JSON", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const read = (...parts: (string | number[])[]) => {
    const body = parts.flatMap((part) =>
      typeof part === "string" ? [...bytes(part)] : part
    );
    const head = new Uint8Array(4);
    new DataView(head.buffer).setUint32(0, body.length);
    return decoded([Uint8Array.from([...head, ...body])]).calls;
  };
  const send = (json: string) => read(`[["send",112,108,${json}]]`)[0][3];
  assertEquals(read("[]"), []);
  assertEquals(read(' [ ["demonitor", 112.0, 7e0] ] '), [[
    "demonitor",
    alex,
    seven,
  ]]);
  assertEquals(send('{"a":1,"a":2}'), { a: 2 });
  assertEquals(send('"\\ud800"'), "\ud800");
  assertEquals(send('{"$pid":1,"b":2}'), { $pid: 1, b: 2 });
  for (
    const parts of [
      ['[["send",112,108,"', [0xff], '"]]'],
      // A surrogate, an overlong slash, a byte order mark.
      ['[["send",112,108,"', [0xed, 0xa0, 0x80], '"]]'],
      ['[["send",112,108,"', [0xc0, 0xaf], '"]]'],
      [[0xef, 0xbb, 0xbf], "[]"],
      ['[["send",112,108,NaN]]'],
      ['[["send",112,108,1],]'],
      ["[][]"],
      ["{}"],
      ["1"],
      ["[1]"],
      ["["],
    ]
  ) {
    try {
      read(...parts);
    } catch (error) {
      assertEquals((error as Error).name, "ProtocolError");
      continue;
    }
    throw new Error(`taken: ${parts}`);
  }
});

test("docs/protocol.md: the maximum length of a frame", () => {
  const most = DEFAULT_LIMITS.maxFrameBytes;
  assertEquals(decoded([textFrame("[]".padEnd(most))]).calls, []);
  const longer = textFrame("[]".padEnd(most + 1));
  assertThrows(() => decoded([longer]), Error, "is the most");
});

test("docs/protocol.md: a raw byte array lasts until it is referred to, and is the only one", () => {
  const signal = new TextEncoder().encode('["demonitor",1,1]');
  const raw = (id: number, last: boolean) => rawFrameOf(id, signal, last);
  const refer = textFrame('[["large",0]]');
  decoded([raw(0, true), refer, raw(1, true)]);
  for (const last of [true, false]) {
    assertThrows(() => decoded([raw(0, last), raw(1, true)]), Error, "array 1");
  }
  assertThrows(() => decoded([raw(0, false), refer]), Error, "number 0");
  assertThrows(() => decoded([raw(0, true), refer, refer]), Error, "number 0");
  assertThrows(() => decoded([raw(0, true), raw(0, true)]), Error, "its end");
});

test("docs/protocol.md: a large may be any signal without attachments", () => {
  const types = shapes().filter(([kind]) => !/^large|_text$/.test(kind));
  for (const [kind, items] of types) {
    const good = items.map((type) =>
      TYPES[type].good.at(1) ?? TYPES[type].good[0]
    );
    const tag = ["pid", "start"].includes(items.at(-1)!) ? "*" : "";
    const json = JSON.stringify([`${kind}${tag}`, ...good]);
    const bytes = new TextEncoder().encode(json);
    decoded([rawFrameOf(1, bytes, true), textFrame('[["large",1]]')]);
  }
});

test("docs/protocol.md: a refusal is cut to its maximum length, between characters", () => {
  for (const [character, kept] of [["ü", 2048], ["🐕", 1024], ["€", 1365]]) {
    const message = `${character}`.repeat(5000);
    const failure = { error: "undef" as const, message };
    const port = written((to) => to.spawnReply(alex, kate, alias, failure));
    const [[, , , , text]] = port.signals();
    assertEquals(text, `${character}`.repeat(Number(kept)));
    assertEquals(decoded(port.frames).calls.length, 1);
  }
});

test("docs/protocol.md: all requests of the cluster's names are in the list", async () => {
  const source = await Deno.readTextFile(
    new URL(
      "../../packages/cluster/global/global_messages.ts",
      import.meta.url,
    ),
  );
  const union = source.slice(
    source.indexOf("export type GlobalRequest"),
    source.indexOf("/** Of processes of the server's node only. */"),
  );
  const known = [...union.matchAll(/type: "(\w+)"/g)].map(([, type]) => type);
  const listed = section(
    SERVERS_PAGE.match(/^## A lock of the cluster.*$/m)![0],
    SERVERS_PAGE,
  );
  const shown = [...listed.matchAll(/^- `(\w+)`/gm)]
    .map(([, type]) => type).filter((type) => known.includes(type));
  assertEquals(shown.toSorted(), known.toSorted());
});

test("docs/protocol.md: peers", () => {
  for (const shown of jsonIn(section("### peers"))) {
    const [, names, addresses = []] = shown;
    const nodes = names.map((node: string, i: number) => ({
      node,
      address: addresses[i] ?? undefined,
    }));
    const port = written((to) => to.announce(nodes));
    assertEquals(port.signals(), [shown]);
    assertEquals(decoded(port.frames).port.named, [nodes]);
  }
});

test("docs/protocol.md: addresses of peers, and no others", () => {
  const names = ["moebi@localhost", "sophie@localhost"];
  const peers = (...items: unknown[]) => takes(["peers", names, ...items]);
  assert(peers([null, "x".repeat(255)]));
  assert(peers(["", "nonsense"]));
  for (
    const bad of [
      null,
      "",
      {},
      [],
      [null],
      [null, null, null],
      [1, null],
      [["127.0.0.1:1"], null],
      ["x".repeat(256), null],
    ]
  ) assert(!peers(bad), JSON.stringify(bad));
  assert(!peers([null, null], 1));
});

test("docs/protocol.md: large messages", () => {
  for (const kind of ["large", "large_attached"]) {
    const [shown] = jsonIn(section(`### ${kind}`));
    const long = kind === "large"
      ? Array(40_000).fill("x")
      : "x".repeat(70_000);
    const port = written((to) => {
      to.send(alex, kate, long);
      to.send(alex, kate, "behind it");
      to.link(leader, kate);
    });
    assertEquals(port.signals(), [
      ["link", 101, 108, KATE.creation],
      shown,
      ["send", 112, 108, "behind it"],
    ]);
    assertEquals(decoded(port.frames).calls, [
      ["link", leader, kate],
      ["send", alex, kate, long],
      ["send", alex, kate, "behind it"],
    ]);
  }
});

test("docs/protocol.md: texts and bytes of 200 and more are attached", () => {
  const messages = [199, 200].flatMap((length) => [
    "x".repeat(length),
    new Uint8Array(length),
    ["x".repeat(length)],
  ]);
  const port = written((to) => {
    for (const message of messages) to.send(alex, kate, message);
    to.send(alex, kate, "\ud800".repeat(200));
  });
  const [send, bytes, list, text, attached, lone] = port.signals();
  assertEquals(send, ["send", 112, 108, messages[0]]);
  assertEquals(typeof (bytes as Json[])[3], "object");
  assertEquals(list, ["send", 112, 108, messages[2]]);
  assertEquals(text, ["send_text", 112, 108, 0]);
  assertEquals(attached, ["send*", 112, 108, { $bytes: 1 }, [{ $text: 2 }]]);
  assertEquals(lone, ["send", 112, 108, "\ud800".repeat(200)]);
  assertEquals(decoded(port.frames).calls.length, messages.length + 1);
});

test("docs/protocol.md has every kind of signal", async () => {
  const source = await Deno.readTextFile(
    new URL("../../packages/node/json/json_decoder.ts", import.meta.url),
  );
  const known = new Set(
    [...source.matchAll(/(?:case|(?<!typeof )kind ===) "(\w+)"/g)].map((
      [, kind],
    ) => kind),
  );
  const shown = [...section("## Signals").matchAll(/^### (\w+)$/gm)]
    .map(([, kind]) => kind);
  assertEquals(shown.toSorted(), [...known].toSorted());
});

test("docs/protocol.md: values", () => {
  const shown = rows(section("## Values"));
  assert(shown.length > 15);
  const tags = new Set<string>();
  for (const [source, cell] of shown) {
    const json = uncode(cell);
    tags.add(/"(\$\w+)"/.exec(json)![1]);
    const value = valueOf(uncode(source));
    const attachments = new AttachmentWriter();
    const encoder = new ValueEncoder(ALEX, KATE, 64, attachments);
    assertEquals(encoder.encode(value), json);
    assert(encoder.tagged);
    const decoder = new ValueDecoder(KATE, ALEX);
    const frame = attachments.frame("");
    const piece = { bytes: frame, start: 8, end: frame.length };
    decoder.attachments = new AttachmentReader([piece]);
    assertSame(decoder.decode(JSON.parse(json)), value);
  }
  const all =
    "$atom $bigint $bits $bytes $date $error $float $fun $improper $map $number $object $opaque_fun $pid $port " +
    "$ref $reply_to $set $text $tuple $undefined";
  assertEquals([...tags].toSorted().join(" "), all);
});

function assertSame(actual: unknown, expected: unknown): void {
  if (expected instanceof Atom || typeof expected !== "object") {
    return assert(Object.is(actual, expected), `${actual} is not ${expected}`);
  }
  assertEquals(actual, expected);
}

test("docs/protocol.md: frames", () => {
  const text = '[["link",112,108,2345678901]]';
  const shown = section("## Frames");
  assert(shown.includes(`\`${text}\``));
  const lines = blocks(shown, "text")[0].split("\n");
  assertEquals(lines, [
    hex(TICK),
    hex(textFrame(text)),
    hex(attachedFrameOf('[["send_text",112,108,0]]', ["hi"])).replace(
      "80 00 00 02",
      "00 00 00 02",
    ),
    hex(rawFrameOf(7, Uint8Array.of(1, 2, 3), true)),
  ]);
  const [, , attached, raw] = lines.map(bytesOf);
  assertEquals(decoded([attached]).calls, [["send", alex, kate, "hi"]]);
  assertThrows(
    () => decoded([raw, textFrame('[["large",7]]')]),
    Error,
    "not JSON",
  );
});

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text.split(" "), (byte) => parseInt(byte, 16));
}

test("docs/protocol.md: EPMD", () => {
  const [request] = blocks(section("## Finding a node: EPMD"), "text");
  const registration = toRegistration({
    name: "kate",
    port: 40123,
    hidden: false,
    extra: jsonWire.extra,
  });
  assertEquals(request, hex(encodeRequest({ type: "alive", registration })));
});

test("docs/protocol.md: limits", () => {
  const shown = rows(section("## Limits"))
    .map(([name, value]) => [uncode(name), numberOf(value)]);
  assert(shown.length > 5);
  for (const [name, value] of shown) {
    assertEquals(value, DEFAULT_LIMITS[name as keyof typeof DEFAULT_LIMITS]);
  }
});

function numberOf(cell: string): number {
  return Number(cell.replaceAll(",", ""));
}

/** The page's sentences that state constants; `documented_numbers_test.ts` reads others. */
const CONSTANTS: [sentence: string, value: number, page?: string][] = [
  ["A string of at most # characters.", MAX_NAME_LENGTH],
  ["1 less in a request, # in a reason", REASON_LEVELS],
  ["than # levels of JSON: 5 ×", 5 * DEFAULT_LIMITS.maxDepth + 8],
  ["at most # decimal digits", MAX_BIGINT_DIGITS],
  ["a `$map` or `$set` of more than # keys", FEW_KEYS],
  ["1 to # bytes, which are the function", MAX_FUNCTION_BYTES],
  ["a text of at most # characters, the JSON", MAX_TYPE_TEXT],
  ["Types nest at most # times", MAX_TYPE_DEPTH, SERVERS_NAME],
  ["This node sends texts of # and more", ATTACHED],
  ["more than # characters and bytes, and its frames", LARGE],
  ["A string of at most # bytes.", MAX_REFUSAL],
  ["An array of at most # names of nodes", MAX_PEERS],
  ["strings of at most # bytes, or `null`", MAX_ADDRESS],
  ["is not connected to, # at a time", INTRODUCED_AT_ONCE],
  ["have sent nothing for #, and close", TICK_TIME / TICK_TURNS * QUIET_TURNS],
  ["was silent for # sixteenths", 16 / TICK_TURNS * SILENT_TURNS],
  ["up to # for the other node's", GIVE_WAY],
  ["EPMD listens on port #,", EPMD_PORT],
  ["in the first # after EPMD changed hands: that", EPMD_LIMITS.holdTime],
  ["in the first # ms after EPMD changed", EPMD_LIMITS.lookupGrace],
  ["a node tries again # ms later", NEWCOMER_PAUSE],
  ["random time below # ms", FIRST_JITTER],
];

test("docs/protocol.md: constants", () => {
  for (const [sentence, value, page = NAME] of CONSTANTS) {
    assertEquals([sentence, ...numbersIn(page, sentence)], [sentence, value]);
  }
});

test("docs/protocol.md: a signal with an item of more levels of JSON is refused alone", () => {
  const [most] = numbersIn(
    "docs/protocol.md",
    "has more than # levels of JSON",
  );
  // An item with a field that is skipped.
  const spawn = (more: number) =>
    `[["spawn*",1,2,${
      JSON.stringify({ ...startJson, more: 0 }).replace(
        '"more":0',
        `"more":${"[".repeat(more)}${"]".repeat(more)}`,
      )
    }]]`;
  const kinds = (more: number) => {
    const { signals, calls } = recorder();
    const port = new RecordingPort();
    const { signals: back, calls: answered } = recorder();
    const decoder = new Decoder(
      KATE,
      ALEX,
      DEFAULT_LIMITS,
      port,
      signals,
      undefined,
      back,
    );
    decoder.receive(textFrame(spawn(more)));
    return [...calls, ...answered].map(([kind]) => kind);
  };
  assertEquals(kinds(most - 1), ["spawnRequest"]);
  assertEquals(kinds(most), ["spawnReply"]);
});

/** The other end of a handshake, controlled by the test. */
class ScriptedTransport implements Transport {
  readonly remote = "test";
  readonly binding: string | undefined;
  readonly buffered = 0;
  #handlers: TransportHandlers | undefined;
  #said: Json[] = [];
  #wake: (() => void) | undefined;

  constructor(binding?: string) {
    this.binding = binding;
  }

  start(handlers: TransportHandlers): void {
    this.#handlers = handlers;
  }

  write(bytes: Uint8Array): boolean {
    this.#said.push(JSON.parse(new TextDecoder().decode(bytes.subarray(4))));
    this.#wake?.();
    return true;
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}

  /** Sends an introduction or a proof to the node. */
  say(fields: Json): void {
    this.#handlers!.bytes(textFrame(JSON.stringify(fields)));
  }

  /** The next frame from the node. */
  async hear(): Promise<Json> {
    while (this.#said.length === 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#said.shift();
  }
}

function local({ name, creation }: typeof ALEX): Local {
  return localOf({ name, creation, listen: LISTEN[name], cookie: COOKIE });
}

/** A node as its peer knows it after the handshake. */
function asPeer(node: typeof ALEX): unknown {
  return { ...node, hidden: false, listen: LISTEN[node.name] };
}

/** A dialler's connection to kate, with its first frame. */
function dial(hello: Json, binding?: string) {
  const transport = new ScriptedTransport(binding);
  const first = textFrame(JSON.stringify(hello));
  assertEquals(jsonWire.sniff(first, false), true);
  const accepted = jsonWire.accept(transport, () => first, local(KATE));
  return { transport, accepted };
}

/** A proof by the page's rule. */
function proof(
  role: string,
  dialler: Json,
  listener: Json,
  more: string[] = [],
): string {
  const lines = [jsonWire.extra, role];
  for (const { name, creation, nonce } of [dialler, listener]) {
    lines.push(name, String(creation), nonce);
  }
  lines.push(...more);
  return createHmac("sha256", COOKIE).update(lines.join("\n")).digest("hex");
}

const [HELLO, ANSWER, DIALLER, LISTENER] = jsonIn(section("## Handshake"));

test("docs/protocol.md: the proofs of the handshake", () => {
  const [text] = blocks(section("## Handshake"), "text");
  const hmac = createHmac("sha256", COOKIE).update(text).digest("hex");
  assertEquals(DIALLER, { proof: hmac });
  assertEquals(DIALLER, { proof: proof("dialler", HELLO, ANSWER) });
  assertEquals(LISTENER, { proof: proof("listener", HELLO, ANSWER) });
});

test("docs/protocol.md: a dialler that follows it is accepted", async () => {
  const { transport, accepted } = dial(HELLO);
  const answer = await transport.hear();
  assertNotEquals(answer.nonce, ANSWER.nonce);
  assertEquals({ ...answer, nonce: ANSWER.nonce }, ANSWER);
  transport.say({ proof: proof("dialler", HELLO, answer) });
  assertEquals(await transport.hear(), {
    proof: proof("listener", HELLO, answer),
  });
  assertEquals((await accepted)?.peer, asPeer(ALEX));
});

test("docs/protocol.md: a minimal peer is accepted, and gets each signal in one frame", async () => {
  const [, text] = /```json5\n([^]*?)```/.exec(section("## A minimal peer"))!;
  const hello = JSON.parse(text);
  const { transport, accepted } = dial(hello);
  const answer = await transport.hear();
  assertEquals(answer.status, "ok");
  transport.say({ proof: proof("dialler", hello, answer) });
  assertEquals((await accepted)?.peer.hidden, true);

  const port = new RecordingPort();
  const encoder = new Encoder(ALEX, KATE, DEFAULT_LIMITS, hello, port);
  for (let length = 65_000; length < 65_600; length += 20) {
    for (const message of ["x".repeat(length), ["\ud800".repeat(length / 6)]]) {
      try {
        encoder.send(alex, kate, message);
      } catch (error) {
        assertMatch(`${error}`, /65536 is the most/);
      }
    }
  }
  encoder.flush(Infinity);
  const kinds = new Set(port.signals().map(([kind]) => kind));
  assertEquals(kinds, new Set(["send_text", "send"]));
  assert(port.frames.every((frame) => frame[0] < 0x80));
});

test("docs/protocol.md: a listener that follows it is accepted", async () => {
  const transport = new ScriptedTransport();
  const dialled = jsonWire.dial(
    transport,
    KATE.name,
    local(ALEX),
    new AbortController().signal,
  );
  const hello = await transport.hear();
  assertEquals({ ...hello, nonce: HELLO.nonce }, HELLO);
  transport.say(ANSWER);
  assertEquals(await transport.hear(), {
    proof: proof("dialler", hello, ANSWER),
  });
  transport.say({ proof: proof("listener", hello, ANSWER) });
  assertEquals((await dialled).peer, asPeer(KATE));
});

test("docs/protocol.md: the proofs over TLS", async () => {
  const more = blocks(section("## TLS"), "text")[0].split("\n");
  const [shown] = jsonIn(section("## TLS"));
  assertEquals(shown, { proof: proof("dialler", HELLO, ANSWER, more) });
  const { transport, accepted } = dial(HELLO, more.join("\n"));
  const answer = await transport.hear();
  transport.say({ proof: proof("dialler", HELLO, answer, more) });
  assertEquals(await transport.hear(), {
    proof: proof("listener", HELLO, answer, more),
  });
  assertEquals((await accepted)?.peer.name, ALEX.name);
});

test("docs/protocol.md: a question for the name, and its answers", async () => {
  const question = { ...HELLO, to: null };
  const [answer] = jsonIn(section("## Handshake")).slice(4);
  const { transport: asked, accepted } = dial(question);
  assertEquals(await asked.hear(), answer);
  assertEquals(await accepted, undefined);
  for (const each of [answer, ANSWER]) {
    const transport = new ScriptedTransport();
    const found = jsonWire.ask!(transport, local(ALEX));
    const hello = await transport.hear();
    assertEquals({ ...hello, nonce: question.nonce }, question);
    transport.say(each);
    assertEquals(await found, KATE);
  }
});

test("docs/protocol.md: a dialler of another version is refused with the version", async () => {
  const refusal = jsonIn(section("## Handshake")).at(-1);
  const { transport, accepted } = dial({ ...HELLO, versions: [2] });
  await assertRejects(() => accepted, HandshakeError, "version [2]");
  assertEquals(await transport.hear(), refusal);
});

test("docs/protocol.md: a dialler that also supports a newer version is accepted", async () => {
  const [, added] = /`(\{"versions": .*?\})`/.exec(
    section("## Versions of this wire"),
  )!;
  const newer = { ...HELLO, ...JSON.parse(added) };
  const { transport, accepted } = dial(newer);
  const answer = await transport.hear();
  assertEquals({ ...answer, nonce: ANSWER.nonce }, ANSWER);
  transport.say({ proof: proof("dialler", newer, answer), more: 1 });
  await transport.hear();
  assertEquals((await accepted)?.peer, asPeer(ALEX));
});

const SUPERVISOR = { name: "Chat.TaskSupervisor", node: KATE.name };

/** The code of the headings about servers. */
const SERVERS: Record<string, () => Promise<unknown>> = {
  'IO.puts("hi")': () => IO.puts("hi"),
  'IO.gets("name? ")': () => IO.gets("name? "),
  'TaskSupervisor.async(supervisor, ["Chat", "receiveMessage"], ["hi"])': () =>
    TaskSupervisor.async(SUPERVISOR, ["Chat", "receiveMessage"], ["hi"]),
  'TaskSupervisor.startChild(supervisor, ["Chat", "receiveMessage"], ["hi"])':
    () =>
      TaskSupervisor.startChild(SUPERVISOR, ["Chat", "receiveMessage"], ["hi"]),
  "TaskSupervisor.children(supervisor)": () =>
    TaskSupervisor.children(SUPERVISOR),
  "TaskSupervisor.drain(supervisor, { timeout: 5000 })": () =>
    // safe: the request of the page, which nobody answers
    TaskSupervisor.drain(SUPERVISOR, { timeout: 5000 }),
  'TaskSupervisor.stop(supervisor, "shutdown")': () =>
    TaskSupervisor.stop(SUPERVISOR, "shutdown"),
  'GenServer.call({ name: "Stack", node: "kate@localhost" }, "pop")': () =>
    GenServer.call({ name: "Stack", node: KATE.name }, "pop", {
      timeout: Infinity,
    }),
  'Agent.update({ name: "Counter", node: "kate@localhost" }, ["Chat", "add", [1]])':
    () =>
      Agent.update({ name: "Counter", node: KATE.name }, ["Chat", "add", [1]], {
        timeout: Infinity,
      }),
  'rpc.call("kate@localhost", ["Chat", "receiveMessage"], ["hi"])': () =>
    rpc.call("kate@localhost", ["Chat", "receiveMessage"], ["hi"]),
  'global.setLock(["printer", "alex"], { nodes: ["kate@localhost"] })': () =>
    global.setLock(["printer", "alex"], { nodes: ["kate@localhost"] }),
};

test("docs/protocol_servers.md: requests", async () => {
  const headings = [...SERVERS_PAGE.matchAll(/^## (.*`(.*)`)$/gm)];
  assertEquals(headings.map(([, , code]) => code), Object.keys(SERVERS));
  for (const [, heading, code] of headings) {
    const [expected] = jsonIn(
      section(`## ${heading}`, SERVERS_PAGE),
    ) as Json[][];
    assertEquals(await signalsOf(SERVERS[code], expected.length), expected);
  }
});

/** The signals, at least that many, that a process of alex, just started, sends to kate. */
async function signalsOf(
  fn: () => Promise<unknown>,
  least: number,
): Promise<Json[]> {
  const port = new RecordingPort();
  const encoder = encoderOf(port);
  const runtime = new NodeRuntime({
    ...ALEX,
    node: ALEX.name,
    signalsTo: () => encoder,
  });
  spawnProcess(runtime, () => fn(), { groupLeader: kate });
  let signals: Json[] = [];
  await until(() => {
    encoder.flush(Infinity);
    signals = port.signals();
    return signals.length >= least;
  });
  runtime.stop("shutdown");
  return signals;
}
