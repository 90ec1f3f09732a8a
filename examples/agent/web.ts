/** The web server of a node: the page, what its user writes, and the streams of the sessions. */

import { Node } from "@otp/distribution";
import { EntityError } from "@otp/distribution/entities";
import { health } from "@otp/distribution/health";
import { streams } from "@otp/distribution/streams";
import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { Session, Stream } from "./agent.ts";

const MAX_BODY = 4096; // bytes
const PATIENCE = 10_000; // milliseconds that a request may take to arrive
const TIMEOUT = 30_000; // milliseconds that a call waits for a session whose node was lost
const MAX_CONNECTIONS = 1000;

/**
 * Returns the user of a request, from its cookies. Here, whoever opens the page is a new user, whose key is a cookie. A
 * service with a login looks its own cookie up.
 */
export function userOf(cookies: string | null | undefined): string | undefined {
  const [, key] = /(?:^|; ?)key=([\w-]{36})(?:;|$)/.exec(cookies ?? "") ?? [];
  return key && createHash("sha256").update(key).digest("hex").slice(0, 32);
}

/** Adds a message to a session, once for each id. */
export async function say(
  session: string,
  id: string,
  message: string,
): Promise<string> {
  await Session.get(session, { timeout: TIMEOUT, id }).say(message);
  return "ok";
}

/** Serves at the first port; its page connects to the other ports too. */
export async function serve(ports: number[]): Promise<void> {
  const html = await readFile(new URL("page.html", import.meta.url), "utf8");
  const page = html.replace("PORTS", ports.join());
  const origins = ports.map((port) => `http://127.0.0.1:${port}`);
  const probe = health();
  const handle = streams({
    entities: Stream,
    authorize(request, stream, action) {
      const user = userOf(request.headers.get("cookie"));
      return user !== undefined && action === "read" &&
        stream.startsWith(`${user}/`);
    },
    prefix: "/streams/",
    origins,
    limits: { readersOfStream: 20, readersOfAddress: 200 },
  });

  const server = createServer({
    headersTimeout: PATIENCE,
    requestTimeout: PATIENCE,
    connectionsCheckingInterval: 1000,
  }, async (request, response) => {
    if (probe(request, response)) return;
    if (request.url?.startsWith("/streams/")) {
      return await handle.node(request, response);
    }
    const { origin = "" } = request.headers;
    const [status, body, cookie] = await answer(request);
    response.writeHead(status, {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      ...cookie && { "set-cookie": cookie },
      ...origins.includes(origin) && {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
      },
    });
    response.end(body);
  });
  server.maxConnections = MAX_CONNECTIONS;

  async function answer(
    request: IncomingMessage,
  ): Promise<[status: number, body: string, cookie?: string]> {
    const { method, url = "", headers } = request;
    const user = userOf(headers.cookie);
    if (method === "GET" && url === "/") {
      if (user !== undefined) return [200, page.replace("USER", user)];
      const cookie = `key=${randomUUID()}`;
      return [
        200,
        page.replace("USER", userOf(cookie)!),
        `${cookie}; HttpOnly; SameSite=Strict; Path=/; Max-Age=31536000`,
      ];
    }
    const [, what, number] = /^\/(say|stop)\/(\d)$/.exec(url) ?? [];
    if (method !== "POST" || what === undefined) return [404, "not found"];
    // A page of another site must not write here in the name of its visitor.
    if (!origins.includes(headers.origin ?? "")) return [403, "wrong origin"];
    if (user === undefined) return [403, "Reload the page."];
    if (!(Number(headers["content-length"]) <= MAX_BODY)) {
      return [413, "too long"];
    }
    const session = `${user}/${number}`;
    try {
      const [id, ...lines] = (await text(request)).split("\n");
      if (!/^[\w-]{1,40}$/.test(id)) return [400, "An id has 1 to 40 letters."];
      if (what === "say") await say(session, id, lines.join("\n"));
      else await Session.get(session, { timeout: TIMEOUT, id }).stop();
      return [200, "ok"];
    } catch (error) {
      return error instanceof EntityError && error.code === "refused"
        ? [400, `${error.data}`]
        : [503, "try again"];
    }
  }

  Node.onDrain(async () => {
    const closed = once(server.close(), "close");
    await handle.close(); // The readers go on at another node.
    await closed;
  });
  await once(server.listen(ports[0], "127.0.0.1"), "listening");
}
