/** The names of a node. */

import type { PageNames, PageState } from "../page_shapes.ts";
import { element, inlineList, processLink, tableCard } from "./elements.ts";
import { decimalText } from "./texts.ts";

function namesCard(
  title: string,
  names: PageNames["registered"],
  caption = title,
): Node {
  return tableCard(
    title,
    ["Name", "Process"],
    names.map(({ name, pid }) => [name, processLink(pid)]),
    { caption },
  );
}

export function drawNames(main: HTMLElement, { names }: PageState): void {
  if (names === undefined) return;
  const parts: Node[] = [
    namesCard("Registered names", names.registered),
    namesCard("Global names", names.global),
  ];
  for (const { scope, groups } of names.groups) {
    parts.push(tableCard(
      `Groups of the scope ${scope}`,
      ["Group", "Processes", "Members"],
      groups.map(({ group, pids, size }) => [
        group,
        decimalText(size),
        inlineList(pids.map((pid) => processLink(pid))),
      ]),
      { numeric: [1] },
    ));
  }
  for (const { registry, keys, size } of names.registries) {
    const title = `Registry ${registry} (${decimalText(size)})`;
    parts.push(namesCard(title, keys, `Keys of ${registry}`));
  }
  if (names.more > 0) {
    parts.push(
      element("p", {}, `${decimalText(names.more)} entries are left out.`),
    );
  }
  main.replaceChildren(element("div", { class: "columns" }, ...parts));
}
