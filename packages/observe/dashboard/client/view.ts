/** The view that a package gives of nodes: its numbers on each node, and its tables of the shown one. */

import type { PageState, PageView } from "../page_shapes.ts";
import {
  card,
  element,
  nodeLink,
  type PageContent,
  processLink,
  table,
  tableCard,
} from "./elements.ts";
import { bytesText, decimalText, spanText } from "./texts.ts";

/** Returns a text that begins with a capital letter. */
export function titleText(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}

export function drawView(
  main: HTMLElement,
  { parts = [], node }: PageState,
  name: string,
): void {
  const shown = parts.find((each) => each.node === node)?.view;
  main.replaceChildren(
    countsCard(parts, name),
    ...shown?.tables.map(partCard) ?? [],
  );
}

function countsCard(
  parts: NonNullable<PageState["parts"]>,
  name: string,
): HTMLElement {
  const counts = [
    ...new Set(parts.flatMap(({ view }) => Object.keys(view?.counts ?? {}))),
  ];
  const rows = parts.filter((each) => each.view ?? each.error).map((
    { node, view, error },
  ) => [
    element(
      "span",
      {},
      nodeLink(name, node),
      error !== undefined && element("br"),
      error !== undefined && element("small", {}, error),
    ),
    ...counts.map((each) => {
      const count = view?.counts[each];
      return count === undefined ? "" : decimalText(count);
    }),
  ]);
  return tableCard(
    `${titleText(name)} by node`,
    ["Node", ...counts.map(titleText)],
    rows,
    {
      numeric: counts.map((_, i) => i + 1),
      empty: element("p", {}, `No node has ${name}.`),
    },
  );
}

function partCard({ title, columns, rows, more }: PageView["tables"][number]) {
  if (rows.length === 0) return card(title, element("p", {}, "none"));
  return card(
    title,
    table(
      title,
      columns.map((each) => each.title),
      rows.map((row) => columns.map(({ kind }, i) => contentOf(row[i], kind))),
      columns.flatMap(({ kind }, i) =>
        kind === "text" || kind === "process" ? [] : [i]
      ),
    ),
    more > 0 && element("p", {}, `${decimalText(more)} are left out.`),
  );
}

function contentOf(
  cell: PageView["tables"][number]["rows"][number][number] | undefined,
  kind: string,
): PageContent {
  if (typeof cell === "object") return processLink(cell);
  if (typeof cell !== "number") return cell;
  if (kind === "bytes") return bytesText(cell);
  return kind === "time" ? spanText(cell) : decimalText(cell);
}
