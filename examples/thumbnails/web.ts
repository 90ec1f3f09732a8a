/** The program of a web node: `deno run -A web.ts --sname web@localhost --cluster worker@localhost`. */

import { Node, pg, remote, Supervisor } from "@otp/distribution";
import { Dashboard } from "@otp/distribution/dashboard";
import { health } from "@otp/distribution/health";
import { nodeFlags } from "@otp/distribution/node-flags";
import { PoolError, TaskPool } from "@otp/distribution/task-pool";
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { env } from "node:process";
import { setTimeout } from "node:timers/promises";
import { close, serve, serveMetrics } from "./http.ts";
import type * as Thumbs from "./thumbs.ts";

const thumbs = remote<typeof Thumbs>("Thumbs");

const MAX_BYTES = 10_000_000; // of an image
const MAX_HELD = 200_000_000; // of all images that arrive or wait

const files = new Map([
  ["/", { name: "page.html", type: "text/html; charset=utf-8" }],
  ["/demo.jpg", { name: "demo.jpg", type: "image/jpeg" }],
]);

const node = await Node.start(nodeFlags());
await Supervisor.startLink([
  pg,
  TaskPool.childSpec({ name: "thumbs", group: "thumbs", waitForNode: 20_000 }),
  ...env.DASHBOARD ? [Dashboard.childSpec()] : [],
], { strategy: "rest_for_one" });
if (env.DASHBOARD) console.log(`Dashboard: ${await Dashboard.url()}`);

const probe = health();
const server = await serve(
  Number(env.HTTP_PORT ?? 8000),
  (request, response) => {
    if (!probe(request, response)) answer(request, response);
  },
);
await serveMetrics();
const { port } = server.address() as AddressInfo;
console.log(`${node.name} is up, port ${port}`);

// SIGTERM: /readyz answers 503. Once the load balancer has noticed, finish the accepted requests.
Node.onDrain(async () => {
  await setTimeout(Number(env.LEAVE_AFTER ?? 0));
  await close(server);
});
Node.drainOnSignal();

/** Answers, with 500 if that fails. A client that has left needs no answer, and is no error. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  let answer: Answer;
  try {
    answer = await answerTo(request, gone.signal);
  } catch (error) {
    if (gone.signal.aborted || !request.complete) return;
    console.error(`Cannot answer ${request.method} ${request.url}: ${error}`);
    answer = [500, "internal error"];
  }
  const [status, body, type = "text/plain"] = answer;
  response.writeHead(status, { "content-type": type }).end(body);
}

type Answer = [status: number, body: string | Uint8Array, type?: string];

async function answerTo(
  request: IncomingMessage,
  signal: AbortSignal,
): Promise<Answer> {
  const url = URL.parse(request.url!, "http://localhost");
  if (request.method === "POST" && url?.pathname === "/thumbnails") {
    const width = Number(url.searchParams.get("width") ?? 128);
    return await thumbnail(request, width, signal);
  }
  const file = files.get(url?.pathname ?? "");
  if (file === undefined || request.method !== "GET") return [404, "not found"];
  return [200, await readFile(new URL(file.name, import.meta.url)), file.type];
}

/** The bytes of all images that arrive or wait. */
let held = 0;

async function thumbnail(
  request: IncomingMessage,
  width: number,
  signal: AbortSignal,
): Promise<Answer> {
  if (!Number.isInteger(width) || width < 1 || width > 1000) {
    return [400, "width is from 1 to 1000"];
  }
  const chunks: Uint8Array[] = [];
  let size = 0, own = 0;
  try {
    for await (const chunk of request) {
      size += chunk.length;
      // The rest of a body that is too large is read and dropped, so that the client reads the answer.
      if (size > MAX_BYTES || held + chunk.length > MAX_HELD) continue;
      held += chunk.length;
      own += chunk.length;
      chunks.push(chunk);
    }
    if (size > MAX_BYTES) return [413, `at most ${MAX_BYTES} bytes`];
    if (size > own) return [503, "too many images"];
    const image = new Uint8Array(Buffer.concat(chunks));
    const made = await TaskPool.run("thumbs", thumbs("make"), [image, width], {
      timeout: 30_000,
      signal,
      mayRunTwice: true,
    });
    return made === undefined
      ? [422, "not a JPEG image"]
      : [200, made, "image/jpeg"];
  } catch (error) {
    if (!(error instanceof PoolError)) throw error;
    return [error.code === "deadline" ? 504 : 503, error.code];
  } finally {
    held -= own;
  }
}
