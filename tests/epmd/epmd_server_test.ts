import { connect, type Socket } from "node:net";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { toRegistration } from "../../packages/epmd/entry.ts";
import { lookup, names, register } from "../../packages/epmd/mod.ts";
import { encodeRequest } from "../../packages/epmd/epmd_protocol.ts";
import {
  EpmdServer,
  type EpmdServerOptions,
} from "../../packages/epmd/epmd_server.ts";
import {
  epmdTest,
  eventually,
  logBook,
  pause,
  RawConnection,
} from "../_epmd_helpers.ts";

const host = "127.0.0.1";

function alive(name: string, port: number, extra = "otp-json/1"): Uint8Array {
  const registration = toRegistration({ name, port, hidden: false, extra });
  return encodeRequest({ type: "alive", registration });
}

/** A server on a free port, which closes at the end of its scope. */
async function listen(
  options: Partial<EpmdServerOptions> = {},
): Promise<EpmdServer & AsyncDisposable> {
  const server = await EpmdServer.listen({ host, port: 0, ...options });
  return Object.assign(server, { [Symbol.asyncDispose]: () => server.close() });
}

epmdTest("EpmdServer closes what is not EPMD, and logs it once", async () => {
  const { lines, log } = logBook();
  await using server = await listen({ log });
  const { port } = server;
  const noise: (Uint8Array | string)[] = [
    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3),
    Uint8Array.of(0, 0),
    Uint8Array.of(4, 1),
    Uint8Array.of(255, 255, 255, 255),
    Uint8Array.of(0, 1, 0),
    Uint8Array.of(0, 1, 122),
    Uint8Array.of(0, 3, 122, 0xff, 0xfe),
    Uint8Array.of(0, 2, 120, 1),
    encodeRequest({ type: "lookup", name: "a\nname b at port 1" }),
    alive("a\x1b[31m", 4000),
    alive("a@b", 4000),
    alive("portless", 0),
    Uint8Array.of(...alive("long", 4000), 1),
  ];
  for (const bytes of noise) {
    await using raw = new RawConnection(port);
    raw.send(bytes);
    assertEquals((await raw.closed).length, 0);
  }
  assertEquals(server.refused, noise.length);
  assertEquals(lines.length, 1);
  assertStringIncludes(lines[0], "(an HTTP client?)");
  assertEquals(await names({ port }), []);
});

epmdTest("EpmdServer answers a slow request, and a half-close", async () => {
  await using server = await listen();
  const { port } = server;
  await using node = new RawConnection(port);
  for (const byte of alive("kate", 4001)) {
    node.send(Uint8Array.of(byte));
    // safe: separates the bytes; any pieces are answered
    await pause(1);
  }
  await eventually(() => node.received.length === 6);
  assertEquals((await lookup("kate", { port }))?.port, 4001);
  await using half = new RawConnection(port);
  half.end(encodeRequest({ type: "lookup", name: "kate" }));
  assertEquals((await half.closed)[0], 119);
});

epmdTest("EpmdServer closes a silent connection in time", async () => {
  const limits = { requestTimeout: 150 };
  await using server = await listen({ limits });
  const { port } = server;
  const start = performance.now();
  await using silent = new RawConnection(port);
  await using slow = new RawConnection(port);
  const drip = setInterval(() => slow.send(Uint8Array.of(1)), 40);
  slow.send(Uint8Array.of(1));
  await Promise.all([silent.closed, slow.closed]);
  clearInterval(drip);
  const took = performance.now() - start;
  assert(took >= 100, `${took} ms`);
  assertEquals(server.refused, 2);
});

epmdTest("EpmdServer serves among 100 silent connections", async () => {
  const { lines, log } = logBook();
  // Longer than a test may take: a node that waited for the crowd would not be registered. A process may have as few as
  // 256 descriptors.
  const limits = { requestTimeout: 600_000, maxConnections: 25 };
  await using server = await listen({ log, limits });
  const { port } = server;
  const crowd: RawConnection[] = [];
  for (let i = 0; i < 100; i++) crowd.push(new RawConnection(port));
  await Promise.all(crowd.map((raw) => raw.opened));
  await using lease = await register(
    { name: "kate", port: 4002, hidden: false, extra: "" },
    { port },
  );
  assert(!lease.serving);
  assertEquals((await lookup("kate", { port }))?.port, 4002);
  await eventually(() => server.refused >= 100 - 25);
  assert(lines.length <= 2, lines.join("\n"));
  for (const raw of crowd) await raw[Symbol.asyncDispose]();
});

epmdTest("EpmdServer frees a name when its connection ends", async () => {
  await using server = await listen();
  const { port } = server;
  for (const how of ["end", "more"]) {
    await using node = new RawConnection(port);
    node.send(alive("kate", 4003));
    await eventually(() => node.received.length === 6);
    assertEquals(server.entries, [{ name: "kate", port: 4003 }]);
    if (how === "more") node.send("x");
    else await node[Symbol.asyncDispose]();
    await eventually(() => server.entries.length === 0);
  }
});

epmdTest("EpmdServer answers an old node with a 16-bit creation", async () => {
  await using server = await listen();
  const { port } = server;
  const registration = {
    ...toRegistration({ name: "old", port: 9, hidden: true, extra: "" }),
    highest: 5,
    lowest: 5,
  };
  await using node = new RawConnection(port);
  node.send(encodeRequest({ type: "alive", registration }));
  await eventually(() => node.received.length === 4);
  assertEquals([...node.received.subarray(0, 3)], [121, 0, 0]);
  assertEquals(await lookup("old", { port }), registration);
});

epmdTest("EpmdServer limits the number of registered nodes", async () => {
  const limits = { maxNodes: 1 };
  await using server = await listen({ limits });
  const { port } = server;
  await using first = new RawConnection(port);
  first.send(alive("one", 4005));
  await eventually(() => first.received.length === 6);
  await using second = new RawConnection(port);
  second.send(alive("two", 4006));
  assertEquals((await second.closed).length, 0);
});

epmdTest("EpmdServer keeps a live name from an imitator", async () => {
  await using server = await listen();
  const { port } = server;
  const extra = "otp-json/1 creation=99";
  await using first = new RawConnection(port);
  first.send(alive("kate", 4007, extra));
  await eventually(() => first.received.length === 6);
  assertEquals([...first.received], [118, 0, 0, 0, 0, 99]);
  for (const words of [extra, "otp-json/1"]) {
    await using thief = new RawConnection(port);
    thief.send(alive("kate", 4007, words));
    assertEquals([...await thief.closed], [118, 1, 0, 0, 0, 0], words);
    assertEquals(server.entries, [{ name: "kate", port: 4007 }]);
  }
});

epmdTest("EpmdServer closes answered connections first", async () => {
  await using server = await listen({ limits: { maxConnections: 3 } });
  const { port } = server;
  await using waiting = new RawConnection(port);
  await waiting.opened;
  const sockets: Socket[] = [];
  for (let n = 0; n < 8; n++) {
    // A client that does not close its end of the connection when it has the answer.
    const socket = connect({ host, port, allowHalfOpen: true });
    sockets.push(socket);
    socket.on("error", () => {});
    socket.write(encodeRequest({ type: "lookup", name: "alex" }));
    const answer: number[] = [];
    socket.on("data", (chunk: Uint8Array) => void answer.push(...chunk));
    await new Promise((resolve) => socket.once("end", resolve));
    assertEquals(answer, [119, 1]);
  }
  waiting.send(encodeRequest({ type: "lookup", name: "alex" }));
  assertEquals(await waiting.closed, Uint8Array.of(119, 1));
  assertEquals(server.refused, 0);
  for (const socket of sockets) socket.destroy();
});

/** Longer than a test may take. */
const FOR_EVER = 600_000;

/** Waits until the server has read the earlier data of others: it answers two later requests. */
async function read(port: number, ...others: RawConnection[]): Promise<void> {
  await Promise.all(others.map((other) => other.opened));
  for (let i = 0; i < 2; i++) await names({ port });
}

epmdTest("EpmdServer holds names after a take-over", async () => {
  await using server = await listen({
    limits: { holdTime: FOR_EVER },
    tookOver: true,
  });
  const { port } = server;
  await using thief = new RawConnection(port);
  thief.send(alive("kate", 5001));
  await using newcomer = new RawConnection(port);
  newcomer.send(alive("moebi", 5001));
  await read(port, thief, newcomer);
  await using kate = new RawConnection(port);
  kate.send(alive("kate", 4009, "otp-json/1 creation=777"));
  assertEquals([...await thief.closed], [118, 1, 0, 0, 0, 0]);
  assertEquals([...kate.received], [118, 0, 0, 0, 3, 9]);
  assertEquals((await lookup("kate", { port }))?.port, 4009);
  assertEquals(newcomer.received.length, 0);
});

epmdTest("EpmdServer makes look-ups wait after a take-over", async () => {
  await using server = await listen({
    limits: { lookupGrace: FOR_EVER },
    tookOver: true,
  });
  const { port } = server;
  await using missing = new RawConnection(port);
  missing.send(encodeRequest({ type: "lookup", name: "moebi" }));
  await using found = new RawConnection(port);
  found.send(encodeRequest({ type: "lookup", name: "kate" }));
  await read(port, missing, found);
  await using kate = new RawConnection(port);
  kate.send(alive("kate", 4010, "otp-json/1 creation=778"));
  assertEquals((await found.closed)[1], 0);
  assertEquals(missing.received.length, 0);
});

epmdTest("EpmdServer answers at once after the grace", async () => {
  const grace = 300;
  const start = performance.now();
  await using server = await listen({
    limits: { lookupGrace: grace },
    tookOver: true,
  });
  const { port } = server;
  assertEquals(await lookup("moebi", { port }), undefined);
  // safe: a lower limit, which load cannot miss
  assert(performance.now() - start > grace - 10);
  // Each would take as long as the grace if it waited, too.
  const times = 40;
  const later = performance.now();
  for (let i = 0; i < times; i++) {
    assertEquals(await lookup("moebi", { port }), undefined);
  }
  // safe: a hang guard
  assert(performance.now() - later < times * grace);
});

epmdTest("EpmdServer learns what an earlier one registered", async () => {
  const limits = { holdTime: 500 };
  await using server = await listen({ limits });
  const { port } = server;
  const start = performance.now();
  await using kate = new RawConnection(port);
  kate.send(alive("kate", 4011, "otp-json/1 creation=779"));
  await eventually(() => kate.received.length === 6);
  await using _moebi = await register(
    { name: "moebi", port: 4012, hidden: false, extra: "" },
    { port },
  );
  // safe: a lower limit, which load cannot miss
  assert(performance.now() - start > 490);
});
