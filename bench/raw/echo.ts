/**
 * The floor: an echo of 40 bytes over `node:net`, two processes, no library.
 *
 * `echo.ts peer` prints its port and serves until stdin closes;
 * `echo.ts client PORT ROUNDS WARMUP` prints one line of JSON.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { exitAtEndOfInput, latencies } from "../measure.ts";

function peer(): void {
  const server = createServer({ noDelay: true }, (socket: Socket): void => {
    socket.on("data", (chunk: Buffer): void => {
      socket.write(chunk);
    });
    socket.on("error", (): void => {});
  });
  server.listen(0, "127.0.0.1", (): void => {
    console.log(`READY ${(server.address() as AddressInfo).port}`);
  });
}

function rounds(socket: Socket, count: number): Promise<Float64Array> {
  const { promise, resolve } = Promise.withResolvers<Float64Array>();
  const message = Buffer.alloc(40, "A");
  const times = new Float64Array(count);
  let round = 0;
  let started = 0;
  function next(): void {
    started = performance.now();
    socket.write(message);
  }
  function onData(): void {
    times[round++] = performance.now() - started;
    if (round < count) return next();
    socket.off("data", onData);
    resolve(times);
  }
  socket.on("data", onData);
  next();
  return promise;
}

async function client(
  port: number,
  count: number,
  warmup: number,
): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  await rounds(socket, warmup);
  console.log(JSON.stringify(latencies(await rounds(socket, count))));
  Deno.exit(0);
}

const [role, ...rest] = Deno.args;
if (role === "peer") {
  peer();
  await exitAtEndOfInput();
} else {
  const [port, count, warmup] = rest.map(Number);
  await client(port, count, warmup);
}
