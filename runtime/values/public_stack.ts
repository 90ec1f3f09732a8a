/**
 * The stack of an error as other nodes get it: with the names of functions and files, without the folders of this
 * machine, which tell a peer the names of users and the layout of its disk.
 *
 * @module
 */

import { cut } from "./literals.ts";

/** The maximum number of characters of a stack that is sent. */
const MAX_STACK = 1 << 16;

/** Stands for the middle of a longer one. */
const OMITTED = "\n    ...\n";

/** The line of a stack that is a call. */
const FRAME = /^\s*at /;

/**
 * A file of this machine in a frame: an absolute path or a URL, whose folders may have spaces and parentheses, up to the
 * line and column that end it, or else the rest of the frame. The search takes time in proportion to the frame, which
 * may be from a peer.
 */
const FILE =
  /(?<=[\s(])(?:file:|[a-z][a-z+.-]*:\/\/\/|[a-z]:[\\/]|[\\/])[^]*?(?::\d+(?::\d+)?(?=[),]|$)|$)/gi;

/** A stack without folders; the middle of a long one is left out, as its frames are at its end. */
export function publicStack(stack: string): string {
  return withoutFolders(stack.length <= MAX_STACK ? stack : shortened(stack));
}

/** A text whose frames name files without their folders; files of packages begin at `node_modules`. */
export function withoutFolders(text: string): string {
  if (!text.includes("/") && !text.includes("\\")) return text;
  return text.split("\n")
    .map((line) => FRAME.test(line) ? line.replace(FILE, withoutFolder) : line)
    .join("\n");
}

/** The file of a frame, without its folders. */
function withoutFolder(file: string): string {
  const packages = Math.max(
    file.lastIndexOf("/node_modules/"),
    file.lastIndexOf("\\node_modules\\"),
  );
  return file.slice(
    1 +
      (packages >= 0
        ? packages
        : Math.max(file.lastIndexOf("/"), file.lastIndexOf("\\"))),
  );
}

/** The beginning and the end of a stack: whole frames, as half a path would end with a folder. */
function shortened(stack: string): string {
  const half = (MAX_STACK - OMITTED.length) / 2;
  let start = cut(stack, Math.floor(half));
  const last = start.lastIndexOf("\n") + 1;
  if (FRAME.test(start.slice(last))) {
    start = start.slice(0, Math.max(0, last - 1));
  }
  const end = stack.slice(Math.ceil(stack.length - half));
  const next = end.indexOf("\n") + 1;
  return start + OMITTED + (next > 0 ? end.slice(next) : "");
}
