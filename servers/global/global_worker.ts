/**
 * The worker of a node's global name server: the one process of it that waits for other nodes. It locks the
 * names on all servers of its part of the cluster, changes them there, and joins parts of the cluster.
 *
 * Locking. To lock a set of servers, the worker asks the server of the greatest node first (the boss), and
 * then the others at once. If one refuses, it gives all locks back and tries again after a pause, which grows
 * and differs from node to node (`Pauses`). So no worker waits for a lock while it holds another, and there is
 * no deadlock; as all ask the same boss first, one of them usually gets all. The locks are given back in the
 * other order.
 *
 * Tasks, one at a time: `change` (register or remove a name) and `connect` (join the part of a server that has
 * said hello). A join asks each server for a digest of its names, fetches each different table once, resolves
 * conflicts (`global_resolve.ts`), and sends each server the changes (`merge`).
 *
 * Races: a part may grow while its servers are being locked. So the worker compares the servers before and
 * after, and starts again if they differ. A node may die while it is locked: its lock goes with the connection,
 * and a request to it is answered with nothing. A join that fails is a message to itself, so that changes are
 * served in between.
 *
 * @module
 */

import { inspectWithin } from "../../runtime/values/inspect.ts";
import { type Pid, Ref } from "../../runtime/values/pid.ts";
import type { LocalProcess } from "../../runtime/processes/local_process.ts";
import { type TermKey, termKey } from "../../runtime/values/term_key.ts";
import {
  askServer,
  type GlobalChange,
  type GlobalEntry,
  type GlobalRequest,
  isChange,
  isEntry,
  isPid,
  listOf,
  sentEntry,
  TOO_MANY,
} from "./global_messages.ts";
import type { GlobalTable } from "./global_table.ts";
import { resolveConflict } from "./global_resolve.ts";
import { placeOf } from "../../gen/locate.ts";
import { tell } from "../../gen/call.ts";
import { toldFrom } from "../../gen/messages.ts";
import type { Server } from "../../gen/server.ts";

/** The view that the worker has of its node's server. */
export interface GlobalView {
  /** The servers that have the same names, this node's among them. */
  servers(): Pid[];
  /** Its node's copy of the names. */
  readonly names: GlobalTable;
  /** Whether a server's part of the cluster must still be joined. */
  isPending(server: Pid): boolean;
}

type Table = Map<TermKey, GlobalEntry>;

/** A task for a server's worker. */
export type GlobalTask =
  | { type: "change"; change: GlobalChange; ref: Ref }
  | ConnectTask;

/** Joins this node's part of the cluster and that of a server, after a number of attempts. */
export interface ConnectTask {
  /** Always `"connect"`. */
  type: "connect";
  /** The server. */
  server: Pid;
  /** The number of attempts so far. */
  times?: number;
}

/** Milliseconds of the first pause, and of the longest. */
const PAUSE = { first: 8, longest: 2048 };

/** Pauses between attempts, longer from one to the next, and others at each node. */
export class Pauses {
  readonly #process: LocalProcess;
  #seed = 0;

  /** Of a process. */
  constructor(process: LocalProcess) {
    this.#process = process;
    const { node, creation, number } = process.pid;
    for (const character of `${node}/${creation}/${number}`) {
      this.#seed = (this.#seed * 31 + character.charCodeAt(0)) >>> 0;
    }
  }

  /** Waits, depending on the number of attempts. */
  async wait(times: number): Promise<void> {
    const most = Math.min(PAUSE.first * 2 ** times, PAUSE.longest);
    this.#seed = (this.#seed * 1_664_525 + 1_013_904_223) >>> 0;
    const ms = 1 + most * this.#seed / 2 ** 32;
    // A wait of the process: it ends when the process does.
    await this.#process.mailbox.sleep(ms, undefined, this.#process);
  }
}

/** The worker of a node's server. */
export class GlobalWorker implements Server {
  readonly #process: LocalProcess;
  readonly #view: GlobalView;
  readonly #pauses: Pauses;

  /** In a process that is linked to the server's. */
  constructor(process: LocalProcess, view: GlobalView) {
    this.#process = process;
    this.#view = view;
    this.#pauses = new Pauses(process);
  }

  call(): unknown {
    return undefined;
  }

  async info(message: unknown): Promise<void> {
    const { node } = this.#process.runtime;
    const task = toldFrom(message, node) as GlobalTask | null | undefined;
    if (task?.type === "connect" && isPid(task.server)) {
      await this.#connect(task);
    } else if (
      task?.type === "change" && isChange(task.change) &&
      task.ref instanceof Ref
    ) {
      const done = await this.#change(task.change);
      this.#process.reply(task.ref, done);
    }
  }

  async #change(change: GlobalChange): Promise<boolean> {
    if (
      change.type === "unregister" &&
      this.#view.names.lookup(change.name) === undefined
    ) return true;
    const servers = await this.#lockOwn();
    try {
      if (change.type === "unregister") {
        await this.#askAll(servers, change);
        return true;
      }
      if (this.#drains(change.entry)) return false;
      const { type, entry } = change;
      const isNew = type === "register";
      if (isNew && !this.#isFree(entry)) return false;
      const request: GlobalRequest = { type: "register", entry, isNew };
      const answers = await this.#askAll(servers, request);
      const full = servers.filter((_, i) => answers[i] === TOO_MANY);
      if (!answers.includes("taken") && full.length === 0) return true;
      // Only a node in the middle knows both, if not every node is connected to every other.
      const given = servers.filter((_, i) => answers[i] === "ok");
      await this.#askAll(given, { type: "unregister", name: entry.name });
      if (full.length > 0) this.#tooMany(entry, full);
      return false;
    } finally {
      await this.#unlock(servers);
    }
  }

  /** Whether a process is of this node, which drains: its name would be that of a process that ends soon. */
  #drains({ pid }: GlobalEntry): boolean {
    const { node, isDraining } = this.#process.runtime;
    return isDraining && pid.node === node;
  }

  #tooMany({ name, pid }: GlobalEntry, full: Pid[]): void {
    this.#process.runtime.report(
      "error",
      () =>
        `global: ${pid} cannot have the name ${inspectWithin(name)}, as ${
          full.map(({ node }) => node).join(", ")
        } keeps no more for its node (limits.maxRemoteEntries there)`,
      { what: "global names that cannot be registered" },
    );
  }

  #isFree({ name, pid }: GlobalEntry): boolean {
    if (this.#view.names.lookup(name) !== undefined) return false;
    const others = this.#view.names.namesOf(pid);
    if (others.length === 0) return true;
    this.#process.runtime.report(
      "error",
      () =>
        `global: ${pid} cannot have the name ${
          inspectWithin(name, 256)
        }, as it has ${
          inspectWithin(others[0], 256)
        }: a process has one name at most`,
      { what: "processes that have a global name already" },
    );
    return false;
  }

  /** Joins the part of the cluster that a server is in, unless it is joined; retries later if it cannot now. */
  async #connect({ server, times = 0 }: ConnectTask): Promise<void> {
    if (!this.#view.isPending(server)) return;
    const servers = union(this.#view.servers(), await this.#known(server));
    if (await this.#lock(servers)) {
      try {
        const now = union(this.#view.servers(), await this.#known(server));
        if (union(servers, now).length === servers.length) {
          await this.#merge(servers);
        }
      } finally {
        await this.#unlock(servers);
      }
    }
    if (!this.#view.isPending(server)) return;
    await this.#pauses.wait(times);
    // Other tasks come first: a node that does not answer delays this task only.
    const again: ConnectTask = { type: "connect", server, times: times + 1 };
    tell(this.#process, this.#process.pid, again);
  }

  async #known(server: Pid): Promise<Pid[]> {
    const known = await this.#askServer(server, { type: "get_servers" });
    return [server, ...listOf(known, isPid)];
  }

  /**
   * Makes all servers have the same names: the union of all.
   *
   * Most have the same already, as the servers of one part do; a digest of them shows that. But a part in which
   * not every node was connected to every other may have come to differ.
   */
  async #merge(all: Pid[]): Promise<void> {
    const answers = await this.#askAll(all, { type: "get_digest" });
    const servers = all.filter((_, i) => answers[i] !== undefined);
    const digests = answers.filter((answer) => answer !== undefined);
    const tables = new Map<unknown, Table>();
    tables.set(
      this.#view.names.digest,
      this.#tableOf(this.#view.names.entries()),
    );
    for (const [i, server] of servers.entries()) {
      if (tables.has(digests[i])) continue;
      const names = await this.#askServer(server, { type: "get_names" });
      const entries = listOf(names, isEntry)
        .map((entry) => ({ ...entry, by: server.node }));
      tables.set(digests[i], this.#tableOf(entries));
    }
    const merged: Map<TermKey, GlobalEntry | undefined> = new Map();
    for (const table of tables.values()) await this.#addTo(merged, table);
    await Promise.all(servers.map((server, i) => {
      const { insert, remove } = difference(
        merged,
        tables.get(digests[i]) ?? new Map(),
      );
      const isOwn = server.node === this.#process.runtime.node;
      return this.#askServer(server, {
        type: "merge",
        servers,
        insert: isOwn ? insert : insert.map(sentEntry),
        remove,
      });
    }));
  }

  #tableOf(entries: GlobalEntry[]): Table {
    const { maxDepth } = this.#process.runtime;
    return new Map(
      entries.map((entry) => [termKey(entry.name, maxDepth), entry]),
    );
  }

  /** Adds names to the existing ones; of two processes with one name, one keeps it, or neither. */
  async #addTo(
    merged: Map<TermKey, GlobalEntry | undefined>,
    table: Table,
  ): Promise<void> {
    for (const [key, entry] of table) {
      const known = merged.get(key);
      if (known === undefined) {
        if (!merged.has(key)) merged.set(key, entry);
      } else if (!known.pid.equals(entry.pid)) {
        merged.set(key, await resolveConflict(this.#process, known, entry));
      }
    }
  }

  /** Acquires the lock of the names on all nodes that have the same; returns their servers. */
  async #lockOwn(): Promise<Pid[]> {
    for (let times = 0;; times++) {
      const servers = this.#view.servers();
      if (await this.#lock(servers)) {
        // A part that was joined before the lock was held must be locked as well.
        if (union(servers, this.#view.servers()).length === servers.length) {
          return servers;
        }
        await this.#unlock(servers);
      }
      await this.#pauses.wait(times);
    }
  }

  async #lock(servers: Pid[]): Promise<boolean> {
    const [boss, ...rest] = byRank(servers);
    const request: GlobalRequest = { type: "lock_names" };
    if ((await this.#askServer(boss, request)) === false) return false;
    const answers = await this.#askAll(rest, request);
    if (!answers.includes(false)) return true;
    await this.#unlock([boss, ...rest.filter((_, i) => answers[i] === true)]);
    return false;
  }

  async #unlock(servers: Pid[]): Promise<void> {
    const { node, visible } = this.#process.runtime;
    // The lock of a node ends with the connection: none is made to release it.
    const held = servers.filter((each) =>
      each.node === node || visible.has(each.node)
    );
    // The one server that had granted its lock may be lost by now.
    if (held.length === 0) return;
    const [boss, ...rest] = byRank(held);
    // The boss last: the next holder of its lock is then likely to acquire the others.
    await this.#askAll(rest, { type: "unlock_names" });
    await this.#askServer(boss, { type: "unlock_names" });
  }

  #askServer(server: Pid, request: GlobalRequest): Promise<unknown> {
    return askServer(this.#process, placeOf(server), request);
  }

  #askAll(servers: Pid[], request: GlobalRequest): Promise<unknown[]> {
    return Promise.all(
      servers.map((server) => this.#askServer(server, request)),
    );
  }
}

/** The servers, the one of the greatest node first. */
function byRank(servers: Pid[]): Pid[] {
  return [...servers].sort((a, b) => a.node < b.node ? 1 : -1);
}

function union(some: Pid[], others: Pid[]): Pid[] {
  const all = [...some];
  for (const pid of others) {
    if (!all.some((each) => each.equals(pid))) all.push(pid);
  }
  return all;
}

/** The changes that make one table of names equal to another. */
function difference(
  merged: ReadonlyMap<TermKey, GlobalEntry | undefined>,
  table: Table,
): { insert: GlobalEntry[]; remove: unknown[] } {
  const insert: GlobalEntry[] = [];
  const remove: unknown[] = [];
  for (const [key, entry] of merged) {
    const known = table.get(key);
    if (entry === undefined) {
      if (known !== undefined) remove.push(known.name);
    } else if (!entry.pid.equals(known?.pid)) insert.push(entry);
  }
  return { insert, remove };
}
