/**
 * The worker of a node's global name server: the one process of it that waits for other nodes. It locks the
 * names on all servers of its part of the cluster, changes them there, and joins parts of the cluster.
 *
 * Locking. To lock a set of servers, the worker asks the server of the greatest node first (the arbiter), whose queue
 * it waits in, and then the others at once. If one of them refuses, it gives all locks back and tries again after a
 * pause, which grows and differs from node to node (`Pauses`). So no worker waits without a limit for a lock while it
 * holds another, and there is no deadlock; as all ask the same arbiter first, one of them usually gets all. The locks are
 * given back in the other order, and nothing waits for that: signals to a node keep their order.
 *
 * Tasks, one at a time: `change` (register or remove a name) and `connect` (join the part of a server that has
 * said hello). Changes that have arrived meanwhile share the locks, up to `MAX_CHANGES`. Those that concern different
 * names and processes go together, in one round trip, a wave. The first wave goes with the requests for the locks if
 * it only registers free names for processes of this node: if a lock is refused, no harm is done by taking them back.
 * So a registration takes two round trips, and many at a time take hardly more.
 * A join asks each server for a digest of its names, fetches each different table once, resolves
 * conflicts (`global_resolve.ts`), and sends each server the changes (`merge`).
 *
 * Races: a part may grow while its servers are being locked. So the worker compares the servers before and
 * after, and starts again if they differ. A node may die while it is locked: its lock goes with the connection,
 * and a request to it is answered with nothing. A join that fails is a message to itself, so that changes are
 * served in between.
 */

import { inspectWithin } from "@otp/processes/values/inspect";
import { Pid, Ref } from "@otp/processes/values/pid";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { type TermKey, termKey } from "@otp/processes/values/term_key";
import {
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
import {
  askConnected,
  askMembers,
  type Member,
  memberNode,
} from "./ask_server.ts";
import type { GlobalView } from "./global_view.ts";
import { resolveConflict } from "./global_resolve.ts";
import { tell } from "@otp/servers/server/call";
import { fromNode, isTyped } from "@otp/servers/server/messages";
import { ignore } from "@otp/processes/promises/promises";
import type { Server } from "@otp/servers/server/server";

type Table = Map<TermKey, GlobalEntry>;

export type GlobalTask = ChangeTask | ConnectTask;

/** Changes the names, and answers the alias of the process that waits for it. */
type ChangeTask = { type: "change"; change: GlobalChange; ref: Ref };

/** Joins this node's part of the cluster and the part of a server, after a number of attempts. */
type ConnectTask = { type: "connect"; server: Pid; times?: number };

/** How long a request for a lock waits: at the server that is asked first, and at the others; in milliseconds. */
const ARBITER_WAIT = 5000;
const REST_WAIT = 100;
/** How long a join waits for the parts of other servers, after that of its own server, in milliseconds. */
const OTHERS_WAIT = 50;

/**
 * How long a worker keeps the locks for another change, in milliseconds, and how often, if no other waited for them
 * before: a process that registers many names, one after the other, needs one round trip for each.
 */
const LINGER = 1;
const MAX_LINGERS = 32;

/** The maximum number of changes under one lock. */
const MAX_CHANGES = 256;

/** Milliseconds of the first pause, and of the longest. */
const PAUSE = { first: 8, longest: 2048 };

/** Pauses between attempts, longer from one to the next, and others at each node. */
export class Pauses {
  readonly #process: LocalProcess;
  #seed = 0;

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

export class GlobalWorker implements Server {
  readonly #process: LocalProcess;
  readonly #view: GlobalView;
  readonly #pauses: Pauses;

  constructor(process: LocalProcess, view: GlobalView) {
    this.#process = process;
    this.#view = view;
    this.#pauses = new Pauses(process);
  }

  call(): unknown {
    return undefined;
  }

  async info(message: unknown): Promise<void> {
    const task = this.#taskOf(message);
    if (task?.type === "connect" && isPid(task.server)) {
      await this.#connect(task);
    } else if (isChangeTask(task)) await this.#changeAll([task]);
  }

  #taskOf(message: unknown): GlobalTask | null | undefined {
    const { node } = this.#process.runtime;
    return fromNode(message, node) as GlobalTask | null | undefined;
  }

  /** Takes changes that have arrived from the mailbox, up to that many. */
  #arrived(most: number): ChangeTask[] {
    const tasks: ChangeTask[] = [];
    while (tasks.length < most) {
      const mail = this.#process.mailbox.take((message) =>
        isChangeTask(this.#taskOf(message))
      );
      if (mail === undefined) break;
      tasks.push(this.#taskOf(mail.message) as ChangeTask);
    }
    return tasks;
  }

  /** Makes changes, and those that arrive meanwhile, under one lock. */
  async #changeAll(tasks: ChangeTask[]): Promise<void> {
    const { runtime } = this.#process;
    let left: ChangeTask[] = tasks;
    for (let times = 0;; times++) {
      // Nobody waits for a registration whose caller has given up or exited.
      left = left.filter((task) => this.#isWanted(task));
      if (left.length === 0) return;
      const servers = this.#members();
      const [arbiter, ...rest] = byRank(servers);
      const asked = runtime.clock.now();
      const first = await this.#askServer(arbiter, lockNames(ARBITER_WAIT));
      if (first === false) {
        const isLate = runtime.clock.now() - asked >= ARBITER_WAIT;
        if (!isLate) await this.#pauses.wait(times);
        continue;
      }
      // A part that was joined before the lock was held must be locked as well.
      if (this.#hasGrown(servers)) {
        this.#unlock([arbiter]);
        continue;
      }
      left.push(...this.#arrived(MAX_CHANGES - left.length));
      // Servers of another kind make a change without asking for the lock.
      const canBeEarly = !rest.some((each) => typeof each === "string");
      const early = canBeEarly
        ? this.#waveOf(left).filter((task) => this.#isEarly(task))
        : [];
      // The requests for the locks are sent first.
      const locks = this.#askAll(rest, lockNames(REST_WAIT));
      const sent = await Promise.all(
        early.map(({ change }) => this.#send(change, servers)),
      );
      const given = await locks;
      if (given.includes(false) || this.#hasGrown(servers)) {
        for (const [i, { change }] of early.entries()) {
          this.#revert(change, servers, sent[i]).catch(ignore);
        }
        this.#unlock([arbiter, ...rest.filter((_, i) => given[i] !== false)]);
        await this.#pauses.wait(times);
        continue;
      }
      try {
        const isAlone = rest.length === 0;
        const lingers = isAlone || first === "waited" ? 0 : MAX_LINGERS;
        left = await this.#changeLocked(left, servers, early, sent, lingers);
      } finally {
        this.#unlock(servers);
      }
      if (left.length === 0) return;
    }
  }

  /** Makes changes when all servers are locked; returns those that are left for the next lock. */
  async #changeLocked(
    tasks: ChangeTask[],
    servers: Member[],
    early: ChangeTask[],
    sent: (unknown[] | undefined)[],
    lingers: number,
  ): Promise<ChangeTask[]> {
    let left = tasks;
    let wave = early;
    let answers = sent;
    for (let most = MAX_CHANGES;;) {
      const outcomes = await Promise.all(
        wave.map(({ change }, i) => this.#settle(change, servers, answers[i])),
      );
      const unwanted: Promise<void>[] = [];
      for (const [i, task] of wave.entries()) {
        const { change, ref } = task;
        // A caller that has given up does not know that it must remove the name.
        if (
          outcomes[i] && change.type === "register" && !this.#isWanted(task)
        ) {
          unwanted.push(this.#revert(change, servers, answers[i]));
        } else this.#process.reply(ref, outcomes[i]);
      }
      await Promise.all(unwanted);
      left = left.filter((task) => !wave.includes(task));
      most -= wave.length;
      if (this.#hasGrown(servers)) return left;
      left.push(...this.#arrived(most - left.length));
      if (left.length === 0 && lingers-- > 0) left = await this.#next();
      if (left.length === 0) return left;
      wave = this.#waveOf(left);
      answers = await Promise.all(
        wave.map(({ change }) => this.#send(change, servers)),
      );
    }
  }

  /** Waits shortly for the next change of a process that makes one after the other. */
  async #next(): Promise<ChangeTask[]> {
    const message = await this.#process.mailbox.receive(
      (message) => isChangeTask(this.#taskOf(message)),
      { timeout: LINGER, after: undefined, hasAfter: true },
      this.#process,
    );
    this.#process.assertAlive();
    return message === undefined ? [] : [this.#taskOf(message) as ChangeTask];
  }

  #isWanted({ change, ref }: ChangeTask): boolean {
    return change.type === "unregister" ||
      this.#process.runtime.aliases.get(ref.number) !== undefined;
  }

  #isEarly({ change }: ChangeTask): boolean {
    return change.type === "register" &&
      change.entry.pid.node === this.#process.runtime.node;
  }

  /** The changes that concern no name and no process of an earlier one. */
  #waveOf(tasks: ChangeTask[]): ChangeTask[] {
    const { maxDepth } = this.#process.runtime;
    const names = new Set<TermKey>();
    const pids = new Set<string>();
    return tasks.filter(({ change }) => {
      const { name, pid } = change.type === "unregister"
        ? { name: change.name, pid: this.#view.names.lookup(change.name) }
        : change.entry;
      const key = termKey(name, maxDepth);
      const holder = `${pid?.number} ${pid?.creation} ${pid?.node}`;
      const isFirst = !names.has(key) && !pids.has(holder);
      names.add(key);
      if (pid !== undefined) pids.add(holder);
      return isFirst;
    });
  }

  /** Sends a change to the servers; returns their answers, or `undefined` if it must not be made. */
  async #send(
    change: GlobalChange,
    servers: Member[],
  ): Promise<unknown[] | undefined> {
    if (change.type === "unregister") {
      const isKnown = this.#view.names.lookup(change.name) !== undefined;
      return isKnown ? await this.#askAll(servers, change) : [];
    }
    const { type, entry } = change;
    const isNew = type === "register";
    if (this.#drains(entry) || isNew && !this.#isFree(entry)) return undefined;
    return await this.#askAll(servers, { type: "register", entry, isNew });
  }

  /** The result of a change that was sent; if not all servers have made it, none has in the end. */
  async #settle(
    change: GlobalChange,
    servers: Member[],
    answers: unknown[] | undefined,
  ): Promise<boolean> {
    if (answers === undefined) return false;
    if (change.type === "unregister") return true;
    const { type, entry } = change;
    const isNew = type === "register";
    // A server that gave its lock a little later has refused what was sent with the request for it.
    await Promise.all(servers.map(async (server, i) => {
      if (!isTyped(answers[i], "error")) return;
      const request: GlobalRequest = { type: "register", entry, isNew };
      answers[i] = await this.#askServer(server, request);
    }));
    const full = servers.filter((_, i) => answers[i] === TOO_MANY);
    // Only a node in the middle knows both, if not every node is connected to every other.
    const isTaken = answers.includes("taken") ||
      isNew && this.#view.names.count(entry.pid) > 1;
    if (!isTaken && full.length === 0) return true;
    await this.#revert(change, servers, answers);
    if (full.length > 0) this.#tooMany(entry, full);
    return false;
  }

  /** Removes a name where it was registered. */
  async #revert(
    change: GlobalChange,
    servers: Member[],
    answers: unknown[] | undefined,
  ): Promise<void> {
    if (change.type === "unregister" || answers === undefined) return;
    const { name } = change.entry;
    const given = servers.filter((_, i) => answers[i] === "ok");
    await this.#askAll(given, { type: "unregister", name });
  }

  /** The servers that have the same names, this node's among them. */
  #members(): Member[] {
    const { foreign } = this.#view;
    return [...this.#view.servers(), ...foreign?.known() ?? []];
  }

  /** Whether a part was joined since these servers were all. */
  #hasGrown(servers: Member[]): boolean {
    return union(servers, this.#members()).length > servers.length;
  }

  /** Whether a process is of this node, which drains: its name would be that of a process that ends soon. */
  #drains({ pid }: GlobalEntry): boolean {
    const { node, isDraining } = this.#process.runtime;
    return isDraining && pid.node === node;
  }

  #tooMany({ name, pid }: GlobalEntry, full: Member[]): void {
    this.#process.runtime.log.report(
      "error",
      () =>
        `global: ${pid} cannot have the name ${inspectWithin(name)}, as ${
          full.map(memberNode).join(", ")
        } keeps no more for its node (limits.maxRemoteEntries there)`,
      { what: "global names that cannot be registered" },
    );
  }

  #isFree({ name, pid }: GlobalEntry): boolean {
    if (this.#view.names.lookup(name) !== undefined) return false;
    if (this.#view.names.count(pid) === 0) return true;
    const other = this.#view.names.nameOf(pid);
    this.#process.runtime.log.report(
      "error",
      () =>
        `global: ${pid} cannot have the name ${
          inspectWithin(name, 256)
        }, as it has ${
          inspectWithin(other, 256)
        }: a process has one name at most`,
      { what: "processes that have a global name already" },
    );
    return false;
  }

  /**
   * Joins the part of the cluster that a server is in, unless it is joined; retries later if it cannot now.
   *
   * The parts of all other servers that are pending are joined under the same lock, if they answer as soon: so nodes
   * that start together need a few joins, and not one for each pair.
   */
  async #connect({ server, times = 0 }: ConnectTask): Promise<void> {
    if (!this.#view.isPending(server)) return;
    const parts = await this.#partsOf(server);
    const servers = parts.reduce(
      (all, part) => union(all, part),
      this.#view.servers(),
    );
    if (await this.#lock(servers, () => this.#view.isPending(server))) {
      try {
        const now = await Promise.all(
          parts.map(([first]) => this.#known(first)),
        );
        const all = now.reduce(
          (all, part) => union(all, part),
          this.#view.servers(),
        );
        if (union(servers, all).length === servers.length) {
          await this.#merge(servers);
        }
      } finally {
        this.#unlock(servers);
      }
    }
    if (!this.#view.isPending(server)) return;
    await this.#pauses.wait(times);
    // Other tasks come first: a node that does not answer delays this task only.
    const again: ConnectTask = { type: "connect", server, times: times + 1 };
    tell(this.#process, this.#process.pid, again);
  }

  /** The part of a server, and those of other pending servers that answer at most a little later. */
  async #partsOf(server: Pid): Promise<Pid[][]> {
    const others = this.#view.pending()
      .filter((each) => !each.equals(server))
      .map((each) => this.#known(each));
    const parts = [await this.#known(server)];
    for (const other of others) other.then((part) => parts.push(part), ignore);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const stop = this.#view.afterPatience(resolve, OTHERS_WAIT);
    await Promise.race([Promise.allSettled(others), late]);
    stop();
    return [...parts];
  }

  /** The servers of a server's part: one of each connected node, as a server can name any number of pids. */
  async #known(server: Pid): Promise<Pid[]> {
    const { runtime } = this.#process;
    const known = await this.#askServer(server, { type: "get_servers" });
    const byNode = new Map([[server.node, server]]);
    for (const each of listOf(known, isPid)) {
      const { node } = each;
      if (byNode.has(node) || !runtime.hasChannelTo(node)) continue;
      byNode.set(node, each);
    }
    return [...byNode.values()];
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
    const { names } = this.#view;
    const tables = new Map<unknown, Table>();
    tables.set(names.digest, this.#tableOf(names.entries()));
    for (const [i, server] of servers.entries()) {
      if (tables.has(digests[i])) continue;
      const answer = await this.#askServer(server, { type: "get_names" });
      const entries = listOf(answer, isEntry)
        .map((entry) => ({ ...entry, by: server.node }));
      tables.set(digests[i], this.#tableOf(entries));
    }
    const merged: Map<TermKey, GlobalEntry | undefined> = new Map();
    for (const table of tables.values()) await this.#addTo(merged, table);
    await Promise.all(servers.map((server, i) => {
      const table = tables.get(digests[i]) ?? new Map();
      const { insert, remove } = difference(merged, table);
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

  /** Acquires the lock of the names on servers: on all, or on none; on none if it is not needed any more. */
  async #lock(servers: Pid[], isNeeded: () => boolean): Promise<boolean> {
    const [arbiter, ...rest] = byRank(servers);
    const first = await this.#askServer(arbiter, lockNames(ARBITER_WAIT));
    if (first === false) return false;
    if (!isNeeded()) {
      this.#unlock([arbiter]);
      return false;
    }
    const given = await this.#askAll(rest, lockNames(REST_WAIT));
    if (!given.includes(false)) return true;
    this.#unlock([arbiter, ...rest.filter((_, i) => given[i] !== false)]);
    return false;
  }

  /** Releases the locks, without waiting for it: later requests to the servers arrive later. */
  #unlock(servers: Member[]): void {
    // The arbiter last: the next holder of its lock is then likely to acquire the others.
    for (const server of byRank(servers).reverse()) {
      this.#askServer(server, { type: "unlock_names" }).catch(ignore);
    }
  }

  #askServer(server: Member, request: GlobalRequest): Promise<unknown> {
    return askConnected(this.#process, server, request);
  }

  #askAll(servers: Member[], request: GlobalRequest): Promise<unknown[]> {
    return askMembers(this.#process, servers, request);
  }
}

function isChangeTask(
  task: GlobalTask | null | undefined,
): task is ChangeTask {
  return task?.type === "change" && isChange(task.change) &&
    task.ref instanceof Ref;
}

function lockNames(wait: number): GlobalRequest {
  return { type: "lock_names", wait };
}

/** The servers, the one of the greatest node first. */
function byRank<T extends Member>(servers: T[]): T[] {
  return [...servers].sort((a, b) => memberNode(a) < memberNode(b) ? 1 : -1);
}

function union<T extends Member>(some: T[], others: T[]): T[] {
  const all = [...some];
  for (const other of others) {
    const isKnown = all.some((each) =>
      each instanceof Pid ? each.equals(other) : each === other
    );
    if (!isKnown) all.push(other);
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
