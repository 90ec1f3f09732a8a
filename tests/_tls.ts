/** Helpers of the tests of TLS: a CA, and scripted diallers, listeners and proxies. */

import { connect as tcpConnect, createServer, type Socket } from "node:net";
import {
  connect as tlsConnect,
  type ConnectionOptions,
  createServer as createTlsServer,
  type Server as TlsServer,
  type TLSSocket,
} from "node:tls";
import type { TlsOptions } from "../node.ts";
import { CertificateAuthority, type CertificateNames } from "../tools/certs.ts";
import { RawPeer } from "./_raw_peer.ts";

/** The CA of the nodes that trust each other. */
export const authority: CertificateAuthority = await CertificateAuthority
  .make();
/** A CA that they do not trust. */
export const stranger: CertificateAuthority = await CertificateAuthority.make(
  "another CA",
);
/** The certificate of the CA that they trust. */
export const ca: string = authority.pair.cert;

/** TLS with a certificate of the cluster's CA. */
export async function tlsOf(
  names: CertificateNames,
  rest: Partial<TlsOptions> = {},
): Promise<TlsOptions> {
  return { ...await authority.issue(names), ca, ...rest };
}

/** Dials a node's port as a TLS client, by hand. */
export function tlsDial(
  port: number,
  options: ConnectionOptions,
): Promise<{ peer: RawPeer; socket: TLSSocket }> {
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({
      host: "127.0.0.1",
      port,
      minVersion: "TLSv1.3",
      ca,
      checkServerIdentity: () => undefined,
      ...options,
    });
    // It stays: a connection may be reset at any time after the handshake too.
    socket.on("error", reject);
    socket.once("secureConnect", () => {
      resolve({ peer: new RawPeer(socket), socket });
    });
  });
}

/** A proxy that forwards and records all bytes. */
export class Tap implements AsyncDisposable {
  readonly #server = createServer((near) => {
    const far = tcpConnect({ host: "127.0.0.1", port: this.#port });
    for (const [from, to] of [[near, far], [far, near]]) {
      this.#sockets.push(from);
      from.on("data", (chunk: Uint8Array) => {
        this.#text += new TextDecoder("latin1").decode(chunk);
        to.write(chunk);
      });
      from.on("error", () => {});
      from.on("close", () => to.destroy());
    }
  });
  readonly #sockets: Socket[] = [];
  readonly #port: number;
  #text = "";

  private constructor(port: number) {
    this.#port = port;
  }

  static listen(port: number): Promise<Tap> {
    const tap = new Tap(port);
    return new Promise((resolve) =>
      tap.#server.listen({ host: "127.0.0.1", port: 0 }, () => resolve(tap))
    );
  }

  get address(): string {
    return addressOf(this.#server.address());
  }

  heard(): string {
    return this.#text;
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

/** Listens with TLS, and leaves everything else to the test. */
export class TlsListener implements AsyncDisposable {
  onSocket: (socket: TLSSocket) => unknown = () => {};
  readonly #server: TlsServer;
  readonly #sockets: TLSSocket[] = [];

  private constructor(options: TlsOptions) {
    const { cert, key, ca } = options;
    this.#server = createTlsServer({ cert, key, ca, requestCert: true });
    this.#server.on("secureConnection", (socket) => {
      this.#sockets.push(socket);
      socket.on("error", () => {});
      // A relay fails where one of its two ends is refused, as the tests want it to be.
      void (async () => await this.onSocket(socket))().catch(() => {});
    });
    this.#server.on("tlsClientError", () => {});
  }

  static listen(options: TlsOptions): Promise<TlsListener> {
    const listener = new TlsListener(options);
    return new Promise((resolve) =>
      listener.#server.listen(
        { host: "127.0.0.1", port: 0 },
        () => resolve(listener),
      )
    );
  }

  get address(): string {
    return addressOf(this.#server.address());
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

function addressOf(address: unknown): string {
  return `127.0.0.1:${(address as { port: number }).port}`;
}
