/** Each control message of Erlang's wire with each field wrong: it is refused, or nothing happens. */

import { assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import type { Node } from "../../../node.ts";
import { NodeRuntime } from "../../../packages/processes/runtime/node_runtime.ts";
import { Atom, atom } from "../../../packages/processes/values/atom.ts";
import { improperList } from "../../../packages/processes/values/improper_list.ts";
import { Pid, Ref } from "../../../packages/processes/values/pid.ts";
import { tuple } from "../../../packages/processes/values/tuple.ts";
import { test } from "../../../packages/testing/tags.ts";
import { ProtocolError } from "../../../packages/node/wires/over_limit.ts";
import * as control from "../../../packages/beam/wire/control.ts";
import { ControlDecoder } from "../../../packages/beam/wire/control_decoder.ts";
import { clusterTest } from "../../_nodes.ts";
import { localOf, RawBeam } from "../../_raw_beam.ts";
import {
  assertRows,
  CREATION,
  type Effect,
  type Line,
  type Row,
  type Target,
  THIRD,
} from "../../node/wires/_wire_fields.ts";
import { termBytes } from "./_etf_bytes.ts";

/** The bytes of a term that no writer makes. */
class Raw {
  readonly bytes: Uint8Array;
  constructor(...bytes: number[]) {
    this.bytes = Uint8Array.from(bytes);
  }
}

function bytesOf(value: unknown): Uint8Array {
  return value instanceof Raw ? value.bytes : termBytes(value);
}

/** The bytes of a frame: a control message, and the terms behind it. */
function frameOf(items: readonly unknown[], ...behind: unknown[]): Buffer {
  return frameOfArity(items.length, items, behind);
}

/** The same, with the number of items that its tuple claims. */
function frameOfArity(
  arity: number,
  items: readonly unknown[],
  behind: unknown[],
): Buffer {
  const body = Buffer.concat([
    Uint8Array.of(112, 131, 104, arity),
    ...items.map(bytesOf),
    ...behind.flatMap((each) =>
      each instanceof Raw ? [each.bytes] : [Uint8Array.of(131), bytesOf(each)]
    ),
  ]);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

const PROBE = 999;

/** A connection of a peer on a BEAM. */
class BeamLine implements Line {
  readonly #raw: RawBeam;
  readonly #name: string;

  constructor(raw: RawBeam, name: string) {
    this.#raw = raw;
    this.#name = name;
  }

  static async dial(to: Node, name: string): Promise<BeamLine> {
    return new BeamLine(await RawBeam.dial(to, name), name);
  }

  async prepare(to: Pid) {
    const [one, three] = [1, 3].map((n) => new Pid(this.#name, n, CREATION));
    this.#raw.say([control.DOP_LINK, one, to]);
    const ref = new Ref(this.#name, 33, CREATION);
    this.#raw.say([control.DOP_MONITOR, three, to, ref]);
    const unlink = await this.#raw.kind(control.DOP_UNLINK_ID);
    const spawn = await this.#raw.kind(control.DOP_SPAWN_REQUEST);
    const call = await this.#raw.kind(control.DOP_MONITOR);
    return {
      unlink: unlink.control[1],
      spawn: spawn.control[1] as Ref,
      call: call.control[3] as Ref,
    };
  }

  write(bytes: Uint8Array): void {
    this.#raw.write(bytes);
  }

  async isKept(): Promise<boolean> {
    const ref = new Ref(this.#name, PROBE, CREATION);
    const from = new Pid(this.#name, 9, CREATION);
    this.#raw.say([control.DOP_MONITOR, from, atom("nobody at all"), ref]);
    for (;;) {
      const frame = await this.#raw.hear();
      if (frame === undefined) return false;
      if (frame.control[3] instanceof Ref && ref.equals(frame.control[3])) {
        return true;
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#raw[Symbol.asyncDispose]();
  }
}

/** A row, or one that closes the connection. */
type AnyRow = Omit<Row, "outcome"> & { outcome: Row["outcome"] | "closed" };

/** Wrong values of a field, by their outcome. */
interface Wrong {
  closed: Record<string, unknown>;
  dropped?: Record<string, unknown>;
}

type FieldType =
  | "from"
  | "ended"
  | "to"
  | "target"
  | "monitored"
  | "alias"
  | "ownMonitor"
  | "spawn"
  | "peerRef"
  | "monitorRef"
  | "name"
  | "unlink"
  | "ack"
  | "anyPid"
  | "any"
  | "mfa"
  | "options"
  | "flags"
  | "result"
  | "token";

/** A control message that is right. */
interface Kind {
  /** The name of its kind, and more. */
  what: string;
  fields: [type: FieldType, value: unknown][];
  /** The term behind it. */
  payload?: [unknown];
  /** Terms of the same type, without an effect. */
  idle?: Record<string, unknown>;
  /** A frame that the peer sends after it. */
  then?: () => Uint8Array;
  effect: Effect;
  /** The same by the third node, which has no right to it. */
  third?: unknown[];
}

function wrongOf(
  { pid, alias, monitor, call, spawn, unlink, peer }: Target,
): Record<FieldType, Wrong> {
  const theirs = new Pid(peer, 1, CREATION);
  const theirRef = new Ref(peer, 1, CREATION);
  const third = new Pid(THIRD, 1, CREATION);
  const thirdRef = new Ref(THIRD, 1, CREATION);
  const old = new Pid(peer, 1, CREATION - 1);
  const { node, number, creation } = pid;
  const stale = new Pid(node, number, creation + 1);
  const ourRef = (ref: Ref, creation: number) =>
    new Ref(node, ref.number, creation);
  const unknown = new Ref(node, 999_999, creation);
  const notPid = { "a number": 7, "an atom": atom("x"), "a ref": theirRef };
  const notRef = { "a number": 7, "an atom": atom("x"), "a pid": theirs };
  const notOurs = { "a peer's": theirs, "a third node's": third };
  const notOursRef = { "a peer's": theirRef, "a third node's": thirdRef };
  const notPeers = { "this node's": pid, "a third node's": third };
  const to: Wrong = {
    closed: { ...notPid, ...notOurs },
    dropped: { stale, unknown: new Pid(node, 999_999, creation) },
  };
  const peerRef: Wrong = {
    closed: {
      ...notRef,
      "this node's": alias,
      "a third node's": thirdRef,
      stale: new Ref(peer, 33, CREATION - 1),
    },
  };
  const ownRef = (own: Ref, dropped: Record<string, Ref>): Wrong => ({
    closed: { ...notRef, ...notOursRef },
    dropped: {
      stale: ourRef(own, creation + 1),
      older: ourRef(own, creation - 1),
      unknown,
      ...dropped,
    },
  });
  const name: Wrong = {
    closed: {
      "a number": 7,
      "a text": "target",
      "a pid": pid,
      "of 256 characters": new Raw(118, 1, 0, ...new Array(256).fill(97)),
      "not UTF-8": new Raw(119, 1, 0xff),
    },
    dropped: { unknown: atom("nobody at all") },
  };
  const id = (given: unknown): Wrong => ({
    closed: {
      "0": 0,
      "-1": -1,
      "2^64": 2n ** 64n,
      "an atom": atom("x"),
      "a float": new Raw(70, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0),
    },
    dropped: given === undefined ? {} : { another: BigInt(`${given}`) + 1n },
  });
  return {
    from: { closed: { ...notPid, ...notPeers, stale: old } },
    ended: {
      closed: { ...notPid, ...notPeers },
      dropped: { stale: old, "not linked": new Pid(peer, 8, CREATION) },
    },
    to,
    target: {
      closed: { "a number": 7, "a text": "x", "a ref": theirRef, ...notOurs },
      dropped: to.dropped,
    },
    monitored: {
      closed: { "a number": 7, "a text": "x", "a ref": theirRef, ...notPeers },
    },
    alias: ownRef(alias, { monitor, call }),
    ownMonitor: ownRef(monitor, { alias }),
    spawn: ownRef(spawn, { alias, monitor, call }),
    peerRef,
    monitorRef: {
      ...peerRef,
      dropped: { another: new Ref(peer, 34, CREATION) },
    },
    name,
    unlink: id(undefined),
    ack: id(unlink),
    anyPid: { closed: notPid },
    any: { closed: { "no term": new Raw(1) } },
    mfa: {
      closed: {
        "an atom": atom("x"),
        "of two": tuple(atom("Elixir.Probe"), atom("run")),
        "of four": tuple(atom("Elixir.Probe"), atom("run"), 1, 1),
        "with a text as module": tuple("Elixir.Probe", atom("run"), 1),
        "with a text as name": tuple(atom("Elixir.Probe"), "run", 1),
        "of another arity": tuple(atom("Elixir.Probe"), atom("run"), 2),
      },
      dropped: {
        "not exported": tuple(atom("Elixir.Probe"), atom("jump"), 1),
        "of no module": tuple(atom("Elixir.Prob"), atom("run"), 1),
      },
    },
    options: {
      closed: {
        "an atom": atom("link"),
        "an improper list": improperList([atom("link")], atom("monitor")),
      },
    },
    flags: { closed: { "an atom": atom("x"), "a pid": pid } },
    result: {
      closed: { "a number": 7, "a text": "x", ...notPeers, stale: old },
    },
    token: {
      closed: {
        "a number": 17,
        "of four": tuple(0, 1, 2, theirs),
        "of six": tuple(0, 1, 2, theirs, 0, 0),
        "a list": [0, 1, 2, 3, 4],
      },
    },
  };
}

function kindsOf(
  { pid, alias, monitor, call, spawn, unlink, peer }: Target,
): Kind[] {
  const from = (number: number) => new Pid(peer, number, CREATION);
  const third = (number: number) => new Pid(THIRD, number, CREATION);
  const ref = (number: number) => new Ref(peer, number, CREATION);
  const { node, creation } = pid;
  const none = atom("");
  const exited = {
    adds: ["got EXIT of peer 1: bye"],
    ends: ["is linked to peer 1"],
  };
  const down = { adds: ["got DOWN of peer 1: bye"], ends: ["monitors peer 1"] };
  const bye = atom("bye");
  const answer = (to: Ref) => tuple(improperList([atom("alias")], to), "yes");
  const relink = () => frameOf([control.DOP_LINK, from(2), pid]);
  return [
    {
      what: "SEND",
      fields: [["any", none], ["to", pid]],
      payload: ["hi"],
      effect: { adds: ["got hi"] },
    },
    {
      what: "SEND_SENDER",
      fields: [["from", from(1)], ["to", pid]],
      payload: ["hi"],
      effect: { adds: ["got hi"] },
    },
    {
      what: "REG_SEND",
      fields: [["from", from(1)], ["any", none], ["name", atom("target")]],
      payload: ["hi"],
      effect: { adds: ["got hi"] },
    },
    {
      what: "ALIAS_SEND",
      fields: [["from", from(1)], ["alias", alias]],
      payload: ["hi"],
      effect: { adds: ["got hi"] },
    },
    {
      what: "ALIAS_SEND of an answer",
      fields: [["from", from(1)], ["any", call]],
      payload: [answer(call)],
      idle: {
        "for another alias": answer(alias),
        "for another incarnation": answer(
          new Ref(node, call.number, creation + 1),
        ),
        "for the monitor": answer(monitor),
        "for a peer's": answer(new Ref(peer, call.number, creation)),
        "for a third node's": answer(new Ref(THIRD, call.number, creation)),
        "without a tag": "yes",
        "with another ref": tuple(monitor, "yes"),
        "of three": tuple(call, "yes", 1),
      },
      effect: { adds: ["answered yes"], ends: ["monitors mute@peer"] },
    },
    ...Object.entries({
      "the bare reference of a call": tuple(call, "yes"),
      "an answer for another incarnation": answer(
        new Ref(node, alias.number, creation + 1),
      ),
      "an answer for a third node": answer(
        new Ref(THIRD, alias.number, creation),
      ),
    }).map(([what, data]): Kind => ({
      what: `ALIAS_SEND of ${what}`,
      fields: [["from", from(1)], ["any", alias]],
      payload: [data],
      effect: { adds: ["got data"] },
    })),
    {
      what: "LINK",
      fields: [["from", from(5)], ["to", pid]],
      effect: { adds: ["is linked to peer 5"] },
    },
    {
      what: "UNLINK_ID",
      fields: [["unlink", 2n ** 64n - 1n], ["from", from(1)], ["to", pid]],
      effect: { ends: ["is linked to peer 1"] },
      third: [5, third(2), pid],
    },
    {
      // The ack is awaited before a new link counts.
      what: "UNLINK_ID of a process that is unlinked already",
      fields: [["any", 5], ["from", from(2)], ["to", pid]],
      then: relink,
      effect: {},
    },
    {
      what: "UNLINK_ID_ACK",
      fields: [["ack", unlink], ["from", from(2)], ["to", pid]],
      then: relink,
      effect: { adds: ["is linked to peer 2"] },
      third: [unlink, third(2), pid],
    },
    {
      what: "EXIT",
      fields: [["ended", from(1)], ["to", pid], ["any", bye]],
      effect: exited,
      third: [third(2), pid, bye],
    },
    {
      what: "PAYLOAD_EXIT",
      fields: [["ended", from(1)], ["to", pid]],
      payload: [bye],
      effect: exited,
      third: [third(2), pid],
    },
    {
      what: "EXIT2",
      fields: [["from", from(6)], ["to", pid], ["any", bye]],
      effect: { adds: ["got EXIT of peer 6: bye"] },
    },
    {
      what: "PAYLOAD_EXIT2",
      fields: [["from", from(6)], ["to", pid]],
      payload: [bye],
      effect: { adds: ["got EXIT of peer 6: bye"] },
    },
    {
      what: "GROUP_LEADER",
      fields: [["anyPid", third(4)], ["to", pid]],
      effect: { adds: ["leader third 4"], ends: ["leader of its own"] },
    },
    {
      what: "MONITOR",
      fields: [["from", from(7)], ["target", pid], ["peerRef", ref(50)]],
      effect: { adds: ["is monitored by peer 7"] },
    },
    {
      what: "MONITOR of a name",
      fields: [["from", from(7)], ["target", atom("target")], [
        "peerRef",
        ref(50),
      ]],
      effect: { adds: ["is monitored by peer 7"] },
    },
    {
      what: "DEMONITOR",
      fields: [["from", from(3)], ["any", pid], ["monitorRef", ref(33)]],
      effect: { ends: ["is monitored by peer 3"] },
      third: [third(3), pid, new Ref(THIRD, 33, CREATION)],
    },
    {
      what: "DOWN",
      fields: [["monitored", from(1)], ["to", pid], ["ownMonitor", monitor], [
        "any",
        bye,
      ]],
      effect: down,
      third: [third(1), pid, monitor, bye],
    },
    {
      what: "PAYLOAD_DOWN",
      fields: [["monitored", from(1)], ["to", pid], ["ownMonitor", monitor]],
      payload: [bye],
      effect: down,
      third: [third(1), pid, monitor],
    },
    {
      what: "SPAWN_REQUEST",
      fields: [
        ["peerRef", ref(60)],
        ["from", from(1)],
        ["anyPid", from(1)],
        ["mfa", tuple(atom("Elixir.Probe"), atom("run"), 1)],
        ["options", [atom("monitor"), atom("other")]],
      ],
      payload: [["x"]],
      effect: { adds: ["ran x"] },
    },
    {
      what: "SPAWN_REPLY",
      fields: [["spawn", spawn], ["to", pid], ["flags", 0], [
        "result",
        from(11),
      ]],
      effect: { adds: ["spawned peer 11"] },
      third: [spawn, pid, 0, third(11)],
    },
    {
      what: "SPAWN_REPLY of an error",
      fields: [["spawn", spawn], ["to", pid], ["flags", 0], [
        "result",
        atom("undef"),
      ]],
      effect: { adds: ["spawn failed"] },
      third: [spawn, pid, 0, atom("undef")],
    },
  ];
}

/** The right message, and each wrong one. */
function rowsOfKind(
  { what, fields, payload, idle = {}, then, effect, third }: Kind,
  wrong: Record<FieldType, Wrong>,
): AnyRow[] {
  const kinds: Partial<Record<string, unknown>> = control;
  const [name] = what.split(" ");
  const kind = kinds[`DOP_${name}`];
  // The kind with a trace token, if there is one.
  const traced = kinds[`DOP_${name}_TT`];
  const good = fields.map(([, value]) => value);
  const terms: unknown[] = payload ?? [];
  const rows: AnyRow[] = [];
  const add = (
    why: string,
    outcome: AnyRow["outcome"],
    items: unknown[],
    behind: unknown[] = terms,
    tag: unknown = kind,
  ) =>
    rows.push({
      what: `${what}, ${why}`,
      frames: () =>
        Buffer.concat([
          frameOf([tag, ...items], ...behind),
          then?.() ?? new Uint8Array(),
        ]),
      outcome,
    });
  const addWrong = (
    items: unknown[],
    at: number,
    type: FieldType,
    tag = kind,
  ) => {
    for (const outcome of ["dropped", "closed"] as const) {
      for (const [why, value] of Object.entries(wrong[type][outcome] ?? {})) {
        const label = `item ${at + 1} (${type}) ${why}`;
        add(label, outcome, items.with(at, value), terms, tag);
      }
    }
  };
  if (third !== undefined) {
    rows.push({
      what: `${what}, by a third node`,
      third: () => frameOf([kind, ...third], ...terms),
      outcome: "dropped",
      // The ack of another node does not make the peer's link possible.
      frames: then,
    });
  }
  add("right", effect, good);
  for (const [at, [type]] of fields.entries()) addWrong(good, at, type);
  for (const [why, term] of Object.entries(idle)) {
    add(why, "dropped", good, [term]);
  }
  add("an item too few", "closed", good.slice(0, -1));
  add("an item too many", "closed", [...good, 1]);
  for (const by of [-1, 1]) {
    rows.push({
      what: `${what}, a tuple that claims ${by} more`,
      frames: () => frameOfArity(good.length + 1 + by, [kind, ...good], terms),
      outcome: "closed",
    });
  }
  add("a term too many", "closed", good, [...terms, 1]);
  if (terms.length > 0) {
    add("no term", "closed", good, []);
    add("a term of another version", "closed", good, [new Raw(130, 97, 1)]);
    add("a cut term", "closed", good, [new Raw(131, 109, 0, 0, 0, 2, 97)]);
  }
  if (traced !== undefined) {
    // The token comes before the reason of an exit that is no payload.
    const at = what.startsWith("EXIT") ? 2 : good.length;
    const token = tuple(0, 1, 2, new Pid(THIRD, 1, 1), 0);
    const items = good.toSpliced(at, 0, token);
    add("traced", effect, items, terms, traced);
    add("traced without a token", "closed", good, terms, traced);
    addWrong(items, at, "token", traced);
  }
  return rows;
}

/** Frames without a control message of a known kind. */
function others({ pid, peer }: Target): AnyRow[] {
  const from = new Pid(peer, 1, CREATION);
  const bodies: Record<string, Uint8Array> = {
    "an unknown kind": frameOf([99, from, pid]),
    "a fragment": frameOf([5, from, pid]),
    "a kind that is an atom": frameOf([new Atom("x"), from, pid]),
    "a kind of 2^32 more": frameOf([2 ** 32 + 1, from, pid]),
    "a kind of 2^64 more": frameOf([2n ** 64n + 1n, from, pid]),
    "no items": frameOf([]),
    "no tuple": Buffer.from([0, 0, 0, 4, 112, 131, 97, 1]),
    "only its first byte": Buffer.from([0, 0, 0, 1, 112]),
    "another first byte": Buffer.from([0, 0, 0, 4, 113, 131, 104, 0]),
    "another version": Buffer.from([0, 0, 0, 4, 112, 132, 104, 0]),
    "a frame of 2^31 bytes": Buffer.from([0x80, 0, 0, 0, 112, 131]),
  };
  return Object.entries(bodies).map(([what, bytes]) => ({
    what,
    frames: () => bytes,
    outcome: "closed",
  }));
}

function rowsOf(target: Target): AnyRow[] {
  const wrong = wrongOf(target);
  return [
    ...kindsOf(target).flatMap((kind) => rowsOfKind(kind, wrong)),
    ...others(target),
  ];
}

clusterTest(
  "each control message with what the target has not",
  (cluster) =>
    assertRows(
      cluster,
      BeamLine.dial,
      (target) =>
        rowsOf(target).filter((row): row is Row => row.outcome !== "closed"),
    ),
  { timeout: 120_000 },
);

test("each control message with each field wrong is refused by a check, and by no other error", () => {
  const [node, peer, creation] = ["alex@localhost", "peer@localhost", 5];
  const { local } = new NodeRuntime({ node, creation, report() {} });
  const there = { name: peer, creation: CREATION, hidden: true };
  const ref = (number: number) => new Ref(node, number, creation);
  const rows = rowsOf({
    pid: new Pid(node, 101, creation),
    alias: ref(1),
    monitor: ref(2),
    spawn: ref(3),
    call: ref(4),
    unlink: 5,
    peer,
  });
  for (const { what, frames, outcome } of rows) {
    if (outcome !== "closed") continue;
    const self = localOf(node, creation);
    const decoder = new ControlDecoder(self, there, local, () => {});
    assertThrows(() => decoder.receive(frames!()), ProtocolError, "", what);
  }
});
