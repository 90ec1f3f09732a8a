/** Streams on `node:http`, and clients that do not keep to the rules. */

import { assertEquals, assertMatch } from "@std/assert";
import { test } from "../../packages/testing/tags.ts";
import { until } from "../_until.ts";
import { Raw } from "./_raw.ts";
import { serveOnNode, type StreamServer } from "./_server.ts";

const HEAD = ["host: localhost", "content-type: text/plain"];

async function put(server: StreamServer, name: string): Promise<void> {
  const headers = { "content-type": "text/plain" };
  const response = await fetch(`${server.url}/${name}`, {
    method: "PUT",
    headers,
  });
  assertEquals(response.status, 201);
  await response.body?.cancel();
}

async function textOf(server: StreamServer, path: string): Promise<string> {
  const response = await fetch(`${server.url}/${path}`);
  return `${response.status} ${await response.text()}`;
}

test("a refusal does not wait for the body, and closes the connection", async () => {
  await using server = await serveOnNode({
    authorize: (_, __, action) => action !== "append",
  });
  await put(server, "a");
  using raw = new Raw(server);
  raw.send("POST /a HTTP/1.1", ...HEAD, "content-length: 1000000", "", "abc");
  const answer = await raw.all;
  assertMatch(answer, /^HTTP\/1\.1 403 /);
  assertMatch(answer, /\r\nconnection: close\r\n/i);
});

test("a body that is too long or too slow is not stored", async () => {
  await using server = await serveOnNode({
    limits: { body: 1000, bodyTime: 300 },
  });
  await put(server, "a");
  using long = new Raw(server);
  long.send("POST /a HTTP/1.1", ...HEAD, "content-length: 1001", "", "abc");
  assertMatch(await long.all, /^HTTP\/1\.1 413 /);
  using chunked = new Raw(server);
  const chunk = "x".repeat(0x800);
  chunked.send("POST /a HTTP/1.1", ...HEAD, "transfer-encoding: chunked", "");
  chunked.send("", "800", chunk, "");
  assertMatch(await chunked.all, /^HTTP\/1\.1 413 /);
  using slow = new Raw(server);
  slow.send("POST /a HTTP/1.1", ...HEAD, "content-length: 10", "", "abc");
  assertMatch(await slow.all, /^HTTP\/1\.1 408 /);
  assertEquals(await textOf(server, "a"), "200 ");
});

/** Has a stream of 24 MB, and a reader of it that never reads. */
async function unreadStream(server: StreamServer): Promise<Raw> {
  await put(server, "a");
  const headers = { "content-type": "text/plain" };
  const body = "x".repeat(4 << 20);
  for (let n = 0; n < 6; n++) {
    const { status } = await fetch(`${server.url}/a`, {
      ...{ method: "POST", headers, body },
    });
    assertEquals(status, 204);
  }
  const raw = new Raw(server);
  raw.send("GET /a?offset=-1&live=sse HTTP/1.1", "host: localhost", "", "");
  await new Promise((resolve) => raw.socket.once("data", resolve));
  raw.socket.pause();
  return raw;
}

async function statusOfReader(server: StreamServer): Promise<number> {
  const response = await fetch(`${server.url}/a?offset=now&live=sse`);
  await response.body?.cancel();
  return response.status;
}

test("a reader that never reads counts until its time is over", async () => {
  await using server = await serveOnNode({
    limits: { readersOfStream: 1, unread: 600_000 },
  });
  using _reader = await unreadStream(server);
  assertEquals(await statusOfReader(server), 429);
});

test("a reader that never reads is ended, and counts no more", async () => {
  await using server = await serveOnNode({
    limits: { readersOfStream: 1, unread: 500 },
  });
  using _reader = await unreadStream(server);
  await until(async () => await statusOfReader(server) === 200);
});

test("a query with two of one parameter is refused, and the order of its parameters changes nothing", async () => {
  await using server = await serveOnNode({ cache: "public" });
  await put(server, "a");
  await put(server, "b");
  const start = "0000000000000000_0000000000000000";
  for (const query of ["offset=-1&offset=now", "offset=-1&live=sse&live="]) {
    assertMatch(await textOf(server, `a?${query}`), /^400 /);
  }
  assertMatch(
    await textOf(server, `a?offset=-1&live=long-poll&cursor=1&cursor=2`),
    /^400 give cursor once/,
  );
  for (const query of [`offset=${start}&x=1`, `x=1&offset=${start}`]) {
    assertEquals(await textOf(server, `a?${query}`), "200 ");
  }
  // An offset that another stream has given.
  const beyond = "0000000000000000_0000000000000007";
  assertEquals(
    await textOf(server, `b?offset=${beyond}`),
    "400 the offset is beyond the end of the stream\n",
  );
});

test("a stream and its fork that are deleted at the same time do not wait for each other", async () => {
  await using server = await serveOnNode({});
  await put(server, "a");
  const forked = await fetch(`${server.url}/b`, {
    method: "PUT",
    headers: { "stream-forked-from": "/a" },
  });
  assertEquals(forked.status, 201);
  await forked.body?.cancel();
  const statuses = await Promise.all(
    ["a", "b"].map(async (name) =>
      (await fetch(`${server.url}/${name}`, { method: "DELETE" })).status
    ),
  );
  assertEquals(statuses, [204, 204]);
  for (const name of ["a", "b"]) {
    assertMatch(await textOf(server, name), /^404 /);
  }
});

test("two new streams that would be forks of each other are refused", async () => {
  await using server = await serveOnNode({});
  const fork = async (name: string, source: string) => {
    const headers = { "stream-forked-from": `/${source}` };
    const response = await fetch(`${server.url}/${name}`, {
      ...{ method: "PUT", headers },
    });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(
    await Promise.all([fork("a", "b"), fork("b", "a"), fork("c", "c")]),
    [404, 404, 404],
  );
});
