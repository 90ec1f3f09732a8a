/** The page of a dashboard: it requests one view of one node at a time, and shows the answer. */

import type { PageState } from "../page_shapes.ts";
import { element, setText, viewAddress } from "./elements.ts";
import { addEarlier, isWhole, remember } from "./history.ts";
import { buildEntities, sought } from "./entities.ts";
import { ShownLog } from "./log.ts";
import { drawNames } from "./names.ts";
import { drawOverview } from "./overview.ts";
import { confirmEnd, drawProcess } from "./process.ts";
import { buildProcesses, listed } from "./processes.ts";
import { drawTree } from "./tree.ts";
import { drawView, titleText } from "./view.ts";

/** The time between two requests, in milliseconds. */
const INTERVAL = 2000;

/** The views of each node, the log last. */
const VIEWS = new Map([
  ["overview", "Overview"],
  ["processes", "Processes"],
  ["tree", "Supervision"],
  ["names", "Names"],
  ["entities", "Entities"],
  ["log", "Log"],
]);

const main = document.querySelector("main")!;
const nav = document.querySelector("nav")!;
const status = document.querySelector("#status")!;
const picker = document.querySelector<HTMLSelectElement>("#node")!;
const pause = document.querySelector<HTMLButtonElement>("#pause")!;

const log = new ShownLog();
/** The names of the views that packages give of the nodes. */
let views: string[] = [];
let view = "overview";
let node = "";
let pid = "";
let creation: number | undefined;
let isPaused = false;
/** Updates a view that keeps its elements. */
let update: ((state: PageState) => void) | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let question: AbortController | undefined;
let drawnBefore = "";

/** Reads the view from the address. */
function navigate(): void {
  const [, wanted = "", of = "", about = ""] = location.hash.split("/").map(
    (part) => {
      try {
        return decodeURIComponent(part);
      } catch {
        return "";
      }
    },
  );
  const before = `${view} ${node} ${pid}`;
  if (of !== node) {
    log.clear();
    creation = undefined;
  }
  view = /^[a-z]{1,40}$/.test(wanted) ? wanted : "overview";
  [node, pid] = [of, about];
  if (before === `${view} ${node} ${pid}` && main.childElementCount > 0) return;
  drawnBefore = "";
  log.leave();
  update = undefined;
  if (view === "processes") update = buildProcesses(main, ask);
  else if (view === "entities") update = buildEntities(main, ask);
  else if (view === "log") log.build(main);
  else main.replaceChildren(element("p", { class: "loading" }, "Loading…"));
  document.title = `${VIEWS.get(view) ?? titleText(view)} – Dashboard`;
  drawNav();
  ask();
}

function drawNav(): void {
  const added = views.filter((name) => !VIEWS.has(name))
    .map((name): [string, string] => [name, titleText(name)]);
  const links = [...VIEWS].toSpliced(-1, 0, ...added).map(([key, title]) =>
    element(
      "a",
      {
        href: viewAddress(key, node),
        "aria-current":
          key === view || (key === "processes" && view === "process")
            ? "page"
            : undefined,
        "data-key": key,
      },
      title,
      key === "log" && log.unseen > 0 &&
        element(
          "span",
          { class: "badge" },
          String(log.unseen),
          element("span", { class: "hidden" }, " new errors"),
        ),
    )
  );
  keepFocus(nav, () => nav.replaceChildren(...links));
}

/** Replaces the content of an element, and moves the focus to the same item in the new content. */
function keepFocus(inside: Element, draw: () => void): void {
  const focused = document.activeElement;
  const isInside = focused !== null && focused !== inside &&
    inside.contains(focused);
  const attribute = focused?.hasAttribute("data-key")
    ? "data-key"
    : focused?.hasAttribute("aria-label")
    ? "aria-label"
    : "href";
  const key = focused?.getAttribute(attribute);
  const scrolled = [...inside.querySelectorAll(".scroll")].map((
    each,
  ) => [each.scrollLeft, each.scrollTop]);
  draw();
  for (const [i, each] of [...inside.querySelectorAll(".scroll")].entries()) {
    [each.scrollLeft, each.scrollTop] = scrolled[i] ?? [0, 0];
  }
  if (!isInside || key === null || key === undefined) return;
  const again = [...inside.querySelectorAll<HTMLElement>(`[${attribute}]`)]
    .find((each) => each.getAttribute(attribute) === key);
  again?.focus({ preventScroll: true });
}

/** Requests the state now and after each INTERVAL. */
function ask(): void {
  clearTimeout(timer);
  question?.abort();
  if (document.hidden) return;
  const asking = question = new AbortController();
  const query = new URLSearchParams({ view, after: String(log.last) });
  if (node !== "") query.set("node", node);
  if (view === "process") query.set("pid", pid);
  if (view === "overview" && !isWhole(node)) query.set("history", "");
  const asked: Record<string, string> = view === "processes"
    ? listed
    : view === "entities"
    ? sought
    : {};
  for (const [key, value] of Object.entries(asked)) query.set(key, value);
  request(`api/state?${query}`, { signal: asking.signal }).then((state) => {
    if (!asking.signal.aborted) show(state as PageState);
  }).catch((error) => {
    if (asking.signal.aborted) return;
    setText(status, String(error?.message ?? error).slice(0, 300));
    status.className = "failed";
  }).finally(() => {
    if (asking.signal.aborted || isPaused) return;
    timer = setTimeout(ask, INTERVAL);
  });
}

/** Sends a request; throws an error with the reason if it is refused. */
async function request(path: string, options: RequestInit): Promise<unknown> {
  const headers = {
    "x-otp-dashboard": "1",
    "content-type": "application/json",
  };
  const response = await fetch(path, { ...options, headers }).catch((error) => {
    if (options.signal?.aborted) throw error;
    throw new Error("The node does not answer.");
  });
  if (response.ok) return await response.json();
  const text = await response.text();
  if (response.headers.get("content-type") !== "application/json") {
    throw new Error(text);
  }
  throw new Error(String(JSON.parse(text).result));
}

function show(state: PageState): void {
  if (node === "") {
    node = state.node;
    history.replaceState(null, "", viewAddress(view, node));
  }
  status.className = state.error === undefined ? "" : "failed";
  setText(status, state.error ?? (isPaused ? "Paused" : "Live"));
  showNodes(state);
  if (state.state !== undefined) remember(state.state);
  if (state.history !== undefined) addEarlier(state.node, state.history);
  for (const peer of state.cluster ?? []) {
    if (peer.state !== undefined && peer.node !== state.node) {
      remember(peer.state);
    }
  }
  const now = state.state?.creation ?? creation;
  // A restarted node counts its events from 1 again.
  if (creation !== undefined && now !== creation) log.clear();
  else if (state.log !== undefined) {
    log.node = state.node;
    log.add(state.log);
  }
  creation = now;
  views = state.views;
  drawNav();
  if (update !== undefined) return update(state);
  if (view === "log") return;
  if (state.error !== undefined && view !== "overview") {
    return main.replaceChildren(element("p", { class: "card" }, state.error));
  }
  draw(state);
}

function draw(state: PageState): void {
  // Do not redraw an unchanged view, so that a selection and an open menu stay.
  const content = JSON.stringify([
    view,
    state.tree,
    state.names,
    state.process,
    state.parts,
  ]);
  if (view !== "overview" && content === drawnBefore) return;
  drawnBefore = content;
  keepFocus(main, () => {
    if (view === "overview") drawOverview(main, state);
    else if (view === "tree") drawTree(main, state);
    else if (view === "names") drawNames(main, state);
    else if (view === "process") drawProcess(main, state, end);
    else drawView(main, state, view);
  });
}

function showNodes({ nodes, node: shown }: PageState): void {
  const names = nodes.includes(shown) ? nodes : [...nodes, shown];
  const now = [...picker.options].map(({ value }) => value);
  if (now.join(" ") !== names.join(" ")) {
    picker.replaceChildren(
      ...names.map((name) => element("option", { value: name }, name)),
    );
  }
  picker.value = shown;
}

async function end(id: string, title: string, reason: string): Promise<void> {
  if (!await confirmEnd(title, reason)) return;
  try {
    await request("api/end", {
      method: "POST",
      body: JSON.stringify({ pid: id, reason }),
    });
    ask();
  } catch (error) {
    setText(status, (error as Error).message);
    status.className = "failed";
  }
}

picker.addEventListener("change", () => {
  location.hash = viewAddress(
    view === "process" ? "processes" : view,
    picker.value,
  );
});
pause.addEventListener("click", () => {
  isPaused = !isPaused;
  pause.setAttribute("aria-pressed", String(isPaused));
  setText(status, isPaused ? "Paused" : "Live");
  if (isPaused) clearTimeout(timer);
  else ask();
});
addEventListener("hashchange", navigate);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !isPaused) ask();
});
document.querySelector(".skip")!.addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
navigate();
