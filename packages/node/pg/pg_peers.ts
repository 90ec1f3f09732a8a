/**
 * The protocol of the processes of one scope on several nodes, which keep their groups the same.
 *
 * As in OTP, the processes do not vote: each announces the members on its own node, and the other processes accept
 * them. Messages: `discover` finds the process of another node; it answers with `sync`, all its groups, and sends
 * `discover` back if it did not know the sender. Then each change follows, in order: `join` and `leave`.
 *
 * States of a peer: unknown, known, or behind (`isBehind`), after a message could not be queued because the peer
 * does not read. A peer that is behind is sent no changes; a timer (`catch_up`) sends it all groups again.
 *
 * Races: a connection may be lost and made again before the DOWN of the old process has come. A node has one
 * process of a scope at a time, so a message of a new one makes the old one's groups void (`#meet`). `sync`
 * replaces the groups of its sender, so a `join` that is part of it is not counted twice. A DOWN removes the
 * members of a peer at once; a change from an unknown sender was sent before the loss, and is dropped.
 *
 * A node that drains stays a peer, and its processes stay members until they exit. Only its supervisors leave, at the
 * peers: nobody but their own node can start anything under them any more.
 *
 * Nodes of another library take part with the same messages in their own form, by the protocol `PG`.
 */

import { QueueFullError } from "@otp/processes/errors";
import { printableLine, quote } from "@otp/processes/values/inspect";
import { Pid, type Ref } from "@otp/processes/values/pid";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { type Key, keyOf } from "@otp/processes/process/links_and_monitors";
import { keptLength, type TermKey } from "@otp/processes/values/term_key";
import { InternalMessage } from "@otp/servers/server/messages";
import { supervisionOf } from "@otp/servers/supervisor/supervision";
import {
  canBeGroup,
  groupKey,
  type GroupMembers,
  type Groups,
  Members,
} from "./pg_groups.ts";
import { OwnRequest } from "@otp/processes/values/server_message";

/** The name of the protocol between the processes of a scope. */
export const PG = "pg";

/** A message between the processes of a scope. */
export type ScopeMessage =
  | { type: "discover" }
  | { type: "sync"; groups: GroupMembers[] }
  | { type: "join"; group: unknown; pids: Pid[] }
  | { type: "leave"; groups: unknown[]; pids: Pid[] };

/** The time until a peer that did not read gets all groups again, in milliseconds. */
const CATCH_UP = 1000;
/** The most answers that a peer is thought to owe. One that follows the protocol owes two at most. */
const MAX_UNANSWERED = 4;

/** A scope's process sends it to itself later, to send a peer the groups that it has missed. */
export type Reminder = { type: "catch_up"; peer: Pid };

/** The scope's process of another node, and the groups that it has announced. */
interface Peer {
  readonly pid: Pid;
  readonly ref: Ref;
  readonly groups: Map<TermKey, Members>;
  /** Whether the peer has missed a change because it did not read earlier changes. */
  isBehind: boolean;
  /** The number of answers to `discover` that the peer owes, at most: a question by name may have reached nobody. */
  unanswered: number;
}

/** The processes of a scope on other nodes, as this node's process knows them. */
export class ScopePeers {
  readonly #process: LocalProcess;
  readonly #name: string;
  readonly #groups: Groups;
  readonly #peers = new Map<Key, Peer>();
  /** The number of answers that {@linkcode settle} still expects from a peer. */
  readonly #settling = new Map<Key, { answers: number; done: () => void }>();
  /** This node's supervisors that peers do not count among the members, because the node drains. */
  readonly #withdrawn = new Set<Key>();

  constructor(process: LocalProcess, name: string, groups: Groups) {
    this.#process = process;
    this.#name = name;
    this.#groups = groups;
  }

  #id(group: unknown): TermKey {
    return groupKey(group, this.#process.runtime);
  }

  #key(pid: Pid): Key {
    return keyOf(pid, this.#process.runtime);
  }

  /** Looks for the scope's process of a node. */
  discover(node: string): void {
    const { pid, runtime } = this.#process;
    const message = this.#signed({ type: "discover" });
    try {
      runtime.signalsTo(node).sendName(pid, this.#name, message);
    } catch (error) {
      if (!(error instanceof QueueFullError)) throw error;
      runtime.timers.start(pid, { type: "nodeup", node }, CATCH_UP);
    }
  }

  #signed(message: ScopeMessage): InternalMessage {
    const request = new OwnRequest(message, PG);
    return new InternalMessage(this.#process.pid, request);
  }

  #tell({ pid: to }: Pick<Peer, "pid">, message: ScopeMessage): void {
    const { pid, runtime } = this.#process;
    runtime.signalsTo(to.node).send(pid, to, this.#signed(message));
  }

  /** Sends all peers a change of this node's members. */
  tellAll(message: Extract<ScopeMessage, { pids: Pid[] }>): void {
    const pids = this.#shown(message.pids);
    if (pids.length > 0) this.#tellPeers({ ...message, pids });
  }

  #tellPeers(message: ScopeMessage): void {
    for (const peer of this.#peers.values()) this.#tellNext(peer, message);
  }

  /** Returns the processes of this node that are members for the peers too. */
  #shown(pids: Pid[]): Pid[] {
    const { runtime } = this.#process;
    if (!runtime.isDraining) return pids;
    return pids.filter((pid) => {
      const process = runtime.find(pid);
      const key = this.#key(pid);
      if (process !== undefined && supervisionOf(process) !== undefined) {
        this.#withdrawn.add(key);
      }
      return !this.#withdrawn.has(key);
    });
  }

  /** Sends a peer a change. A peer that does not read gets all groups later, so that its queue grows no further. */
  #tellNext(peer: Peer, message: ScopeMessage): void {
    if (peer.isBehind) return;
    const { pid, runtime } = this.#process;
    try {
      this.#tell(peer, message);
      if (message.type === "discover" && peer.unanswered < MAX_UNANSWERED) {
        peer.unanswered++;
      }
    } catch (error) {
      if (error instanceof QueueFullError) {
        peer.isBehind = true;
        const later: Reminder = { type: "catch_up", peer: peer.pid };
        runtime.timers.start(pid, new InternalMessage(pid, later), CATCH_UP);
        return;
      }
      const parts = partsOf(message);
      if (parts.length > 0) {
        for (const part of parts) this.#tellNext(peer, part);
        return;
      }
      runtime.log.report(
        "error",
        () =>
          `pg: ${peer.pid.node} is not told of a change of the groups of ${
            quote(this.#name)
          }: ${printableLine(String(error), 1024)}`,
        {
          what: "changes of pg that a peer is not told of",
          peer: peer.pid.node,
        },
      );
    }
  }

  /** Sends a peer the changes that it has missed because it did not read. */
  catchUp({ peer: pid }: Reminder): void {
    const peer = this.#peers.get(this.#key(pid));
    if (!peer?.isBehind) return;
    this.#tellAllOf(peer);
    this.#tellNext(peer, { type: "discover" });
  }

  #tellAllOf(peer: Peer): void {
    peer.isBehind = false;
    const groups = this.#groups.which("local")
      .map(({ group, pids }) => ({ group, pids: this.#shown(pids) }))
      .filter(({ pids }) => pids.length > 0);
    this.#tellNext(peer, { type: "sync", groups });
  }

  /** Removes this node's supervisors from the groups at the peers, when the node drains. */
  withdraw(): void {
    for (const { group, pids } of this.#groups.which("local")) {
      const shown = new Set(this.#shown(pids));
      const left = pids.filter((pid) => !shown.has(pid));
      if (left.length === 0) continue;
      this.#tellPeers({ type: "leave", groups: [group], pids: left });
    }
  }

  /**
   * Resolves when all peers have handled the changes so far, and all that their nodes sent to former members before has
   * arrived.
   *
   * A peer answers `discover` after it has handled earlier messages, over the connection that carries messages to the
   * members. So the answer comes after all messages that the peer's node sent to the members before. Answers have no
   * numbers in OTP's protocol. So a peer that still owes answers is asked once more than it owes, and must answer as
   * often: the last one answers a question of now, also if earlier questions were lost.
   */
  async settle(): Promise<void> {
    const process = this.#process;
    process.abortSignal().addEventListener("abort", () => {
      for (const { done } of this.#settling.values()) done();
    }, { once: true });
    await Promise.all([...this.#peers.values()].map((peer) => {
      const { promise, resolve: done } = Promise.withResolvers<void>();
      const answers = peer.unanswered + 1;
      this.#settling.set(this.#key(peer.pid), { answers, done });
      for (let i = 0; i < answers; i++) {
        this.#tellNext(peer, { type: "discover" });
      }
      return promise;
    }));
  }

  /** Counts the answer of a peer. */
  #answered(peer: Peer): void {
    if (peer.unanswered > 0) peer.unanswered--;
    const settling = this.#settling.get(this.#key(peer.pid));
    if (settling !== undefined && --settling.answers === 0) {
      this.#settled(peer.pid);
    }
  }

  /** Notes that a peer has handled what it was sent, or that the peer is gone. */
  #settled(pid: Pid): void {
    const key = this.#key(pid);
    this.#settling.get(key)?.done();
    this.#settling.delete(key);
  }

  /** Called when a monitored process has exited; returns whether it was a peer. */
  down(ref: Ref): boolean {
    for (const peer of this.#peers.values()) {
      if (!peer.ref.equals(ref)) continue;
      this.#removePeer(peer);
      return true;
    }
    return false;
  }

  /** Removes a peer that has exited or lost its connection, and its groups. */
  #removePeer({ pid, groups }: Peer): void {
    this.#settled(pid);
    this.#peers.delete(this.#key(pid));
    for (const [id, members] of groups) {
      const pids = members.pids();
      for (const { node } of pids) this.#process.dropFor(node);
      this.#groups.remove(id, pids, "all");
    }
  }

  #meet(pid: Pid): Peer {
    // A node has one process of a scope at a time, so an earlier one has exited or is about to.
    for (const peer of this.#peers.values()) {
      if (peer.pid.node !== pid.node) continue;
      this.#process.demonitor(peer.ref);
      this.#removePeer(peer);
    }
    const ref = this.#process.monitor(pid);
    const peer: Peer = {
      pid,
      ref,
      groups: new Map(),
      isBehind: false,
      unanswered: 1,
    };
    this.#peers.set(this.#key(pid), peer);
    return peer;
  }

  /** Handles the message of a peer; an invalid one is dropped. */
  hear(message: unknown): void {
    const { runtime } = this.#process;
    const heard = message instanceof InternalMessage
      ? message
      : runtime.border?.request(PG, message, undefined, undefined);
    if (!(heard instanceof InternalMessage)) return;
    const { from, message: told } = heard;
    if (
      from.node !== runtime.node &&
      isScopeMessage(told, from.node) && this.#canHave(told)
    ) this.#take(from, told);
  }

  /** Returns whether all groups in a message are valid. */
  #canHave(told: ScopeMessage): boolean {
    return groupsOf(told).every((group) =>
      canBeGroup(group, this.#process.runtime)
    );
  }

  #take(from: Pid, message: ScopeMessage): void {
    const known = this.#peers.get(this.#key(from));
    if (message.type === "discover") {
      const peer = known ?? this.#meet(from);
      this.#tellAllOf(peer);
      if (known === undefined) this.#tellNext(peer, { type: "discover" });
    } else if (message.type === "sync") {
      const peer = known ?? this.#meet(from);
      this.#sync(peer, message.groups);
      this.#answered(peer);
    } else if (known === undefined) {
      // The message was sent before the connection was lost, and arrived after the DOWN.
      return;
    } else if (message.type === "join") {
      this.#peerJoins(known, message.group, message.pids);
    } else this.#peersLeave(known, message.groups, message.pids);
  }

  /**
   * Removes each of `pids` once from each of `groups`.
   *
   * A hostile message can name many groups and pids: the cost is linear in the number of items and of leaving members.
   * Peers that follow the protocol name one process or one group.
   */
  #peersLeave(peer: Peer, groups: unknown[], pids: Pid[]): void {
    if (groups.length === 1) {
      return this.#peerLeaves(peer, this.#id(groups[0]), pids);
    }
    const times = new Map<TermKey, number>();
    for (const group of groups) {
      const id = this.#id(group);
      times.set(id, (times.get(id) ?? 0) + 1);
    }
    const leaving = new Members(this.#process.runtime, pids);
    for (const [id, count] of times) {
      const left = peer.groups.get(id)?.leaving(leaving, count) ?? [];
      if (left.length > 0) this.#peerLeaves(peer, id, left);
    }
  }

  #peerJoins({ groups }: Peer, group: unknown, joining: Pid[]): void {
    // Processes beyond their node's limit do not become members here; the limit logs that.
    const id = this.#id(group);
    const pids: Pid[] = [];
    const characters = keptLength(group, id);
    for (const pid of joining) {
      // All pids are of one node, so the limit is reached for the rest too.
      if (!this.#process.keepFor(pid.node, characters)) break;
      pids.push(pid);
    }
    if (pids.length === 0) return;
    const known = groups.get(id);
    if (known !== undefined) known.add(pids);
    else groups.set(id, new Members(this.#process.runtime, pids));
    this.#groups.add(id, group, pids, "all");
  }

  #peerLeaves({ groups }: Peer, id: TermKey, pids: Pid[]): void {
    const members = groups.get(id);
    const left = members?.takeAll(pids) ?? [];
    if (members === undefined || left.length === 0) return;
    for (const { node } of left) this.#process.dropFor(node);
    if (members.isEmpty) groups.delete(id);
    this.#groups.remove(id, pids, "all");
  }

  /** Replaces a peer's groups by the reported groups. */
  #sync(peer: Peer, groups: GroupMembers[]): void {
    const { runtime } = this.#process;
    const told = new Map(groups.map((each) => [this.#id(each.group), each]));
    for (const [id, members] of [...peer.groups]) {
      const named = new Members(runtime, told.get(id)?.pids);
      const left = members.pids().filter((pid) => !named.take(pid));
      if (left.length > 0) this.#peerLeaves(peer, id, left);
    }
    for (const [id, { group, pids }] of told) {
      const known = new Members(runtime, peer.groups.get(id)?.pids());
      const joined = pids.filter((pid) => !known.take(pid));
      if (joined.length > 0) this.#peerJoins(peer, group, joined);
    }
  }
}

/**
 * Splits a message into messages with one change each, so that a group that cannot be sent to a peer does not hold back
 * the others. Returns an empty array if there is only one change.
 */
function partsOf(message: ScopeMessage): ScopeMessage[] {
  switch (message.type) {
    case "sync":
      if (message.groups.length === 0) return [];
      return [
        { type: "sync", groups: [] },
        ...message.groups.map(({ group, pids }): ScopeMessage => ({
          type: "join",
          group,
          pids,
        })),
      ];
    case "leave":
      if (message.groups.length === 1) return [];
      return message.groups.map((group) => ({
        type: "leave",
        groups: [group],
        pids: message.pids,
      }));
    default:
      return [];
  }
}

function groupsOf(message: ScopeMessage): unknown[] {
  switch (message.type) {
    case "discover":
      return [];
    case "sync":
      return message.groups.map(({ group }) => group);
    case "join":
      return [message.group];
    case "leave":
      return message.groups;
  }
}

export function arePids(value: unknown, node: string): value is Pid[] {
  return Array.isArray(value) &&
    value.every((each) => each instanceof Pid && each.node === node);
}

/** Returns whether a scope on `node` may send this message: it may name only processes of its node. */
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
