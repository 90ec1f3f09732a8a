/** The commands of a shell on entities: `entities`, `entity`, `release`, `runs`, `cancelRun` and `retryRun`. */

import { Observer } from "@otp/observe/observer";
import { printable } from "@otp/processes/values/inspect";
import { aligned, checkOnNode, type OnNode } from "./observe_commands.ts";
import { type PRINTED, printed } from "./printed.ts";

/** Shows the types of a node's entities, the owners of their shards, and the parked keys. */
export async function entities(options: OnNode = {}): Promise<typeof PRINTED> {
  checkOnNode(options, "show entities");
  const lines: string[] = [];
  for (const each of await Observer.entities(options)) {
    const state = each.isServing
      ? "serves"
      : each.isStoreUp
      ? "serves none"
      : "without an answer of the store";
    lines.push(
      `${printable(each.name)}: ${state}, ${each.held} calls wait`,
      ...aligned([
        ["type", "in memory", "parked", "late alarms", "shards here"],
        ...each.types.map(({ type, entities, parked, lateAlarms, shards }) => [
          type,
          ...[entities, parked, lateAlarms, shards].map(String),
        ]),
      ], 1),
    );
    const owners = new Map<string, number>();
    for (const { owner = "no owner" } of each.shards) {
      owners.set(owner, (owners.get(owner) ?? 0) + 1);
    }
    lines.push(
      ...aligned([
        ["owner", "shards"],
        ...[...owners].sort().map(([owner, count]) => [owner, String(count)]),
      ], 1),
      ...each.parked.map(({ type, key, reason }) =>
        printable(`parked: ${type} ${JSON.stringify(key)}, last for ${reason}`)
      ),
      ...each.late.map(({ type, key, name = "", failures, reason }) =>
        printable(
          `late: alarm ${JSON.stringify(name)} of ${type} ${
            JSON.stringify(key)
          }, ${failures} failures: ${reason}`,
        )
      ),
    );
  }
  return await printed(lines.join("\n") || "There are no entities");
}

/** Shows where an entity is, and its state. */
export async function entity(
  type: string,
  key: string,
  options: OnNode = {},
): Promise<typeof PRINTED> {
  checkOnNode(options, "show an entity");
  const found = await Observer.entity(type, key, options);
  if (found === undefined) {
    return await printed(printable(`The node has no entities of type ${type}`));
  }
  const { owner = "none", shard, epoch, pid, state, isStored, parked } = found;
  const rows = [
    ["Owner", `${owner}, of the shard ${shard} with the epoch ${epoch}`],
    ["Process", pid === undefined ? "none on that node" : String(pid)],
    [isStored ? "State in the store" : "State", state ?? "none"],
    ...parked === undefined ? [] : [["Parked", parked]],
  ];
  return await printed(
    rows.map(([what, text]) => `${what}\n  ${printable(text)}`).join("\n"),
  );
}

/** Lets a parked entity start again. */
export async function release(
  type: string,
  key: string,
): Promise<"ok" | "not_parked"> {
  // Imported late: most shells have no entities.
  const { Entities } = await import("@otp/entities/entities");
  return await Entities.release(type, key) ? "ok" : "not_parked";
}

/** Shows the runs of an entity's durable methods. */
export async function runs(
  type: string,
  key: string,
): Promise<typeof PRINTED> {
  const { Entities } = await import("@otp/entities/entities");
  const all = await Entities.runs(type, key);
  const lines = all.flatMap((run) => [
    `${run.id}  ${run.method}: ${run.state}, ${run.steps} steps, since ${
      new Date(run.since).toISOString()
    }`,
    ...run.waits.map(({ kind, name, failures, until }) =>
      `  ${kind} ${JSON.stringify(name)}${
        failures > 0 ? `, failed ${failures} times` : ""
      }${until === undefined ? "" : `, until ${new Date(until).toISOString()}`}`
    ),
    ...run.error === undefined ? [] : [`  ${run.error}`],
  ]);
  return await printed(lines.map(printable).join("\n") || "There are no runs");
}

/** Ends a run of a durable method. */
export async function cancelRun(
  type: string,
  key: string,
  id: string,
): Promise<"ok" | "not_open"> {
  const { Entities } = await import("@otp/entities/entities");
  return await Entities.run(type, key, id).cancel() ? "ok" : "not_open";
}

/** Has a run go on that has failed, is parked, or waits to try a step again. */
export async function retryRun(
  type: string,
  key: string,
  id: string,
): Promise<"ok" | "not_failed"> {
  const { Entities } = await import("@otp/entities/entities");
  return await Entities.run(type, key, id).retry() ? "ok" : "not_failed";
}
