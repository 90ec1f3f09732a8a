/**
 * One node's part in the entities of a cluster: its lease, the shards that it owns, and all that it knows of the others.
 *
 * Nothing here waits or asks. `keeper.ts` renews the lease and reads the store, `mover.ts` hands shards over,
 * `host_server.ts` answers other nodes, `caller.ts` calls. All of them share this object.
 *
 * Knowledge of shards arrives by several ways: views of the store, results of claims, news of other nodes. It may
 * arrive late. The epoch of a shard only grows, so a row with a lower epoch than the known one is dropped.
 *
 * @module
 */

import { GenServer } from "@otp/servers/gen_server/gen_server";
import type { Pid } from "@otp/processes/process";
import type { Runtime } from "@otp/processes/process/runtime";
import { inspect } from "@otp/processes/values/inspect";
import { watchSignal } from "@otp/processes/scheduling/abort_watch";
import type { Alarms } from "./alarms.ts";
import { type ParkedEntity, setNewest } from "./crashes.ts";
import type { RunInfo, RunState } from "./durable_types.ts";
import type { Definition, EntitiesOptions } from "./entity_types.ts";
import type { ObservedMove, StoreTime } from "@otp/observe/observed_entities";
import { answeredWithin, Changes, patienceWith, StoreLease } from "./lease.ts";
import { type LiveEntity, OwnedShard } from "./owned_shard.ts";
import { type Candidate, shardNumber, typeOf, winnerOf } from "./placement.ts";
import { nodeOf } from "./requests.ts";
import {
  isNodeRow,
  isShardRow,
  type NodeInfo,
  readNodeInfo,
  unknownInfo,
} from "./rows.ts";
import type {
  DueAlarm,
  Store,
  StoreNode,
  StoreShard,
  StoreView,
} from "./store.ts";
import { timedStore } from "./store_calls.ts";
import { Writer } from "./writer.ts";

/** The number of entities of a type on other nodes whose process is remembered. */
const MAX_CACHE = 10_000;

/** The maximum number of nodes that are known to be gone for good. */
const MAX_LEFT = 10_000;

/** The number of nodes among which shards are placed: those that this node has known for longest. */
const MAX_CANDIDATES = 500;

/** The number of moves that are remembered. */
const MAX_MOVES = 50;

/** The settings of a node. */
export interface EntitySettings
  extends Readonly<Required<Omit<EntitiesOptions, "types" | "pins">>> {
  readonly types: readonly Definition[];
  /** The pinned keys by type, or `true` for all keys. */
  readonly pins: ReadonlyMap<string, readonly string[] | true>;
}

/** Another node, or this one, as the store has it. */
export interface KnownNode extends Candidate {
  readonly id: string;
  info: NodeInfo;
  /** The text of its description. */
  text: string;
  beat: number;
  /** Since when its beat is this one, on the clock of this node, without the time in which the store did not answer. */
  since: number;
  /** Aborted when the node was removed: its answers will not come. */
  readonly gone: AbortController;
}

/** A type on this node. */
export interface KnownType {
  readonly node: EntityNode;
  readonly definition: Definition;
  /** The ids of its shards. */
  readonly shards: string[];
  /** The processes of entities on other nodes, by key. */
  readonly cache: Map<string, CachedPlace>;
  /** The number of calls from this node that have succeeded. */
  succeeded: number;
}

/** The process of an entity on another node. */
interface CachedPlace {
  pid: Pid;
  /** The epoch of its shard. */
  epoch: number;
}

/** The owner of a shard, as this node knows it. */
interface KnownShard extends StoreShard {
  /** When it was learned, on the clock of this node. */
  at: number;
  /** The epoch in the store when that answered last; another node may have said that it is a later one now. */
  stored: number;
}

/** An entity with runs that have not ended. */
interface EntityWithRuns {
  readonly type: string;
  readonly key: string;
  open(): RunInfo[];
}

/** An entity with alarms that have failed, and will run again. */
interface FailingEntity {
  readonly shard: string;
  readonly type: string;
  readonly key: string;
  readonly alarms: Alarms;
}

/** Where the shards of a type belong. */
interface Placement {
  /** This node's id and whether it drained, when the candidates were found. */
  own: string | undefined;
  isDraining: boolean;
  candidates: KnownNode[];
  winners: Map<string, KnownNode | undefined>;
}

const NOTHING = { aborted: () => {} };

/** One node's part in the entities of a cluster. */
export class EntityNode {
  readonly runtime: Runtime;
  readonly settings: EntitySettings;
  readonly store: Store;
  readonly lease: StoreLease;
  readonly writer: Writer;
  /** The node's server, which also ends a method that takes too long. */
  readonly warden: Pid;
  /** Notified when the lease, a shard or a node has changed. */
  readonly changes: Changes = new Changes();
  /** The shards that this node owns. */
  readonly owned: Map<string, OwnedShard> = new Map();
  /** The last known owner of each shard. */
  readonly table: Map<string, KnownShard> = new Map();
  /** The nodes in the store, by id. */
  readonly nodes: Map<string, KnownNode> = new Map();
  readonly #types = new Map<string, KnownType>();
  /**
   * When each node left that is gone for good: a late view may still have it. One that the store still has when it would
   * be dead, as its removal was lost, is to be removed.
   */
  readonly #left = new Map<string, number>();
  /** The shards whose rows cannot be read: nobody can own them. */
  #unreadable: ReadonlySet<string> = new Set();
  /** The candidates of each type, and the shards that each should own, until something changes. */
  readonly #placements = new Map<string, Placement>();
  /** The sign that the store has gone back, until the keeper has seen it. */
  regress: string | undefined;
  #timeline: string | undefined;
  /** Proves that a message is of this node. */
  readonly token: string = crypto.randomUUID();
  /** Whether this node gives its shards away and takes none. */
  isDraining = false;
  /** Whether the store answered the last question of the keeper. */
  isStoreUp = false;
  /** Whether the node's server has ended: loops end too, as plain promises go on in a dead process. */
  isOver = false;
  /** The entities that crashed too often. */
  readonly parked: Map<string, ParkedEntity> = new Map();
  /** The entities whose runs go on: the store says that they are due. */
  readonly goingOn: Set<LiveEntity> = new Set();
  /** The entities in memory with runs that have not ended. */
  readonly withRuns: Map<LiveEntity, EntityWithRuns> = new Map();
  /** The number of runs that have ended or failed here, by type and state. */
  readonly endedRuns: Map<string, number> = new Map();
  /** The number of keys by type whose runs were due a lease ago, at the keeper's last look, and do not go on. */
  lateRuns: ReadonlyMap<string, number> = new Map();
  /** The entities of this node whose alarms have failed, by type and key. */
  readonly failing: Map<string, FailingEntity> = new Map();
  /** The alarms of this node that were due a lease ago, at the keeper's last look. */
  overdue: readonly DueAlarm[] = [];
  /** Shards that were closed, whose entities have not been told. */
  readonly closed: OwnedShard[] = [];
  /** The number of calls that wait on this node. */
  held = 0;
  /** The last changes of owners, the newest last. */
  readonly moves: ObservedMove[] = [];
  /** The number of shards that have come to this node. */
  taken = 0;
  /** The number of calls from this node that have failed, by type and outcome. */
  readonly #failed = new Map<string, number>();
  readonly storeTimes: Map<string, StoreTime> = new Map();
  #clock = { at: 0, now: 0 };

  constructor(runtime: Runtime, settings: EntitySettings, warden: Pid) {
    this.runtime = runtime;
    this.settings = settings;
    this.store = timedStore(runtime, settings.store, this.storeTimes);
    this.warden = warden;
    this.lease = new StoreLease(runtime, settings.lease);
    this.writer = new Writer(runtime, this.store, this.lease);
    for (const definition of settings.types) {
      const shards = Array.from(
        { length: settings.shards },
        (_, n) => `${definition.name}/${n}`,
      );
      this.#types.set(definition.name, {
        node: this,
        definition,
        shards,
        cache: new Map(),
        succeeded: 0,
      });
    }
  }

  /** Whether this node hosts entities now. */
  get isHost(): boolean {
    return this.settings.hosts && !this.isDraining;
  }

  /** The store's time, in milliseconds since 1970. */
  now(): number {
    return this.#clock.now + this.runtime.clock.now() - this.#clock.at;
  }

  /** Asks the store; rejects if it takes too long. */
  ask<T>(question: () => Promise<T>): Promise<T> {
    return answeredWithin(this.runtime, this.lease.storeTimeout, question);
  }

  /** A type of this node. */
  knownType(name: string): KnownType {
    return this.#types.get(name)!;
  }

  /** The id of the shard of a key; `undefined` if the node has no such type. */
  shardOf(type: string, key: string): string | undefined {
    const known = this.#types.get(type);
    return known && shardIn(known, key);
  }

  /** The owner of a key, as the node knows it. */
  rowOf(type: string, key: string): StoreShard | undefined {
    return this.table.get(this.shardOf(type, key) ?? "");
  }

  /** Tells an entity of this node something that only this node may. */
  tell(
    entity: Pid,
    what: "close" | "idle" | "alarm" | "run",
    about?: string,
  ): void {
    GenServer.cast(entity, [what, this.token, about]);
  }

  /** Notes which alarms of an entity have failed. */
  noteAlarms(
    { id: shard, definition: { name: type } }: OwnedShard,
    key: string,
    alarms: Alarms,
  ): void {
    if (alarms.size === 0 && this.failing.size === 0) return;
    const id = `${type} ${key}`;
    this.failing.delete(id);
    const failed = [...alarms].filter(([, { failures }]) => failures > 0);
    if (failed.length === 0) return;
    setNewest(this.failing, id, { shard, type, key, alarms: new Map(failed) });
  }

  /** The process of an entity on this node, once it has started. */
  pidHere(type: KnownType, key: string): Pid | undefined {
    return this.owned.get(shardIn(type, key))?.entities.get(key)?.pid;
  }

  /** The shards of all types of this node. */
  *allShards(): Iterable<[id: string, Definition]> {
    for (const { definition, shards } of this.#types.values()) {
      for (const id of shards) yield [id, definition];
    }
  }

  /** Notes the process of an entity on another node; of too many, forgets the oldest. */
  remember({ cache }: KnownType, key: string, place: CachedPlace): void {
    cache.delete(key);
    cache.set(key, place);
    if (cache.size <= MAX_CACHE) return;
    for (const oldest of cache.keys()) {
      cache.delete(oldest);
      break;
    }
  }

  /** Waits for a change, some time, or a signal; without a failure. */
  async hold(ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal === undefined) {
      return await this.changes.waitFor(this.runtime, ms);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const abort = () => resolve();
    signal.addEventListener("abort", abort);
    await Promise.race([promise, this.changes.waitFor(this.runtime, ms)]);
    signal.removeEventListener("abort", abort);
  }

  // Nodes and shards.

  /** Takes a view of the store, which was requested at that moment of the node's clock. */
  apply({ now, nodes, shards, timeline }: StoreView, askedAt: number): void {
    const { runtime, lease } = this;
    const at = runtime.clock.now();
    // No beat can be seen while the store does not answer: that time counts as one turn of the keeper.
    const { interval, storeTimeout } = lease;
    const gap = at - this.#clock.at;
    const blind = gap > interval + storeTimeout ? gap - interval : 0;
    this.#clock = { at, now };
    if (timeline) {
      this.#timeline ??= timeline;
      if (this.#timeline !== timeline) {
        this.regress ??= `timeline ${timeline} follows ${this.#timeline}`;
        this.#timeline = timeline;
      }
    }
    const gone = new Set(this.nodes.keys());
    for (const row of nodes) {
      if (!isNodeRow(row)) {
        this.#refuseRow("node", row?.id);
        continue;
      }
      if (this.#hasLeft(row.id, at)) continue;
      gone.delete(row.id);
      this.#learnNode(row, at, blind);
    }
    for (const id of gone) this.removeNode(id);
    this.#placements.clear();
    this.#learnAll(shards, askedAt);
    this.changes.notify();
  }

  #learnNode({ id, name, info, beat }: StoreNode, at: number, blind: number) {
    const known = this.nodes.get(id);
    if (known !== undefined) {
      known.since = known.beat === beat ? known.since + blind : at;
      known.beat = beat;
      known.name = name;
      if (known.text === info) return;
    }
    const { lease } = this.settings;
    const read = readNodeInfo(info, lease);
    if (read === undefined) this.#refuseRow("node", id);
    const parsed = read ?? unknownInfo(lease);
    const pins = parsed.pins && new Set(parsed.pins);
    const row = { text: info, info: parsed, weight: parsed.weight, pins };
    if (known !== undefined) {
      Object.assign(known, row);
      return;
    }
    const gone = new AbortController();
    // The first wait on a signal adds a listener, and the last removes it: with a wait that stays, no call does.
    watchSignal(gone.signal, NOTHING);
    this.nodes.set(id, { id, name, beat, since: at, gone, ...row });
  }

  /** Whether a node has left, so that a row of it is of before. */
  #hasLeft(id: string, now: number): boolean {
    const leftAt = this.#left.get(id);
    if (leftAt === undefined) return false;
    if (now - leftAt < patienceWith(this.settings.lease)) return true;
    this.#left.delete(id);
    return false;
  }

  #learnAll(shards: readonly StoreShard[], askedAt: number): void {
    const unreadable = new Set<string>();
    const missing = new Set(this.table.keys());
    for (const shard of shards) {
      missing.delete(shard?.id);
      if (isShardRow(shard)) {
        this.learn(shard, askedAt);
        continue;
      }
      unreadable.add(shard?.id);
      if (!this.#unreadable.has(shard?.id)) this.#refuseRow("shard", shard?.id);
      this.#unlearn(shard?.id);
    }
    for (const id of missing) {
      const { stored, at } = this.table.get(id)!;
      if (at >= askedAt) continue;
      this.regress ??= `the shard ${id} is missing after epoch ${stored}`;
      this.#unlearn(id);
    }
    this.#unreadable = unreadable;
  }

  #unlearn(id: string): void {
    this.table.delete(id);
    const own = this.owned.get(id);
    if (own !== undefined) this.close(own);
  }

  #refuseRow(kind: "node" | "shard", id: unknown): void {
    this.runtime.log.report(
      "error",
      () =>
        `Entities: the row of the ${kind} ${
          inspect(id)
        } in the store cannot be read, and is ignored; correct or delete it`,
      { what: "rows of the store" },
    );
  }

  /** Forgets what the store has said: it has gone back. */
  forgetStore(): void {
    this.regress = undefined;
    this.#left.clear();
    this.table.clear();
  }

  /** Forgets a node that is gone for good; one that has left still answers the calls that are under way to it. */
  removeNode(id: string, hasLeft = false): void {
    this.#left.set(id, this.runtime.clock.now());
    if (this.#left.size > MAX_LEFT) {
      this.#left.delete(this.#left.keys().next().value!);
    }
    this.#placements.clear();
    const known = this.nodes.get(id);
    this.nodes.delete(id);
    if (!hasLeft) known?.gone.abort();
  }

  /**
   * Learns of hand-overs from the node that made them. The store knows better: if a node has lied, the next view says so.
   */
  hear(rows: readonly StoreShard[], sender: string): void {
    for (const row of rows) {
      const known = this.table.get(row.id);
      if (known === undefined || this.owned.has(row.id)) continue;
      const isNext = row.epoch === known.epoch + 1 &&
        nodeOf(known.owner) === sender;
      if (isNext) this.learn(row, this.runtime.clock.now(), known.stored);
    }
    this.changes.notify();
  }

  /**
   * Learns the owner of a shard, as the store has it, which was asked at that moment. An answer to an earlier question may
   * be older than what is known. News of other nodes have the epoch that the store had before.
   */
  learn(
    { id, owner, epoch }: StoreShard,
    askedAt: number,
    stored: number = epoch,
  ): void {
    const row = { id, owner, epoch, at: this.runtime.clock.now(), stored };
    const known = this.table.get(id);
    if (known !== undefined && known.epoch > epoch && known.at >= askedAt) {
      return;
    }
    if (known !== undefined && known.stored > stored) {
      this.regress ??=
        `epoch ${stored} of the shard ${id} follows ${known.stored}`;
    }
    this.table.set(id, row);
    if (known !== undefined && known.owner !== owner) {
      this.#noteMove(known, row);
    }
    const own = this.owned.get(id);
    if (own !== undefined && own.epoch !== epoch) this.close(own);
    if (owner !== this.lease.id || this.owned.has(id)) return;
    const definition = this.#types.get(typeOf(id))?.definition;
    if (definition === undefined) return;
    this.owned.set(id, new OwnedShard(id, definition, epoch));
    this.taken++;
  }

  #noteMove({ id, owner: from }: StoreShard, { owner: to }: StoreShard): void {
    const [before, after] = [from, to].map((owner) =>
      owner.slice(0, owner.lastIndexOf("/"))
    );
    this.moves.push({ shard: id, from: before, to: after, at: this.now() });
    if (this.moves.length > MAX_MOVES) this.moves.shift();
  }

  /** Counts a run that has ended or failed here. */
  countRun(type: string, state: RunState): void {
    const key = `${type} ${state}`;
    this.endedRuns.set(key, (this.endedRuns.get(key) ?? 0) + 1);
  }

  /** Counts a call from this node that has failed. */
  countFailure(type: string, outcome: string): void {
    const key = `${type} ${outcome}`;
    this.#failed.set(key, (this.#failed.get(key) ?? 0) + 1);
  }

  /** The number of calls from this node that have ended, by type and outcome. */
  get outcomes(): ReadonlyMap<string, number> {
    const outcomes = new Map(this.#failed);
    for (const [name, { succeeded }] of this.#types) {
      if (succeeded > 0) outcomes.set(`${name} ok`, succeeded);
    }
    return outcomes;
  }

  /** Closes a shard: nothing of its entities leaves any more. */
  close(shard: OwnedShard): void {
    shard.state = "closed";
    if (this.owned.get(shard.id) === shard) this.owned.delete(shard.id);
    for (const [id, failing] of this.failing) {
      if (failing.shard === shard.id) this.failing.delete(id);
    }
    this.closed.push(shard);
    this.changes.notify();
  }

  /** Closes all shards: the store has removed this node. */
  closeAll(): void {
    this.lease.end();
    for (const shard of [...this.owned.values()]) this.close(shard);
    this.changes.notify();
  }

  // Placement.

  /** The nodes that may own shards of a type, except those that seem dead. */
  candidates(type: string): KnownNode[] {
    return this.#placementOf(type).candidates;
  }

  /** The node that should own a shard of a type, as far as this node knows. */
  #winnerOf(shard: string, type: string): KnownNode | undefined {
    const { candidates, winners } = this.#placementOf(type);
    let winner = winners.get(shard);
    if (winner === undefined) {
      winners.set(shard, winner = winnerOf(shard, candidates));
    }
    return winner;
  }

  #placementOf(type: string): Placement {
    const { isDraining, lease: { id: own } } = this;
    let placement = this.#placements.get(type);
    if (placement?.own !== own || placement?.isDraining !== isDraining) {
      const candidates = this.#findCandidates(type);
      placement = { own, isDraining, candidates, winners: new Map() };
      this.#placements.set(type, placement);
    }
    return placement;
  }

  #findCandidates(type: string): KnownNode[] {
    const now = this.runtime.clock.now();
    const latest = new Map<string, KnownNode>();
    for (const node of this.nodes.values()) {
      const { id, info, since, name } = node;
      if (id === this.lease.id && this.isDraining) continue;
      if (info.isDraining || !info.types.includes(type)) continue;
      if (id !== this.lease.id && now - since > patienceWith(info.lease) / 2) {
        continue;
      }
      const other = latest.get(name);
      if (
        other === undefined && latest.size >= MAX_CANDIDATES &&
        id !== this.lease.id
      ) continue;
      if (other === undefined || other.since < since) latest.set(name, node);
    }
    return [...latest.values()];
  }

  /** The nodes whose beat has not changed for so long that they are dead. */
  dead(): KnownNode[] {
    const now = this.runtime.clock.now();
    return [...this.nodes.values()].filter(({ id, since, info }) =>
      id !== this.lease.id && now - since >= patienceWith(info.lease)
    );
  }

  /** Whether a node has started again: another one than that of this id has its name. */
  hasOther(name: string, id: string): boolean {
    return [...this.nodes.values()].some((node) =>
      node.name === name && node.id !== id
    );
  }

  /** The shards that have no owner, and that this node should have. */
  orphans(): StoreShard[] {
    const { id: own } = this.lease;
    const orphans: StoreShard[] = [];
    for (const { definition, shards } of this.#types.values()) {
      for (const id of shards) {
        const row = this.table.get(id);
        if (row !== undefined && this.nodes.has(row.owner)) continue;
        if (this.#unreadable.has(id)) continue;
        if (this.#winnerOf(id, definition.name)?.id !== own) continue;
        orphans.push(row ?? { id, owner: "", epoch: 0 });
      }
    }
    return orphans;
  }

  /** The shards that other nodes should have, by the id of the node. */
  misplaced(): Map<string, OwnedShard[]> {
    const byNode = new Map<string, OwnedShard[]>();
    let left = this.isDraining ? Infinity : this.settings.maxMoves;
    for (const shard of this.owned.values()) {
      if (shard.state !== "open") continue;
      const winner = this.#winnerOf(shard.id, shard.definition.name);
      if (winner === undefined || winner.id === this.lease.id) continue;
      if (left-- <= 0) break;
      const shards = byNode.get(winner.id) ?? [];
      byNode.set(winner.id, shards);
      shards.push(shard);
    }
    return byNode;
  }

  /** This node's description for others. */
  info(): string {
    const { types, weight, pins } = this.settings;
    const info: NodeInfo = {
      types: types.map(({ name }) => name),
      weight,
      isDraining: this.isDraining,
      lease: this.settings.lease,
    };
    if (pins.size > 0) info.pins = [...this.#pins()];
    return JSON.stringify(info);
  }

  #pins(): Set<string> {
    return new Set(
      [...this.settings.pins].flatMap(([type, keys]) =>
        keys === true ? type : keys.map((key) => this.shardOf(type, key)!)
      ),
    );
  }
}

function shardIn({ shards }: KnownType, key: string): string {
  return shards[shardNumber(key, shards.length)];
}
