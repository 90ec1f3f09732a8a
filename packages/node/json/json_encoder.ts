/**
 * Encodes signals into frames.
 *
 * A sent signal is written as JSON into the text of the next frame. The first signal wakes the port, which calls
 * `flush` at the end of the turn of the event loop. A text of `FULL` characters, or `EARLY` for the first frames, is
 * written before that, so that both ends work at once.
 *
 * **Open signal.** Consecutive messages from one sender to one receiver share one `send`. The `send` stays open
 * (`#openFrom`, `#openTo`) until another signal comes or the frame is cut.
 *
 * **Calls.** A call is a monitor, and a request with the monitor's reference. The monitor waits (`#monitor`) for the
 * next signal. If the next signal is the request, both become one signal, whose sender and reference need no tags. With
 * 100 callers this saves 10 % of the CPU time of a call at both ends.
 *
 * **Large signals** leave in raw frames (`lanes.ts`), while signals of other senders go to the text at once. The signal
 * follows its last part in a frame of its own, before the parts of the next signal.
 *
 * **The queue.** `pending` counts the bytes that wait here: the text and the lanes. The connection adds its own bytes
 * and the transport's. Below `Port.room` a message is accepted without asking the connection.
 */

import { traceNow, tracing } from "@otp/processes/context/tracing";
import type { Limits, Outgoing, Peer, Port } from "../wire.ts";
import type { PeerAddress } from "@otp/processes/remote/peer_address";
import { Call } from "@otp/servers/server/messages";
import { inspect } from "@otp/processes/values/inspect";
import type { Pid, Ref } from "@otp/processes/values/pid";
import {
  plainAlias,
  type ReplyTarget,
  type ReplyTo,
  taggedReply,
} from "@otp/processes/values/reply_to";
import type {
  Backpressure,
  SpawnRequest,
  SpawnResult,
  Target,
  UnlinkId,
} from "@otp/processes/signals/signal";
import { REASON_LEVELS } from "@otp/processes/values/term";
import { ATTACHED, AttachmentWriter } from "./attachments.ts";
import { giveFrameBuffer, keptFrame } from "../wires/frame_buffers.ts";
import { Lanes, LARGE } from "../wires/lanes.ts";
import { attachedFrame, RAW_HEADER, textFrame, TICK } from "./json_frames.ts";
import type { JsonKind } from "./json_kinds.ts";
import { LargeSignal } from "./large_signal.ts";
import { sentRefusal } from "./json_refusals.ts";
import {
  cutText,
  decimal,
  MAX_PEERS,
  MAX_REFUSAL,
  numberJson,
  ValueEncoder,
  type WrittenEnd,
  writtenEnd,
} from "./json_values.ts";

/** A signal with fewer attached bytes is never too large, so an exit reason that was cut short arrives. */
const LEAST_CHECKED = 4096;

/**
 * A frame is written when it holds this many characters and attached bytes, so that the peer works while this turn
 * goes on. By CPU time of both ends, one way on one core: with 65,536, which is more than one read, messages of 1,000
 * characters take 13 % more and objects 9 %; with 8,192, the additional writes take 7 % more.
 */
const FULL = 1 << 14;

/**
 * The same for the first `EARLY_FRAMES` frames of a turn. 100 callers send 5 kB in a turn. With one big frame the two
 * nodes take turns; smaller first frames let both work at once. Over two cores this makes 195,000 to 230,000 calls a
 * second, not 161,000. On one core the additional writes cost 1 % of a call (8 % with four frames of 1,500).
 */
const EARLY = 2000;
const EARLY_FRAMES = 3;

/** The peer's limits for frames. */
export interface FrameLimits {
  /** The largest message that the peer accepts, in bytes. */
  maxMessageBytes: number;
  /**
   * Whether the peer takes the traces of signals.
   *
   * @default {false}
   */
  takesTraces?: boolean;
}

/** Writes signals for one peer. */
export class Encoder implements Outgoing {
  readonly #self: WrittenEnd;
  readonly #peer: WrittenEnd;
  readonly #port: Port;
  readonly #values: ValueEncoder;
  readonly #maxMessageBytes: number;
  /** A signal with more attached bytes than this is large too, so its size is checked. */
  readonly #mostAttached: number;
  readonly #maxDepth: number;
  readonly #takesTraces: boolean;
  /** The attachments of the frame that is being collected. */
  readonly #attachments = new AttachmentWriter();
  #text = "";
  /** The kind, sender and receiver of the open signal. */
  #openKind = "";
  #openFrom = -1;
  #openTo = -1;
  /**
   * The JSON of a monitor that waits for the next signal. A call's request and its monitor become one signal; any other
   * signal is written after the monitor.
   */
  #monitor = "";
  /** The waiting monitor's process, target and reference. */
  #caller: Pid | undefined;
  #called: Target = "";
  #callRef: Ref | undefined;
  /** The number of frames in this turn. */
  #frames = 0;
  #lastRaw = 0;
  readonly #lanes = new Lanes();

  /** Encodes signals for `peer` and writes them to `port`. */
  constructor(
    self: Peer,
    peer: Peer,
    limits: Limits,
    peerLimits: FrameLimits,
    port: Port,
  ) {
    this.#self = writtenEnd(self);
    this.#peer = writtenEnd(peer);
    this.#port = port;
    this.#maxDepth = limits.maxDepth;
    this.#takesTraces = peerLimits.takesTraces ?? false;
    this.#maxMessageBytes = Math.min(
      limits.maxMessageBytes,
      peerLimits.maxMessageBytes,
    );
    this.#mostAttached = Math.max(LEAST_CHECKED, this.#maxMessageBytes);
    this.#values = new ValueEncoder(
      self,
      peer,
      limits.maxDepth,
      this.#attachments,
    );
  }

  /** The approximate number of waiting bytes. */
  get pending(): number {
    return this.#text.length + this.#monitor.length + this.#attachments.bytes +
      this.#lanes.bytes;
  }

  /**
   * Whether a pid or alias belongs to another incarnation of the peer, or to no node: an Erlang node can make up a pid
   * whose number is NaN here.
   */
  #isGone({ number, creation }: Pid | Ref): boolean {
    return creation !== this.#peer.creation || number !== number;
  }

  // Messages: the only signals that a full queue refuses.

  /** Writes a signal after its trace, if it has one. */
  #traced(from: Pid, put: () => void): void {
    const trace = traceNow();
    if (trace === undefined || !this.#takesTraces) return put();
    this.#put(from, `["trace",${from.number},"${trace}"]`);
    try {
      put();
    } catch (error) {
      // The next message of this process may belong to no trace.
      this.#attachments.drop();
      this.#put(from, `["trace",${from.number},null]`);
      throw error;
    }
  }

  send(from: Pid, to: Pid, message: unknown): Backpressure {
    if (this.#isGone(to)) return undefined;
    this.#assertRoom();
    if (tracing === undefined) this.#send(from, to, message);
    else this.#traced(from, () => this.#send(from, to, message));
    return this.#pressure(from);
  }

  #send(from: Pid, to: Pid, message: unknown): void {
    if (this.#isCall(from, to, message)) {
      return this.#call(from, "call", to.number, message);
    }
    const number = typeof message === "string" && message.length >= ATTACHED
      ? this.#attachments.addText(message)
      : undefined;
    if (number !== undefined) this.#message("send_text", from, to, `${number}`);
    else {
      const json = this.#values.encodeMessage(message);
      this.#message(this.#values.tagged ? "send*" : "send", from, to, json);
    }
  }

  /** Whether a message is the request of a call whose monitor waits. */
  #isCall(from: Pid, to: Target, message: unknown): message is Call {
    return this.#monitor !== "" && message instanceof Call &&
      message.replyTo.alias === this.#callRef &&
      message.replyTo.pid === from && from === this.#caller &&
      to === this.#called;
  }

  #call(from: Pid, kind: JsonKind, to: number | string, call: Call): void {
    const { request, replyTo } = call;
    // The call itself is one level.
    const json = this.#values.encode(request, this.#maxDepth, -1);
    const monitor = this.#monitor;
    this.#monitor = "";
    try {
      this.#putValue(from, kind, `${to},${replyTo.alias!.number}`, json);
    } catch (error) {
      this.#monitor = monitor;
      throw error;
    }
  }

  /** Writes the waiting monitor. */
  #putMonitor(): void {
    const text = this.#monitor;
    this.#monitor = "";
    this.#append(text);
  }

  /** Adds a message to the open signal of the same kind, sender and receiver, or opens a new signal. */
  #message(kind: string, from: Pid, to: Pid, json: string): void {
    const { fresh } = this.#attachments;
    if (this.#isLarge(json, fresh) || !this.#lanes.isEmpty) {
      return this.#put(from, `["${kind}",${from.number},${to.number},${json}]`);
    }
    if (fresh > 0) this.#attachments.keep();
    if (this.#monitor !== "") this.#putMonitor();
    if (
      this.#openFrom === from.number && this.#openTo === to.number &&
      this.#openKind === kind
    ) this.#text += "," + json;
    else {
      this.#append(`["${kind}",${from.number},${to.number},${json}`);
      this.#openKind = kind;
      this.#openFrom = from.number;
      this.#openTo = to.number;
    }
    if (this.#isFull()) this.#cut();
  }

  #isLarge(json: string, attached: number): boolean {
    return json.length + attached > LARGE || attached > this.#mostAttached;
  }

  #isFull(): boolean {
    return this.#text.length + this.#attachments.bytes >=
      (this.#frames < EARLY_FRAMES ? EARLY : FULL);
  }

  /** Asks the connection only if the message may not fit; most messages fit. */
  #assertRoom(): void {
    if (this.pending >= this.#port.room) this.#port.assertRoom();
  }

  #pressure(from: Pid): Backpressure {
    const passed = this.#lanes.passedBy(from.number);
    return this.pending - passed < this.#port.room
      ? undefined
      : this.#port.pressure(passed);
  }

  /** The number of bytes in lanes. */
  get passable(): number {
    return this.#lanes.bytes;
  }

  isFull(from: Pid): boolean {
    return this.#pressure(from) !== undefined;
  }

  sendName(from: Pid, name: string, message: unknown): Backpressure {
    this.#assertRoom();
    if (tracing === undefined) this.#sendName(from, name, message);
    else this.#traced(from, () => this.#sendName(from, name, message));
    return this.#pressure(from);
  }

  #sendName(from: Pid, name: string, message: unknown): void {
    if (this.#isCall(from, name, message)) {
      return this.#call(from, "call_name", JSON.stringify(name), message);
    }
    const json = this.#values.encodeMessage(message);
    this.#putValue(from, "send_name", JSON.stringify(name), json);
  }

  sendAlias(from: Pid, alias: Ref, message: unknown): Backpressure {
    if (this.#isGone(alias)) return undefined;
    this.#assertRoom();
    if (tracing === undefined) this.#sendAlias(from, alias, message);
    else this.#traced(from, () => this.#sendAlias(from, alias, message));
    return this.#pressure(from);
  }

  #sendAlias(from: Pid, alias: Ref, message: unknown): void {
    const json = this.#values.encodeMessage(message);
    this.#putValue(from, "send_alias", `${alias.number}`, json);
  }

  // All other signals are never refused.

  reply(from: Pid, to: ReplyTarget, value: unknown, endsMonitor = false): void {
    const alias = plainAlias(to);
    if (alias === undefined) {
      return this.#replyTagged(from, to as ReplyTo, value);
    }
    if (this.#isGone(alias)) return;
    const json = this.#values.encode(value);
    const kind = endsMonitor ? "answer" : "reply";
    this.#putValue(from, kind, `${alias.number}`, json);
  }

  /** Sends a tagged reply as a message, since no waiting call takes it. */
  #replyTagged(from: Pid, to: ReplyTo, value: unknown): void {
    if (this.#isGone(to.pid)) return;
    if (to.alias !== undefined && this.#isGone(to.alias)) return;
    const json = this.#values.encodeMessage(taggedReply(to, value));
    if (to.alias === undefined) {
      const kind = this.#values.tagged ? "send*" : "send";
      this.#message(kind, from, to.pid, json);
    } else this.#putValue(from, "send_alias", `${to.alias.number}`, json);
  }

  link(from: Pid, to: Pid): void {
    this.#put(from, `["link",${from.number},${this.#anyPid(to)}]`);
  }

  unlink(from: Pid, to: Pid, id: UnlinkId): void {
    this.#put(
      from,
      `["unlink",${from.number},${this.#anyPid(to)},${id}]`,
    );
  }

  /** Returns the number and creation of a peer's pid, of any incarnation. */
  #anyPid(of: Pid): string {
    return `${numberJson(of)},${decimal(of.creation, this.#peer)}`;
  }

  unlinkAck(from: Pid, to: Pid, id: UnlinkId): void {
    const text = `${numberJson(from)},${to.number},${id}`;
    this.#put(from, `["unlink_ack",${text}]`);
  }

  exit(from: Pid, to: Pid, reason: unknown): void {
    if (this.#isGone(to)) return;
    const json = this.#values.encode(reason, this.#maxDepth - REASON_LEVELS);
    this.#putValue(from, "exit", `${to.number}`, json);
  }

  exitLink(from: Pid, to: Pid, reason: unknown): void {
    if (this.#isGone(to)) return;
    const json = this.#reason(reason);
    const items = `${decimal(from.creation, this.#self)},${to.number}`;
    this.#putValue(from, "exit_link", items, json);
  }

  monitor(from: Pid, target: Target, ref: Ref, isCall = false): void {
    const text = typeof target === "string"
      ? `["monitor_name",${from.number},${
        JSON.stringify(target)
      },${ref.number}]`
      : `["monitor",${from.number},${this.#anyPid(target)},${ref.number}]`;
    if (this.#lanes.has(from.number)) return this.#put(from, text);
    if (this.#monitor !== "") this.#putMonitor();
    this.#monitor = text;
    this.#caller = from;
    this.#called = target;
    this.#callRef = isCall ? ref : undefined;
    this.#port.wake();
  }

  demonitor(from: Pid, ref: Ref): void {
    this.#put(from, `["demonitor",${from.number},${ref.number}]`);
  }

  down(from: Pid, to: Pid, ref: Ref, reason: unknown): void {
    if (this.#isGone(to)) return;
    const json = this.#reason(reason);
    this.#putValue(from, "down", `${to.number},${ref.number}`, json);
  }

  /** Returns an exit reason's JSON; a reason that is too large becomes a text, since the signal must arrive. */
  #reason(reason: unknown): string {
    try {
      const json = this.#values.encode(reason, this.#maxDepth - REASON_LEVELS);
      const size = json.length * 3 + this.#attachments.fresh;
      if (size <= this.#maxMessageBytes) return json;
    } catch {
      // The JSON is longer than a string can be.
    }
    this.#attachments.drop();
    return this.#values.encode(inspect(reason, { limit: 10 }).slice(0, 1000));
  }

  spawnRequest(from: Pid, request: SpawnRequest): void {
    const { ref, ...rest } = request;
    const put = () => {
      // The arguments may have as many levels as a message, and begin two levels down.
      const json = this.#values.encode(rest, this.#maxDepth, 2);
      this.#putValue(from, "spawn", `${ref.number}`, json);
    };
    if (tracing === undefined) put();
    else this.#traced(from, put);
  }

  spawnReply(from: Pid, to: Pid, ref: Ref, result: SpawnResult): void {
    if (this.#isGone(to)) return;
    if ("error" in result) {
      const { error, message } = sentRefusal(result);
      const json = JSON.stringify(cutText(message, MAX_REFUSAL));
      this.#put(
        from,
        `["not_spawned",${to.number},${ref.number},"${error}",${json}]`,
      );
      return;
    }
    const text =
      `["spawned",${from.number},${to.number},${ref.number},${result.link},${result.monitor}]`;
    this.#put(from, text);
  }

  groupLeader(from: Pid, to: Pid, leader: Pid): void {
    if (this.#isGone(to)) return;
    const json = this.#values.encode(leader);
    this.#putValue(from, "group_leader", `${to.number}`, json);
  }

  /** Introduces this node's peers, with their addresses if `peers` has any. */
  announce(peers: PeerAddress[]): void {
    for (let i = 0; i < peers.length; i += MAX_PEERS) {
      const some = peers.slice(i, i + MAX_PEERS);
      const items: unknown[] = ["peers", some.map(({ node }) => node)];
      if (some.some(({ address }) => address !== undefined)) {
        items.push(some.map(({ address }) => address ?? null));
      }
      this.#append(JSON.stringify(items));
      // Several lists in one frame could exceed the maximum length of a frame.
      if (this.#isFull()) this.#cut();
    }
    this.#port.wake();
  }

  #putValue(from: Pid, name: JsonKind, to: string, json: string): void {
    const star = this.#values.tagged ? "*" : "";
    this.#put(from, `["${name}${star}",${numberJson(from)},${to},${json}]`);
  }

  /** Adds a signal to the frame, or to its sender's lane. */
  #put(from: Pid, text: string): void {
    const { fresh } = this.#attachments;
    const waits = this.#lanes.has(from.number);
    if (
      this.#isLarge(text, fresh) || waits && fresh > 0
    ) this.#putLarge(from.number, text);
    else if (waits) {
      this.#lanes.add(from.number, text.length, () => {
        this.#append(text);
        return text.length;
      });
    } else {
      this.#attachments.keep();
      this.#append(text);
      if (this.#isFull()) this.#cut();
    }
    this.#port.wake();
  }

  /** Adds a signal to its sender's lane, to travel in parts: first its attachments, then its JSON. */
  #putLarge(sender: number, text: string): void {
    const { first, fresh } = this.#attachments;
    const id = (this.#lastRaw + 1) >>> 0;
    const contents = this.#attachments.takeFresh();
    const large = new LargeSignal(id, contents, fresh, text);
    if (large.bytes > this.#maxMessageBytes) {
      throw new RangeError(
        `Cannot send a message of ${large.bytes} bytes to ${this.#peer.name}: ${this.#maxMessageBytes} is the most; send it in pieces, or raise limits.maxMessageBytes on both nodes`,
      );
    }
    this.#lastRaw = id;
    const signal = fresh > 0
      ? `["large_attached",${id},${first}]`
      : `["large",${id}]`;
    const write = () => this.#writePart(large, signal);
    this.#lanes.add(sender, large.bytes, write);
  }

  #writePart(large: LargeSignal, signal: string): number {
    const frame = large.nextFrame();
    const bytes = frame.length - RAW_HEADER;
    this.#port.write(frame);
    if (large.isDone) {
      this.#append(signal);
      // Cut before the parts of the next signal: the receiver holds the parts of one message only.
      this.#cut();
    }
    return bytes;
  }

  #append(text: string): void {
    if (this.#monitor !== "") this.#putMonitor();
    if (this.#openFrom >= 0) {
      this.#text += "],";
      this.#openFrom = -1;
    } else if (this.#text !== "") this.#text += ",";
    else this.#port.wake();
    this.#text += text;
  }

  /** Writes the collected signals as a frame. */
  #cut(): void {
    if (this.#monitor !== "") this.#putMonitor();
    if (this.#text === "") return;
    const text = this.#openFrom >= 0 ? `[${this.#text}]]` : `[${this.#text}]`;
    this.#text = "";
    this.#openFrom = -1;
    this.#frames++;
    const frame = this.#attachments.bytes === 0
      ? textFrame(text, this.#port.room > 0)
      : attachedFrame(this.#attachments.frame(text));
    this.#port.write(this.#port.room > 0 ? frame : keptFrame(frame));
  }

  /** Writes the waiting signals, and at most about `room` bytes of the lanes. */
  flush(room: number): void {
    this.#cut();
    this.#frames = 0;
    if (this.#lanes.isEmpty) return;
    this.#lanes.write(room);
    this.#cut();
  }

  reuse(bytes: Uint8Array): void {
    giveFrameBuffer(bytes);
  }

  /** Writes an empty frame, which shows that this node is alive. */
  tick(): void {
    this.#port.write(TICK);
  }
}
