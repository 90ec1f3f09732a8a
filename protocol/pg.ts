/**
 * The process of a scope of groups, and what it says to those of the same scope on other nodes.
 *
 * As in OTP, nothing is agreed upon: each scope process tells the others of the processes of its node. When
 * two find each other (`discover`), each sends all that it has (`sync`), and from then on what changes
 * (`join`, `leave`), in order. When one is gone, the others forget what it told.
 *
 * @module
 */

import { NoProcessError, QueueFullError } from "../errors.ts";
import { printable, quote } from "../runtime/inspect.ts";
import { Pid, Ref } from "../runtime/pid.ts";
import { type Key, keyOf, type Process } from "../runtime/process.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type TermKey, termKey } from "../runtime/term_key.ts";
import { isTyped, type Tell } from "./messages.ts";
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
type ScopeMessage =
  | { type: "discover" }
  | { type: "sync"; groups: GroupMembers[] }
  | { type: "join"; group: unknown; pids: Pid[] }
  | { type: "leave"; groups: unknown[]; pids: Pid[] };

/** What the scope's process of another node has told. */
interface Peer {
  readonly pid: Pid;
  readonly groups: Map<TermKey, Members>;
  /** Whether it was not told of a change, as it did not read what came before. */
  isBehind: boolean;
}

/** Whose end a monitor of the scope's process tells. */
type Watched =
  | { type: "member"; pid: Pid }
  | { type: "peer"; peer: Peer }
  | { type: "subscriber"; subscriber: Subscriber };

const BADARG = { type: "error", reason: "badarg" };

/** Levels of a group that go with what is said of it. */
const ENVELOPE = 8;

/** After how many milliseconds a peer that did not read is told anew. */
const CATCH_UP = 1000;

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

/**
 * The key of a group.
 *
 * @throws {TypeError} If it cannot be sent.
 * @throws {RangeError} If it is nested too deeply to be sent with what is said of it.
 */
export function groupKey(group: unknown, { maxDepth }: Runtime): TermKey {
  return termKey(group, maxDepth - ENVELOPE);
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
    if (caller.pid.node !== node) return BADARG;
    if (!this.#canHave(asked)) return BADARG;
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
      if (this.#process.isDown(ref)) this.#down(ref);
    } else if (isTyped(message, "nodeup")) {
      const { node } = message as { node?: unknown };
      if (typeof node === "string") this.#discover(node);
    } else if (isTyped(message, "$catch_up")) {
      this.#catchUp((message as { peer?: unknown }).peer);
    } else if (isTyped(message, "$tell")) {
      const { from, message: told } = message as unknown as Tell;
      if (
        from instanceof Pid && from.node !== this.#process.runtime.node &&
        isScopeMessage(told, from.node) && this.#canHave(told)
      ) this.#hear(from, told);
    }
  }

  #id(group: unknown): TermKey {
    return groupKey(group, this.#process.runtime);
  }

  /** Whether all groups that are spoken of can be: what is said may come from anywhere. */
  #canHave(message: unknown): boolean {
    try {
      const { group, groups = [] } = message as Record<string, unknown>;
      this.#id(group);
      for (const each of groups as unknown[]) {
        this.#id(
          isTyped(message, "sync") ? (each as GroupMembers).group : each,
        );
      }
      return true;
    } catch {
      return false;
    }
  }

  #key(pid: Pid): Key {
    return keyOf(pid, this.#process.runtime);
  }

  #discover(node: string): void {
    const { pid, runtime } = this.#process;
    const message = this.#signed({ type: "discover" });
    runtime.back(node).sendName(pid, this.#name, message);
  }

  #signed(message: ScopeMessage): Tell {
    return { type: "$tell", from: this.#process.pid, message };
  }

  #tell({ pid: to }: Pick<Peer, "pid">, message: ScopeMessage): void {
    const { pid, runtime } = this.#process;
    runtime.back(to.node).send(pid, to, this.#signed(message));
  }

  #tellAll(message: ScopeMessage): void {
    for (const peer of this.#peers.values()) this.#tellNext(peer, message);
  }

  /** Tells a peer something more; one that does not read is told all there is later, so that no more waits. */
  #tellNext(peer: Peer, message: ScopeMessage): void {
    if (peer.isBehind) return;
    const { pid, runtime } = this.#process;
    try {
      this.#tell(peer, message);
    } catch (error) {
      peer.isBehind = true;
      if (error instanceof QueueFullError) {
        const later = { type: "$catch_up", peer: peer.pid };
        runtime.timers.start(pid, later, CATCH_UP);
        return;
      }
      runtime.report({
        level: "error",
        message: `pg: ${peer.pid.node} is not told of the groups of ${
          quote(this.#name)
        } any more: ${printable(String(error))}`,
      });
    }
  }

  #catchUp(pid: unknown): void {
    const peer = pid instanceof Pid
      ? this.#peers.get(this.#key(pid))
      : undefined;
    if (!peer?.isBehind) return;
    this.#tellAllOf(peer);
    this.#tellNext(peer, { type: "discover" });
  }

  #tellAllOf(peer: Peer): void {
    peer.isBehind = false;
    this.#tellNext(peer, { type: "sync", groups: this.which("local") });
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
    this.#tellAll({ type: "join", group, pids });
    return "ok";
  }

  #leave(group: unknown, pids: Pid[]): "ok" | "not_joined" {
    const id = this.#id(group);
    const left = pids.filter((pid) => this.#forget(pid, id));
    if (left.length === 0) return "not_joined";
    this.#groups.remove(id, pids, "local");
    this.#tellAll({ type: "leave", groups: [group], pids });
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
    this.#local.delete(this.#key(pid));
    const groups = ids.map((id) => this.#groups.term(id));
    for (const id of ids) this.#groups.remove(id, [pid], "local");
    this.#tellAll({ type: "leave", groups, pids: [pid] });
  }

  #peerDown({ pid, groups }: Peer): void {
    this.#peers.delete(this.#key(pid));
    for (const [id, members] of groups) {
      this.#groups.remove(id, members.pids(), "all");
    }
  }

  #meet(pid: Pid): Peer {
    const peer: Peer = { pid, groups: new Map(), isBehind: false };
    this.#peers.set(this.#key(pid), peer);
    this.#watch(pid, { type: "peer", peer });
    return peer;
  }

  #hear(from: Pid, message: ScopeMessage): void {
    const known = this.#peers.get(this.#key(from));
    if (message.type === "discover") {
      const peer = known ?? this.#meet(from);
      this.#tellAllOf(peer);
      if (known === undefined) this.#tellNext(peer, { type: "discover" });
    } else if (message.type === "sync") {
      this.#sync(known ?? this.#meet(from), message.groups);
    } else if (known === undefined) {
      // Sent before the connection was lost, and come after the DOWN.
      return;
    } else if (message.type === "join") {
      this.#peerJoins(known, message.group, message.pids);
    } else {
      for (const group of message.groups) {
        this.#peerLeaves(known, this.#id(group), message.pids);
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

/** Whether the scope's process of a node may say this: it speaks of processes of its node. */
function isScopeMessage(
  message: unknown,
  node: string,
): message is ScopeMessage {
  if (typeof message !== "object" || message === null) return false;
  const { type, groups, pids } = message as Record<string, unknown>;
  switch (type) {
    case "discover":
      return true;
    case "sync":
      return Array.isArray(groups) &&
        groups.every((each) => arePids(each?.pids, node));
    case "join":
      return arePids(pids, node) && pids.length > 0;
    case "leave":
      return arePids(pids, node) && Array.isArray(groups);
    default:
      return false;
  }
}
