/**
 * The look-up of a host for one dial, which asks EPMD and dials the node at the same, checked address.
 *
 * A name may resolve to another address each time (DNS rebinding). So one dial resolves a name once, and when EPMD has
 * answered at an address, the node is dialled at that address only.
 */

import { lookup, type LookupAddress } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { mayConnectAnywhere } from "./host_permissions.ts";
import { isReachable, type Reach } from "../addresses/peer_place.ts";

/** Returns all addresses of a host. */
export type Resolve = (
  host: string,
  done: (error: Error | null, addresses: LookupAddress[]) => void,
) => void;

/** The addresses of one host, for one dial. */
export class HostLookup {
  readonly #host: string;
  readonly #nearest: Reach | undefined;
  readonly #resolve: Resolve;
  #addresses: LookupAddress[] | undefined;

  /** Looks a host up for a dial; with `nearest`, no address that is nearer is dialled. */
  constructor(
    host: string,
    nearest: Reach | undefined,
    resolve: Resolve = resolveBySystem,
  ) {
    this.#host = host;
    this.#nearest = nearest;
    this.#resolve = resolve;
  }

  /**
   * Checks a host that is an address. A name is checked when a socket looks it up. Throws an `Error` if it is nearer
   * than allowed.
   */
  check(host: string): void {
    if (isIP(host) !== 0 && !isReachable(host, this.#nearest)) {
      throw this.#tooNear(host);
    }
  }

  /**
   * The look-up function for a socket; `undefined` for a Deno program that may connect to some hosts only, as Deno then
   * allows the listed names of hosts, but not their addresses.
   */
  get option(): LookupFunction | undefined {
    return mayConnectAnywhere() ? this.#lookup : undefined;
  }

  /** Makes later look-ups return this address only. */
  keep(address: string): void {
    const family = isIP(address);
    if (family !== 0) this.#addresses = [{ address, family }];
  }

  readonly #lookup: LookupFunction = (_host, { all }, callback) => {
    const answer = (error: Error | null, addresses: LookupAddress[]) => {
      if (error !== null) return callback(error, []);
      const usable = addresses.filter(({ address }) =>
        isReachable(address, this.#nearest)
      );
      if (usable.length === 0) {
        return callback(this.#tooNear(addresses[0]?.address), []);
      }
      this.#addresses = usable;
      const [{ address, family }] = usable;
      if (all) callback(null, usable);
      else callback(null, address, family);
    };
    if (this.#addresses !== undefined) return answer(null, this.#addresses);
    this.#resolve(this.#host, answer);
  };

  #tooNear(address: string | undefined): Error {
    const what = address === this.#host || address === undefined
      ? this.#host
      : `${this.#host} is ${address}, which`;
    return new Error(
      `${what} is nearer to this node than the peer that named it; Node.connect() dials it all the same`,
    );
  }
}

function resolveBySystem(host: string, done: Parameters<Resolve>[1]): void {
  lookup(host, { all: true }, done);
}
