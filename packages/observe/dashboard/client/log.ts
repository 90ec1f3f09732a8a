/** The log of a node, live. */

import type { PageEvents } from "../page_shapes.ts";
import { element, processLink } from "./elements.ts";
import { clockText } from "./texts.ts";

const MAX_KEPT = 300;

const LEVELS = ["debug", "info", "notice", "warning", "error", "critical"];

export class ShownLog {
  /** The number of the last event. */
  last = 0;
  /** The node whose log it is. */
  node = "";
  /** The number of errors that arrived while the log was not shown. */
  unseen = 0;
  #level = "";
  #search = "";
  #events: PageEvents = [];
  #list: HTMLOListElement | undefined;

  /** Removes all events, to show another node. */
  clear(): void {
    this.last = 0;
    this.unseen = 0;
    this.#events = [];
    this.#list?.replaceChildren();
  }

  add(events: PageEvents): void {
    const isFirst = this.last === 0;
    const later = events.filter(({ number }) => number > this.last);
    for (const event of later) {
      this.last = Math.max(this.last, event.number);
      this.#events.push(event);
      if (
        !isFirst && this.#list === undefined && LEVELS.indexOf(event.level) >= 4
      ) this.unseen++;
      if (this.#isShown(event)) {
        this.#list?.prepend(item(event, this.node));
      }
    }
    this.#events.splice(0, this.#events.length - MAX_KEPT);
    while ((this.#list?.childElementCount ?? 0) > MAX_KEPT) {
      this.#list?.lastElementChild?.remove();
    }
  }

  build(main: HTMLElement): void {
    this.unseen = 0;
    const level = element("select", {
      id: "level",
      change: () => {
        this.#level = level.value;
        this.#fill();
      },
    }, element("option", { value: "" }, "all"));
    for (const each of ["info", "warning", "error"]) {
      level.append(element("option", { value: each }, each));
    }
    level.value = this.#level;
    const search = element("input", {
      id: "logsearch",
      type: "search",
      maxlength: 200,
      input: () => {
        this.#search = search.value.toLowerCase();
        this.#fill();
      },
    });
    search.value = this.#search;
    this.#list = element("ol", { class: "log" });
    main.replaceChildren(
      element(
        "div",
        { class: "controls", role: "search" },
        element("label", { for: "level" }, "At least"),
        level,
        element("label", { for: "logsearch" }, "Search"),
        search,
      ),
      element(
        "div",
        { role: "log", "aria-label": "Log, newest first" },
        this.#list,
      ),
    );
    this.#fill();
  }

  leave(): void {
    this.#list = undefined;
  }

  #isShown(event: PageEvents[number]): boolean {
    const { level, message, metadata, node } = event;
    const isLevel = this.#level === "" ||
      LEVELS.indexOf(level) >= LEVELS.indexOf(this.#level);
    return isLevel &&
      `${node} ${message} ${metadata ?? ""}`.toLowerCase()
        .includes(this.#search);
  }

  #fill(): void {
    this.#list?.replaceChildren(
      ...this.#events.filter((event) => this.#isShown(event)).reverse().map(
        (event) => item(event, this.node),
      ),
    );
  }
}

function item(
  { at, level, node, message, metadata, pid, report }: PageEvents[number],
  shown: string,
): HTMLLIElement {
  const end = message.indexOf("\n");
  const title = end < 0 ? message : message.slice(0, end);
  const time = element("time", {}, clockText(at));
  const badge = element("span", {
    class: `level ${LEVELS.includes(level) ? level : ""}`,
  }, level);
  const about = report !== undefined &&
    element("span", { class: "report" }, report);
  const where = node !== shown &&
    element("span", { class: "report" }, node);
  const whose = pid !== undefined && processLink(pid);
  const text = end < 0 ? element("span", { class: "message" }, title) : element(
    "details",
    {},
    element("summary", {}, title),
    element("pre", {}, message.slice(end + 1)),
  );
  return element(
    "li",
    {},
    time,
    badge,
    where,
    about,
    whose,
    text,
    metadata !== undefined && element("code", {}, metadata),
  );
}
