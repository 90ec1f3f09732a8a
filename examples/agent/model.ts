/** A model that knows nothing, and always says the same: tests compare what a browser shows with it. */

/** The number of tokens of an answer. */
export const TOKENS = 2000;

/** Returns the next tokens of the answer to a message: at the end of the answer, fewer than asked for. */
export function tokensOf(text: string, after: number, count: number): string[] {
  const length = Math.max(0, Math.min(count, TOKENS - after));
  return Array.from(
    { length },
    (_, n) => ` ${text.slice(0, 10)}·${after + n + 1}`,
  );
}
