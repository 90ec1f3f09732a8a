/**
 * Clusters of hosts with addresses of their own, and with a real DNS server: they start in any order, are cut off,
 * heal, and are replaced by hosts with other addresses.
 */

import { assertEquals } from "@std/assert";
import type { Topology } from "../../../packages/cluster/discovery/cluster.ts";
import type { NodeOptions } from "../../../node.ts";
import { test } from "../../../packages/testing/tags.ts";
import { outputOf } from "../../_child.ts";
import { addressOfHost, type HostNode, HOSTS, Hosts } from "../../_hosts.ts";

const OPTIONS = { programs: HOSTS, tags: ["slow"], timeout: 240_000 };

/** Delays and intervals for tests. */
// safe: a strategy that gives no answer in time is asked again
const FAST = { minDelay: 50, maxDelay: 500, interval: 300, timeout: 2000 };

/** A kind of cluster. */
interface Kind {
  strategy: Topology;
  /** The name of a node on a host. */
  nameOn: (name: string, host: number) => string;
  options: Partial<NodeOptions>;
  /** Whether the others need the first host to find each other. */
  hasSeed?: boolean;
}

const WITHOUT_EPMD: Partial<NodeOptions> = { epmdPort: false };

const KINDS: Record<string, Kind> = {
  "the addresses of a name, without EPMD": {
    strategy: { strategy: "dns", query: "web.test", port: 4370, ...FAST },
    nameOn: (name) => `${name}@cluster`,
    options: WITHOUT_EPMD,
  },
  "the addresses of a name, with EPMD": {
    strategy: { strategy: "dns", query: "web.test", node: "web", ...FAST },
    nameOn: (_name, host) => `web@${addressOfHost(host)}`,
    options: {},
  },
  "the services of a name, without EPMD": {
    strategy: { strategy: "dnsSrv", query: "_otp._tcp.test", ...FAST },
    nameOn: (name) => `${name}@cluster`,
    options: WITHOUT_EPMD,
  },
  "one fixed address, without EPMD": {
    // The peers introduce each other, with their addresses.
    strategy: {
      strategy: "static",
      nodes: [`${addressOfHost(1)}:4370`],
      minDelay: 50,
      maxDelay: 500,
    },
    nameOn: (name) => `${name}@cluster`,
    options: WITHOUT_EPMD,
    hasSeed: true,
  },
  "gossip, without EPMD": {
    strategy: {
      strategy: "gossip",
      interval: 300,
      forgetAfter: 3000,
      minDelay: 50,
      maxDelay: 500,
    },
    nameOn: (name) => `${name}@cluster`,
    options: WITHOUT_EPMD,
  },
};

/** Sets what the DNS knows of the hosts of the cluster. */
async function announce(hosts: Hosts, ...web: number[]): Promise<void> {
  const names = Object.fromEntries(web.map((host) => [`web-${host}`, [host]]));
  const services = Object.fromEntries(web.map((host) => [`web-${host}`, 4370]));
  await hosts.dns({ web, ...names }, services);
}

async function eachSeesAll(...nodes: HostNode[]): Promise<void> {
  await Promise.all(
    nodes.map((node) => node.becomes(...nodes.filter((each) => each !== node))),
  );
}

for (
  const [what, { strategy, nameOn, options, hasSeed }] of Object.entries(KINDS)
) {
  test(
    `three hosts form a cluster by ${what}: in any order, cut, healed, one replaced`,
    OPTIONS,
    async () => {
      await using hosts = await Hosts.make(4);
      const start = (name: string, host: number) =>
        hosts.start(host, {
          name: nameOn(name, host),
          cluster: { web: strategy },
          ...options,
        });

      // The second host starts first, before there is a DNS server; then the third, and the first at last.
      const kate = start("kate", 2);
      await kate.becomes();
      const mia = start("mia", 3);
      await mia.becomes();
      await announce(hosts, 1, 2, 3);
      if (!hasSeed) await eachSeesAll(kate, mia);
      const alex = start("alex", 1);
      await eachSeesAll(alex, kate, mia);

      // A host is cut off: nothing arrives, so that only the silence tells.
      await hosts.cut(3);
      await mia.becomes();
      await eachSeesAll(alex, kate);
      await hosts.cut(3, false);
      await eachSeesAll(alex, kate, mia);

      // The third host dies; its node is started elsewhere, under the same name if that has no address.
      await mia[Symbol.asyncDispose]();
      await eachSeesAll(alex, kate);
      await announce(hosts, 1, 2, 4);
      const next = start("mia", 4);
      await eachSeesAll(alex, kate, next);

      // All lose the DNS server, and then one of them its connections: the addresses stay.
      await hosts.stopDns();
      await hosts.cut(1);
      await alex.becomes();
      await hosts.cut(1, false);
      await eachSeesAll(alex, kate, next);
    },
  );
}

test("hosts of a test that still runs stay when another test makes its own", {
  programs: HOSTS,
}, async () => {
  const ip = (...args: string[]) => outputOf("ip", { args });
  const running = `otp-${Deno.ppid}-stays`;
  const ended = `otp-${await pidOfEnded()}-goes`;
  try {
    for (const name of [running, ended]) await ip("netns", "add", name);
    await using _hosts = await Hosts.make(1);
    const { stdout } = await ip("netns");
    const left = [running, ended].map((name) => stdout.includes(name));
    assertEquals(left, [true, false]);
  } finally {
    await ip("netns", "del", running);
  }
});

/** The number of a process that has ended. */
async function pidOfEnded(): Promise<number> {
  const child = new Deno.Command("ip", { args: ["-V"], stdout: "null" })
    .spawn();
  await child.status;
  return child.pid;
}
