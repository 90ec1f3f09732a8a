/**
 * Frames to signals.
 *
 * @module
 */

import type { ByteBudget, Limits, Port } from "../../distribution/wire.ts";
import {
  isForgedRequest,
  isReserved,
  receivedMessage,
} from "../../protocol/messages.ts";
import { Pid, Ref } from "../../runtime/pid.ts";
import type {
  MonitoredObject,
  Runnable,
  Signals,
  SpawnFailure,
  Target,
} from "../../runtime/signal.ts";
import { type FrameHandler, FrameReader, parseJson } from "./frames.ts";
import { RawArrays } from "./raw_arrays.ts";
import {
  checkArray,
  checkNatural,
  checkText,
  type End,
  MAX_PEERS,
  MAX_REFUSAL,
  ProtocolError,
  ValueDecoder,
} from "./values.ts";

/** The levels of JSON around a value in a frame: the frame's array, and the signal's. */
const OUTER_DEPTH = 2;

/** Stands for a message that is not delivered. */
const DROPPED = Symbol("dropped");

/** The longest name, in characters, of a process or node. */
const MAX_NAME = 255;

/** The parts of a peer that is alone. */
const UNSHARED: ByteBudget = { max: Infinity, used: 0, add: () => {} };

/** Reads what one peer sends, and delivers it. */
export class Decoder implements FrameHandler {
  readonly #self: End;
  readonly #peer: End;
  readonly #limits: Limits;
  readonly #port: Port;
  readonly #deliver: Signals;
  readonly #frames: FrameReader;
  readonly #values: ValueDecoder;
  readonly #raw: RawArrays;
  #from: Pid;
  #to: Pid;

  /** Reads what `peer` sends; delivers to `deliver`. */
  constructor(
    self: End,
    peer: End,
    limits: Limits,
    port: Port,
    deliver: Signals,
    parts: ByteBudget = UNSHARED,
  ) {
    this.#self = self;
    this.#peer = peer;
    this.#limits = limits;
    this.#port = port;
    this.#deliver = deliver;
    this.#raw = new RawArrays(limits.maxMessageBytes, parts);
    this.#frames = new FrameReader(limits.maxFrameBytes);
    this.#values = new ValueDecoder(self, peer, (id) => this.#raw.take(id));
    this.#from = new Pid(peer.name, 0, peer.creation);
    this.#to = new Pid(self.name, 0, self.creation);
  }

  /**
   * Bytes came.
   *
   * @throws {ProtocolError} If they are not what a peer may send.
   */
  receive(chunk: Uint8Array): void {
    this.#frames.read(chunk, this);
  }

  /** Keeps nothing of what has come any more. */
  close(): void {
    this.#raw.clear();
  }

  text(bytes: Uint8Array, start: number, end: number): void {
    const maxDepth = this.#limits.maxDepth + OUTER_DEPTH;
    const signals = checkArray(parseJson(bytes, maxDepth, start, end));
    for (let i = 0; i < signals.length; i++) {
      this.#signal(checkArray(signals[i]));
    }
  }

  raw(id: number, bytes: Uint8Array, last: boolean): void {
    this.#raw.add(id, bytes, last);
  }

  #signal(signal: unknown[]): void {
    const kind = signal[0];
    if (kind === "send" || kind === "send*") {
      const from = this.#fromPid(signal[1]);
      const to = this.#toPid(signal[2]);
      for (let i = 3; i < signal.length; i++) {
        const message = this.#message(signal[i], kind === "send*");
        if (message !== DROPPED) this.#deliver.send(from, to, message);
      }
      return;
    }
    if (typeof kind !== "string") return this.#dispatch(kind, signal);
    const isTagged = kind.endsWith("*");
    const last = signal.length - 1;
    if (kind.startsWith("send_")) {
      signal[last] = this.#message(signal[last], isTagged);
      if (signal[last] === DROPPED) return;
    } else if (isTagged) signal[last] = this.#values.decode(signal[last]);
    this.#dispatch(isTagged ? kind.slice(0, -1) : kind, signal);
  }

  /**
   * A message as it is delivered. One of a reserved type is a server's message, if it is the peer's to say.
   * Data that looks like one comes as an `$object`, so that it is asked before the tags are replaced.
   */
  #message(json: unknown, isTagged: boolean): unknown {
    const isMessage = typeof json === "object" && json !== null &&
      isReserved((json as { type?: unknown }).type);
    const value = isTagged ? this.#values.decode(json) : json;
    if (isMessage) {
      const fields = value as Record<string, unknown>;
      return receivedMessage(fields, this.#isPeers) ?? DROPPED;
    }
    // A request that holds pids has tags.
    return isTagged && isForgedRequest(value, this.#isPeers) ? DROPPED : value;
  }

  /** Whether a pid or reference was made by the peer. */
  readonly #isPeers = ({ node, creation }: Pid | Ref): boolean =>
    node === this.#peer.name && creation === this.#peer.creation;

  #dispatch(kind: unknown, signal: unknown[]): void {
    const deliver = this.#deliver;
    // By index: taking an array apart by a pattern goes through its iterator.
    const first = signal[1];
    const second = signal[2];
    const third = signal[3];
    const fourth = signal[4];
    const fifth = signal[5];
    switch (kind) {
      case "send_name":
        deliver.sendName(this.#fromPid(first), checkName(second), third);
        return;
      case "send_alias":
        deliver.sendAlias(this.#fromPid(first), this.#ownRef(second), third);
        return;
      case "reply":
        deliver.reply(this.#fromPid(first), this.#ownRef(second), third);
        return;
      case "link":
        deliver.link(this.#fromPid(first), this.#ownPid(second, third));
        return;
      case "unlink":
        deliver.unlink(
          this.#fromPid(first),
          this.#ownPid(second, third),
          checkNatural(fourth),
        );
        return;
      case "unlink_ack":
        deliver.unlinkAck(
          this.#fromPid(first),
          this.#toPid(second),
          checkNatural(third),
        );
        return;
      case "exit":
        deliver.exit(this.#fromPid(first), this.#toPid(second), third);
        return;
      case "exit_link":
        deliver.exitLink(
          this.#peerPid(first, second),
          this.#toPid(third),
          fourth,
        );
        return;
      case "monitor":
        deliver.monitor(
          this.#fromPid(first),
          this.#target(second),
          this.#peerRef(third),
        );
        return;
      case "demonitor":
        deliver.demonitor(
          this.#fromPid(first),
          this.#target(second),
          this.#peerRef(third),
        );
        return;
      case "down":
        deliver.down(
          this.#fromPid(first),
          this.#object(second),
          this.#toPid(third),
          this.#ownRef(fourth),
          fifth,
        );
        return;
      case "spawn":
        this.#spawn(first, second, third);
        return;
      case "spawned": {
        const pid = this.#fromPid(first);
        deliver.spawnReply(pid, this.#toPid(second), this.#ownRef(third), {
          pid,
          link: fourth === true,
          monitor: fifth === true,
        });
        return;
      }
      case "not_spawned":
        deliver.spawnReply(
          this.#fromPid(0),
          this.#toPid(first),
          this.#ownRef(second),
          {
            error: checkText(third, 20) as SpawnFailure,
            message: checkText(fourth, MAX_REFUSAL),
          },
        );
        return;
      case "group_leader":
        if (third instanceof Pid) {
          deliver.groupLeader(this.#fromPid(first), this.#toPid(second), third);
          return;
        }
        break;
      case "large":
        this.#large(checkNatural(first));
        return;
      case "peers":
        this.#port.peers(checkPeers(first));
        return;
    }
    throw new ProtocolError(
      `a signal of unknown kind or shape: ${
        JSON.stringify(kind)?.slice(0, 40)
      }`,
    );
  }

  #large(id: number): void {
    const bytes = this.#raw.take(id);
    if (bytes === undefined) {
      throw new ProtocolError(`no raw bytes of number ${id} have come`);
    }
    const signal = parseJson(bytes, this.#limits.maxDepth + 1);
    if (checkArray(signal)[0] === "large") {
      throw new ProtocolError("a large signal in a large signal");
    }
    this.#signal(checkArray(signal));
  }

  #spawn(from: unknown, ref: unknown, content: unknown): void {
    const request = content as {
      run?: Record<string, unknown>;
      link?: unknown;
      monitor?: unknown;
      groupLeader?: unknown;
    } | null;
    const run = request?.run;
    if (
      typeof run !== "object" || run === null || !Array.isArray(run.args) ||
      !(request?.groupLeader instanceof Pid)
    ) throw new ProtocolError("a spawn request lacks what to run");
    const { args } = run;
    const runnable: Runnable = typeof run.source === "string"
      ? { source: run.source, args }
      : {
        module: checkName(run.module),
        function: checkName(run.function),
        args,
      };
    this.#deliver.spawnRequest(this.#fromPid(from), {
      ref: this.#peerRef(ref),
      run: runnable,
      link: request.link === true,
      monitor: request.monitor === true,
      groupLeader: request.groupLeader,
    });
  }

  /** The peer's process of that number. */
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

  /** This node's process of that number. */
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

  /** This node's process of any incarnation. */
  #ownPid(number: unknown, creation: unknown): Pid {
    return new Pid(
      this.#self.name,
      checkNatural(number),
      checkNatural(creation),
    );
  }

  /** The peer's process of any incarnation. */
  #peerPid(number: unknown, creation: unknown): Pid {
    return new Pid(
      this.#peer.name,
      checkNatural(number),
      checkNatural(creation),
    );
  }

  #ownRef(number: unknown): Ref {
    return new Ref(
      this.#self.name,
      checkNatural(number),
      this.#self.creation,
    );
  }

  #peerRef(number: unknown): Ref {
    return new Ref(
      this.#peer.name,
      checkNatural(number),
      this.#peer.creation,
    );
  }

  #target(target: unknown): Target {
    if (typeof target === "string") return checkName(target);
    const [number, creation] = checkArray(target);
    return this.#ownPid(number, creation);
  }

  #object(object: unknown): MonitoredObject {
    if (typeof object === "string") {
      return { name: checkName(object), node: this.#peer.name };
    }
    const [number, creation] = checkArray(object);
    return this.#peerPid(number, creation);
  }
}

function checkName(name: unknown): string {
  return checkText(name, MAX_NAME);
}

function checkPeers(peers: unknown): string[] {
  const names = checkArray(peers);
  if (names.length > MAX_PEERS) {
    throw new ProtocolError(`more than ${MAX_PEERS} peers`);
  }
  return names.map(checkName);
}
