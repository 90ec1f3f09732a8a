/** A browser of `examples/rooms/` that breaks its rules. */

import { assert, assertEquals } from "@std/assert";
// @ts-types="../../examples/rooms/ws.d.ts"
import { WebSocket } from "npm:ws@^8.19";
import { raw } from "./_program.ts";

/** A socket of a tab, and what it has received. */
class Tab implements Disposable {
  readonly id: string = crypto.randomUUID();
  readonly news: Record<string, unknown>[] = [];
  /** The code with which it was closed. */
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  readonly #waiting: (() => void)[] = [];

  constructor(
    port: number,
    params: Record<string, string> = {},
    origin = `http://127.0.0.1:${port}`,
  ) {
    const query = new URLSearchParams({
      ...{ id: this.id, room: "lobby", name: "Eve", last: "0" },
      ...params,
    });
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/?${query}`, {
      origin,
    });
    this.#socket.on("message", (data: unknown) => {
      this.news.push(JSON.parse(`${data}`));
      for (const wake of this.#waiting.splice(0)) wake();
    });
    this.closed = new Promise((resolve) => {
      this.#socket.on("close", resolve);
      this.#socket.on("error", () => resolve(0)); // The server has answered, but opened no socket.
    });
  }

  /** Waits for news with a key, or the end of the socket. */
  async gets(key: string): Promise<unknown> {
    let isClosed = false;
    for (;;) {
      const found = this.news.find((each) => each[key] !== undefined);
      if (found !== undefined || isClosed) return found?.[key];
      const more = new Promise<void>((resolve) => this.#waiting.push(resolve));
      await Promise.race([
        more,
        this.closed.then(() => {
          isClosed = true;
        }),
      ]);
    }
  }

  send(data: string | Uint8Array): void {
    this.#socket.send(data);
  }

  end(): void {
    this.#socket.terminate();
  }

  [Symbol.dispose](): void {
    this.end();
  }
}

function line(text: unknown): string {
  return JSON.stringify({ id: crypto.randomUUID(), text });
}

/** Asserts that a line of one tab comes to another one of the same room. */
async function serves(port: number): Promise<void> {
  using ann = new Tab(port, { name: "Ann" });
  using bob = new Tab(port, { name: "Bob" });
  assert(await ann.gets("node") && await bob.gets("node"), "both enter");
  const text = crypto.randomUUID();
  ann.send(line(text));
  for (;;) {
    const lines = bob.news.flatMap(({ lines = [] }) => lines as unknown[]);
    if (JSON.stringify(lines).includes(text)) return;
    bob.news.length = 0;
    assert(await bob.gets("lines"), "the socket stays open");
  }
}

/** Attacks a web node of rooms as a stranger, and asserts that its rooms go on. */
export async function attack(port: number): Promise<void> {
  for (const origin of ["", "http://evil.example", "null"]) {
    using tab = new Tab(port, {}, origin);
    assertEquals(await tab.closed, 0, origin);
  }
  const wrong: Record<string, string>[] = [
    { id: "__proto__" },
    { id: "" },
    { room: "../x" },
    { room: "r".repeat(41) },
    { name: " " },
    { name: "n".repeat(41) },
    { last: "1e9" },
    { last: "-1" },
  ];
  for (const params of wrong) {
    using tab = new Tab(port, params);
    assertEquals(await tab.closed, 1008, JSON.stringify(params));
  }
  using prototype = new Tab(port, { room: "__proto__", name: "constructor" });
  assertEquals(await prototype.gets("present"), ["constructor"]);
  const upgrade = "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  for (const target of ["//", "http://[", "/%", "/?id=%ff", "*"]) {
    const own = `Origin: http://127.0.0.1:${port}\r\n`;
    await raw(port, `GET ${target} HTTP/1.1\r\n${upgrade}${own}\r\n`);
  }
  const missing = "GET /../node.ts HTTP/1.1\r\nHost: a\r\n";
  const answer = await raw(port, `${missing}Connection: close\r\n\r\n`);
  assertEquals(answer.split("\r\n")[0], "HTTP/1.1 404 Not Found");
  const hugeHead = `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(100_000)}`;
  await raw(port, `${hugeHead}\r\n\r\n`);
  await raw(port, "GET / HTTP/1.1\r\nHo"); // The server does not wait for the rest for ever.
  await serves(port);

  // A number from the future hides no line.
  using early = new Tab(port, { last: "999999999999999" });
  assert((await early.gets("lines") as unknown[]).length > 0);

  // Refused by the room; five of each, as a room is parked after a few crashes.
  for (const text of [null, 7, {}, { length: 1 }, ["x"], "", "x".repeat(501)]) {
    for (let i = 0; i < 5; i++) {
      using tab = new Tab(port);
      assert(await tab.gets("node"));
      tab.send(line(text));
      assertEquals(
        await tab.gets("error"),
        "A line has 1 to 500 characters.",
        JSON.stringify(text),
      );
    }
  }
  // The socket is closed: no page writes these.
  const deep = '{"id":"x","text":' + "[".repeat(2000) + "]".repeat(2000) + "}";
  for (
    const [data, code] of [
      ["null", 1008],
      ["7", 1008],
      ["[", 1008],
      [deep, 1008],
      ['{"id":"__proto__","text":"x"}', 1008],
      ['{"id":{"toString":null},"text":"x"}', 1008],
      [new Uint8Array([0, 255]), 1008],
      [line("x".repeat(5000)), 1009],
    ] as const
  ) {
    using tab = new Tab(port);
    assert(await tab.gets("node"));
    tab.send(data);
    assertEquals(await tab.closed, code, `${data.slice(0, 40)}`);
  }
  using fast = new Tab(port);
  assert(await fast.gets("node"));
  for (let i = 0; i < 2000; i++) fast.send(line("fast"));
  assertEquals(await fast.closed, 1008);
  for (let i = 0; i < 20; i++) {
    using tab = new Tab(port);
    if (i % 2 === 0) await tab.gets("node");
  }
  await serves(port);

  await using tabs = new AsyncDisposableStack();
  const crowd = Array.from(
    { length: 101 },
    (_, i) => tabs.use(new Tab(port, { room: "crowd", name: `${i}` })),
  );
  const errors = await Promise.all(
    crowd.map(async (tab) =>
      (await Promise.race([tab.gets("node"), tab.gets("error")])) ===
        "The room is full."
    ),
  );
  assertEquals(errors.filter((isFull) => isFull).length, 1);
  await serves(port);
}

/** Attacks the program of docs/websockets.md, and asserts that it goes on. */
export async function attackChat(port: number): Promise<void> {
  const open = (origin = `http://127.0.0.1:${port}`) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { origin });
    const closed = new Promise<number>((resolve) => {
      socket.on("close", resolve);
      socket.on("error", () => resolve(0));
    });
    const first = new Promise<string>((resolve) =>
      socket.once("message", (data: unknown) => resolve(`${data}`))
    );
    return { socket, closed, first };
  };
  for (const origin of ["", "null", "http://[", "http://evil.example"]) {
    assertEquals(await open(origin).closed, 0, origin);
  }
  await raw(port, `GET //[ HTTP/1.1\r\nHost: a\r\n\r\n`);
  const large = open();
  await large.first;
  large.socket.send("x".repeat(5000));
  assertEquals(await large.closed, 1009);
  const fast = open();
  await fast.first;
  for (let i = 0; i < 5000; i++) fast.socket.send("fast");
  assertEquals(await fast.closed, 1008);
  const last = open();
  assertEquals(await last.first, "you are at web1@localhost");
  last.socket.close();
  await last.closed;
}
