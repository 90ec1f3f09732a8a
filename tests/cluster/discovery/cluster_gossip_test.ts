/** Gossip: nodes that find each other by multicast, here over the loopback interface, and packets of others. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { createHmac, randomBytes } from "node:crypto";
import {
  decodeGossip,
  encodeGossip,
  GOSSIP_KEY,
} from "../../../packages/cluster/discovery/strategies/gossip.ts";
import { test } from "../../../packages/testing/tags.ts";
import {
  event,
  gossipGroup,
  SOON,
  topology,
  until,
  withOwn,
} from "./_clusters.ts";
import { chat } from "../../_cli.ts";
import { clusterTest, COOKIE, freePort } from "../../_nodes.ts";

/** Gossip in a group of its own: nodes of other tests run meanwhile. */
function ownGroup() {
  return { strategy: "gossip", ...gossipGroup(), interval: 50 } as const;
}

/** The key of nodes with a cookie. */
function keyOf(cookie: string): Uint8Array {
  return createHmac("sha256", cookie).update(
    `otp-distribution key for ${GOSSIP_KEY}`,
  ).digest();
}

clusterTest("gossip connects nodes of one cookie", async (nodes) => {
  const own = { ...ownGroup(), ...SOON };
  await withOwn(nodes, own, async () => {
    const options = { epmdPort: false, cluster: { own } } as const;
    const kate = await nodes.start("kate", options);
    const { address } = await event("connected", kate.name);
    assertEquals(address, `127.0.0.1:${kate.port}`);
    const { packets, strategy, lastError } = await topology("own");
    assert(packets!.authentic > 0);
    assertEquals([strategy, lastError], ["gossip", undefined]);
  }, { epmdPort: false });
});

clusterTest(
  "gossip of another cookie is forged, and logged once",
  async (nodes) => {
    const own = { ...ownGroup(), ...SOON };
    await withOwn(nodes, own, async () => {
      await nodes.start("kate", { cookie: "other", cluster: { own } });
      const { addresses, lastError } = await until(
        "own",
        ({ packets }) => packets!.forged > 3,
      );
      assertEquals([addresses, lastError], [[], undefined]);
      const warnings = nodes.lines().filter((line) => /^alex/.test(line));
      assertEquals(warnings.length, 1, warnings.join("\n"));
      assertMatch(
        warnings[0],
        /hears a node at 127\.0\.0\.1 with another cookie; start both nodes with the same cookie/,
      );
    });
  },
);

clusterTest("gossip tries to open its socket again", async (nodes) => {
  const own = { ...ownGroup(), interface: "192.0.2.77" };
  await withOwn(nodes, own, async () => {
    const { reason } = await event("strategy_failed");
    assertMatch(
      reason,
      /^gossip over 239\.255\.\d+\.\d+:\d+ on the interface 192\.0\.2\.77 failed: /,
    );
    const { lastErrorAt } = await topology("own");
    await until("own", (info) => info.lastErrorAt! > lastErrorAt!);
  });
});

test(
  "gossip without the permission for its port says so, and the program goes on",
  { tags: ["cli"], timeout: 60_000 },
  async () => {
    const code = `
    let topology;
    do {
      [topology] = (await Cluster.info()).topologies;
      await new Promise((resolve) => setTimeout(resolve, 10));
    } while (topology.lastError === undefined);
    console.log(topology.lastError);`;
    const { stdout, stderr, code: exit } = await chat(
      [
        "--sname=alex@localhost",
        "--cookie=c",
        `--epmd-port=${freePort()}`,
        "--cluster=gossip",
        "--eval",
        code,
      ],
      {
        permissions: [
          "--allow-net=127.0.0.1",
          "--allow-env=HOME",
          "--allow-read",
        ],
      },
    );
    assertEquals(exit, 0, stderr);
    assertMatch(
      stdout,
      /^gossip over .* failed: Requires net access to "0\.0\.0\.0:45894"/m,
    );
  },
);

test("a gossip packet has a name, a port, a time and a signature, and no cookie", () => {
  const content = {
    node: "alex@localhost",
    port: 4370,
    time: 1_800_000_000_000,
  };
  const key = keyOf(COOKIE);
  const packet = encodeGossip(content, key);
  assertEquals(packet.length, 5 + 8 + 2 + 14 + 32);
  assertEquals(decodeGossip(packet, key), content);
  assertEquals(decodeGossip(packet, keyOf("other")), "forged");
  for (
    const malformed of [
      new Uint8Array(0),
      new TextEncoder().encode("heartbeat::x".repeat(20)),
      randomBytes(1400),
      encodeGossip({ ...content, node: "no name" }, key),
      encodeGossip({ ...content, port: 0 }, key),
    ]
  ) assertEquals(decodeGossip(malformed, key), "malformed");
  for (let at = 0; at < packet.length; at++) {
    const changed = Uint8Array.from(packet);
    changed[at] ^= 0x80;
    assertEquals(typeof decodeGossip(changed, key), "string");
    assertEquals(typeof decodeGossip(packet.subarray(0, at), key), "string");
  }
});
