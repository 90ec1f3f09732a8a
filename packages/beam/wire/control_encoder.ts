/**
 * Encodes signals into frames.
 *
 * Each signal is a frame, which is encoded when the signal is sent. The first frame in a turn of the event loop wakes
 * the port, which calls `flush` at the end of the turn. `FULL` bytes, or `EARLY` for the first writes, are passed on
 * before that, so that both ends work at once.
 *
 * **Large signals** leave in fragments (`lanes.ts`) if the peer takes fragments, while signals of other senders pass.
 *
 * **The queue.** `pending` counts the bytes that wait here. The connection adds its own bytes and the transport's. Below
 * `Port.room` a message is accepted without asking the connection.
 */

import { traceNow, tracing } from "@otp/processes/context/tracing";
import type { Functions, Local, Outgoing, Peer, Port } from "@otp/node/wire";
import type { PeerAddress } from "@otp/processes/remote/peer_address";
import type {
  Backpressure,
  SpawnRequest,
  SpawnResult,
  Target,
} from "@otp/processes/signals/signal";
import { encodedReply, messageToOtp } from "../servers/server_messages.ts";
import { reasonToBeam } from "../terms/beam_reasons.ts";
import { toBeamName } from "@otp/processes/values/beam_names";
import { inspect } from "@otp/processes/values/inspect";
import { type Pid, Ref } from "@otp/processes/values/pid";
import {
  plainAlias,
  type ReplyTarget,
  type ReplyTo,
  taggedReply,
} from "@otp/processes/values/reply_to";
import {
  ForeignReply,
  ServerMessage,
} from "@otp/processes/values/server_message";
import { REASON_LEVELS } from "@otp/processes/values/term";
import * as control from "./control.ts";
import { TermWriter } from "./etf_encoder.ts";
import { ETF_VERSION } from "./etf_tags.ts";
import {
  ALIAS,
  ALTACT_SIG,
  BIG_SEQTRACE_LABELS,
  DIST_HDR_ATOM_CACHE,
  FRAGMENTS,
  SEND_SENDER,
} from "./distribution_flags.ts";
import { EMPTY_FRAME } from "./beam_frames.ts";
import { FragmentedSignal } from "./fragmented_signal.ts";
import type { IoResult } from "@otp/node/io/leader_operations";
import { giveFrameBuffer } from "@otp/node/wires/frame_buffers";
import { Lanes, LARGE } from "@otp/node/wires/lanes";
import { resultToOtp } from "../servers/leader_otp.ts";
import { refusalToBeam } from "./beam_refusals.ts";

/** The number of bytes to collect before passing them on, so that the peer works while this turn goes on. */
const FULL = 1 << 14;

/** The same for the first `EARLY_WRITES` writes of a turn. */
const EARLY = 2000;
const EARLY_WRITES = 3;

/** The bytes before the control message: the length of the frame, and a distribution header without its atoms. */
const HEAD_BYTES = 6;

/** Encodes signals for one peer. */
export class ControlEncoder implements Outgoing {
  readonly #peer: Peer;
  readonly #port: Port;
  readonly #functions: Functions;
  readonly #maxMessageBytes: number;
  readonly #maxDepth: number;
  readonly #writer: TermWriter;
  /** The beginning of the frame that is being written. */
  #start = 0;
  /** Whether a frame is being written. */
  #isOpen = false;
  /** Whether this node has written since the last tick of the peer. */
  #hasWritten = false;
  /** The number of writes in this turn. */
  #writes = 0;

  /** Whether the peer takes traces. */
  readonly #takesTraces: boolean;
  /** Whether messages to pids name their sender; C programs that use `ei` do not support it. */
  readonly #sendsSender: boolean;
  readonly #sendsAlias: boolean;
  /** Whether frames begin with a distribution header, which has no atoms here. */
  readonly #hasHeader: boolean;
  readonly #sendsFragments: boolean;
  readonly #lanes = new Lanes();
  /** The id of the last sequence of fragments. */
  #sequence = 0;
  /** The serial number of the last trace token. */
  #serial = 0;

  /** Encodes signals for `peer`, which has the given flags, and writes them to `port`. */
  constructor(
    { limits, functions }: Local,
    peer: Peer,
    port: Port,
    flags: bigint = SEND_SENDER,
  ) {
    this.#hasHeader = (flags & DIST_HDR_ATOM_CACHE) !== 0n;
    this.#sendsFragments = this.#hasHeader && (flags & FRAGMENTS) !== 0n;
    this.#takesTraces = (flags & BIG_SEQTRACE_LABELS) !== 0n;
    this.#sendsSender = (flags & SEND_SENDER) !== 0n;
    // OTP 28 and 29 know both kinds.
    this.#sendsAlias = (flags & ALIAS) !== 0n || (flags & ALTACT_SIG) === 0n;
    this.#peer = peer;
    this.#port = port;
    this.#functions = functions!;
    this.#maxDepth = limits.maxDepth;
    this.#maxMessageBytes = limits.maxMessageBytes;
    this.#writer = new TermWriter(
      limits.maxMessageBytes,
      this.#sendsFragments,
    );
  }

  /** The number of waiting bytes. */
  get pending(): number {
    return this.#writer.length + this.#lanes.bytes;
  }

  /** The number of bytes in lanes. */
  get passable(): number {
    return this.#lanes.bytes;
  }

  // Frames.

  /** Begins a frame with a control message. */
  #begin(kind: number, hasToken = false): TermWriter {
    const { items, withToken } = control.KINDS[kind]!;
    const writer = this.#writer;
    this.#dropUnfinished();
    this.#isOpen = true;
    this.#start = writer.length;
    writer.u32(0);
    if (this.#hasHeader) {
      writer.u8(ETF_VERSION);
      writer.u8(control.HEADER);
      writer.u8(0);
    } else {
      writer.u8(control.PASS_THROUGH);
      writer.u8(ETF_VERSION);
    }
    writer.tuple(hasToken ? items + 1 : items);
    writer.integer(hasToken ? withToken : kind);
    return writer;
  }

  /** Begins the message of a frame. */
  #message(): TermWriter {
    if (!this.#hasHeader) this.#writer.u8(ETF_VERSION);
    return this.#writer;
  }

  /** The number of bytes of the open frame after its length. */
  get #size(): number {
    const { length, binaryBytes } = this.#writer;
    return length - this.#start - 4 + binaryBytes;
  }

  #end(from: Pid): void {
    const writer = this.#writer;
    const size = this.#size;
    if (size > this.#maxMessageBytes) {
      this.#dropUnfinished();
      throw new RangeError(
        `Cannot send a message of ${size} bytes to ${this.#peer.name}: ${this.#maxMessageBytes} is the most; send it in pieces, or raise limits.maxMessageBytes`,
      );
    }
    this.#isOpen = false;
    if (size > LARGE && this.#sendsFragments) this.#addLarge(from);
    else {
      writer.setU32(this.#start, size);
      if (this.#lanes.has(from.number)) this.#addSmall(from);
    }
    if (writer.length >= (this.#writes < EARLY_WRITES ? EARLY : FULL)) {
      this.#cut();
    }
    this.#port.wake();
  }

  /** Moves the last frame to its sender's lane, to leave in fragments. */
  #addLarge(from: Pid): void {
    const writer = this.#writer;
    const start = this.#start + HEAD_BYTES;
    const binaries = writer.takeBinaries()
      .map(({ at, bytes }) => ({ at: at - start, bytes }));
    // Earlier signals leave before the binaries are copied. The frame keeps its buffer: a copy would take long too.
    this.#pass(this.#start);
    const bytes = writer.take().subarray(HEAD_BYTES);
    const large = new FragmentedSignal(++this.#sequence, bytes, binaries);
    this.#lanes.add(from.number, large.left, () => {
      const { left } = large;
      this.#cut();
      this.#port.write(large.nextFrame());
      return left - large.left;
    });
  }

  /** Moves the last frame to its sender's lane. */
  #addSmall(from: Pid): void {
    const bytes = this.#writer.slice(this.#start);
    this.#writer.truncate(this.#start);
    this.#lanes.add(from.number, bytes.length, () => {
      this.#writer.raw(bytes);
      return bytes.length;
    });
  }

  /** Drops a frame that was not ended because a part of it could not be written. */
  #dropUnfinished(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#writer.truncate(this.#start);
  }

  #cut(): void {
    this.#dropUnfinished();
    this.#pass(this.#writer.length);
  }

  /** Passes the first bytes on. */
  #pass(length: number): void {
    if (length === 0) return;
    this.#writes++;
    this.#hasWritten = true;
    this.#port.write(this.#writer.take(length));
  }

  flush(room: number): void {
    this.#cut();
    if (!this.#lanes.isEmpty) {
      this.#hasWritten = true;
      this.#lanes.write(room);
      this.#cut();
    }
    this.#writes = 0;
  }

  reuse(bytes: Uint8Array): void {
    giveFrameBuffer(bytes);
  }

  tick(): void {
    this.#hasWritten = true;
    this.#port.write(EMPTY_FRAME);
  }

  /**
   * Answers a tick of the peer, as `erl_interface` does, if nothing was written since the previous tick: the peer's
   * tick time may be shorter than this node's. An answer counts as written, so two nodes that answer ticks do not keep
   * each other busy.
   */
  ticked(): void {
    if (!this.#hasWritten && this.#port.room > 0) this.tick();
    else this.#hasWritten = false;
  }

  /** Does nothing: a BEAM learns of other nodes by its own protocol. */
  announce(_peers: PeerAddress[]): void {}

  // Messages: the only signals that a full queue refuses.

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

  isFull(from: Pid): boolean {
    return this.#pressure(from) !== undefined;
  }

  #isGone(of: Pid | Ref): boolean {
    return of.creation !== this.#peer.creation;
  }

  #traceNow(): string | undefined {
    return tracing !== undefined && this.#takesTraces ? traceNow() : undefined;
  }

  /**
   * Writes a trace as the label of a `seq_trace` token. A process on the BEAM that receives the message passes the token
   * on with everything it sends, above all the reply. The flags are 0: the BEAM itself traces nothing.
   */
  #token(trace: string, from: Pid): void {
    const writer = this.#writer;
    this.#serial = (this.#serial + 1) & 0x7ffffff;
    writer.tuple(5);
    writer.integer(0);
    writer.binary(trace);
    writer.integer(this.#serial);
    writer.pid(from);
    writer.integer(0);
  }

  send(from: Pid, to: Pid, message: unknown): Backpressure {
    if (this.#isGone(to)) return undefined;
    this.#assertRoom();
    const trace = this.#traceNow();
    const writer = trace !== undefined
      ? this.#begin(control.DOP_SEND_SENDER, true)
      : this.#beginSend(from);
    if (trace !== undefined) writer.pid(from);
    writer.pid(to);
    if (trace !== undefined) this.#token(trace, from);
    this.#value(message, from);
    return this.#pressure(from);
  }

  /** Begins a message to a pid, up to and with its sender. */
  #beginSend(from: Pid): TermWriter {
    if (this.#sendsSender) {
      const writer = this.#begin(control.DOP_SEND_SENDER);
      writer.pid(from);
      return writer;
    }
    const writer = this.#begin(control.DOP_SEND);
    writer.atom("");
    return writer;
  }

  sendName(from: Pid, name: string, message: unknown): Backpressure {
    this.#assertRoom();
    const trace = this.#traceNow();
    const writer = this.#begin(control.DOP_REG_SEND, trace !== undefined);
    writer.pid(from);
    writer.atom("");
    writer.atom(toBeamName(name));
    if (trace !== undefined) this.#token(trace, from);
    this.#value(message, from);
    return this.#pressure(from);
  }

  #beginAlias(from: Pid, alias: Ref, hasToken: boolean): TermWriter {
    const writer = this.#begin(
      this.#sendsAlias ? control.DOP_ALIAS_SEND : control.DOP_ALTACT_SIG_SEND,
      hasToken,
    );
    if (!this.#sendsAlias) {
      writer.term(control.ALTACT_ALIAS | (hasToken ? control.ALTACT_TOKEN : 0));
    }
    writer.pid(from);
    writer.ref(alias);
    return writer;
  }

  sendAlias(from: Pid, alias: Ref, message: unknown): Backpressure {
    if (this.#isGone(alias)) return undefined;
    this.#assertRoom();
    const trace = this.#traceNow();
    this.#beginAlias(from, alias, trace !== undefined);
    if (trace !== undefined) this.#token(trace, from);
    this.#value(message, from);
    return this.#pressure(from);
  }

  /** Writes a message; a server's message in OTP's encoding. */
  #value(message: unknown, from: Pid): void {
    this.#message().term(
      message instanceof ServerMessage
        ? messageToOtp(message, this.#functions, from)
        : message,
      this.#maxDepth,
    );
    this.#end(from);
  }

  // All other signals are never refused.

  /**
   * Writes a reply. A reply to a call has OTP's encoding, with the call's tag; a reply to a plain alias is
   * `{Alias, Value}`, like a task's result.
   */
  reply(from: Pid, to: ReplyTarget, value: unknown): void {
    if (this.#isGone(to instanceof Ref ? to : to.pid)) return;
    const term = replyTerm(to, value);
    const alias = to instanceof Ref ? to : to.alias;
    if (alias === undefined) this.#beginSend(from).pid((to as ReplyTo).pid);
    else this.#beginAlias(from, alias, false);
    const message = this.#message();
    if (plainAlias(to) !== undefined) {
      message.tuple(2);
      if (to instanceof Ref) message.ref(to);
      else message.aliasTag(to.alias!);
      message.term(term, this.#maxDepth);
    } else message.term(taggedReply(to as ReplyTo, term), this.#maxDepth + 1);
    this.#end(from);
  }

  #pair(kind: number, from: Pid, to: Pid): TermWriter {
    const writer = this.#begin(kind);
    writer.pid(from);
    writer.pid(to);
    return writer;
  }

  link(from: Pid, to: Pid): void {
    this.#pair(control.DOP_LINK, from, to);
    this.#end(from);
  }

  unlink(from: Pid, to: Pid, id: number | bigint): void {
    this.#unlink(control.DOP_UNLINK_ID, from, to, id);
  }

  unlinkAck(from: Pid, to: Pid, id: number | bigint): void {
    this.#unlink(control.DOP_UNLINK_ID_ACK, from, to, id);
  }

  #unlink(kind: number, from: Pid, to: Pid, id: number | bigint): void {
    const writer = this.#begin(kind);
    writer.integer(id);
    writer.pid(from);
    writer.pid(to);
    this.#end(from);
  }

  exit(from: Pid, to: Pid, reason: unknown): void {
    if (this.#isGone(to)) return;
    this.#pair(control.DOP_PAYLOAD_EXIT2, from, to);
    this.#writeReason(reason);
    this.#end(from);
  }

  exitLink(from: Pid, to: Pid, reason: unknown): void {
    if (this.#isGone(to)) return;
    this.#pair(control.DOP_PAYLOAD_EXIT, from, to);
    this.#reason(from, reason);
  }

  #writeReason(reason: unknown): void {
    const writer = this.#message();
    writer.term(reasonToBeam(reason), this.#maxDepth - REASON_LEVELS);
  }

  /** Writes an exit reason; a reason that is too large becomes a text, since the signal must arrive. */
  #reason(from: Pid, reason: unknown): void {
    const { length } = this.#writer;
    try {
      this.#writeReason(reason);
      if (this.#size <= this.#maxMessageBytes) return this.#end(from);
    } catch {
      // The reason has no encoding on a BEAM.
    }
    this.#writer.truncate(length);
    this.#message().term(inspect(reason, { limit: 10 }).slice(0, 1000));
    this.#end(from);
  }

  monitor(from: Pid, target: Target, ref: Ref): void {
    this.#monitor(control.DOP_MONITOR, from, target, ref);
  }

  demonitor(from: Pid, ref: Ref, target?: Target): void {
    if (target !== undefined) {
      this.#monitor(control.DOP_DEMONITOR, from, target, ref);
    }
  }

  #monitor(kind: number, from: Pid, target: Target, ref: Ref): void {
    const writer = this.#begin(kind);
    writer.pid(from);
    if (typeof target === "string") writer.atom(toBeamName(target));
    else writer.pid(target);
    writer.ref(ref);
    this.#end(from);
  }

  down(from: Pid, to: Pid, ref: Ref, reason: unknown, name?: string): void {
    if (this.#isGone(to)) return;
    const writer = this.#begin(control.DOP_PAYLOAD_DOWN);
    if (name === undefined) writer.pid(from);
    else writer.atom(toBeamName(name));
    writer.pid(to);
    writer.ref(ref);
    this.#reason(from, reason);
  }

  spawnRequest(from: Pid, request: SpawnRequest): void {
    const { ref, run, link, monitor, groupLeader } = request;
    const [module, name, args] = this.#functions.called(run);
    const trace = this.#traceNow();
    const writer = this.#begin(control.DOP_SPAWN_REQUEST, trace !== undefined);
    writer.ref(ref);
    writer.pid(from);
    writer.pid(groupLeader);
    writer.tuple(3);
    writer.atom(module);
    writer.atom(name);
    writer.integer(args.length);
    const options = [];
    if (link) options.push("link");
    if (monitor) options.push("monitor");
    writer.list(options.length);
    for (const each of options) writer.atom(each);
    if (options.length > 0) writer.list(0);
    if (trace !== undefined) this.#token(trace, from);
    // The arguments may have as many levels as a message, and begin one level below this list.
    this.#message().term(args, this.#maxDepth + 1);
    this.#end(from);
  }

  spawnReply(from: Pid, to: Pid, ref: Ref, result: SpawnResult): void {
    if (this.#isGone(to)) return;
    const writer = this.#begin(control.DOP_SPAWN_REPLY);
    writer.ref(ref);
    writer.pid(to);
    if ("pid" in result) {
      writer.integer(
        (result.link ? control.SPAWN_LINK : 0) |
          (result.monitor ? control.SPAWN_MONITOR : 0),
      );
      writer.pid(from);
    } else {
      writer.integer(0);
      writer.atom(refusalToBeam(result.error));
    }
    this.#end(from);
  }

  groupLeader(from: Pid, to: Pid, leader: Pid): void {
    if (this.#isGone(to)) return;
    this.#pair(control.DOP_GROUP_LEADER, leader, to);
    this.#end(from);
  }
}

/** Returns the term of a reply, in the encoding that its caller expects. */
function replyTerm(to: ReplyTarget, value: unknown): unknown {
  if (value instanceof ForeignReply) return value.term;
  const isResult = !(to instanceof Ref) && to.form === "io";
  return isResult ? resultToOtp(value as IoResult) : encodedReply(to, value);
}
