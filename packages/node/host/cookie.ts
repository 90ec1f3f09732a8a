/** The cookie: the secret that nodes of a cluster share. */

import { NodeStartError } from "@otp/processes/errors";

/** Returns a cookie, if it is valid. Throws a `NodeStartError` if it is empty or longer than 255 characters. */
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
