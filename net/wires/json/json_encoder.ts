/**
 * Signals to frames.
 *
 * Signals are written as JSON when they are sent, into the text of the next frame. The first one
 * wakes the port, which calls `flush` at the end of the turn of the event loop; a text of `FULL`
 * characters, and of `EARLY` at first, is written before that, so that both ends work at once.
 *
 * **Open signal.** The messages of one sender to one receiver that follow each other share one
 * `send`, which stays open (`#openFrom`, `#openTo`) until another signal comes or the frame is cut.
 *
 * **Calls.** A call is a monitor and a request under its reference. The monitor waits (`#monitor`) until
 * the next signal: if that is the request, both are one signal, whose sender and reference
 * need no tags. Measured with 100 callers, that is 10 % of the CPU time of a call at both ends.
 *
 * **Lanes.** A large signal travels in parts, in raw frames, so that it does not hold up the
 * connection. It and all later signals of its sender wait in the sender's lane; those of senders
 * without a lane go to the text at once. A lane is first in, first out, so the order between any two
 * processes holds. `flush` advances the oldest lane part by part until `room` bytes are written: the
 * receiver then keeps the parts of one message, not of all. The signal follows its last part
 * in a frame of its own, before the parts of the next. A lane that is empty is removed, and its
 * sender's signals go to the text again.
 *
 * **The queue.** `pending` is the number of bytes that wait here: the text and the lanes. The connection adds
 * the bytes that it and the transport hold. Below `Port.room` a message can be accepted without asking the
 * connection.
 *
 * @module
 */

import { traceNow, tracing } from "../../../core/context/tracing.ts";
import type { IntroducedNode, Limits, Outgoing, Port } from "../../wire.ts";
import { Call } from "../../../otp/gen/messages.ts";
import { inspect } from "../../../core/values/inspect.ts";
import type { Pid, Ref } from "../../../core/values/pid.ts";
import {
  plainAlias,
  type ReplyTarget,
  type ReplyTo,
  taggedReply,
} from "../../../core/values/reply_to.ts";
import type {
  Backpressure,
  SpawnRequest,
  SpawnResult,
  Target,
  UnlinkId,
} from "../../../core/signals/signal.ts";
import { REASON_LEVELS } from "../../../core/values/term.ts";
import { ATTACHED, AttachmentWriter } from "./attachments.ts";
import { giveFrameBuffer, keptFrame } from "./frame_buffers.ts";
import { attachedFrame, RAW_HEADER, textFrame, TICK } from "./json_frames.ts";
import { LargeSignal } from "./large_signal.ts";
import { sentRefusal } from "./json_refusals.ts";
import {
  cutText,
  decimal,
  type End,
  MAX_PEERS,
  MAX_REFUSAL,
  numberJson,
  ValueEncoder,
  type WrittenEnd,
  writtenEnd,
} from "./json_values.ts";

/** The number of characters and bytes of attachments from which on a signal is sent in parts. */
export const LARGE = 1 << 16;
/** Signals with fewer bytes of attachments are never too large: an exit reason that was cut short arrives. */
const LEAST_CHECKED = 4096;

/**
 * How many characters and bytes of attachments a frame collects before it is written, so that the other end
 * works while this turn goes on. Measured one way on one core, by CPU time of both ends: at 65,536, which is
 * more than is read at a time, messages of 1,000 characters take 13 % more and objects 9 %; at 8,192, 7 %
 * more, as there are more writes.
 */
const FULL = 1 << 14;

/**
 * The same for the first frames of a turn, `EARLY_FRAMES` of them. 100 callers send 5 kB in a turn: in one
 * frame, the two nodes work by turns, as the other one has nothing to do until it comes, nor has this one until
 * the answers do. Split over two cores, that is 161,000 calls a second, and 195,000 to 230,000 with these; on
 * one core there are more writes, which is 1 % of a call. With four of 1,500 it is 8 %.
 */
const EARLY = 2000;
const EARLY_FRAMES = 3;

/** A signal that waits for its sender's large one, or is one. */
interface Waiting {
  large: LargeSignal | undefined;
  text: string;
}

/** The peer's side of what frames may contain. */
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
  /** The number of bytes of attachments from which on a signal is large, too: its size is checked then. */
  readonly #mostAttached: number;
  readonly #maxDepth: number;
  readonly #takesTraces: boolean;
  /** The attachments of the frame that is being collected. */
  readonly #attachments = new AttachmentWriter();
  #text = "";
  /** The kind and pair of the messages that the last signal of the frame holds, while it is open. */
  #openKind = "";
  #openFrom = -1;
  #openTo = -1;
  /**
   * The JSON of a monitor that waits for the next signal: the request of a call is written with it, as one
   * signal. Any other signal is written behind it.
   */
  #monitor = "";
  /** The process that monitors, the monitored process or name, and the reference. */
  #caller: Pid | undefined;
  #called: Target = "";
  #callRef: Ref | undefined;
  /** The number of frames in this turn. */
  #frames = 0;
  #lastRaw = 0;
  /** Signals by sender that wait for their sender's large ones. */
  readonly #lanes = new Map<number, Waiting[]>();
  #laneBytes = 0;

  /** Writes for `peer` by way of `port`. */
  constructor(
    self: End,
    peer: End,
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

  /** The bytes that wait here, about. */
  get pending(): number {
    return this.#text.length + this.#monitor.length + this.#attachments.bytes +
      this.#laneBytes;
  }

  /**
   * Whether a pid or alias is of another incarnation of the peer, or has no number, as none of the peer's: an
   * Erlang node can have made it up.
   */
  #isGone({ number, creation }: Pid | Ref): boolean {
    return creation !== this.#peer.creation || number !== number;
  }

  // Messages: held back, refused at the hard cap.

  /** Writes a signal after its trace, if it belongs to one. */
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

  #call(from: Pid, kind: string, to: number | string, call: Call): void {
    const { request, replyTo } = call;
    // One level is that of the call.
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

  /** Writes the monitor that waits. */
  #putMonitor(): void {
    const text = this.#monitor;
    this.#monitor = "";
    this.#append(text);
  }

  /** Adds a message to the open signal, if that is of its kind and pair, or opens one. */
  #message(kind: string, from: Pid, to: Pid, json: string): void {
    const { fresh } = this.#attachments;
    if (this.#isLarge(json, fresh) || this.#lanes.size > 0) {
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

  /** Most messages fit here: only otherwise the connection is asked. */
  #assertRoom(): void {
    if (this.pending >= this.#port.room) this.#port.assertRoom();
  }

  /** Only a sender with a lane waits for large signals: the messages of others pass them. */
  #pressure(from: Pid): Backpressure {
    const passed = this.#lanes.size === 0 || this.#lanes.has(from.number)
      ? 0
      : this.#laneBytes;
    return this.pending - passed < this.#port.room
      ? undefined
      : this.#port.pressure(passed);
  }

  /** The bytes of large signals, and of those that wait for them. */
  get passable(): number {
    return this.#laneBytes;
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

  // All others are never refused.

  reply(
    from: Pid,
    to: ReplyTarget,
    value: unknown,
    endsMonitor = false,
  ): void {
    const alias = plainAlias(to);
    if (alias === undefined) {
      return this.#replyTagged(from, to as ReplyTo, value);
    }
    if (this.#isGone(alias)) return;
    const json = this.#values.encode(value);
    const kind = endsMonitor ? "answer" : "reply";
    this.#putValue(from, kind, `${alias.number}`, json);
  }

  /** A reply with a tag is a message, which no wait takes. */
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

  /** The number and creation of a process of the peer's, which may be long gone. */
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
    const name = this.#values.tagged ? "exit_link*" : "exit_link";
    this.#put(
      from,
      `["${name}",${numberJson(from)},${
        decimal(from.creation, this.#self)
      },${to.number},${json}]`,
    );
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
    const name = this.#values.tagged ? "down*" : "down";
    this.#put(
      from,
      `["${name}",${numberJson(from)},${to.number},${ref.number},${json}]`,
    );
  }

  /** An exit reason's JSON; one too large is sent as its text, as it must arrive. */
  #reason(reason: unknown): string {
    try {
      const json = this.#values.encode(reason, this.#maxDepth - REASON_LEVELS);
      const size = json.length * 3 + this.#attachments.fresh;
      if (size <= this.#maxMessageBytes) return json;
    } catch {
      // Its JSON is longer than a string may be.
    }
    this.#attachments.drop();
    return this.#values.encode(inspect(reason, { limit: 10 }).slice(0, 1000));
  }

  spawnRequest(from: Pid, request: SpawnRequest): void {
    const { ref, ...rest } = request;
    const put = () => {
      // The arguments may have as many levels as a message, and are two below this.
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

  /** Introduces this node's peers; their addresses are only for a peer that expects them. */
  announce(peers: IntroducedNode[]): void {
    for (let i = 0; i < peers.length; i += MAX_PEERS) {
      const some = peers.slice(i, i + MAX_PEERS);
      const items: unknown[] = ["peers", some.map(({ name }) => name)];
      if (some.some(({ address }) => address !== undefined)) {
        items.push(some.map(({ address }) => address ?? null));
      }
      this.#append(JSON.stringify(items));
      // Together with others it could be longer than a frame may be.
      if (this.#isFull()) this.#cut();
    }
    this.#port.wake();
  }

  #putValue(from: Pid, name: string, to: string, json: string): void {
    const star = this.#values.tagged ? "*" : "";
    this.#put(from, `["${name}${star}",${from.number},${to},${json}]`);
  }

  /** Adds a signal: to the frame, or behind its sender's large one. */
  #put(from: Pid, text: string): void {
    const { fresh } = this.#attachments;
    const lane = this.#lanes.size === 0
      ? undefined
      : this.#lanes.get(from.number);
    if (
      this.#isLarge(text, fresh) || lane !== undefined && fresh > 0
    ) this.#putLarge(from.number, text);
    else if (lane !== undefined) {
      lane.push({ large: undefined, text });
      this.#laneBytes += text.length;
    } else {
      this.#attachments.keep();
      this.#append(text);
      if (this.#isFull()) this.#cut();
    }
    this.#port.wake();
  }

  /** Has a signal go in parts: its attachments, as they are not those of a frame, and its JSON. */
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
    const waiting = { large, text: signal };
    const lane = this.#lanes.get(sender);
    if (lane === undefined) this.#lanes.set(sender, [waiting]);
    else lane.push(waiting);
    this.#laneBytes += large.bytes;
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

  /** Writes the signals that are collected. */
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

  /** Writes the waiting signals, of large messages only that many bytes. */
  flush(room: number): void {
    this.#cut();
    this.#frames = 0;
    if (this.#lanes.size === 0) return;
    let left = room;
    while (left > 0 && this.#lanes.size > 0) {
      // The first to start ends first: the receiver then holds one message, not all.
      const [sender, lane] = this.#lanes.entries().next().value!;
      left -= this.#advance(sender, lane);
    }
    this.#cut();
  }

  #advance(sender: number, lane: Waiting[]): number {
    const { large, text } = lane[0];
    if (large === undefined) {
      this.#append(text);
      this.#laneBytes -= text.length;
      this.#endFirst(sender, lane);
      return text.length;
    }
    const frame = large.nextFrame();
    const bytes = frame.length - RAW_HEADER;
    this.#port.write(frame);
    this.#laneBytes -= bytes;
    if (large.isDone) {
      this.#append(text);
      // Before the parts of the next one: the receiver holds the parts of one message only.
      this.#cut();
      this.#endFirst(sender, lane);
    }
    return bytes;
  }

  #endFirst(sender: number, lane: Waiting[]): void {
    lane.shift();
    if (lane.length === 0) this.#lanes.delete(sender);
  }

  reuse(bytes: Uint8Array): void {
    giveFrameBuffer(bytes);
  }

  /** Shows that this node is alive. */
  tick(): void {
    this.#port.write(TICK);
  }
}
