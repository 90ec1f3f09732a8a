/**
 * Errors for other nodes: with the names of functions and files, but without the folders of this machine, which would
 * reveal the names of users and the layout of the disk.
 *
 * Every file in a stack's frame loses its folders. A message can contain paths that mean something else, such as the
 * path of a URL. So a message loses only the folders of `file:` URLs, and of paths below a user's home, the current
 * folder, or the program's folder.
 */

import { dirname } from "node:path";
import nodeProcess from "node:process";
import { cut } from "./literals.ts";
import { type ErrorTerm, errorTerm } from "./error_term.ts";

/** The maximum number of characters of a stack that is sent. */
const MAX_STACK = 1 << 16;

/** Replaces the middle of a longer stack. */
const OMITTED = "\n    ...\n";

/** A line of a stack that shows a call. */
const FRAME = /^\s*at /;

/**
 * A file of this machine in a frame: an absolute path or a URL, possibly with spaces and parentheses in its folders,
 * up to the line and column that end it, or else the rest of the frame. The search takes linear time, because a peer
 * may have sent the frame.
 */
const FILE =
  /(?<=[\s(])(?:file:|[a-z][a-z+.-]*:\/\/\/|[a-z]:[\\/]|[\\/])[^]*?(?::\d+(?::\d+)?(?=[),]|$)|$)/gi;

/** The characters that end a path without quotes. */
const AFTER = "\\s\"'`()<>,;";

/** The homes of users in their usual places, because asking for the real home would need a permission. */
const HOME =
  `/(?:home|Users)/[^${AFTER}/]+|/(?:var/)?root|[a-z]:[\\\\/]Users[\\\\/][^${AFTER}\\\\/]+`;

const IS_HOME = new RegExp(`^(?:${HOME})$`, "i");

/** The fields of an error that can contain a path: `cause`, and fields of Node's file system errors. */
const PATH_FIELDS = ["cause", "path", "dest"];

let filesInMessages: RegExp | undefined;

/**
 * Returns the pattern of a file or folder in a message, up to the closing quote, or else to a character that is rare
 * in paths. A search takes linear time, because a peer may have sent the message.
 */
function makeFilesInMessages(): RegExp {
  const folders = [HOME, ...ownFolders()].join("|");
  const file =
    `(?<![\\w.~/\\\\-])(?:[a-z][a-z+.-]{0,15}:///|file:[\\\\/]|(?:${folders})(?![^${AFTER}:\\\\/]))`;
  return new RegExp(
    `(?<=(["'\`]))${file}[^"'\`\n]*(?=\\1)|${file}[^${AFTER}]*`,
    "gi",
  );
}

/** Returns patterns of the current folder and the program's folder, unless they are the root of the disk. */
function ownFolders(): string[] {
  const folders = [dirname(nodeProcess.argv[1] ?? "")];
  try {
    folders.push(nodeProcess.cwd());
  } catch {
    // The current folder was deleted.
  }
  return folders.filter((folder) => /[\\/][^\\/]/.test(folder))
    .map((folder) => folder.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
}

/** Converts an error for other nodes, without its stack: its message and the paths in its fields lose their folders. */
export function publicError(error: Error): ErrorTerm {
  const term = errorTerm(error);
  term.message = withoutFoldersInMessage(term.message);
  const { fields } = term;
  for (const key of fields === undefined ? [] : PATH_FIELDS) {
    const value = fields![key];
    if (typeof value === "string") {
      fields![key] = withoutFoldersInMessage(value);
    }
  }
  return term;
}

/** Removes the folders from a stack; a long stack loses its middle, because its frames are at the end. */
export function publicStack(stack: string): string {
  return withoutFolders(stack.length <= MAX_STACK ? stack : shortened(stack));
}

/** Removes the folders from a text's frames and other lines. */
export function withoutFolders(text: string): string {
  if (!hasPath(text)) return text;
  return text.split("\n")
    .map((line) =>
      FRAME.test(line)
        ? line.replace(FILE, withoutFolder)
        : withoutFoldersInMessage(line)
    )
    .join("\n");
}

function withoutFoldersInMessage(message: string): string {
  if (!hasPath(message)) return message;
  filesInMessages ??= makeFilesInMessages();
  return message.replace(filesInMessages, withoutFolder);
}

function hasPath(text: string): boolean {
  return text.includes("/") || text.includes("\\");
}

/** Returns the name of a file or folder; a package's file begins at `node_modules`, and a home is `~`. */
function withoutFolder(found: string): string {
  let end = found.length;
  while (end > 0 && "/\\.:".includes(found[end - 1])) end--;
  const file = found.slice(0, end);
  const after = found.slice(end).replace(/^[\\/]+/, "");
  if (IS_HOME.test(file.replace(/^file:\/\//, ""))) return `~${after}`;
  const packages = Math.max(
    file.lastIndexOf("/node_modules/"),
    file.lastIndexOf("\\node_modules\\"),
  );
  return file.slice(
    1 +
      (packages >= 0
        ? packages
        : Math.max(file.lastIndexOf("/"), file.lastIndexOf("\\"))),
  ) + after;
}

/** Returns the beginning and the end of a stack, in whole frames: half a path would end with a folder. */
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
