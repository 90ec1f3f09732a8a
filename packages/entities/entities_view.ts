/** A node's entities for observers and metrics. */

import type {
  EntitiesSource,
  ObservedLateAlarm,
} from "@otp/observe/observed_entities";
import { valueText } from "@otp/observe/observer/observed_texts";
import type { EntityNode } from "./entity_node.ts";

/** The maximum numbers of shards, parked entities and late alarms of an answer, and the length of its texts. */
const MAX_SHARDS = 2000;
const MAX_PARKED = 100;
const MAX_LATE = 100;
const MAX_STATE = 2000;
const MAX_REASON = 500;

function reasonText(reason: unknown): string {
  return reason instanceof Error
    ? `${reason.name}: ${reason.message}`.slice(0, MAX_REASON)
    : valueText(reason, MAX_REASON);
}

/** Returns the view of one node's entities. */
export function entitiesView(node: EntityNode): EntitiesSource {
  const { parked } = node;
  const ownerOf = (shard: string) =>
    node.nodes.get(node.table.get(shard)?.owner ?? "")?.name;
  return {
    get outcomes() {
      return node.outcomes;
    },
    endedRuns: node.endedRuns,
    get taken() {
      return node.taken;
    },
    storeTimes: node.storeTimes,
    observe() {
      const types = node.settings.types.map(({ name: type }) => ({
        type,
        shards: 0,
        entities: 0,
        parked: 0,
        runs: runsOf(node, type),
        lateRuns: node.lateRuns.get(type) ?? 0,
        lateAlarms: 0,
      }));
      const byType = new Map(types.map((each) => [each.type, each]));
      for (const { definition, entities } of node.owned.values()) {
        const type = byType.get(definition.name)!;
        type.shards++;
        type.entities += entities.size;
      }
      for (const { type } of parked.values()) byType.get(type)!.parked++;
      const late = lateAlarms(node);
      for (const { type } of late) byType.get(type)!.lateAlarms++;
      const ids = Array.from(node.allShards(), ([id]) => id);
      return {
        name: node.settings.name,
        isServing: node.lease.isValid,
        isStoreUp: node.isStoreUp,
        held: node.held,
        types,
        shards: ids.slice(0, MAX_SHARDS).map((id) => ({
          id,
          owner: ownerOf(id),
          epoch: node.table.get(id)?.epoch ?? 0,
          isMoving: node.owned.get(id)?.state === "moving",
        })),
        more: Math.max(0, ids.length - MAX_SHARDS),
        moves: node.moves.toReversed(),
        parked: [...parked.values()].slice(0, MAX_PARKED).map((
          { type, key, reason, until },
        ) => ({ type, key, reason: reasonText(reason), until })),
        late: late.slice(0, MAX_LATE),
      };
    },
    async find(type, key) {
      const shard = node.shardOf(type, key);
      if (shard === undefined) return;
      const live = node.owned.get(shard)?.entities.get(key);
      const isHere = live?.pid !== undefined;
      const crashed = parked.get(`${type} ${key}`);
      return {
        ...{ type, key, shard, owner: ownerOf(shard) },
        epoch: node.table.get(shard)?.epoch ?? 0,
        pid: live?.pid,
        state: isHere
          ? valueText(live.state(), MAX_STATE)
          : await storedText(node, type, key),
        isStored: !isHere,
        parked: crashed && reasonText(crashed.reason),
      };
    },
  };
}

/** The number of open runs in memory, by state. */
function runsOf(node: EntityNode, type: string): Record<string, number> {
  const counts: Record<string, number> = {
    ...{ active: 0, waiting: 0, failing: 0, failed: 0, parked: 0 },
  };
  for (const each of node.withRuns.values()) {
    if (each.type !== type) continue;
    for (const { state } of each.open()) counts[state]++;
  }
  return counts;
}

function lateAlarms(
  { failing, overdue, parked }: EntityNode,
): ObservedLateAlarm[] {
  return [
    ...[...failing.values()].flatMap(({ type, key, alarms }) =>
      Array.from(alarms, ([name, { at, failures, next, reason }]) => ({
        ...{ type, key, name, at, failures, next, reason },
      }))
    ),
    ...overdue.map(({ type, key, due: at }) => ({
      ...{ type, key, name: undefined, at, failures: 0, next: undefined },
      reason: parked.has(`${type} ${key}`)
        ? "its key is parked"
        : "it waits for its key",
    })),
  ];
}

async function storedText(
  node: EntityNode,
  type: string,
  key: string,
): Promise<string | undefined> {
  const stored = await node.ask(() => node.store.load(type, key));
  if (stored === undefined || stored.body === "") return undefined;
  return valueText(JSON.parse(stored.body).s, MAX_STATE);
}
