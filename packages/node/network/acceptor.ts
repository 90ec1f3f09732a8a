/** Accepted connections whose diallers have not authenticated yet. */

import { Buffer } from "node:buffer";
import { isIP } from "node:net";
import { quote } from "@otp/processes/values/inspect";
import type { UpHandler } from "./dial_routes.ts";
import { Repeats } from "@otp/processes/log/repeats";
import { runHandshake } from "../connections/handshake.ts";
import type { NetworkParts } from "../connections/network_parts.ts";
import {
  type CrossingRule,
  HandshakeError,
  type Local,
  NOT_ADMITTED,
  type RefusalCause,
  type Session,
  type Transport,
  type Wire,
  type WireName,
} from "../wire.ts";

/** The time for which a pending handshake keeps its place, in milliseconds. */
const GRACE = 1000;

/** With more connections than this factor times `maxHalfOpen`, a pending handshake of any age can lose its place. */
const HARD = 8;

/** The causes of refusals that last until someone changes a node: their repeats are held back. */
const LASTING: RefusalCause[] = ["cookie", "version", "tls", "erlang"];

/** The number of refusals whose repeats are held back. */
const MAX_LASTING = 100;

interface HalfOpen {
  readonly attempt: AbortController;
  /** The prefixes of its address, the shortest first. */
  readonly prefixes: readonly string[];
  readonly since: number;
  /** Whether the dialler has sent the beginning of a valid first frame. */
  hasSpoken: boolean;
}

type AcceptorParts = Pick<
  NetworkParts,
  "runtime" | "local" | "wires" | "stats" | "log"
>;

/**
 * Runs the handshake of each incoming connection. Unauthenticated connections get little time each, and few places
 * together.
 */
export class Acceptor {
  readonly #parts: AcceptorParts;
  readonly #up: UpHandler;
  /** The unauthenticated connections, oldest first. */
  readonly #waiting = new Map<Transport, HalfOpen>();
  readonly #refusals: Repeats;
  #stopped = false;

  /** Creates an acceptor without connections. */
  constructor(parts: AcceptorParts, up: UpHandler) {
    this.#parts = parts;
    this.#up = up;
    this.#refusals = new Repeats(parts.runtime.clock, MAX_LASTING);
  }

  /** The number of unauthenticated connections. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Closes all unauthenticated connections, and all new ones. */
  stop(): void {
    this.#stopped = true;
    for (const { attempt } of this.#waiting.values()) {
      attempt.abort(new HandshakeError("refused", "the node stops"));
    }
  }

  /** Accepts a connection. */
  accept(transport: Transport): void {
    if (this.#stopped) return transport.destroy();
    const { runtime, local, stats } = this.#parts;
    const { limits } = local;
    stats.accepted++;
    const attempt = new AbortController();
    const waiting = {
      attempt,
      prefixes: prefixesOf(hostOf(transport.remote)),
      since: runtime.clock.now(),
      hasSpoken: false,
    };
    let wire: WireName;
    this.#waiting.set(transport, waiting);
    if (this.#waiting.size > limits.maxHalfOpen) this.#makeRoom();
    const stopTimer = runtime.deadlines.after(limits.handshakeTimeout, () => {
      attempt.abort(
        new HandshakeError(
          "timeout",
          `it did not get in within ${limits.handshakeTimeout} ms`,
        ),
      );
    });
    runHandshake(transport, attempt.signal, async () => {
      const { wire: found, first } = await this.#sniff(transport);
      waiting.hasSpoken = true;
      wire = found.name;
      return await accept(found, transport, first, local);
    }).finally(() => {
      stopTimer();
      this.#waiting.delete(transport);
    }).then(
      (session) => {
        if (session !== undefined) {
          return this.#up(session, transport, { wire, address: undefined });
        }
        stats.asked++;
        transport.end();
      },
      (error) => this.#refused(transport, error),
    );
  }

  /**
   * Closes the oldest connection of the network that has most connections: closing the newest one would keep peers
   * out while an attacker holds all places. A handshake that has begun may finish, as many peers can dial at once; the
   * other peers dial again.
   */
  #makeRoom(): void {
    const { runtime, local: { limits } } = this.#parts;
    const late = runtime.clock.now() - GRACE;
    const { size } = this.#waiting;
    const isTooMany = size > HARD * limits.maxHalfOpen;
    const crowd = largestNetwork([...this.#waiting]);
    const first = crowd.find(([, { since, hasSpoken }]) =>
      isTooMany || !hasSpoken || since <= late
    );
    if (first === undefined) return;
    const [transport, { attempt }] = first;
    this.#waiting.delete(transport);
    attempt.abort(
      new HandshakeError(
        "refused",
        `${
          size - 1
        } connections were not in yet when another one came, and it had to make room (limits.maxHalfOpen)`,
        "halfOpen",
      ),
    );
  }

  #refused(transport: Transport, error: Error): void {
    if (this.#stopped) return;
    const { stats, log } = this.#parts;
    const known = error instanceof HandshakeError ? error : undefined;
    const counted = known?.counted ?? "protocol";
    stats.refused[counted]++;
    const { remote } = transport;
    const more = LASTING.includes(counted)
      ? this.#refusals.take(`${hostOf(remote)}: ${error.message}`)
      : "";
    log(
      counted === "alive" || more === undefined ? "debug" : "warning",
      () => `Refused a connection from ${remote}: ${error.message}${more}`,
      { what: `connections refused (${counted})` },
    );
  }

  #sniff(
    transport: Transport,
  ): Promise<{ wire: Wire; first: () => Uint8Array }> {
    const { promise, resolve, reject } = Promise.withResolvers<
      { wire: Wire; first: () => Uint8Array }
    >();
    const { wires } = this.#parts;
    let first: Uint8Array = new Uint8Array();
    let found: Wire | undefined;
    transport.start({
      drained: () => {},
      closed: (error) =>
        reject(
          error instanceof HandshakeError ? error : new HandshakeError(
            "protocol",
            "it closed before it said a word",
            "closed",
          ),
        ),
      bytes: (chunk) => {
        first = Buffer.concat([first, chunk]);
        // More bytes may arrive before the wire takes over.
        if (found !== undefined) return;
        const isSecure = transport.binding !== undefined;
        const answers = wires.map((wire) => wire.sniff(first, isSecure));
        found = wires[answers.indexOf(true)];
        if (found !== undefined) resolve({ wire: found, first: () => first });
        else if (!answers.includes(undefined)) {
          reject(unknownBytes(first, isSecure, wires));
        }
      },
    });
    return promise;
  }
}

/** Lets a wire accept a dialler, if its certificate is valid for its name. */
async function accept(
  wire: Wire,
  transport: Transport,
  first: () => Uint8Array,
  local: Local,
): Promise<Session | undefined> {
  let mismatch: string | undefined;
  const admit = (name: string, rule: CrossingRule) => {
    mismatch = transport.mismatch?.(name);
    return mismatch === undefined ? local.admit(name, rule) : NOT_ADMITTED;
  };
  try {
    return await wire.accept(transport, first, { ...local, admit });
  } catch (error) {
    if (mismatch === undefined) throw error;
    throw new HandshakeError("refused", mismatch);
  }
}

/**
 * Returns the connections of the largest network: the largest one by the shortest prefix, in it the largest one by the
 * next prefix, and so on. Of networks of equal size, the network of the oldest connection is chosen.
 */
function largestNetwork(all: [Transport, HalfOpen][]): [Transport, HalfOpen][] {
  const levels = Math.max(...all.map(([, { prefixes }]) => prefixes.length));
  let crowd = all;
  for (let level = 0; level < levels; level++) {
    let largest: [Transport, HalfOpen][] = [];
    const groups = Map.groupBy(crowd, ([, { prefixes }]) => prefixes[level]);
    for (const group of groups.values()) {
      if (group.length > largest.length) largest = group;
    }
    crowd = largest;
  }
  return crowd;
}

function hostOf(remote: string): string {
  return remote.slice(0, remote.lastIndexOf(":"));
}

function unknownBytes(
  first: Uint8Array,
  isSecure: boolean,
  wires: readonly Wire[],
): HandshakeError {
  const text = new TextDecoder("latin1").decode(first.subarray(0, 16));
  let counted: RefusalCause = "protocol";
  let what = `bytes that no node sends (${quote(text)})`;
  const speaks = (name: WireName) => wires.some((wire) => wire.name === name);
  if (/^(GET|POST|PUT|HEAD|OPTIONS|DELETE|PATCH|CONNECT|PRI) /.test(text)) {
    counted = "http";
    what = "an HTTP client on a node's port";
  } else if (first[0] === 0x16 && first[1] === 0x03) {
    counted = "tls";
    what =
      "a TLS client on a plain port: start this node with TLS too (--tls-cert, --tls-key and --tls-ca), or that one without";
  } else if (!speaks("beam") && /[Nn]/.test(text[isSecure ? 4 : 2] ?? "")) {
    counted = "erlang";
    what =
      "an Erlang node, whose wire is not spoken here: add it with --wire beam (wires)";
  } else if (!speaks("json") && /^\0\0..{/s.test(text)) {
    what =
      "a node that speaks the JSON wire, which is not spoken here: add it with --wire json (wires)";
  }
  return new HandshakeError("protocol", what, counted);
}

/** The number of 16-bit groups in each prefix of an IPv6 address: /32, /48 and /64. */
const GROUPS = [2, 3, 4];

/**
 * Returns the prefixes of an address, the shortest first: /8, /16, /24 and /32 of IPv4, /32, /48 and /64 of IPv6.
 * One customer usually has a /64 at least, so longer prefixes of IPv6 distinguish nobody. Anything else, like the name
 * of a thread, is its own prefix.
 */
export function prefixesOf(host: string): string[] {
  const address = host.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
  const kind = isIP(address);
  if (kind === 4) {
    const bytes = address.split(".");
    return bytes.map((_, i) => bytes.slice(0, i + 1).join("."));
  }
  if (kind !== 6) return [host];
  const groups = groupsOf(address);
  return GROUPS.map((count) => `${groups.slice(0, count).join(":")}:`);
}

/** Returns the first four groups of a valid IPv6 address, without leading zeros. */
function groupsOf(address: string): string[] {
  const [head, tail] = address.toLowerCase().split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  // An IPv4 address at the end takes two groups.
  const size = (parts: string[]) =>
    parts.length + (parts.at(-1)?.includes(".") ? 1 : 0);
  const zeros = tail === undefined ? 0 : 8 - size(before) - size(after);
  return [...before, ...Array<string>(zeros).fill("0"), ...after]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""));
}
