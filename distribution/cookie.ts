/**
 * The cookie: the secret that nodes of a cluster share.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import nodeProcess from "node:process";
import { homedir } from "node:os";
import { join } from "node:path";
import { NodeStartError } from "../errors.ts";
import { quote } from "../runtime/inspect.ts";

/** How many random bytes are in a cookie that is made: 43 characters of base64url. */
const COOKIE_BYTES = 32;

/** The file that the user's nodes, and iex, have their cookie in. */
export function cookieFile(): string {
  return join(nodeProcess.env.HOME ?? homedir(), ".erlang.cookie");
}

/**
 * The cookie in a file.
 *
 * @throws {NodeStartError} If it cannot be read, or others than its owner can read it.
 */
export function readCookieFile(path: string): string {
  try {
    const { mode } = statSync(path);
    if ((mode & 0o077) !== 0 && nodeProcess.platform !== "win32") {
      throw new NodeStartError(
        "cookie",
        `Cannot use the cookie file ${
          quote(path)
        }: others than its owner can read it (mode ${
          (mode & 0o777).toString(8)
        }); run: chmod 400 ${path}`,
      );
    }
    return checkCookie(readFileSync(path, "utf8").trim(), path);
  } catch (error) {
    if (error instanceof NodeStartError) throw error;
    throw new NodeStartError(
      "cookie",
      `Cannot read the cookie file ${quote(path)}: ${
        (error as Error).message
      }; give --cookie or another --cookie-file`,
      { cause: error },
    );
  }
}

/**
 * The user's own cookie; the file is made when it is not there.
 *
 * @throws {NodeStartError} If it can be neither read nor made.
 */
export function userCookie(): string {
  const path = cookieFile();
  if (!existsSync(path)) makeCookieFile(path);
  return readCookieFile(path);
}

function makeCookieFile(path: string): void {
  try {
    writeFileSync(path, randomBytes(COOKIE_BYTES).toString("base64url"), {
      flag: "wx",
      mode: 0o400,
    });
  } catch (error) {
    // Another node of the user's has just made it.
    if ((error as { code?: string }).code === "EEXIST") return;
    throw new NodeStartError(
      "cookie",
      `Cannot make the cookie file ${quote(path)}: ${
        (error as Error).message
      }; give --cookie or --cookie-file`,
      { cause: error },
    );
  }
}

/**
 * A cookie, if it can be one.
 *
 * @throws {NodeStartError} If it is empty or longer than 255 characters.
 */
export function checkCookie(cookie: string, from: string): string {
  // deno-lint-ignore no-control-regex
  if (!/^[^\u0000-\u001f]{1,255}$/.test(cookie)) {
    throw new NodeStartError(
      "cookie",
      `Cannot use the cookie of ${from}: it has ${cookie.length} characters, and 1 to 255 printable ones are allowed`,
    );
  }
  return cookie;
}
