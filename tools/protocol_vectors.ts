/**
 * Writes `docs/protocol_vectors.json`: `deno run --allow-write=docs tools/protocol_vectors.ts`.
 *
 * The vectors are the output of this implementation. Its tests read them, and other implementations' tests can too.
 * `docs/protocol.md` explains them.
 */

import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { toRegistration, withWords } from "../packages/epmd/entry.ts";
import {
  encodeAliveReply,
  encodeLookupReply,
  encodeNamesReply,
  encodeRequest,
  type EpmdRequest,
} from "../packages/epmd/epmd_protocol.ts";
import { DEFAULT_LIMITS } from "../packages/node/wire.ts";
import { Call, Cast } from "../packages/servers/server/messages.ts";
import { ReplyTo } from "../packages/processes/values/reply_to.ts";
import { Pid, pidOf, Ref, refOf } from "../packages/processes/values/pid.ts";
import { atom } from "../packages/processes/values/atom.ts";
import { Bitstring } from "../packages/processes/values/bitstring.ts";
import { Float } from "../packages/processes/values/float.ts";
import {
  ExternalFunction,
  LocalFunction,
} from "../packages/processes/values/functions.ts";
import { improperList } from "../packages/processes/values/improper_list.ts";
import { Port } from "../packages/processes/values/port.ts";
import { tuple } from "../packages/processes/values/tuple.ts";
import type { Signals } from "../packages/processes/signals/signal.ts";
import { AttachmentWriter } from "../packages/node/json/attachments.ts";
import { Encoder } from "../packages/node/json/json_encoder.ts";
import {
  attachedFrame,
  RAW_HEADER,
  rawFrame,
  textFrame,
  TICK,
} from "../packages/node/json/json_frames.ts";
import { jsonWire } from "../packages/node/json/json_wire.ts";
import { ValueEncoder } from "../packages/node/json/json_values.ts";

export type Json =
  | string
  | number
  | boolean
  | null
  | Json[]
  | { [key: string]: Json };

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

export const VECTORS: URL = new URL(
  "../docs/protocol_vectors.json",
  import.meta.url,
);

export const SENDER = { name: "alex@localhost", creation: 1234567890 };

export const RECEIVER = { name: "kate@localhost", creation: 2345678901 };

/** Values by their source in JavaScript. */
export const VALUES: readonly string[] = [
  "null",
  "true",
  "0",
  "-1.5",
  "9007199254740991",
  "1e+300",
  "''",
  "'Grüße, \\u{1F415}'",
  "'a\"b\\\\c\\n\\u0000\\u2028'",
  "[]",
  "[1, [2, [3]]]",
  "{}",
  "{ type: 'hi', to: null }",
  "{ '': 1, 'a b': 2 }",
  "undefined",
  "[undefined]",
  "-0",
  "NaN",
  "Infinity",
  "-Infinity",
  "0n",
  "-12n",
  "10n ** 9999n",
  "2n ** 64n",
  "atom('ok')",
  "atom('')",
  "atom('ü'.repeat(127) + 'u')",
  "atom('\u{1f600}'.repeat(255))",
  "new Pid('alex@localhost', 112, 1234567890)",
  "new Pid('kate@localhost', 108, 2345678901)",
  "new Pid('kate@localhost', 108, 2345678902)",
  "new Pid('moebi@localhost', 105, 4)",
  "new Ref('alex@localhost', 7, 1234567890)",
  "new Ref('kate@localhost', 31, 2345678901)",
  "new Ref('moebi@localhost', 9, 4)",
  "new ReplyTo(new Pid('alex@localhost', 112, 1234567890), new Ref('alex@localhost', 7, 1234567890))",
  "new ReplyTo(new Pid('moebi@localhost', 105, 4), new Ref('moebi@localhost', 9, 4), ['a', 1n])",
  "new ReplyTo(new Pid('moebi@localhost', 105, 4), undefined, new Ref('moebi@localhost', 9, 4))",
  "new ReplyTo(new Pid('moebi@localhost', 105, 4), undefined, 7, 'io')",
  "Object.assign(new ReplyTo(new Pid('moebi@localhost', 105, 4), new Ref('moebi@localhost', 9, 4)), { returns: { list: 'atom' } })",
  "pidOf('moebi@localhost', 105, 2 ** 21, 4)",
  "pidOf('moebi@localhost', 4294967295, 4294967295, 4)",
  "refOf('moebi@localhost', [1], 4)",
  "refOf('moebi@localhost', [9, 2 ** 21], 4)",
  "refOf('alex@localhost', [1, 2, 3], 1234567890)",
  "refOf('moebi@localhost', [1, 2, 3, 4, 4294967295], 4)",
  "tuple()",
  "tuple(atom('ok'), [1, tuple(2n)])",
  "improperList([1, 2], 3)",
  "improperList([tuple()], atom('ok'))",
  "new Float(1)",
  "new Float(-1e300)",
  "new Bitstring(new Uint8Array([255, 160]), 3)",
  "new ExternalFunction('Elixir.String', 'length', 1)",
  "new LocalFunction('chat', 43, 81571850, 0, new Uint8Array([112, 0]))",
  "new Port('alex@localhost', 5, 1234567890)",
  "new Port('moebi@localhost', 2n ** 64n - 1n, 4)",
  "new Date(0)",
  "new Date(-1)",
  "new Date(NaN)",
  "new Map()",
  "new Map([['a', 1], [{ b: 2n }, undefined]])",
  "new Set([1, [2n]])",
  "new Uint8Array()",
  "new Uint8Array([1, 2, 3])",
  "new Uint8ClampedArray([1])",
  "new Int8Array([-1])",
  "new Uint16Array([1, 2])",
  "new Int16Array([-2])",
  "new Uint32Array([4294967295])",
  "new Int32Array([-4])",
  "new BigUint64Array([1n])",
  "new BigInt64Array([-1n])",
  "new Float32Array([0.5])",
  "new Float64Array([-0.1])",
  "new Uint8Array([1, 2, 3]).buffer",
  "Object.assign(new RangeError('no'), { stack: 'RangeError: no' })",
  "Object.assign(new Error('no'), { stack: 'Error: no', code: 'ENOENT', n: 1n })",
  "{ $type: 'hi', to: null }",
  "{ a: { $b: 1n } }",
  "JSON.parse('{\"__proto__\": 1}')",
];

const ALEX = [0, 112, SENDER.creation];
const ERROR = { name: "Error", message: "" };

/** Values that end the connection, by reason. */
const REFUSED_VALUES: Record<string, Json> = {
  "an unknown tag": { $unknown: 1 },
  "a tag beside another key": { $bigint: "1", more: 1 },
  "two tags": { $bigint: "1", $atom: "ok" },
  "a $bigint that is no number": { $bigint: "1.5" },
  "a $bigint without digits": { $bigint: "-" },
  "a $bigint that is a number": { $bigint: 1 },
  "a $undefined that is false": { $undefined: false },
  "a $number that JSON has": { $number: "1" },
  "a pid without a number": { $pid: [0] },
  "a pid with a negative number": { $pid: [0, -1, 4] },
  "a pid with a number of 2^53": { $pid: [0, 2 ** 53, 4] },
  "a pid with a number that is no integer": { $pid: [0, 1.5, 4] },
  "a pid with a creation that is a text": { $pid: [0, 1, "4"] },
  "a pid of the sender without a creation": { $pid: [0, 112] },
  "a pid without a creation": { $pid: ["moebi@localhost", 105] },
  "a pid of four items": { $pid: ["moebi@localhost", 105, 4, 1] },
  "a pid of a node that is neither": { $pid: [2, 112, 4] },
  "a pid of a name that is no node's": { $pid: ["moebi", 105, 4] },
  "a pid of a node's name of 256 characters": {
    $pid: [`moebi@${"a".repeat(250)}`, 105, 4],
  },
  "a reference that is no array": { $ref: 7 },
  "a reference of the receiver without a creation": { $ref: [1, 7] },
  "a $reply_to whose alias is of another node": {
    $reply_to: [ALEX, [1, 31, RECEIVER.creation]],
  },
  "a $reply_to whose alias is of another creation": {
    $reply_to: [ALEX, [0, 7, 4]],
  },
  "a $reply_to without alias and tag": { $reply_to: [ALEX, null] },
  "a $reply_to of three items": { $reply_to: [ALEX, null, "call"] },
  "a $reply_to of an unknown form": { $reply_to: [ALEX, null, "cast", 1] },
  "a pid of three words": { $pid: [0, [1, 2, 3], 4] },
  "a pid of one word": { $pid: [0, [1], 4] },
  "a pid with a word of 2^32": { $pid: [0, [2 ** 32, 2 ** 31], 4] },
  "a pid with a negative word": { $pid: [0, [-1, 2 ** 31], 4] },
  "a reference of no words": { $ref: [0, [], 4] },
  "a reference of six words": { $ref: [0, [1, 2, 3, 4, 5, 6], 4] },
  "a reference with a word of 2^32": { $ref: [0, [1, 2, 2 ** 32], 4] },
  "a reference with a word that is no integer": { $ref: [0, [1, 2, 0.5], 4] },
  "a reference with a word that is a text": { $ref: [0, [1, 2, "3"], 4] },
  "a tuple that is an object": { $tuple: { length: 1 } },
  "a tuple that is a tuple": { $tuple: { $tuple: [] } },
  "an improper list of no items": { $improper: [[], 1] },
  "an improper list without a tail": { $improper: [[1]] },
  "an improper list whose tail is a list": { $improper: [[1], [2]] },
  "an improper list whose tail is improper": {
    $improper: [[1], { $improper: [[2], 3] }],
  },
  "an improper list whose items are a tuple": {
    $improper: [{ $tuple: [1] }, 2],
  },
  "a float that is not whole": { $float: 1.5 },
  "a float that is not a number": { $float: null },
  "a float that is a text": { $float: "1" },
  "bits without bytes": { $bits: [3, ""] },
  "bits of whole bytes": { $bits: [8, "AQ=="] },
  "no bits": { $bits: [0, "AQ=="] },
  "bits of half a bit": { $bits: [0.5, "AQ=="] },
  "bits that are not base64": { $bits: [3, "?"] },
  "bits of an attachment that has not come": { $bits: [3, 0] },
  "a function without an arity": { $fun: ["erlang", "abs"] },
  "a function of 256 arguments": { $fun: ["erlang", "abs", 256] },
  "a function of -1 arguments": { $fun: ["erlang", "abs", -1] },
  "a function of a module of 256 characters": {
    $fun: ["ü".repeat(256), "abs", 1],
  },
  "a function whose name is an atom": { $fun: ["erlang", { $atom: "abs" }, 1] },
  "an opaque function without bytes": { $opaque_fun: ["chat", 1, 2, 0, ""] },
  "an opaque function with an index of 2^32": {
    $opaque_fun: ["chat", 2 ** 32, 2, 0, "cAA="],
  },
  "an opaque function of four items": { $opaque_fun: ["chat", 1, 2, "cAA="] },
  "a port of three words": { $port: [0, [1, 2, 3], 4] },
  "a port with a word of 2^32": { $port: [0, [1, 2 ** 32], 4] },
  "a port with a creation of 2^32": { $port: [0, 1, 2 ** 32] },
  "a port of a name that is no node's": { $port: ["moebi", 1, 4] },
  "an atom of 256 characters": { $atom: "\u{1f600}".repeat(256) },
  "an atom that is no text": { $atom: null },
  "a map that is an object": { $map: { a: 1 } },
  "a map's entry of three": { $map: [["a", 1, 2]] },
  "a map's entry that is no array": { $map: ["ab"] },
  "a set that is no array": { $set: { a: 1 } },
  "an object's key that is no text": { $object: [[1, 2]] },
  "an object that is an object": { $object: { $a: 1 } },
  "an error without a message": { $error: { name: "Error" } },
  "an error whose stack is no text": { $error: { ...ERROR, stack: 1 } },
  "an error whose fields are an array": { $error: { ...ERROR, fields: [] } },
  "an error whose fields are a map": {
    $error: { ...ERROR, fields: { $map: [] } },
  },
  "an error with more": { $error: { ...ERROR, more: 1 } },
  "an error that is an $object": {
    $error: { $object: [["name", "Error"], ["message", ""]] },
  },
  "a date that is a text": { $date: "1970-01-01" },
  "bytes that are not base64": { $bytes: ["Uint8Array", "?"] },
  "bytes without the padding of base64": { $bytes: ["Uint8Array", "AQ"] },
  "bytes with blanks in their base64": { $bytes: ["Uint8Array", "AQID BAUG"] },
  "bytes with blanks instead of padding": { $bytes: ["Uint8Array", "AQ\n\n"] },
  "bytes of three items": { $bytes: ["Uint8Array", "AQID", 1] },
  "bytes that are no array": { $bytes: "AQID" },
  "bytes of an unknown kind": { $bytes: ["Uint7Array", "AQID"] },
  "3 bytes as 16-bit numbers": { $bytes: ["Uint16Array", "AQID"] },
  "bytes of an attachment that has not come": { $bytes: ["Uint8Array", 0] },
  "bytes of no number": { $bytes: ["Uint8Array", null] },
  "bytes by the number of an attachment that has not come": { $bytes: 0 },
  "bytes by half a number": { $bytes: 0.5 },
  "a text of an attachment that has not come": { $text: 0 },
  "a text of no number": { $text: "0" },
};

const alex = new Pid(SENDER.name, 112, SENDER.creation);
const nobody = new Pid(SENDER.name, 0, SENDER.creation);
const gone = new Pid(SENDER.name, 99, 4);
const kate = new Pid(RECEIVER.name, 108, RECEIVER.creation);
const kateBefore = new Pid(RECEIVER.name, 108, 5);
const leader = new Pid(SENDER.name, 101, SENDER.creation);
const alias = new Ref(RECEIVER.name, 31, RECEIVER.creation);
const seven = new Ref(SENDER.name, 7, SENDER.creation);
const bad = Object.assign(new TypeError("bad"), { stack: "TypeError: bad" });
const add = { module: "Remote", function: "add", args: [1, 2] };

/** Signals, by their meaning. */
export const SIGNALS: Record<string, (to: Signals) => void> = {
  "a message": (to) => to.send(alex, kate, "hi"),
  "two messages of the same two processes": (to) => {
    to.send(alex, kate, { type: "hi" });
    to.send(alex, kate, "again");
  },
  "a message with tags": (to) => to.send(alex, kate, { from: alex, n: 1n }),
  "a request to a server": (to) =>
    to.send(alex, kate, new Call(new ReplyTo(alex, seven), "pop")),
  "a request that is not answered": (to) =>
    to.send(alex, kate, new Cast("clear")),
  "data that looks like a request to a server": (to) =>
    to.send(alex, kate, { type: "$cast", request: "clear" }),
  "a message to a name": (to) => to.sendName(alex, "Chat", "hi"),
  "a message to a name, with tags": (to) => to.sendName(alex, "Chat", alex),
  "a message to an alias": (to) => to.sendAlias(alex, alias, "hi"),
  "a message to an alias, with tags": (to) => to.sendAlias(alex, alias, -0),
  "a call": (to) => {
    to.monitor(alex, kate, seven, true);
    const from = new ReplyTo(alex, seven);
    to.send(alex, kate, new Call(from, { type: "push", value: 1 }));
  },
  "a call of a name, with tags": (to) => {
    to.monitor(alex, "Stack", seven, true);
    to.sendName(alex, "Stack", new Call(new ReplyTo(alex, seven), [alex]));
  },
  "a reply": (to) => to.reply(alex, alias, "ok"),
  "a reply that ends the monitor of a call": (to) =>
    to.reply(alex, alias, "ok", true),
  "a reply with tags": (to) => to.reply(alex, alias, undefined),
  "a link": (to) => to.link(alex, kate),
  "a link to an earlier creation": (to) => to.link(alex, kateBefore),
  "an unlink": (to) => to.unlink(alex, kate, 5),
  "an unlink's answer": (to) => to.unlinkAck(alex, kate, 5),
  "an exit": (to) => to.exit(alex, kate, "kill"),
  "an exit with tags": (to) => to.exit(alex, kate, atom("shutdown")),
  "the end of a linked process": (to) => to.exitLink(alex, kate, "normal"),
  "the end of a linked process of before": (to) =>
    to.exitLink(gone, kate, "noproc"),
  "the end of a linked process, with tags": (to) =>
    to.exitLink(alex, kate, bad),
  "a monitor": (to) => to.monitor(alex, kate, seven),
  "a monitor of an earlier creation": (to) =>
    to.monitor(alex, kateBefore, seven),
  "a monitor of a name": (to) => to.monitor(alex, "Chat", seven),
  "the end of a monitor": (to) => to.demonitor(alex, seven),
  "a down": (to) => to.down(alex, kate, alias, "normal"),
  "a down of nobody": (to) => to.down(nobody, kate, alias, ["noproc"]),
  "a down with tags": (to) => to.down(alex, kate, alias, bad),
  "a spawn of an exported function": (to) =>
    to.spawnRequest(alex, {
      ref: seven,
      run: add,
      link: true,
      monitor: false,
      groupLeader: leader,
    }),
  "a spawn of a closure": (to) =>
    to.spawnRequest(alex, {
      ref: seven,
      run: { source: "(n) => n + 1", args: [1n] },
      link: false,
      monitor: true,
      groupLeader: leader,
    }),
  "a process that was spawned": (to) =>
    to.spawnReply(alex, kate, alias, { pid: alex, link: true, monitor: false }),
  "a process that was not spawned": (to) =>
    to.spawnReply(nobody, kate, alias, {
      error: "undef",
      message: "function Kate.sing/0 is not exported",
    }),
  "a group leader": (to) => to.groupLeader(alex, kate, leader),
};

function nested(levels: number): Json {
  return levels === 0 ? 1 : [nested(levels - 1)];
}

const pid: Json = { $pid: [0, 101, 1234567890] };
const spawnContent = { run: add, link: true, monitor: false, groupLeader: pid };

function spawnWith(fields: Record<string, Json>): Json {
  return ["spawn*", 112, 8, { ...spawnContent, ...fields }];
}

/** A valid signal of each kind; with an item more or less, each is refused. */
const EXACT: Json[] = [
  ["send_name", 112, "Chat", "hi"],
  ["send_name*", 112, "Chat", pid],
  ["send_alias", 112, 31, "hi"],
  ["call", 112, 108, 7, "pop"],
  ["call_name*", 112, "Stack", 7, pid],
  ["reply", 112, 31, "ok"],
  ["answer", 112, 31, "ok"],
  ["link", 112, 108, 2345678901],
  ["unlink", 112, 108, 2345678901, 5],
  ["unlink_ack", 112, 108, 5],
  ["exit", 112, 108, "kill"],
  ["exit_link", 112, 1234567890, 108, "noproc"],
  ["monitor", 112, 108, 2345678901, 7],
  ["monitor_name", 112, "Chat", 7],
  ["demonitor", 112, 7],
  ["down", 112, 108, 31, "normal"],
  ["spawn*", 112, 8, spawnContent],
  ["spawned", 112, 108, 31, true, false],
  ["not_spawned", 108, 31, "undef", "why"],
  ["group_leader*", 112, 108, pid],
  ["large", 1],
  ["large_attached", 1, 0],
  ["peers", ["moebi@localhost"]],
  ["trace", 112, TRACE],
];

function inexact(): Record<string, Json> {
  const all: Record<string, Json> = {};
  for (const signal of EXACT as Json[][]) {
    const what = typeof signal[2] === "string"
      ? `${signal[0]} of a name`
      : signal[0];
    all[`${what} with an item more`] = [...signal, 1];
    all[`${what} with an item less`] = signal.slice(0, -1);
  }
  return all;
}

/** Signals that end the connection, by reason. */
const REFUSED_SIGNALS: Record<string, Json> = {
  ...inexact(),
  "a send of nothing": ["send", 112, 108],
  "an unknown kind": ["sing", 112],
  "an unknown kind with tags": ["sing*", 112],
  "a trace with tags": ["trace*", 112, TRACE],
  "a trace of another version": ["trace", 112, TRACE.replace("00-", "01-")],
  "a trace in capitals": ["trace", 112, TRACE.toUpperCase()],
  "a trace that is too short": ["trace", 112, TRACE.slice(0, -1)],
  "a trace that is no text": ["trace", 112, 1],
  "a trace of a process that is none": ["trace", "Chat", TRACE],
  "a link with tags": ["link*", 112, 108, 2345678901],
  "a peers with tags": ["peers*", ["moebi@localhost"]],
  "an unlink with the id 0": ["unlink", 112, 108, 2345678901, 0],
  "a monitor of a number that is a name": ["monitor", 112, "Chat", 5, 7],
  "a monitor of a creation that is a name": ["monitor", 112, 108, "Chat", 7],
  "a monitor of a name that is a number": ["monitor_name", 112, 108, 7],
  "a monitor with tags": ["monitor*", 112, 108, 2345678901, 7],
  "a demonitor of a name": ["demonitor", 112, "Chat"],
  "a demonitor with its process": ["demonitor", 112, [108, 5], 7],
  "a down with its process": ["down", 112, [112, 5], 108, 31, "x"],
  "a link that is a number": ["spawned", 112, 108, 31, 1, false],
  "an unknown reason of a not_spawned": ["not_spawned", 108, 31, "no", "why"],
  "a spawn whose link is no boolean": spawnWith({ link: 1 }),
  "a spawn of no arguments": spawnWith({
    run: { module: "Remote", function: "add" },
  }),
  "a spawn of neither function nor source": spawnWith({ run: { args: [] } }),
  "a spawn of a source that is no text": spawnWith({
    run: { source: 1, args: [] },
  }),
  "peers that are not names of nodes": ["peers", ["moebi"]],
  "no kind": [],
  "a kind that is a number": [1, 112],
  "a tagged kind without a value": ["*"],
  "a sender that is no number": ["send", "112", 108, "hi"],
  "a name of 256 characters": ["send_name", 112, "ü".repeat(256), "hi"],
  "a name that is no text": ["send_name", 112, 108, "hi"],
  "a link without a creation": ["link", 112, 108],
  "a monitor of nobody": ["monitor", 112, null, 5, 7],
  "a monitor of three words": ["monitor", 112, [1, 2, 3], 5, 7],
  "a link to a word of 2^32": ["link", 112, [1, 2 ** 32], 5],
  "a message to two words": ["send", 112, [5, 4294967295], "hi"],
  "a message from two words": ["send", [5, 4294967295], 108, "hi"],
  "a spawn without a group leader": ["spawn*", 112, 8, { run: add }],
  "a group leader that is no pid": ["group_leader", 112, 108, 101],
  "a large that has not come": ["large", 99],
  "a large_attached that has not come": ["large_attached", 99, 0],
  "peers that are no names": ["peers", [1]],
  "peers with an address too few": ["peers", ["a@b", "c@d"], [null]],
  "peers with an address too many": ["peers", ["a@b"], [null, null]],
  "peers with an address that is a number": ["peers", ["a@b"], [4370]],
  "peers with an address of 256 characters": [
    ...["peers", ["a@b"]],
    ["1".repeat(256)],
  ],
  "peers with more than addresses": ["peers", ["a@b"], [null], 1],
};

const AGAIN = withWords(jsonWire.extra, { creation: RECEIVER.creation });

const REQUESTS: Record<string, EpmdRequest> = {
  "registers kate at port 40123": registers("kate", false),
  "registers kate at port 40123, hidden": registers("kate", true),
  "registers kate again": registers("kate", false, AGAIN),
  "looks kate up": { type: "lookup", name: "kate" },
  "asks for the names": { type: "names" },
};

const ANSWERS: Record<string, Uint8Array> = {
  "kate is registered": encodeAliveReply(
    { ok: true, creation: RECEIVER.creation },
    6,
  ),
  "the name is taken": encodeAliveReply({ ok: false, creation: 0 }, 6),
  "kate is registered, says an old EPMD": encodeAliveReply(
    { ok: true, creation: 2 },
    5,
  ),
  "kate is at port 40123": encodeLookupReply(entryOf("kate", false)),
  "nobody has the name": encodeLookupReply(undefined),
  "the names": encodeNamesReply(4369, [{ name: "kate", port: 40123 }]),
};

function registers(
  name: string,
  hidden: boolean,
  extra: string = jsonWire.extra,
): EpmdRequest {
  return { type: "alive", registration: entryOf(name, hidden, extra) };
}

function entryOf(
  name: string,
  hidden: boolean,
  extra: string = jsonWire.extra,
) {
  return toRegistration({ name, port: 40123, hidden, extra });
}

/** The names in a value's source. */
const CONSTRUCTORS = {
  atom,
  Bitstring,
  ExternalFunction,
  Float,
  improperList,
  LocalFunction,
  Pid,
  pidOf,
  Port,
  Ref,
  refOf,
  ReplyTo,
  tuple,
};

/** Evaluates a value's source. */
export function valueOf(source: string): unknown {
  const names = Object.keys(CONSTRUCTORS);
  const make = new Function(...names, `return (${source});`);
  return make(...Object.values(CONSTRUCTORS));
}

/** The frames that the sender writes for signals. */
export function signalsOf(fn: (to: Signals) => void): Json[] {
  const frames: Uint8Array[] = [];
  const limits = DEFAULT_LIMITS;
  const encoder = new Encoder(SENDER, RECEIVER, limits, limits, {
    wake() {},
    write: (bytes: Uint8Array) => void frames.push(bytes.slice()),
    room: Infinity,
    pressure: () => undefined,
    assertRoom() {},
    peers() {},
  });
  fn(encoder);
  encoder.flush(Infinity);
  return frames.flatMap((frame) =>
    JSON.parse(new TextDecoder().decode(frame.subarray(4)))
  );
}

function values(): Json {
  return VALUES.map((source) => {
    const writer = new AttachmentWriter();
    const encoder = new ValueEncoder(SENDER, RECEIVER, 64, writer);
    const json = encoder.encode(valueOf(source));
    return { value: source, json: JSON.parse(json), tagged: encoder.tagged };
  });
}

function refused(all: Record<string, Json>, key: string): Json {
  return Object.entries(all).map(([why, json]) => ({ why, [key]: json }));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function frames(): Json {
  const texts = [
    "[]",
    '[["link",112,108,2345678901]]',
    '[["send",112,108,"Grüße, 🐕"]]',
  ];
  return [
    { what: "tick", hex: hex(TICK) },
    ...texts.map((json) => ({ what: "json", json, hex: hex(textFrame(json)) })),
    ...ATTACHED.map(({ json, attachments }) => ({
      what: "attached",
      json,
      attachments,
      hex: hex(attachedFrameOf(json, attachments)),
    })),
    ...[
      { number: 7, bytes: "00000002ffee", kind: 2 },
      { number: 7, bytes: "0102", kind: 0 },
      { number: 7, bytes: "03", kind: 1 },
      { number: 2 ** 32 - 1, bytes: "", kind: 1 },
    ].map(({ number, bytes, kind }) => ({
      what: "raw",
      number,
      bytes,
      kind,
      hex: hex(rawFrameOf(number, Buffer.from(bytes, "hex"), kind)),
    })),
  ];
}

function rawFrameOf(id: number, bytes: Uint8Array, kind: number): Uint8Array {
  const room = Buffer.alloc(RAW_HEADER);
  return rawFrame(Buffer.concat([room, bytes]), id, kind);
}

/** An attachment: a text, or bytes in hexadecimal digits. */
type Attachment = { text: string } | { bytes: string };

const ATTACHED: { json: string; attachments: Attachment[] }[] = [
  {
    json: '[["send_text",112,108,0,1]]',
    attachments: [{ text: "a".repeat(200) }, { text: "ü".repeat(200) }],
  },
  {
    json: '[["send*",112,108,{"data":{"$bytes":["Uint16Array",0]}}]]',
    attachments: [{ bytes: "0102".repeat(100) }],
  },
  {
    json: '[["reply*",112,31,{"text":{"$text":1},"data":{"$bytes":0}}]]',
    attachments: [{ bytes: "00".repeat(200) }, { text: "🐕".repeat(100) }],
  },
];

function attachedFrameOf(json: string, attachments: Attachment[]): Uint8Array {
  const writer = new AttachmentWriter();
  for (const each of attachments) {
    if ("text" in each) writer.addText(each.text);
    else writer.addBytes(Buffer.from(each.bytes, "hex"));
  }
  return attachedFrame(writer.frame(json));
}

/** Frames that end the connection, although their JSON is valid with other attachments. */
function refusedFrames(): Json {
  const text = { text: "a" };
  const send = (...numbers: number[]) =>
    attachedFrameOf(
      JSON.stringify([["send_text", 112, 108, ...numbers]]),
      [text, { text: "ü" }],
    );
  const whole = send(0, 1);
  const changed = (at: number, ...bytes: number[]) => {
    const frame = whole.slice();
    frame.set(bytes, at);
    return frame;
  };
  const asBytes = '[["send*",112,108,{"$bytes":["Uint8Array",0]}]]';
  const all: Record<string, Uint8Array> = {
    "an attachment that nothing uses": send(0),
    "an attachment that is used twice": send(0, 1, 1),
    "an attachment that there is not": send(0, 1, 2),
    "attachments that go beyond the frame": changed(4, 0xff),
    "attachments without JSON": changed(4, 0, 0, 0, whole.length - 8),
    "an attachment that goes beyond the attachments": changed(8, 0, 0, 0, 9),
    "attachments that end within the head of one": changed(4, 0, 0, 0, 8),
    "a text that is not UTF-8": changed(17, 0xff),
    "a text as bytes": attachedFrameOf(asBytes, [{ text: "ü" }]),
    "a frame of an unknown kind": changed(0, 0xc0),
    "a frame without the length of its attachments": Uint8Array.of(
      ...[0x40, 0, 0, 2, 0x5b, 0x5d],
    ),
    "a frame of attachments only": Uint8Array.of(0x40, 0, 0, 0),
  };
  return Object.entries(all).map(([why, frame]) => ({ why, hex: hex(frame) }));
}

function handshakes(): Json {
  const certificates = [0x11, 0x22].map((byte) => hex(Buffer.alloc(32, byte)));
  const cookie = "secret_token";
  const pairs = [
    { cookie, dialler: SENDER, listener: RECEIVER, tls: false },
    { cookie, dialler: SENDER, listener: RECEIVER, tls: true },
    { cookie: "Grüße", dialler: RECEIVER, listener: SENDER, tls: false },
    {
      cookie: "a b",
      tls: false,
      dialler: { name: "a@host.example.org", creation: 4 },
      listener: { name: "b@10.0.0.1", creation: 2 ** 32 - 1 },
    },
  ];
  const nonces = [0x00, 0xff].map((byte) => Buffer.alloc(32, byte));
  return pairs.map(({ cookie, dialler, listener, tls }) => {
    const [mine, theirs] = [dialler, listener].map((node, i) => ({
      ...node,
      nonce: hex(nonces[i]),
      ...tls ? { certificate: certificates[i] } : {},
    }));
    const proofs = ["dialler", "listener"].map((role) => {
      const lines = [jsonWire.extra, role];
      for (const { name, creation, nonce } of [mine, theirs]) {
        lines.push(name, String(creation), nonce);
      }
      if (tls) lines.push("tls", ...certificates);
      return createHmac("sha256", cookie).update(lines.join("\n"))
        .digest("hex");
    });
    return {
      cookie,
      tls,
      dialler: { ...mine, proof: proofs[0] },
      listener: { ...theirs, proof: proofs[1] },
    };
  });
}

/** Signals whose value exceeds a limit: the connection stays. */
const REFUSED_ALONE: Record<string, Json> = {
  "a message of 513 levels": ["send", 112, 108, nested(513)],
  "a request of 512 levels": ["call", 112, 108, 7, nested(512)],
  "a message of 513 levels with tags": ["send*", 112, 108, {
    $set: [pid, nested(512)],
  }],
  "a reply of 513 levels": ["reply", 112, 7, nested(513)],
  "an exit reason of 505 levels": ["exit", 112, 108, nested(505)],
  "an argument of 512 levels in the list": spawnWith({
    run: { ...add, args: [nested(512)] },
  }),
  "a message of 5,000 levels": ["send", 112, 108, nested(5000)],
  "an integer of 10,001 digits": ["send*", 112, 108, {
    $bigint: "9".repeat(10_001),
  }],
};

export function vectors(): { [key: string]: Json } {
  return {
    about:
      "Test vectors of version 1 of the JSON wire, made by tools/protocol_vectors.ts. docs/protocol.md is the specification. Values and signals are from the sender's side: 0 in a tag is the sender. What is refused ends the connection, but for the signals of refusedAlone.",
    version: 1,
    sender: SENDER,
    receiver: RECEIVER,
    epmd: Object.entries(REQUESTS).map(([what, request]) => (
      { what, hex: hex(encodeRequest(request)) }
    )),
    epmdAnswers: Object.entries(ANSWERS).map(([what, bytes]) => (
      { what, hex: hex(bytes) }
    )),
    handshakes: handshakes(),
    frames: frames(),
    refusedFrames: refusedFrames(),
    values: values(),
    refusedValues: refused(REFUSED_VALUES, "json"),
    signals: Object.entries(SIGNALS).map(([what, fn]) => {
      const [signal] = signalsOf(fn);
      return { what, signal };
    }),
    refusedSignals: refused(REFUSED_SIGNALS, "signal"),
    refusedAlone: Object.entries(REFUSED_ALONE).map(([why, signal]) => (
      { why, json: JSON.stringify(signal) }
    )),
  };
}
