/**
 * The page of `docs/simulator.html`: it runs a `Town`, shows it, and has the reader strike it.
 *
 * @module
 */

import { DATABASE, linkOf, NODES, Town } from "./town.ts";

/** The time from one look to the next, in milliseconds. */
const FRAME = 100;

/** The number of calls and of events that are shown. */
const SHOWN = 14;

/** The networks: between two nodes, or between a node and the database. */
const LINKS = [
  ...NODES.flatMap((one, i) =>
    NODES.slice(i + 1).map((other) => [one, other] as const)
  ),
  ...NODES.map((one) => [one, DATABASE] as const),
];

function find<E extends Element>(selector: string): E {
  return document.querySelector<E>(selector)!;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Sets a text, if it is another one: what stays is not announced, nor selected anew. */
function say(selector: string, text: string): void {
  const element = find(selector);
  if (element.textContent !== text) element.textContent = text;
}

function fill(selector: string, rows: readonly (readonly string[])[]): void {
  find(selector).replaceChildren(...rows.map((cells) => {
    const row = document.createElement("tr");
    row.append(...cells.map((text) => {
      const cell = document.createElement("td");
      cell.textContent = text;
      return cell;
    }));
    row.className = cells.at(-1)!.split(" ")[0];
    return row;
  }));
}

/** Adds a button, which acts on the town and then is drawn with it. */
function addButton(
  parent: Element,
  text: () => string,
  act: () => Promise<void>,
): () => void {
  const button = document.createElement("button");
  button.type = "button";
  button.onclick = () => void act();
  parent.append(button);
  return () => {
    if (button.textContent !== text()) button.textContent = text();
  };
}

function addButtons(town: Town): (() => void)[] {
  const nodes = find("#nodes");
  const networks = find("#networks");
  return [
    ...NODES.flatMap((name) => [
      addButton(
        nodes,
        () => town.isUp(name) ? `Kill ${name}` : `Start ${name}`,
        () => town.isUp(name) ? town.kill(name) : town.startAgain(name),
      ),
      addButton(
        nodes,
        () => town.frozen.has(name) ? `Thaw ${name}` : `Freeze ${name}`,
        () => town.freeze(name, !town.frozen.has(name)),
      ),
    ]),
    ...LINKS.map(([one, other]) => {
      const isCut = () => town.cuts.has(linkOf(one, other));
      return addButton(
        networks,
        () => `${isCut() ? "Join" : "Cut"} ${one} – ${other}`,
        () => town.cut(one, other, !isCut()),
      );
    }),
  ];
}

function draw(town: Town): void {
  say("#time", seconds(town.now));
  for (const name of NODES) {
    const state = !town.isUp(name)
      ? "dead"
      : town.frozen.has(name)
      ? "frozen"
      : "up";
    find(`#node-${name}`).setAttribute("class", state);
    say(`#state-${name}`, state);
  }
  for (const [one, other] of LINKS) {
    const isCut = town.cuts.has(linkOf(one, other));
    find(`#link-${one}-${other}`).setAttribute("class", isCut ? "cut" : "");
  }
  fill(
    "#shards",
    town.shards.map(({ id, keys, owner, epoch, servers }) => [
      id,
      keys.join(", "),
      owner,
      String(epoch),
      servers.join(", ") || "nobody",
    ]),
  );
  fill(
    "#calls",
    town.calls.slice(-SHOWN).reverse().map((
      { at, node, key, shard, outcome, text },
    ) => [
      seconds(at),
      node,
      `${key}, in ${shard}`,
      `${outcome} ${text}`.trim(),
    ]),
  );
  const { ok, unknown, refused, waits } = town.counts;
  say(
    "#counts",
    `${ok} ok, ${unknown} unknown, ${refused} refused, ${waits} waiting`,
  );
  const [broken] = town.broken;
  say(
    "#promise",
    broken === undefined
      ? `kept: ${town.accepted} writes accepted, each from the one owner of its shard under its current epoch; ${town.fenced} writes of former owners refused`
      : `BROKEN: ${broken}`,
  );
  drawEvents(town);
}

/** The number of events that are on the page already. */
let drawn = 0;

/** Adds the new events: a screen reader announces only them. */
function drawEvents(town: Town): void {
  const list = find("#events");
  for (const { at, text } of town.events.slice(drawn)) {
    const item = document.createElement("li");
    item.textContent = `${seconds(at)} ${text}`;
    list.prepend(item);
  }
  drawn = town.events.length;
  while (list.children.length > SHOWN) list.lastElementChild!.remove();
}

async function main(): Promise<void> {
  const town = await Town.start(Number(location.hash.slice(1)) || 1);
  find("#how").remove();
  find("main").removeAttribute("hidden");
  const buttons = addButtons(town);
  const speed = find<HTMLSelectElement>("#speed");
  for (;;) {
    await town.advance(FRAME * Number(speed.value));
    draw(town);
    for (const drawButton of buttons) drawButton();
    await new Promise((resolve) => setTimeout(resolve, FRAME));
  }
}

main().catch((error) => {
  say("#promise", `no longer checked, as the simulation has failed: ${error}`);
  throw error;
});
