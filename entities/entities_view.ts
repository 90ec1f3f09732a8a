/** A node's entities for observers and metrics. */

import type {
  EntitiesSource,
  ObservedEntities,
  ObservedEntity,
} from "../otp/observer/observed_entities.ts";
import { valueText } from "../otp/observer/observed_texts.ts";
import type { EntityNode } from "./entity_node.ts";

/** The maximum numbers of shards and parked entities of an answer, and the length of its texts. */
const MAX_SHARDS = 2000;
const MAX_PARKED = 100;
const MAX_STATE = 2000;
const MAX_REASON = 500;

function reasonText(reason: unknown): string {
  return reason instanceof Error
    ? `${reason.name}: ${reason.message}`.slice(0, MAX_REASON)
    : valueText(reason, MAX_REASON);
}

/** An entity that crashed too often. */
export interface ParkedEntity {
  /** The type. */
  type: string;
  /** The key. */
  key: string;
  /** The last error. */
  reason: unknown;
}

/** The view of one node's entities. */
export class EntitiesView implements EntitiesSource {
  readonly #node: EntityNode;
  readonly #parked: ReadonlyMap<string, ParkedEntity>;

  constructor(node: EntityNode, parked: ReadonlyMap<string, ParkedEntity>) {
    this.#node = node;
    this.#parked = parked;
  }

  get outcomes(): EntitiesSource["outcomes"] {
    return this.#node.outcomes;
  }

  get taken(): number {
    return this.#node.taken;
  }

  get storeTimes(): EntitiesSource["storeTimes"] {
    return this.#node.storeTimes;
  }

  observe(): ObservedEntities {
    const node = this.#node;
    const types = node.settings.types.map(({ name: type }) => ({
      type,
      shards: 0,
      entities: 0,
      parked: 0,
    }));
    const byType = new Map(types.map((each) => [each.type, each]));
    for (const { definition, entities } of node.owned.values()) {
      const type = byType.get(definition.name)!;
      type.shards++;
      type.entities += entities.size;
    }
    for (const { type } of this.#parked.values()) byType.get(type)!.parked++;
    const ids = Array.from(node.allShards(), ([id]) => id);
    return {
      name: node.settings.name,
      isServing: node.lease.isValid,
      isStoreUp: node.isStoreUp,
      held: node.held,
      types,
      shards: ids.slice(0, MAX_SHARDS).map((id) => ({
        id,
        owner: this.#ownerOf(id),
        epoch: node.table.get(id)?.epoch ?? 0,
        isMoving: node.owned.get(id)?.state === "moving",
      })),
      more: Math.max(0, ids.length - MAX_SHARDS),
      moves: node.moves.toReversed(),
      parked: [...this.#parked.values()].slice(0, MAX_PARKED).map((
        { type, key, reason },
      ) => ({ type, key, reason: reasonText(reason) })),
    };
  }

  async find(type: string, key: string): Promise<ObservedEntity | undefined> {
    const node = this.#node;
    const shard = node.shardOf(type, key);
    if (shard === undefined) return;
    const live = node.owned.get(shard)?.entities.get(key);
    const parked = this.#parked.get(`${type} ${key}`);
    return {
      ...{ type, key, shard, owner: this.#ownerOf(shard) },
      epoch: node.table.get(shard)?.epoch ?? 0,
      pid: live?.pid,
      state: live?.pid === undefined
        ? await this.#stored(type, key)
        : valueText(live.state(), MAX_STATE),
      isStored: live?.pid === undefined,
      parked: parked && reasonText(parked.reason),
    };
  }

  #ownerOf(shard: string): string | undefined {
    return this.#node.nodes.get(this.#node.table.get(shard)?.owner ?? "")?.name;
  }

  async #stored(type: string, key: string): Promise<string | undefined> {
    const { store } = this.#node;
    const stored = await this.#node.ask(() => store.load(type, key));
    if (stored === undefined || stored.body === "") return undefined;
    return valueText(JSON.parse(stored.body).s, MAX_STATE);
  }
}
