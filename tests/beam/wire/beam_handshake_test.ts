/** The handshake of Erlang's distribution, with a peer that writes it by hand. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import {
  Node,
  type NodeOptions,
  type NodeStats,
  type RefusalCause,
} from "../../../node.ts";
import { LyingEpmd } from "../../_fake_epmd.ts";
import { mutatedBytes } from "../../_fuzz.ts";
import { type Cluster, clusterTest, nodeDown } from "../../_nodes.ts";
import {
  admitBeam,
  beamFrame,
  beamHello,
  beamReply,
  challengeTo,
  digestOfChallenge,
  enterBeam,
  heard,
  hearHello,
  NAME_ME,
  OTP_24,
  OTP_27,
  OTP_28,
  OTP_29,
  OTP_30,
  prove,
} from "../../node/wires/_raw_handshake.ts";
import { RawListener, RawPeer } from "../../_raw_peer.ts";
import { beamFrame as signalFrame } from "../../_raw_beam.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { improperList } from "../../../packages/processes/values/improper_list.ts";
import { Pid, Ref } from "../../../packages/processes/values/pid.ts";
import { tuple } from "../../../packages/processes/values/tuple.ts";
import { readPage, sectionsOf } from "../../_pages.ts";
import { test } from "../../../packages/testing/tags.ts";
import { fuzz, runs } from "../../_seeds.ts";

const RAW = "raw@localhost";

/**
 * The flags of this node: the flags that OTP requires and their digest; SPAWN, ALIAS, EXIT_PAYLOAD, SEND_SENDER,
 * BIG_SEQTRACE_LABELS, UNICODE_IO, the two of monitors, FRAGMENTS, DIST_HDR_ATOM_CACHE, and PUBLISHED.
 */
const OWN_FLAGS = 0x2d_07df_3fbdn;

/** The number of damaged handshakes. */
const DAMAGED = runs(1000);

/** alex, and a listener that alex finds under every name, as a BEAM. */
async function withListener(
  cluster: Cluster,
  fn: (alex: Node, listener: RawListener) => Promise<void>,
  options: Partial<NodeOptions> = {},
): Promise<void> {
  await using listener = await RawListener.listen();
  const port = Number(listener.address.split(":")[1]);
  await using epmd = await LyingEpmd.listen(() => ({ port, extra: "" }));
  const alex = await cluster.start("alex", { epmdPort: epmd.port, ...options });
  await fn(alex, listener);
  await alex.stop();
}

function statsOf(alex: Node): Promise<NodeStats> {
  return alex.run(() => Node.stats()!);
}

clusterTest("a node that asks for a name gets one", async (cluster) => {
  const alex = await cluster.start("alex");
  await using raw = await RawPeer.dial(alex.port);
  const hello = beamHello("localhost", { flags: OTP_27 | NAME_ME });
  await raw.write(beamFrame(hello));
  const status = (await raw.body(2))!;
  assertEquals(status.toString("latin1", 0, 7), "snamed:");
  const end = 9 + status.readUInt16BE(7);
  const name = status.toString("latin1", 9, end);
  assertMatch(name, /^[A-Z2-7]{16}@localhost$/);
  assert(status.readUInt32BE(end) > 3);
  assertEquals(status.length, end + 4);
  const { flags } = await prove(raw);
  assertEquals(flags & NAME_ME, NAME_ME);
  await cluster.logged(/Connected to [A-Z2-7]+@localhost/);
  assertEquals(await alex.run(() => Node.list("hidden")), [name]);
});

clusterTest("a handshake may come byte by byte", async (cluster) => {
  const alex = await cluster.start("alex");
  await using raw = await RawPeer.dial(alex.port);
  for (const byte of beamFrame(beamHello(RAW))) {
    await raw.write(Uint8Array.of(byte));
  }
  assertEquals(await heard(raw), "sok");
  await prove(raw);
  await cluster.logged(/Connected to raw@localhost/);
});

/** The flags of versions of OTP: recorded ones of 27, constructed ones of the others. */
const VERSIONS: [otp: string, flags: bigint, replyKind: number][] = [
  ["25", OTP_27, 33],
  ["26", OTP_27, 33],
  ["27", OTP_27, 33],
  ["28", OTP_28, 33],
  ["29", OTP_29, 33],
  ["30", OTP_30, 37],
];

/** The tag of a term that no version up to 28 writes. */
const NEWER_TAG = 84;

for (const [otp, flags, replyKind] of VERSIONS) {
  clusterTest(`OTP ${otp} connects, calls, and survives`, async (cluster) => {
    const alex = await cluster.start("alex");
    await using raw = await RawPeer.dial(alex.port);
    const hello = await enterBeam(raw, RAW, { flags });
    assertEquals(hello.flags, OWN_FLAGS);
    assertEquals([hello.name, hello.creation], [alex.name, alex.creation]);
    const from = new Pid(RAW, 1, 7);
    const ref = new Ref(RAW, 3, 7);
    const tag = improperList([atom("alias")], ref);
    const request = tuple(atom("is_auth"), atom(RAW));
    const call = signalFrame(
      [6, from, atom(""), atom("net_kernel")],
      tuple(atom("$gen_call"), tuple(from, tag), request),
    );
    // The same call with a native record: its last term has a tag that is not known.
    const newer = call.slice();
    newer[newer.length - RAW.length - 2] = NEWER_TAG;
    await raw.write(newer);
    await cluster.logged(/Refused a request .*a native record of OTP 29/);
    await raw.write(call);
    let frame: Buffer | undefined;
    do frame = await raw.body(4); while (
      frame?.length === 0 || frame?.[5] !== 97 || frame[6] !== replyKind
    );
    assertEquals(await alex.run(() => Node.list("connected")), [RAW]);
  });
}

test("elixir.md has the versions of OTP that are tested", async () => {
  const page = sectionsOf(await readPage("docs/elixir.md"));
  const items = page.get("Versions of OTP")!.matchAll(/^- ([\d, ]+):/gm);
  assertEquals(
    [...items].flatMap(([, versions]) => versions.split(", ")),
    VERSIONS.map(([otp]) => otp),
  );
});

/** Introductions that are refused, and the lines in the log. */
const REFUSED: [
  what: string,
  hello: Uint8Array,
  cause: RefusalCause,
  line: RegExp,
][] = [
  [
    "a node of OTP 24",
    beamHello(RAW, { flags: OTP_24 }),
    "version",
    /: raw@localhost is an Erlang node older than OTP 25/,
  ],
  [
    "a node without UNLINK_ID",
    beamHello(RAW, { flags: OTP_27 & ~0x200_0000n }),
    "version",
    /: raw@localhost is an Erlang node older than OTP 25/,
  ],
  [
    "a node without V4_NC",
    beamHello(RAW, { flags: OTP_27 & ~0x4_0000_0000n }),
    "version",
    /: raw@localhost is an Erlang node older than OTP 25/,
  ],
  [
    "a node of OTP 22",
    Buffer.from(`n\0\x05\x07\xff\xff\xff${RAW}`, "latin1"),
    "version",
    /: raw@localhost is an Erlang node older than OTP 25/,
  ],
  [
    "a node on a host with a long name that asks to be named",
    beamHello("host.example.org", { flags: OTP_27 | NAME_ME }),
    "name",
    /@host.example.org is not let in: .* are long and short names mixed/,
  ],
  [
    "a node that asks to be named and states no host",
    beamHello("a@b", { flags: OTP_27 | NAME_ME }),
    "protocol",
    /which no node can have/,
  ],
  [
    "this node's own name",
    beamHello("alex@localhost"),
    "name",
    /alex@localhost is not let in: is it this node's own name/,
  ],
  [
    "a long name",
    beamHello("raw@host.example.org"),
    "name",
    /raw@host.example.org is not let in: .* are long and short names mixed/,
  ],
  [
    "a name without a host",
    beamHello("raw"),
    "protocol",
    /an introduction with the name "raw", which no node can have/,
  ],
  [
    "a name with terminal control characters",
    beamHello("\u001b[31mraw@localhost"),
    "protocol",
    /which no node can have/,
  ],
];

for (const [what, hello, cause, line] of REFUSED) {
  clusterTest(`${what} is refused, and the log says so`, async (cluster) => {
    const alex = await cluster.start("alex");
    await using raw = await RawPeer.dial(alex.port);
    await raw.write(beamFrame(hello));
    assertEquals(await heard(raw), "snot_allowed");
    await raw.closed;
    assertMatch(await cluster.logged(line), /^alex warning: Refused a conn/);
    const { refused, halfOpen, connections } = await statsOf(alex);
    assertEquals([refused[cause], halfOpen, connections], [1, 0, 0]);
    // deno-lint-ignore no-control-regex
    assertEquals(/[\u0000-\u001f]/.test(cluster.lines()[0]), false);
    assertEquals(cluster.lines().length, 1);
  });
}

clusterTest("flags without digest and cache are let in", async (cluster) => {
  const alex = await cluster.start("alex");
  await using raw = await RawPeer.dial(alex.port);
  await enterBeam(raw, RAW, { flags: 0x4_0307_0f94n });
  await cluster.logged(/Connected to raw@localhost/);
});

clusterTest("a cookie is hashed as bytes of characters", async (cluster) => {
  const alex = await cluster.start("alex", { cookie: "caf\u00e9" });
  await using raw = await RawPeer.dial(alex.port);
  const challenge = await challengeTo(raw, RAW);
  const digest = createHash("md5").update(Buffer.from("caf\xe9", "latin1"))
    .update(`${challenge}`).digest();
  const head = beamReply(challenge, 5).subarray(0, 5);
  await raw.write(beamFrame(Buffer.concat([head, digest])));
  assertEquals((await heard(raw))?.[0], "a");
});

clusterTest("a silent dialler is closed in time", async (cluster) => {
  const alex = await cluster.start("alex", {
    limits: { handshakeTimeout: 200 },
  });
  const hello = beamFrame(beamHello(RAW));
  for (const bytes of [hello.subarray(0, 1), hello.subarray(0, 20), hello]) {
    await using raw = await RawPeer.dial(alex.port);
    await raw.write(bytes);
    await raw.closed;
  }
  assertEquals((await statsOf(alex)).refused.timeout, 3);
});

clusterTest("a handshake cut at any byte is refused", async (cluster) => {
  const alex = await cluster.start("alex");
  const hello = beamFrame(beamHello(RAW));
  for (let end = 1; end < hello.length; end++) {
    await using raw = await RawPeer.dial(alex.port);
    await raw.write(hello.subarray(0, end));
    raw.end();
    await raw.closed;
  }
  for (let end = 1; end < 23; end++) {
    await using raw = await RawPeer.dial(alex.port);
    const challenge = await challengeTo(raw, RAW);
    const reply = beamFrame(beamReply(challenge, 5));
    assertEquals(reply.length, 23);
    await raw.write(reply.subarray(0, end));
    raw.end();
    await raw.closed;
  }
  await using raw = await RawPeer.dial(alex.port);
  await enterBeam(raw, RAW);
  await cluster.logged(/Connected to raw@localhost/);
  const { halfOpen, connections, connected } = await statsOf(alex);
  assertEquals([halfOpen, connections, connected], [0, 1, 1]);
});

clusterTest(`${DAMAGED} damaged handshakes are refused`, async (cluster) => {
  const alex = await cluster.start("alex", {
    limits: { handshakeTimeout: 1000 },
  });
  await fuzz(DAMAGED, async (random) => {
    await using raw = await RawPeer.dial(alex.port);
    const hello = beamFrame(beamHello(RAW));
    // The status is answered to any reply: a damaged one is no proof.
    const reply = beamFrame(beamReply(0, 5, "another"));
    const bytes = random.below(2) === 0
      ? mutatedBytes(random, hello)
      : Buffer.concat([hello, mutatedBytes(random, reply)]);
    await raw.write(bytes);
    raw.end();
    await raw.closed;
  });
  await using raw = await RawPeer.dial(alex.port);
  await enterBeam(raw, RAW);
  await cluster.logged(/Connected to raw@localhost/);
  const { connections, connected, halfOpen } = await statsOf(alex);
  assertEquals([connections, connected, halfOpen], [1, 1, 0]);
}, { timeout: 60_000 });

// Dials that cross.

clusterTest("a smaller name is told nok in a dial", async (cluster) => {
  await withListener(cluster, async (alex, listener) => {
    const connecting = alex.run(() => Node.connect("aaa@localhost"));
    await using own = await listener.accept();
    assertEquals((await hearHello(own, "dialler")).name, alex.name);
    await using raw = await RawPeer.dial(alex.port);
    await raw.write(beamFrame(beamHello("aaa@localhost")));
    assertEquals(await heard(raw), "snok");
    await raw.closed;
    await admitBeam(own, "aaa@localhost", { status: "ok_simultaneous" });
    assertEquals(await connecting, true);
    assertEquals(cluster.lines(), []);
  });
});

clusterTest("a greater name is told ok_simultaneous", async (cluster) => {
  await withListener(cluster, async (alex, listener) => {
    const connecting = alex.run(() => Node.connect("zed@localhost"));
    await using own = await listener.accept();
    await hearHello(own, "dialler");
    await using raw = await RawPeer.dial(alex.port);
    await enterBeam(raw, "zed@localhost", { status: "ok_simultaneous" });
    assertEquals(await connecting, true);
    await own.write(beamFrame("snok"));
    await own.closed;
    await alex.run(() => assertEquals(Node.list("hidden"), ["zed@localhost"]));
    assertEquals(cluster.lines(), []);
  });
});

clusterTest("a proven dialler waits for our own dial", async (cluster) => {
  await withListener(cluster, async (alex, listener) => {
    for (const outcome of ["ended", "connected"]) {
      await using raw = await RawPeer.dial(alex.port);
      const challenge = await challengeTo(raw, "aaa@localhost");
      const connecting = alex.run(() => Node.connect("aaa@localhost"));
      await using own = await listener.accept();
      await hearHello(own, "dialler");
      await raw.write(beamFrame(beamReply(challenge, 5)));
      if (outcome === "ended") {
        // It has not reached the other node's kernel: that node has another connection to set up.
        await own.write(beamFrame("snok"));
        assertEquals(
          await heard(raw),
          `a${digestOfChallenge(5).toString("latin1")}`,
        );
      } else {
        await admitBeam(own, "aaa@localhost", { status: "ok_simultaneous" });
        assertEquals(await heard(raw), undefined);
      }
      assertEquals(await connecting, true);
      await alex.run(async () => {
        assertEquals(Node.list("hidden"), ["aaa@localhost"]);
        Node.disconnect("aaa@localhost");
        await Promise.resolve();
      });
    }
    assertEquals(cluster.lines(), []);
  });
});

clusterTest("an ended dial never counts as connected", async (cluster) => {
  await withListener(cluster, async (alex, listener) => {
    await using raw = await RawPeer.dial(alex.port);
    const challenge = await challengeTo(raw, "aaa@localhost");
    const connecting = alex.run(() => Node.connect("aaa@localhost"));
    await using own = await listener.accept();
    await hearHello(own, "dialler");
    await raw.write(beamFrame(beamReply(challenge, 5)));
    raw.end();
    await raw.closed;
    await own.write(beamFrame("snot_allowed"));
    assertEquals(await connecting, false);
    await cluster.logged(/Refused .*: the other side closed the connection/);
    const { connected, halfOpen } = await statsOf(alex);
    assertEquals([connected, halfOpen], [0, 0]);
  });
});

// Another connection of the same name.

clusterTest("alive, then true replaces the connection", async (cluster) => {
  const alex = await cluster.start("alex");
  await using old = await RawPeer.dial(alex.port);
  await enterBeam(old, RAW);
  await cluster.logged(/Connected to raw@localhost/);
  await alex.run(async () => {
    Node.monitor(RAW);
    await using raw = await RawPeer.dial(alex.port);
    await enterBeam(raw, RAW, { status: "alive", creation: 8 });
    await nodeDown(RAW);
    await old.closed;
    assertEquals(Node.list("hidden"), [RAW]);
    assertEquals(raw.isClosed, false);
  });
});

clusterTest("alive, then false keeps the connection", async (cluster) => {
  const alex = await cluster.start("alex");
  await using old = await RawPeer.dial(alex.port);
  await enterBeam(old, RAW);
  await cluster.logged(/Connected to raw@localhost/);
  for (const answer of ["sfalse", "smaybe", "strue"]) {
    await using raw = await RawPeer.dial(alex.port);
    await raw.write(beamFrame(beamHello(RAW)));
    assertEquals(await heard(raw), "salive");
    await raw.write(beamFrame(answer));
    if (answer === "strue") {
      const { challenge } = await hearHello(raw);
      await raw.write(beamFrame(beamReply(challenge, 5, "another")));
    }
    await raw.closed;
  }
  await alex.run(() => assertEquals(Node.list("hidden"), [RAW]));
  assertEquals(old.isClosed, false);
  const { refused } = await statsOf(alex);
  assertEquals([refused.alive, refused.protocol, refused.cookie], [1, 1, 1]);
});

// This node as the dialler.

clusterTest("Node.connect() answers true to alive", async (cluster) => {
  await withListener(cluster, async (alex, listener) => {
    const connecting = alex.run(() => Node.connect(RAW));
    await using own = await listener.accept();
    assertEquals(await hearHello(own, "dialler"), {
      name: alex.name,
      creation: alex.creation,
      flags: OWN_FLAGS,
      challenge: 0,
    });
    await own.write(beamFrame("salive"));
    assertEquals(await heard(own), "strue");
    await own.write(beamFrame(beamHello(RAW, { challenge: 9 })));
    const reply = await own.body(2);
    const digest = digestOfChallenge(reply!.readUInt32BE(1));
    await own.write(beamFrame(Buffer.concat([Buffer.from("a"), digest])));
    assertEquals(await connecting, true);
  });
});

/** Answers of a listener that end a dial, and the lines in the log. */
const ANSWERS: [what: string, frames: (Uint8Array | string)[], line: RegExp][] =
  [
    ["not_allowed", ["snot_allowed"], /it does not let this node in/],
    ["named:", ["snamed:\0\x0dalex@localhost\0\0\0\x01"], /"named:/],
    ["an unknown status", ["sperhaps"], /it answered "perhaps"/],
    ["no status", ["xok"], /begins with "xok", and not a status/],
    [
      "another name",
      ["sok", beamHello("other@localhost", { challenge: 1 })],
      /other@localhost answered there, not raw@localhost/,
    ],
    [
      "OTP 24",
      ["sok", beamHello(RAW, { challenge: 1, flags: OTP_24 })],
      /raw@localhost is an Erlang node older than OTP 25/,
    ],
    [
      "a cut introduction",
      ["sok", beamHello(RAW, { challenge: 1 }).subarray(0, 25)],
      /shorter than it says/,
    ],
  ];

for (const [what, frames, line] of ANSWERS) {
  clusterTest(`Node.connect() fails at answer ${what}`, async (cluster) => {
    await withListener(cluster, async (alex, listener) => {
      const connecting = alex.run(() => Node.connect(RAW));
      await using own = await listener.accept();
      await hearHello(own, "dialler");
      for (const frame of frames) await own.write(beamFrame(frame));
      assertEquals(await connecting, false);
      await own.closed;
      assertMatch(cluster.lines()[0], line);
      assertEquals(cluster.lines().length, 1);
    });
  });
}

clusterTest("Node.connect() fails at a close at any byte", async (cluster) => {
  await withListener(cluster, async (alex, listener) => {
    const frames = Buffer.concat([
      beamFrame("sok"),
      beamFrame(beamHello(RAW, { challenge: 1 })),
    ]);
    let end = 0;
    const serve = async () => {
      for (;;) {
        await using own = await listener.accept();
        await hearHello(own, "dialler");
        end = end % frames.length + 1;
        await own.write(frames.subarray(0, end));
        own.end();
        await own.closed;
      }
    };
    void serve();
    const names = Array.from(frames, (_, i) => `raw${i}@localhost`);
    const found = await alex.run(() =>
      Promise.all(names.map((name) => Node.connect(name)))
    );
    assertEquals(found, names.map(() => false));
    assertEquals(await alex.run(() => Node.list("connected")), []);
  });
});

clusterTest("a node answers no challenge of its own", async (cluster) => {
  await withListener(cluster, async (alex, listener) => {
    await using raw = await RawPeer.dial(alex.port);
    const challenge = await challengeTo(raw, "zed@localhost");
    const connecting = alex.run(() => Node.connect(RAW));
    await using own = await listener.accept();
    await hearHello(own, "dialler");
    await own.write(beamFrame("sok"));
    await own.write(beamFrame(beamHello(RAW, { challenge })));
    assertEquals(await heard(own), undefined);
    assertEquals(await connecting, false);
    assertMatch(cluster.lines()[0], /sent a challenge of this node's back/);
  });
});
