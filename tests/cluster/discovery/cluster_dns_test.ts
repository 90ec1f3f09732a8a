/** Clusters that ask the DNS or EPMD, with resolvers of the tests' own. `cluster_hosts_test.ts` has a real one. */

import { assertEquals, assertMatch } from "@std/assert";
import type {
  ClusterResolver,
  SrvRecord,
} from "../../../packages/cluster/discovery/cluster.ts";
import { clusterTest } from "../../_nodes.ts";
import {
  connected,
  event,
  FAST,
  ONCE,
  topology,
  until,
  withOwn,
} from "./_clusters.ts";

const QUERY = "web.example";

/** A topology of a DNS name. */
const DNS = { strategy: "dns", query: QUERY, port: 4370, ...FAST } as const;

/** A DNS in memory. An `Error` among the records is the outcome of the query. */
class FakeDns implements ClusterResolver {
  a: Record<string, string[] | Error> = {};
  aaaa: Record<string, string[] | Error> = {};
  srv: Record<string, SrvRecord[] | Error> = {};

  resolve4(name: string): Promise<string[]> {
    return recordsOf(this.a[name]);
  }

  resolve6(name: string): Promise<string[]> {
    return recordsOf(this.aaaa[name]);
  }

  resolveSrv(name: string): Promise<SrvRecord[]> {
    return recordsOf(this.srv[name]);
  }
}

function recordsOf<T>(records: T[] | Error | undefined): Promise<T[]> {
  if (records === undefined) return Promise.reject(failure("ENOTFOUND"));
  return records instanceof Error
    ? Promise.reject(records)
    : Promise.resolve(records);
}

/** Waits until the topology has been answered. */
function answered() {
  return until("own", ({ lastAnswer }) => lastAnswer !== undefined);
}

/** Waits until the topology reports an error. */
function failed() {
  return until("own", ({ lastError }) => lastError !== undefined);
}

function failure(code: string): Error {
  return Object.assign(new Error(`query ${code}`), { code });
}

clusterTest("dns dials A and AAAA records, and follows", async (nodes) => {
  const kate = await nodes.start("kate", { epmdPort: false });
  const resolver = new FakeDns();
  resolver.a[QUERY] = ["127.0.0.1"];
  const own = { ...DNS, port: kate.port, resolver };
  await withOwn(nodes, own, async () => {
    await connected();
    resolver.aaaa[QUERY] = ["2001:db8::1"];
    assertEquals(
      (await event("added", `[2001:db8::1]:${kate.port}`)).node,
      undefined,
    );
    delete resolver.a[QUERY];
    const { address, node } = await event("removed");
    assertEquals([address, node], [`127.0.0.1:${kate.port}`, kate.name]);
  }, { epmdPort: false });
});

clusterTest("dns with node names nodes by their address", async (nodes) => {
  const resolver = new FakeDns();
  resolver.a[QUERY] = ["127.0.0.1"];
  const own = { ...DNS, port: undefined, node: "kate", resolver };
  await nodes.start("kate@127.0.0.1");
  await withOwn(nodes, own, async () => {
    await connected();
    const { addresses: [{ node }] } = await topology("own");
    assertEquals(node, "kate@127.0.0.1");
  }, { name: "alex@127.0.0.1" });
});

clusterTest("dns that fails keeps its addresses", async (nodes) => {
  const resolver = new FakeDns();
  resolver.a[QUERY] = ["10.0.0.1"];
  const own = { ...DNS, ...ONCE, resolver };
  await withOwn(nodes, own, async () => {
    await until("own", ({ addresses }) => addresses.length === 1);
    resolver.a[QUERY] = failure("ESERVFAIL");
    assertEquals((await event("strategy_failed")).reason, "query ESERVFAIL");
    assertEquals((await topology("own")).addresses.length, 1);
    delete resolver.a[QUERY];
    await event("removed");
    const { lastError, addresses } = await topology("own");
    assertEquals(addresses, []);
    assertEquals(lastError, "the DNS has no records of web.example");
  });
});

clusterTest("dns cuts 10,000 records to the same ones", async (nodes) => {
  const resolver = new FakeDns();
  const addressOf = (_: unknown, i: number) => `10.1.${i >> 8}.${i % 256}`;
  const all = Array.from({ length: 10_000 }, addressOf);
  resolver.a[QUERY] = all;
  const own = { ...DNS, ...ONCE, resolver, maxAddresses: 50, maxDials: 1 };
  await withOwn(nodes, own, async () => {
    const { ignored, lastError, addresses } = await answered();
    assertEquals([ignored, addresses.length], [9950, 50]);
    assertMatch(
      lastError!,
      /it named 10000 addresses, and 50 are used \(maxAddresses\)/,
    );
    resolver.a[QUERY] = [...all.slice(5000), ...all.slice(0, 5000)];
    const last = (await topology("own")).lastAnswer;
    const after = await until(
      "own",
      ({ lastAnswer }) => lastAnswer! > last! + 1,
    );
    const addressesOf = (each: typeof addresses) =>
      each.map(({ address }) => address);
    assertEquals(addressesOf(after.addresses), addressesOf(addresses));
  });
});

clusterTest("dnsSrv dials the hosts and ports", async (nodes) => {
  const kate = await nodes.start("kate", { epmdPort: false });
  const resolver = new FakeDns();
  resolver.srv[QUERY] = [{ name: "one.example.", port: kate.port }];
  resolver.a["one.example"] = ["127.0.0.1"];
  const own = { strategy: "dnsSrv", query: QUERY, resolver, ...FAST } as const;
  await withOwn(nodes, own, async () => {
    await connected();
    // A host that cannot be looked up keeps its addresses, and does not hold up others.
    resolver.a["one.example"] = failure("ETIMEOUT");
    resolver.a["two.example"] = ["10.0.0.2"];
    resolver.srv[QUERY] = [
      { name: "one.example", port: kate.port },
      { name: "two.example", port: 4371 },
    ];
    await event("added", "10.0.0.2:4371");
    const { addresses, lastError } = await topology("own");
    assertEquals(
      addresses.map(({ address }) => address),
      [`127.0.0.1:${kate.port}`, "10.0.0.2:4371"],
    );
    assertMatch(lastError!, /one.example: query ETIMEOUT/);
  }, { epmdPort: false });
});

clusterTest("dnsSrv cuts 10,000 services first", async (nodes) => {
  const resolver = new FakeDns();
  resolver.srv[QUERY] = Array.from(
    { length: 10_000 },
    (_, i) => ({ name: `h${i}.example`, port: 4370 }),
  );
  let lookups = 0;
  resolver.resolve4 = () => {
    lookups++;
    return Promise.resolve(["10.0.0.1"]);
  };
  const own = {
    strategy: "dnsSrv",
    query: QUERY,
    resolver,
    maxAddresses: 20,
    interval: 3_600_000,
    ...ONCE,
  } as const;
  await withOwn(nodes, own, async () => {
    const { lastError, addresses } = await answered();
    assertMatch(lastError!, /it named 10000 services, and 20 are used/);
    assertEquals([lookups, addresses.length], [20, 1]);
  });
});

/** Records that no DNS has, and what is reported. */
const HOSTILE: [name: string, records: unknown, says: RegExp][] = [
  ["is no list", 7, /found.*|not iterable|is not a function/],
  [
    "has texts that are no addresses",
    ["a b", "..", "\u001b[31m"],
    /is not the address of a node/,
  ],
  ["has values that are no texts", [null, {}, 1], /./],
];

for (const [name, records, says] of HOSTILE) {
  clusterTest(`a DNS answer that ${name} is reported`, async (nodes) => {
    const resolver = new FakeDns();
    resolver.resolve4 = () => Promise.resolve(records as string[]);
    const own = { ...DNS, ...ONCE, resolver };
    await withOwn(nodes, own, async () => {
      const { lastError, addresses } = await failed();
      assertMatch(lastError!, says);
      assertEquals(addresses, []);
    });
  });
}

// EPMD.

const EPMD = { strategy: "epmd", hosts: ["localhost"], ...FAST } as const;

clusterTest("epmd dials the nodes of its hosts", async (nodes) => {
  const kate = await nodes.start("kate");
  await nodes.start("remsh-1-kate");
  await withOwn(nodes, EPMD, async (alex) => {
    await until(
      "own",
      ({ addresses }) =>
        addresses.some(({ node, state }) =>
          node === kate.name && state === "connected"
        ),
    );
    await nodes.start("mia");
    await event("connected", "mia@localhost");
    const { addresses } = await topology("own");
    assertEquals(addresses.map(({ node, state }) => [node, state]).sort(), [
      [alex.name, "self"],
      [kate.name, "connected"],
      ["mia@localhost", "connected"],
    ]);
    await kate.stop();
    assertEquals((await event("removed")).node, kate.name);
  });
});

clusterTest("epmd leaves out what its filter does", async (nodes) => {
  await nodes.start("kate");
  await nodes.start("other");
  const filter = (node: string) => node.startsWith("kate");
  const own = { ...EPMD, filter };
  await withOwn(nodes, own, async () => {
    const { addresses } = await answered();
    assertEquals(addresses.map(({ node }) => node), ["kate@localhost"]);
  });
});

clusterTest("the strategy epmd without EPMD says so", async (nodes) => {
  await withOwn(nodes, EPMD, async () => {
    const { lastError } = await failed();
    assertEquals(lastError, "this node does not use EPMD (epmdPort: false)");
  }, { epmdPort: false });
});
