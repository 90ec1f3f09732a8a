/**
 * The plot of the results.
 *
 * @module
 */

import { figureOf, type Report, type Result, resultsOf } from "./figures.ts";
import { TITLES } from "./report.ts";
import { type ContestantName, HEADLINES } from "./rows.ts";

const LINE = 15;
const TOP = 52;
const WIDTH = 890;
const LABEL = 300;
const RIGHT = 20;
const LIMIT = 5;

const COLOURS = {
  elixir: "#7b4fa3",
  ergo: "#0e8f9c",
  raw: "#777777",
  nats: "#2b7de0",
  moleculer: "#e07b39",
  grpc: "#3c8d5a",
} as const;

const RIVALS = Object.keys(COLOURS) as (keyof typeof COLOURS)[];

/** The position of a ratio on the logarithmic scale: one half and two are equally far from the middle. */
function x(ratio: number): number {
  const half = (WIDTH - LABEL - RIGHT) / 2;
  const bounded = Math.max(-LIMIT, Math.min(LIMIT, Math.log2(ratio)));
  return LABEL + half + bounded / LIMIT * half;
}

function place(value: number): string {
  return value.toFixed(1);
}

/** How many times as fast, or as small, ours is. */
function ratio(result: Result, rival: ContestantName): number | undefined {
  const ours = figureOf(result, "ours");
  const other = figureOf(result, rival);
  if (!ours || !other || ours < 0 || other < 0) return undefined;
  return result.row.figure === "rate" ? ours / other : other / ours;
}

function marks(result: Result, y: number): string[] {
  return RIVALS.flatMap((rival) => {
    const found = ratio(result, rival);
    if (found === undefined) return [];
    const colour = COLOURS[rival];
    const isSplit = result.placement.name === "split";
    return [
      `<circle cx="${place(x(found))}" cy="${y}" r="4" stroke="${colour}" ` +
      `stroke-width="1.5" fill="${isSplit ? "#ffffff" : colour}">` +
      `<title>${
        escape(
          `${result.row.title}, ${result.placement.title}: ${
            found.toFixed(2)
          } × ${TITLES[rival]}`,
        )
      }</title></circle>`,
    ];
  });
}

/**
 * A line for each row of the first table, with a dot for each rival: how many times as fast ours is, on a logarithmic scale.
 * Right of the middle, ours is faster. Dots are filled for one core, and hollow for two.
 */
export function plot(report: Report): string {
  const results = resultsOf(report);
  const rows = [...new Set(HEADLINES.map(([name]) => name))]
    .map((name) => results.filter(({ row }) => row.name === name))
    .filter((each) =>
      each.some((result) =>
        RIVALS.some((rival) => ratio(result, rival) !== undefined)
      )
    );
  const bottom = TOP + rows.length * LINE;
  const lines = rows.flatMap((each, index) => {
    const y = TOP + index * LINE + LINE / 2;
    return [
      `<text x="${LABEL - 10}" y="${y + 4}" text-anchor="end">${
        escape(each[0].row.title)
      }</text>`,
      `<line x1="${LABEL}" x2="${
        WIDTH - RIGHT
      }" y1="${y}" y2="${y}" stroke="#eeeeee"/>`,
      ...each.flatMap((result) => marks(result, y)),
    ];
  });
  const axis = [-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5].map((power) => {
    const at = place(x(2 ** power));
    const label = power < 0 ? `1/${2 ** -power}` : `${2 ** power} ×`;
    return `<line x1="${at}" x2="${at}" y1="${TOP}" y2="${bottom}" stroke="${
      power === 0 ? "#333333" : "#dddddd"
    }"/><text x="${at}" y="${
      bottom + 13
    }" text-anchor="middle" font-size="10">${label}</text>`;
  });
  const legend = RIVALS.map((rival, index) =>
    `<circle cx="${LABEL + 6 + index * 92}" cy="12" r="4" fill="${
      COLOURS[rival]
    }"/><text x="${LABEL + 14 + index * 92}" y="16">${
      escape(TITLES[rival].replaceAll("`", ""))
    }</text>`
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${
      bottom + 22
    }" font-family="sans-serif" font-size="11">`,
    "<title>How many times as fast as the others</title>",
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    ...legend,
    `<text x="${LABEL}" y="36">slower, or larger, than the rival</text>`,
    `<text x="${
      WIDTH - RIGHT
    }" y="36" text-anchor="end">faster, or smaller; filled: one core, hollow: two</text>`,
    ...axis,
    ...lines,
    "</svg>",
    "",
  ].join("\n");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
