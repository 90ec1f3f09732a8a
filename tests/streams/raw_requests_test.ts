/** Requests as bytes that no client would send, to `node:http` and `Deno.serve`. */

import { assertEquals, assertMatch } from "@std/assert";
import { test } from "../../packages/testing/tags.ts";
import { Raw } from "./_raw.ts";
import { serveOnDeno, serveOnNode, type StreamServer } from "./_server.ts";

const HEAD = ["host: localhost", "content-type: text/plain"];
const POST = ["POST /a HTTP/1.1", ...HEAD];
const END = ["", ""];

/** Requests for other paths than their bytes seem to name. */
const REFUSED = {
  "two slashes": ["//example.com/a"],
  "three slashes": ["///a"],
  "a backslash": ["/\\example.com/a"],
  "an encoded zero": ["/a%00"],
  "an encoded slash": ["/x%2f..%2fa"],
  "a long path": [`/${"a".repeat(8000)}`],
  "a path in the host": ["/b", "host: example.com/a?"],
  "a user in the host": ["/a", "host: a:b@localhost"],
  "a host that is none": ["/a", "host: ["],
};

/** Bodies that are not as long as the request says, or say two lengths. */
const LIES = {
  "a longer body": ["content-length: 10", "", "abc"],
  "two lengths": ["content-length: 3", "content-length: 5", "", "abcde"],
  "a length below zero": ["content-length: -1", "", "abc"],
  "a length with a sign": ["content-length: +3", "", "abc"],
  "a length beyond all numbers": [`content-length: ${"9".repeat(30)}`, ...END],
  "a length and chunks": [
    ...["content-length: 3", "transfer-encoding: chunked", "", "0", ...END],
  ],
  "a chunk without a size": ["transfer-encoding: chunked", "", "x", "abc"],
  "chunks without an end": ["transfer-encoding: chunked", "", "3", "abc", ""],
};

for (const serve of [serveOnNode, serveOnDeno]) {
  test(`no path or host is read in two ways, with ${serve.name}`, async () => {
    const asked: string[] = [];
    await using server = await serve({
      authorize(_, stream) {
        asked.push(stream);
        return true;
      },
    });
    await create(server);
    asked.length = 0;
    for (const [name, [path, host = HEAD[0]]] of Object.entries(REFUSED)) {
      using raw = new Raw(server);
      raw.send(`GET ${path} HTTP/1.1`, host, "connection: close", ...END);
      assertMatch(await raw.all, /^HTTP\/1\.1 400 /, name);
    }
    assertEquals(asked, []);
    // A path is normalized before anyone is asked.
    for (const path of ["/x/../a", "/x/%2e%2e/a", "/x\\..\\a"]) {
      using raw = new Raw(server);
      raw.send(`GET ${path} HTTP/1.1`, HEAD[0], "connection: close", ...END);
      assertMatch(await raw.all, /^HTTP\/1\.1 200 /, path);
    }
    assertEquals(asked, ["a", "a", "a"]);
  });

  test(`no lie about the length of a body is stored, with ${serve.name}`, async () => {
    await using server = await serve({});
    await create(server);
    for (const [name, lines] of Object.entries(LIES)) {
      using raw = new Raw(server);
      raw.send(...POST, ...lines);
      raw.socket.end();
      assertMatch(await raw.all, /^(?:HTTP\/1\.1 400 |$)/, name);
    }
    const read = await fetch(`${server.url}/a`);
    assertEquals(await read.text(), "");
  });

  test(`the rest of a refused body is no request, with ${serve.name}`, async () => {
    const asked: string[] = [];
    await using server = await serve({
      authorize(_, stream) {
        asked.push(stream);
        return true;
      },
      limits: { body: 1000, bodyTime: 100 },
    });
    await create(server);
    asked.length = 0;
    const refused: [request: string[], status: RegExp][] = [
      [[...POST, "content-length: 200", "", "abc"], /^HTTP\/1\.1 408 /],
      [[...POST, "content-length: 1001", "", "abc"], /^HTTP\/1\.1 413 /],
      [
        ["GET /b HTTP/1.1", ...HEAD, "content-length: 200", "", "abc"],
        /^HTTP\/1\.1 404 /,
      ],
    ];
    for (const [request, status] of refused) {
      using raw = new Raw(server);
      raw.send(...request);
      assertMatch(await raw.first, status);
      raw.send("", "GET /hidden HTTP/1.1", ...HEAD, ...END);
      raw.socket.end();
      await raw.all;
    }
    assertEquals(asked, ["a", "a", "b"]);
  });
}

async function create(server: StreamServer): Promise<void> {
  const headers = { "content-type": "text/plain" };
  const response = await fetch(`${server.url}/a`, { method: "PUT", headers });
  assertEquals(response.status, 201);
  await response.body?.cancel();
}
