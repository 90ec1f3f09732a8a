/** The window of large messages: as a rule of numbers, and to a peer that does not ack. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { Window } from "../../../packages/node/connections/window.ts";
import { Node } from "../../../node.ts";
import { send, spawn } from "../../../packages/processes/process.ts";
import { test } from "../../../packages/testing/tags.ts";
import fc, { runs } from "../../_seeds.ts";
import { nodeDown } from "../../_nodes.ts";
import { rawTest, THEIRS } from "../../_raw_peer.ts";

const LEAST = 1 << 18;
const MOST = 1 << 26;

/** A peer: the time of its ack of bytes that leave, in milliseconds. */
type Peer = (bytes: number, now: number) => number;

/** Writes as much as the window takes, for many acks; returns the greatest number of bytes under way near the end. */
function mostUnderWay(peer: Peer): number {
  const window = new Window();
  const acks: { id: number; at: number; bytes: number }[] = [];
  let now = 0;
  let underWay = 0;
  let most = 0;
  for (let i = 0; i < 20_000; i++) {
    let bytes = 0;
    while (window.room > 0) {
      const part = Math.min(window.room, 65_536);
      bytes += part;
      underWay += part;
      const id = window.add(part, now);
      if (id === undefined) continue;
      acks.push({ id, at: peer(bytes, now), bytes });
      bytes = 0;
    }
    if (i > 19_000) most = Math.max(most, underWay);
    const ack = acks.shift()!;
    now = ack.at;
    underWay -= ack.bytes;
    window.confirm(ack.id, now);
  }
  return most;
}

test("the window is small unless more makes the peer read faster", () => {
  // A megabyte in a millisecond, at once or after 50 ms.
  const steady = (delay: number): Peer => {
    let free = 0;
    return (bytes, now) => {
      free = Math.max(free, now) + bytes / 2 ** 20;
      return free + delay;
    };
  };
  // All that has come, every 30 ms.
  const busy: Peer = (_bytes, now) => 30 * (Math.floor(now / 30) + 1);
  assertLess(mostUnderWay(steady(0.1)), 5 * 2 ** 20);
  assertLess(50 * 2 ** 20, mostUnderWay(steady(50)));
  assertLess(60 * 2 ** 20, mostUnderWay(busy));
});

test("a full window has a probe whose ack makes room, whatever came before", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(400_000), fc.nat(9), fc.nat(100))),
      (steps) => {
        const window = new Window();
        const open: number[] = [];
        let now = 0;
        for (const [bytes, acked, ms] of steps) {
          if (window.room > 0) {
            const id = window.add(Math.min(bytes, window.room), now);
            if (id !== undefined) open.push(id);
          }
          now += ms;
          // An ack that was sent before, or never asked for, has no effect.
          window.confirm(open[0] - 1, now);
          window.confirm(1e9, now);
          // A later ack stands for earlier ones.
          if (acked < open.length) {
            window.confirm(open[acked], now);
            open.splice(0, acked + 1);
          }
          assertLess(-MOST, window.room);
          if (window.room > 0) continue;
          assert(open.length > 0);
        }
        if (open.length > 0) window.confirm(open.at(-1)!, now);
        assert(window.room > 0);
      },
    ),
    { numRuns: runs(300) },
  );
});

rawTest(
  "a large message waits until its parts are read, but not for a peer that never says so",
  async (peer) => {
    peer.isAcking = false;
    // The node must not find it silent.
    const ticks = setInterval(() => void peer.write(new Uint8Array(4)), 100);
    send(THEIRS, new Uint8Array(4 << 20));
    let bytes = 0;
    while (bytes < LEAST) bytes += (await peer.next())!.raw!.length;
    assertLess(bytes, LEAST + (1 << 16) + 100);
    spawn(() => void send(THEIRS, "of another"));
    assertEquals((await peer.signal("send"))[3], "of another");
    await peer.signal("large_attached");
    clearInterval(ticks);
  },
  { tickTime: 4000 },
);

rawTest("acks that were never asked for keep no connection", async (peer) => {
  peer.pause();
  Node.monitor("raw@localhost");
  send(THEIRS, new Uint8Array(16 << 20));
  const acks = setInterval(() => {
    void peer.say([["unlink_ack", 0, 0, 99]]);
  }, 100);
  await nodeDown("raw@localhost");
  clearInterval(acks);
  assertEquals(Node.stats()!.unread, 1);
}, { tickTime: 1000 });

rawTest("a large message goes on as its parts are read", async (peer) => {
  send(THEIRS, new Uint8Array(16 << 20));
  await peer.signal("large_attached");
}, { tickTime: 3_600_000 });
