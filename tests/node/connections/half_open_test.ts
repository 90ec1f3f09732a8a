/** Connections before their handshake: how networks share the places. */

import { assert, assertEquals } from "@std/assert";
import {
  Acceptor,
  prefixesOf,
} from "../../../packages/node/network/acceptor.ts";
import { newConnectionStats } from "../../../packages/node/connections/statistics.ts";
import {
  DEFAULT_LIMITS,
  type Local,
  type Transport,
  type TransportHandlers,
} from "../../../packages/node/wire.ts";
import type { NodeRuntime } from "../../../packages/processes/runtime/node_runtime.ts";
import { test } from "../../../packages/testing/tags.ts";
import { numbersIn } from "../../_pages.ts";

Deno.test("prefixesOf() counts IPv4 by /8 to /32, and IPv6 by /32 to /64", () => {
  for (
    const [address, ...prefixes] of [
      ["10.1.2.3", "10", "10.1", "10.1.2", "10.1.2.3"],
      ["::ffff:10.1.2.3", "10", "10.1", "10.1.2", "10.1.2.3"],
      ["2001:DB8:0a:b:1:2:3:4", "2001:db8:", "2001:db8:a:", "2001:db8:a:b:"],
      ["2001:db8:a:b::", "2001:db8:", "2001:db8:a:", "2001:db8:a:b:"],
      ["2001:db8::1", "2001:db8:", "2001:db8:0:", "2001:db8:0:0:"],
      ["fe80::1%eth0", "fe80:0:", "fe80:0:0:", "fe80:0:0:0:"],
      ["64:ff9b::1.2.3.4", "64:ff9b:", "64:ff9b:0:", "64:ff9b:0:0:"],
      ["::1", "0:0:", "0:0:0:", "0:0:0:0:"],
      ["::", "0:0:", "0:0:0:", "0:0:0:0:"],
      ["thread 3", "thread 3"],
    ]
  ) assertEquals(prefixesOf(address), prefixes, address);
});

const SECURITY = "docs/security.md";
const [SLOTS] = numbersIn(
  SECURITY,
  "Occupy up to # handshake slots (`maxHalfOpen`).",
);
const [GRACE, MOST, TIMES] = numbersIn(
  SECURITY,
  "slot for #, as long as there are at most # (# times `maxHalfOpen`)",
);

/** An acceptor at virtual time 0, and the transports that it has. */
function acceptor(maxHalfOpen: number) {
  let now = 0;
  const runtime = {
    clock: { now: () => now },
    deadlines: { after: () => () => {} },
  };
  const accepting = new Acceptor({
    runtime: runtime as unknown as NodeRuntime,
    local: { limits: { ...DEFAULT_LIMITS, maxHalfOpen } } as unknown as Local,
    // It waits for more bytes, whatever it has.
    wires: [{
      name: "json",
      extra: "otp-json/1",
      sniff: (bytes) => bytes.length > 0 ? true : undefined,
      accept: () => new Promise(() => {}),
      dial: () => new Promise(() => {}),
      ask: () => new Promise(() => {}),
    }],
    stats: newConnectionStats(),
    log: () => {},
  }, () => true);
  return {
    get size() {
      return accepting.size;
    },
    sleep: (ms: number) => void (now += ms),
    stop: () => accepting.stop(),
    /** Connects from an address; returns how to send a byte, and whether the connection is open. */
    connect(host: string) {
      const line = { isOpen: true, speak: () => {} };
      const transport: Partial<Transport> = {
        remote: `${host}:5000`,
        start(handlers: TransportHandlers) {
          line.speak = () => handlers.bytes(Uint8Array.of(0));
        },
        destroy: () => void (line.isOpen = false),
        end: () => void (line.isOpen = false),
      };
      accepting.accept(transport as Transport);
      return line;
    },
  };
}

/** Lets the aborted handshakes end. */
async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

for (
  const { what, peer, addressOf } of [
    {
      what: "one /64 of IPv6",
      peer: "2001:db8:1::1",
      addressOf: (i: number) => `2001:db8:2:3:${i.toString(16)}::1`,
    },
    {
      what: "65,536 networks of one /32 of IPv6",
      peer: "2001:db9::1",
      addressOf: (i: number) => `2001:db8:${i.toString(16)}::1`,
    },
    {
      what: "the /24s of one /16 of IPv4",
      peer: "10.2.0.1",
      addressOf: (i: number) => `10.1.${i % 256}.${1 + (i >> 8)}`,
    },
  ]
) {
  test(
    `an address of another network keeps its place while ${what} connect 1,000 times`,
    async () => {
      const node = acceptor(SLOTS);
      const dialler = node.connect(peer);
      for (let i = 0; i < 1000; i++) {
        node.connect(addressOf(i));
        node.sleep(1);
        await turns();
      }
      assert(dialler.isOpen);
      assertEquals(node.size, SLOTS);
      node.stop();
      await turns();
      assert(!dialler.isOpen);
    },
  );
}

/** Connects, and sends a byte. */
async function speakTo(node: ReturnType<typeof acceptor>, host: string) {
  const line = node.connect(host);
  await turns();
  line.speak();
  await turns();
  return line;
}

test("a connection that has spoken keeps its place for a while", async () => {
  const node = acceptor(2);
  const first = await speakTo(node, "10.0.0.1");
  const second = await speakTo(node, "10.0.0.1");
  node.sleep(GRACE - 1);
  const third = node.connect("10.0.0.1");
  await turns();
  assertEquals([first.isOpen, third.isOpen], [true, false]);
  node.sleep(1);
  const fourth = node.connect("10.0.0.1");
  await turns();
  assertEquals([first.isOpen, second.isOpen, fourth.isOpen], [
    false,
    true,
    true,
  ]);
  node.stop();
  await turns();
});

test("spoken connections keep their places, up to a number", async () => {
  assertEquals(MOST, TIMES * SLOTS);
  const node = acceptor(4);
  const speakFrom = (host: string) => speakTo(node, host);
  const crowd = [];
  for (let i = 0; i < 4; i++) crowd.push(await speakFrom("10.0.0.1"));
  // Only one more of the crowd is closed: it has not spoken.
  assert(!(await speakFrom("10.0.0.1")).isOpen);
  for (let i = 5; i <= TIMES * 4; i++) {
    assert((await speakFrom(`${10 + i}.0.0.1`)).isOpen);
    assertEquals(node.size, i);
  }
  assert(crowd[0].isOpen);
  assert((await speakFrom("9.0.0.1")).isOpen);
  assert(!crowd[0].isOpen && crowd[1].isOpen);
  assertEquals(node.size, TIMES * 4);
  node.stop();
  await turns();
});
