/** Streams of bytes over a `MessagePort`, between threads. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { setImmediate } from "node:timers";
import { Worker } from "node:worker_threads";
import { PortTransport } from "../../packages/workers/port_transport.ts";
import { test } from "../../packages/testing/tags.ts";
import { numbersIn } from "../_pages.ts";
import { fuzz, runs } from "../_seeds.ts";

const [WINDOW] = numbersIn(
  "docs/workers.md",
  "Beyond # under way, a sender waits",
);

/** One end, and all that happens to it. */
class End {
  readonly transport: PortTransport;
  received: number[] = [];
  drained = 0;
  closed: (Error | undefined)[] = [];

  constructor(port: MessagePort) {
    this.transport = new PortTransport(port, "thread:alex@localhost");
  }

  start(): this {
    this.transport.start({
      bytes: (chunk) => {
        assertEquals(this.closed, []);
        for (const byte of chunk) this.received.push(byte);
      },
      drained: () => this.drained++,
      closed: (error) => this.closed.push(error),
    });
    return this;
  }
}

function pair(): [End, End] {
  const { port1, port2 } = new MessageChannel();
  return [new End(port1), new End(port2)];
}

/** Waits until something is so. */
async function until(isSo: () => boolean): Promise<void> {
  // safe: only the condition ends the loop
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

function bytesOf(size: number, first = 0): Uint8Array<ArrayBuffer> {
  return new Uint8Array(size).map((_, i) => first + i);
}

test("bytes that arrive before the start are kept", async () => {
  const [one, other] = pair();
  one.start().transport.write(bytesOf(3));
  one.transport.end();
  await until(() => one.closed.length === 1);
  other.start();
  await until(() => other.closed.length === 1);
  assertEquals(other.received, [0, 1, 2]);
  assertEquals([one.closed, other.closed], [[undefined], [undefined]]);
});

test("a start after the end reports the end", async () => {
  const [one, other] = pair();
  one.start().transport.destroy(new Error("gone"));
  await until(() => one.closed.length === 1);
  assertMatch(one.closed[0]!.message, /gone/);
  // A connection takes over from its handshake.
  one.start();
  assertEquals(one.closed.length, 2);
  other.start();
  await until(() => other.closed.length === 1);
});

test("written bytes may be used again, and their memory stays", async () => {
  const [one, other] = pair();
  one.start();
  other.start();
  const memory = new Uint8Array(1000).fill(1);
  one.transport.write(memory.subarray(10, 20));
  assert(one.transport.hasSent);
  memory.fill(2);
  one.transport.write(memory.subarray(0, 10));
  await until(() => other.received.length === 20);
  assertEquals(other.received, [...Array(10).fill(1), ...Array(10).fill(2)]);
  assertEquals(memory.length, 1000);
  one.transport.end();
  await until(() => one.closed.length + other.closed.length === 2);
});

test("a sender is blocked while a window is under way, and a paused end reads nothing", async () => {
  const [one, other] = pair();
  one.start();
  other.start().transport.pause();
  const chunk = bytesOf(WINDOW / 4);
  for (let i = 0; i < 4; i++) assert(one.transport.write(chunk));
  assertEquals(one.transport.buffered, 0);
  assert(!one.transport.write(chunk));
  assertEquals(one.transport.buffered, chunk.length);
  for (let i = 0; i < 100; i++) {
    // safe: nothing may arrive, however long it takes
    await new Promise((resolve) => setImmediate(resolve));
  }
  assertEquals([one.drained, other.received.length], [0, 0]);
  other.transport.resume();
  await until(() => one.drained > 0);
  assertEquals(one.drained, 1);
  await until(() => other.received.length === 5 * chunk.length);
  assertEquals(one.transport.buffered, 0);
  assert(one.transport.write(chunk));
  one.transport.end();
  await until(() => one.closed.length + other.closed.length === 2);
});

test("a paused end is notified of the end when it has read all", async () => {
  const [one, other] = pair();
  one.start();
  other.start().transport.pause();
  one.transport.write(bytesOf(10));
  one.transport.end();
  for (let i = 0; i < 100; i++) {
    // safe: nothing may arrive, however long it takes
    await new Promise((resolve) => setImmediate(resolve));
  }
  assertEquals([other.received.length, other.closed.length], [0, 0]);
  other.transport.resume();
  await until(() => other.closed.length === 1);
  assertEquals(other.received.length, 10);
});

test("anything else than bytes and counts ends a stream", async () => {
  for (const wrong of [null, {}, "x", -1, 1.5, NaN, 1, [1], new Date()]) {
    const { port1, port2 } = new MessageChannel();
    const end = new End(port1).start();
    port2.postMessage(wrong);
    await until(() => end.closed.length === 1);
    assertMatch(end.closed[0]!.message, /something else than bytes/);
    port2.close();
  }
});

test("a terminated thread writes whole", { timeout: 120_000 }, async () => {
  const code = `
    import { parentPort } from "node:worker_threads";
    parentPort.on("message", ({ port }) => {
      const write = () => {
        for (let i = 0; i < 50; i++) port.postMessage(new Uint8Array(1000).fill(7));
        setImmediate(write);
      };
      // Numbers acknowledge.
      port.onmessage = () => {};
      write();
    });`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  for (let i = 0; i < 5; i++) {
    const worker = new Worker(url);
    const { port1, port2 } = new MessageChannel();
    const end = new End(port1).start();
    worker.postMessage({ port: port2 }, [port2 as never]);
    await until(() => end.received.length > 0);
    await worker.terminate();
    end.transport.destroy();
    await until(() => end.closed.length === 1);
    assertEquals(end.received.length % 1000, 0);
    assert(end.received.every((byte) => byte === 7));
  }
});

test("random streams arrive in order", { timeout: 120_000 }, async () => {
  await fuzz(runs(20), async (random) => {
    const ends = pair();
    const sent: number[][] = [[], []];
    const isBlocked = [false, false];
    for (const end of ends) if (random.below(2) === 0) end.start();
    const steps = 20 + random.below(60);
    for (let step = 0; step < steps; step++) {
      const at = random.below(2);
      const { transport } = ends[at];
      switch (random.below(6)) {
        case 0:
          transport.pause();
          break;
        case 1:
          transport.resume();
          break;
        case 2:
          // safe: varies the order of events, which the verdict does not depend on
          await new Promise((resolve) => setImmediate(resolve));
          break;
        default: {
          // As a connection, which waits for drained().
          if (isBlocked[at] && transport.buffered > 0) break;
          const bytes = random.bytes(random.of([2, 100, 70_000, 300_000]));
          for (const byte of bytes) sent[at].push(byte);
          isBlocked[at] = !transport.write(bytes);
          // No more than a window and one write are under way.
          assert(transport.buffered <= 300_000);
        }
      }
    }
    for (const end of ends) end.start().transport.resume();
    const isWhole = random.below(3) > 0;
    if (isWhole) {
      await until(() =>
        ends.every(({ received }, at) =>
          received.length === sent[1 - at].length
        )
      );
    }
    const closing = random.of(ends).transport;
    if (random.below(2) === 0) closing.end();
    else closing.destroy(new Error("ended"));
    await until(() => ends.every(({ closed }) => closed.length > 0));
    ends.forEach(({ received, closed, transport }, at) => {
      assertEquals(closed.length, 1);
      const { length } = received;
      if (isWhole) assertEquals(length, sent[1 - at].length);
      assert(received.every((byte, i) => byte === sent[1 - at][i]));
      // Bytes that the closing end wrote before arrive.
      if (transport !== closing) assertEquals(length, sent[1 - at].length);
      assert(!transport.write(bytesOf(1)));
    });
  });
});
