/** Every character of a proof counts, and every character of a cookie: in every position, on both sides. */

import { assertEquals, assertRejects } from "@std/assert";
import { Node } from "../node.ts";
import { clusterTest } from "./_nodes.ts";
import {
  type Hello,
  hello,
  proofOf,
  RawListener,
  RawPeer,
} from "./_raw_peer.ts";

const ALEX = "alex@localhost";
const RAW = "raw@localhost";

/** Another character in place of the one at an index. */
function changedAt(text: string, index: number): string {
  const other = text[index] === "0" ? "1" : "0";
  return text.slice(0, index) + other + text.slice(index + 1);
}

/** Texts that are almost equal: one character changed, missing or added, in every position. */
function* nearly(text: string): Generator<[what: string, text: string]> {
  for (let i = 0; i < text.length; i++) {
    yield [`changed at ${i}`, changedAt(text, i)];
  }
  for (let length = 0; length < text.length; length++) {
    yield [`its first ${length}`, text.slice(0, length)];
  }
  yield ["its end", text.slice(1)];
  yield ["one more", `${text}0`];
  yield ["a space before it", ` ${text}`];
  yield ["a space behind it", `${text} `];
  yield ["a line feed behind it", `${text}\n`];
  if (text !== text.toUpperCase()) yield ["upper case", text.toUpperCase()];
  yield ["twice", text + text];
  const half = text.length / 2;
  yield ["halves swapped", text.slice(half) + text.slice(0, half)];
  yield ["reversed", [...text].reverse().join("")];
}

clusterTest(
  "a listener rejects a proof that is almost the right one",
  async (cluster) => {
    const alex = await cluster.start("alex");
    /** Sends a proof that is derived from the right one; returns whether it is accepted. */
    const isLetIn = async (fake: (proof: string) => string) => {
      await using peer = await RawPeer.dial(alex.port);
      const mine = hello(RAW);
      await peer.say({ versions: [1], to: ALEX, ...mine });
      const theirs = await peer.hear() as Hello;
      await peer.say({ proof: fake(proofOf("dialler", mine, theirs)) });
      return (await peer.next())?.json !== undefined;
    };
    const tries = [...nearly("x".repeat(64))].length;
    for (let i = 0; i < tries; i++) {
      let what = "";
      const letIn = await isLetIn((proof) => {
        const [name, fake] = [...nearly(proof)][i];
        what = name;
        return fake === proof ? "" : fake;
      });
      assertEquals(letIn, false, `a proof of which there is: ${what}`);
    }
    assertEquals(await isLetIn((proof) => proof.toUpperCase()), false);
    assertEquals(await isLetIn((proof) => proof), true);
  },
);

clusterTest(
  "a dialler rejects a proof that is almost the right one",
  async (cluster) => {
    const alex = await cluster.start("alex");
    await using listener = await RawListener.listen();
    const isTaken = async (fake: (proof: string) => string) => {
      const connected = alex.run(() =>
        Node.connect(RAW, { address: listener.address })
      );
      const peer = await listener.accept();
      const dialler = await peer.hear() as Hello;
      const mine = hello(RAW);
      await peer.say({ ...mine, status: "ok" });
      await peer.hear();
      await peer.say({ proof: fake(proofOf("listener", dialler, mine)) });
      const taken = await connected;
      await peer[Symbol.asyncDispose]();
      return taken;
    };
    const tries = [...nearly("x".repeat(64))].length;
    for (let i = 0; i < tries; i++) {
      let what = "";
      const taken = await isTaken((proof) => {
        const [name, fake] = [...nearly(proof)][i];
        what = name;
        return fake === proof ? "" : fake;
      });
      assertEquals(taken, false, `a proof of which there is: ${what}`);
    }
    assertEquals(await isTaken((proof) => proof), true);
  },
);

/** The lengths of cookies around those at which a hash or a buffer could end. */
const LENGTHS = [1, 8, 16, 20, 24, 32, 63, 64, 65, 128, 255];
const LONGEST = "Cookie0123456789abcdefABCDEF".repeat(10).slice(0, 255);

for (const length of LENGTHS) {
  clusterTest(
    `a cookie of ${length} characters is compared to its end`,
    async (cluster) => {
      const cookie = LONGEST.slice(0, length);
      const alex = await cluster.start("alex", { cookie });
      const enter = async (cookie: string) => {
        await using peer = await RawPeer.dial(alex.port);
        await peer.enter(RAW, ALEX, { cookie });
      };
      const others = [
        ...LENGTHS.filter((at) => at <= length).map((at) =>
          changedAt(cookie, at - 1)
        ),
        cookie.slice(0, -1),
        cookie.slice(1),
        `${cookie}x`,
        cookie + cookie,
        ` ${cookie}`,
        cookie.toUpperCase(),
      ];
      for (const other of new Set(others)) {
        if (other === cookie) continue;
        await assertRejects(() => enter(other), Error, undefined, other);
      }
      await enter(cookie);
    },
  );
}

clusterTest("spaces and case of a cookie count", async (cluster) => {
  const cookie = " Two Words ";
  const alex = await cluster.start("alex", { cookie });
  const enter = async (cookie: string) => {
    await using peer = await RawPeer.dial(alex.port);
    await peer.enter(RAW, ALEX, { cookie });
  };
  const others = [
    cookie.trim(),
    cookie.trimStart(),
    cookie.trimEnd(),
    cookie.replaceAll(" ", ""),
    cookie.replace("Two ", "Two  "),
    cookie.toLowerCase(),
    cookie.toUpperCase(),
  ];
  for (const other of others) {
    await assertRejects(() => enter(other), Error, undefined, other);
  }
  await enter(cookie);
});

clusterTest(
  "a cookie's characters beyond ASCII count, as UTF-8",
  async (cluster) => {
    const cookie = "kę\u0142b\u{1f36a}";
    const alex = await cluster.start("alex", { cookie });
    const enter = async (cookie: string) => {
      await using peer = await RawPeer.dial(alex.port);
      await peer.enter(RAW, ALEX, { cookie });
    };
    const others = [
      // The same lowest bytes, and what stands for characters that an encoding lacks.
      [...cookie].map((each) => each.codePointAt(0)! & 0xff)
        .map((byte) => byte < 0x20 ? "x" : String.fromCharCode(byte)).join(""),
      cookie.replaceAll(/[^ -~]/gu, "?"),
      cookie.replaceAll(/[^ -~]/gu, "\ufffd"),
      cookie.normalize("NFD"),
      cookie.replace("\u{1f36a}", "\u{1f36b}"),
    ];
    for (const other of others) {
      await assertRejects(() => enter(other), Error, undefined, other);
    }
    await enter(cookie);
  },
);
