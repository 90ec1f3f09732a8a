/** The part of the package `ws` that the example uses. In a project of yours, install `@types/ws`. */

import type { EventEmitter } from "node:events";
import type { Server } from "node:http";

export class WebSocket extends EventEmitter {
  constructor(url: string, options?: { origin?: string });
  readonly bufferedAmount: number;
  readonly readyState: number;
  readonly OPEN: number;
  send(data: string | Uint8Array): void;
  ping(): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
}

export class WebSocketServer extends EventEmitter {
  constructor(options: {
    server: Server;
    maxPayload?: number;
    verifyClient?(
      info: { origin: string },
      done: (accepts: boolean, status?: number) => void,
    ): void;
  });
  readonly clients: Set<WebSocket>;
  on(
    event: "connection",
    listener: (socket: WebSocket, request: { url?: string }) => void,
  ): this;
}
