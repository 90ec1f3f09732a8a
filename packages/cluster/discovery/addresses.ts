/** Reads addresses of nodes, from options and from the answers of strategies, which may be anything. */

import type { PeerAddress } from "@otp/processes/remote/peer_address";
import { inspect, quote, shorten } from "@otp/processes/values/inspect";
import { isNodeName } from "@otp/processes/values/pid";

/** The maximum number of items to read of an answer. */
const MAX_READ = 100_000;

/** The maximum length of an address: a node's name and a host with a port. */
const MAX_LENGTH = 520;

const HOST =
  /^(?:\w(?:[\w.-]{0,251}\w)?|\[[\da-fA-F:.]{2,45}(?:%\w{1,16})?\])$/;

/** The addresses of an answer. */
export interface AddressAnswer {
  /** The valid addresses, by their text. */
  readonly targets: ReadonlyMap<string, PeerAddress>;
  /** The number of ignored addresses. */
  readonly ignored: number;
  /** Why addresses were ignored; `undefined` if none was. */
  readonly fault: string | undefined;
}

export function targetKey({ node = "", address = "" }: PeerAddress): string {
  return `${node} ${address}`;
}

export function hostAndPort(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Reads an address of a node. Throws a `TypeError` if `value` is invalid. */
export function readTarget(value: unknown): PeerAddress {
  if (typeof value === "string" && value.length <= MAX_LENGTH) {
    if (!value.includes("@")) return { node: undefined, address: at(value) };
    const both = /^([\w-]+@([^:@]+)):(\d+)$/.exec(value);
    if (both !== null) {
      return { node: named(both[1]), address: at(`${both[2]}:${both[3]}`) };
    }
    return { node: named(value), address: undefined };
  }
  if (typeof value === "object" && value !== null) {
    const { node, address } = value as { node?: unknown; address?: unknown };
    if (node !== undefined || address !== undefined) {
      return {
        node: node === undefined ? undefined : named(node),
        address: address === undefined ? undefined : at(address),
      };
    }
  }
  throw invalid(value);
}

function named(node: unknown): string {
  if (isNodeName(node)) return node;
  throw invalid(node);
}

function at(address: unknown): string {
  if (typeof address === "string" && address.length <= MAX_LENGTH) {
    const colon = address.lastIndexOf(":");
    const port = address.slice(colon + 1);
    const isPort = /^\d{1,5}$/.test(port) && +port >= 1 && +port <= 65535;
    if (isPort && HOST.test(address.slice(0, colon))) return address;
  }
  throw invalid(address);
}

function invalid(value: unknown): TypeError {
  const text = typeof value === "string"
    ? quote(shorten(value, 100))
    : shorten(inspect(value), 100);
  return new TypeError(
    `${text} is not the address of a node; give "kate@host", "10.0.0.1:4370", or { node, address }`,
  );
}

/**
 * Reads the answer of a strategy. Ignores invalid addresses, and addresses beyond `max`. Throws a `TypeError` if
 * `answer` is not a list.
 */
export function readAnswer(answer: unknown, max: number): AddressAnswer {
  if (!isIterable(answer)) {
    throw new TypeError(
      `it answered ${
        shorten(inspect(answer), 100)
      }, which is not a list of addresses; give ["kate@host", "10.0.0.1:4370"]`,
    );
  }
  const found = new Map<string, PeerAddress>();
  let read = 0;
  let invalid = 0;
  let fault: string | undefined;
  for (const item of answer) {
    if (++read > MAX_READ) break;
    try {
      const target = readTarget(item);
      found.set(targetKey(target), target);
    } catch (error) {
      invalid++;
      fault ??= (error as Error)?.message ?? "an address cannot be read";
    }
  }
  const over = Math.max(0, found.size - max);
  if (over > 0 || read > MAX_READ) {
    fault ??= `it named ${
      read > MAX_READ ? `more than ${MAX_READ}` : found.size
    } addresses, and ${max} are used (maxAddresses)`;
  }
  return {
    targets: over === 0 ? found : new Map([...found].sort(byKey).slice(0, max)),
    ignored: invalid + over,
    fault,
  };
}

/** Compares addresses by their text, so that the order of the answer does not matter. */
function byKey(
  [one]: [string, PeerAddress],
  [other]: [string, PeerAddress],
): number {
  return one < other ? -1 : 1;
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] ===
      "function";
}
