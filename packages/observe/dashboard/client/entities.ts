/**
 * The entities of all nodes: keys by node, parked keys, and, as the shown node knows them, moves and shards. A form finds
 * one key.
 */

import type { PageEntities, PageState } from "../page_shapes.ts";
import {
  card,
  element,
  factList,
  nodeLink,
  type PageContent,
  processLink,
  table,
  tableCard,
} from "./elements.ts";
import { clockText, decimalText } from "./texts.ts";

/** The key that the form asks for. */
export const sought: Record<"type" | "key", string> = { type: "", key: "" };

/** Builds the view; returns the function that updates it. */
export function buildEntities(
  main: HTMLElement,
  refresh: () => void,
): (state: PageState) => void {
  const type = element("select", { id: "type" });
  const key = element("input", { id: "key", type: "search", maxlength: 1000 });
  key.value = sought.key;
  const find = () => {
    [sought.type, sought.key] = [type.value, key.value];
    refresh();
  };
  const found = element("div", { role: "status" });
  const keys = element("div");
  const cards = element("div", { class: "columns" });
  main.replaceChildren(
    element(
      "form",
      {
        class: "controls",
        role: "search",
        submit: (event) => {
          event.preventDefault();
          find();
        },
      },
      element("label", { for: "type" }, "Type"),
      type,
      element("label", { for: "key" }, "Key"),
      key,
      element("button", {}, "Find"),
    ),
    found,
    keys,
    cards,
  );
  const select = (parked: { type: string; key: string }) => {
    [type.value, key.value] = [parked.type, parked.key];
    find();
  };
  let before = "";
  let areShardsOpen = false;
  return ({ entities = [], entity, node, error }) => {
    const now = JSON.stringify([entities, entity, node, error]);
    if (now === before) return;
    before = now;
    const types = new Set(
      entities.flatMap(({ servers }) =>
        servers.flatMap(({ types }) => types.map(({ type }) => type))
      ),
    );
    const wanted = type.value || sought.type;
    type.replaceChildren(
      ...Array.from(types, (value) => element("option", { value }, value)),
    );
    type.value = types.has(wanted) ? wanted : [...types][0] ?? "";
    found.replaceChildren(...foundCard(entity));
    const shown = entities.find((each) => each.node === node)?.servers ?? [];
    keys.replaceChildren(
      error === undefined
        ? keysCard(entities)
        : element("p", { class: "card" }, error),
    );
    cards.replaceChildren(
      ...parkedCard(entities, select),
      ...lateCard(entities, select),
      ...shown.flatMap((server) => [
        movesCard(server),
        shardsCard(server, areShardsOpen, (isOpen) => areShardsOpen = isOpen),
      ]),
    );
  };
}

type PageServers = NonNullable<PageState["entities"]>;

function foundCard(entity: PageState["entity"]): HTMLElement[] {
  if (entity === undefined) return [];
  if (entity === null) {
    return [card("Not found", "The shown node has no entities of that type.")];
  }
  const { type, key, owner, shard, epoch, pid, state, isStored, parked } =
    entity;
  const facts: [string, PageContent][] = [
    ["Owner", owner === undefined ? "none" : nodeLink("entities", owner)],
    ["Shard", shard],
    ["Epoch", String(epoch)],
    ["Process", pid === undefined ? "none in memory" : processLink(pid)],
  ];
  if (parked !== undefined) {
    facts.push(["Parked", element("span", { class: "reason" }, parked)]);
  }
  return [card(
    `${type} ${key}`,
    factList("details", facts),
    element("small", {}, isStored ? "State in the store" : "State in memory"),
    element("pre", {}, state ?? "none: this key was never stored"),
  )];
}

function keysCard(nodes: PageServers): HTMLElement {
  const rows = nodes.flatMap(({ node, error, servers }) =>
    error !== undefined
      ? [[node, error, "", "", "", "", "", "", ""]]
      : servers.flatMap((server) =>
        server.types.map((
          { type, entities, shards, parked, lateAlarms, runs, lateRuns },
        ) => [
          nodeLink("entities", node),
          stateText(server),
          type,
          decimalText(entities),
          decimalText(shards),
          decimalText(parked),
          decimalText(lateAlarms),
          decimalText(runs.active + runs.waiting + runs.failing),
          troubleText(runs, lateRuns),
        ])
      )
  );
  return tableCard(
    "Keys by node",
    [
      ...["Node", "State", "Type", "Keys in memory", "Shards", "Parked"],
      ...["Late alarms", "Runs", "Runs in trouble"],
    ],
    rows,
    { numeric: [3, 4, 5, 6, 7], empty: "No node has entities." },
  );
}

type PageRuns = PageEntities["types"][number]["runs"];

/** The runs that somebody should look at. */
function troubleText(
  { failing, failed, parked }: PageRuns,
  lateRuns: number,
): string {
  const counts = { failing, failed, parked, "late keys": lateRuns };
  return Object.entries(counts).filter(([, count]) => count > 0)
    .map(([what, count]) => `${decimalText(count)} ${what}`).join(", ");
}

function stateText({ isServing, isStoreUp, held }: PageEntities): string {
  const state = isServing
    ? "serves"
    : isStoreUp
    ? "only calls"
    : "no answer of the store";
  return held === 0 ? state : `${state}, ${decimalText(held)} calls wait`;
}

function parkedCard(
  nodes: PageServers,
  select: (parked: { type: string; key: string }) => void,
): HTMLElement[] {
  const rows = nodes.flatMap(({ node, servers }) =>
    servers.flatMap(({ parked }) =>
      parked.map((each) => [
        element(
          "button",
          { type: "button", click: () => select(each) },
          `${each.type} ${each.key}`,
        ),
        node,
        element("span", { class: "reason" }, each.reason),
      ])
    )
  );
  return rows.length === 0
    ? []
    : [tableCard("Parked keys", ["Key", "Node", "Last error"], rows)];
}

function lateCard(
  nodes: PageServers,
  select: (late: { type: string; key: string }) => void,
): HTMLElement[] {
  const rows = nodes.flatMap(({ node, servers }) =>
    servers.flatMap(({ late }) =>
      late.map((each) => [
        element(
          "button",
          { type: "button", click: () => select(each) },
          `${each.type} ${each.key}`,
        ),
        each.name ?? "",
        node,
        clockText(each.at),
        decimalText(each.failures),
        element("span", { class: "reason" }, each.reason),
      ])
    )
  );
  return rows.length === 0 ? [] : [tableCard(
    "Late alarms",
    ["Key", "Alarm", "Node", "Due", "Failures", "Last error"],
    rows,
    { numeric: [3, 4] },
  )];
}

function movesCard({ moves }: PageEntities): HTMLElement {
  // Shards move many at a time.
  const groups = Map.groupBy(
    moves,
    ({ at, from, to }) => JSON.stringify([clockText(at), from, to]),
  );
  return tableCard(
    "Last moves",
    ["At", "From", "To", "Shards"],
    Array.from(groups, ([key, { length, 0: { shard } }]) => [
      ...JSON.parse(key),
      length === 1 ? shard : `${shard} and ${length - 1} more`,
    ]),
    { numeric: [0], empty: "This node has seen none." },
  );
}

function shardsCard(
  { shards, more }: PageEntities,
  isOpen: boolean,
  toggled: (isOpen: boolean) => void,
): HTMLElement {
  const owners = new Map<string, number>();
  for (const { owner = "no owner" } of shards) {
    owners.set(owner, (owners.get(owner) ?? 0) + 1);
  }
  const details: HTMLDetailsElement = element(
    "details",
    { open: isOpen, toggle: () => toggled(details.open) },
    element("summary", {}, "Each shard"),
    table(
      "Each shard",
      ["Shard", "Owner", "Epoch"],
      shards.map(({ id, owner = "none", epoch, isMoving }) => [
        id,
        isMoving ? `${owner}, moves` : owner,
        decimalText(epoch),
      ]),
      [2],
    ),
    more > 0 && element("p", {}, `${decimalText(more)} are left out.`),
  );
  return card(
    "Shards by owner",
    table(
      "Shards by owner",
      ["Owner", "Shards"],
      [...owners].sort().map(([owner, count]) => [owner, decimalText(count)]),
      [1],
    ),
    details,
  );
}
