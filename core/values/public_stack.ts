/**
 * Errors as other nodes get them: with the names of functions and files, without the folders of this machine, which
 * tell a peer the names of users and the layout of its disk.
 *
 * A frame of a stack loses the folders of every file. A message can hold paths that mean something else, such as the
 * path of a URL, so it loses only the folders of `file:` URLs and of paths below the home of a user, the current
 * folder, or the folder of the program.
 *
 * @module
 */

import { dirname } from "node:path";
import nodeProcess from "node:process";
import { cut } from "./literals.ts";
import { type ErrorTerm, errorTerm } from "./error_term.ts";

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

/** Ends a path that no quotes surround. */
const AFTER = "\\s\"'`()<>,;";

/** The homes of users, in their usual places: a program may not ask for its own without a permission. */
const HOME =
  `/(?:home|Users)/[^${AFTER}/]+|/(?:var/)?root|[a-z]:[\\\\/]Users[\\\\/][^${AFTER}\\\\/]+`;

const IS_HOME = new RegExp(`^(?:${HOME})$`, "i");

/** The fields of an error that can be a path: its cause, and those that Node's errors of the file system have. */
const PATH_FIELDS = ["cause", "path", "dest"];

let filesInMessages: RegExp | undefined;

/**
 * Returns the pattern of a file or folder in a message: up to the quote that closes it, or else to a character that is
 * rare in paths. A search takes time in proportion to the message, which may be from a peer.
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

/** Patterns of the current folder and of the program's, except for the root of the disk. */
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

/** An error as other nodes get it, except for its stack: its message and the paths in its fields without folders. */
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

/** A stack without folders; the middle of a long one is left out, as its frames are at its end. */
export function publicStack(stack: string): string {
  return withoutFolders(stack.length <= MAX_STACK ? stack : shortened(stack));
}

/** A text without the folders in its frames and in the lines between them. */
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

/** The name of a file or folder; a file of a package begins at `node_modules`, and a home is `~`. */
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
