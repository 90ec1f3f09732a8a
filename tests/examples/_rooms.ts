/** Strangers at `examples/rooms/`, and at the program of docs/websockets.md. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { raw } from "./_program.ts";

/** A message: `[join_ref, ref, topic, event, payload]`. */
// deno-lint-ignore no-explicit-any
type Message = [string | null, string | null, string, string, any];

/** A WebSocket with headers of its own. */
class Client implements AsyncDisposable {
  readonly socket: WebSocket;
  /** Resolves when it is open, or refused. */
  readonly opened: Promise<void>;
  /** Resolves with the code with which it was closed. */
  readonly closed: Promise<number>;

  constructor(address: string, origin?: string, protocols: string[] = []) {
    const headers: HeadersInit = origin === undefined ? {} : { origin };
    const url = `ws://${address}`;
    const socket = this.socket = new WebSocket(url, { headers, protocols });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.opened = promise;
    socket.onopen = () => resolve();
    this.closed = new Promise((close) =>
      socket.onclose = ({ code }) => {
        resolve();
        close(code);
      }
    );
  }

  async isRefused(): Promise<boolean> {
    await this.opened;
    return this.socket.readyState !== WebSocket.OPEN;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close();
    await this.closed; // The server no longer counts it.
  }
}

/** A socket of a user, and the messages that have come by it. */
class Tab extends Client {
  readonly #messages: Message[] = [];
  #wake: () => void = () => {};

  constructor(port: number, token?: string, origin?: string) {
    const bearer = `base64url.bearer.phx.${
      btoa(token ?? "").replace(/=/g, "")
    }`;
    const protocols = token === undefined ? [] : ["phoenix", bearer];
    super(
      `127.0.0.1:${port}/socket/websocket?vsn=2.0.0`,
      origin,
      protocols,
    );
    this.socket.onmessage = ({ data }) => {
      this.#messages.push(JSON.parse(data));
      this.#wake();
    };
  }

  /** Opens a socket of a user. */
  static async open(port: number, name = "Eve"): Promise<Tab> {
    const origin = `http://127.0.0.1:${port}`;
    const tab = new Tab(port, await tokenOf(port, name), origin);
    await tab.opened;
    return tab;
  }

  /** Sends a message, a text as it is, or bytes. */
  send(message: Message | string | Uint8Array<ArrayBuffer>): void {
    this.socket.send(
      Array.isArray(message) ? JSON.stringify(message) : message,
    );
  }

  /** Waits for the first message of an event that is left, and takes it; `undefined` if the socket is closed. */
  async next(event: string, ref?: string): Promise<Message | undefined> {
    for (;;) {
      const at = this.#messages.findIndex((each) =>
        each[3] === event && (ref === undefined || each[1] === ref)
      );
      if (at >= 0) return this.#messages.splice(at, 1)[0];
      const more = new Promise<boolean>((resolve) =>
        this.#wake = () => resolve(true)
      );
      const ended = this.closed.then(() => false);
      if (!await Promise.race([more, ended])) return undefined;
    }
  }

  /** Sends an event; returns the status and the response of the reply. */
  async asks(
    topic: string,
    event: string,
    payload: unknown,
  ): Promise<unknown[] | undefined> {
    const ref = crypto.randomUUID();
    const joinRef = event === "phx_join" ? ref : null;
    this.send([joinRef, ref, topic, event, payload]);
    const reply = await this.next("phx_reply", ref);
    return reply && [reply[4].status, reply[4].response];
  }
}

/** The token that the page of a user has. */
async function tokenOf(port: number, name: string): Promise<string> {
  const query = new URLSearchParams({ name });
  const page = await fetch(`http://127.0.0.1:${port}/?${query}`);
  return /data-token="([^"]+)"/.exec(await page.text())![1];
}

function line(text: unknown, id: unknown = crypto.randomUUID()) {
  return { id, text };
}

const LOBBY = "room:lobby";
const OK = ["ok", {}];
const [NO_ROOM, NO_LINE] = [
  ["error", { reason: "There is no such room." }],
  ["error", { reason: "A line has 1 to 500 characters." }],
];

/** Asserts that a line of one tab comes to another one of the same room. */
async function serves(port: number): Promise<void> {
  await using ann = await Tab.open(port, "Ann");
  await using bob = await Tab.open(port, "Bob");
  for (const tab of [ann, bob]) {
    assertEquals(await tab.asks(LOBBY, "phx_join", {}), OK);
  }
  const text = crypto.randomUUID();
  assertEquals((await ann.asks(LOBBY, "say", line(text)))?.[0], "ok");
  for (;;) {
    const said = await bob.next("said");
    assert(said, "the socket stays open");
    if (said[4].text === text) return assertEquals(said[4].name, "Ann");
  }
}

/** Attacks a node of rooms as a stranger, and asserts that its rooms go on. */
export async function attack(port: number): Promise<void> {
  const slow = raw(port, "GET / HTTP/1.1\r\nHo");
  const own = `http://127.0.0.1:${port}`;
  const token = await tokenOf(port, "Eve");
  const [user, signature] = token.split(".");
  const ann = btoa('{"id":"1","name":"Ann"}').replace(/=/g, "");
  for (
    const [given, origin] of [
      ...["http://evil.example", "null", "https://127.0.0.1", "x"]
        .map((origin) => [token, origin]),
      ...[undefined, "", ".", user, `${user}.`, `.${signature}`, `${token}A`]
        .map((given) => [given, own]),
      ...[`${ann}.${signature}`, "__proto__", "é"].map((each) => [each, own]),
    ]
  ) {
    await using tab = new Tab(port, given, origin);
    assert(await tab.isRefused(), `${given} ${origin}`);
  }
  const upgrade = "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  for (const target of ["//", "http://[", "/%", "/socket/websocket?%ff", "*"]) {
    await raw(port, `GET ${target} HTTP/1.1\r\n${upgrade}\r\n`);
    await raw(port, `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  }
  for (const path of ["/../node.ts", "/node.ts", "/__proto__", "/page.js/"]) {
    const request = `GET ${path} HTTP/1.1\r\nHost: a\r\n`;
    const answer = await raw(port, `${request}Connection: close\r\n\r\n`);
    assertEquals(answer.split("\r\n")[0], "HTTP/1.1 404 Not Found");
  }
  const hugeHead = `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(100_000)}`;
  await raw(port, `${hugeHead}\r\n\r\n`);
  await serves(port);

  await using eve = await Tab.open(port, "<b>$&'\"\\</b>".padEnd(100, "x"));
  for (const room of ["", "../x", "r".repeat(41), "a b", "é", 'a"\r\n\0']) {
    assertEquals(await eve.asks(`room:${room}`, "phx_join", {}), NO_ROOM, room);
  }
  for (const after of [-1, 1.5, "1", null, {}, [], 1e300, true]) {
    assertEquals(await eve.asks(LOBBY, "phx_join", { after }), NO_ROOM);
  }
  for (const topic of ["lobby", "__proto__", "phoenix", ""]) {
    const unmatched = ["error", { reason: "unmatched topic" }];
    assertEquals(await eve.asks(topic, "phx_join", {}), unmatched, topic);
  }
  // A number from the future hides no line.
  assertEquals(await eve.asks(LOBBY, "phx_join", { after: 1e15 }), OK);
  assertEquals((await eve.next("said"))?.[4].number, 1);
  // Refused; five of each, as a room is parked after a few crashes.
  const long = "x".repeat(501);
  for (const text of [null, 7, {}, { length: 1 }, ["x"], "", " ", long]) {
    for (let i = 0; i < 5; i++) {
      assertEquals(await eve.asks(LOBBY, "say", line(text)), NO_LINE);
    }
  }
  for (const id of ["", "__proto__", 1, null, { toString: null }]) {
    assertEquals(await eve.asks(LOBBY, "say", line("x", id)), NO_LINE);
  }
  for (const payload of [null, 7, [], "x"]) {
    assertEquals(await eve.asks(LOBBY, "say", payload), NO_LINE);
  }
  // An unknown event ends the tab's channel, and nothing else.
  for (const event of ["__proto__", "constructor", "toString", "phx_reply"]) {
    eve.send([null, "1", LOBBY, event, {}]);
    assertEquals((await eve.next("phx_error"))?.[2], LOBBY);
    assertEquals(await eve.asks(LOBBY, "phx_join", null), OK);
  }
  await using prototype = await Tab.open(port, "__proto__");
  assertEquals(await prototype.asks("room:__proto__", "phx_join", {}), OK);
  const [, , , , here] = (await prototype.next("presence_diff"))!;
  const [present] = Object.values<{ metas: { name: string }[] }>(here.joins);
  assertEquals(present.metas[0].name, "__proto__");

  // No client sends these.
  const deep = `[null,"1","${LOBBY}","say",${"[".repeat(99)}${"]".repeat(99)}]`;
  for (
    const [data, codes] of [
      ["null", [1011]],
      ["7", [1011]],
      ["[", [1011]],
      ['[{},"1","x","y",{}]', [1011]],
      [new Uint8Array([0, 255]), [1011]],
      [deep, [1008]],
      [JSON.stringify(["1", "1", LOBBY, "say", "x".repeat(5000)]), [1009]],
      // The server may close the connection while the client still writes.
      ["x".repeat(10_000_000), [1009, 1006]],
    ] as [string | Uint8Array<ArrayBuffer>, number[]][]
  ) {
    await using tab = await Tab.open(port);
    tab.send(data);
    const code = await tab.closed;
    assert(codes.includes(code), `${data.slice(0, 40)}: ${code}`);
  }
  await using fast = await Tab.open(port);
  assertEquals(await fast.asks(LOBBY, "phx_join", {}), OK);
  for (let i = 0; i < 2000; i++) {
    fast.send([null, "1", LOBBY, "say", line("fast")]);
  }
  assertEquals(await fast.closed, 1008);
  await serves(port);

  await using tabs = new AsyncDisposableStack();
  const crowd = [eve, prototype];
  while (crowd.length < 200) {
    const tab = tabs.use(await Tab.open(port));
    assert(!await tab.isRefused());
    crowd.push(tab);
    if (crowd.length > 103) continue;
    const isFull = crowd.length === 103;
    assertEquals(
      await tab.asks("room:crowd", "phx_join", {}),
      isFull ? ["error", { reason: "The room is full." }] : OK,
    );
  }
  await using late = new Tab(port, token, own);
  assert(await late.isRefused());
  await tabs.disposeAsync();
  await serves(port);
  await slow; // The server does not wait for the rest for ever.
}

/** Attacks the program of docs/websockets.md, and asserts that it goes on. */
export async function attackChat(port: number): Promise<void> {
  const address = `127.0.0.1:${port}`;
  for (const origin of [`http://${address}`, "null", "http://[", "x"]) {
    await using page = new Client(address, origin);
    assert(await page.isRefused(), origin);
  }
  for (const target of ["//[", "/"]) {
    const request = `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;
    assertStringIncludes(await raw(port, request), "426 Upgrade Required");
  }
  await using large = new Client(address);
  await large.opened;
  large.socket.send("x".repeat(5000));
  assertEquals(await large.closed, 1009);
  await using fast = new Client(address);
  await fast.opened;
  for (let i = 0; i < 5000; i++) fast.socket.send("fast");
  assertEquals(await fast.closed, 1008);
  await using last = new Client(address);
  assert(!await last.isRefused());
}
