/**
 * Keeps a node's place in the store: renews its lease, watches the others, takes shards without an owner, and looks for
 * alarms.
 *
 * One turn after the other, each with one question at a time. A question that is not answered in a third of the lease is
 * given up, and asked again in the next turn; whether the node serves depends on none of that, but on `StoreLease.isValid`.
 *
 * A node whose beat has not changed for three quarters of its lease, on the clock of the watcher, is removed from the store, if
 * its beat is still that one. It cannot renew from then on, and stopped serving at two thirds. Its shards have no owner
 * then, and each goes to the node that placement picks.
 *
 * @module
 */

import { Process } from "@otp/processes/process";
import type { EntityNode } from "./entity_node.ts";
import type { DueAlarm, StoreView } from "./store.ts";

/** The number of alarms that a turn looks for. Parked entities and runs that go on stay due, and are not counted. */
const MAX_ALARMS = 1000;

/** The maximum numbers of shards whose old deletions are looked for in a turn, and of deletions that are removed. */
const CLEANED = { shards: 64, rows: 500 };

/** The message to a node's server that an alarm is due. */
export interface AlarmMessage {
  type: "$entity_alarm";
  token: string;
  alarm: DueAlarm;
}

/** Renews the lease of a node and watches the others. */
export class Keeper {
  readonly #node: EntityNode;
  #isOpen = false;
  /** The node's own beat in the last answer. */
  #beat = -1;

  constructor(node: EntityNode) {
    this.#node = node;
  }

  /** Works for ever: the code of a process of its own. */
  async run(): Promise<void> {
    while (!this.#node.isOver) {
      try {
        await this.#turn();
        this.#node.isStoreUp = true;
      } catch (error) {
        this.#node.isStoreUp = false;
        this.#node.runtime.log.report(
          "warning",
          () => `Entities: the store has not answered: ${error}`,
          { what: "the store of entities" },
        );
      }
      this.#node.changes.notify();
      await Process.sleep(this.#node.lease.interval);
    }
  }

  async #turn(): Promise<void> {
    if (!this.#isOpen) await this.#open();
    const { settings, store } = this.#node;
    const askedAt = this.#node.runtime.clock.now();
    const view = settings.hosts && !this.#hasLeft
      ? await this.#renew()
      : await this.#node.ask(() => store.view());
    if (view === undefined) return;
    this.#node.apply(view, askedAt);
    const { regress } = this.#node;
    if (regress !== undefined) return await this.#startAnew(regress);
    this.#endClosed();
    if (this.#node.lease.id === undefined) return;
    await this.#removeDead(askedAt);
    if (this.#node.isHost) await this.#claim();
    await this.#findAlarms();
    await this.#clean();
  }

  /** Removes dead nodes, for at most half of the time until the next renewal: the others follow in later turns. */
  async #removeDead(since: number): Promise<void> {
    const { store, lease, runtime } = this.#node;
    for (const { id, beat, name } of this.#node.dead()) {
      // A beat that is no exact number says nothing: the node itself, if it is up, joins anew.
      const at = Number.isSafeInteger(beat) ? beat : undefined;
      if (await this.#node.ask(() => store.remove(id, at))) {
        runtime.log.report(
          "warning",
          () =>
            this.#node.hasOther(name, id)
              ? `Entities: the lease of the last run of ${name} has ended, and all nodes share what it had`
              : `Entities: ${name} has not renewed its lease, and other nodes take over what it had`,
          { what: "removed nodes" },
        );
        this.#node.removeNode(id);
      }
      if (runtime.clock.now() - since > lease.interval / 2) return;
    }
  }

  /**
   * Closes all entities and leaves the store, which has gone back: they have states that it does not have. The next turn
   * joins.
   */
  async #startAnew(why: string): Promise<void> {
    const { store, lease: { id }, runtime, settings } = this.#node;
    this.#node.forgetStore();
    if (!settings.hosts) return;
    runtime.log.report(
      "error",
      () =>
        `Entities: the store has gone back (${why}): what it had accepted last is lost; this node starts anew from what it has`,
    );
    this.#isOpen = false;
    this.#node.closeAll();
    this.#endClosed();
    if (id === undefined) return;
    try {
      await this.#node.ask(() => store.remove(id));
    } catch {
      // Others remove it when its lease is over.
    }
  }

  /** Whether the node has given up its place for good, as it drains. */
  get #hasLeft(): boolean {
    const { isDraining, lease } = this.#node;
    return isDraining && lease.id === undefined;
  }

  async #open(): Promise<void> {
    const { store, settings } = this.#node;
    await this.#node.ask(() => store.open());
    const stored = await this.#node.ask(() =>
      store.setting("shards", String(settings.shards))
    );
    if (stored !== String(settings.shards)) {
      throw new Error(
        `the store was created with ${stored} shards, and this node has ${settings.shards}; give all nodes the option shards: ${stored}`,
      );
    }
    this.#isOpen = true;
  }

  /** Joins or renews; returns nothing if the node was removed. */
  async #renew(): Promise<StoreView | undefined> {
    const { store, lease, runtime } = this.#node;
    const info = this.#node.info();
    if (lease.id === undefined) {
      // Another id each time: a join that was not answered may still arrive, after others have removed its id for good.
      const id = `${runtime.node}/${crypto.randomUUID()}`;
      await this.#node.ask(() => store.join({ id, name: runtime.node, info }));
      lease.id = id;
      this.#beat = -1;
    }
    const [sentAt, wallAt] = [runtime.clock.now(), runtime.clock.wall()];
    const { id } = lease;
    const view = await this.#node.ask(() => store.beat(id, info));
    if (lease.id !== id) return undefined;
    if (view !== undefined) {
      const beat = view.nodes.find((row) => row?.id === id)?.beat;
      if (!Number.isSafeInteger(beat) || beat! <= this.#beat) {
        this.#node.regress ??=
          `beat ${beat} of this node follows ${this.#beat}`;
        return view;
      }
      this.#beat = beat!;
      lease.renew(sentAt, wallAt);
      return view;
    }
    runtime.log.report(
      "warning",
      () =>
        "Entities: this node has not renewed its lease in time, and others have its shards; it starts anew",
    );
    this.#node.closeAll();
    this.#endClosed();
  }

  async #claim(): Promise<void> {
    const { store, lease: { id } } = this.#node;
    const orphans = this.#node.orphans();
    if (orphans.length === 0 || id === undefined) return;
    const askedAt = this.#node.runtime.clock.now();
    const claimed = await this.#node.ask(() =>
      store.claim(
        id,
        orphans.map(({ id: shard, epoch }) => ({ shard, epoch })),
      )
    );
    for (const { shard, epoch } of claimed) {
      this.#node.learn({ id: shard, owner: id, epoch }, askedAt);
    }
    this.#node.changes.notify();
  }

  /** Has the entities of closed shards end. */
  #endClosed(): void {
    for (const { entities } of this.#node.closed.splice(0)) {
      for (const { starting } of entities.values()) {
        starting.then((pid) => {
          // The server ends its entities itself, and this process with them.
          if (!this.#node.isOver) this.#node.tell(pid, "close");
        });
      }
    }
  }

  /** Removes old deletions of shards that have come to this node, a few in each turn. */
  async #clean(): Promise<void> {
    const { store, owned } = this.#node;
    const some = [...owned.values()].filter(({ isClean }) => !isClean)
      .slice(0, CLEANED.shards);
    if (some.length === 0) return;
    const ids = some.map(({ id }) => id);
    const removed = await this.#node.ask(() => store.clean(ids, CLEANED.rows));
    if (removed === CLEANED.rows) return;
    for (const shard of some) shard.isClean = true;
  }

  /** Notes what was due a lease ago: keys whose runs should go on and do not, and alarms. */
  #noteLate(alarms: readonly DueAlarm[]): void {
    const { owned, settings, now } = { ...this.#node, now: this.#node.now() };
    const runs = new Map<string, number>();
    const overdue: DueAlarm[] = [];
    for (const alarm of alarms) {
      const { type, key, shard, due } = alarm;
      const own = owned.get(shard);
      if (own === undefined || due > now - settings.lease) continue;
      // While a run goes on, its key stays due.
      if (own.entities.get(key)?.goesOn) continue;
      if (own.definition.durable.size > 0) {
        runs.set(type, (runs.get(type) ?? 0) + 1);
      } else overdue.push(alarm);
    }
    this.#node.lateRuns = runs;
    this.#node.overdue = overdue;
  }

  async #findAlarms(): Promise<void> {
    const { store, lease } = this.#node;
    const shards = [...this.#node.owned.values()]
      .filter(({ state, definition }) =>
        state === "open" &&
        (definition.alarm !== undefined || definition.durable.size > 0)
      )
      .map(({ id }) => id);
    if (shards.length === 0) return this.#noteLate([]);
    const before = this.#node.now() + lease.interval;
    const { parked, goingOn } = this.#node;
    const most = MAX_ALARMS + parked.size + goingOn.size;
    const alarms = await this.#node.ask(() => store.due(shards, before, most));
    this.#noteLate(alarms);
    for (const alarm of alarms) {
      const { token } = this.#node;
      const message: AlarmMessage = { type: "$entity_alarm", token, alarm };
      const after = Math.max(0, Math.ceil(alarm.due - this.#node.now()));
      Process.sendAfter(this.#node.warden, message, after);
    }
  }
}
