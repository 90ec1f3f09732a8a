/** Servers in the place of EPMD. */

import { type AddressInfo, createServer, type Socket } from "node:net";
import { toRegistration } from "../net/epmd/entry.ts";
import { encodeLookupReply } from "../net/epmd/epmd_protocol.ts";

/** A server that is not EPMD, or deviates from its protocol. */
export class FakeEpmd implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => {
    this.#sockets.add(socket);
    this.connections++;
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.once("data", (request) => this.#answer(socket, request));
  });
  readonly #answer: (socket: Socket, request: Uint8Array) => void;
  connections = 0;

  constructor(answer: (socket: Socket, request: Uint8Array) => void) {
    this.#answer = answer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get open(): number {
    return this.#sockets.size;
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve) => {
      this.#server.listen({ host: "127.0.0.1", port }, () => resolve());
    });
  }

  /** Closes all open connections. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.drop();
    });
  }
}

/** The answer to a look-up. */
export interface Answer {
  port: number;
  extra: string;
}

/** An EPMD that accepts every registration, and may answer look-ups falsely. */
export class LyingEpmd extends FakeEpmd {
  static async listen(
    answer: (name: string) => Answer | Uint8Array,
  ): Promise<LyingEpmd> {
    const epmd = new LyingEpmd((socket, request) => {
      if (request[2] === 120) {
        return void socket.write(Uint8Array.of(118, 0, 0, 0, 1, 0));
      }
      const name = new TextDecoder().decode(request.subarray(3));
      const found = answer(name);
      socket.end(
        found instanceof Uint8Array ? found : encodeLookupReply(
          toRegistration({ name, hidden: false, ...found }),
        ),
      );
    });
    await epmd.listen(0);
    return epmd;
  }
}
