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
  const until = performance.now() + (options.retryFor ?? 0);
  for (;;) {
    try {
      const { answer, socket } = await exchange(target, request);
      socket.destroy();
      return answer;
    } catch (error) {
      if (!isGap(error) || performance.now() >= until) throw error;
    }
    await pause(RETRY_PAUSE, options.signal);
  }
}

/** Whether an error is typical of the gap between the death of one serving node and the start of the next. */
function isGap(error: unknown): boolean {
  return error instanceof EpmdUnreachableError &&
      ["ECONNREFUSED", "ECONNRESET"].includes(error.code) ||
    error instanceof EpmdProtocolError && error.reason === "closed";
}
