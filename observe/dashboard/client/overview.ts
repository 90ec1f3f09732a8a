/**
 * The overview: charts of a node, the map of the cluster, connections and applications.
 *
 * @module
 */

import type { PagePeer, PageState } from "../page_shapes.ts";
import {
  card,
  drawn,
  element,
  type PageContent,
  table,
  viewAddress,
  viewLink,
} from "./elements.ts";
import { type Sample, samplesOf, trafficOf } from "./history.ts";
import { bytesText, decimalText, spanText } from "./texts.ts";

const WIDTH = 220;
const HEIGHT = 56;
const SAMPLES = 150;

/** The shortest queue to show, in bytes: shorter queues come and go with each message. */
const LONG_QUEUE = 10_000;

function chart(
  title: string,
  samples: readonly Sample[],
  key: keyof Sample,
  text: (value: number) => string,
  least: number,
): HTMLElement {
  const values = samples.map((sample) => sample[key]);
  const now = values.at(-1);
  const most = Math.max(least, ...values);
  // Stretch a chart with few samples, which would otherwise be a short line at one end.
  const step = WIDTH / (Math.max(SAMPLES / 5, values.length) - 1);
  const points = values.map((value, i) => {
    const x = WIDTH - (values.length - 1 - i) * step;
    return `${x.toFixed(1)},${
      (HEIGHT - 2 - value / most * (HEIGHT - 6)).toFixed(1)
    }`;
  });
  const first = WIDTH - (values.length - 1) * step;
  const current = now === undefined ? "–" : text(now);
  return element(
    "figure",
    { class: "chart" },
    element(
      "figcaption",
      {},
      element("span", {}, title),
      element("strong", {}, current),
    ),
    drawn(
      "svg",
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        preserveAspectRatio: "none",
        role: "img",
        "aria-label": `${title}: now ${current}, at most ${
          text(Math.max(0, ...values))
        } in the last minutes`,
      },
      points.length > 1 &&
        drawn("polygon", {
          points: `${first},${HEIGHT} ${points.join(" ")} ${WIDTH},${HEIGHT}`,
        }),
      points.length > 1 && drawn("polyline", { points: points.join(" ") }),
    ),
    element("small", {}, `max ${text(Math.max(0, ...values))}`),
  );
}

/** A pair of connected nodes. */
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

/** Places nodes on an ellipse, the first node at the top, or two nodes side by side. */
function placesOf(
  nodes: readonly string[],
): { width: number; height: number; at: Map<string, [x: number, y: number]> } {
  const width = innerWidth < 640 ? 420 : 800;
  const count = nodes.length;
  const tall = count < 3 ? 0 : count < 9 ? 170 : 280;
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

function clusterMap(
  cluster: readonly PagePeer[],
  selected: string,
): PageContent {
  const shown = cluster.slice(0, 40);
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
        class: queued >= LONG_QUEUE ? "queued" : undefined,
      },
      drawn(
        "title",
        {},
        `${ends.join(" and ")}: ${bytesText(traffic)}/s, queue ${
          bytesText(queued)
        }`,
      ),
    ));
    if (shown.length > 8) continue;
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
      drawn("circle", { cx: x, cy: y, r: 17 }),
      drawn(
        "text",
        { x, y: y + 34 },
        node.length > 32 ? `${node.slice(0, 31)}…` : node,
      ),
      drawn("text", { x, y: y + 49, class: "facts" }, facts),
      drawn(
        "text",
        { x, y: y + 4, class: "letter", "aria-hidden": "true" },
        node.slice(0, 1).toUpperCase(),
      ),
    );
  });
  return drawn(
    "svg",
    {
      class: "map",
      viewBox: `0 0 ${width} ${height}`,
      role: "group",
      "aria-label": `Map of ${shown.length} nodes`,
    },
    ...lines,
    ...labels,
    ...places,
  );
}

export function drawOverview(
  main: HTMLElement,
  { node, state, cluster = [] }: PageState,
): void {
  const samples = samplesOf(node);
  const closed = cluster.filter(({ state }) => state === undefined);
  const parts: PageContent[] = [];
  if (state !== undefined) {
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
      element(
        "dl",
        { class: "facts" },
        ...Object.entries({
          Host: state.host,
          "Up for": spanText(state.uptime),
          Heap: bytesText(state.heap),
          Processes: decimalText(state.processes),
          Applications: state.applications.join(", ") || "none",
        }).map(([name, value]) =>
          element("div", {}, element("dt", {}, name), element("dd", {}, value))
        ),
      ),
    );
  }
  parts.push(card("Cluster", clusterMap(cluster, node)));
  if (closed.length > 0) {
    parts.push(card(
      "Nodes that cannot be observed",
      element(
        "ul",
        {},
        ...closed.map(({ node, error }) =>
          element("li", {}, element("strong", {}, node), ` ${error ?? ""}`)
        ),
      ),
    ));
  }
  if (state !== undefined && state.connections.length > 0) {
    parts.push(card(
      `Connections of ${node}`,
      table(
        "Connections",
        ["Node", "Address", "Traffic", "Received", "Sent", "Queue"],
        state.connections.map((each) => [
          element(
            "span",
            {},
            viewLink("overview", each.node, undefined, each.node),
            each.hidden && " (hidden)",
          ),
          each.address,
          `${bytesText(trafficOf(node, each.node) ?? 0)}/s`,
          bytesText(each.receivedBytes),
          bytesText(each.sentBytes),
          bytesText(each.queuedBytes),
        ]),
        [2, 3, 4, 5],
      ),
    ));
  }
  main.replaceChildren(...parts.filter((part) => part instanceof Node));
}
