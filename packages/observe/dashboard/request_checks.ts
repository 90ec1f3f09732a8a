/**
 * Checks of requests to a dashboard that need no session. They reject requests from pages of other sites that a browser
 * on this machine has open.
 */

import type { IncomingHttpHeaders } from "node:http";

const MAX_URL = 2048;

/** The names by which a browser reaches a loopback address. */
const LOOPBACK = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

const HOST = /^(.{1,100}?)(?::(\d{1,5}))?$/;

/** Whether an address is a loopback address, or the name of one. */
export function isLoopbackHost(host: string): boolean {
  return LOOPBACK.test(host) || host === "::1";
}

/**
 * Returns why a request is refused before its session is checked; `undefined` if it passes.
 *
 * The port need not be the server's, because a tunnel's near end has another port.
 */
export function refusalOfRequest(
  method: string,
  url: string,
  headers: IncomingHttpHeaders,
): { status: number; reason: string } | undefined {
  if (method !== "GET" && method !== "HEAD" && method !== "POST") {
    return { status: 405, reason: "Only GET, HEAD and POST are answered." };
  }
  if (url.length > MAX_URL || !url.startsWith("/")) {
    return { status: 414, reason: "The URL is too long, or has no path." };
  }
  const { host = "" } = headers;
  const [, name = ""] = HOST.exec(host) ?? [];
  // By DNS rebinding, a name of another site leads to this address.
  if (!LOOPBACK.test(name.toLowerCase())) {
    return {
      status: 403,
      reason: "The host is not a name of this machine: use 127.0.0.1.",
    };
  }
  const { origin } = headers;
  if (origin !== undefined && origin !== `http://${host}`) {
    return { status: 403, reason: "The request is from another site." };
  }
  return undefined;
}

/** Whether a request can be from a page of another origin: the page's own code has to send these headers. */
export function isFromElsewhere(headers: IncomingHttpHeaders): boolean {
  const site = headers["sec-fetch-site"];
  return (site !== undefined && site !== "same-origin") ||
    headers["x-otp-dashboard"] !== "1";
}
