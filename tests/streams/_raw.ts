/** Requests to a server of streams as bytes. */

import { connect, type Socket } from "node:net";
import type { StreamServer } from "./_server.ts";

/** A connection to a server, for requests as bytes. */
export class Raw implements Disposable {
  readonly socket: Socket;
  /** Everything that the server has sent, when it has closed the connection. */
  readonly all: Promise<string>;
  /** The first bytes that it sends. */
  readonly first: Promise<string>;

  constructor({ url }: StreamServer) {
    this.socket = connect(Number(new URL(url).port), "127.0.0.1");
    const { promise, resolve } = Promise.withResolvers<string>();
    const first = Promise.withResolvers<string>();
    let text = "";
    this.socket.on("data", (data) => {
      text += data;
      first.resolve(text);
    });
    this.socket.on("error", () => resolve(text));
    this.socket.on("close", () => resolve(text));
    this.all = promise;
    this.first = first.promise;
  }

  send(...lines: string[]): void {
    this.socket.write(lines.join("\r\n"));
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
