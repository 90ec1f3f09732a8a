/**
 * One process in full, and the buttons that end it.
 *
 * @module
 */

import type { PageProcess, PageState } from "../page_shapes.ts";
import {
  card,
  element,
  type PageContent,
  processLink,
  table,
} from "./elements.ts";
import { bytesText, decimalText } from "./texts.ts";

function links(pids: PageProcess["links"], count: number): PageContent {
  if (pids.length === 0) return "none";
  const items = pids.map((pid) => element("li", {}, processLink(pid)));
  if (count > pids.length) {
    items.push(
      element("li", {}, `and ${decimalText(count - pids.length)} more`),
    );
  }
  return element("ul", { class: "inline" }, ...items);
}

function texts(all: readonly string[], count: number): PageContent {
  if (all.length === 0) return "none";
  const items = all.map((each) => element("li", {}, each));
  if (count > all.length) {
    items.push(
      element("li", {}, `and ${decimalText(count - all.length)} more`),
    );
  }
  return element("ul", { class: "inline" }, ...items);
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
  const { pid } = process;
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
    [
      `Links (${decimalText(process.counts.links)})`,
      links(process.links, process.counts.links),
    ],
    [
      `Monitors (${decimalText(process.counts.monitors)})`,
      texts(process.monitors, process.counts.monitors),
    ],
    [
      `Monitored by (${decimalText(process.counts.monitoredBy)})`,
      links(process.monitoredBy, process.counts.monitoredBy),
    ],
  ];
  const parts: Node[] = [
    element(
      "section",
      { class: "card" },
      element("h2", {}, title),
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
      element(
        "dl",
        { class: "details" },
        ...facts.map(([name, value]) =>
          element("div", {}, element("dt", {}, name), element("dd", {}, value))
        ),
      ),
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
    parts.push(card(
      "Dictionary",
      table(
        "Dictionary",
        ["Key", "Value"],
        process.dictionary.map(([key = "", value = ""]) => [key, value]),
      ),
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
