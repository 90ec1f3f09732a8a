/**
 * Compares figures with a history of them, so that a slow rise is found as well as a sudden one.
 *
 * @module
 */

/** The figures of one commit. */
export interface Entry {
  commit: string;
  date: string;
  machine: string;
  figures: Record<string, number>;
  /** The figures that may be as high as here from this entry on, and why. */
  accepted?: string[];
  reason?: string;
}

export interface Comparison {
  name: string;
  value: number;
  /** The lowest value since the figure's last accepted rise; `undefined` without an entry. */
  lowest: number | undefined;
  isRisen: boolean;
}

/** How far the counts of equal code differ. */
export const NOISE = 1.025;

/** How far a figure may rise in all. */
export const TOLERANCE = 1.05;

/** Compares each figure with its lowest one, so that many small rises add up. */
export function compare(
  history: readonly Entry[],
  figures: Record<string, number>,
): Comparison[] {
  return Object.entries(figures).map(([name, value]) => {
    const since = history.findLastIndex((entry) =>
      entry.accepted?.includes(name) ?? false
    );
    const values = history.slice(Math.max(since, 0)).flatMap((entry) =>
      entry.figures[name] ?? []
    );
    const lowest = values.length === 0 ? undefined : Math.min(...values);
    const isRisen = lowest !== undefined && value > lowest * TOLERANCE;
    return { name, value, lowest, isRisen };
  });
}
