/**
 * The process of a scope of groups, and what it says to those of the same scope on other nodes.
 *
 * As in OTP, nothing is agreed upon: each scope process tells the others of the processes of its node. When
 * two find each other (`discover`), each sends all that it has (`sync`), and from then on what changes
 * (`join`, `leave`), in order. When one is gone, the others forget what it told.
 *
 * @module
 */

import { NoProcessError } from "../errors.ts";
import { quote } from "../runtime/inspect.ts";
import { Pid, Ref } from "../runtime/pid.ts";
import { type Key, keyOf, type Process } from "../runtime/process.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type TermKey, termKey } from "../runtime/term_key.ts";
import { isTyped } from "./messages.ts";
import {
  type GroupMembers,
  Groups,
  Members,
  type Subscriber,
  type Where,
} from "./pg_groups.ts";
import type { Caller, Server } from "./server.ts";

/** What a scope's process is asked by processes of its node. */
export type PgRequest =
  | { type: "join"; group: unknown; pids: Pid[] }
  | { type: "leave"; group: unknown; pids: Pid[] }
  | { type: "monitor"; group: unknown }
  | { type: "monitor_scope" }
  | { type: "demonitor"; ref: Ref };

/** What the processes of a scope say to each other. */
type PeerMessage =
  | { type: "discover"; peer: Pid }
  | { type: "sync"; peer: Pid; groups: GroupMembers[] }
  | { type: "join"; peer: Pid; group: unknown; pids: Pid[] }
  | { type: "leave"; peer: Pid; groups: unknown[]; pids: Pid[] };

/** What the scope's process of another node has told. */
interface Peer {
  readonly pid: Pid;
  readonly groups: Map<TermKey, Members>;
}

/** Whose end a monitor of the scope's process tells. */
type Watched =
  | { type: "member"; pid: Pid }
  | { type: "peer"; peer: Peer }
  | { type: "subscriber"; subscriber: Subscriber };

const BADARG = { type: "error", reason: "badarg" };

const scopes = new WeakMap<Runtime, Map<string, PgScope>>();

/** The scope of that name on a node, if it runs. */
export function findScope(runtime: Runtime, name: string): PgScope | undefined {
  const known = scopes.get(runtime);
  const scope = known?.get(name);
  if (scope === undefined || scope.isRunning) return scope;
  known!.delete(name);
  return undefined;
}

/**
 * The scope of that name on a node.
 *
 * @throws {NoProcessError} If it does not run.
 */
export function runningScope(runtime: Runtime, name: string): PgScope {
  const scope = findScope(runtime, name);
  if (scope !== undefined) return scope;
  throw new NoProcessError(
    `Cannot tell the groups of ${
      quote(name)
    }: no such scope runs on ${runtime.node}; start it by pg.startLink(${
      quote(name)
    })`,
  );
}

/** The server of a scope. */
export class PgScope implements Server {
  readonly #process: Process;
  readonly #name: string;
  readonly #groups: Groups;
  /** This node's processes, each with its groups, the one that it joined last first. */
  readonly #local = new Map<Key, { ref: Ref; groups: TermKey[] }>();
  readonly #peers = new Map<Key, Peer>();
  readonly #watched = new Map<number, Watched>();

  /** Begins to look for others of its name. */
  constructor(process: Process, name: string) {
    this.#process = process;
    this.#name = name;
    this.#groups = new Groups(process);
    const { runtime } = process;
    let known = scopes.get(runtime);
    if (known === undefined) scopes.set(runtime, known = new Map());
    known.set(name, this);
    process.watchesNodes = 1;
    for (const node of runtime.visible) this.#discover(node);
  }

  /** Whether its process is alive. */
  get isRunning(): boolean {
    return this.#process.alive;
  }

  /** The processes of a group. */
  members(group: unknown, where: Where): Pid[] {
    return this.#groups.members(this.#id(group), where);
  }

  /** The groups that have processes. */
  which(where: Where): GroupMembers[] {
    return this.#groups.which(where);
  }

  call(request: unknown, caller: Caller): unknown {
    const asked = request as PgRequest | null;
    const { node } = this.#process.runtime;
    switch (asked?.type) {
      case "join":
        if (!arePids(asked.pids, node)) return BADARG;
        return this.#join(asked.group, asked.pids);
      case "leave":
        if (!arePids(asked.pids, node)) return BADARG;
        return this.#leave(asked.group, asked.pids);
      case "monitor": {
        const id = this.#id(asked.group);
        const ref = this.#subscribe(caller.pid, { id });
        return { ref, pids: this.#groups.members(id, "all") };
      }
      case "monitor_scope":
        return {
          ref: this.#subscribe(caller.pid, undefined),
          groups: this.which("all"),
        };
      case "demonitor":
        return asked.ref instanceof Ref && this.#unsubscribe(asked.ref);
      default:
        return BADARG;
    }
  }

  info(message: unknown): void {
    if (isTyped(message, "DOWN")) {
      const { ref } = message as { ref?: unknown };
      if (ref instanceof Ref) this.#down(ref);
    } else if (isTyped(message, "nodeup")) {
      const { node } = message as { node?: unknown };
      if (typeof node === "string") this.#discover(node);
    } else if (isPeerMessage(message)) this.#hear(message);
  }

  #id(group: unknown): TermKey {
    return termKey(group, this.#process.runtime.maxDepth);
  }

  #key(pid: Pid): Key {
    return keyOf(pid, this.#process.runtime);
  }

  #discover(node: string): void {
    const { pid, runtime } = this.#process;
    const message: PeerMessage = { type: "discover", peer: pid };
    runtime.back(node).sendName(pid, this.#name, message);
  }

  #tell(peer: Pid, message: PeerMessage): void {
    const { pid, runtime } = this.#process;
    runtime.back(peer.node).send(pid, peer, message);
  }

  #tellAll(message: PeerMessage): void {
    for (const { pid } of this.#peers.values()) this.#tell(pid, message);
  }

  #watch(pid: Pid, watched: Watched, ref?: Ref): Ref {
    const process = this.#process;
    const by = ref ?? process.runtime.makeRef();
    this.#watched.set(by.number, watched);
    return process.monitor(pid, pid.node, undefined, undefined, by);
  }

  #unwatch(ref: Ref): void {
    this.#watched.delete(ref.number);
    this.#process.demonitor(ref);
  }

  #join(group: unknown, pids: Pid[]): "ok" {
    if (pids.length === 0) return "ok";
    const id = this.#id(group);
    for (const pid of pids) {
      const key = this.#key(pid);
      const known = this.#local.get(key);
      if (known !== undefined) known.groups.unshift(id);
      else {
        const ref = this.#watch(pid, { type: "member", pid });
        this.#local.set(key, { ref, groups: [id] });
      }
    }
    this.#groups.add(id, group, pids, "local");
    this.#tellAll({ type: "join", peer: this.#process.pid, group, pids });
    return "ok";
  }

  #leave(group: unknown, pids: Pid[]): "ok" | "not_joined" {
    const id = this.#id(group);
    const left = pids.filter((pid) => this.#forget(pid, id));
    if (left.length === 0) return "not_joined";
    const { pid: peer } = this.#process;
    this.#groups.remove(id, pids, "local");
    this.#tellAll({ type: "leave", peer, groups: [group], pids });
    return "ok";
  }

  /** Notes that a process of this node has left a group once; whether it was in it. */
  #forget(pid: Pid, id: TermKey): boolean {
    const known = this.#local.get(this.#key(pid));
    const index = known?.groups.indexOf(id) ?? -1;
    if (known === undefined || index < 0) return false;
    known.groups.splice(index, 1);
    if (known.groups.length > 0) return true;
    this.#local.delete(this.#key(pid));
    this.#unwatch(known.ref);
    return true;
  }

  #subscribe(pid: Pid, only: Subscriber["only"]): Ref {
    const ref = this.#process.runtime.makeRef();
    const subscriber: Subscriber = { pid, ref, only };
    this.#groups.subscribe(subscriber);
    return this.#watch(pid, { type: "subscriber", subscriber }, ref);
  }

  #unsubscribe(ref: Ref): boolean {
    const watched = this.#watched.get(ref.number);
    if (watched?.type !== "subscriber") return false;
    this.#groups.unsubscribe(watched.subscriber);
    this.#unwatch(ref);
    return true;
  }

  #down(ref: Ref): void {
    const watched = this.#watched.get(ref.number);
    this.#watched.delete(ref.number);
    switch (watched?.type) {
      case "member":
        return this.#memberDown(watched.pid);
      case "peer":
        return this.#peerDown(watched.peer);
      case "subscriber":
        return this.#groups.unsubscribe(watched.subscriber);
    }
  }

  #memberDown(pid: Pid): void {
    const { groups: ids } = this.#local.get(this.#key(pid))!;
    const { pid: peer } = this.#process;
    this.#local.delete(this.#key(pid));
    const groups = ids.map((id) => this.#groups.term(id));
    for (const id of ids) this.#groups.remove(id, [pid], "local");
    this.#tellAll({ type: "leave", peer, groups, pids: [pid] });
  }

  #peerDown({ pid, groups }: Peer): void {
    this.#peers.delete(this.#key(pid));
    for (const [id, members] of groups) {
      this.#groups.remove(id, members.pids(), "all");
    }
  }

  #meet(pid: Pid): Peer {
    const peer: Peer = { pid, groups: new Map() };
    this.#peers.set(this.#key(pid), peer);
    this.#watch(pid, { type: "peer", peer });
    return peer;
  }

  #hear(message: PeerMessage): void {
    const { peer: from } = message;
    const peer = this.#peers.get(this.#key(from));
    if (message.type === "discover") {
      const { pid } = this.#process;
      this.#tell(from, {
        type: "sync",
        peer: pid,
        groups: this.which("local"),
      });
      if (peer !== undefined) return;
      this.#meet(from);
      this.#tell(from, { type: "discover", peer: pid });
    } else if (message.type === "sync") {
      this.#sync(peer ?? this.#meet(from), message.groups);
    } else if (peer === undefined) {
      // Sent before the connection was lost, and come after the DOWN.
      return;
    } else if (message.type === "join") {
      this.#peerJoins(peer, message.group, message.pids);
    } else {
      for (const group of message.groups) {
        this.#peerLeaves(peer, this.#id(group), message.pids);
      }
    }
  }

  #peerJoins({ groups }: Peer, group: unknown, pids: Pid[]): void {
    const id = this.#id(group);
    const known = groups.get(id);
    if (known !== undefined) known.add(pids);
    else groups.set(id, new Members(this.#process.runtime, pids));
    this.#groups.add(id, group, pids, "all");
  }

  #peerLeaves({ groups }: Peer, id: TermKey, pids: Pid[]): void {
    const members = groups.get(id);
    if (members === undefined || members.takeAll(pids).length === 0) return;
    if (members.isEmpty) groups.delete(id);
    this.#groups.remove(id, pids, "all");
  }

  /** Makes what is known of a peer what it says it has. */
  #sync(peer: Peer, groups: GroupMembers[]): void {
    const { runtime } = this.#process;
    const told = new Map(groups.map((each) => [this.#id(each.group), each]));
    for (const [id, members] of [...peer.groups]) {
      const kept = new Members(runtime, told.get(id)?.pids);
      const left = members.pids().filter((pid) => !kept.take(pid));
      if (left.length > 0) this.#peerLeaves(peer, id, left);
    }
    for (const [id, { group, pids }] of told) {
      const known = new Members(runtime, peer.groups.get(id)?.pids());
      const joined = pids.filter((pid) => !known.take(pid));
      if (joined.length > 0) this.#peerJoins(peer, group, joined);
    }
  }
}

function arePids(value: unknown, node: string): value is Pid[] {
  return Array.isArray(value) &&
    value.every((each) => each instanceof Pid && each.node === node);
}

function isPeerMessage(message: unknown): message is PeerMessage {
  if (typeof message !== "object" || message === null) return false;
  const { type, peer, groups, pids } = message as Record<string, unknown>;
  if (!(peer instanceof Pid)) return false;
  switch (type) {
    case "discover":
      return true;
    case "sync":
      return Array.isArray(groups) &&
        groups.every((each) => arePids(each?.pids, peer.node));
    case "join":
      return arePids(pids, peer.node) && pids.length > 0;
    case "leave":
      return arePids(pids, peer.node) && Array.isArray(groups);
    default:
      return false;
  }
}
