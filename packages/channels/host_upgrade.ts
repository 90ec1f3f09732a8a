/** WebSockets of the host: of `Deno.serve` and of `Bun.serve`. */

import { outside } from "@otp/processes/context/async_context";
import type { ClientSocket, Opened } from "./client_socket.ts";

/** The part of Deno that is used. */
interface Host {
  readonly Deno?: {
    upgradeWebSocket(
      request: Request,
      options: { protocol?: string },
    ): { socket: WebSocket; response: Response };
  };
}

/** The server that `fetch` of `Bun.serve` gets. */
export interface BunServerLike {
  /** Accepts a WebSocket. */
  upgrade(
    request: Request,
    options: { data: unknown; headers?: Record<string, string> },
  ): boolean;
}

/** A WebSocket of `Bun.serve`. */
export interface BunSocketLike {
  /** The value with which the WebSocket was accepted. */
  data: unknown;
  /** Sends a message. */
  send(data: string | Uint8Array<ArrayBuffer>): unknown;
  /** Closes the connection. */
  close(code?: number, reason?: string): void;
  /** Returns the number of bytes that are not yet sent. */
  getBufferedAmount(): number;
}

/** The handlers of WebSockets, for `websocket` of `Bun.serve`. */
export interface BunHandlers {
  /** The length of the longest message, in bytes. */
  maxPayloadLength: number;
  /** Takes a WebSocket that is open. */
  open(socket: BunSocketLike): void;
  /** Takes a message. */
  message(socket: BunSocketLike, data: string | Uint8Array): void;
  /** Called when a WebSocket is closed. */
  close(socket: BunSocketLike): void;
}

/** The part of a request of `node:http` that a socket needs. */
export interface NodeSocketRequest {
  /** The HTTP method. */
  readonly method?: string;
  /** The path, with the query. */
  readonly url?: string;
  /** The headers, by names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The connection. */
  readonly socket: { readonly remoteAddress?: string };
}

/** The part of a response of `node:http` that a long poll needs. */
export interface NodeSocketResponse {
  /** Sends the status and the headers. */
  writeHead(status: number, headers: Record<string, string>): unknown;
  /** Sends the body, and ends the response. */
  end(body?: string): unknown;
  /** Closes the connection. */
  destroy(): unknown;
}

/** A connection of `node:http` that asks for an upgrade, which is a `Duplex` of `node:stream`. */
export interface NodeConnection {
  /** Closes the connection. */
  destroy(): unknown;
  /** Sends the last bytes. */
  end(data: string): unknown;
  /** Listens to an event. */
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** Accepts a WebSocket by Deno; returns `undefined` on other hosts. */
export function denoUpgrade(
  request: Request,
  protocol: string | undefined,
  maxMessage: number,
  opened: Opened,
): Response | undefined {
  const { Deno } = globalThis as Host;
  if (Deno === undefined) return undefined;
  return outside(() => {
    const options = protocol === undefined ? {} : { protocol };
    const { socket, response } = Deno.upgradeWebSocket(request, options);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      const client = opened({
        send({ data }) {
          if (socket.readyState === socket.OPEN) socket.send(data);
        },
        close(code, reason) {
          if (socket.readyState === socket.OPEN) socket.close(code, reason);
        },
        get unread() {
          return socket.bufferedAmount;
        },
      });
      socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
        const message = typeof data === "string" ? data : new Uint8Array(data);
        if (message.length > maxMessage) client.close("size");
        else client.receive(message);
      };
      socket.onclose = () => client.closed();
    };
    socket.onerror = () => {}; // onclose follows
    return response;
  });
}

/** The data that the handlers of Bun keep for a WebSocket. */
class BunConnection {
  client: ClientSocket | undefined = undefined;
  readonly opened: Opened;

  constructor(opened: Opened) {
    this.opened = opened;
  }
}

/** Accepts a WebSocket by Bun; returns false if the request asks for none. */
export function bunUpgrade(
  server: BunServerLike,
  request: Request,
  protocol: string | undefined,
  opened: Opened,
): boolean {
  const headers = protocol === undefined
    ? undefined
    : { "sec-websocket-protocol": protocol };
  const data = new BunConnection(opened);
  return server.upgrade(request, { data, headers });
}

/** Creates the handlers for `Bun.serve`. */
export function bunHandlers(maxMessage: number): BunHandlers {
  return {
    maxPayloadLength: maxMessage,
    open(socket) {
      if (!(socket.data instanceof BunConnection)) return;
      socket.data.client = socket.data.opened({
        send: ({ data }) => void socket.send(data),
        close: (code, reason) => socket.close(code, reason),
        get unread() {
          return socket.getBufferedAmount();
        },
      });
    },
    message: ({ data }, message) =>
      (data as BunConnection).client?.receive(message),
    close: ({ data }) => (data as BunConnection).client?.closed(),
  };
}
