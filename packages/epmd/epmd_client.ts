/** Asks an EPMD: look-ups and the list of names. */

import type { LookupFunction } from "node:net";
import type { NameEntry, Registration } from "./entry.ts";
import { isClosed, isRefused } from "./epmd_errors.ts";
import {
  type EpmdAddress,
  type EpmdTarget,
  type Exchange,
  exchange,
  pause,
  toTarget,
} from "./exchange.ts";
import {
  decodeLookupReply,
  decodeNamesReply,
  encodeRequest,
  EpmdFormatError,
} from "./epmd_protocol.ts";

const LOOKUP_REPLY_CAP = 4 * 1024;
const NAMES_REPLY_CAP = 1024 * 1024;
/** The pause before a request is repeated, in milliseconds. */
const RETRY_PAUSE = 30;
/**
 * The number of requests that a program sends to one EPMD at a time; others wait. A served EPMD keeps 256
 * connections, and closes one for each further one: so 32 programs whose nodes all dial at once are answered at once.
 */
const AT_ONCE = 8;

/** The requests of this program to one EPMD. */
interface Line {
  atOnce: number;
  /** Requests that wait for their turn, in order. */
  readonly waiting: Set<() => void>;
}

/** By address. */
const lines = new Map<string, Line>();

/** Options of {@linkcode lookup} and {@linkcode names}. */
export interface EpmdClientOptions extends EpmdAddress {
  /**
   * The time in which to retry while nothing listens there, in milliseconds: when the serving node has died, another
   * is about to serve.
   */
  retryFor?: number;
  /**
   * How often to repeat a request whose connection EPMD closed without an answer, as it does when it has too many
   * clients. Each pause is about twice the previous one. A number and not a time, as many clients slow the machine.
   */
  repeats?: number;
  /** Gives up, rejecting with the signal's reason. */
  signal?: AbortSignal;
  /** Resolves the host, instead of the system. */
  find?: LookupFunction;
  /** Called with the address at which EPMD has answered. */
  answered?: (address: string) => void;
}

/**
 * Asks EPMD for the node of a name, without its host; returns `undefined` if none is registered. Throws an
 * `EpmdUnreachableError` if EPMD does not answer, and an `EpmdProtocolError` if another program answers.
 */
export async function lookup(
  name: string,
  options: EpmdClientOptions,
): Promise<Registration | undefined> {
  const { found } = await ask(options, {
    what: `look up ${JSON.stringify(name)}`,
    request: encodeRequest({ type: "lookup", name }),
    parse: (bytes) => {
      const reply = decodeLookupReply(bytes);
      if (reply?.found !== undefined && reply.found.name !== name) {
        throw new EpmdFormatError("it answered with another name");
      }
      return reply;
    },
    cap: LOOKUP_REPLY_CAP,
  });
  return found;
}

/**
 * Asks EPMD for all registered nodes: their names, without hosts, and ports. Throws an `EpmdUnreachableError` if EPMD
 * does not answer, and an `EpmdProtocolError` if another program answers.
 */
export function names(options: EpmdClientOptions): Promise<NameEntry[]> {
  return ask(options, {
    what: "list the registered names",
    request: encodeRequest({ type: "names" }),
    parse: decodeNamesReply,
    whole: true,
    cap: NAMES_REPLY_CAP,
  });
}

async function ask<T>(
  options: EpmdClientOptions,
  request: Exchange<T>,
): Promise<T> {
  const target = toTarget(options);
  const { retryFor = 0, repeats = 0, signal, find } = options;
  const until = performance.now() + retryFor;
  let closed = 0;
  for (;;) {
    let wait: number;
    try {
      return await inTurn(target, signal, async () => {
        const { answer, socket } = await exchange(target, {
          ...request,
          signal,
          find,
        });
        options.answered?.(socket.remoteAddress ?? "");
        socket.destroy();
        return answer;
      });
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

/** Sends a request when there are not too many at once; the signal ends the wait. */
async function inTurn<T>(
  { host, port }: EpmdTarget,
  signal: AbortSignal | undefined,
  send: () => Promise<T>,
): Promise<T> {
  const place = `${host}:${port}`;
  const line = lines.get(place) ?? { atOnce: 0, waiting: new Set() };
  lines.set(place, line);
  if (line.atOnce < AT_ONCE) line.atOnce++;
  else await turnIn(line, signal);
  try {
    return await send();
  } finally {
    const [next] = line.waiting;
    // Hand the place over to the next request.
    if (next !== undefined) next();
    else if (--line.atOnce === 0) lines.delete(place);
  }
}

function turnIn(
  { waiting }: Line,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    waiting.add(proceed);
    signal?.addEventListener("abort", abort, { once: true });
    function proceed(): void {
      waiting.delete(proceed);
      signal?.removeEventListener("abort", abort);
      resolve();
    }
    function abort(): void {
      waiting.delete(proceed);
      reject(signal?.reason);
    }
  });
}

/** Returns a random pause, since other clients try again, too. */
function backoff(repeats: number): number {
  return RETRY_PAUSE * 2 ** Math.min(repeats, 5) * (1 + Math.random());
}
