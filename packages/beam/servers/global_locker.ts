/**
 * The locker of a node's global name server: the process that takes the lock of the names for joins with nodes of
 * Erlang, and exchanges the names with them (`global_erlang.ts`).
 *
 * A process apart from the worker, whose changes may wait for the very lock that a node of Erlang holds until this
 * process has answered it. The locker of that node waits, so this process answers soon: it tries a few times to take
 * all locks, and otherwise says that it has not got them. The other node tries again later.
 */

import { fromNode, isTyped } from "@otp/servers/server/messages";
import type { Server } from "@otp/servers/server/server";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { ignore } from "@otp/processes/promises/promises";
import { atom } from "@otp/processes/values/atom";
import type { Pid } from "@otp/processes/values/pid";
import { askMembers, type Member } from "@otp/cluster/global/ask_server";
import type {
  GlobalEntry,
  GlobalRequest,
} from "@otp/cluster/global/global_messages";
import { resolveConflict } from "@otp/cluster/global/global_resolve";
import type { GlobalView } from "@otp/cluster/global/global_view";
import { Pauses } from "@otp/cluster/global/global_worker";
import type { ErlangPeers, LockerTask, NameExchange } from "./global_erlang.ts";
import {
  entryToOtp,
  inTermOrder,
  type NameOperation,
  nameOperationToOtp,
  nodesToOtp,
} from "./global_otp.ts";

/** How often the locks are tried before the other node has to try again. */
const ATTEMPTS = 4;

/** How long the other node may take for the locks, and then for its part of an exchange, in milliseconds. */
const EXCHANGE_WAIT = 10_000;

export class GlobalLocker implements Server {
  readonly #process: LocalProcess;
  readonly #view: GlobalView;
  readonly #peers: ErlangPeers;
  readonly #pauses: Pauses;

  constructor(process: LocalProcess, view: GlobalView, peers: ErlangPeers) {
    this.#process = process;
    this.#view = view;
    this.#peers = peers;
    this.#pauses = new Pauses(process);
  }

  call(): unknown {
    return undefined;
  }

  async info(message: unknown): Promise<void> {
    const task = fromNode(message, this.#process.runtime.node);
    if (isTyped(task, "exchange")) await this.#join((task as LockerTask).node);
  }

  async #join(node: string): Promise<void> {
    const peers = this.#peers;
    const parties = peers.begin(node);
    if (parties === undefined) return;
    const { exchange, tag, locker } = parties;
    const { pid } = this.#process;
    const requester = inTermOrder(pid, locker);
    // A killed process does not stop its timers; the server, which it is linked to, does.
    const inTime = () =>
      this.#view.afterPatience(() => exchange.cancel(), EXCHANGE_WAIT);
    const stopLocks = inTime();
    const locked = await this.#lockAll(node, requester).finally(stopLocks);
    const isSet = locked !== undefined && !exchange.isOver;
    const known = peers.known().map(atom);
    peers.cast(node, atom("lock_set"), pid, isSet, known, tag);
    const stop = inTime();
    try {
      const isOn = isSet &&
        (!exchange.isOffered || await exchange.isSet.promise);
      this.#process.assertAlive();
      if (isOn) await this.#exchange(node, exchange, tag, requester);
    } finally {
      stop();
      peers.ended(node, exchange);
      if (locked !== undefined) this.#unlock(locked, requester);
    }
  }

  async #exchange(
    node: string,
    exchange: NameExchange,
    tag: unknown,
    requester: Pid[],
  ): Promise<void> {
    const peers = this.#peers;
    const { names } = this.#view;
    const own = atom(this.#process.runtime.node);
    const entries = names.entries().filter(({ pid }) => this.#speaksFor(pid));
    const sendNames = (sent: GlobalEntry[]) =>
      peers.cast(node, atom("exchange"), own, sent.map(entryToOtp), [], tag);
    if (!sendNames(entries) && !sendNames(entries.filter(isShared))) return;
    const theirs = await exchange.names.promise;
    this.#process.assertAlive();
    if (theirs === undefined) return;
    const { inserted, settled } = await this.#compare(node, theirs);
    const known = nodesToOtp(peers.known());
    peers.cast(
      node,
      atom("resolved"),
      own,
      settled.map(nameOperationToOtp),
      known,
      atom("unused"),
      [],
      tag,
    );
    const answer = await exchange.resolved.promise;
    this.#process.assertAlive();
    if (answer === undefined) return;
    const all = [...inserted, ...settled, ...answer.operations];
    peers.joined(node, all, answer, requester);
  }

  /**
   * Whether this node exchanges the names of a process. Each other node of this library does so itself: the nodes of
   * Erlang then know the node, and do not lose its name again because they are not connected to it yet.
   */
  #speaksFor({ node }: Pid): boolean {
    return node === this.#process.runtime.node ||
      this.#peers.known().includes(node);
  }

  /**
   * The names that are new to this part of Erlang's nodes, and the settled conflicts, unless the other node settles
   * them. This node may have a name for which it does not speak from another node of this library: its own nodes of
   * Erlang do not have that name yet, and the node that speaks for the name settles its conflicts.
   */
  async #compare(
    node: string,
    theirs: GlobalEntry[],
  ): Promise<{ inserted: NameOperation[]; settled: NameOperation[] }> {
    const inserted: NameOperation[] = [];
    const settled: NameOperation[] = [];
    for (const entry of theirs) {
      const own = this.#view.names.entry(entry.name);
      if (own === undefined || !this.#speaksFor(own.pid)) {
        inserted.push({ type: "insert", entry });
      } else if (
        !own.pid.equals(entry.pid) && this.#process.runtime.node < node
      ) {
        const winner = await resolveConflict(this.#process, own, entry);
        if (winner === undefined) {
          settled.push({ type: "delete", name: entry.name });
        } else settled.push({ type: "insert", entry: winner });
      }
    }
    return { inserted, settled };
  }

  /** Takes the lock at all servers, also at the server of a new node; `undefined` if one of them has not given it in time. */
  async #lockAll(
    node: string,
    requester: Pid[],
  ): Promise<Member[] | undefined> {
    for (let times = 0; times < ATTEMPTS; times++) {
      if (times > 0) await this.#pauses.wait(times);
      if (this.#peers.exchangeWith(node) === undefined) return undefined;
      const own = this.#process.runtime.node;
      const members = [
        ...this.#view.servers().filter((each) => each.node !== own),
        ...new Set([node, ...this.#peers.known()]),
      ];
      if (await this.#lock(members, requester)) return members;
    }
    return undefined;
  }

  async #lock(members: Member[], requester: Pid[]): Promise<boolean> {
    const { lock } = this.#view;
    if (!lock.share(requester, this.#process.pid)) return false;
    const request = { type: "share_lock", requester } as const;
    const given = await this.#askAll(members, request);
    if (!given.includes(false)) return true;
    this.#unlock(members, requester);
    return false;
  }

  /** Releases the locks, without waiting for it: later requests to the servers arrive later. */
  #unlock(members: Member[], requester: Pid[]): void {
    this.#askAll(members, { type: "unlock_names", requester }).catch(ignore);
    this.#view.lock.release(this.#process.pid);
  }

  #askAll(members: Member[], request: GlobalRequest): Promise<unknown[]> {
    return askMembers(this.#process, members, request, EXCHANGE_WAIT);
  }
}

/** Whether a name has a form in Erlang in any case. */
function isShared({ name }: GlobalEntry): boolean {
  return typeof name === "string" || Number.isSafeInteger(name);
}
