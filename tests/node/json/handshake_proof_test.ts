/**
 * Every byte of a proof counts, and every character of a cookie: in every position, on both sides, on both wires.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { Node } from "../../../node.ts";
import { LyingEpmd } from "../../_fake_epmd.ts";
import { clusterTest, COOKIE } from "../../_nodes.ts";
import {
  beamFrame,
  beamHello,
  beamReply,
  challengeTo,
  digestOfChallenge,
  hearHello,
} from "../wires/_raw_handshake.ts";
import {
  type Hello,
  hello,
  proofOf,
  RawListener,
  RawPeer,
} from "../../_raw_peer.ts";

const ALEX = "alex@localhost";
const RAW = "raw@localhost";

/** Another character in place of the one at an index. */
function changedAt(text: string, index: number): string {
  const other = text[index] === "0" ? "1" : "0";
  return text.slice(0, index) + other + text.slice(index + 1);
}

// The JSON wire.

/** The messages of one handshake: both introductions, and the proofs of the handshake before. */
interface Talk {
  role: "dialler" | "listener";
  dialler: Hello;
  listener: Hello;
  before: string;
}

function right({ role, dialler, listener }: Talk): string {
  return proofOf(role, dialler, listener);
}

/** Proofs that are not the right one, by what is wrong. */
function wrongProofs(): [what: string, of: (talk: Talk) => unknown][] {
  const changes: [string, (proof: string) => unknown][] = [
    ["its end", (proof) => proof.slice(1)],
    ["one more", (proof) => `${proof}0`],
    ["a space before it", (proof) => ` ${proof}`],
    ["a space behind it", (proof) => `${proof} `],
    ["a line feed behind it", (proof) => `${proof}\n`],
    ["twice", (proof) => proof + proof],
    ["halves swapped", (proof) => proof.slice(32) + proof.slice(0, 32)],
    ["reversed", (proof) => [...proof].reverse().join("")],
    ["in capitals", (proof) => proof.toUpperCase()],
    ["in a list", (proof) => [proof]],
    ["as bytes", (proof) => [...Buffer.from(proof, "hex")]],
    ["nothing", () => undefined],
    ["null", () => null],
    ["true", () => true],
    ["a number", () => 7],
    ["an object", () => ({})],
    ["zeros", () => "0".repeat(64)],
  ];
  for (let at = 0; at < 64; at++) {
    changes.push([`changed at ${at}`, (proof) => changedAt(proof, at)]);
  }
  for (const length of [0, 1, 8, 16, 31, 32, 62, 63]) {
    changes.push([`its first ${length}`, (proof) => proof.slice(0, length)]);
  }
  const forged: Record<string, (talk: Talk) => unknown> = {
    "of the other side": (talk) =>
      right({
        ...talk,
        role: talk.role === "dialler" ? "listener" : "dialler",
      }),
    "of the roles exchanged": ({ role, dialler, listener }) =>
      proofOf(role, listener, dialler),
    "of another cookie": ({ role, dialler, listener }) =>
      proofOf(role, dialler, listener, `${COOKIE} `),
    "of no cookie": ({ role, dialler, listener }) =>
      proofOf(role, dialler, listener, ""),
    "of the handshake before": ({ before }) => before,
    "of a channel": ({ role, dialler, listener }) =>
      proofOf(role, dialler, listener, COOKIE, [""]),
  };
  for (const end of ["dialler", "listener"] as const) {
    const others = { name: "ra@localhost", creation: 8, nonce: "0".repeat(64) };
    for (const [field, value] of Object.entries(others)) {
      forged[`of another ${field} of the ${end}`] = (talk) =>
        right({ ...talk, [end]: { ...talk[end], [field]: value } });
    }
  }
  return [
    ...changes.map(([what, change]): [string, (talk: Talk) => unknown] => [
      what,
      (talk) => change(right(talk)),
    ]),
    ...Object.entries(forged),
  ];
}

clusterTest("a listener accepts only the right proof", async (cluster) => {
  const alex = await cluster.start("alex");
  let before = "";
  const isLetIn = async (proof: (talk: Talk) => unknown) => {
    await using peer = await RawPeer.dial(alex.port);
    const dialler = hello(RAW);
    await peer.say({ versions: [1], to: ALEX, ...dialler });
    const listener = await peer.hear() as Hello;
    await peer.say({
      proof: proof({ role: "dialler", dialler, listener, before }),
    });
    before = proofOf("dialler", dialler, listener);
    return (await peer.next())?.json !== undefined;
  };
  for (const [what, proof] of wrongProofs()) {
    assertEquals([what, await isLetIn(proof)], [what, false]);
  }
  assert(await isLetIn(right));
});

clusterTest("a dialler accepts no proof but the right one", async (cluster) => {
  const alex = await cluster.start("alex");
  await using server = await RawListener.listen();
  let before = "";
  const isTaken = async (proof: (talk: Talk) => unknown) => {
    const connected = alex.run(() =>
      Node.connect(RAW, { address: server.address })
    );
    await using peer = await server.accept();
    const dialler = await peer.hear() as Hello;
    const listener = hello(RAW);
    await peer.say({ ...listener, status: "ok" });
    await peer.hear();
    await peer.say({
      proof: proof({ role: "listener", dialler, listener, before }),
    });
    before = proofOf("listener", dialler, listener);
    return await connected;
  };
  for (const [what, proof] of wrongProofs()) {
    assertEquals([what, await isTaken(proof)], [what, false]);
  }
  assert(await isTaken(right));
});

// Erlang's wire.

/** The challenges of one handshake: the one to answer, and the one of who answers; and the answer before. */
interface Asked {
  asked: number;
  own: number;
  before: Buffer;
}

/** Makes an answer of the right one. */
type Answer = (right: Buffer, asked: Asked) => Uint8Array;

/** Answers to a challenge that are not the right one, by what is wrong. */
function wrongDigests(): [what: string, of: (asked: Asked) => Uint8Array][] {
  const md5 = (...parts: (string | Uint8Array)[]) => {
    const hash = createHash("md5");
    for (const part of parts) hash.update(part);
    return hash.digest();
  };
  const word = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const zero = Buffer.alloc(1);
  const all: Record<string, Answer> = {
    "its end": (right) => right.subarray(1),
    "one more": (right) => Buffer.concat([right, zero]),
    "one before it": (right) => Buffer.concat([zero, right]),
    "twice": (right) => Buffer.concat([right, right]),
    "reversed": (right) => right.reverse(),
    "as a text": (right) => Buffer.from(right.toString("hex")),
    "zeros": () => Buffer.alloc(16),
    "of the other side's challenge": (_, { own }) => digestOfChallenge(own),
    "of the challenge before": (_, { before }) => before,
    "of the next challenge": (_, { asked }) => digestOfChallenge(asked + 1),
    "of the challenge 0": () => digestOfChallenge(0),
    "of another cookie": (_, { asked }) =>
      digestOfChallenge(asked, `${COOKIE} `),
    "of no cookie": (_, { asked }) => digestOfChallenge(asked, ""),
    "of no challenge": () => md5(COOKIE),
    "of the challenge's bytes": (_, { asked }) => md5(COOKIE, word(asked)),
    "of the challenge in hex": (_, { asked }) =>
      md5(COOKIE, asked.toString(16)),
    "of the challenge first": (_, { asked }) => md5(`${asked}`, COOKIE),
  };
  for (let at = 0; at < 16; at++) {
    all[`changed at ${at}`] = (right) => right.with(at, right[at] ^ 1);
    all[`changed at ${at}, the first bit`] = (right) =>
      right.with(at, right[at] ^ 0x80);
    all[`its first ${at}`] = (right) => right.subarray(0, at);
  }
  return Object.entries(all).map(([what, of]) => [
    what,
    (asked) => of(rightDigest(asked), asked),
  ]);
}

function rightDigest({ asked }: Asked): Buffer {
  return digestOfChallenge(asked);
}

clusterTest("a listener accepts no second answer", async (cluster) => {
  const alex = await cluster.start("alex");
  const own = 5;
  const challenges = new Set<number>();
  let before: Buffer = Buffer.alloc(16);
  const isLetIn = async (digest: (asked: Asked) => Uint8Array, tag = "r") => {
    await using peer = await RawPeer.dial(alex.port);
    const asked = await challengeTo(peer, RAW);
    challenges.add(asked);
    const head = Buffer.from([tag.charCodeAt(0), 0, 0, 0, own]);
    const answer = digest({ asked, own, before });
    await peer.write(beamFrame(Buffer.concat([head, answer])));
    before = digestOfChallenge(asked);
    return await peer.body(2) !== undefined;
  };
  const wrong = wrongDigests();
  for (const [what, digest] of wrong) {
    assertEquals([what, await isLetIn(digest)], [what, false]);
  }
  for (const tag of "aRsn\0") {
    assertEquals([tag, await isLetIn(rightDigest, tag)], [tag, false]);
  }
  assertEquals(await alex.run(() => Node.list("connected")), []);
  assert(await isLetIn(rightDigest));
  assertEquals(challenges.size, wrong.length + 6);
});

clusterTest("a dialler accepts only a BEAM's right answer", async (cluster) => {
  await using server = await RawListener.listen();
  const port = Number(server.address.split(":")[1]);
  await using epmd = await LyingEpmd.listen(() => ({ port, extra: "" }));
  const alex = await cluster.start("alex", { epmdPort: epmd.port });
  const own = 77;
  let before: Buffer = Buffer.alloc(16);
  const isTaken = async (digest: (asked: Asked) => Uint8Array, tag = "a") => {
    const connected = alex.run(() => Node.connect(RAW));
    await using peer = await server.accept();
    await hearHello(peer, "dialler");
    await peer.write(beamFrame("sok"));
    await peer.write(beamFrame(beamHello(RAW, { challenge: own })));
    const reply = await peer.body(2);
    assertEquals(
      reply!.toString("hex", 5),
      digestOfChallenge(own).toString("hex"),
    );
    const asked = reply!.readUInt32BE(1);
    const answer = digest({ asked, own, before });
    await peer.write(beamFrame(Buffer.concat([Buffer.from(tag), answer])));
    before = digestOfChallenge(asked);
    return await connected;
  };
  for (const [what, digest] of wrongDigests()) {
    assertEquals([what, await isTaken(digest)], [what, false]);
  }
  await cluster.logged(/raw@localhost: .*its cookie is another one/);
  for (const tag of "rAsn\0") {
    assertEquals([tag, await isTaken(rightDigest, tag)], [tag, false]);
  }
  assert(await isTaken(rightDigest));
  await alex.stop();
});

// Cookies.

async function isBeamLetIn(alex: Node, cookie: string): Promise<boolean> {
  await using peer = await RawPeer.dial(alex.port);
  const challenge = await challengeTo(peer, "beam@localhost");
  await peer.write(beamFrame(beamReply(challenge, 5, cookie)));
  return await peer.body(2) !== undefined;
}

/** The lengths of cookies around those at which a hash or a buffer could end. */
const LENGTHS = [1, 16, 32, 63, 64, 65, 255];
const LONGEST = "Cookie0123456789abcdefABCDEF".repeat(10).slice(0, 255);

/** A test that a node with this cookie admits peers with it, and no peer with one of the others. */
function cookieTest(name: string, cookie: string, others: string[]): void {
  clusterTest(name, async (cluster) => {
    const alex = await cluster.start("alex", { cookie });
    const enter = async (cookie: string) => {
      await using _ = await RawPeer.entered(alex, RAW, { cookie });
    };
    for (const other of new Set(others)) {
      if (other === cookie) continue;
      await assertRejects(() => enter(other), Error, undefined, other);
      assertEquals([other, await isBeamLetIn(alex, other)], [other, false]);
    }
    await enter(cookie);
    // Erlang's distribution has cookies of Latin-1 only.
    const isLatin1 =
      Buffer.from(cookie, "latin1").toString("latin1") === cookie;
    assertEquals(await isBeamLetIn(alex, cookie), isLatin1);
  });
}

for (const length of LENGTHS) {
  const cookie = LONGEST.slice(0, length);
  cookieTest(`a cookie of ${length} characters counts`, cookie, [
    ...LENGTHS.filter((at) => at <= length).map((at) =>
      changedAt(cookie, at - 1)
    ),
    cookie.slice(0, -1),
    cookie.slice(1),
    `${cookie}x`,
    cookie + cookie,
    ` ${cookie}`,
    cookie.toUpperCase(),
  ]);
}

const WORDS = " Two Words ";

cookieTest("spaces and case of a cookie count", WORDS, [
  WORDS.trim(),
  WORDS.trimStart(),
  WORDS.trimEnd(),
  WORDS.replaceAll(" ", ""),
  WORDS.replace("Two ", "Two  "),
  WORDS.toLowerCase(),
  WORDS.toUpperCase(),
]);

const UTF8 = "k\u0119\u0142b\u{1f36a}";

cookieTest("a cookie's other characters count as UTF-8", UTF8, [
  // The same lowest bytes, and what stands for characters that an encoding lacks.
  [...UTF8].map((each) => each.codePointAt(0)! & 0xff)
    .map((byte) => byte < 0x20 ? "x" : String.fromCharCode(byte)).join(""),
  UTF8.replaceAll(/[^ -~]/gu, "?"),
  UTF8.replaceAll(/[^ -~]/gu, "\ufffd"),
  UTF8.normalize("NFD"),
  UTF8.replace("\u{1f36a}", "\u{1f36b}"),
]);
