/** Streams over TCP. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import nodeProcess from "node:process";
import { setImmediate } from "node:timers";
import {
  acceptTcp,
  connectTcp,
  type TcpTransport,
} from "../../../packages/node/host/tcp.ts";
import { test } from "../../../packages/testing/tags.ts";

const KIB = 1024;

/** Connects that many streams to a server. */
async function connected(
  count: number,
  use: (ends: { transport: TcpTransport; socket: Socket }[]) => Promise<void>,
): Promise<void> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const ends = [];
  for (let i = 0; i < count; i++) {
    const accepted = once(server, "connection");
    const transport = await connectTcp(
      { host: "127.0.0.1", port },
      new AbortController().signal,
    );
    const [socket] = await accepted as [Socket];
    ends.push({ transport, socket });
  }
  await use(ends);
  for (const { transport, socket } of ends) {
    if (socket.closed || socket.destroyed) continue;
    const closed = once(socket, "close");
    socket.resume();
    transport.destroy();
    await closed;
  }
  server.close();
  await once(server, "close");
}

test("an idle connection holds no large buffer", async () => {
  const count = 64;
  const before = nodeProcess.memoryUsage().external;
  await connected(count, (ends) => {
    const bytes = nodeProcess.memoryUsage().external - before;
    assertLess(bytes, ends.length * 32 * KIB);
    return Promise.resolve();
  });
});

test("a peer that still writes reads all that came before the end", async () => {
  await connected(1, async ([{ transport, socket }]) => {
    // The time limit does not count.
    using _ = new FakeTime();
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    transport.start({ bytes() {}, drained() {}, closed: () => resolve() });
    transport.write(new TextEncoder().encode("last"));
    transport.end(true);
    for (let i = 0; i < 50; i++) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      socket.write("more", (error) => error ? reject(error) : resolve());
      await promise;
      // A reset would arrive in one of these turns.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    let text = "";
    socket.on("data", (chunk: Uint8Array) => text += String(chunk));
    await closed;
    assertEquals(text, "last");
  });
});

test("bytes arrive whole in reads of any size", async () => {
  await connected(1, async ([{ transport, socket }]) => {
    const sizes = [
      10,
      4 * KIB,
      4 * KIB + 1,
      1000 * KIB,
      ...Array.from({ length: 40 }, () => 5),
      300 * KIB,
    ];
    let next = 0;
    let wanted = 0;
    let arrived = Promise.withResolvers<void>();
    transport.start({
      bytes(chunk) {
        for (const byte of chunk) {
          if (byte !== next % 251) {
            arrived.reject(new Error(`byte ${next} arrived as ${byte}`));
          }
          next++;
        }
        if (next === wanted) arrived.resolve();
      },
      drained() {},
      closed() {},
    });
    for (const size of sizes) {
      const start = wanted;
      wanted += size;
      arrived = Promise.withResolvers<void>();
      socket.write(
        Uint8Array.from({ length: size }, (_, i) => (start + i) % 251),
      );
      await arrived.promise;
    }
    assertEquals(next, wanted);
  });
});

test("an accepted stream reads into one buffer, and its server waits for its end", async () => {
  await connected(1, async ([{ transport, socket }]) => {
    const accepted = acceptTcp(socket);
    assert(accepted.remote.startsWith("127.0.0.1:"));
    const buffers = new Set<ArrayBufferLike>();
    const texts: string[] = [];
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    let arrived = Promise.withResolvers<void>();
    accepted.start({
      bytes: (chunk) => {
        buffers.add(chunk.buffer);
        texts.push(new TextDecoder().decode(chunk));
        accepted.write(new TextEncoder().encode("yes"));
      },
      drained: () => {},
      closed: () => resolve(),
    });
    transport.start({
      bytes: () => arrived.resolve(),
      drained: () => {},
      closed: () => {},
    });
    for (const text of ["one", "two", "three"]) {
      transport.write(new TextEncoder().encode(text));
      await arrived.promise;
      arrived = Promise.withResolvers<void>();
    }
    assertEquals(texts, ["one", "two", "three"]);
    assertEquals(buffers.size, 1);
    const end = once(socket, "close");
    transport.destroy();
    await closed;
    await end;
  });
});

test("an accepted socket that has read already keeps its bytes", async () => {
  await connected(1, async ([{ transport, socket }]) => {
    transport.write(new TextEncoder().encode("early"));
    while (socket.readableLength === 0) {
      // safe: only the condition ends the loop
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { promise: bytes, resolve } = Promise.withResolvers<Uint8Array>();
    acceptTcp(socket).start({
      bytes: resolve,
      drained: () => {},
      closed: () => {},
    });
    assertEquals(new TextDecoder().decode(await bytes), "early");
  });
});
