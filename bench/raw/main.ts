/**
 * The lower bound: two processes and a `node:net` socket, without a library.
 *
 * `main.ts peer` prints its port and serves until stdin closes;
 * `main.ts client PORT JOB` prints one line of JSON. A round trip is an echo of 40 bytes. One-way is an array of
 * small messages as JSON in each write, parsed and counted by the peer.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import nodeProcess from "node:process";
import {
  type Job,
  type Payload,
  payload,
  rated,
  report,
  serve,
  timed,
} from "../measure.ts";

/** The number of messages in an array: as many as a frame of ours has in the same row, 16 kB. */
const IN_ARRAY = 640;

/** Parses lines of JSON; the last message of a run asks for the total. */
function count(
  socket: Socket,
  chunk: Buffer,
  state: { rest: string; total: number },
): void {
  const lines = (state.rest + chunk.toString("latin1")).split("\n");
  state.rest = lines.pop()!;
  for (const line of lines) {
    const messages = JSON.parse(line) as (Payload & { last?: boolean })[];
    for (const message of messages) {
      if (message.n !== state.total++) {
        throw new Error("Cannot go on: lost one");
      }
    }
    if (messages.at(-1)?.last) {
      socket.write(`${state.total}\n`);
      state.total = 0;
    }
  }
}

async function peer(): Promise<void> {
  const server = createServer({ noDelay: true }, (socket: Socket): void => {
    const state = { rest: "", total: 0 };
    socket.on("data", (chunk: Buffer): void => {
      if (chunk[0] === 65 && chunk.length === 40) socket.write(chunk);
      else count(socket, chunk, state);
    });
    socket.on("error", (): void => {});
  });
  server.listen(0, "127.0.0.1");
  await new Promise<void>((resolve) => server.once("listening", resolve));
  await serve(`${(server.address() as AddressInfo).port}`);
}

async function client(port: number, job: Job): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  let onData = (_: Buffer): void => {};
  socket.on("data", (chunk: Buffer): void => onData(chunk));
  const next = (): Promise<Buffer> =>
    new Promise((resolve) => onData = resolve);
  if (job.row !== "one_way") {
    const message = Buffer.alloc(40, "A");
    report(
      await timed(job, async (n) => {
        const answer = next();
        socket.write(message);
        return (await answer).length === 40 ? n : NaN;
      }),
    );
  }
  report(
    await rated(job, async (rounds) => {
      const answer = next();
      for (let n = 0; n < rounds;) {
        const messages: (Payload & { last?: boolean })[] = [];
        while (messages.length < IN_ARRAY && n < rounds) {
          messages.push(payload(job.row, n++));
        }
        if (n === rounds) messages.at(-1)!.last = true;
        if (!socket.write(`${JSON.stringify(messages)}\n`)) {
          await new Promise<void>((resolve) => socket.once("drain", resolve));
        }
      }
      const total = Number((await answer).toString());
      if (total !== rounds) throw new Error(`Cannot go on: counted ${total}`);
    }),
  );
}

const [role, ...rest] = nodeProcess.argv.slice(2);
if (role === "peer") await peer();
else await client(Number(rest[0]), JSON.parse(rest[1]) as Job);
