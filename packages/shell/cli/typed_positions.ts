/** The positions of errors in typed code: `line:column` of what was typed, not of the code that runs. */

import { printable } from "@otp/processes/values/inspect";

const MOST = 200;

/** The lines of the running code before the translated one: two of `new Function`, and one of `evaluate`. */
const LINES_BEFORE = 3;

/** A frame of a stack in typed code; hosts write the source's name in two ways. */
const FRAME =
  /^at (?:async )?(?:(.*?) \()?typed-(\d+)(?:, <anonymous>)?:(\d+):(\d+)\)?$/;

interface Input {
  typed: string;
  code: string;
  typedOffset(offset: number): number;
}

const inputs = new Map<number, Input>();
let last = 0;

/** Keeps the positions of an input; returns the name of its source, which stacks contain. */
export function keepPositions(
  typed: string,
  { code, typedOffset }: Omit<Input, "typed">,
): string {
  inputs.set(++last, { typed, code, typedOffset });
  inputs.delete(last - MOST);
  return `typed-${last}`;
}

/**
 * Returns the frames of a stack that are in typed code, each once. A failure of an input with one line, outside
 * functions, has none, as its place is clear.
 */
export function typedFrames(stack: readonly string[]): string[] {
  const frames = new Set<string>();
  let isClear = true;
  for (const line of stack) {
    const [, name, id, row, column] = FRAME.exec(line) ?? [];
    const input = inputs.get(Number(id));
    if (input === undefined) continue;
    const place = placeIn(input, Number(row) - LINES_BEFORE, Number(column)) +
      (Number(id) === last ? "" : " of an earlier input");
    // Functions are properties of the scope, an object.
    const fn = name?.replace(/^Object\./, "");
    const isTop = fn === undefined || /(?:^|\.)eval(?: \[as .*\])?$/.test(fn);
    if (!isTop || input.typed.trim().includes("\n")) isClear = false;
    frames.add(isTop ? `at ${place}` : `at ${printable(fn)} (${place})`);
  }
  return isClear ? [] : [...frames];
}

function placeIn(
  { typed, code, typedOffset }: Input,
  row: number,
  column: number,
): string {
  const before = code.split("\n").slice(0, row - 1)
    .reduce((sum, { length }) => sum + length + 1, 0);
  const lines = typed.slice(0, typedOffset(before + column - 1)).split("\n");
  return `${lines.length}:${lines.at(-1)!.length + 1}`;
}
