/** A browser of `examples/agent/` that breaks its rules. */

import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { until } from "../_until.ts";
import { raw } from "./_program.ts";

/** A user of a web node, without a browser. */
export class User {
  readonly url: string;
  /** Its cookie, and the name that the page has for it. */
  readonly cookie: string;
  readonly name: string;

  private constructor(url: string, cookie: string, name: string) {
    this.url = url;
    this.cookie = cookie;
    this.name = name;
  }

  /** Opens the page for the first time. */
  static async open(port: number): Promise<User> {
    const url = `http://127.0.0.1:${port}`;
    const response = await fetch(url);
    const set = response.headers.get("set-cookie")!;
    assertMatch(set, /^key=[\w-]{36}; HttpOnly; SameSite=Strict;/);
    const [, name] = /`(\w+)\/\$\{number\}`/.exec(await response.text())!;
    return new User(url, set.split(";")[0], name);
  }

  async fetch(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: string,
  ): Promise<{ status: number; text: string }> {
    const response = await fetch(this.url + path, {
      method,
      headers: { cookie: this.cookie, origin: this.url, ...headers },
      body,
    });
    return { status: response.status, text: await response.text() };
  }

  async post(path: string, body: string): Promise<number> {
    return (await this.fetch("POST", path, {}, body)).status;
  }

  /** Waits until a session has a text. */
  async hears(number: number, text: string): Promise<void> {
    const path = `/streams/${this.name}/${number}?offset=-1`;
    await until(async () =>
      (await this.fetch("GET", path)).text.includes(text)
    );
  }
}

/** Attacks a node of the example as a stranger, and asserts that it goes on. */
export async function attack(port: number): Promise<void> {
  const kate = await User.open(port);
  const eve = await User.open(port);
  assertNotEquals(kate.name, eve.name);
  // The server does not wait for the rest for ever.
  const own = `Host: a\r\nOrigin: ${eve.url}\r\nCookie: ${eve.cookie}\r\n`;
  const unfinished = [
    ...["GET / HTTP/1.1\r\nHo", `GET / HTTP/1.1\r\nX: ${"x".repeat(100_000)}`],
    `POST /say/1 HTTP/1.1\r\n${own}Content-Length: 9\r\n\r\n1`,
  ].map((part) => raw(port, part));
  assertEquals(await kate.post("/say/1", "1\nmine"), 200);
  await kate.hears(1, "mine·1 ");

  // Streams of others, and writes that only the session may do.
  const stream = `/streams/${kate.name}/1`;
  for (const [user, mayRead] of [[kate, true], [eve, false]] as const) {
    for (const query of ["?offset=-1", "?offset=now&live=sse"]) {
      if (mayRead && query.includes("live")) continue; // It would wait.
      const { status } = await user.fetch("GET", stream + query);
      assertEquals(status, mayRead ? 200 : 403);
    }
    for (const method of ["PUT", "POST", "DELETE"]) {
      const { status } = await user.fetch(
        ...[method, stream, { "content-type": "application/json" }] as const,
        method === "DELETE" ? undefined : "[1]",
      );
      assertEquals(status, 403, method);
    }
    const fork = { "stream-forked-from": stream };
    const own = `/streams/${user.name}/2`;
    assertEquals((await user.fetch("PUT", own, fork)).status, 403);
  }
  for (
    const path of [
      `/streams/${eve.name}/../${kate.name}/1`,
      `/streams/${eve.name}/%2e%2e/${kate.name}/1`,
      `/streams/${eve.name}%2f..%2f${kate.name}%2f1`,
      `/streams/${eve.name}\\..\\${kate.name}\\1`,
      `/streams//${kate.name}/1`,
    ]
  ) {
    const head = `Host: a\r\nCookie: ${eve.cookie}\r\nConnection: close\r\n`;
    const answer = await raw(port, `GET ${path} HTTP/1.1\r\n${head}\r\n`);
    assertMatch(answer, /^HTTP\/1.1 40[034] /, path);
  }
  for (const cookie of ["", "key=", "key=x", `key=${kate.name}`, "key=é"]) {
    const { status } = await kate.fetch("GET", stream, { cookie });
    assertEquals(status, 403, cookie);
  }

  // Requests that no page sends.
  for (const origin of ["", "null", "http://evil.example"]) {
    const { status } = await kate.fetch("POST", "/say/1", { origin }, "1\nx");
    assertEquals(status, 403, origin);
  }
  const { status } = await kate.fetch("POST", "/say/1", { cookie: "" }, "1\nx");
  assertEquals(status, 403);
  for (
    const path of ["/say/", "/say/11", "/say/x", "/say/../x", "/x/1", "/say/١"]
  ) {
    assertEquals(await eve.post(path, "id\nhello"), 404, path);
  }
  const long = ["i".repeat(41) + "\nhello", `id\n${"x".repeat(501)}`];
  for (const body of ["", "id", "id\n ", "\nhello", "é\nhello", ...long]) {
    for (let i = 0; i < 5; i++) {
      assertEquals(await eve.post("/say/1", body), 400);
    }
  }
  assertEquals(await eve.post("/say/1", "x".repeat(5000)), 413);
  for (const target of ["//", "http://[", "/%", "*", "/streams/%ff"]) {
    await raw(port, `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  }

  // A session takes some messages, and a repeated one once.
  const say = (n: number) => eve.post("/say/2", `${n}\nmessage ${n}`);
  const statuses = await Promise.all(
    Array.from({ length: 20 }, (_, n) => say(n)),
  );
  assertEquals(new Set(statuses), new Set([200, 400]));
  const taken = statuses.indexOf(200);
  assertEquals(await say(taken), 200);
  assertEquals(await eve.post("/stop/2", "stop"), 200);
  await eve.hears(2, '{"type":"stopped"}');
  const { text } = await eve.fetch("GET", `/streams/${eve.name}/2?offset=-1`);
  assertEquals(text.split(`"message ${taken}"`).length, 2, text);
  assertEquals(await kate.post("/say/3", "__proto__\n__proto__"), 200);
  await kate.hears(3, "__proto__·1 ");
  await Promise.all(unfinished);
}
