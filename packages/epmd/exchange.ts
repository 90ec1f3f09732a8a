/** Sends one request to an EPMD over a new socket, and reads the answer. */

import { connect, type LookupFunction, type Socket } from "node:net";
import { clearTimeout, setTimeout } from "node:timers";
import { EpmdProtocolError, EpmdUnreachableError } from "./epmd_errors.ts";
import { concat, EpmdFormatError } from "./epmd_protocol.ts";

export interface EpmdAddress {
  host?: string;
  port: number;
  /** The time limit for a connection and an answer, in milliseconds. */
  timeout?: number;
}

/** {@linkcode EpmdAddress} with its defaults filled in. */
export type EpmdTarget = Required<EpmdAddress>;

/** The request of {@linkcode exchange}, and how it reads the answer. */
export interface Exchange<T> {
  /** Completes "Cannot …" in messages of errors. */
  what: string;
  /** The request's bytes. */
  request: Uint8Array;
  /** Reads the answer from all bytes so far; `undefined` asks for more. */
  parse: (bytes: Uint8Array) => T | undefined;
  /** Whether the answer is parsed only at its end: joining a long one for each segment is quadratic. */
  whole?: boolean;
  /** The longest answer that is accepted, in bytes. */
  cap: number;
  /** Gives up, rejecting with the signal's reason. */
  signal?: AbortSignal;
  /** Resolves the host, instead of the system. */
  find?: LookupFunction;
}

/** Fills in the defaults of an address. Throws a `RangeError` if the port is invalid. */
export function toTarget(
  { host = "127.0.0.1", port, timeout = 5000 }: EpmdAddress,
): EpmdTarget {
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new RangeError(
      `Cannot use EPMD: its port is ${port}, not a number from 1 to 65535`,
    );
  }
  return { host, port, timeout };
}

/** Waits; the signal ends the wait early, without an error. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
  });
}

/**
 * Sends one request and reads its answer. The socket stays open, with no listener but one for errors. Throws an
 * `EpmdUnreachableError` if EPMD does not answer in time, and an `EpmdProtocolError` if the answer is not EPMD's.
 */
export function exchange<T>(
  target: EpmdTarget,
  options: Exchange<T>,
): Promise<{ answer: T; socket: Socket }> {
  const { host, port, timeout } = target;
  const { what, request, parse, whole, cap, signal, find } = options;
  const where = `${host}:${port}`;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const socket = connect({ host, port, noDelay: true, lookup: find });
    const timer = setTimeout(onTimeout, timeout);
    let connected = false;
    let settled = false;
    let bytes: Uint8Array[] = [];
    let length = 0;

    signal?.addEventListener("abort", onAbort, { once: true });
    socket.on("connect", onConnect);
    socket.on("data", onData);
    socket.on("end", onEnd);
    socket.on("error", onError);
    socket.on("close", onEnd);

    function settle(): boolean {
      if (settled) return false;
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      socket.off("connect", onConnect);
      socket.off("data", onData);
      socket.off("end", onEnd);
      socket.off("close", onEnd);
      return true;
    }
    function fail(error: unknown): void {
      if (!settle()) return;
      socket.destroy();
      reject(error);
    }
    function unreachable(code: string, text: string, cause?: unknown): void {
      const message = `Cannot ${what}: no EPMD answers at ${where}: ${text}`;
      fail(new EpmdUnreachableError(message, code, { cause }));
    }
    function garbage(text: string, cause?: unknown): void {
      const message = `Cannot ${what}: the program at ${where} does not ` +
        `answer as EPMD does: ${text}; choose another --epmd-port`;
      fail(new EpmdProtocolError(message, "garbage", { cause }));
    }
    function closed(text: string, cause?: unknown): void {
      const message = `Cannot ${what}: the program at ${where} ${text}: ` +
        "either EPMD has too many clients at once, and you can try again, or " +
        "another program listens there, and you can choose another --epmd-port";
      fail(new EpmdProtocolError(message, "closed", { cause }));
    }
    function onConnect(): void {
      // On loopback, a connection to a port of the ephemeral range may connect to itself.
      if (
        socket.localPort === port &&
        socket.localAddress === socket.remoteAddress
      ) {
        return unreachable("ECONNREFUSED", "connection refused");
      }
      connected = true;
      socket.write(request);
    }
    function onData(chunk: Uint8Array): void {
      length += chunk.length;
      if (length > cap) return garbage(`more than ${cap} bytes`);
      bytes.push(chunk);
      if (!whole) read();
    }
    function read(): void {
      const joined = concat(bytes);
      bytes = [joined];
      let answer: T | undefined;
      try {
        answer = parse(joined);
      } catch (cause) {
        if (!(cause instanceof EpmdFormatError)) return fail(cause);
        return garbage(cause.message, cause);
      }
      if (answer !== undefined && settle()) resolve({ answer, socket });
    }
    function onEnd(): void {
      if (whole && length > 0) read();
      closed("closed the connection without a whole answer");
    }
    function onError(error: Error & { code?: string; syscall?: string }): void {
      const code = error.code ?? "EUNKNOWN";
      if (connected) return closed(`broke the connection (${code})`, error);
      const text = code === "ECONNREFUSED"
        ? "connection refused"
        // Deno, for a name that the program may not look up.
        : code === "EPERM" && error.syscall === "getaddrinfo"
        ? `the program may not look up ${host}; run it with --allow-net=${host}`
        : error.code ?? error.message;
      unreachable(code, text, error);
    }
    function onTimeout(): void {
      unreachable(
        "ETIMEDOUT",
        connected
          ? `connected, but nothing was answered within ${timeout} ms; ` +
            "something else may listen there, or the program that serves EPMD is stopped"
          : `no connection within ${timeout} ms`,
      );
    }
    function onAbort(): void {
      fail(signal?.reason);
    }
  });
}
