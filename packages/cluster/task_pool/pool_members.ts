/** The supervisors of a pool: the members of its `pg` group, at most MAX_OF_NODE of each node. */

import { startCall, tellConnected } from "@otp/servers/server/call";
import type { InternalMessage } from "@otp/servers/server/messages";
import { onDown } from "@otp/servers/server/on_exit";
import { type Key, keyOf } from "@otp/processes/process/links_and_monitors";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Pid } from "@otp/processes/values/pid";
import { OwnRequest } from "@otp/processes/values/server_message";
import { findScope } from "@otp/node/pg/scopes";
import { ScopeContact } from "@otp/node/pg/scope_contact";
import type { TurnMessage } from "./task_load.ts";
import type { PoolMemberInfo, PoolSettings } from "./pool_info.ts";
import { isLoadReport, type PoolClock, PoolMember } from "./pool_member.ts";

/** The maximum number of supervisors of one node that a pool uses, since each choice looks at all of them. */
const MAX_OF_NODE = 64;

/** The pool, as its members see it. */
export interface MembersKeeper {
  /** Called when a supervisor may have a place. */
  changed(): void;
  /** Called when supervisors have joined or left. */
  membersChanged(): void;
}

/** The supervisors of a pool. */
export class PoolMembers {
  readonly #process: LocalProcess;
  readonly #settings: PoolSettings;
  readonly #keeper: MembersKeeper;
  readonly #clock: PoolClock;
  readonly #contact: ScopeContact<unknown>;
  readonly #members = new Map<Key, PoolMember>();
  /** The members, for choices. */
  #list: PoolMember[] = [];
  /** The index where the next choice begins, so that pools choose differently among equal supervisors. */
  #next: number;

  /** Creates the members of a pool; call `open` next. */
  constructor(
    process: LocalProcess,
    settings: PoolSettings,
    keeper: MembersKeeper,
  ) {
    this.#process = process;
    this.#settings = settings;
    this.#keeper = keeper;
    this.#clock = {
      after: (ms, fn) => process.runtime.deadlines.after(ms, fn),
      changed: () => keeper.changed(),
    };
    this.#next = process.pid.number + process.pid.creation;
    const { group, scope } = settings;
    const monitor = { type: "monitor", group } as const;
    const lookUp = () => this.lookUp();
    this.#contact = new ScopeContact(process, scope, monitor, lookUp);
  }

  /** Starts looking for members; resolves when the members that this node's scope knows are here. */
  open(): Promise<void> {
    return this.#contact.begin();
  }

  /** Whether there are no members. */
  get isEmpty(): boolean {
    return this.#list.length === 0;
  }

  /** Updates the members from the group, as the scope knows it now. */
  lookUp(): void {
    const { runtime, pid: own } = this.#process;
    const { group, scope } = this.#settings;
    const present = new Set<Key>();
    const ofNode = new Map<string, number>();
    for (const pid of findScope(runtime, scope)?.members(group, "all") ?? []) {
      const key = keyOf(pid, runtime);
      // The scope may not have noticed yet that a node was lost.
      if (present.has(key) || own.equals(pid) || !this.#isConnected(pid)) {
        continue;
      }
      const count = (ofNode.get(pid.node) ?? 0) + 1;
      if (count > MAX_OF_NODE) continue;
      ofNode.set(pid.node, count);
      present.add(key);
      if (!this.#members.has(key)) this.#join(key, pid);
    }
    for (const [key, member] of this.#members) {
      if (!present.has(key)) this.#remove(key, member);
    }
    this.#changed();
  }

  #changed(): void {
    this.#list = [...this.#members.values()];
    this.#keeper.membersChanged();
  }

  #join(key: Key, pid: Pid): void {
    const process = this.#process;
    const ref = process.runtime.makeRef();
    const member = new PoolMember(pid, ref);
    this.#members.set(key, member);
    const down = () => {
      member.isDown = true;
      this.#remove(key, member);
      this.#changed();
    };
    onDown(process, pid, down, () => member.resume(), ref);
    const watched = (load: unknown) => {
      if (isLoadReport(load)) member.report(load);
      else member.tellsLoad ??= false;
      this.#keeper.changed();
    };
    startCall<unknown>(
      process,
      pid,
      new OwnRequest({ type: "watch_load" }),
      { timeout: Infinity, as: () => ["TaskPool", "watch", [pid]] },
    ).promise.then(watched, watched);
  }

  #remove(key: Key, member: PoolMember): void {
    if (this.#members.get(key) !== member) return;
    this.#members.delete(key);
    member.resume();
    member.hasLeft = true;
    this.leaveIfIdle(member);
  }

  /** Ends the monitor on a supervisor that has left the group, once no task is there. */
  leaveIfIdle({ hasLeft, isDown, attempts, ref }: PoolMember): void {
    if (!hasLeft || isDown || attempts.size > 0) return;
    this.#process.release(ref);
  }

  /** Returns the supervisor with the smallest fraction of its places taken, of the supervisors with a free place. */
  leastBusy(): PoolMember | undefined {
    const list = this.#list;
    const { length } = list;
    const now = this.#process.runtime.clock.now();
    let best: PoolMember | undefined;
    let use = Infinity;
    const from = this.#next++;
    for (let i = 0; i < length; i++) {
      const member = list[(from + i) % length];
      if (member.use >= use || !this.#canTake(member, now)) continue;
      best = member;
      use = member.use;
    }
    return best;
  }

  /** Checks the connection too: when a node is lost, its tasks' DOWN comes before its supervisors' DOWN. */
  #canTake(member: PoolMember, now: number): boolean {
    return member.canTake(now) && this.#isConnected(member.pid);
  }

  #isConnected({ node }: Pid): boolean {
    const { node: own, visible } = this.#process.runtime;
    return node === own || visible.has(node);
  }

  /** Passes a supervisor over for some time. */
  pause(member: PoolMember): void {
    // Nothing would stop the timer of a supervisor that has left.
    if (!member.hasLeft) member.pause(this.#clock);
  }

  /** Tells the supervisors that runs wait for a place. */
  wantTurns(): void {
    const now = this.#process.runtime.clock.now();
    for (const member of this.#list) {
      if (!member.mayWantTurn(now)) continue;
      member.waitForTurn(this.#clock);
      this.#tell(member, { type: "want_turn" });
    }
  }

  /** Declines a turn. */
  decline(member: PoolMember): void {
    this.#tell(member, { type: "no_turn" });
  }

  #tell({ pid }: PoolMember, message: TurnMessage): void {
    try {
      tellConnected(this.#process, pid, message);
    } catch {
      // The connection is full: waitForTurn's timer asks again.
    }
  }

  /** Handles a supervisor's load report; returns the supervisor if it has given the pool a turn. */
  hear({ from, message }: InternalMessage): PoolMember | undefined {
    const member = this.#members.get(keyOf(from, this.#process.runtime));
    if (member === undefined || !isLoadReport(message)) return undefined;
    member.report(message);
    return message.turn === true ? member : undefined;
  }

  /** Stops the timers. */
  close(): void {
    for (const member of this.#list) member.resume();
  }

  /** Describes the members. */
  info(): PoolMemberInfo[] {
    const now = this.#process.runtime.clock.now();
    return this.#list.map((member) => ({
      pid: member.pid,
      own: member.attempts.size,
      tasks: member.load,
      max: member.max === Infinity ? "infinity" : member.max,
      state: member.isDraining
        ? "draining"
        : member.isSilent(now)
        ? "silent"
        : this.#canTake(member, now)
        ? "ready"
        : "full",
    }));
  }
}
