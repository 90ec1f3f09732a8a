/**
 * The strategies that ask the DNS: for addresses, and for services.
 *
 * By default the machine's own look-up resolves addresses: unlike a query, it knows the machine's search domains and
 * hosts file. A name that does not exist, or has no such records, is an empty answer.
 */

import { outside } from "@otp/processes/context/async_context";
import { hostAndPort } from "../addresses.ts";
import type {
  ClusterResolver,
  ClusterTarget,
  DnsSrvTopology,
  DnsTopology,
  SrvRecord,
} from "@otp/node/start/topology";
import { NotedAnswer, type Question } from "./poll.ts";
import { reasonText } from "./strategy.ts";

/** The maximum number of concurrent look-ups of services' hosts. */
const AT_ONCE = 16;

/** Asks for the addresses of a name. */
export function askDns({ query, port, node, resolver }: DnsTopology): Question {
  return async (signal) => {
    const found = await addressesOf(query, resolver, signal);
    if (found.length === 0) return nothingAt(query);
    return found.map((ip): ClusterTarget => ({
      node: node === undefined ? undefined : `${node}@${ip}`,
      address: port === undefined ? undefined : hostAndPort(ip, port),
    }));
  };
}

/** Asks for the services of a name, then for the addresses of their hosts. */
export function askDnsSrv(
  { query, node, resolver }: DnsSrvTopology,
  maxAddresses: number,
): Question {
  /** The last known addresses of hosts: they stay while a host cannot be looked up. */
  let known = new Map<string, string[]>();
  return async (signal) => {
    const records = await missingAsNone(
      resolver?.resolveSrv(query, { signal }) ?? outside(async () => {
        const { resolveSrv } = await import("node:dns/promises");
        return await resolveSrv(query);
      }),
    );
    if (records.length === 0) return nothingAt(query);
    // Sort the records, since the order of an answer must not matter.
    const services = records.map(serviceOf).sort(byText);
    const used = services.slice(0, maxAddresses);
    const ips = new Map<string, string[]>();
    const hosts = [...new Set(used.map(({ name }) => name))].values();
    let fault: string | undefined;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (const host of hosts) {
          // The answer is no longer wanted.
          if (signal.aborted) return;
          try {
            ips.set(host, await addressesOf(host, resolver, signal));
          } catch (error) {
            ips.set(host, known.get(host) ?? []);
            fault ??= `${host}: ${reasonText(error)}`;
          }
        }
      }),
    );
    signal.throwIfAborted();
    known = ips;
    const targets = used.flatMap(({ name, port }) =>
      ips.get(name)!.map((ip): ClusterTarget => ({
        node: node === undefined ? undefined : `${node}@${name}`,
        address: hostAndPort(ip, port),
      }))
    );
    if (services.length > used.length) {
      fault ??=
        `it named ${services.length} services, and ${used.length} are used (maxAddresses)`;
    }
    return fault === undefined ? targets : new NotedAnswer(targets, fault);
  };
}

function serviceOf({ name, port }: SrvRecord): SrvRecord {
  return { name: String(name).replace(/\.$/, ""), port };
}

function byText(one: SrvRecord, other: SrvRecord): number {
  return one.name === other.name
    ? one.port - other.port
    : one.name < other.name
    ? -1
    : 1;
}

async function addressesOf(
  name: string,
  resolver: ClusterResolver | undefined,
  signal: AbortSignal,
): Promise<string[]> {
  if (resolver === undefined) {
    const found = await missingAsNone(outside(async () => {
      const { lookup } = await import("node:dns/promises");
      return await lookup(name, { all: true });
    }));
    return found.map(({ address }) => address);
  }
  const found = await Promise.all([
    missingAsNone(resolver.resolve4(name, { signal })),
    missingAsNone(resolver.resolve6(name, { signal })),
  ]);
  return found.flat();
}

/** Returns the records, or an empty list if the DNS has none. */
async function missingAsNone<T>(records: Promise<T[]>): Promise<T[]> {
  try {
    return await records;
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === "ENOTFOUND" || code === "ENODATA") return [];
    throw error;
  }
}

function nothingAt(query: string): NotedAnswer {
  return new NotedAnswer([], `the DNS has no records of ${query}`);
}
