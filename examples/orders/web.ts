/** The orders over HTTP: JSON for calls, and a stream of server-sent events for the log of an order. */

import { Node } from "@otp/distribution";
import { EntityError } from "@otp/distribution/entities";
import { health } from "@otp/distribution/health";
import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { env } from "node:process";
import { Order } from "./order.ts";

const MAX_CONNECTIONS = 1000; // of clients
const MAX_BODY = 4096; // characters
const PATIENCE = 10_000; // milliseconds that a request may take to arrive, and a slow follower to read
const TIMEOUT = 30_000; // milliseconds that a call waits for an order whose node was lost
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Serves at a port of `HTTP_HOST`. */
export async function serve(port: number): Promise<void> {
  const probe = health();
  const isOver = new AbortController();
  const server = createServer({
    headersTimeout: PATIENCE,
    requestTimeout: PATIENCE,
    connectionsCheckingInterval: 1000,
  }, (request, response) => {
    if (probe(request, response)) return;
    const gone = new AbortController();
    response.on("error", () => {}).once("close", () => gone.abort());
    const signal = AbortSignal.any([gone.signal, isOver.signal]);
    answer(request, response, signal).catch((error) => {
      const hasLeft = signal.aborted || request.errored;
      const [status, reason] = hasLeft ? [503, ""] : refusal(error);
      if (status === 500) console.error(`${request.url}: ${error}`);
      if (!response.headersSent) response.writeHead(status);
      response.end(reason);
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  Node.onDrain(async () => {
    const closed = once(server, "close");
    server.close();
    isOver.abort(); // Followers go on at another node, after the last number that they have.
    await closed;
  });
  await once(server.listen(port, env.HTTP_HOST ?? "127.0.0.1"), "listening");
}

/** The status and the text for an error. The texts of unexpected ones are for the log. */
function refusal(error: unknown): [status: number, reason: string] {
  if (Array.isArray(error)) return error as [number, string];
  const { code, data } = error instanceof EntityError
    ? error
    : { code: "crashed", data: undefined };
  if (code === "crashed") return [500, "internal error"];
  return code === "refused" ? [422, `${data}`] : [503, `try again: ${code}`];
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const [, folder, key = "", part = "", ...rest] = request.url!.split("/");
  const action = `${request.method} ${part}`;
  if (folder !== "orders" || !UUID.test(key) || rest.length > 0) {
    throw [404, "not found"];
  }
  if (action === "GET log") {
    return await follow(request, response, key, signal);
  }
  const value = await answerTo(action, request, key, signal);
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

async function answerTo(
  action: string,
  request: IncomingMessage,
  key: string,
  signal: AbortSignal,
): Promise<unknown> {
  const options = { timeout: TIMEOUT, signal };
  const order = Order.get(key, { ...options, mayRunTwice: true });
  if (action === "GET ") return await order.get();
  if (!action.startsWith("POST ")) throw [404, "not found"];
  const { id, item, quantity, text } = await bodyOf(request);
  if (action === "POST ") {
    const run = await Order.get(key, { ...options, id: "place" })
      .place(item ?? null, quantity ?? null); // once, however often the client asks
    return { run: run.id };
  }
  const by = isStaff(request) ? "staff" : "customer";
  if (action === "POST lines") {
    if (typeof id !== "string" || !UUID.test(id)) {
      throw [400, "An id is a UUID."];
    }
    return { number: await Order.get(key, { ...options, id }).say(by, text) };
  }
  if (action !== "POST approval") throw [404, "not found"];
  if (by !== "staff") throw [403, "Give the token of the staff."];
  return { number: await order.approve() };
}

/** Whether a request has the token of the staff. */
function isStaff({ headers: { authorization = "" } }: IncomingMessage) {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return !!env.STAFF_TOKEN &&
    timingSafeEqual(hash(authorization), hash(`Bearer ${env.STAFF_TOKEN}`));
}

/** Returns the fields of a body. A browser asks first before a page of another site may send this type. */
// deno-lint-ignore no-explicit-any
async function bodyOf(request: IncomingMessage): Promise<any> {
  if (request.headers["content-type"] !== "application/json") {
    throw [415, "Send application/json."];
  }
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    if (text.length <= MAX_BODY) text += chunk; // The rest is read, so that the client reads the answer.
  }
  if (text.length > MAX_BODY) throw [413, "The body is too long."];
  try {
    return Object(JSON.parse(text));
  } catch {
    throw [400, "The body is not JSON."];
  }
}

/** Sends the log of an order: the events after the last one that the client has, and then each new one. */
async function follow(
  request: IncomingMessage,
  response: ServerResponse,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  const last = String(request.headers["last-event-id"] ?? ""); // A browser's EventSource sends it by itself.
  const [, number, at] = /^(\d{1,15})-([\d.]{1,30})$/.exec(last) ?? [];
  const after = { number: Number(number), at: Number(at) };
  if (last !== "" && !(after.at > 0)) throw [400, "Wrong Last-Event-ID."];
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
  });
  response.flushHeaders();
  request.socket.setKeepAlive(true, PATIENCE); // notices a client that is gone
  const send = async (id: string, data: unknown, type = "message") => {
    const text = `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
    if (response.write(text)) return;
    const late = AbortSignal.timeout(PATIENCE);
    await once(response, "drain", { signal: AbortSignal.any([signal, late]) });
  };
  try {
    const options = last === "" ? { signal } : { after, signal };
    const events = Order.get(key).log.follow(options);
    for await (const { number, at, event } of events) {
      await send(`${number}-${at}`, event);
    }
  } catch (error) {
    if (!(error instanceof EntityError) || error.code !== "gap") throw error;
    await send("", error.data, "gap"); // The client begins anew, with the first event that there is.
    response.end();
  }
}
