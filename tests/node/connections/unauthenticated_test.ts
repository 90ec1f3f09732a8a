/** Unauthenticated connections: their frames and limits before the handshake is complete. */

import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import { DEFAULT_LIMITS } from "../../../packages/node/wire.ts";
import {
  Node,
  type NodeOptions,
  type NodeStats,
  type RefusalCause,
} from "../../../node.ts";
import {
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { clusterTest } from "../../_nodes.ts";
import {
  frameOf,
  type Hello,
  hello,
  jsonFrame,
  proofOf,
  RawListener,
  RawPeer,
} from "../../_raw_peer.ts";
import { until } from "../../_until.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";
const RAW = "raw@localhost";

function statsOf(node: Node): Promise<NodeStats> {
  return node.run(() => Node.stats()!);
}

/** Waits until a node has counted a number of connections that it refused for a cause. */
async function refused(
  node: Node,
  cause: RefusalCause,
  times: number,
): Promise<NodeStats> {
  await until(async () => (await statsOf(node)).refused[cause] >= times);
  return await statsOf(node);
}

/** A first frame to kate, as bytes. */
function first(fields: Record<string, unknown> = {}): Uint8Array {
  return jsonFrame({ versions: [1], to: KATE, ...hello(RAW), ...fields });
}

interface Stranger {
  row: number;
  what: string;
  bytes: Uint8Array | string;
  /** `"protocol"` by default. */
  cause?: RefusalCause;
  hint: RegExp;
  options?: Partial<NodeOptions>;
}

const LENGTHS = [0, 4097, 0x7fff_ffff, 0xffff_ffff].map((length): Stranger => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  const fits = length < 0x1_0000;
  return {
    row: 2,
    what: `a length of ${length}`,
    bytes,
    hint: fits
      ? new RegExp(`a first frame of ${length} bytes`)
      : /bytes that no node sends/,
  };
});

const NAMES: [what: string, name: string][] = [
  ["without an @", "raw"],
  ["with two @", "raw@local@host"],
  ["that is empty", ""],
  ["with a NUL", "ra\u0000w@localhost"],
  ["with a newline", "raw\n@localhost"],
  ["with terminal control characters", "\u001b[31mraw@localhost"],
];

const STRANGERS: Stranger[] = [
  ...LENGTHS,
  {
    row: 3,
    what: "an HTTP client",
    bytes: "GET / HTTP/1.1\r\n\r\n",
    cause: "http",
    hint: /an HTTP client on a node's port/,
  },
  {
    row: 3,
    what: "a TLS client",
    bytes: Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01),
    cause: "tls",
    hint: /a TLS client on a plain port/,
  },
  {
    row: 3,
    what: "an Erlang node",
    bytes: Buffer.concat([
      Uint8Array.of(0, 29, 0x4e, 0, 0, 0, 13, 0, 0, 0, 4, 0, 0, 0, 1, 0, 14),
      Buffer.from("iex1@localhost"),
    ]),
    cause: "erlang",
    hint: /an Erlang node, whose wire is not spoken here/,
    options: { wires: ["json"] },
  },
  {
    row: 6,
    what: "invalid UTF-8",
    bytes: Uint8Array.of(0, 0, 0, 4, 0x22, 0xff, 0xfe, 0x22),
    hint: /a frame that is not JSON/,
  },
  ...["\ufeff{}", "{}x", "{} {}", "{", "[".repeat(1000)].map((
    text,
  ): Stranger => ({
    row: 6,
    what: JSON.stringify(text).slice(0, 20),
    bytes: frameOf(text),
    hint: /a frame that is not JSON$/,
  })),
  ...["null", "[]", "5", '"x"'].map((text): Stranger => ({
    row: 6,
    what: text,
    bytes: frameOf(text),
    hint: /a frame that is not a JSON object/,
  })),
  {
    row: 6,
    what: "another shape",
    bytes: jsonFrame({ versions: [1] }),
    hint: /an introduction with a bad name, nonce or number/,
  },
  {
    row: 7,
    what: "an unknown version",
    bytes: first({ versions: [9] }),
    cause: "version",
    hint: /it speaks version \[9\] of the JSON wire, and this node version 1/,
  },
  {
    row: 8,
    what: "a signal before authentication",
    bytes: jsonFrame([["send_name", 1, "inbox", "hi"]]),
    hint: /a frame that is not a JSON object/,
  },
  {
    row: 8,
    what: "a first message twice",
    bytes: Buffer.concat([first(), first()]),
    cause: "cookie",
    hint: /raw@localhost has another cookie/,
  },
  ...NAMES.map(([what, name]): Stranger => ({
    row: 11,
    what: `a name ${what}`,
    bytes: first({ name }),
    hint: /an introduction with a bad name, nonce or number/,
  })),
  {
    row: 11,
    what: "a name of 64 KiB",
    bytes: first({ name: "x".repeat(65_536) + "@localhost" }),
    hint: /an? first frame of \d+ bytes|bytes that no node sends/,
  },
  {
    row: 16,
    what: "keys of prototypes",
    bytes: frameOf(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{}}}',
    ),
    cause: "version",
    hint: /it speaks version none/,
  },
];

for (
  const { row, what, bytes, cause = "protocol", hint, options } of STRANGERS
) {
  clusterTest(`row ${row}: ${what} is refused`, async (cluster) => {
    const kate = await cluster.start("kate", options);
    const alex = await cluster.start("alex");
    await alex.run(() => Node.connect(KATE));
    await using peer = await RawPeer.dial(kate.port);
    await peer.write(bytes);
    await peer.closed;
    const stats = await refused(kate, cause, 1);
    assertEquals([stats.halfOpen, stats.connections], [0, 1]);
    const line = await cluster.logged(hint);
    assertMatch(line, /^kate warning: Refused a connection from 127\./);
    // deno-lint-ignore no-control-regex
    assertFalse(/[\u0000-\u001f\u007f-\u009f]/.test(line));
    assertEquals(cluster.lines().length, 1);
    assertFalse("polluted" in {});
    await stillThere(alex, kate);
  });
}

/** Asserts that two nodes are still connected, and messages pass. */
async function stillThere(alex: Node, kate: Node): Promise<void> {
  await kate.run(async () => {
    Process.register(self(), "still_there");
    await alex.run(() => void send({ name: "still_there", node: KATE }, "hi"));
    assertEquals(await receive(), "hi");
    assertEquals(Node.list(), [ALEX]);
  });
}

clusterTest("row 1: slow bytes are closed after the limit", async (cluster) => {
  assertEquals(DEFAULT_LIMITS.handshakeTimeout, 5000);
  const kate = await cluster.start("kate", {
    limits: { handshakeTimeout: 200 },
  });
  const peers = await Promise.all([0, 1, 2].map(() => RawPeer.dial(kate.port)));
  const [, one, slow] = peers;
  await one.write(Uint8Array.of(0));
  const bytes = first();
  let at = 0;
  const timer = setInterval(
    () => void slow.write(bytes.subarray(at, ++at)),
    20,
  );
  await Promise.all(peers.map((peer) => peer.closed));
  clearInterval(timer);
  // The time limit is for the whole handshake: bytes that arrive one by one do not extend it.
  assert(at < bytes.length, `${at} of ${bytes.length} bytes`);
  const stats = await refused(kate, "timeout", 3);
  assertEquals(stats.halfOpen, 0);
});

clusterTest("row 2: a first frame may have its maximum", async (cluster) => {
  const kate = await cluster.start("kate");
  await using peer = await RawPeer.dial(kate.port);
  const text = new TextDecoder().decode(first().subarray(4));
  await peer.write(frameOf(text.padEnd(4096)));
  assertEquals((await peer.hear()).status, "ok");
});

clusterTest("row 4: frames may be joined or split", async (cluster) => {
  const kate = await cluster.start("kate");
  await kate.run(async () => {
    Process.register(self(), "inbox");
    await using peer = await RawPeer.entered(kate, RAW);
    const frames = Array.from(
      { length: 100 },
      (_, i) => jsonFrame([["send_name", 1, "inbox", i]]),
    );
    await peer.write(Buffer.concat(frames));
    for (let i = 0; i < 100; i++) assertEquals(await receive(), i);
  });
  const whole = first();
  for (let cut = 1; cut < whole.length; cut += 7) {
    await using peer = await RawPeer.dial(kate.port);
    const bytes = first({ name: `cut${cut}@localhost` });
    await peer.write(bytes.subarray(0, cut));
    // safe: separates the bytes; any pieces are read
    await new Promise((resolve) => setTimeout(resolve, 1));
    await peer.write(bytes.subarray(cut));
    assertEquals((await peer.hear()).status, "ok");
  }
});

clusterTest("row 5: a reset or half-close leaves nothing", async (cluster) => {
  const kate = await cluster.start("kate");
  const cut = await RawPeer.dial(kate.port);
  await cut.write(first().subarray(0, 50));
  cut.reset();
  await cut.closed;
  await refused(kate, "closed", 1);
  await using half = await RawPeer.dial(kate.port);
  await half.write(first());
  await half.hear();
  half.end();
  await half.closed;
  const stats = await refused(kate, "closed", 2);
  assertEquals([stats.halfOpen, stats.connections], [0, 0]);
});

clusterTest("row 9: wrong cookies and names look the same", async (cluster) => {
  // Longer than a test may take: a connection that waited for it would not be closed.
  const kate = await cluster.start("kate", {
    limits: { handshakeTimeout: 600_000 },
  });
  const told: unknown[][] = [];
  for (let i = 0; i < 3; i++) {
    for (
      const [name, to] of [[RAW, KATE], [RAW, "x@localhost"], [KATE, KATE]]
    ) {
      await using peer = await RawPeer.dial(kate.port);
      const mine = hello(name);
      await peer.say({ versions: [1], to, ...mine });
      const theirs = await peer.hear() as Hello;
      await peer.say({ proof: proofOf("dialler", mine, theirs, "wrong") });
      const frame = await peer.next();
      told.push([theirs.status, Object.keys(theirs), frame, peer.bytes.length]);
    }
  }
  for (const each of told) assertEquals(each, told[0]);
  await refused(kate, "cookie", 9);
});

clusterTest("row 10: a relayed proof is refused", async (cluster) => {
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  await using listener = await RawListener.listen();
  const connected = alex.run(() =>
    Node.connect("mallory@localhost", { address: listener.address })
  );
  // Mallory knows no cookie: she plays alex to kate with alex's proof to her.
  await using victim = await listener.accept();
  await using target = await RawPeer.dial(kate.port);
  const said = await victim.hear();
  await target.say({ ...said, to: KATE });
  const theirs = await target.hear();
  await victim.say({ ...theirs, name: "mallory@localhost" });
  await target.say(await victim.hear());
  assertEquals(await target.next(), undefined);
  await refused(kate, "cookie", 1);
  await victim[Symbol.asyncDispose]();
  assertEquals(await connected, false);
  assertEquals((await statsOf(alex)).failedDials, 1);
});

clusterTest("row 12: this node's own name is refused", async (cluster) => {
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  await alex.run(() => Node.connect(KATE));
  await using own = await RawPeer.dial(kate.port);
  const error = await own.enter(KATE, KATE).then(() => "in", String);
  assertMatch(error, /refused: not_allowed/);
  await refused(kate, "name", 1);
  await stillThere(alex, kate);
});

clusterTest("2,000 questions for the name leave nothing", async (cluster) => {
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  const question = first({ to: null });
  const ask = async () => {
    await using peer = await RawPeer.dial(kate.port);
    await peer.write(question);
    const { creation, ...answer } = await peer.hear();
    assertEquals(answer, { status: "name", name: KATE });
    assert(creation > 0);
    // It is told no more, whatever it sends and whether it ends.
    await peer.say({ proof: "0".repeat(64) });
    await peer.closed;
    assertEquals(await peer.next(), undefined);
  };
  const flood = (async () => {
    for (let i = 0; i < 40; i++) {
      await Promise.all(Array.from({ length: 50 }, ask));
    }
  })();
  assertEquals(await alex.run(() => Node.connect(KATE)), true);
  await flood;
  const { asked, halfOpen, refused } = await statsOf(kate);
  assertEquals([asked, halfOpen], [2000, 0]);
  assertEquals(Object.values(refused).filter((count) => count > 0), []);
  assertEquals(cluster.lines(), []);
});

clusterTest("an invalid question for the name is refused", async (cluster) => {
  const kate = await cluster.start("kate");
  await using wrong = await RawPeer.dial(kate.port);
  await wrong.write(first({ to: null, name: "\u001b[31m" }));
  await wrong.closed;
  assertEquals(await wrong.next(), undefined);
  await using newer = await RawPeer.dial(kate.port);
  await newer.write(first({ to: null, versions: [2] }));
  assertEquals(await newer.hear(), { status: "version", versions: [1] });
  await newer.closed;
  const stats = await statsOf(kate);
  assertEquals([stats.asked, stats.refused.protocol], [0, 1]);
  assertEquals(stats.refused.version, 1);
});

clusterTest("row 14: few half-open connections are kept", async (cluster) => {
  // Longer than a test may take: the peer does not wait for others to time out.
  const kate = await cluster.start("kate", {
    limits: { handshakeTimeout: 600_000 },
  });
  const alex = await cluster.start("alex");
  const peers: RawPeer[] = [];
  for (let i = 0; i < 20; i++) {
    peers.push(
      ...await Promise.all(
        Array.from({ length: 50 }, () => RawPeer.dial(kate.port)),
      ),
    );
  }
  const stats = await refused(kate, "halfOpen", 1000 - 64);
  assertEquals(stats.halfOpen, 64);
  assertEquals(await alex.run(() => Node.connect(KATE)), true);
  // Ten lines, and then how many more.
  assertEquals(cluster.lines().length, 10);
  await Promise.all(peers.map((peer) => peer[Symbol.asyncDispose]()));
  await kate.stop();
  assertMatch(
    cluster.lines().join("\n"),
    /kate warning: 9\d\d more of these: connections refused \(halfOpen\)/,
  );
});

clusterTest("row 14: 2,000 handshakes leave nothing", async (cluster) => {
  const kate = await cluster.start("kate");
  await shakeAll(kate, 0, 100);
  const before = await statsOf(kate);
  await shakeAll(kate, 100, 2100);
  const after = await refused(kate, "cookie", 2100);
  assertEquals(
    [after.connections, after.halfOpen, after.processes, after.held],
    [before.connections, before.halfOpen, before.processes, before.held],
  );
  assertEquals(after.accepted, 2100);
}, { timeout: 60_000 });

async function shakeAll(node: Node, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i += 20) {
    await Promise.all(
      Array.from({ length: 20 }, async (_, j) => {
        await using peer = await RawPeer.dial(node.port);
        await peer.write(first({ name: `fresh${i + j}@localhost` }));
        await peer.hear();
        await peer.say({ proof: "0".repeat(64) });
        await peer.closed;
      }),
    );
  }
}
