/**
 * The names of a node.
 *
 * @module
 */

import type { PageNames, PageState } from "../page_shapes.ts";
import { card, element, processLink, table } from "./elements.ts";
import { decimalText } from "./texts.ts";

function namesTable(caption: string, names: PageNames["registered"]): Node {
  return names.length === 0 ? element("p", {}, "none") : table(
    caption,
    ["Name", "Process"],
    names.map(({ name, pid }) => [name, processLink(pid)]),
  );
}

export function drawNames(main: HTMLElement, { names }: PageState): void {
  if (names === undefined) return;
  const parts: Node[] = [
    card("Registered names", namesTable("Registered names", names.registered)),
    card("Global names", namesTable("Global names", names.global)),
  ];
  for (const { scope, groups } of names.groups) {
    const title = `Groups of the scope ${scope}`;
    parts.push(card(
      title,
      groups.length === 0 ? element("p", {}, "none") : table(
        title,
        ["Group", "Processes", "Members"],
        groups.map(({ group, pids, size }) => [
          group,
          decimalText(size),
          element(
            "ul",
            { class: "inline" },
            ...pids.map((pid) => element("li", {}, processLink(pid))),
          ),
        ]),
        [1],
      ),
    ));
  }
  for (const { registry, keys, size } of names.registries) {
    parts.push(
      card(
        `Registry ${registry} (${decimalText(size)})`,
        namesTable(`Keys of ${registry}`, keys),
      ),
    );
  }
  if (names.more > 0) {
    parts.push(
      element("p", {}, `${decimalText(names.more)} entries are left out.`),
    );
  }
  main.replaceChildren(element("div", { class: "columns" }, ...parts));
}
