/** Access to a dashboard: links that can be used once, and the sessions of the browsers that have used one. */

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** The number of random bytes of a token and of a session: 128 bits. */
const RANDOM_BYTES = 16;

/** The maximum numbers of unused tokens and of sessions; a further one replaces the oldest. */
const MAX_TOKENS = 8;
const MAX_SESSIONS = 8;

/** The maximum length of a token; longer text is cut off. */
const MAX_LENGTH = 64;

/** The tokens and sessions of a dashboard. Only their digests are kept. */
export class DashboardAccess {
  readonly #cookie: string;
  readonly #tokens: Uint8Array[] = [];
  readonly #sessions: Uint8Array[] = [];

  /** Sessions use a cookie of this name. */
  constructor(cookie: string) {
    this.#cookie = cookie;
  }

  issue(): string {
    return add(this.#tokens, MAX_TOKENS);
  }

  /** Redeems a token for a session; returns the session's cookie, or `undefined` if the token is unknown or used. */
  redeem(token: string): string | undefined {
    const found = indexOf(this.#tokens, token);
    if (found < 0) return undefined;
    this.#tokens.splice(found, 1);
    return add(this.#sessions, MAX_SESSIONS);
  }

  admits(cookies: string | undefined): boolean {
    // A browser sends the cookies of all servers of the host, in any order.
    return valuesOf(cookies ?? "", this.#cookie)
      .some((value) => indexOf(this.#sessions, value) >= 0);
  }
}

function add(digests: Uint8Array[], most: number): string {
  const secret = randomBytes(RANDOM_BYTES).toString("base64url");
  digests.push(digestOf(secret));
  if (digests.length > most) digests.shift();
  return secret;
}

/** The index of a secret, found in constant time. */
function indexOf(digests: readonly Uint8Array[], secret: string): number {
  const wanted = digestOf(secret.slice(0, MAX_LENGTH));
  let found = -1;
  for (const [i, digest] of digests.entries()) {
    if (timingSafeEqual(digest, wanted)) found = i;
  }
  return found;
}

function digestOf(secret: string): Uint8Array {
  return createHash("sha256").update(secret).digest();
}

/** The values of a cookie, at most three. */
function valuesOf(cookies: string, name: string): string[] {
  const values: string[] = [];
  for (const each of cookies.split(";", 100)) {
    const [key, value] = each.trim().split("=", 2);
    if (key === name && value !== undefined) values.push(value);
  }
  return values.slice(0, 3);
}
