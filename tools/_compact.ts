/** Removes the white space that removed types and comments leave, except for line ends. */

import { parse } from "acorn";

/** Compacts JavaScript, and removes its comments. */
export function compact(code: string): string {
  let text = "";
  let last = 0;
  parse(code, {
    ecmaVersion: "latest",
    sourceType: "module",
    onToken: ({ start, end }) => {
      const gap = code.slice(last, start);
      text += gap.includes("\n") ? "\n" : gap === "" ? "" : " ";
      text += code.slice(start, end);
      last = end;
    },
  });
  return text.trim();
}
