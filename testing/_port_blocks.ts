/**
 * Blocks of ports, one for each process of a run, which no other run on this host uses.
 *
 * A run holds a block while it has a UDP socket on the block's first port. Tests use the block's ports for TCP, so
 * the socket costs them no port. The system closes the socket when the run ends, even if the run crashes.
 */

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { BLOCK } from "./_ports.ts";

/** The first port of the first block; processes without a block use ports below it. */
const FIRST = 20_000;
const BLOCKS = 200;

export class PortBlock {
  readonly first: number;
  readonly #socket: Socket;

  private constructor(first: number, socket: Socket) {
    this.first = first;
    this.#socket = socket;
  }

  /**
   * Reserves a free block.
   *
   * @throws {Error} If all blocks are taken.
   */
  static async reserve(): Promise<PortBlock> {
    const start = Math.floor(Math.random() * BLOCKS);
    for (let i = 0; i < BLOCKS; i++) {
      const first = FIRST + (start + i) % BLOCKS * BLOCK;
      const socket = createSocket("udp4");
      try {
        socket.bind({ port: first, address: "127.0.0.1", exclusive: true });
        await once(socket, "listening");
        return new PortBlock(first, socket);
      } catch {
        socket.close();
      }
    }
    throw new Error(
      `Cannot reserve ports for a test file: all blocks from ${FIRST} to ${
        FIRST + BLOCKS * BLOCK - 1
      } are taken; end other runs of tests`,
    );
  }

  release(): void {
    this.#socket.close();
  }
}
