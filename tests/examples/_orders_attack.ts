/** A client of `examples/orders/` that breaks its rules. */

import { assert, assertEquals } from "@std/assert";
import { connect } from "node:net";
import { raw } from "./_program.ts";

/** A request; the body is sent as it is, if it is a text. */
async function ask(
  port: number,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<[status: number, text: string]> {
  const response = await fetch(`http://127.0.0.1:${port}/orders/${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" || body === undefined
      ? body
      : JSON.stringify(body),
  });
  return [response.status, await response.text()];
}

/** Follows a log until it has had that many events or more; returns their data. */
async function followed(
  port: number,
  key: string,
  count: number,
): Promise<unknown[]> {
  const url = `http://127.0.0.1:${port}/orders/${key}/log`;
  const response = await fetch(url);
  const reader = response.body!.pipeThrough(new TextDecoderStream())
    .getReader();
  let text = "";
  while (text.split("\n\n").length <= count) {
    const { value, done } = await reader.read();
    assert(!done, text);
    text += value;
  }
  await reader.cancel();
  return Array.from(
    text.matchAll(/^data: (.*)$/gm),
    ([, data]) => JSON.parse(data),
  );
}

/** Asserts that an order is placed, can be followed, and that lines about it are added. */
async function serves(port: number): Promise<void> {
  const key = crypto.randomUUID();
  const order = { item: "cup", quantity: 10 };
  const [status, text] = await ask(port, key, order);
  assertEquals(status, 200, text);
  assertEquals(await ask(port, key, order), [200, text], "the same run");
  const line = { id: crypto.randomUUID(), text: "When does it come?" };
  const [, answer] = await ask(port, `${key}/lines`, line);
  assertEquals((await ask(port, `${key}/lines`, line))[1], answer);
  const { number } = JSON.parse(answer);
  // Steps go on meanwhile.
  const events = await followed(port, key, number);
  assertEquals(events[number - 1], {
    type: "said",
    by: "customer",
    text: line.text,
  });
}

/** Attacks a node as a stranger, and asserts that it goes on. */
export async function attack(port: number): Promise<void> {
  await serves(port);
  const key = crypto.randomUUID();
  const fails = async (
    status: number,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => {
    const [found, text] = await ask(port, path, body, headers);
    assertEquals(found, status, `${path} ${JSON.stringify(body)}: ${text}`);
    assert(!/\bat |node_modules|\.ts/.test(text), text);
  };
  const order = { item: "cup", quantity: 1 };
  for (
    const path of [
      ...["", "__proto__", "x", `${key}/`, `${key}/x`, `${key}/log/x`, "%ff"],
      ...[`${key}/lines`, `${key}?a`, `${key.toUpperCase()}`, `${key}/place`],
    ]
  ) {
    if (path !== `${key}/`) await fails(404, path);
  }
  for (const path of ["x", `${key}/x`, `${key}/place`, `${key}/log`]) {
    await fails(404, path, order);
  }
  await fails(415, key, order, { "content-type": "text/plain" });
  await fails(413, key, { item: "x".repeat(5000) });
  await fails(400, key, "{");
  await fails(400, key, "[".repeat(4000));
  for (const body of ["null", "7", "[]", '"cup"', '{"__proto__":{}}']) {
    await fails(422, key, body);
  }
  // Five of each, as a key is parked after a few crashes.
  for (
    const wrong of [
      ...[{ item: "gold" }, { item: "__proto__" }, { item: "toString" }],
      ...[{ item: ["cup"] }, { item: null }, { item: { toString: null } }],
      ...[{ quantity: 0 }, { quantity: -1 }, { quantity: 1.5 }],
      ...[{ quantity: 1001 }, { quantity: "1" }, { quantity: null }],
      ...[{ quantity: { valueOf: 1 } }],
    ]
  ) {
    for (let i = 0; i < 5; i++) await fails(422, key, { ...order, ...wrong });
  }
  assertEquals(JSON.parse((await ask(port, key))[1]).status, "new");

  const [status] = await ask(port, key, order);
  assertEquals(status, 200);
  const id = crypto.randomUUID();
  for (const wrong of ["", " ", "x".repeat(501), null, 7, {}, ["x"]]) {
    for (let i = 0; i < 5; i++) {
      await fails(422, `${key}/lines`, {
        id: crypto.randomUUID(),
        text: wrong,
      });
    }
  }
  for (const wrong of ["", "__proto__", "place", null, 7, {}, [id]]) {
    await fails(400, `${key}/lines`, { id: wrong, text: "x" });
  }
  await fails(422, `${crypto.randomUUID()}/lines`, { id, text: "no order" });
  for (const authorization of ["", "Bearer ", "Bearer x", "staff"]) {
    await fails(403, `${key}/approval`, {}, { authorization });
  }
  for (const last of ["7", "-1", "x", "1e99-1", "1-x", "1-", "1-0", "-"]) {
    await fails(400, `${key}/log`, undefined, { "last-event-id": last });
  }

  // Requests that break off or never end, and followers that leave or do not read.
  const post = `POST /orders/${key} HTTP/1.1\r\nHost: a\r\n`;
  const json = "Content-Type: application/json\r\n";
  for (let i = 0; i < 20; i++) {
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    const part = i % 2 === 0
      ? `${post}${json}Content-Length: 1000\r\n\r\n{`
      : `GET /orders/${key}/log HTTP/1.1\r\nHost: a\r\n\r\n`;
    await new Promise<void>((resolve) => socket.write(part, () => resolve()));
    socket.destroy();
  }
  await raw(port, `${post}X: ${"x".repeat(100_000)}\r\n\r\n`);
  await raw(port, `${post}Content-Length: x\r\n\r\n`);
  await raw(port, `${post}${json}Transfer-Encoding: chunked\r\n\r\nzz\r\n`);
  await raw(port, "GET / HTTP/1.1\r\nHo");
  for (const target of ["//", "http://[", "/%", "*", "/orders"]) {
    const line =
      `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
    const [answer] = (await raw(port, line)).split("\r\n");
    assert(/ 40[04] /.test(answer), `${target}: ${answer}`);
  }
  await serves(port);
}
