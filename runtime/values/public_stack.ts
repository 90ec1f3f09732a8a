/**
 * The stack of an error as other nodes get it: with the names of functions and files, without the folders of this
 * machine, which tell a peer the names of users and the layout of its disk.
 *
 * @module
 */

/**
 * The absolute path of a file, or its URL, in a line of a stack. It takes time in proportion to the line, which may be
 * from a peer.
 */
const PATH =
  /(?<=^|[\s(])(?:file:\/\/+(?:[A-Za-z]:)?|[A-Za-z]:[\\/]|[\\/])[^:\s()]*/g;

/** A stack whose paths of files are without their folders; those of packages begin at `node_modules`. */
export function publicStack(stack: string): string {
  if (!stack.includes("/") && !stack.includes("\\")) return stack;
  return stack.split("\n")
    .map((line) => /^\s*at /.test(line) ? line.replace(PATH, publicPath) : line)
    .join("\n");
}

/** An absolute path, or the URL of a file, without its folders. */
export function publicPath(path: string): string {
  const packages = path.lastIndexOf("node_modules");
  return packages >= 0
    ? path.slice(packages)
    : path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}
