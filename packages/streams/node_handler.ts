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
  unread: number,
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
      await send(response, outgoing, gone.signal, unread);
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
  return new Request(`http://${host}${url}`, {
    method,
    headers,
    signal,
    ...takesBody(method)
      ? { body: Readable.toWeb(incoming) as ReadableStream, duplex: "half" }
      : {},
  } as RequestInit);
}

function takesBody(method: string | undefined): boolean {
  return method === "POST" || method === "PUT";
}

/** Sends a response; rejects if its reader does not take a part of it within `unread` milliseconds. */
async function send(
  response: Response,
  outgoing: ServerResponse,
  gone: AbortSignal,
  unread: number,
): Promise<void> {
  const headers = Object.fromEntries(response.headers);
  // The rest of a body that nobody reads would have to be read before the next request.
  const { complete, method } = outgoing.req;
  if (!complete && takesBody(method)) headers.connection = "close";
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
    const body = response.body && new Uint8Array(await response.arrayBuffer());
    if (body) headers["content-length"] = String(body.length);
    outgoing.writeHead(response.status, headers);
    if (body) await write(outgoing, body, gone, unread);
    outgoing.end();
    return;
  }
  outgoing.writeHead(response.status, headers);
  outgoing.flushHeaders();
  const reader = response.body!.getReader();
  gone.addEventListener("abort", () => reader.cancel().catch(() => {}));
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || gone.aborted) break;
      await write(outgoing, value, gone, unread);
    }
  } catch (error) {
    reader.cancel().catch(() => {});
    throw error;
  }
  outgoing.end();
}

/** Writes bytes; resolves when the connection takes more, or is gone. */
async function write(
  outgoing: ServerResponse,
  bytes: Uint8Array,
  gone: AbortSignal,
  unread: number,
): Promise<void> {
  if (outgoing.write(bytes) || gone.aborted) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => reject(new Error("the reader does not read")),
    unread,
  );
  outgoing.on("drain", resolve);
  gone.addEventListener("abort", () => resolve());
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    outgoing.off("drain", resolve);
  }
}
