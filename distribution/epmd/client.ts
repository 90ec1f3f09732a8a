/**
 * Asks an EPMD: look-ups and the list of names.
 *
 * @module
 */

import { nameFault, type NodeEntry, toEntry, withWords } from "./entry.ts";
import { EpmdProtocolError, EpmdUnreachableError } from "./errors.ts";
import {
  type EpmdAddress,
  type Exchange,
  exchange,
  pause,
  runOutside,
  toTarget,
} from "./exchange.ts";
import {
  decodeLookupReply,
  decodeNamesReply,
  encodeRequest,
  EpmdFormatError,
  type NameEntry,
} from "./protocol.ts";

const LOOKUP_REPLY_CAP = 4 * 1024;
const NAMES_REPLY_CAP = 1024 * 1024;
/** The pause before a request is repeated, in milliseconds. */
const RETRY_PAUSE = 30;

/** Options of {@linkcode lookup} and {@linkcode names}. */
export interface EpmdClientOptions extends EpmdAddress {
  /**
   * The time in which to retry while EPMD does not answer, in milliseconds. A node that is itself registered
   * there sets this to about 1000: when the serving node has died, another is about to serve.
   *
   * @default 0
   */
  retryFor?: number;
  /**
   * How often to repeat a request whose connection was closed without an answer, besides: EPMD does so when it
   * has too many clients at once. Each pause is about twice the previous one. A number and not a time, since
   * the machine is slow when there are many clients.
   *
   * @default 0
   */
  repeats?: number;
  /** Gives up, rejecting with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Asks EPMD for a node.
 *
 * @param name The part of the node's name before `@`.
 * @param options Where EPMD is.
 * @returns The node, or `undefined` when EPMD answers that it has no such node.
 * @throws {EpmdUnreachableError} When EPMD does not answer.
 * @throws {EpmdProtocolError} When another program answers.
 * @throws {TypeError} When the name cannot be a node's.
 */
export function lookup(
  name: string,
  options: EpmdClientOptions,
): Promise<NodeEntry | undefined> {
  return runOutside(options, async () => {
    const fault = nameFault(name);
    const what = `look up ${JSON.stringify(name)}`;
    if (fault !== undefined) throw new TypeError(`Cannot ${what}: ${fault}`);
    const found = await ask(options, {
      what,
      request: encodeRequest({ type: "lookup", name }),
      parse: (bytes) => {
        const reply = decodeLookupReply(bytes);
        if (reply?.found !== undefined && reply.found.name !== name) {
          throw new EpmdFormatError("it answered with another name");
        }
        return reply;
      },
      cap: LOOKUP_REPLY_CAP,
      signal: options.signal,
    });
    if (found.found === undefined) return undefined;
    const entry = toEntry(found.found);
    // The proof of an owner is between the node and EPMD.
    return { ...entry, extra: withWords(entry.extra, { owner: undefined }) };
  });
}

/**
 * Asks EPMD for all nodes that are registered.
 *
 * @param options Where EPMD is.
 * @returns Names, without host, and ports.
 * @throws {EpmdUnreachableError} When EPMD does not answer.
 * @throws {EpmdProtocolError} When another program answers.
 */
export function names(options: EpmdClientOptions): Promise<NameEntry[]> {
  return runOutside(options, () =>
    ask(options, {
      what: "list the registered names",
      request: encodeRequest({ type: "names" }),
      parse: decodeNamesReply,
      whole: true,
      cap: NAMES_REPLY_CAP,
      signal: options.signal,
    }));
}

async function ask<T>(
  options: EpmdClientOptions,
  request: Exchange<T>,
): Promise<T> {
  const target = toTarget(options);
  const { retryFor = 0, repeats = 0, signal } = options;
  const until = performance.now() + retryFor;
  let closed = 0;
  for (;;) {
    let wait: number;
    try {
      const { answer, socket } = await exchange(target, request);
      socket.destroy();
      return answer;
    } catch (error) {
      const wasClosed = isClosed(error);
      if (!wasClosed && !isRefused(error)) throw error;
      const isOver = performance.now() >= until;
      if (isOver && !(wasClosed && closed < repeats)) throw error;
      wait = wasClosed ? backoff(closed++) : RETRY_PAUSE;
    }
    await pause(wait, signal);
  }
}

/** At random, since the other clients try again, too. */
function backoff(repeats: number): number {
  return RETRY_PAUSE * 2 ** Math.min(repeats, 5) * (1 + Math.random());
}

function isRefused(error: unknown): boolean {
  return error instanceof EpmdUnreachableError && error.code === "ECONNREFUSED";
}

/** Whether a program was reached, and closed the connection without an answer. */
function isClosed(error: unknown): boolean {
  return error instanceof EpmdProtocolError && error.reason === "closed" ||
    error instanceof EpmdUnreachableError && error.code === "ECONNRESET";
}
