/**
 * The handler of streams for `node:http`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { Answer } from "./answers.ts";
import type { StreamRequestInfo, StreamsHandler } from "./options.ts";

/** Returns a listener for `http.createServer`; a response that its reader does not take within `unread` milliseconds ends. */
export function nodeHandler(
  answer: (request: Request, info?: StreamRequestInfo) => Promise<Answer>,
  unread: number,
): StreamsHandler["node"] {
  return async (received, response) => {
    const incoming = received as IncomingMessage;
    const outgoing = response as ServerResponse;
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
    const answered = await answer(request, { remoteAddr: { hostname } });
    if (gone.signal.aborted) answered.events?.end();
    else send(answered, outgoing, unread);
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

function send(
  { status, headers, body, events }: Answer,
  outgoing: ServerResponse,
  unread: number,
): void {
  // The rest of a body that nobody reads would have to be read before the next request.
  const { complete, method } = outgoing.req;
  if (!complete && takesBody(method)) outgoing.setHeader("connection", "close");
  let late: ReturnType<typeof setTimeout> | undefined;
  const wait = () => {
    late ??= setTimeout(() => outgoing.destroy(), unread);
  };
  const goOn = () => {
    clearTimeout(late);
    late = undefined;
  };
  outgoing.on("close", () => {
    events?.end();
    goOn();
  });
  if (events === undefined) {
    if (body) outgoing.setHeader("content-length", Buffer.byteLength(body));
    outgoing.writeHead(status, headers).end(body);
    wait();
    return;
  }
  outgoing.on("drain", () => {
    goOn();
    events.resume();
  });
  outgoing.writeHead(status, headers);
  outgoing.flushHeaders();
  events.start({
    write(bytes) {
      if (outgoing.write(bytes)) return true;
      wait();
      return false;
    },
    end() {
      outgoing.end();
      wait();
    },
  });
}
