/** The program of a web node: `deno run -A --unstable-no-legacy-abort web.ts --sname web@localhost --cluster worker@localhost`. */

import { Node, pg, remote, Supervisor } from "@otp/distribution";
import { Dashboard } from "@otp/distribution/dashboard";
import { health } from "@otp/distribution/health";
import { metrics } from "@otp/distribution/metrics";
import { nodeFlags } from "@otp/distribution/node-flags";
import { PoolError, TaskPool } from "@otp/distribution/task-pool";
import { Buffer } from "node:buffer";
import { env } from "node:process";
import { setTimeout } from "node:timers/promises";
import type * as Thumbs from "./thumbs.ts";

const thumbs = remote<typeof Thumbs>("Thumbs");

const MAX_BYTES = 10_000_000;

const files: Record<string, [file: string, type: string]> = {
  "/": ["page.html", "text/html; charset=utf-8"],
  "/demo.jpg": ["demo.jpg", "image/jpeg"],
};

const node = await Node.start(nodeFlags());
await Supervisor.startLink([
  pg,
  TaskPool.childSpec({ name: "thumbs", group: "thumbs", waitForNode: 20_000 }),
  ...env.DASHBOARD ? [Dashboard.childSpec()] : [],
], { strategy: "rest_for_one" });
if (env.DASHBOARD) console.log(`Dashboard: ${await Dashboard.url()}`);

const probe = health();
const measures = metrics();

const server = Deno.serve(
  {
    hostname: env.HTTP_HOST ?? "127.0.0.1",
    port: Number(env.HTTP_PORT ?? 8000),
    onListen: ({ port }) => console.log(`${node.name} is up, port ${port}`),
  },
  async (request) =>
    await probe(request) ?? await measures(request) ?? await answer(request),
);

// SIGTERM: /readyz answers 503. Once the load balancer has noticed, finish the accepted requests.
Node.onDrain(async () => {
  await setTimeout(Number(env.LEAVE_AFTER ?? 0));
  await server.shutdown();
});
Node.drainOnSignal();

async function answer(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  if (request.method === "POST" && pathname === "/thumbnails") {
    return await thumbnail(request, Number(searchParams.get("width") ?? 128));
  }
  const file = files[pathname];
  if (file === undefined) return new Response("not found", { status: 404 });
  const [name, type] = file;
  const body = await Deno.readFile(new URL(name, import.meta.url));
  return new Response(body, { headers: { "content-type": type } });
}

async function thumbnail(request: Request, width: number): Promise<Response> {
  if (!Number.isInteger(width) || width < 1 || width > 1000) {
    return new Response("width is from 1 to 1000", { status: 400 });
  }
  const image = await bodyOf(request);
  if (image === undefined) {
    return new Response(`at most ${MAX_BYTES} bytes`, { status: 413 });
  }
  try {
    const made = await TaskPool.run("thumbs", thumbs("make"), [image, width], {
      timeout: 30_000,
      signal: request.signal,
      mayRunTwice: true,
    });
    return made === undefined
      ? new Response("not a JPEG image", { status: 422 })
      : new Response(made, { headers: { "content-type": "image/jpeg" } });
  } catch (error) {
    if (!(error instanceof PoolError)) throw error;
    const { code } = error;
    return new Response(code, { status: code === "deadline" ? 504 : 503 });
  }
}

/** The body of a request; nothing if it is too large. */
async function bodyOf(
  { body }: Request,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
