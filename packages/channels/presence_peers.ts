/**
 * The exchange of presence between nodes: each node sends its own entries to the others.
 *
 * The servers of a PubSub find each other by a group of `pg`. Messages: `ask` wants all entries of a node; `presence`
 * has changes, or the references of all entries (`refs`), with a number. The answer to `ask` is a message with `refs`,
 * the number 0, then the entries in parts; then each change follows. An update that does not reach a peer is repaired:
 * a sender whose queue is full begins anew later, and a receiver that misses a number asks again.
 *
 * Races: a peer may ask before `pg` has named it here, so a question makes it known too. A node has one server at a
 * time, so a new one replaces an earlier one. The connection may be lost: the DOWN of the server ends what is known of
 * it, in order with its messages, and `pg` names the server again when the connection is back.
 */

import { pg, type PgMessage } from "@otp/node/pg/pg";
import { QueueFullError } from "@otp/processes/errors";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { type Pid, Ref } from "@otp/processes/values/pid";
import { OwnRequest } from "@otp/processes/values/server_message";
import { InternalMessage, isTyped } from "@otp/servers/server/messages";
import { onExit } from "@otp/servers/server/on_exit";
import type {
  PresenceChange,
  PresenceEntry,
  PresenceTable,
} from "./presence_table.ts";

/** The entries of one message. */
const PART = 200;
/** The time until a lost message is repaired, in milliseconds. */
const REPAIR = 300;

/** An entry in a message: its topic, key, reference, and metadata. */
type SentEntry = readonly [string, string, string, string];

/** The content of a message of a server. */
interface Changes {
  /** The references of all entries. */
  refs?: readonly string[];
  joins?: readonly SentEntry[];
  leaves?: readonly string[];
  isAbrupt?: boolean;
}

/** The server of another node. */
interface Peer {
  readonly pid: Pid;
  readonly monitor: Ref;
  /** The number of the next message to it; `undefined` until it asks. */
  next: number | undefined;
  /** Whether it is to be sent all entries anew. */
  isBehind: boolean;
  /** The number of the next message from it; `undefined` until it answers. */
  expected: number | undefined;
}

/** The servers of other nodes, as the one of this node knows them. */
export class PresencePeers {
  readonly #process: LocalProcess;
  readonly #table: PresenceTable;
  readonly #peers = new Map<string, Peer>();
  #isRepairing = false;
  /** The monitor of the group. */
  #news: Ref | undefined;

  constructor(process: LocalProcess, table: PresenceTable) {
    this.#process = process;
    this.#table = table;
    table.changed = (change) => this.#tellAll(change);
    onExit(process, () => {
      for (const node of this.#peers.keys()) table.lose(node);
      this.#peers.clear();
    });
  }

  /** Joins the group of the servers, and meets the others. Call it as code of the process. */
  async begin(scope: string, group: string): Promise<void> {
    await pg.join(group, this.#process.pid, { scope });
    const { ref, pids } = await pg.monitor(group, { scope });
    this.#news = ref;
    for (const pid of pids) this.#meet(pid);
  }

  /** Handles a message to the server; returns whether it was one of presence. */
  receive(message: unknown): boolean {
    if (message instanceof InternalMessage) {
      const { from, message: content } = message;
      if (from.node !== this.#process.runtime.node) this.#hear(from, content);
    } else if (isTyped(message, "DOWN")) {
      this.#down((message as { ref?: unknown }).ref);
    } else {
      const { ref, type, pids } = (message ?? {}) as Partial<PgMessage>;
      if (!(ref instanceof Ref) || !this.#news?.equals(ref)) return false;
      if (type === "join") { for (const pid of pids!) this.#meet(pid); }
    }
    return true;
  }

  #meet(pid: Pid): Peer | undefined {
    const { node } = pid;
    if (node === this.#process.runtime.node) return undefined;
    const known = this.#peers.get(node);
    if (known?.pid.equals(pid)) return known;
    // The answer to the question replaces what the earlier one has announced.
    if (known !== undefined) this.#process.demonitor(known.monitor);
    const peer: Peer = {
      pid,
      monitor: this.#process.monitor(pid),
      next: undefined,
      isBehind: false,
      expected: undefined,
    };
    this.#peers.set(node, peer);
    this.#ask(peer);
    return peer;
  }

  #down(ref: unknown): void {
    if (!this.#process.isDown(ref)) return;
    for (const [node, { monitor }] of this.#peers) {
      if (!monitor.equals(ref)) continue;
      this.#peers.delete(node);
      this.#table.lose(node);
    }
  }

  #ask(peer: Peer): void {
    peer.expected = undefined;
    this.#send(peer, { type: "ask" });
    this.#repairLater();
  }

  /** Sends a message; returns false if the peer does not read. */
  #send({ pid: to }: Peer, content: { type: string }): boolean {
    const { pid, runtime } = this.#process;
    const message = new InternalMessage(pid, new OwnRequest(content));
    try {
      runtime.signalsTo(to.node).send(pid, to, message);
      return true;
    } catch (error) {
      if (error instanceof QueueFullError) return false;
      throw error;
    }
  }

  #tell(peer: Peer, changes: Changes): void {
    if (peer.next === undefined || peer.isBehind) return;
    const content = { type: "presence", number: peer.next++, ...changes };
    if (this.#send(peer, content)) return;
    peer.isBehind = true;
    this.#repairLater();
  }

  #tellAll({ joins, leaves, isAbrupt }: PresenceChange): void {
    if (this.#peers.size === 0) return;
    const changes = {
      joins: joins.map(sent),
      leaves: leaves.map(({ ref }) => ref),
      isAbrupt,
    };
    for (const peer of this.#peers.values()) this.#tell(peer, changes);
  }

  /** Sends a peer all entries. */
  #tellAllOf(peer: Peer): void {
    const entries = this.#table.own();
    peer.next = 0;
    peer.isBehind = false;
    this.#tell(peer, { refs: entries.map(({ ref }) => ref) });
    for (let at = 0; at < entries.length; at += PART) {
      this.#tell(peer, { joins: entries.slice(at, at + PART).map(sent) });
    }
  }

  /** Begins anew with the peers that do not read, and asks those that have not answered. */
  #repairLater(): void {
    if (this.#isRepairing) return;
    this.#isRepairing = true;
    this.#process.runtime.deadlines.after(REPAIR, () => {
      this.#isRepairing = false;
      if (!this.#process.alive) return;
      for (const peer of this.#peers.values()) {
        if (peer.isBehind) this.#tellAllOf(peer);
        if (peer.expected === undefined) this.#ask(peer);
      }
    });
  }

  #hear(from: Pid, content: unknown): void {
    if (isTyped(content, "ask")) return this.#tellAllOf(this.#meet(from)!);
    const peer = this.#peers.get(from.node);
    if (!peer?.pid.equals(from) || !isTyped(content, "presence")) return;
    const { number, refs } = content as Changes & { number?: unknown };
    if (number === 0 && Array.isArray(refs)) {
      peer.expected = 1;
      this.#table.retain(from.node, new Set(refs));
    } else if (peer.expected === undefined) return;
    else if (number === peer.expected) {
      peer.expected++;
      this.#take(from.node, content as Changes);
    } else this.#ask(peer);
  }

  #take(node: string, { joins, leaves, isAbrupt }: Changes): void {
    const left = listOf(leaves).map((ref) => this.#table.find(node, ref));
    const known = left.filter((entry) => entry !== undefined);
    const joined = listOf(joins).filter(isEntry)
      .filter(([, , ref]) => this.#table.find(node, ref) === undefined)
      .map((entry) => this.#keep(node, entry))
      .filter((entry) => entry !== undefined);
    this.#table.change({
      joins: joined,
      leaves: known,
      isAbrupt: isAbrupt === true,
    });
  }

  /** Returns an entry of another node, unless the node has too many; the limit logs that. */
  #keep(
    node: string,
    [topic, key, ref, text]: SentEntry,
  ): PresenceEntry | undefined {
    const keeper = this.#process;
    const length = topic.length + key.length + ref.length + text.length;
    if (!keeper.keepFor(node, length)) return undefined;
    return { topic, key, ref, text, node, keeper };
  }
}

function sent({ topic, key, ref, text }: PresenceEntry): SentEntry {
  return [topic, key, ref, text];
}

function listOf<T>(value: readonly T[] | undefined): readonly T[] {
  return Array.isArray(value) ? value : [];
}

/** Returns whether a node has sent an entry: its metadata is an object with its reference. */
function isEntry(value: unknown): value is SentEntry {
  if (!Array.isArray(value) || value.length !== 4) return false;
  if (!value.every((each) => typeof each === "string")) return false;
  try {
    const meta = JSON.parse(value[3]);
    return Object.hasOwn(meta, "phx_ref") && meta.phx_ref === value[2] &&
      !Array.isArray(meta);
  } catch {
    return false;
  }
}
