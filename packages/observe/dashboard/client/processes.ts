/** The table of processes. It keeps its rows from one answer to the next, so that focus and selection stay. */

import type { PageProcesses, PageState } from "../page_shapes.ts";
import { element, processLink, scrollable, setText } from "./elements.ts";
import { bytesText, decimalText } from "./texts.ts";

type Row = PageProcesses["processes"][number];

const COLUMNS: readonly [title: string, order: string | undefined][] = [
  ["Process", undefined],
  ["Kind", undefined],
  ["Runs", undefined],
  ["Mailbox", "messages"],
  ["Mailbox bytes", "memory"],
  ["Messages/s", "rate"],
  ["Received", "received"],
  ["Links", "links"],
  ["Monitors", undefined],
  ["State", undefined],
];

const ORDERS: Record<string, string> = {
  messages: "mailbox",
  memory: "bytes in the mailbox",
  rate: "messages per second",
  received: "messages received",
  links: "links",
  started: "start, newest first",
};

export const listed = { order: "messages", limit: "50", search: "" };

/** The counters of the last shown processes, to compute rates. */
let counters = new Map<string, { at: number; received: number }>();

/** Builds the view once; returns the function that updates it. */
export function buildProcesses(
  main: HTMLElement,
  refresh: () => void,
): (state: PageState) => void {
  const search = element("input", {
    id: "search",
    type: "search",
    maxlength: 200,
    autocomplete: "off",
    spellcheck: "false",
    input: () => {
      listed.search = search.value;
      refresh();
    },
  });
  search.value = listed.search;
  const order = element("select", {
    id: "order",
    change: () => sortBy(order.value),
  });
  for (const [value, text] of Object.entries(ORDERS)) {
    order.append(element("option", { value }, text));
  }
  const limit = element("select", {
    id: "limit",
    change: () => {
      listed.limit = limit.value;
      refresh();
    },
  });
  for (const value of ["50", "100", "200"]) {
    limit.append(element("option", { value }, value));
  }
  limit.value = listed.limit;
  const count = element("p", { role: "status", class: "count" });
  const body = element("tbody");
  const heads = COLUMNS.map(([title, key], i) =>
    element(
      "th",
      { scope: "col", class: i > 2 && i < 9 ? "number" : undefined },
      key === undefined ? title : element("button", {
        type: "button",
        "data-order": key,
        click: () => sortBy(key),
      }, title),
    )
  );
  function sortBy(key: string): void {
    listed.order = key;
    showOrder();
    refresh();
  }
  function showOrder(): void {
    order.value = listed.order;
    for (const [i, [, key]] of COLUMNS.entries()) {
      if (key === listed.order) {
        heads[i].setAttribute("aria-sort", "descending");
      } else heads[i].removeAttribute("aria-sort");
    }
  }
  showOrder();
  main.replaceChildren(
    element(
      "div",
      { class: "controls", role: "search" },
      element("label", { for: "search" }, "Search"),
      search,
      element("label", { for: "order" }, "Sort by"),
      order,
      element("label", { for: "limit" }, "Show"),
      limit,
      count,
    ),
    scrollable(
      "Table of processes",
      element(
        "table",
        { id: "processes" },
        element("caption", { class: "hidden" }, "Processes"),
        element("thead", {}, element("tr", {}, ...heads)),
        body,
      ),
      "scroll card",
    ),
  );
  const rows = new Map<string, HTMLTableRowElement>();
  return ({ processes, state }) => {
    if (processes === undefined) return;
    const { processes: shown, total } = processes;
    setText(count, `${decimalText(shown.length)} of ${decimalText(total)}`);
    const at = state?.at ?? Date.now();
    const next = new Map<string, { at: number; received: number }>();
    const kept = new Set<string>();
    let place: Element | null = body.firstElementChild;
    for (const each of shown) {
      const id = each.pid?.id ?? "";
      if (kept.has(id)) continue;
      kept.add(id);
      let row = rows.get(id);
      if (row === undefined) rows.set(id, row = newRow(each));
      update(row, each, rateOf(each, id, at));
      next.set(id, { at, received: each.received });
      if (row === place) place = place.nextElementSibling;
      else body.insertBefore(row, place);
    }
    counters = next;
    for (const [id, row] of rows) {
      if (kept.has(id)) continue;
      row.remove();
      rows.delete(id);
    }
  };
}

function rateOf({ rate, received }: Row, id: string, at: number): string {
  const before = counters.get(id);
  if (rate !== undefined) return decimalText(rate);
  if (before === undefined || at <= before.at) return "–";
  return decimalText(
    Math.max(0, received - before.received) * 1000 / (at - before.at),
  );
}

function newRow({ pid }: Row): HTMLTableRowElement {
  const name = element(
    "th",
    { scope: "row" },
    processLink(pid, ""),
    element("small"),
  );
  const cells = COLUMNS.slice(1).map((_, i) =>
    element("td", { class: i > 1 && i < 8 ? "number" : undefined })
  );
  return element("tr", {}, name, ...cells);
}

function update(row: HTMLTableRowElement, each: Row, rate: string): void {
  const [name, ...cells] = row.cells;
  const { pid } = each;
  const title = each.name ?? each.label;
  setText(name.firstElementChild!, title ?? pid?.text ?? "");
  setText(name.lastElementChild!, title === undefined ? "" : pid?.text ?? "");
  const values = [
    each.kind,
    each.initialCall ?? "",
    decimalText(each.messageQueueLen),
    each.queueBytes === 0 ? "0" : bytesText(each.queueBytes),
    rate,
    decimalText(each.received),
    decimalText(each.linkCount),
    decimalText(each.monitorCount),
    each.suspendedBy !== undefined
      ? "suspended"
      : each.waiting
      ? "waits"
      : "runs",
  ];
  for (const [i, value] of values.entries()) setText(cells[i], value);
  row.classList.toggle("full", each.messageQueueLen >= 1000);
}
