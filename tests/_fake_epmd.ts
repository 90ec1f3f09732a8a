/** An EPMD with scripted answers to look-ups, which accepts every registration. */

import { type AddressInfo, createServer, type Socket } from "node:net";
import { toRegistration } from "../net/epmd/entry.ts";
import { encodeLookupReply } from "../net/epmd/epmd_protocol.ts";

/** The answer to a look-up. */
export interface Answer {
  port: number;
  extra: string;
}

/** An EPMD that may answer falsely. */
export class LyingEpmd implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.once("data", (request: Uint8Array) => {
      if (request[2] === 120) socket.write(Uint8Array.of(118, 0, 0, 0, 1, 0));
      else socket.end(this.#reply(request.subarray(3)));
    });
  });
  readonly #answer: (name: string) => Answer | Uint8Array;

  private constructor(answer: (name: string) => Answer | Uint8Array) {
    this.#answer = answer;
  }

  /** Starts to listen. */
  static listen(
    answer: (name: string) => Answer | Uint8Array,
  ): Promise<LyingEpmd> {
    const epmd = new LyingEpmd(answer);
    return new Promise((resolve) =>
      epmd.#server.listen({ host: "127.0.0.1", port: 0 }, () => resolve(epmd))
    );
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #reply(bytes: Uint8Array): Uint8Array {
    const name = new TextDecoder().decode(bytes);
    const answer = this.#answer(name);
    return answer instanceof Uint8Array
      ? answer
      : encodeLookupReply(toRegistration({ name, hidden: false, ...answer }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
