/**
 * The handler of streams for `node:http`.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { StreamRequestInfo } from "./options.ts";

/** Returns a listener for `http.createServer`. */
export function nodeHandler(
  handle: (request: Request, info?: StreamRequestInfo) => Promise<Response>,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (incoming, outgoing) => {
    const gone = new AbortController();
    outgoing.on("close", () => gone.abort());
    let request: Request;
    try {
      request = requestOf(incoming, gone.signal);
    } catch {
      outgoing.writeHead(400).end();
      return;
    }
    const { remoteAddress: hostname } = incoming.socket;
    const response = await handle(request, { remoteAddr: { hostname } });
    try {
      await send(response, outgoing, gone.signal);
    } catch {
      outgoing.destroy();
    }
  };
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { url, method = "GET", headers: { host = "localhost" } } = incoming;
  if (!url?.startsWith("/")) throw new TypeError("no path");
  const headers = new Headers();
  for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
    headers.append(incoming.rawHeaders[at], incoming.rawHeaders[at + 1]);
  }
  const hasBody = method === "POST" || method === "PUT";
  return new Request(`http://${host}${url}`, {
    method,
    headers,
    signal,
    ...hasBody
      ? { body: Readable.toWeb(incoming) as ReadableStream, duplex: "half" }
      : {},
  } as RequestInit);
}

async function send(
  response: Response,
  outgoing: ServerResponse,
  gone: AbortSignal,
): Promise<void> {
  const headers = Object.fromEntries(response.headers);
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
    const body = response.body === null
      ? undefined
      : new Uint8Array(await response.arrayBuffer());
    outgoing.writeHead(response.status, {
      ...headers,
      ...body ? { "content-length": body.length } : {},
    });
    outgoing.end(body);
    return;
  }
  outgoing.writeHead(response.status, headers);
  outgoing.flushHeaders();
  const reader = response.body!.getReader();
  gone.addEventListener("abort", () => reader.cancel().catch(() => {}));
  for (;;) {
    const { done, value } = await reader.read();
    if (done || gone.aborted) break;
    if (!outgoing.write(value)) await drained(outgoing, gone);
  }
  outgoing.end();
}

/** Resolves when the connection has taken what was written, or is gone. */
function drained(outgoing: ServerResponse, gone: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => {
    outgoing.off("drain", done);
    gone.removeEventListener("abort", done);
    resolve();
  };
  outgoing.on("drain", done);
  gone.addEventListener("abort", done);
  return promise;
}
