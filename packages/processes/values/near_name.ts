/** Suggestions for misspelled names, for errors and hints. */

/** Returns the closest name, if it differs in few characters. */
export function nearName(
  name: string,
  names: readonly string[],
): string | undefined {
  const most = Math.min(2, Math.floor(name.length / 3));
  let found: string | undefined;
  let least = most + 1;
  for (const each of names) {
    if (Math.abs(each.length - name.length) >= least) continue;
    const distance = distanceOf(name.toLowerCase(), each.toLowerCase());
    if (distance >= least) continue;
    least = distance;
    found = each;
  }
  return found;
}

/** Counts the characters to insert, delete, change or swap between two texts. */
export function distanceOf(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = from[i - 1] === to[j - 1] ? 0 : 1;
      next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + change));
      const isSwapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] &&
        from[i - 2] === to[j - 1];
      if (isSwapped) next[j] = Math.min(next[j], before[j - 2] + 1);
    }
    before = row;
    row = next;
  }
  return row[to.length];
}
