/**
 * The server of a node's entities: it starts them, answers other nodes, and runs the processes that keep the lease, write
 * and move.
 *
 * Requests: `find`, the process of a key; `accept`, whether this node takes shards; `left`, another node has no shards
 * any more; `moved`, new owners of shards; `read`, which runs a read of a key in a process of its own; `info` and `release`.
 * None waits for the store.
 *
 * All processes of the node's entities are linked to this one, and end with it.
 *
 * @module
 */

import { type From, GenServer } from "@otp/servers/gen_server/gen_server";
import {
  type CallbackModule,
  startGenServer,
} from "@otp/servers/gen_server/gen_server_process";
import {
  type ExitMessage,
  type Pid,
  Process,
  self,
  spawnLink,
} from "@otp/processes/process";
import { currentRuntime } from "@otp/processes/runtime/current_process";
import { isExitSignal } from "@otp/processes/values/exit_message";
import { isOrderly } from "@otp/processes/values/exit_reason";
import { keptReason } from "@otp/processes/values/sendable_reason";
import { addEntities } from "@otp/observe/observed_entities";
import { Crashes, type ParkedEntity, setNewest } from "./crashes.ts";
import { entitiesView } from "./entities_view.ts";
import { EntityNode, type EntitySettings } from "./entity_node.ts";
import { EntityError } from "./entity_error.ts";
import { EntityServer } from "./entity_server.ts";
import { type AlarmMessage, Keeper } from "./keeper.ts";
import { answeredWithin } from "./lease.ts";
import type { Definition } from "./entity_types.ts";
import { Mover } from "./mover.ts";
import { addNode, removeNode } from "./nodes_here.ts";
import type { LiveEntity, OwnedShard } from "./owned_shard.ts";
import { hostRequestOf, nodeOf, type ReadRequest } from "./requests.ts";
import type { DueAlarm } from "./store.ts";

/** The answer to `find`. */
export type FindReply =
  | ["pid", pid: Pid, epoch: number]
  | ["moved"]
  | ["no_store"]
  | ["overloaded"]
  | ["parked", reason: unknown];

/** The state of a node's entities. */
export interface EntitiesInfo {
  /** Whether the lease is valid: entities of this node answer. */
  isServing: boolean;
  /** The shards that this node owns, with their epochs. */
  shards: { id: string; epoch: number; entities: number }[];
  /** The number of entities in memory. */
  entities: number;
  /** The entities that crashed too often. */
  parked: ParkedEntity[];
  /** The nodes in the store. */
  nodes: { name: string; isDraining: boolean; weight: number }[];
  /** The number of calls that wait on this node. */
  held: number;
  /** Counts since the start: transactions of writes, writes in them, and failed transactions. */
  writes: { transactions: number; writes: number; failures: number };
}

/** The message of a timer: a method takes too long. */
interface LimitMessage {
  type: "$entity_limit";
  token: string;
  pid: Pid;
  name: string;
  limit: number;
}

/** The message of a timer: idle entities of a type can leave the memory. */
interface IdleMessage {
  type: "$entity_idle";
  token: string;
  name: string;
}

interface Started {
  shard: OwnedShard;
  key: string;
  live: LiveEntity;
}

interface Result {
  type: "reply" | "noreply" | "stop";
  state: unknown;
  reply?: unknown;
  reason?: unknown;
}

const GO_ON: Result = { type: "noreply", state: undefined };

/** The number of entities that are looked at to find one that can leave the memory. */
const LOOKED_AT = 1000;

/** The number of reads that run at a time: those that wait for something count too. */
const MAX_READS = 10_000;

/** The least pause between searches for idle entities, in milliseconds. */
const LEAST_PAUSE = 25;

/** The time for the last question to the store when the server stops, in milliseconds. */
const LAST = 1000;

/** The server of a node's entities. */
export class HostServer {
  readonly name: string;
  readonly #settings: EntitySettings;
  readonly #started = new Map<string, Started>();
  /** The number of entities whose process has not started yet. */
  #starting = 0;
  /** The reads that run, by the process. */
  readonly #reads = new Map<string, { pid: Pid; from: From }>();
  readonly #crashes = new Crashes();
  #node!: EntityNode;
  /** The processes that the server cannot do without. */
  #loops: Pid[] = [];
  /** Removes the entities from the view of observers. */
  #hide = () => {};

  constructor(settings: EntitySettings) {
    this.name = settings.name;
    this.#settings = settings;
  }

  async init(): Promise<{ type: "ok"; state: undefined }> {
    Process.trapExit(true);
    const node = this.#node = new EntityNode(
      currentRuntime(),
      this.#settings,
      self(),
    );
    const keeper = new Keeper(node);
    const mover = new Mover(node);
    this.#loops = [
      spawnLink(() => keeper.run()),
      spawnLink(() => node.writer.run()),
      spawnLink(() => mover.run()),
      await startGenServer(
        {
          name: `${this.name} drain`,
          init: () => ({ type: "ok", state: undefined }),
          // Any node can send to it; a server without these callbacks would end, or log each message.
          handleCall: () => this.#reply("badarg"),
          handleCast: () => GO_ON,
          handleInfo: () => GO_ON,
          // The node drains: this server answers meanwhile, so another process waits.
          handleDrain: async () => {
            node.isDraining = true;
            node.changes.notify();
            if (this.#settings.hosts) await mover.drained;
            return GO_ON;
          },
        } as CallbackModule,
        undefined,
        {},
      ),
    ];
    addNode(node);
    for (const type of this.#settings.types) this.#findIdleLater(type);
    this.#hide = addEntities(node.runtime, entitiesView(node));
    Process.signal().addEventListener("abort", () => this.#end());
    return { type: "ok", state: undefined };
  }

  async terminate(): Promise<void> {
    const node = this.#node;
    const { id } = node.lease;
    this.#end();
    // An exit with the reason "normal" would not end those that are linked.
    for (const pid of this.#loops) Process.exit(pid, "shutdown");
    for (const { pid } of this.#reads.values()) Process.exit(pid, "shutdown");
    for (const { live } of this.#started.values()) {
      if (live.pid !== undefined) Process.exit(live.pid, "shutdown");
    }
    if (id === undefined) return;
    try {
      await answeredWithin(node.runtime, LAST, () => node.store.remove(id));
    } catch {
      // Others remove it when its lease is over.
    }
  }

  /** Ends whatever would go on without the server's process. */
  #end(): void {
    const node = this.#node;
    node.isOver = true;
    removeNode(node);
    this.#hide();
    node.closeAll();
  }

  handleCall(value: unknown, from: From): Result {
    const request = hostRequestOf(value);
    if (request === undefined) return this.#reply("badarg");
    const sender = from.pid.node;
    switch (request[0]) {
      case "find": {
        const reply = this.#find(request[1], request[2], from);
        return reply === undefined ? GO_ON : this.#reply(reply);
      }
      case "read":
        return this.#read(request, from);
      case "accept": {
        const { lease, isHost } = this.#node;
        const accepts = isHost && lease.isValid && lease.id === request[1];
        return this.#reply(accepts ? "ok" : "no");
      }
      case "left":
        if (nodeOf(request[1]) === sender) {
          this.#node.removeNode(request[1], true);
        }
        return this.#reply("ok");
      case "moved":
        this.#node.hear(request[1], sender);
        return this.#reply("ok");
      case "info":
        return this.#reply(this.#info());
      case "release": {
        const id = idOf(request[1], request[2]);
        this.#crashes.release(id);
        return this.#reply(this.#node.parked.delete(id));
      }
    }
  }

  handleCast(): Result {
    return GO_ON;
  }

  handleInfo(
    message: ExitMessage | LimitMessage | AlarmMessage | IdleMessage,
  ): Result {
    if (isExitSignal(message)) return this.#exited(message);
    // Its timers know the token; any node can send to this process.
    if (message?.token !== this.#node.token) return GO_ON;
    if (message.type === "$entity_idle") this.#findIdle(message.name);
    if (message.type === "$entity_alarm") this.#alarm(message.alarm);
    if (message.type === "$entity_limit") {
      const { pid, name, limit } = message;
      this.#node.runtime.log.report(
        "error",
        () =>
          `Entities: a method of ${name} takes more than ${limit} ms; it is killed`,
        { what: "methods of entities that took too long" },
      );
      Process.exit(pid, "kill");
    }
    return GO_ON;
  }

  #reply(reply: unknown): Result {
    return { type: "reply", reply, state: undefined };
  }

  // Entities.

  #find(type: string, key: string, from: From): FindReply | undefined {
    const found = this.#entity(type, key);
    if (Array.isArray(found)) return found;
    const { live, epoch } = found;
    if (live.pid !== undefined) return ["pid", live.pid, epoch];
    live.starting.then((pid) => GenServer.reply(from, ["pid", pid, epoch]));
  }

  #read([, type, key, method, args]: ReadRequest, from: From): Result {
    const found = this.#entity(type, key);
    // A caller that asks for the process next is told more.
    if (Array.isArray(found)) {
      return this.#reply(found[0] === "no_store" ? found : ["moved"]);
    }
    if (this.#reads.size >= MAX_READS) {
      const why =
        `${MAX_READS} reads run on its owner already; await less in reads, or add nodes`;
      return this.#reply(["overloaded", why]);
    }
    const { live } = found;
    const pid = spawnLink(async () =>
      GenServer.reply(from, await live.read(method, args))
    );
    this.#reads.set(String(pid), { pid, from });
    return GO_ON;
  }

  /** Returns the entity of a key, which it starts if necessary, or the error that prevents the start. */
  #entity(
    type: string,
    key: string,
  ): { live: LiveEntity; epoch: number } | FindReply {
    const node = this.#node;
    const id = node.shardOf(type, key);
    const shard = id === undefined ? undefined : node.owned.get(id);
    if (shard === undefined || shard.state !== "open") return ["moved"];
    if (!node.lease.isValid) return ["no_store"];
    const name = idOf(type, key);
    const parked = node.parked.get(name);
    if (parked !== undefined) {
      if (!this.#crashes.mayStart(name, node.runtime.clock.now())) {
        return ["parked", parked.reason];
      }
      node.parked.delete(name);
    }
    const live = shard.entities.get(key) ?? this.#start(shard, key);
    return live === undefined ? ["overloaded"] : { live, epoch: shard.epoch };
  }

  /** Starts an entity, unless too many are busy. */
  #start(shard: OwnedShard, key: string): LiveEntity | undefined {
    const inMemory = this.#started.size + this.#starting;
    if (inMemory >= this.#settings.maxEntities && !this.#evict()) {
      return undefined;
    }
    this.#starting++;
    const server = new EntityServer(this.#node, shard, key);
    const starting = startGenServer(server, undefined, {});
    const live: LiveEntity = {
      pid: undefined,
      starting,
      state: () => server.state,
      read: (method, args) => server.read(method, args),
      endReads: () => server.endReads(),
      isBusy: true,
      isAlarmed: false,
      goesOn: false,
      isForgiven: false,
      usedAt: this.#node.runtime.clock.now(),
    };
    server.setLive(live);
    shard.entities.set(key, live);
    starting.then((pid) => {
      this.#starting--;
      live.pid = pid;
      live.isBusy = false;
      this.#started.set(String(pid), { shard, key, live });
    });
    return live;
  }

  /** Has an entity leave the memory: of the oldest few that are idle, the one that was not called for longest. */
  #evict(): boolean {
    let oldest: LiveEntity | undefined;
    let left = LOOKED_AT;
    for (const [id, started] of this.#started) {
      if (left-- === 0) break;
      const { live } = started;
      if (live.isBusy) {
        // The next search does not meet it again.
        this.#started.delete(id);
        this.#started.set(id, started);
      } else if (!oldest || live.usedAt < oldest.usedAt) oldest = live;
    }
    if (oldest?.pid === undefined) return false;
    oldest.isBusy = true;
    this.#started.delete(String(oldest.pid));
    this.#node.tell(oldest.pid, "close");
    return true;
  }

  /** Has idle entities of a type leave the memory. Calls would pay more for a timer of each entity. */
  #findIdle(name: string): void {
    const type = this.#settings.types.find((type) => type.name === name)!;
    const before = this.#node.runtime.clock.now() - type.options.idle;
    for (const { definition, entities } of this.#node.owned.values()) {
      if (definition !== type) continue;
      for (const { pid, isBusy, usedAt } of entities.values()) {
        if (!isBusy && usedAt <= before) this.#node.tell(pid!, "idle");
      }
    }
    this.#findIdleLater(type);
  }

  #findIdleLater({ name, options: { idle } }: Definition): void {
    if (idle === Infinity) return;
    const { token } = this.#node;
    const message: IdleMessage = { type: "$entity_idle", token, name };
    const pause = Math.max(Math.ceil(idle / 4), LEAST_PAUSE);
    Process.sendAfter(self(), message, pause);
  }

  #exited({ from, reason }: ExitMessage): Result {
    if (this.#loops.some((pid) => pid.equals(from))) {
      // The mover ends when the node has drained.
      if (this.#node.isDraining && isOrderly(reason)) return GO_ON;
      return { type: "stop", reason, state: undefined };
    }
    const id = String(from);
    const read = this.#reads.get(id);
    if (read !== undefined) {
      this.#reads.delete(id);
      if (reason !== "normal") {
        GenServer.reply(read.from, ["crashed", keptReason(reason)]);
      }
      return GO_ON;
    }
    const started = this.#started.get(id);
    if (started === undefined) return GO_ON;
    const { shard, key, live } = started;
    this.#started.delete(id);
    shard.removeEnded(key, live);
    live.endReads();
    this.#node.goingOn.delete(live);
    this.#node.withRuns.delete(live);
    if (!isOrderly(reason) && !live.isForgiven) {
      const error = reason instanceof EntityError ? reason.cause : reason;
      this.#crashed(shard, key, error);
    }
    // Its runs go on at once. One that cannot is found by the keeper.
    if (live.goesOn) this.#entity(shard.definition.name, key);
    return GO_ON;
  }

  /** Counts a crash; too many park the key. */
  #crashed({ definition }: OwnedShard, key: string, reason: unknown): void {
    const { maxRestarts, maxSeconds } = definition.options;
    const { parked, runtime } = this.#node;
    const id = idOf(definition.name, key);
    const now = runtime.clock.now();
    const times = this.#crashes.note(id, now, definition.options);
    if (times <= maxRestarts) return;
    const pause = this.#crashes.park(id, now, definition.options);
    setNewest(parked, id, {
      type: definition.name,
      key,
      reason: keptReason(reason),
      until: pause === Infinity ? null : this.#node.now() + pause,
    });
    runtime.log.report(
      "error",
      () =>
        `Entities: the ${definition.name} ${key} has crashed ${times} times in ${maxSeconds} s, and is parked${
          pause === Infinity ? "" : ` for ${pause} ms`
        }; Entities.release() starts it again`,
      { what: "entities that are parked" },
    );
  }

  /** Has an entity run its alarm. One that cannot is found again by the keeper's next turn. */
  #alarm({ type, key }: DueAlarm): void {
    const found = this.#entity(type, key);
    if (Array.isArray(found)) return;
    const { live } = found;
    live.starting.then((pid) => {
      if (this.#node.isOver || live.isAlarmed) return;
      live.isAlarmed = true;
      this.#node.tell(pid, "alarm");
    });
  }

  #info(): EntitiesInfo {
    const node = this.#node;
    return {
      isServing: node.lease.isValid,
      shards: [...node.owned.values()].map(({ id, epoch, entities }) => ({
        id,
        epoch,
        entities: entities.size,
      })),
      entities: this.#started.size,
      parked: [...node.parked.values()],
      nodes: [...node.nodes.values()].map(({ name, info, weight }) => ({
        name,
        weight,
        isDraining: info.isDraining,
      })),
      held: node.held,
      writes: { ...node.writer.counts },
    };
  }
}

function idOf(type: string, key: string): string {
  return `${type} ${key}`;
}
