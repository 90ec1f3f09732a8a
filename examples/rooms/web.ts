/** The web server of a node: the page, its modules, and the sockets of its users, who have tokens. */

import { Node } from "@otp/distribution";
import { Sockets } from "@otp/distribution/channels";
import { health } from "@otp/distribution/health";
import { Buffer } from "node:buffer";
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { findPackageJSON, stripTypeScriptTypes } from "node:module";
import { env } from "node:process";
import { pathToFileURL } from "node:url";
import "phoenix"; // for the page: Deno installs the packages that are imported
import { Room } from "./room.ts";

const PATIENCE = 10_000; // milliseconds that a request may take to arrive

/** Serves at a port of `HTTP_HOST`. `HOSTS` are the addresses of all nodes for the page, if no load balancer has one for them. */
export async function serve(port: number): Promise<void> {
  const { ADDRESS_HEADER = "", SECRET } = env;
  if (!SECRET) throw new Error("Set SECRET, to the same text on all nodes.");
  const hosts = env.HOSTS?.split(",") ?? [];
  const html = await readFile(new URL("page.html", import.meta.url), "utf8");
  const page = html.replace("HOSTS", hosts.join());
  const modules = await pageModules();
  const sockets = Sockets.handler({
    channels: [Room],
    connect: ({ token }) => userOf(token) ?? Sockets.refuse(),
    id: ({ id }: User) => `user:${id}`,
    origins: hosts.map((host) => `http://${host}`),
    maxMessageBytes: 4096,
    maxSocketsPerAddress: 200,
    address: ({ headers }, peer) =>
      (ADDRESS_HEADER && headers.get(ADDRESS_HEADER)) || peer,
  });
  const probe = health();
  const server = createServer({
    ...{ headersTimeout: PATIENCE, requestTimeout: PATIENCE },
    connectionsCheckingInterval: 1000,
  }, (request, response) => {
    if (probe(request, response)) return;
    const { pathname, searchParams } = URL.parse(request.url!, "http://a") ??
      new URL("http://a/-");
    const send = (type: string, text: string) => {
      const headers = { "content-type": type, "cache-control": "no-store" };
      response.writeHead(200, headers).end(text);
    };
    const code = modules.get(pathname);
    if (code !== undefined) send("text/javascript", code);
    else if (pathname !== "/") sockets.respond(request, response);
    else {
      // Anyone is who they say: take the name from your login instead.
      const name = searchParams.get("name")?.slice(0, 40) || "guest";
      const token = tokenFor({ id: randomUUID(), name });
      send("text/html; charset=utf-8", page.replace("TOKEN", token));
    }
  }).on("upgrade", sockets.upgrade);
  server.maxConnections = 1000;
  Node.onDrain(async () => {
    await Sockets.drain(); // The tabs go to other nodes.
    server.close();
  });
  await once(server.listen(port, env.HTTP_HOST ?? "127.0.0.1"), "listening");
}

interface User {
  id: string;
  name: string;
}

/** Returns a token, which all nodes with the same `SECRET` accept, and which nobody else can make. */
function tokenFor(user: User): string {
  const text = Buffer.from(JSON.stringify(user)).toString("base64url");
  return `${text}.${signatureOf(text)}`;
}

function userOf(token = ""): User | undefined {
  const [text, signature = ""] = token.split(".");
  const given = Buffer.from(signature);
  const right = Buffer.from(signatureOf(text));
  return given.length === right.length && timingSafeEqual(given, right)
    ? JSON.parse(Buffer.from(text, "base64url").toString())
    : undefined;
}

function signatureOf(text: string): string {
  return createHmac("sha256", env.SECRET!).update(text).digest("base64url");
}

/** The modules of the page, without a bundler; a project that has one bundles `page.ts`. */
async function pageModules(): Promise<Map<string, string>> {
  const manifest = findPackageJSON("phoenix", import.meta.url)!;
  const { module } = JSON.parse(await readFile(manifest, "utf8"));
  const client = import.meta.resolve("@otp/distribution/channels/client");
  return new Map([
    ["/page.js", await codeOf(new URL("page.ts", import.meta.url))],
    ["/phoenix.js", await codeOf(new URL(module, pathToFileURL(manifest)))],
    ["/client.js", await codeOf(new URL(client))],
  ]);
}

/** The code of a module as browsers take it: without types. */
async function codeOf(url: URL): Promise<string> {
  const code = stripTypeScriptTypes(await readFile(url, "utf8"));
  // In this repository, the client's module only names the one with the code.
  const [, other] = /^export \* from "(.+)";$/m.exec(code) ?? [];
  return other === undefined
    ? code
    : await codeOf(new URL(import.meta.resolve(other)));
}
