/**
 * The web server of a dashboard, on a loopback address.
 *
 * There are no streams: a page polls and gets one bounded answer at a time, so a slow or closed page costs nothing.
 */

import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { outside } from "@otp/processes/context/async_context";
import { DashboardAccess } from "./access.ts";
import { isFromElsewhere, refusalOfRequest } from "./request_checks.ts";
import { assetOf, enteredPage, PAGE } from "./assets.ts";

/**
 * The maximum numbers of connections, and of requests that are being answered. A further connection replaces an idle
 * one, so that connections of other users, or open pages, do not lock the owner out.
 */
const MAX_CONNECTIONS = 64;
const MAX_ANSWERING = 16;

/** The largest head and body of a request, in bytes. */
const MAX_HEAD = 8192;
const MAX_BODY = 2048;

/** The longest answer, in characters, since other nodes can send long data. */
const MAX_ANSWER = 4_000_000;

/** How long a client may take to send a request, to read an answer, and to send another request, in milliseconds. */
export const REQUEST_TIME = 10_000;
const ANSWER_TIME = 30_000;
const IDLE_TIME = 30_000;

const HEADERS: Record<string, string> = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

const NO_SESSION =
  "This page needs a link with a token, which works once: the program printed one when it started. In the shell, `await Dashboard.url()` makes another one.";

/** Computes the answers to pages. */
export interface PageAnswers {
  state(query: URLSearchParams): Promise<unknown>;
  /** Ends a process; `status` tells whether the node allows it. */
  end(request: unknown): Promise<{ status: number; result: string }>;
}

interface Place {
  /** The number of its requests that are being answered. */
  answering: number;
  /** Whether one of its requests belonged to a session. */
  isAdmitted: boolean;
}

export class PageServer {
  readonly #server: Server;
  readonly #answers: PageAnswers;
  /** The folder of the page: no other server on this machine gets cookies for it. */
  readonly #folder = `/${randomBytes(8).toString("hex")}/`;
  #access!: DashboardAccess;
  /** The connections, in the order of their last requests. */
  readonly #places = new Map<Socket, Place>();
  /** The timers of the requests that are being answered. */
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #answering = 0;
  #host = "";

  /**
   * Creates a server that does not listen yet.
   *
   * @param answers The functions that compute the answers.
   * @param requestTime How long a client may take to send a request, in milliseconds.
   */
  constructor(answers: PageAnswers, requestTime: number = REQUEST_TIME) {
    this.#answers = answers;
    this.#server = createServer({
      maxHeaderSize: MAX_HEAD,
      headersTimeout: requestTime,
      requestTimeout: requestTime,
      // By default the host checks only every 30 s.
      connectionsCheckingInterval: requestTime / 10,
      keepAliveTimeout: IDLE_TIME,
    }, (request, response) => this.#receive(request, response));
    this.#server.on("connection", (socket: Socket) => this.#seat(socket));
    this.#server.on("clientError", (_error, socket) => socket.destroy());
  }

  async listen(port: number, host: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    // Listen outside any process: each request runs in its own process.
    outside(() => this.#server.listen(port, host, resolve));
    await promise;
    this.#server.off("error", reject);
    this.#server.on("error", () => {});
    const address = this.#server.address() as AddressInfo;
    const name = host.includes(":") ? `[${host}]` : host;
    this.#host = `${name}:${address.port}`;
    this.#access = new DashboardAccess(`otp_dashboard_${address.port}`);
  }

  /** A new link, which works once. */
  url(): string {
    return `http://${this.#host}/?token=${this.#access.issue()}`;
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
    // The host may report the end of a response after the end of its server.
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** Adds a connection; if all places are taken, closes an idle connection, preferably one without a session. */
  #seat(socket: Socket): void {
    const places = this.#places;
    if (places.size >= MAX_CONNECTIONS) {
      const waiting = [...places].filter(([, { answering }]) =>
        answering === 0
      );
      const [oldest] = waiting.find(([, { isAdmitted }]) => !isAdmitted) ??
        waiting[0];
      places.delete(oldest);
      oldest.destroy();
    }
    places.set(socket, { answering: 0, isAdmitted: false });
    socket.once("close", () => places.delete(socket));
  }

  #asks(socket: Socket, response: ServerResponse): void {
    const place = this.#places.get(socket);
    if (place === undefined) return;
    this.#places.delete(socket);
    this.#places.set(socket, place);
    place.answering++;
    response.once("close", () => place.answering--);
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    request.on("error", () => {});
    response.on("error", () => {});
    if (this.#answering >= MAX_ANSWERING) {
      request.resume();
      return reply(response, 503, "Too many requests at a time.");
    }
    this.#asks(request.socket, response);
    this.#answering++;
    const timer = setTimeout(() => request.destroy(), ANSWER_TIME);
    this.#timers.add(timer);
    response.once("close", () => {
      this.#answering--;
      clearTimeout(timer);
      this.#timers.delete(timer);
    });
    this.#answer(request, response).catch((error) => {
      const message = String((error as Error | undefined)?.message ?? error);
      reply(response, 500, message.slice(0, 500));
    });
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { method = "", url = "", headers } = request;
    const refusal = refusalOfRequest(method, url, headers);
    if (refusal !== undefined) {
      return reply(response, refusal.status, refusal.reason);
    }
    const at = url.indexOf("?");
    const path = at < 0 ? url : url.slice(0, at);
    const query = new URLSearchParams(at < 0 ? "" : url.slice(at));
    if (path === "/" && method === "GET") {
      return this.#answerPage(response, query);
    }
    if (
      !path.startsWith(this.#folder) || !this.#access.admits(headers.cookie)
    ) {
      return reply(response, 403, NO_SESSION);
    }
    const place = this.#places.get(request.socket);
    if (place !== undefined) place.isAdmitted = true;
    const name = path.slice(this.#folder.length);
    if (name.startsWith("api/")) {
      return await this.#answerCode(request, response, name, query);
    }
    const asset = name === ""
      ? { type: "text/html", body: PAGE }
      : assetOf(name);
    if (asset === undefined || method === "POST") {
      return reply(response, 404, "There is no such page.");
    }
    reply(response, 200, asset.body, asset.type);
  }

  /** Exchanges a token for a session. */
  #answerPage(response: ServerResponse, query: URLSearchParams): void {
    const session = this.#access.redeem(query.get("token") ?? "");
    if (session === undefined) return reply(response, 403, NO_SESSION);
    const { port } = this.#server.address() as AddressInfo;
    // Answer with a page instead of a redirect, which browsers would follow without strict cookies after a link on
    // another site.
    response.setHeader(
      "set-cookie",
      `otp_dashboard_${port}=${session}; HttpOnly; SameSite=Strict; Path=${this.#folder}`,
    );
    reply(response, 200, enteredPage(this.#folder), "text/html");
  }

  async #answerCode(
    request: IncomingMessage,
    response: ServerResponse,
    name: string,
    query: URLSearchParams,
  ): Promise<void> {
    if (isFromElsewhere(request.headers)) {
      return reply(response, 403, "The request is not from the page.");
    }
    if (name === "api/state" && request.method === "GET") {
      return json(response, 200, await this.#answers.state(query));
    }
    if (name !== "api/end" || request.method !== "POST") {
      return reply(response, 404, "There is no such page.");
    }
    const body = await bodyOf(request);
    if (body === undefined) {
      return reply(response, 413, "The request is too large, or no JSON.");
    }
    const { status, result } = await this.#answers.end(body.value);
    json(response, status, { result });
  }
}

/** The JSON body of a request; `undefined` if it is too large, or no JSON. */
async function bodyOf(
  request: IncomingMessage,
): Promise<{ value: unknown } | undefined> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Uint8Array>) {
    size += part.byteLength;
    if (size > MAX_BODY) return undefined;
    parts.push(part);
  }
  try {
    return { value: JSON.parse(Buffer.concat(parts).toString()) };
  } catch {
    return undefined;
  }
}

function json(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  if (body.length > MAX_ANSWER) {
    return reply(response, 502, "The node's answer is too large.");
  }
  reply(response, status, body, "application/json");
}

function reply(
  response: ServerResponse,
  status: number,
  body: string,
  type = "text/plain",
): void {
  if (response.headersSent || response.destroyed) return;
  const { complete, method } = response.req;
  response.writeHead(status, {
    ...HEADERS,
    "content-type": type.startsWith("text/") ? `${type}; charset=utf-8` : type,
    "content-length": Buffer.byteLength(body),
    // Close the connection, on which the unread rest of a body would be parsed as the next request.
    ...complete || method !== "POST" ? {} : { connection: "close" },
  });
  response.end(method === "HEAD" ? undefined : body);
}
