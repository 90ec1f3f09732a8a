/** The overview: charts of a node, the map of the cluster, connections and applications. */

import type { PagePeer, PageSample, PageState } from "../page_shapes.ts";
import {
  card,
  drawn,
  element,
  factList,
  nodeLink,
  type PageContent,
  tableCard,
  viewAddress,
} from "./elements.ts";
import { samplesOf, trafficOf } from "./history.ts";
import { bytesText, decimalText, spanText } from "./texts.ts";

const WIDTH = 220;
const HEIGHT = 56;

/** The number of nodes from which on the map is a ring with names at its sides, and has no texts of traffic. */
const MANY = 9;

/** The number of names in a fact. */
const MOST_NAMES = 3;

/** Half of the width of that ring, on wide pages and on narrow ones. */
const RADII = [110, 70];

/** The shortest queue to show, in bytes: shorter queues come and go with each message. */
const LONG_QUEUE = 10_000;

function chart(
  title: string,
  samples: readonly PageSample[],
  key: keyof PageSample,
  text: (value: number) => string,
  least: number,
): HTMLElement {
  const values = samples.map((sample) => sample[key]);
  const now = values.at(-1);
  const most = Math.max(least, ...values);
  const end = samples.at(-1)?.at ?? 0;
  // A new page shows at least a minute, so that the first samples are no line over the whole chart.
  const span = Math.max(60_000, end - (samples[0]?.at ?? end));
  const points = samples.map((sample) => {
    const x = WIDTH - (end - sample.at) / span * WIDTH;
    return `${x.toFixed(1)},${
      (HEIGHT - 2 - sample[key] / most * (HEIGHT - 6)).toFixed(1)
    }`;
  });
  const first = points[0]?.split(",")[0];
  const minutes = `${Math.round(span / 60_000)} min`;
  const current = now === undefined ? "–" : text(now);
  const peak = text(Math.max(0, ...values));
  return element(
    "figure",
    { class: "chart" },
    element(
      "figcaption",
      {},
      element("span", {}, title),
      element("strong", {}, current),
      element("small", {}, `max ${peak}, ${minutes}`),
    ),
    drawn(
      "svg",
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        preserveAspectRatio: "none",
        role: "img",
        "aria-label":
          `${title}: now ${current}, at most ${peak} in the last ${minutes}`,
      },
      points.length > 1 &&
        drawn("polygon", {
          points: `${first},${HEIGHT} ${points.join(" ")} ${WIDTH},${HEIGHT}`,
        }),
      points.length > 1 && drawn("polyline", { points: points.join(" ") }),
    ),
  );
}

interface Edge {
  ends: [string, string];
  traffic: number;
  queued: number;
}

function edgesOf(cluster: readonly PagePeer[]): Edge[] {
  const edges = new Map<string, Edge>();
  for (const { node, state } of cluster) {
    for (const each of state?.connections ?? []) {
      const ends = [node, each.node].sort() as [string, string];
      const key = ends.join(" ");
      const edge = edges.get(key) ?? { ends, traffic: 0, queued: 0 };
      edge.traffic = Math.max(edge.traffic, trafficOf(node, each.node) ?? 0);
      edge.queued += each.queuedBytes;
      edges.set(key, edge);
    }
  }
  return [...edges.values()];
}

interface Places {
  width: number;
  height: number;
  at: Map<string, [x: number, y: number]>;
}

/** Places nodes on an ellipse, the first node at the top, or two nodes side by side. */
function placesOf(nodes: readonly string[]): Places {
  const width = 420;
  const count = nodes.length;
  if (count >= MANY) return ringOf(nodes);
  const tall = count < 3 ? 0 : 170;
  const angles = nodes.map((_, i) =>
    Math.PI * (2 * i / count + (count === 2 ? 1 : 1.5))
  );
  const heights = angles.map((angle) => Math.sin(angle));
  const top = Math.min(...heights);
  const span = Math.max(...heights) - top || 1;
  const at = new Map(nodes.map((node, i): [string, [number, number]] => [node, [
    width * (0.5 + (count === 1 ? 0 : 0.31 * Math.cos(angles[i]))),
    36 + tall * (heights[i] - top) / span,
  ]]));
  return { width, height: tall + 96, at };
}

/** The longest name beside a ring, in characters. */
function longestName(): number {
  return isNarrow() ? 16 : 23;
}

function isNarrow(): boolean {
  return innerWidth < 640;
}

/**
 * Places many nodes on an ellipse, in rows of equal height, so that no name covers another. The map is as wide as the
 * names need, so that short names leave no space empty.
 */
function ringOf(nodes: readonly string[]): Places {
  const rows = Math.ceil(nodes.length / 2);
  const name = Math.min(longestName(), Math.max(...nodes.map((n) => n.length)));
  const radius = RADII[Number(isNarrow())];
  const width = 2 * (radius + 20 + name * 9);
  const step = Math.max(26, Math.min(48, 300 / rows));
  const at = new Map(nodes.map((node, i): [string, [number, number]] => {
    const isLeft = i < rows;
    const row = isLeft ? i : i - rows;
    const away = 2 * row / (rows - 1) - 1;
    const reach = radius * (0.35 + 0.65 * Math.sqrt(1 - away * away));
    return [node, [width / 2 + (isLeft ? -reach : reach), 20 + row * step]];
  }));
  return { width, height: (rows - 1) * step + 40, at };
}

function shortened(name: string, most: number): string {
  return name.length > most ? `${name.slice(0, most - 1)}…` : name;
}

function clusterMap(
  cluster: readonly PagePeer[],
  selected: string,
): PageContent {
  const shown = cluster.slice(0, 40);
  const isCrowded = shown.length >= MANY;
  const { width, height, at } = placesOf(shown.map(({ node }) => node));
  const lines: PageContent[] = [];
  const labels: PageContent[] = [];
  for (const { ends, traffic, queued } of edgesOf(shown)) {
    const [from, to] = ends.map((end) => at.get(end));
    if (from === undefined || to === undefined) continue;
    const thickness = Math.min(6, 1.5 + Math.log10(1 + traffic / 1000));
    lines.push(drawn(
      "line",
      {
        x1: from[0],
        y1: from[1],
        x2: to[0],
        y2: to[1],
        "stroke-width": thickness.toFixed(1),
        class: queued >= LONG_QUEUE
          ? "queued"
          : isCrowded && !ends.includes(selected)
          ? "faint"
          : undefined,
      },
      drawn(
        "title",
        {},
        `${ends.join(" and ")}: ${bytesText(traffic)}/s, queue ${
          bytesText(queued)
        }`,
      ),
    ));
    if (isCrowded) continue;
    const text = `${bytesText(traffic)}/s${
      queued >= LONG_QUEUE ? ` · queue ${bytesText(queued)}` : ""
    }`;
    labels.push(drawn("text", {
      x: (from[0] + to[0]) / 2,
      y: (from[1] + to[1]) / 2 - 7,
      class: "traffic",
    }, text));
  }
  const places = shown.map(({ node, state }) => {
    const [x, y] = at.get(node)!;
    const isLeft = x < width / 2;
    const facts = state === undefined
      ? "not observable"
      : `${decimalText(state.processes)} processes`;
    return drawn(
      "a",
      {
        href: viewAddress("overview", node),
        class: `place${state === undefined ? " closed" : ""}${
          node === selected ? " selected" : ""
        }`,
        "aria-current": node === selected ? "true" : undefined,
        "data-key": node,
      },
      drawn("circle", { cx: x, cy: y, r: isCrowded ? 9 : 17 }),
      drawn(
        "text",
        isCrowded
          ? {
            x: x + (isLeft ? -16 : 16),
            y: y + 4,
            class: isLeft ? "left" : "right",
          }
          : { x, y: y + 34 },
        shortened(node, isCrowded ? longestName() : 32),
        drawn("title", {}, node),
      ),
      !isCrowded && drawn("text", { x, y: y + 49, class: "facts" }, facts),
      !isCrowded && drawn(
        "text",
        { x, y: y + 4, class: "letter", "aria-hidden": "true" },
        node.slice(0, 1).toUpperCase(),
      ),
    );
  });
  return drawn(
    "svg",
    {
      class: isCrowded ? "map many" : "map",
      viewBox: `0 0 ${width} ${height}`,
      role: "group",
      "aria-label": `Map of ${shown.length} nodes`,
    },
    ...lines,
    ...labels,
    ...places,
  );
}

/** Returns the other nodes of a node's program, the first of which shows what they share. */
function sharersOf(
  cluster: readonly PagePeer[],
  node: string,
): readonly string[] {
  const programOf = new Map(
    cluster.map(({ node, state }) => [node, state?.program]),
  );
  const program = programOf.get(node);
  // Nodes of an earlier version do not state it.
  if (!program) return [];
  return [...programOf].filter(([, each]) => each === program)
    .map(([name]) => name);
}

/** The first names of a list, and the number of the others. */
function fewOf(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  if (more <= 1) return names.join(", ");
  return `${names.slice(0, MOST_NAMES).join(", ")} and ${more} more nodes`;
}

function nodesCard(cluster: readonly PagePeer[]): HTMLElement {
  return tableCard(
    "Nodes",
    ["Node", "CPU", "Memory", "Delay", "Processes", "Waiting", "Version"],
    cluster.map(({ node, state, error }) => {
      const name = nodeLink("overview", node);
      if (state === undefined) {
        return [name, "", "", "", "", "", element("small", {}, error)];
      }
      const cpu = samplesOf(node).at(-1)?.cpu;
      const [first = node] = sharersOf(cluster, node);
      const shared = first === node
        ? [
          cpu === undefined ? "–" : `${decimalText(cpu)} %`,
          bytesText(state.memory),
        ]
        : ["", element("small", { title: `with ${first}` }, "shared")];
      return [
        name,
        ...shared,
        `${decimalText(state.delay)} ms`,
        decimalText(state.processes),
        decimalText(state.messages),
        element("span", {}, state.version, element("br", {}), state.host),
      ];
    }),
    { numeric: [1, 2, 3, 4, 5] },
  );
}

export function drawOverview(
  main: HTMLElement,
  { node, state, cluster = [] }: PageState,
): void {
  const samples = samplesOf(node);
  const parts: PageContent[] = [];
  if (state !== undefined) {
    const others = sharersOf(cluster, node).filter((each) => each !== node);
    parts.push(
      element(
        "div",
        { class: "charts" },
        chart("CPU", samples, "cpu", (value) => `${decimalText(value)} %`, 5),
        chart("Memory", samples, "memory", bytesText, 1),
        chart(
          "Event-loop delay",
          samples,
          "delay",
          (value) => `${decimalText(value)} ms`,
          5,
        ),
        chart("Waiting messages", samples, "messages", decimalText, 5),
      ),
      factList("facts", [
        ["Host", state.host],
        ["Up for", spanText(state.uptime)],
        ["Heap", bytesText(state.heap)],
        ["Processes", decimalText(state.processes)],
        ["Applications", state.applications.join(", ") || "none"],
        ...others.length === 0
          ? []
          : [["Shares CPU and memory with", fewOf(others)] as const],
      ]),
    );
  }
  parts.push(element(
    "div",
    { class: "cluster" },
    card("Cluster", clusterMap(cluster, node)),
    nodesCard(cluster),
  ));
  if (state !== undefined && state.connections.length > 0) {
    parts.push(tableCard(
      `Connections of ${node}`,
      ["Node", "Address", "Traffic", "Received", "Sent", "Queue"],
      state.connections.map((each) => [
        element(
          "span",
          {},
          nodeLink("overview", each.node),
          each.hidden && " (hidden connection)",
        ),
        each.address,
        `${bytesText(trafficOf(node, each.node) ?? 0)}/s`,
        bytesText(each.receivedBytes),
        bytesText(each.sentBytes),
        bytesText(each.queuedBytes),
      ]),
      { numeric: [2, 3, 4, 5], caption: "Connections" },
    ));
  }
  main.replaceChildren(...parts.filter((part) => part instanceof Node));
}
