/**
 * A program that serves the channels by the web server of its host: Deno, Bun, or `node:http` on Node. With an argument,
 * it is a node with these options, which drains on a signal; else it is as a Phoenix whose transcripts are compared.
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { argv } from "node:process";
import { Node, Supervisor } from "@otp/distribution";
import { PubSub, Sockets } from "@otp/distribution/channels";
import { control, judgeSockets } from "./_judge_channels.ts";

const [options] = argv.slice(2);
if (options !== undefined) {
  await Node.start(JSON.parse(options));
  Node.onDrain(() => Sockets.drain({ over: 100 }));
  Node.drainOnSignal();
}
// Phoenix shows each departure at once.
const presenceGrace = options === undefined ? 0 : 500;
await Supervisor.startLink([PubSub.childSpec({ presenceGrace })], {
  strategy: "one_for_one",
});
const handlers = [judgeSockets("/socket", true), judgeSockets("/token", true)];
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
