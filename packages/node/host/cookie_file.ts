/**
 * The file of the cookie.
 *
 * A user's nodes may start at the same time, and each creates the file if it is missing. They agree on one
 * cookie, as exactly one node creates the file, with its whole content: each node writes a file of its own, links
 * it to the name (link(2) fails if the name exists), and reads the file of that name. The nodes' own files are in
 * a separate folder, so that the permission to write is for a fixed path. Without links or that folder, the file is
 * created under its name, again by one node only; other nodes may see it empty for a moment, and read it again. A
 * node that cannot write the file that it has created removes it.
 */

import { randomBytes } from "node:crypto";
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import nodeProcess from "node:process";
import { setTimeout } from "node:timers/promises";
import { NodeStartError } from "@otp/processes/errors";
import { isGranted } from "@otp/processes/host/permissions";
import { quote } from "@otp/processes/values/inspect";
import { checkCookie } from "./cookie.ts";
import { isPermissionDenied } from "./host_permissions.ts";

/** The number of random bytes in a new cookie: 43 characters of base64url. */
const COOKIE_BYTES = 32;

/** The number of times that an empty file is read again, and the milliseconds between. */
const READS = 50;
const READ_PAUSE = 20;

const isWindows = nodeProcess.platform === "win32";

/**
 * The file of the cookie that the user's nodes, and iex, share. Throws a `NodeStartError` if its location is unknown.
 */
export function cookieFile(): string {
  let home: string | undefined;
  try {
    home = nodeProcess.env.HOME ?? (isWindows ? homedir() : undefined);
  } catch (cause) {
    throw new NodeStartError(
      "cookie",
      "Cannot find the cookie file: the program may not read the environment variable HOME; run it with --allow-env=HOME, or give --cookie-file (cookieFile) or --cookie (cookie)",
      { cause },
    );
  }
  if (home !== undefined && isAbsolute(home)) {
    return join(home, ".erlang.cookie");
  }
  throw new NodeStartError(
    "cookie",
    `Cannot find the cookie file: HOME is ${
      home === undefined ? "not set" : `${quote(home)}, not an absolute path`
    }; set it, or give --cookie-file (cookieFile) or --cookie (cookie)`,
  );
}

/**
 * The cookie in a file that the user has named.
 *
 * The file belongs to the user, or it is a secret that root hands to a service: systemd's credentials, whose access
 * list shows as the rights of a group, or a volume of Kubernetes with an `fsGroup`. No other user can make
 * a file of root's or choose its group, so root has decided who reads it; a service that runs as root gets such files too.
 * Throws a `NodeStartError` if the file cannot be read, others than its owner have access to it, or its owner is
 * another user; or if the owner is root, and others can read the file, or a group can change it.
 */
export function readCookieFile(path: string): string {
  return checkText(readText(path, checkGivenAccess), path);
}

/**
 * The user's own cookie; the file is created if it is missing. Throws a `NodeStartError` if it can be neither read nor
 * created.
 */
export async function userCookie(): Promise<string> {
  const path = cookieFile();
  for (let reads = 1;; reads++) {
    let text: string;
    try {
      text = readText(path);
    } catch (error) {
      const { code } = (error as Error).cause as { code?: string } ?? {};
      // Another node may have removed the file, which it could not write.
      if (code !== "ENOENT" || reads === READS) throw error;
      const second = secondPath();
      // iex reads it too, and lets no group read it.
      if (second !== undefined) return checkText(readText(second), second);
      makeCookieFile(path);
      text = readText(path);
    }
    // Another node has just created the empty file, and is about to write it.
    if (text !== "" || reads === READS) return checkText(text, path);
    await setTimeout(READ_PAUSE);
  }
}

function checkText(text: string, path: string): string {
  if (text !== "") return checkCookie(text, path);
  throw refuse(
    path,
    `it is empty, as after a start on a full disk; write the cookie of the other nodes into it, or remove it: rm -f ${path}`,
  );
}

/** Returns OTP's second place for the cookie's file, after the home folder, if that file exists. */
function secondPath(): string | undefined {
  try {
    const variable = "XDG_CONFIG_HOME";
    const given = isGranted({ name: "env", variable })
      ? nodeProcess.env[variable]
      : undefined;
    const config = given !== undefined && isAbsolute(given)
      ? given
      : join(dirname(cookieFile()), ".config");
    const path = join(config, "erlang", ".erlang.cookie");
    if (!isGranted({ name: "read", path })) return undefined;
    statSync(path);
    return path;
  } catch {
    // The file does not exist, or the program may not look there.
    return undefined;
  }
}

/** Removes the end of the line, as OTP does; spaces before it belong to the cookie. */
function withoutLineEnd(text: string): string {
  return text.replace(/[\r\n][\r\n ]*$/, "");
}

function readText(path: string, check = checkAccess): string {
  try {
    // Opening a pipe would wait for its writer.
    if (!statSync(path).isFile()) throw refuse(path, "it is not a file");
    const file = openSync(path, "r");
    try {
      // The open file is checked and read, even if the name changes.
      check(path, fstatSync(file));
      return withoutLineEnd(readFileSync(file, "utf8"));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof NodeStartError) throw error;
    throw new NodeStartError(
      "cookie",
      `Cannot read the cookie file ${quote(path)}: ${
        isPermissionDenied(error)
          ? `the program may not; run it with --allow-read=${path} by \`deno run\`, as the permissions of a task are fixed; else give --cookie, or copy the file to $HOME/.erlang.cookie`
          : `${
            (error as Error).message
          }; give --cookie or another --cookie-file`
      }`,
      { cause: error },
    );
  }
}

/** Like {@linkcode checkAccess}, but a group may read a file of root, as PostgreSQL allows for its keys. */
function checkGivenAccess(
  path: string,
  stat: { mode: number; uid: number },
): void {
  if (stat.uid === 0 && (stat.mode & 0o037) === 0) return;
  checkAccess(path, stat);
}

/** Checks that only the owner has access, as OTP does, and that the owner is the user who starts the node. */
function checkAccess(
  path: string,
  { mode, uid }: { mode: number; uid: number },
): void {
  if (isWindows) return;
  if ((mode & 0o077) !== 0) {
    throw refuse(
      path,
      `others than its owner have access to it (mode ${
        (mode & 0o777).toString(8)
      }); run: chmod 400 ${path}`,
    );
  }
  const own = ownUid();
  if (own === undefined || own === uid) return;
  throw refuse(
    path,
    `it belongs to another user (uid ${uid}, and this program runs as ${own}); give one of your own: --cookie-file`,
  );
}

/** The user of this program, if the host reports it. */
function ownUid(): number | undefined {
  return isGranted({ name: "sys", kind: "uid" })
    ? nodeProcess.geteuid?.() ?? nodeProcess.getuid?.()
    : undefined;
}

function refuse(path: string, reason: string): NodeStartError {
  return new NodeStartError(
    "cookie",
    `Cannot use the cookie file ${quote(path)}: ${reason}`,
  );
}

/** Creates the file, unless another node has created it. */
function makeCookieFile(path: string): void {
  const cookie = randomBytes(COOKIE_BYTES).toString("base64url");
  if (linkNew(path, cookie)) return;
  try {
    writeNew(path, cookie);
  } catch (error) {
    if (isTaken(error)) return;
    throw new NodeStartError(
      "cookie",
      `Cannot make the cookie file ${quote(path)}: ${
        isPermissionDenied(error)
          ? `the program may not; run it with --allow-write=${path},${path}.new, or give --cookie or --cookie-file`
          : `${(error as Error).message}; give --cookie or --cookie-file`
      }`,
      { cause: error },
    );
  }
}

/** Writes the file under another name and links it; returns whether a file of that name exists now. */
function linkNew(path: string, cookie: string): boolean {
  const folder = `${path}.new`;
  if (
    !isGranted({ name: "read", path: folder }) ||
    !isGranted({ name: "write", path: folder })
  ) return false;
  const own = join(folder, randomBytes(8).toString("hex"));
  try {
    // Another node may have made it. With `recursive`, Deno would need to read the home folder.
    attempt(() => mkdirSync(folder, { mode: 0o700 }));
    writeNew(own, cookie);
    linkSync(own, path);
    return true;
  } catch (error) {
    return isTaken(error);
  } finally {
    attempt(() => rmSync(own, { force: true }));
    // Fails while another node uses the folder. A node that loses its folder creates the cookie file directly.
    attempt(() => rmdirSync(folder));
  }
}

function writeNew(path: string, cookie: string): void {
  // Deno's writeFileSync sets the mode after it has created the file with the mode of the umask.
  const file = openSync(path, "wx", 0o400);
  try {
    writeFileSync(file, cookie);
    // Without this, a loss of power would leave an empty file.
    fsyncSync(file);
  } catch (error) {
    // A full disk: an empty file would stop every later start.
    attempt(() => rmSync(path, { force: true }));
    throw error;
  } finally {
    closeSync(file);
  }
}

function isTaken(error: unknown): boolean {
  return (error as { code?: string }).code === "EEXIST";
}

function attempt(fn: () => void): void {
  try {
    fn();
  } catch {
    // Cleaning up is optional.
  }
}
