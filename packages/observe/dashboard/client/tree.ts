/** The supervision trees, as nested lists that look like a picture. */

import type { PageChild, PageState } from "../page_shapes.ts";
import { card, element, processLink, scrollable } from "./elements.ts";
import { clockText, decimalText } from "./texts.ts";

/** The number of children that a supervisor shows until it is opened. */
const MAX_SHOWN = 12;

/** The supervisors whose further children are shown. */
const opened = new Set<string>();

function entry(child: PageChild, path: string, again: () => void): HTMLElement {
  const key = `${path}/${child.pid?.id ?? child.id ?? child.name}`;
  const facts: HTMLElement[] = [];
  const note = (text: string, kind?: string) =>
    facts.push(element("small", { class: kind }, text));
  note(
    child.id !== undefined && child.id !== child.name
      ? `${child.kind} · ${child.id}`
      : child.kind,
  );
  if (child.messageQueueLen > 0) {
    note(`${decimalText(child.messageQueueLen)} messages`);
  }
  if (child.suspendedBy !== undefined) {
    note(`suspended by ${child.suspendedBy.text}`, "restarts");
  }
  if (child.restarts > 0 || child.restarting) {
    const when = child.lastRestart === undefined
      ? ""
      : ` at ${clockText(child.lastRestart)}`;
    note(
      child.restarting
        ? "restarting"
        : `${decimalText(child.restarts)} restart${
          child.restarts === 1 ? "" : "s"
        }${when}`,
      "restarts",
    );
    if (child.lastReason !== undefined) note(child.lastReason, "reason");
  }
  const box = element(
    "div",
    {
      class: `box ${child.kind === "supervisor" ? "supervisor" : "worker"}${
        child.pid === undefined ? " down" : ""
      }`,
    },
    processLink(child.pid, child.name || child.pid?.text),
    ...facts,
  );
  box.firstElementChild!.setAttribute("data-key", key);
  const all = child.children;
  const shown = opened.has(key) ? all : all.slice(0, MAX_SHOWN);
  const hidden = all.length - shown.length;
  if (all.length === 0 && child.more === 0) return element("li", {}, box);
  const items = shown.map((each) => entry(each, key, again));
  if (hidden > 0) {
    items.push(element(
      "li",
      {},
      element("button", {
        type: "button",
        class: "box more",
        "data-key": `${key}/more`,
        click: () => {
          if (opened.size > 1000) opened.clear();
          opened.add(key);
          again();
        },
      }, `Show ${decimalText(hidden)} more`),
    ));
  }
  if (child.more > 0) {
    const text = `${decimalText(child.more)} left out`;
    items.push(element("li", {}, element("div", { class: "box more" }, text)));
  }
  return element("li", {}, box, element("ul", {}, ...items));
}

export function drawTree(main: HTMLElement, { tree }: PageState): void {
  if (tree === undefined) return;
  const again = () => drawTree(main, { tree } as PageState);
  const roots = tree.roots.map((root) => entry(root, "", again));
  main.replaceChildren(card(
    "Supervision trees",
    roots.length === 0
      ? element("p", {}, "This node has no supervisors.")
      : scrollable(
        "Supervision trees",
        element("ul", { class: "tree" }, ...roots),
      ),
    tree.more > 0 &&
      element("p", {}, `${decimalText(tree.more)} supervisors are left out.`),
  ));
}
