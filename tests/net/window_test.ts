/** The window of large messages: as a rule of numbers, and to a peer that does not ack. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { Window } from "../../net/window.ts";
import { send, spawn } from "../../otp/process/process.ts";
import { test } from "../../testing/tags.ts";
import fc, { runs } from "../_seeds.ts";
import { rawTest, THEIRS } from "../_raw_peer.ts";

const LEAST = 1 << 18;
const MOST = 1 << 26;

/** Writes parts until the window is full; returns the ids of the probes, and the number of bytes. */
function fill(window: Window, now: number): { ids: number[]; bytes: number } {
  const ids: number[] = [];
  let bytes = 0;
  while (window.room > 0) {
    const part = Math.min(window.room, 50_000);
    const id = window.add(part, now);
    if (id !== undefined) ids.push(id);
    bytes += part;
  }
  return { ids, bytes };
}

test("the window grows while acks are as fast as the first, and shrinks when they are late", () => {
  const window = new Window();
  let now = 0;
  const sizes: number[] = [];
  const round = (ms: number) => {
    const { ids } = fill(window, now);
    now += ms;
    for (const id of ids) window.confirm(id, now);
    sizes.push(window.room / LEAST);
  };
  // The bytes after the last probe are not acked yet.
  const rounded = () => sizes.splice(0).map((size) => Math.ceil(size));
  for (const ms of [50, 50, 60, 100]) round(ms);
  assertEquals(rounded(), [2, 4, 8, 16]);
  for (const ms of [200, 200, 200, 200, 200]) round(ms);
  assertEquals(rounded(), [8, 4, 2, 1, 1]);
  for (let i = 0; i < 12; i++) round(1);
  assertEquals(rounded().at(-1), MOST / LEAST);
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
    send(THEIRS, new Uint8Array(4 << 20));
    let bytes = 0;
    while (bytes < LEAST) bytes += (await peer.next())!.raw!.length;
    assertLess(bytes, LEAST + (1 << 16) + 100);
    spawn(() => void send(THEIRS, "of another"));
    assertEquals((await peer.signal("send"))[3], "of another");
    // The node must not find it silent.
    const ticks = setInterval(() => void peer.write(new Uint8Array(4)), 100);
    await peer.signal("large_attached");
    clearInterval(ticks);
  },
  { tickTime: 4000 },
);

rawTest("a large message goes on as its parts are read", async (peer) => {
  send(THEIRS, new Uint8Array(16 << 20));
  await peer.signal("large_attached");
}, { tickTime: 3_600_000 });
