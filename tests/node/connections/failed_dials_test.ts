/** Failed dials: they leave nothing behind, and their log escapes the bytes of others. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Node } from "../../../node.ts";
import { clusterTest } from "../../_nodes.ts";
import { LyingEpmd } from "../../_fake_epmd.ts";
import { RawListener } from "../../_raw_peer.ts";

/** Control characters, and others that would forge a line or control a terminal. */
// deno-lint-ignore no-control-regex
const UNPRINTED = /[\u0000-\u001f\u007f-\u009f]/;

function portOf(listener: RawListener): number {
  return Number(listener.address.split(":")[1]);
}

clusterTest("connect() closes a socket of no known wire", async (cluster) => {
  await using listener = await RawListener.listen();
  for (const extra of ["", "otp-json/2", "\x1b[2J\nalex info: forged"]) {
    await using epmd = await LyingEpmd.listen(() => ({
      port: portOf(listener),
      extra,
    }));
    const alex = await cluster.start("alex", {
      epmdPort: epmd.port,
      wires: ["json"],
    });
    for (let i = 0; i < 20; i++) {
      const found = alex.run(() => Node.connect("kate@localhost"));
      const peer = await listener.accept();
      await peer.closed;
      assertEquals(await found, false);
    }
    await alex.stop();
  }
});

clusterTest("EPMD's answer is escaped and cut in the log", async (cluster) => {
  const forged = "x\nalex info: forged\r\x1b[2J" + "y".repeat(60_000);
  const bytes = new TextEncoder().encode(forged);
  const answers = [
    { port: 1, extra: "" },
    bytes,
    Uint8Array.of(119, ...bytes),
    Uint8Array.of(119, 0, ...bytes),
  ];
  await using listener = await RawListener.listen();
  answers[0] = { port: portOf(listener), extra: forged.slice(0, 3000) };
  for (const answer of answers) {
    await using epmd = await LyingEpmd.listen(() => answer);
    const alex = await cluster.start("alex", { epmdPort: epmd.port });
    assertEquals(await alex.run(() => Node.connect("kate@localhost")), false);
    await alex.stop();
  }
  const lines = cluster.lines(true);
  const failed = lines.filter((line) => /Cannot connect/.test(line));
  assertEquals(failed.length, answers.length, lines.join("\n"));
  assertMatch(failed[0], /speaks another wire/);
  for (const line of lines) {
    assert(!UNPRINTED.test(line), JSON.stringify(line));
    assert(line.length < 1000, `${line.length} characters`);
  }
});
