/**
 * Decodes frames into signals.
 *
 * A frame begins with a distribution header, or with `PASS_THROUGH` from a peer without a cache of atoms. Without a header,
 * the control message and the message each begin with the version byte.
 *
 * A control message must come from a process of the peer, go to a process of this node, and have a kind that this node
 * has announced in its flags. Anything else closes the connection. If a term exceeds a limit, only its signal is refused
 * (`over_limit.ts`).
 */

import { arrive, isTrace } from "@otp/processes/context/tracing";
import type { Incoming, Local, Peer } from "@otp/node/wire";
import type { Signals, Target } from "@otp/processes/signals/signal";
import { Atom } from "@otp/processes/values/atom";
import { fromBeamName } from "@otp/processes/values/beam_names";
import { reasonFromBeam } from "../terms/beam_reasons.ts";
import { Pid, Ref } from "@otp/processes/values/pid";
import { aliasOf } from "@otp/processes/values/reply_to";
import {
  ForeignReply,
  RefusedReply,
} from "@otp/processes/values/server_message";
import { REASON_LEVELS } from "@otp/processes/values/term";
import { Tuple } from "@otp/processes/values/tuple";
import * as control from "./control.ts";
import { OverLimit, ProtocolError, Refusals } from "@otp/node/wires/over_limit";
import { bufferOf } from "@otp/node/wires/texts";
import { AtomCache } from "./atom_cache.ts";
import type { KnownAtom } from "./atoms.ts";
import { cutTerm } from "./cut_term.ts";
import { TermReader } from "./etf_decoder.ts";
import { ETF_VERSION } from "./etf_tags.ts";
import { FrameCutter } from "./beam_frames.ts";
import { Fragments } from "./fragments.ts";
import { refusalFromBeam } from "./beam_refusals.ts";
import { FORGED, messageOf, Reply } from "./received_message.ts";

/** The server of log events. An event that is too deep is cut and not refused, because people read it. */
const LOGGER = "logger_proxy";

/** The maximum nesting of the parts at the beginning of a refused message that say who awaits a reply. */
const HEAD_LEVELS = 8;

/** The ids of unlinks have 64 bits. */
const UNLINK_ID_END = 2n ** 64n;

/** Decodes the frames of one peer. */
export class ControlDecoder implements Incoming {
  /** Whether the control message has a trace token, and the trace in the token. */
  #hasToken = false;
  #trace: string | undefined;
  readonly #local: Local;
  readonly #peer: Peer;
  readonly #deliver: Signals;
  readonly #frames: FrameCutter;
  readonly #cache = new AtomCache();
  readonly #fragments: Fragments;
  readonly #ticked: () => void;
  readonly #reader: TermReader;
  /** Whether the terms of the frame begin with a version byte. */
  #hasVersions = false;
  readonly #maxDepth: number;
  /** The sender of messages without a sender. */
  readonly #nobody: Pid;
  /** The sender of answers that come from no process of this node. */
  readonly #self: Pid;
  readonly #refusals: Refusals;
  readonly #confirmed: (id: number) => void;
  /** Set while reading the beginning of a signal that is too long. */
  #tooLong: OverLimit | undefined;

  /** Decodes the bytes of a peer; calls `ticked` for each tick, and `confirmed` for acks to the pid of the number 0. */
  constructor(
    local: Local,
    peer: Peer,
    deliver: Signals,
    ticked: () => void,
    refusals: Refusals = new Refusals(local.name),
    confirmed: (id: number) => void = () => {},
  ) {
    const { limits, parts } = local;
    this.#local = local;
    this.#peer = peer;
    this.#deliver = deliver;
    this.#ticked = ticked;
    this.#refusals = refusals;
    this.#confirmed = confirmed;
    this.#maxDepth = limits.maxDepth;
    this.#nobody = new Pid(peer.name, 0, peer.creation);
    this.#self = new Pid(local.name, 0, local.creation);
    const { maxMessageBytes } = limits;
    this.#reader = new TermReader(maxMessageBytes);
    this.#frames = new FrameCutter(
      maxMessageBytes,
      parts,
      (bytes, start, end, tooLong) => this.#frame(bytes, start, end, tooLong),
    );
    this.#fragments = new Fragments(
      maxMessageBytes,
      parts,
      this.#cache,
      (bytes, start, end, atoms, tooLong, isOwn) => {
        this.#hasVersions = false;
        this.#signal(bytes, start, end, atoms, tooLong, isOwn);
        return this.#reader.hasGivenView;
      },
    );
  }

  receive(chunk: Uint8Array): void {
    // The reader needs a Buffer, and would make one for each frame.
    this.#frames.read(bufferOf(chunk));
  }

  close(): void {
    this.#frames.close();
    this.#fragments.close();
  }

  #frame(
    bytes: Uint8Array,
    start: number,
    end: number,
    tooLong?: OverLimit,
  ): void {
    if (start === end) return this.#ticked();
    const first = bytes[start];
    const second = end - start < 3 ? -1 : bytes[start + 1];
    this.#hasVersions = first === control.PASS_THROUGH;
    if (this.#hasVersions && second === ETF_VERSION) {
      return this.#signal(bytes, start + 2, end, undefined, tooLong);
    }
    if (first === ETF_VERSION) {
      switch (second) {
        case control.HEADER: {
          const at = this.#cache.read(bytes, start + 2, end);
          return this.#signal(bytes, at, end, this.#cache.atoms, tooLong);
        }
        case control.FIRST_FRAGMENT:
          return this.#fragments.begin(bytes, start + 2, end, tooLong);
        case control.NEXT_FRAGMENT:
          return this.#fragments.continue(bytes, start + 2, end, tooLong);
      }
    }
    throw new ProtocolError("a frame without a control message");
  }

  /** Reads a signal; with `tooLong`, only its beginning is there. */
  #signal(
    bytes: Uint8Array,
    start: number,
    end: number,
    atoms: readonly KnownAtom[] | undefined,
    tooLong: OverLimit | undefined,
    isOwn = false,
  ): void {
    this.#tooLong = tooLong;
    const reader = this.#reader.open(bytes, start, end, atoms, isOwn);
    const items = reader.tuple();
    this.#control(reader, items, items === 0 ? -1 : reader.integer());
  }

  /** Reads a control message, and its trace token if its kind has one. */
  #control(reader: TermReader, items: number, given: number | bigint): void {
    const form = typeof given === "number" ? control.KINDS[given] : undefined;
    if (form === undefined) {
      throw new ProtocolError(`a control message of unknown kind ${given}`);
    }
    const kind = form.code;
    const deliver = this.#deliver;
    this.#hasToken = kind !== given;
    this.#trace = undefined;
    if (kind === control.DOP_ALTACT_SIG_SEND) {
      return this.#altact(reader, form, items);
    }
    checkCount(form, items, this.#hasToken);
    switch (kind) {
      case control.DOP_SEND_SENDER: {
        const from = this.#from(reader.pid());
        return this.#deliverTo(this.#to(reader.pid()), reader, from);
      }
      case control.DOP_SEND:
        reader.term();
        return this.#deliverTo(this.#to(reader.pid()), reader, this.#nobody);
      case control.DOP_REG_SEND: {
        const from = this.#from(reader.pid());
        reader.term();
        const name = fromBeamName(reader.atom().name);
        return this.#deliverTo(name, reader, from);
      }
      case control.DOP_ALIAS_SEND: {
        const from = this.#from(reader.pid());
        return this.#deliverTo(this.#ownRef(reader.ref()), reader, from);
      }
      case control.DOP_LINK: {
        const from = this.#from(reader.pid());
        const to = this.#to(reader.pid());
        reader.finish();
        deliver.link(from, to);
        return;
      }
      case control.DOP_UNLINK_ID:
      case control.DOP_UNLINK_ID_ACK: {
        const id = checkUnlinkId(reader.integer());
        const from = this.#from(reader.pid());
        const to = this.#to(reader.pid());
        reader.finish();
        if (kind === control.DOP_UNLINK_ID) deliver.unlink(from, to, id);
        else if (to.number === 0) this.#confirmed(Number(id));
        else deliver.unlinkAck(from, to, id);
        return;
      }
      case control.DOP_EXIT:
      case control.DOP_PAYLOAD_EXIT: {
        // The peer may answer for a process of an earlier incarnation of itself.
        const from = this.#peerPid(reader.pid());
        const to = this.#to(reader.pid());
        const reason = this.#reason(reader, kind === control.DOP_PAYLOAD_EXIT);
        deliver.exitLink(from, to, reason);
        return;
      }
      case control.DOP_EXIT2:
      case control.DOP_PAYLOAD_EXIT2: {
        const from = this.#from(reader.pid());
        const to = this.#to(reader.pid());
        const reason = this.#reason(reader, kind === control.DOP_PAYLOAD_EXIT2);
        deliver.exit(from, to, reason);
        return;
      }
      case control.DOP_GROUP_LEADER: {
        const leader = reader.pid();
        const to = this.#to(reader.pid());
        reader.finish();
        deliver.groupLeader(this.#nobody, to, leader);
        return;
      }
      case control.DOP_MONITOR:
      case control.DOP_DEMONITOR: {
        const from = this.#from(reader.pid());
        const target = this.#target(reader.term());
        const ref = this.#peerRef(reader.ref());
        reader.finish();
        if (kind === control.DOP_MONITOR) deliver.monitor(from, target, ref);
        else deliver.demonitor(from, ref, target);
        return;
      }
      case control.DOP_DOWN:
      case control.DOP_PAYLOAD_DOWN: {
        const from = this.#monitored(reader.term());
        const to = this.#to(reader.pid());
        const ref = this.#ownRef(reader.ref());
        const reason = this.#reason(reader, kind === control.DOP_PAYLOAD_DOWN);
        deliver.down(from, to, ref, reason);
        return;
      }
      case control.DOP_SPAWN_REQUEST:
        return this.#spawnRequest(reader);
      case control.DOP_SPAWN_REPLY:
        return this.#spawnReply(reader);
    }
  }

  /** Reads a signal whose flags say what it is. */
  #altact(reader: TermReader, form: control.Kind, items: number): void {
    const flags = Number(reader.integer());
    const deliver = this.#deliver;
    this.#hasToken = (flags & control.ALTACT_TOKEN) !== 0;
    checkCount(form, items, this.#hasToken);
    const from = this.#from(reader.pid());
    const isExit = (flags & control.ALTACT_EXIT) !== 0;
    if ((flags & control.ALTACT_ALIAS) !== 0) {
      const alias = this.#ownRef(reader.ref());
      // No process here has an alias that takes exit signals.
      if (isExit) return void this.#reason(reader, true);
      this.#deliverTo(alias, reader, from);
    } else if ((flags & control.ALTACT_NAME) !== 0) {
      const name = fromBeamName(reader.atom().name);
      if (isExit) throw new ProtocolError("an exit signal to a name");
      this.#deliverTo(name, reader, from);
    } else {
      const to = this.#to(reader.pid());
      if (isExit) return deliver.exit(from, to, this.#reason(reader, true));
      this.#deliverTo(to, reader, from);
    }
  }

  // The parts of a control message.

  /** Reads a `seq_trace` token, whose label is the trace if this library or a program has set it. */
  #readToken(reader: TermReader): void {
    const token = reader.term();
    if (!(token instanceof Tuple) || token.length !== 5) {
      throw new ProtocolError("an invalid trace token");
    }
    const label = token.elements[1];
    if (isTrace(label)) this.#trace = label;
  }

  /** Reads the version byte before a term, if the frame has such bytes. */
  #version(reader: TermReader): void {
    if (this.#hasVersions) reader.version();
  }

  /** Reads the term after the control message. */
  #payload(reader: TermReader, maxDepth: number): unknown {
    if (this.#tooLong !== undefined) throw this.#tooLong;
    this.#version(reader);
    const term = reader.term(maxDepth);
    reader.finish();
    return term;
  }

  /** Reads the message of a frame, and delivers it. */
  #deliverTo(to: Pid | Ref | string, reader: TermReader, from: Pid): void {
    const message = to instanceof Ref
      ? this.#message(reader, from, undefined, to)
      : this.#message(reader, from, to);
    if (message === FORGED) return;
    const trace = this.#trace;
    if (trace === undefined) deliver(this.#deliver, from, to, message);
    else deliverIn(trace, this.#deliver, from, to, message);
  }

  /** Reads the message of a frame. Delivers a reply at once and returns `FORGED`. */
  #message(
    reader: TermReader,
    from: Pid,
    to: Pid | string | undefined,
    alias?: Ref,
  ): unknown {
    let start: number | undefined;
    let term: unknown;
    try {
      if (this.#hasToken) this.#readToken(reader);
      start = reader.at;
      term = this.#payload(reader, this.#maxDepth);
    } catch (error) {
      if (!(error instanceof OverLimit)) throw error;
      if (start !== undefined) reader.rewind(start);
      if (to === LOGGER && this.#tooLong === undefined) {
        term = this.#cut(reader);
      }
      if (term === undefined) {
        return this.#refuse(reader, error, from, to, alias);
      }
    }
    if (typeof term !== "object" || term === null) return term;
    const message = messageOf(
      term,
      alias,
      this.#isPeers,
      this.#isOwn,
      this.#peer.name,
    );
    if (!(message instanceof Reply)) return message;
    this.#deliver.reply(from, message.to, new ForeignReply(message.term));
    return FORGED;
  }

  /** Reads a log event that is too deep; `undefined` if it has a term that is not known. */
  #cut(reader: TermReader): unknown {
    try {
      this.#version(reader);
      return cutTerm(reader, this.#maxDepth);
    } catch (error) {
      if (!(error instanceof OverLimit)) throw error;
      return undefined;
    }
  }

  /**
   * Refuses a message that exceeds a limit. If a call waits for an answer, it fails at once: a request's caller gets a
   * DOWN from its monitor, and a reply fails the call of this node that awaits it.
   */
  #refuse(
    reader: TermReader,
    error: OverLimit,
    from: Pid,
    to: Pid | string | undefined,
    alias: Ref | undefined,
  ): typeof FORGED {
    const head = to === LOGGER ? LOG_EVENT : this.#headOf(reader, alias);
    const reason = this.#refusals.note(head.what, error);
    if (head.reply !== undefined) {
      this.#deliver.reply(from, head.reply, new RefusedReply(reason));
    } else if (head.caller !== undefined && to !== undefined) {
      const [caller, ref] = head.caller;
      this.#deliver.demonitor(caller, ref, to);
      const [pid, name] = typeof to === "string"
        ? [this.#self, to]
        : [to, undefined];
      this.#refusals.answer((back) =>
        back.down(pid, caller, ref, reason, name)
      );
    }
    return FORGED;
  }

  /** Reads the beginning of a refused message to learn what it is, as far as possible. */
  #headOf(reader: TermReader, alias: Ref | undefined): Head {
    try {
      this.#version(reader);
      const items = reader.tuple();
      const first = reader.term(HEAD_LEVELS);
      if (items === 2) {
        const reply = first instanceof Ref ? first : aliasOf(first);
        const isReply = reply !== undefined && this.#isOwn(reply) &&
          (reply !== first || alias?.equals(reply));
        return isReply ? { what: "a reply", reply } : MESSAGE;
      }
      if (!(first instanceof Atom)) return MESSAGE;
      switch (`${first.name}/${items}`) {
        case "$gen_call/3":
        case "system/3": {
          const from = reader.term(HEAD_LEVELS);
          const [pid, tag] = from instanceof Tuple ? from.elements : [];
          const ref = tag instanceof Ref ? tag : aliasOf(tag);
          return this.#request(pid, ref);
        }
        case "io_request/4":
          return this.#request(
            reader.term(HEAD_LEVELS),
            reader.term(HEAD_LEVELS),
          );
      }
    } catch (error) {
      // The beginning is too large, or the frame is cut there.
      if (!(error instanceof ProtocolError)) throw error;
    }
    return MESSAGE;
  }

  #request(pid: unknown, ref: unknown): Head {
    return pid instanceof Pid && ref instanceof Ref && this.#isPeers(pid) &&
        this.#isPeers(ref)
      ? { what: "a request", caller: [pid, ref] }
      : MESSAGE;
  }

  #reason(reader: TermReader, isPayload: boolean): unknown {
    try {
      if (this.#hasToken) this.#readToken(reader);
      const depth = this.#maxDepth - REASON_LEVELS;
      if (isPayload) return reasonFromBeam(this.#payload(reader, depth));
      if (this.#tooLong !== undefined) throw this.#tooLong;
      const term = reader.term(depth);
      reader.finish();
      return reasonFromBeam(term);
    } catch (error) {
      if (!(error instanceof OverLimit)) throw error;
      return this.#refusals.note("an exit reason", error);
    }
  }

  readonly #isPeers = ({ node, creation }: Pid | Ref): boolean =>
    node === this.#peer.name &&
    creation === this.#peer.creation;

  readonly #isOwn = ({ node, creation }: Ref): boolean =>
    node === this.#local.name &&
    creation === this.#local.creation;

  #from(pid: Pid): Pid {
    if (this.#isPeers(pid)) return pid;
    throw new ProtocolError(`a signal in the name of ${nameOf(pid)}`);
  }

  #peerPid(pid: Pid): Pid {
    if (pid.node === this.#peer.name) return pid;
    throw new ProtocolError(`a signal in the name of ${nameOf(pid)}`);
  }

  /** Checks that a pid is this node's, of any incarnation. */
  #to(pid: Pid): Pid {
    if (pid.node === this.#local.name) return pid;
    throw new ProtocolError(`a signal for ${nameOf(pid)}`);
  }

  #ownRef(ref: Ref): Ref {
    if (ref.node === this.#local.name) return ref;
    throw new ProtocolError(`a signal to ${nameOf(ref)}`);
  }

  #peerRef(ref: Ref): Ref {
    if (this.#isPeers(ref)) return ref;
    throw new ProtocolError(`a signal under ${nameOf(ref)}`);
  }

  #target(target: unknown): Target {
    if (target instanceof Atom) return fromBeamName(target.name);
    if (target instanceof Pid) return this.#to(target);
    throw new ProtocolError("a monitor of neither a process nor a name");
  }

  /** Returns the process that is down; for a name, a placeholder of the peer. */
  #monitored(target: unknown): Pid {
    if (target instanceof Atom) return this.#nobody;
    if (target instanceof Pid) return this.#peerPid(target);
    throw new ProtocolError("a DOWN of neither a process nor a name");
  }

  #spawnRequest(reader: TermReader): void {
    const ref = this.#peerRef(reader.ref());
    const from = this.#from(reader.pid());
    const groupLeader = reader.pid();
    let mfa: unknown;
    let options: unknown;
    let args: unknown;
    try {
      mfa = reader.term();
      options = reader.term();
      if (this.#hasToken) this.#readToken(reader);
      args = this.#payload(reader, this.#maxDepth + 1);
    } catch (error) {
      if (!(error instanceof OverLimit)) throw error;
      const { text } = this.#refusals.note("a request to spawn", error);
      const result = { error: "limit", message: text } as const;
      return this.#refusals.answer((back) =>
        back.spawnReply(this.#self, from, ref, result)
      );
    }
    const trace = this.#trace;
    if (!(mfa instanceof Tuple) || mfa.length !== 3 || !Array.isArray(args)) {
      throw new ProtocolError("a spawn request without a function");
    }
    const [module, name] = mfa.elements;
    if (
      !(module instanceof Atom) || !(name instanceof Atom) ||
      !Array.isArray(options) || mfa.elements[2] !== args.length
    ) throw new ProtocolError("an invalid spawn request");
    const request = {
      ref,
      run: this.#local.functions!.requested([module.name, name.name, args]),
      link: hasOption(options, "link"),
      monitor: hasOption(options, "monitor"),
      groupLeader,
    };
    arrive(trace, () => this.#deliver.spawnRequest(from, request));
  }

  #spawnReply(reader: TermReader): void {
    const ref = this.#ownRef(reader.ref());
    const to = this.#to(reader.pid());
    const flags = Number(reader.integer());
    const result = reader.term();
    if (this.#hasToken) this.#readToken(reader);
    reader.finish();
    if (result instanceof Pid) {
      const pid = this.#from(result);
      this.#deliver.spawnReply(pid, to, ref, {
        pid,
        link: (flags & control.SPAWN_LINK) !== 0,
        monitor: (flags & control.SPAWN_MONITOR) !== 0,
      });
    } else if (result instanceof Atom) {
      this.#deliver.spawnReply(
        this.#nobody,
        to,
        ref,
        refusalFromBeam(result.name),
      );
    } else throw new ProtocolError("an invalid reply to a spawn request");
  }
}

/** The known facts about a message whose term exceeds a limit. */
interface Head {
  /** The kind of the message, for the log. */
  readonly what: string;
  /** The reference of this node that awaits the message, if it is a reply. */
  readonly reply?: Ref;
  /** The caller and its monitor, if the message is a request. */
  readonly caller?: readonly [Pid, Ref];
}

const MESSAGE: Head = { what: "a message" };
const LOG_EVENT: Head = { what: "a log event" };

function deliver(
  signals: Signals,
  from: Pid,
  to: Pid | Ref | string,
  message: unknown,
): void {
  if (typeof to === "string") signals.sendName(from, to, message);
  else if (to instanceof Pid) signals.send(from, to, message);
  else signals.sendAlias(from, to, message);
}

/** A function of its own, because a function that creates a closure pays for all variables that it could capture. */
function deliverIn(
  trace: string,
  signals: Signals,
  from: Pid,
  to: Pid | Ref | string,
  message: unknown,
): void {
  arrive(trace, () => deliver(signals, from, to, message));
}

function hasOption(options: unknown[], name: string): boolean {
  return options.some((each) => {
    const key = each instanceof Tuple ? each.elements[0] : each;
    return key instanceof Atom && key.name === name;
  });
}

function checkCount(
  { code, items }: control.Kind,
  given: number,
  hasToken: boolean,
): void {
  if (given === items + (hasToken ? 1 : 0)) return;
  throw new ProtocolError(
    `a control message of kind ${code} with ${given} items`,
  );
}

function checkUnlinkId(id: number | bigint): number | bigint {
  if (id > 0 && id < UNLINK_ID_END) return id;
  throw new ProtocolError(`an unlink with the id ${id}`);
}

function nameOf({ node, creation }: Pid | Ref): string {
  return `${node} of creation ${creation}`;
}
