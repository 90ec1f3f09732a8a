/** Decodes frames into signals. */

import { arrive, isTrace } from "@otp/processes/context/tracing";
import type { ByteBudget, Limits, Peer, Port } from "../wire.ts";
import type { PeerAddress } from "@otp/processes/remote/peer_address";
import {
  Call,
  isForgedData,
  isReserved,
  receivedMessage,
} from "@otp/servers/server/messages";
import { Pid, Ref } from "@otp/processes/values/pid";
import type { SystemLimitReason } from "@otp/processes/values/exit_reason";
import { ReplyTo } from "@otp/processes/values/reply_to";
import { RefusedReply } from "@otp/processes/values/server_message";
import type { Runnable, Signals } from "@otp/processes/signals/signal";
import { copyTerm, REASON_LEVELS } from "@otp/processes/values/term";
import { OverLimit, ProtocolError, Refusals } from "../wires/over_limit.ts";
import {
  type ArrivedSignal,
  ArrivingJson,
  RefusedItem,
} from "./arriving_json.ts";
import { type Arrivals, ArrivingSignal } from "./arriving_signal.ts";
import { AttachmentReader, NO_ATTACHMENTS } from "./attachments.ts";
import {
  checkArray,
  checkAtomText,
  checkFlag,
  checkLength,
  checkNatural,
  checkNode,
  checkObject,
  checkText,
} from "./json_checks.ts";
import { type FrameHandler, FrameReader, headOf } from "./json_frames.ts";
import { isTraced, SHAPES } from "./json_kinds.ts";
import { JsonReader, UNREAD } from "./json_reader.ts";
import { LateSignals } from "./late_signals.ts";
import { itemsOf, parseJson } from "./parse_json.ts";
import { receivedRefusal } from "./json_refusals.ts";
import {
  LEAF_DEPTH,
  LEVEL_DEPTH,
  MAX_ADDRESS,
  MAX_PEERS,
  MAX_REFUSAL,
  toPid,
  ValueDecoder,
} from "./json_values.ts";

/** The maximum number of senders whose trace waits for their next message. */
const MAX_TRACES = 64;

/** The signals that can hold several messages. */
const MESSAGE_LISTS: ReadonlySet<unknown> = new Set(
  ["send", "send*", "send_text"],
);

/** The signals that stand for a raw byte array. */
const LARGE: ReadonlySet<unknown> = new Set(["large", "large_attached"]);

/** The levels of JSON around a value: the frame's array, the signal's array, and two of a spawn request. */
const OUTER_DEPTH = 4;

/** After JsonReader gives up on a frame, `JSON.parse` reads the next BLIND frames, as similar frames come in runs. */
const BLIND = 16;

/** Marks a message that is not delivered. */
const DROPPED = Symbol("dropped");

/** The default budget: no limit on the bytes of all peers together. */
const UNSHARED: ByteBudget = { max: Infinity, used: 0, add: () => {} };

/** Decodes the bytes of one peer, and delivers its signals. */
export class Decoder implements FrameHandler {
  readonly #self: Peer;
  readonly #peer: Peer;
  readonly #limits: Limits;
  readonly #port: Port;
  readonly #deliver: Signals;
  readonly #frames: FrameReader;
  readonly #values: ValueDecoder;
  readonly #late: LateSignals;
  readonly #arrivals: Arrivals;
  /** The large signals that have not been delivered, and the one whose array arrives. */
  readonly #large = new Set<ArrivingSignal>();
  #arriving: ArrivingSignal | undefined;
  /** The sender of the last large signal; acks of its parts are late with them. */
  #lastSender = 0;
  #isClosed = false;
  /** JSON nested deeper than this holds a value deeper than `maxDepth`. */
  readonly #maxJsonDepth: number;
  /** JSON of at most this many levels holds no value that is too deep. */
  readonly #shallow: number;
  readonly #reader: JsonReader;
  /** The number of next frames that `JSON.parse` reads. */
  #blind = 0;
  #from: Pid;
  #to: Pid;
  /** Whether a value of this frame may exceed `maxDepth`: the JSON is deep enough for one. */
  #isDeep = false;
  readonly #refusals: Refusals;
  /** The traces of the next messages, by sender. */
  readonly #traces = new Map<number, string>();

  /** Decodes the bytes of `peer`: delivers signals to `deliver`, and answers refused requests through `back`. */
  constructor(
    self: Peer,
    peer: Peer,
    limits: Limits,
    port: Port,
    deliver: Signals,
    parts: ByteBudget = UNSHARED,
    back?: Signals,
  ) {
    this.#refusals = new Refusals(self.name, port, back);
    this.#self = self;
    this.#peer = peer;
    this.#limits = limits;
    this.#port = port;
    this.#deliver = deliver;
    this.#maxJsonDepth = LEVEL_DEPTH * limits.maxDepth + LEAF_DEPTH +
      OUTER_DEPTH;
    this.#shallow = limits.maxDepth - REASON_LEVELS;
    this.#reader = new JsonReader(this.#maxJsonDepth);
    this.#frames = new FrameReader(limits.maxFrameBytes);
    this.#values = new ValueDecoder(self, peer);
    this.#late = new LateSignals(parts, port.readLater?.bind(port));
    this.#arrivals = {
      maxBytes: limits.maxMessageBytes,
      // The array of the signal is a level around its items.
      maxLevels: this.#maxJsonDepth + 1,
      budget: parts,
      late: this.#late,
    };
    this.#from = new Pid(peer.name, 0, peer.creation);
    this.#to = new Pid(self.name, 0, self.creation);
  }

  /** Decodes received bytes. Throws a `ProtocolError` if `chunk` is invalid. */
  receive(chunk: Uint8Array): void {
    this.#frames.read(chunk, this);
  }

  readLate(room: number): void {
    this.#late.read(room);
  }

  /** Discards incomplete signals. */
  close(): void {
    this.#isClosed = true;
    this.#late.clear();
    for (const signal of this.#large) signal.discard();
    this.#large.clear();
  }

  text(bytes: Uint8Array, start: number, end: number): void {
    let signals: unknown[];
    try {
      signals = checkArray(this.#parse(bytes, start, end));
    } catch (error) {
      if (!(error instanceof OverLimit)) throw error;
      for (const [from, to] of itemsOf(bytes, start, end)) {
        const json = new ArrivingJson(this.#maxJsonDepth + 1);
        json.add(bytes.subarray(from, to));
        const signal = json.finish();
        this.#isDeep = signal.levels > this.#shallow;
        this.#inOrder(signal.items, to - from, () => this.#arrived(signal));
      }
      return;
    }
    for (let i = 0; i < signals.length; i++) {
      const signal = checkArray(signals[i]);
      if (this.#late.isEmpty) this.#any(signal);
      else {
        const bytes = Math.ceil((end - start) / signals.length);
        this.#inOrder(signal, bytes, () => this.#any(signal));
      }
    }
  }

  /** Delivers a signal after the late signals of its sender. */
  #inOrder(signal: unknown[], bytes: number, deliver: () => void): void {
    const sender = signal[1] === 0 ? this.#lastSender : signal[1];
    if (LARGE.has(signal[0])) return deliver();
    if (typeof sender !== "number") this.#late.read(Infinity);
    else if (this.#late.has(sender)) {
      const isDeep = this.#isDeep;
      const { attachments } = this.#values;
      const within = () => this.#within(attachments, isDeep, deliver);
      return this.#late.add(sender, bytes, within);
    }
    deliver();
  }

  #within(
    attachments: AttachmentReader,
    isDeep: boolean,
    deliver: () => void,
  ): void {
    const before = this.#isDeep;
    const outer = this.#values.attachments;
    this.#isDeep = isDeep;
    this.#values.attachments = attachments;
    deliver();
    this.#values.attachments = outer;
    this.#isDeep = before;
  }

  /** Delivers a signal, or refuses it alone. */
  #any(signal: unknown[]): void {
    try {
      const kind = signal[0];
      if (kind === "trace") this.#trace(signal);
      else if (this.#traces.size === 0) this.#signal(signal);
      else this.#traced(signal);
    } catch (error) {
      if (!(error instanceof OverLimit)) throw error;
      this.#refuse(signal, error);
    }
  }

  /** Delivers a signal some of whose items may be refused: a list of messages loses only these. */
  #arrived({ items }: ArrivedSignal): void {
    const at = items.findIndex((item) => item instanceof RefusedItem);
    if (at < 0) return this.#any(items);
    if (at < 3 || !MESSAGE_LISTS.has(items[0])) {
      const { error } = items[at] as RefusedItem;
      return this.#refuse([...items.slice(0, at), undefined], error);
    }
    const left = items.filter((item) => {
      if (!(item instanceof RefusedItem)) return true;
      this.#note("a message", item.error);
      return false;
    });
    if (left.length > 3) this.#any(left);
  }

  attached(bytes: Uint8Array, start: number, end: number): void {
    const json = start + 4 + (end - start < 4 ? 0 : headOf(bytes, start) >>> 0);
    if (json >= end) {
      throw new ProtocolError("attachments that go beyond their frame");
    }
    // Late signals refer to the bytes after this call.
    const kept = this.#late.isEmpty ? bytes : bytes.slice(0, json);
    const piece = { bytes: kept, start: start + 4, end: json };
    const attachments = new AttachmentReader([piece]);
    this.#values.attachments = attachments;
    this.text(bytes, json, end);
    this.#values.attachments = NO_ATTACHMENTS;
    this.#late.add(this.#lastSender, 0, () => attachments.finish());
  }

  raw(id: number, bytes: Uint8Array, kind: number): void {
    if (this.#isClosed) return;
    const large = this.#arrivalOf(id);
    large.add(id, bytes, kind);
    if (!Number.isNaN(large.sender)) this.#lastSender = large.sender;
  }

  #arrivalOf(id: number): ArrivingSignal {
    if (this.#arriving !== undefined) return this.#arriving;
    const large = new ArrivingSignal(id, this.#arrivals);
    this.#large.add(large);
    return this.#arriving = large;
  }

  /**
   * Parses JSON and notes whether it is deep. Only values of deep JSON are checked, by {@linkcode checkDepth}.
   */
  #parse(bytes: Uint8Array, start: number, end: number): unknown {
    const deep = this.#shallow;
    if (this.#blind > 0) this.#blind--;
    else {
      const value = this.#reader.read(bytes, start, end);
      if (value !== UNREAD) {
        this.#isDeep = this.#reader.levels > deep;
        return value;
      }
      this.#blind = BLIND;
    }
    const parsed = parseJson(bytes, this.#maxJsonDepth, deep, start, end);
    this.#isDeep = parsed.isDeep;
    return parsed.value;
  }

  /** Stores the trace of a process's next signal. */
  #trace(signal: unknown[]): void {
    checkShape(signal);
    const from = checkNatural(signal[1]);
    const trace = signal[2];
    if (trace === null) return void this.#traces.delete(from);
    if (!isTrace(trace)) throw new ProtocolError("an invalid trace");
    // A peer writes a trace before its message; other processes' signals can come between.
    if (this.#traces.size >= MAX_TRACES) this.#traces.clear();
    this.#traces.set(from, trace);
  }

  /** Delivers a signal with the trace of its sender. */
  #traced(signal: unknown[]): void {
    const from = signal[1] as number;
    const trace = this.#traces.get(from);
    if (trace === undefined || !isTraced(signal[0])) {
      return this.#signal(signal);
    }
    this.#traces.delete(from);
    const [kind, , to] = signal;
    // The trace belongs to the first message only.
    const isList = MESSAGE_LISTS.has(kind) && signal.length > 4;
    const first = isList ? signal.slice(0, 4) : signal;
    arrive(trace, () => this.#signal(first));
    if (isList) this.#signal([kind, from, to, ...signal.slice(4)]);
  }

  #signal(signal: unknown[]): void {
    const kind = signal[0];
    checkShape(signal);
    if (kind === "send" || kind === "send*") {
      const isTagged = kind === "send*";
      const { length } = signal;
      const from = this.#fromPid(signal[1]);
      const to = this.#toPid(signal[2]);
      for (let i = 3; i < length; i++) {
        const message = this.#message(signal[i], isTagged);
        if (message !== DROPPED) this.#deliver.send(from, to, message);
      }
      return;
    }
    if (kind === "send_text") return this.#sendText(signal);
    const isTagged = (kind as string).endsWith("*");
    const plain = isTagged ? (kind as string).slice(0, -1) : kind;
    if (plain === "send_name" || plain === "send_alias") {
      signal[3] = this.#message(signal[3], isTagged);
      if (signal[3] === DROPPED) return;
    } else if (isTagged) {
      const last = signal.length - 1;
      signal[last] = this.#values.decode(signal[last]);
    }
    this.#dispatch(plain, signal);
  }

  #sendText(signal: unknown[]): void {
    const from = this.#fromPid(signal[1]);
    const to = this.#toPid(signal[2]);
    for (let i = 3; i < signal.length; i++) {
      const number = checkNatural(signal[i]);
      this.#deliver.send(from, to, this.#values.attachments.text(number));
    }
  }

  /**
   * Decodes a message. A message of a reserved type is a server's message, if the peer may send it. A peer writes data
   * that looks like a server's message as an `$object`, so the type is checked before tags are replaced.
   */
  #message(json: unknown, isTagged: boolean): unknown {
    try {
      return this.#received(json, isTagged);
    } catch (error) {
      if (!(error instanceof OverLimit)) throw error;
      this.#note("a message", error);
      return DROPPED;
    }
  }

  #received(json: unknown, isTagged: boolean): unknown {
    const isMessage = typeof json === "object" && json !== null &&
      isReserved((json as { type?: unknown }).type);
    const value = this.#sendable(isTagged ? this.#values.decode(json) : json);
    if (isMessage) {
      const fields = value as Record<string, unknown>;
      return receivedMessage(fields, this.#isPeers) ?? DROPPED;
    }
    // Only tagged data holds pids, which a forged request needs.
    return isTagged && isForgedData(value, this.#isPeers) ? DROPPED : value;
  }

  /** Checks that a value is not too deep to be sent on to another node. */
  #sendable(value: unknown): unknown {
    return this.#isDeep ? checkDepth(value, this.#limits.maxDepth) : value;
  }

  /** Checks an exit reason, which needs room for the levels of the messages that will hold it. */
  #reason(value: unknown): unknown {
    return this.#isDeep
      ? checkDepth(value, this.#limits.maxDepth - REASON_LEVELS)
      : value;
  }

  /** Whether the peer made a pid or reference. */
  readonly #isPeers = ({ node, creation }: Pid | Ref): boolean =>
    node === this.#peer.name && creation === this.#peer.creation;

  #note(signal: string, error: OverLimit): unknown {
    this.#values.attachments.mayBeUnused = true;
    return this.#refusals.note(signal, error);
  }

  /** Refuses a signal whose value exceeds a limit, and notifies the processes that wait for the signal. */
  #refuse(signal: unknown[], error: OverLimit): void {
    const [given, first, second, third] = signal;
    const kind = String(given).replace("*", "");
    switch (kind) {
      case "send":
        return;
      case "send_name":
      case "send_alias":
        this.#note("a message", error);
        return;
      case "call":
      case "call_name": {
        const reason = this.#note("a request", error);
        const from = this.#fromPid(first);
        const ref = this.#peerRef(third);
        const to = this.#toPid(kind === "call" ? second : 0);
        this.#refusals.answer((back) => back.down(to, from, ref, reason));
        return;
      }
      case "reply":
      case "answer": {
        const reply = new RefusedReply(this.#note("a reply", error));
        const ref = this.#ownRef(second);
        this.#deliver.reply(
          this.#fromPid(first),
          ref,
          reply,
          kind === "answer",
        );
        return;
      }
      case "exit":
      case "exit_link":
      case "down":
        // The replaced reason is shallow, so it passes the depth check.
        signal[signal.length - 1] = this.#note("an exit reason", error);
        return this.#dispatch(kind, signal);
      case "spawn": {
        const reason = this.#note("a request to spawn", error);
        const { text } = reason as SystemLimitReason;
        const from = this.#fromPid(first);
        const ref = this.#peerRef(second);
        const result = { error: "limit", message: text } as const;
        this.#refusals.answer((back) =>
          back.spawnReply(this.#toPid(0), from, ref, result)
        );
        return;
      }
    }
    throw error;
  }

  #dispatch(kind: unknown, signal: unknown[]): void {
    const deliver = this.#deliver;
    // By index, as destructuring an array calls its iterator.
    const first = signal[1];
    const second = signal[2];
    const third = signal[3];
    const fourth = signal[4];
    const fifth = signal[5];
    switch (kind) {
      case "send_name":
        deliver.sendName(this.#fromPid(first), checkAtomText(second), third);
        return;
      case "send_alias":
        deliver.sendAlias(this.#fromPid(first), this.#ownRef(second), third);
        return;
      case "call":
      case "call_name": {
        const to = kind === "call"
          ? this.#toPid(second)
          : checkAtomText(second);
        const call = this.#call(first, third, fourth);
        const { pid, alias } = call.replyTo;
        deliver.monitor(pid, to, alias!, true);
        if (typeof to === "string") deliver.sendName(pid, to, call);
        else deliver.send(pid, to, call);
        return;
      }
      case "reply":
      case "answer": {
        const from = this.#fromPid(first);
        const ref = this.#ownRef(second);
        const value = this.#sendable(third);
        if (kind === "reply") deliver.reply(from, ref, value);
        else deliver.reply(from, ref, value, true);
        return;
      }
      case "link":
        deliver.link(this.#fromPid(first), this.#ownPid(second, third));
        return;
      case "unlink":
        deliver.unlink(
          this.#fromPid(first),
          this.#ownPid(second, third),
          checkUnlinkId(fourth),
        );
        return;
      case "unlink_ack":
        deliver.unlinkAck(
          this.#peerPid(first, this.#peer.creation),
          this.#toPid(second),
          checkNatural(third),
        );
        if (second === 0) this.#port.confirmed?.(third as number);
        return;
      case "exit":
        deliver.exit(
          this.#fromPid(first),
          this.#toPid(second),
          this.#reason(third),
        );
        return;
      case "exit_link":
        deliver.exitLink(
          this.#peerPid(first, second),
          this.#toPid(third),
          this.#reason(fourth),
        );
        return;
      case "monitor":
        deliver.monitor(
          this.#fromPid(first),
          this.#ownPid(second, third),
          this.#peerRef(fourth),
        );
        return;
      case "monitor_name":
        deliver.monitor(
          this.#fromPid(first),
          checkAtomText(second),
          this.#peerRef(third),
        );
        return;
      case "demonitor":
        deliver.demonitor(this.#fromPid(first), this.#peerRef(second));
        return;
      case "down":
        deliver.down(
          typeof first === "number"
            ? this.#fromPid(first)
            : this.#peerPid(first, this.#peer.creation),
          this.#toPid(second),
          this.#ownRef(third),
          this.#reason(fourth),
        );
        return;
      case "spawn":
        this.#spawn(first, second, third);
        return;
      case "spawned": {
        const pid = this.#fromPid(first);
        deliver.spawnReply(pid, this.#toPid(second), this.#ownRef(third), {
          pid,
          link: checkFlag(fourth),
          monitor: checkFlag(fifth),
        });
        return;
      }
      case "not_spawned":
        deliver.spawnReply(
          this.#fromPid(0),
          this.#toPid(first),
          this.#ownRef(second),
          receivedRefusal(third, checkText(fourth, MAX_REFUSAL)),
        );
        return;
      case "group_leader":
        deliver.groupLeader(
          this.#fromPid(first),
          this.#toPid(second),
          checkPid(third),
        );
        return;
      case "large":
      case "large_attached": {
        const number = kind === "large" ? undefined : checkNatural(second);
        return this.#deliverLarge(checkNatural(first), number);
      }
      case "peers":
        this.#port.peers(toPeers(first, second));
        return;
    }
  }

  #call(from: unknown, ref: unknown, request: unknown): Call {
    // The call itself is one level.
    const value = this.#isDeep
      ? checkDepth(request, this.#limits.maxDepth - 1)
      : request;
    const replyTo = new ReplyTo(this.#fromPid(from), this.#peerRef(ref));
    return new Call(replyTo, value);
  }

  /** Delivers a signal that arrived in parts, as JSON and attachments numbered from `number`. */
  #deliverLarge(id: number, number: number | undefined): void {
    const large = this.#arrivalOf(id);
    const attachments = large.end(id, number);
    this.#arriving = undefined;
    this.#late.add(large.sender, 0, () => {
      const signal = large.finish();
      this.#large.delete(large);
      if (LARGE.has(signal.items[0])) {
        throw new ProtocolError("a large signal in a large signal");
      }
      const isDeep = signal.levels > this.#shallow;
      this.#within(attachments, isDeep, () => this.#arrived(signal));
      attachments.finish();
    });
  }

  #spawn(from: unknown, ref: unknown, content: unknown): void {
    const { run, link, monitor, groupLeader } = checkObject(content);
    this.#deliver.spawnRequest(this.#fromPid(from), {
      ref: this.#peerRef(ref),
      run: this.#runnable(checkObject(run)),
      link: checkFlag(link),
      monitor: checkFlag(monitor),
      groupLeader: checkPid(groupLeader),
    });
  }

  #runnable(run: Record<string, unknown>): Runnable {
    const args = checkArray(this.#sendable(run.args));
    return run.source === undefined
      ? {
        module: checkAtomText(run.module),
        function: checkAtomText(run.function),
        args,
      }
      : { source: checkText(run.source, Infinity), args };
  }

  /** Returns the peer's pid with this number. */
  #fromPid(number: unknown): Pid {
    if (this.#from.number !== number) {
      this.#from = new Pid(
        this.#peer.name,
        checkNatural(number),
        this.#peer.creation,
      );
    }
    return this.#from;
  }

  /** Returns this node's pid with this number. */
  #toPid(number: unknown): Pid {
    if (this.#to.number !== number) {
      this.#to = new Pid(
        this.#self.name,
        checkNatural(number),
        this.#self.creation,
      );
    }
    return this.#to;
  }

  /** Returns a pid of this node, of any incarnation; the pid may have no process. */
  #ownPid(number: unknown, creation: unknown): Pid {
    return toPid(this.#self.name, number, checkNatural(creation));
  }

  /** Returns a pid of the peer, of any incarnation; the pid may have no process. */
  #peerPid(number: unknown, creation: unknown): Pid {
    return toPid(this.#peer.name, number, checkNatural(creation));
  }

  #ownRef(number: unknown): Ref {
    return new Ref(this.#self.name, checkNatural(number), this.#self.creation);
  }

  #peerRef(number: unknown): Ref {
    return new Ref(this.#peer.name, checkNatural(number), this.#peer.creation);
  }
}

/** @throws {ProtocolError} If the kind is unknown, or has another number of items. */
function checkShape(signal: unknown[]): void {
  const shape = SHAPES.get(signal[0]);
  const { length } = signal;
  if (shape !== undefined && length >= shape[0] && length <= shape[1]) {
    return;
  }
  const kind = JSON.stringify(signal[0])?.slice(0, 40);
  throw new ProtocolError(
    shape === undefined
      ? `a signal of unknown kind: ${kind}`
      : `a signal ${kind} of ${length} items`,
  );
}

/** Counts levels as `copyTerm` does, so that received values can be sent on. */
function checkDepth(value: unknown, maxDepth: number): unknown {
  try {
    copyTerm(value, maxDepth);
  } catch {
    throw new OverLimit(
      `a value nested deeper than ${maxDepth} levels (limits.maxDepth)`,
    );
  }
  return value;
}

function checkUnlinkId(id: unknown): number {
  if (id === 0) throw new ProtocolError("an unlink with the id 0");
  return checkNatural(id);
}

function checkPid(value: unknown): Pid {
  if (!(value instanceof Pid)) {
    throw new ProtocolError(`expected a pid, got ${typeof value}`);
  }
  return value;
}

function toPeers(peers: unknown, addresses: unknown): PeerAddress[] {
  const names = checkArray(peers);
  if (names.length > MAX_PEERS) {
    throw new ProtocolError(`more than ${MAX_PEERS} peers`);
  }
  const given = addresses === undefined
    ? []
    : checkLength(addresses, names.length);
  return names.map((name, i) => ({
    node: checkNode(name),
    address: given[i] == null ? undefined : checkText(given[i], MAX_ADDRESS),
  }));
}
