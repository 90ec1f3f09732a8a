/** Removes the white space that removed types and comments leave, except for line ends. */

import { parse } from "acorn";

/**
 * Compacts JavaScript, and removes its comments.
 *
 * @param isFunction Whether the code is the body of a function, which may return.
 */
export function compact(code: string, isFunction = false): string {
  let text = "";
  let last = 0;
  parse(code, {
    ecmaVersion: "latest",
    sourceType: "module",
    allowReturnOutsideFunction: isFunction,
    onToken: ({ start, end }) => {
      const gap = code.slice(last, start);
      text += gap.includes("\n") ? "\n" : gap === "" ? "" : " ";
      text += code.slice(start, end);
      last = end;
    },
  });
  return text.trim();
}
