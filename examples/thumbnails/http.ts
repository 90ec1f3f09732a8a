/** HTTP for anyone, on Deno and on Node: requests take a limited time to arrive, and connections have a limited number. */

import { metrics } from "@otp/distribution/metrics";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { isIP } from "node:net";
import { env } from "node:process";

const MAX_CONNECTIONS = 1000;
const PATIENCE = 10_000; // milliseconds for the head of a request; its body has three times as long

/** Serves at a port of `HTTP_HOST`. */
export async function serve(
  port: number,
  answer: RequestListener,
): Promise<Server> {
  const server = createServer({
    headersTimeout: PATIENCE,
    requestTimeout: 3 * PATIENCE,
    connectionsCheckingInterval: 1000,
  }, answer);
  server.maxConnections = MAX_CONNECTIONS;
  await once(server.listen(port, env.HTTP_HOST ?? "127.0.0.1"), "listening");
  return server;
}

/** Accepts no more connections, and resolves when the requests that are here have been answered. */
export async function close(server: Server): Promise<void> {
  // The next request of a connection goes elsewhere.
  server.prependListener("request", (_request, response) => {
    response.setHeader("connection", "close");
  });
  const closed = once(server, "close");
  server.close();
  await closed;
}

/** Serves `/metrics` at `METRICS_PORT`: they name nodes and functions, so they have a port that users do not reach. */
export async function serveMetrics(): Promise<void> {
  if (!env.METRICS_PORT) return;
  const measures = metrics();
  await serve(Number(env.METRICS_PORT), (request, response) => {
    const host = (request.headers.host ?? "").replace(/:\d+$/, "");
    // A page whose own name leads here (DNS rebinding) must not read them; such a name has a dot.
    const isOurs = !host.includes(".") || isIP(host) !== 0;
    if (isOurs && measures(request, response)) return;
    response.writeHead(isOurs ? 404 : 403).end();
  });
}
