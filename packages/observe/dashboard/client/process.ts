/** One process in full, and the buttons that end it. */

import type { PageProcess, PageState } from "../page_shapes.ts";
import {
  card,
  element,
  factList,
  inlineList,
  type PageContent,
  processLink,
  tableCard,
} from "./elements.ts";
import { bytesText, decimalText } from "./texts.ts";

/** A fact with the first of `count` items. */
function listed(
  name: string,
  items: readonly PageContent[],
  count: number,
): [string, PageContent] {
  const more = count - items.length;
  const shown = more > 0 ? [...items, `and ${decimalText(more)} more`] : items;
  return [
    `${name} (${decimalText(count)})`,
    items.length === 0 ? "none" : inlineList(shown),
  ];
}

function links(pids: PageProcess["links"]): HTMLElement[] {
  return pids.map((pid) => processLink(pid));
}

export function drawProcess(
  main: HTMLElement,
  state: PageState,
  end: (pid: string, title: string, reason: string) => void,
): void {
  const { process } = state;
  if (process === undefined) return;
  if (process === null) {
    main.replaceChildren(
      card(
        "This process is gone",
        element("p", {}, "It has exited, or its node has forgotten it."),
      ),
    );
    return;
  }
  const { pid, counts } = process;
  const title = process.name ?? process.label ?? pid?.text ?? "";
  const facts: [string, PageContent][] = [
    ["Pid", pid?.text ?? ""],
    ["Node", pid?.node ?? ""],
    ["Name", process.name ?? "none"],
    ["Label", process.label ?? "none"],
    ["Runs", process.initialCall ?? ""],
    ["Kind", process.kind],
    [
      "State",
      process.suspendedBy !== undefined
        ? `suspended by ${process.suspendedBy.text} of ${process.suspendedBy.node}`
        : process.waiting
        ? "waits for a message"
        : "runs",
    ],
    [
      "Mailbox",
      `${decimalText(process.messageQueueLen)} messages, about ${
        bytesText(process.queueBytes)
      }`,
    ],
    ["Received", `${decimalText(process.received)} messages`],
    ["Traps exits", process.trapExit ? "yes" : "no"],
    ["Parent", processLink(process.parent)],
    ["Group leader", processLink(process.groupLeader)],
    ["Ancestors", process.ancestors.join(", ") || "none"],
    listed("Links", links(process.links), counts.links),
    listed("Monitors", process.monitors, counts.monitors),
    listed("Monitored by", links(process.monitoredBy), counts.monitoredBy),
  ];
  const parts: Node[] = [
    card(
      title,
      state.write && pid !== undefined && element(
        "div",
        { class: "buttons" },
        ...["shutdown", "kill"].map((reason) =>
          element(
            "button",
            {
              type: "button",
              class: "danger",
              "data-key": reason,
              click: () => end(pid.id, title, reason),
            },
            reason === "kill" ? "Kill…" : "Shut down…",
          )
        ),
      ),
      factList("details", facts),
    ),
  ];
  if (process.messages.length > 0) {
    parts.push(card(
      "Oldest messages",
      element(
        "ol",
        { class: "messages" },
        ...process.messages.map((each) =>
          element("li", {}, element("code", {}, each))
        ),
      ),
    ));
  }
  if (process.dictionary.length > 0) {
    parts.push(tableCard(
      "Dictionary",
      ["Key", "Value"],
      process.dictionary.map(([key = "", value = ""]) => [key, value]),
    ));
  }
  main.replaceChildren(...parts);
}

/** Asks the user whether to end a process; resolves with the answer. */
export function confirmEnd(title: string, reason: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const dialog = element(
    "dialog",
    {
      "aria-labelledby": "question",
      close: () => {
        resolve(dialog.returnValue === "end");
        dialog.remove();
      },
    },
    element(
      "form",
      { method: "dialog" },
      element("h2", { id: "question" }, `End ${title}?`),
      element(
        "p",
        {},
        reason === "kill"
          ? "It gets the exit signal kill, which cannot be trapped: it cleans nothing up."
          : "It gets the exit signal shutdown: it can trap it, clean up, and exit.",
      ),
      element(
        "p",
        {},
        "Linked processes get an exit signal too. A supervisor may restart it.",
      ),
      element(
        "div",
        { class: "buttons" },
        element("button", {
          type: "button",
          autofocus: true,
          click: () => dialog.close(""),
        }, "Cancel"),
        element("button", {
          type: "button",
          class: "danger",
          click: () => dialog.close("end"),
        }, reason === "kill" ? "Kill" : "Shut down"),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return promise;
}
