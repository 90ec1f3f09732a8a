/** A program that serves the channels by the web server of its host: Deno, Bun, or `node:http` on Node. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { control, judgeSockets } from "./_judge_channels.ts";

const handlers = [judgeSockets("/socket"), judgeSockets("/token")];
const pathOf = (url = "") => url.replace(/^\w+:\/\/[^/]*/, "");
const handlerAt = (path: string) => handlers[path.startsWith("/token") ? 1 : 0];

const answer = (request: Request, server?: unknown) => {
  const path = pathOf(request.url);
  return /^\/(socket|token)\//.test(path)
    ? handlerAt(path)(request, server)
    : new Response(control(path));
};

console.log(`port ${await serve()}`);

// deno-lint-ignore no-explicit-any
async function serve(host: any = globalThis): Promise<number> {
  const at = { port: 0, hostname: "127.0.0.1", onListen() {} };
  if (host.Bun !== undefined) {
    const { websocket } = handlers[0];
    return host.Bun.serve({ ...at, fetch: answer, websocket }).port;
  }
  if (host.Deno !== undefined) {
    return host.Deno.serve(at, (request: Request) => answer(request)).addr.port;
  }
  const server = createServer((request, response) =>
    void response.end(control(request.url ?? ""))
  );
  server.on(
    "upgrade",
    (request, socket, head) =>
      handlerAt(pathOf(request.url)).upgrade(request, socket, head),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
