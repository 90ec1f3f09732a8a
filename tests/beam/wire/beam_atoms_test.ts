/** Terms in every position of every signal of Erlang's wire, out and back: no text becomes an atom, or the reverse. */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { Call, Cast, Stop } from "../../../packages/servers/server/messages.ts";
import type {
  Runnable,
  Signals,
  SpawnRequest,
} from "../../../packages/processes/signals/signal.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { exit } from "../../../packages/processes/process.ts";
import { Pid, Ref } from "../../../packages/processes/values/pid.ts";
import { ReplyTo } from "../../../packages/processes/values/reply_to.ts";
import { ForeignReply } from "../../../packages/processes/values/server_message.ts";
import { Tuple, tuple } from "../../../packages/processes/values/tuple.ts";
import { resultToOtp } from "../../../packages/beam/servers/leader_otp.ts";
import { supervisorReplyToOtp } from "../../../packages/beam/servers/supervisor_otp.ts";
import { test } from "../../../packages/testing/tags.ts";
import * as control from "../../../packages/beam/wire/control.ts";
import { ControlDecoder } from "../../../packages/beam/wire/control_decoder.ts";
import { ControlEncoder } from "../../../packages/beam/wire/control_encoder.ts";
import { TermReader } from "../../../packages/beam/wire/etf_decoder.ts";
import { portTo } from "../../node/wires/_ports.ts";
import { beamTerm } from "./_beam_terms.ts";
import { termBytes } from "./_etf_bytes.ts";
import { elixirPairTest } from "../../_elixir_pair.ts";
import { beamFrame, localOf } from "../../_raw_beam.ts";
import fc, { runs } from "../../_seeds.ts";
import { eachSignal } from "../../_signals.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";
const OWN = new Pid(ALEX, 1, 7);
const OWN_REF = new Ref(ALEX, 2, 7);
const THEIRS = new Pid(KATE, 3, 5);
const THEIR_REF = new Ref(KATE, 4, 5);

const LOCAL = localOf(ALEX, 7, {
  requested: ([module, name, args]): Runnable => ({
    module,
    function: name,
    args,
  }),
  called(run) {
    assert("module" in run);
    return [run.module, run.function, run.args];
  },
});
const PEER = { name: KATE, creation: 5, hidden: true };

let written: Uint8Array[] = [];
const encoder = new ControlEncoder(
  LOCAL,
  PEER,
  portTo((bytes) => written.push(bytes.slice())),
);

/** The frame that the encoder writes. */
function sent(send: (encoder: ControlEncoder) => void): Uint8Array {
  written = [];
  send(encoder);
  encoder.flush(Infinity);
  return Buffer.concat(written);
}

test("signals without a term are written as OTP writes them", () => {
  const ends = { from: OWN, ref: OWN_REF, to: THEIRS, alias: THEIR_REF };
  const writes = {
    ...eachSignal(ends, 0),
    "demonitor of a name": (to: Signals) => to.demonitor(OWN, OWN_REF, "named"),
  };
  const named = atom("named");
  const controls: Partial<Record<string, unknown[]>> = {
    link: [control.DOP_LINK, OWN, THEIRS],
    unlink: [control.DOP_UNLINK_ID, 9, OWN, THEIRS],
    unlinkAck: [control.DOP_UNLINK_ID_ACK, 1, OWN, THEIRS],
    groupLeader: [control.DOP_GROUP_LEADER, OWN, THEIRS],
    spawnReply: [control.DOP_SPAWN_REPLY, THEIR_REF, THEIRS, 3, OWN],
    monitor: [control.DOP_MONITOR, OWN, THEIRS, OWN_REF],
    "monitor of a name": [control.DOP_MONITOR, OWN, named, OWN_REF],
    demonitor: [control.DOP_DEMONITOR, OWN, THEIRS, OWN_REF],
    "demonitor of a name": [control.DOP_DEMONITOR, OWN, named, OWN_REF],
  };
  let found = 0;
  for (const [kind, write] of Object.entries(writes)) {
    const items = controls[kind];
    if (items === undefined) continue;
    assertEquals(sent(write), Buffer.from(beamFrame(items)), kind);
    found++;
  }
  assertEquals(found, Object.keys(controls).length);
});

/** Sends a signal of the peer back to it, as the same kind. */
const BACK: Partial<Signals> = {
  send: (_from, _to, message) => encoder.send(OWN, THEIRS, message),
  sendName: (_from, name, message) => encoder.sendName(OWN, name, message),
  sendAlias: (_from, _to, message) =>
    encoder.sendAlias(OWN, THEIR_REF, message),
  reply: (_from, _to, value) => encoder.reply(OWN, THEIR_REF, value),
  exit: (_from, _to, reason) => encoder.exit(OWN, THEIRS, reason),
  exitLink: (_from, _to, reason) => encoder.exitLink(OWN, THEIRS, reason),
  down: (_from, _to, _ref, reason) =>
    encoder.down(OWN, THEIRS, THEIR_REF, reason),
  spawnRequest: (_from, { run }) => encoder.spawnRequest(OWN, requestOf(run)),
};

function requestOf(run: Runnable): SpawnRequest {
  return { ref: OWN_REF, run, link: false, monitor: false, groupLeader: OWN };
}

const decoder = new ControlDecoder(LOCAL, PEER, BACK as Signals, () => {});

/** The frame that comes back for a frame. */
function answerTo(frame: Uint8Array): Uint8Array {
  return sent(() => decoder.receive(frame));
}

const FROM = tuple(THEIRS, THEIR_REF);

/** Returns the frames of a signal with a term: of kate, and of alex. */
type Position = (term: unknown) => [theirs: Uint8Array, ours: Uint8Array];

function position(
  kind: number,
  theirs: unknown[],
  ours: unknown[],
  messageOf: (term: unknown) => unknown = (term) => term,
): Position {
  return (term) => [
    beamFrame([kind, ...theirs], messageOf(term)),
    beamFrame([kind, ...ours], messageOf(term)),
  ];
}

function positionInMessage(messageOf: (term: unknown) => unknown): Position {
  const kind = control.DOP_SEND_SENDER;
  return position(kind, [THEIRS, OWN], [OWN, THEIRS], messageOf);
}

const NAMED = [atom(""), atom("n")];
const MFA = tuple(atom("m"), atom("f"), 1);

/** Positions of a term. */
const POSITIONS: Record<string, Position> = {
  send: positionInMessage((term) => term),
  call: positionInMessage((term) => tuple(atom("$gen_call"), FROM, term)),
  cast: positionInMessage((term) => tuple(atom("$gen_cast"), term)),
  sendName: position(
    control.DOP_REG_SEND,
    [THEIRS, ...NAMED],
    [OWN, ...NAMED],
  ),
  sendAlias: position(
    control.DOP_ALIAS_SEND,
    [THEIRS, OWN_REF],
    [OWN, THEIR_REF],
  ),
  spawn: position(
    control.DOP_SPAWN_REQUEST,
    [THEIR_REF, THEIRS, THEIRS, MFA, []],
    [OWN_REF, OWN, OWN, MFA, []],
    (term) => [term],
  ),
};

/** Positions of an exit reason. */
const REASONS: Record<string, Position> = {
  exit: position(control.DOP_PAYLOAD_EXIT2, [THEIRS, OWN], [OWN, THEIRS]),
  exitLink: position(control.DOP_PAYLOAD_EXIT, [THEIRS, OWN], [OWN, THEIRS]),
  down: position(
    control.DOP_PAYLOAD_DOWN,
    [THEIRS, OWN, OWN_REF],
    [OWN, THEIRS, THEIR_REF],
  ),
  terminate: positionInMessage((term) =>
    tuple(atom("system"), FROM, tuple(atom("terminate"), term))
  ),
};

/** A term as it arrives from a BEAM. */
function arrived(value: unknown): unknown {
  return new TermReader().open(termBytes(value)).term(1000);
}

const TYPES = [
  ...["binary", "shutdown", "error", "nocatch", "nodedown", "call"],
  ...["already_started", "bad_return_value", "failed_to_start_child"],
  ...["not_allowed", "other"],
];

/** Terms in the shapes of exit reasons: tuples of OTP's, and maps that read as reasons of this library. */
const shaped = fc.letrec<{ reason: unknown }>((tie) => {
  const reason = tie("reason");
  const named = fc.constantFrom(
    ...["text", "normal", "fooBar", "a@b", "Chat", "Elixir.Chat", "nil"],
  );
  const name = named.map(atom);
  return {
    reason: fc.oneof(
      { maxDepth: 5 },
      named,
      name,
      beamTerm(),
      fc.tuple(fc.constantFrom(...TYPES).map(atom), reason).map((pair) =>
        new Tuple(pair)
      ),
      fc.tuple(reason, reason).map((pair) => new Tuple(pair)),
      fc.tuple(fc.constant(atom("failed_to_start_child")), reason, reason)
        .map((each) => new Tuple(each)),
      fc.tuple(reason, name, name, fc.array(reason, { maxLength: 2 })).map(
        ([why, module, fn, args]) => tuple(why, tuple(module, fn, args)),
      ),
      fc.record({
        type: fc.constantFrom(...TYPES),
        text: named,
        reason,
        node: named,
        pid: reason,
        value: reason,
        id: reason,
        call: fc.constant(["M", "f", []]),
      }, { requiredKeys: ["type"] }),
    ),
  };
}).reason;

/** Whether a reason gets another stack: an exception or a throw, with the list that is one, or without one. */
function losesStack(term: unknown): boolean {
  if (term instanceof Error) return true;
  if (!(term instanceof Tuple)) return false;
  const [first, second] = term.elements;
  return term.length === 2 && Array.isArray(second) &&
      (first instanceof Error || first instanceof Map ||
        first instanceof Tuple) ||
    term.elements.some(losesStack);
}

test("a term of a BEAM in any position goes back as the same term", () => {
  fc.assert(
    fc.property(fc.oneof(beamTerm(), shaped), (value) => {
      const term = arrived(value);
      const all = losesStack(term) ? POSITIONS : { ...POSITIONS, ...REASONS };
      for (const [position, of] of Object.entries(all)) {
        const [theirs, ours] = of(term);
        assertEquals(Buffer.compare(answerTo(theirs), ours), 0, position);
      }
    }),
    { numRuns: runs(1000) },
  );
});

/** A text that would be an atom there, by the rule for exit reasons. */
const USER = "user_text";

/** Values with that text at some depth, and atoms of a program beside it. */
const texts = fc.letrec<{ value: unknown }>((tie) => {
  const value = tie("value");
  const items = fc.array(value, { minLength: 1, maxLength: 3 });
  return {
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constant(USER),
      fc.constantFrom(atom("ok"), atom("error"), atom("shutdown"), 1, null),
      items,
      items.map((each) => new Tuple(each)),
      items.map((each) => tuple(atom("error"), ...each)),
      items.map((each) => tuple(atom("shutdown"), ...each)),
      value.map((each) => ({ [USER]: each, type: USER })),
      value.map((each) =>
        new Map<unknown, unknown>([[USER, each], [atom("key"), USER]])
      ),
      value.map((each) => new Set([each])),
      fc.constant(Object.assign(new Error(USER), { name: USER })),
    ),
  };
}).value;

/** A value in the positions of every signal and reply to a BEAM. */
const OUT: Record<string, (value: unknown) => (to: ControlEncoder) => void> = {
  send: (value) => (to) => void to.send(OWN, THEIRS, value),
  sendName: (value) => (to) => void to.sendName(OWN, "n", value),
  sendAlias: (value) => (to) => void to.sendAlias(OWN, THEIR_REF, value),
  reply: (value) => (to) => to.reply(OWN, THEIR_REF, value),
  "reply of OTP's": (value) => (to) =>
    to.reply(OWN, THEIR_REF, new ForeignReply(value)),
  "reply to a from": (value) => (to) =>
    to.reply(OWN, new ReplyTo(THEIRS, undefined, tuple(THEIRS, 1)), value),
  call: (value) => (to) =>
    void to.send(OWN, THEIRS, new Call(new ReplyTo(OWN, OWN_REF), value)),
  cast: (value) => (to) => void to.send(OWN, THEIRS, new Cast(value)),
  "spawn request": (value) => (to) =>
    to.spawnRequest(
      OWN,
      requestOf({ module: "m", function: "f", args: [value] }),
    ),
  "reason of an exit": (value) => (to) => to.exit(OWN, THEIRS, tuple(value)),
  "reason of a link": (value) => (to) => to.exitLink(OWN, THEIRS, [value]),
  "reason of a DOWN": (value) => (to) =>
    to.down(OWN, THEIRS, THEIR_REF, tuple(atom("error"), value)),
  "reason of a shutdown": (value) => (to) =>
    to.exit(OWN, THEIRS, tuple(atom("shutdown"), value)),
  "reason with a value": (value) => (to) =>
    to.exit(OWN, THEIRS, { type: "nocatch", value }),
  "reason with arguments": (value) => (to) =>
    to.exit(OWN, THEIRS, {
      type: "call",
      reason: "noproc",
      call: ["m", "f", [value]],
    }),
  "reason with a node": () => (to) =>
    to.exit(OWN, THEIRS, { type: "nodedown", node: USER }),
  "reason of a stop": (value) => (to) =>
    void to.send(
      OWN,
      THEIRS,
      new Stop(new ReplyTo(OWN, OWN_REF), tuple(value)),
    ),
  "reply of a supervisor": (value) => (to) =>
    to.reply(
      OWN,
      THEIR_REF,
      supervisorReplyToOtp(
        undefined,
        "Supervisor",
        { type: "error", reason: tuple(value) },
        () => ["m", "f", []],
      ),
    ),
  "error of a device": () => (to) =>
    to.reply(OWN, THEIR_REF, resultToOtp({ type: "error", reason: USER })),
};

function holdsAtom(frame: Uint8Array, name: string): boolean {
  return Buffer.from(frame).includes(
    Buffer.from([119, name.length, ...Buffer.from(name)]),
  );
}

test("no text of a user becomes an atom in any signal or reply to a BEAM", () => {
  // The announced place is one, so that the search finds atoms.
  assert(holdsAtom(sent((to) => to.exit(OWN, THEIRS, USER)), USER));
  fc.assert(
    fc.property(texts, (value) => {
      for (const [position, of] of Object.entries(OUT)) {
        const frame = sent(of(value));
        assert(frame.length > 0, position);
        assert(!holdsAtom(frame, USER), position);
      }
    }),
    { numRuns: runs(1000) },
  );
});

elixirPairTest("500 exits make no atom", async ({ kate }) => {
  const code = (from: number, to: number) => `
      Process.flag(:trap_exit, true)
      before = :erlang.system_info(:atom_count)
      for i <- ${from}..${to} do
        text = "text_of_user_#{i}"
        for reason <- [{:error, text}, {:shutdown, {:error, text}}, %{"reason" => text}] do
          pid = Node.spawn_link(:"alex@localhost", :echo, :exit_with, [reason])
          receive do
            {:EXIT, ^pid, ^reason} -> :ok
            other -> raise inspect(other)
          end
        end
      end
      :erlang.system_info(:atom_count) - before
    `;
  await kate.evaluate(code(1, 2));
  assertEquals(await kate.evaluate(code(1, 500)), "0");
}, {
  modules: {
    echo: {
      exit_with(reason: unknown) {
        exit(reason);
      },
    },
  },
});
