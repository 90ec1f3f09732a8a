/** Streams of bytes over TLS 1.3, through `node:tls`; both ends show a certificate. */

import type { Socket } from "node:net";
import {
  connect as tlsConnect,
  createServer,
  type Server,
  type TLSSocket,
} from "node:tls";
import { outside } from "@otp/processes/context/async_context";
import { printable } from "@otp/processes/values/inspect";
import {
  mismatchOf,
  type PeerCertificate,
  readCertificate,
} from "./certificate.ts";
import type { Credentials } from "./credentials.ts";
import {
  type DialAddress,
  endsOf,
  established,
  remoteOf,
  TcpTransport,
} from "./tcp.ts";
import {
  type Ends,
  HandshakeError,
  type Transport,
  type TransportHandlers,
} from "../wire.ts";

/** TLS's alert `protocol_version`, which informs a plain peer about the TLS port. */
const ALERT = Uint8Array.of(21, 3, 3, 0, 2, 2, 70);

const USE_TLS =
  "start it with the tls option too (--tls-cert, --tls-key and --tls-ca)";

const NO_TLS_13 =
  "it does not offer TLS 1.3, which this node requires; a node of Erlang offers it with {versions, ['tlsv1.3']} in its ssl_dist_optfile";

/** A TLS connection; an accepted one exists before it is secure. */
export class TlsTransport implements Transport {
  readonly remote: string;
  readonly ends: Ends;
  readonly #socket: Socket;
  readonly #credentials: Credentials;
  #secure:
    | { transport: TcpTransport; certificate: PeerCertificate; binding: string }
    | undefined;
  #handlers: TransportHandlers | undefined;
  #failed: { error?: Error } | undefined;
  #role: "dialler" | "listener" = "listener";
  #heard = false;

  /** Takes a socket that is connected. */
  constructor(socket: Socket, credentials: Credentials) {
    this.#socket = socket;
    this.#credentials = credentials;
    this.remote = remoteOf(socket);
    this.ends = endsOf(socket);
  }

  get buffered(): number {
    return this.#secure?.transport.buffered ?? 0;
  }

  get binding(): string | undefined {
    return this.#secure?.binding;
  }

  mismatch(name: string): string | undefined {
    const { verify } = this.#credentials;
    return this.#secure === undefined
      ? "the connection is not secure yet"
      : mismatchOf(name, this.#secure.certificate, verify);
  }

  /** Called when the TLS handshake is done. */
  secured(socket: TLSSocket, role: "dialler" | "listener"): void {
    const { raw } = socket.getPeerCertificate();
    if (!socket.authorized || raw === undefined) {
      socket.destroy();
      return this.fail(refused("it has not shown a certificate"));
    }
    let certificate: PeerCertificate;
    try {
      certificate = readCertificate(new Uint8Array(raw));
    } catch {
      socket.destroy();
      return this.fail(refused("its certificate cannot be read"));
    }
    this.#role = role;
    const prints = [this.#credentials.fingerprint, certificate.fingerprint];
    if (role === "listener") prints.reverse();
    this.#secure = {
      transport: new TcpTransport(socket),
      certificate,
      binding: ["tls", ...prints].join("\n"),
    };
    if (this.#handlers !== undefined) this.#start(this.#handlers);
  }

  /** Called when the TLS handshake has failed. */
  fail(error: Error | undefined): void {
    if (this.#failed !== undefined || this.#secure !== undefined) return;
    this.#failed = { error };
    this.#handlers?.closed(error);
  }

  start(handlers: TransportHandlers): void {
    this.#handlers = handlers;
    if (this.#secure !== undefined) this.#start(handlers);
    else if (this.#failed !== undefined) handlers.closed(this.#failed.error);
  }

  #start(handlers: TransportHandlers): void {
    this.#secure?.transport.start({
      bytes: (chunk) => {
        this.#heard = true;
        handlers.bytes(chunk);
      },
      drained: () => handlers.drained(),
      closed: (error) => handlers.closed(this.#heard ? error : this.#unheard()),
    });
  }

  /** A listener refuses a dialler's certificate when TLS has already let the dialler go on. */
  #unheard(): HandshakeError | undefined {
    if (this.#role === "listener") return undefined;
    return refused(
      "it closed the connection after the TLS handshake, most likely because it does not trust this node's certificate; its log says why",
    );
  }

  write(bytes: Uint8Array): boolean {
    return this.#secure?.transport.write(bytes) ?? false;
  }

  pause(): void {
    this.#secure?.transport.pause();
  }

  resume(): void {
    this.#secure?.transport.resume();
  }

  end(drains?: boolean): void {
    if (this.#secure === undefined) this.#socket.destroy();
    else this.#secure.transport.end(drains);
  }

  destroy(): void {
    this.#secure?.transport.destroy();
    this.#socket.destroy();
  }
}

function refused(reason: string): HandshakeError {
  return new HandshakeError("refused", reason, "tls");
}

/** Performs the listener's part of TLS for all connections of one node. */
export class TlsAcceptor {
  readonly #credentials: Credentials;
  readonly #server: Server;
  readonly #transports = new WeakMap<Socket, TlsTransport>();

  /** Prepares TLS once: reading the certificates anew costs more than a handshake. */
  constructor(credentials: Credentials) {
    this.#credentials = credentials;
    const { cert, key, ca } = credentials;
    this.#server = createServer({
      cert,
      key,
      ca,
      minVersion: "TLSv1.3",
      requestCert: true,
      rejectUnauthorized: true,
    });
    this.#server.on("secureConnection", (secure) => {
      this.#transportOf(secure)?.secured(secure, "listener");
    });
    this.#server.on("tlsClientError", (error, failed) => {
      this.#failed(error, failed);
    });
  }

  /** Takes a socket that was accepted; the handshake of TLS starts with its first byte. */
  accept(socket: Socket): TlsTransport {
    const transport = new TlsTransport(socket, this.#credentials);
    this.#transports.set(socket, transport);
    const closed = () => transport.fail(undefined);
    socket.on("error", () => {});
    socket.once("close", closed);
    // Wait for the first byte: a TLS socket for each silent connection stalled the node. With 500 connections a
    // second, the p99 of other calls rose from 6 to 489 ms. node:tls passes on bytes that are already read.
    socket.once("readable", () => {
      if (socket.readableLength === 0) return void socket.destroy();
      socket.off("close", closed);
      this.#server.emit("connection", socket);
    });
    return transport;
  }

  #failed(error: Error & { code?: string }, failed: TLSSocket): void {
    const transport = this.#transportOf(failed);
    const socket = underlying(failed);
    if (transport === undefined || socket === undefined) {
      return void failed.destroy();
    }
    const { authorizationError } = failed;
    transport.fail(
      acceptFailure(error, authorizationError as unknown as string | null),
    );
    // Some runtimes do not close the socket.
    if (isPlain(error) && socket.writable) socket.write(ALERT);
    socket.destroySoon();
  }

  #transportOf(secure: TLSSocket): TlsTransport | undefined {
    const socket = underlying(secure);
    return socket && this.#transports.get(socket);
  }
}

/** The socket below one of TLS. It has no public name, but the same one in Deno, Node and Bun. */
function underlying(secure: TLSSocket): Socket | undefined {
  return (secure as unknown as { _parent?: Socket })._parent;
}

function isPlain(error: Error & { code?: string }): boolean {
  return error.code === "ERR_SSL_WRONG_VERSION_NUMBER";
}

/** Whether the two ends have no version of TLS in common; hosts name that differently. */
function isOldTls({ code = "", message }: Error & { code?: string }): boolean {
  return /UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION/.test(code) ||
    /peer is incompatible|ProtocolVersion/.test(message);
}

function acceptFailure(
  error: Error & { code?: string },
  authorization: string | null,
): HandshakeError {
  if (authorization) {
    return refused(
      `its certificate is refused: ${certificateError(authorization)}`,
    );
  }
  const { code = "" } = error;
  if (code === "ECONNRESET" || /ALERT_(UNKNOWN_CA|DECRYPT|.*CERT)/.test(code)) {
    return refused(
      "it ended the TLS handshake, most likely because it does not trust this node's certificate",
    );
  }
  if (isOldTls(error)) return refused(NO_TLS_13);
  if (isPlain(error)) {
    return refused(`a peer without TLS on a TLS port: ${USE_TLS}`);
  }
  switch (code) {
    case "ERR_SSL_HTTP_REQUEST":
      return refused("an HTTP client on a node's TLS port");
    case "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE":
      return refused("it shows no certificate");
    default:
      return refused(`the TLS handshake failed: ${printable(error.message)}`);
  }
}

function certificateError(code: string): string {
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return "it has expired";
    case "CERT_NOT_YET_VALID":
      return "it is not valid yet";
    default:
      // Deno reports the same error for every cause, so name both.
      return `it is not of the CA that this node trusts, or is not valid now (${
        printable(code)
      })`;
  }
}

/**
 * Connects to a node over TLS; the signal aborts the attempt. Throws a `HandshakeError` if it shows no certificate that
 * is valid for a node of this name, or, without a name, for any.
 */
export async function connectTls(
  address: DialAddress,
  name: string | undefined,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<TlsTransport> {
  let transport: TlsTransport;
  try {
    transport = await outside(() =>
      established(
        () =>
          tlsConnect({
            ...address,
            secureContext: credentials.context,
            rejectUnauthorized: true,
            // Whether the certificate is valid for the node's name is checked below.
            checkServerIdentity: () => undefined,
          }),
        "secureConnect",
        (socket) => {
          const secure = new TlsTransport(socket, credentials);
          secure.secured(socket, "dialler");
          return secure;
        },
        signal,
      )
    );
  } catch (error) {
    throw signal.aborted ? error : dialFailure(error as Error);
  }
  const mismatch = name === undefined ? undefined : transport.mismatch(name);
  if (mismatch === undefined) return transport;
  transport.destroy();
  throw new HandshakeError("refused", mismatch);
}

function dialFailure(error: Error & { code?: string }): Error {
  const { code = "", message } = error;
  if (
    isPlain(error) || (code === "ECONNRESET" && message.includes("secure TLS"))
  ) {
    return refused(
      `it does not speak TLS, as it seems: ${USE_TLS}, or this node without`,
    );
  }
  if (isOldTls(error)) return refused(NO_TLS_13);
  if (code.startsWith("ERR_SSL_")) {
    return refused(`the TLS handshake failed: ${printable(message)}`);
  }
  return /CERT|ISSUER|SIGNATURE/.test(code)
    ? refused(`its certificate is refused: ${certificateError(code)}`)
    : error;
}
