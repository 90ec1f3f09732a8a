import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import { Socket } from "node:net";
import process from "node:process";
import type { TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import {
  mismatchOf,
  readCertificate,
} from "../../../packages/node/host/certificate.ts";
import { loadCredentials } from "../../../packages/node/host/credentials.ts";
import { TlsTransport } from "../../../packages/node/host/tls.ts";
import { NodeStartError } from "../../../packages/processes/errors.ts";
import { Node, type NodeOptions, type TlsOptions } from "../../../node.ts";
import { receive, self, send } from "../../../packages/processes/process.ts";
import { currentProcess } from "../../../packages/processes/runtime/current_process.ts";
import { test } from "../../../packages/testing/tags.ts";
import { X509Certificate } from "node:crypto";
import {
  type CertificateNames,
  makeCertificates,
} from "../../../tools/certs.ts";
import { numbersIn } from "../../_pages.ts";
import {
  assertRefused,
  chat,
  ChatProcess,
  nodeFlags,
  withFolder,
} from "../../_cli.ts";
import { type Cluster, clusterTest, freePort } from "../../_nodes.ts";
import { LyingEpmd } from "../../_fake_epmd.ts";
import { hello, RawListener, RawPeer } from "../../_raw_peer.ts";
import * as Remote from "../../_remote.ts";
import { Random, SEED } from "../../_seeds.ts";
import {
  authority,
  ca,
  stranger,
  Tap,
  tlsDial,
  TlsListener,
  tlsOf,
} from "../../_tls.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";
const RAW = "raw@localhost";
const DAY = 24 * 60 * 60 * 1000;

async function startBoth(
  cluster: Cluster,
  options: { alex?: Partial<NodeOptions>; kate?: Partial<NodeOptions> } = {},
): Promise<{ alex: Node; kate: Node }> {
  const [alexTls, kateTls] = await Promise.all(
    [ALEX, KATE].map((name) => tlsOf({ nodes: [name] })),
  );
  const kate = await cluster.start("kate", { tls: kateTls, ...options.kate });
  const alex = await cluster.start("alex", { tls: alexTls, ...options.alex });
  return { alex, kate };
}

/** The lines that the proof of a dialler has more. */
function bindingOf(socket: TLSSocket): string[] {
  const prints = [socket.getCertificate(), socket.getPeerCertificate()]
    .map((each) =>
      (each as { fingerprint256: string }).fingerprint256
        .replaceAll(":", "").toLowerCase()
    );
  return ["tls", ...prints];
}

/** A relay to a node, with TLS at both sides, which counts the bytes of diallers. */
async function relayTo(node: Node, tls: TlsOptions) {
  const listener = await TlsListener.listen(tls);
  const relay = Object.assign(listener, { relayed: 0 });
  relay.onSocket = async (near) => {
    const { cert, key } = tls;
    const { socket: far } = await tlsDial(node.port, { cert, key });
    near.on(
      "data",
      (chunk: Uint8Array) => void (relay.relayed += chunk.length),
    );
    near.pipe(far).pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  };
  return relay;
}

async function assertNotConnected(alex: Node): Promise<void> {
  assertEquals(await alex.run(() => Node.connect(KATE)), false);
}

// Certificates.

clusterTest("nodes communicate over TLS in all frames", async (cluster) => {
  const { alex, kate } = await startBoth(cluster);
  await alex.run(async () => {
    const pid = await Node.spawn(KATE, Remote.relay, [self()]);
    await receive((m) => m === "up");
    const bytes = new Uint8Array(3 << 20).fill(7);
    const text = "x".repeat(2 << 20);
    for (const message of ["hi", { bytes }, [text]]) {
      send(pid, message);
      assertEquals((await receive()).relayed, message);
    }
    assertEquals(Node.list(), [KATE]);
  });
  assertEquals(await kate.run(() => Node.list()), [ALEX]);
  assertEquals(cluster.lines(), []);
});

clusterTest("a proxy cannot read what nodes send over TLS", async (cluster) => {
  for (const isTls of [true, false]) {
    const names = isTls ? ["alex", "kate"] : ["alexplain", "kateplain"];
    const [one, other] = await Promise.all(
      names.map(async (name) =>
        await cluster.start(name, {
          tls: isTls
            ? await tlsOf({ nodes: [`${name}@localhost`] })
            : undefined,
        })
      ),
    );
    await using tap = await Tap.listen(other.port);
    assertEquals(
      await one.run(() => Node.connect(other.name, { address: tap.address })),
      true,
    );
    await one.run(() => send({ name: "x", node: other.name }, "rosebud"));
    await one.run(() => Node.spawn(other.name, Remote.relay, [self()]));
    assertEquals(tap.heard().includes("rosebud"), !isTls);
    assertEquals(tap.heard().includes(one.name), !isTls);
  }
});

clusterTest("a peer of another CA is refused at both ends", async (cluster) => {
  const kate = { ...await stranger.issue({ nodes: [KATE] }) };
  const { alex } = await startBoth(cluster, {
    kate: { tls: { ...kate, ca: stranger.pair.cert } },
  });
  await assertNotConnected(alex);
  await cluster.logged(
    /alex warning: Cannot connect to kate@localhost: its certificate is refused: it is not of the CA/,
  );
  await cluster.logged(
    /kate warning: .* it ended the TLS handshake, most likely because it does not trust this node's certificate/,
  );
});

clusterTest("a dialler of another CA is refused", async (cluster) => {
  const { alex, kate } = await startBoth(cluster, {
    alex: { tls: { ...await stranger.issue({ nodes: [ALEX] }), ca } },
  });
  await assertNotConnected(alex);
  await cluster.logged(
    /kate warning: .* its certificate is refused: it is not of the CA that this node trusts/,
  );
  await cluster.logged(
    /alex warning: .*it closed the connection after the TLS handshake, most likely because it does not trust this node's certificate/,
  );
  assertEquals(await kate.run(() => Node.list("connected")), []);
});

clusterTest("a dialler without a certificate is refused", async (cluster) => {
  const { kate } = await startBoth(cluster);
  const { peer } = await tlsDial(kate.port, {});
  await peer.closed;
  assertEquals(peer.bytes.length, 0);
  await cluster.logged(/kate warning: .* it shows no certificate/);
});

for (
  const [what, times] of [
    ["has expired", { to: new Date(Date.now() - DAY / 2) }],
    ["is not valid yet", { from: new Date(Date.now() + DAY) }],
  ] as const
) {
  clusterTest(`a certificate that ${what} is refused`, async (cluster) => {
    const { alex, kate } = await startBoth(cluster);
    const pair = await authority.issue({ nodes: [RAW], ...times });
    const { peer } = await tlsDial(kate.port, pair);
    await peer.closed;
    assertEquals(peer.bytes.length, 0);
    const says = /^kate warning: .*its certificate is refused: .*not valid now/;
    await cluster.logged(says);
    await using listener = await TlsListener.listen({ ...pair, ca });
    const { address } = listener;
    const connected = await alex.run(() => Node.connect(RAW, { address }));
    assertEquals(connected, false);
    await cluster.logged(
      /^alex warning: Cannot connect to raw@localhost: its certificate is refused: .*not valid now/,
    );
  });
}

clusterTest("another node's certificate is refused", async (cluster) => {
  const wrong = { tls: await tlsOf({ nodes: [RAW] }, { verify: "none" }) };
  const { alex, kate } = await startBoth(cluster, { kate: wrong });
  await assertNotConnected(alex);
  await cluster.logged(
    /alex warning: Cannot .*the certificate is for raw@localhost, and not for kate@localhost/,
  );
  assertEquals(await kate.run(() => Node.connect(ALEX)), false);
  await cluster.logged(
    /alex warning: Refused .*the certificate is for raw@localhost, and not for kate@localhost/,
  );
  await cluster.logged(/kate warning: .*it does not let this node in/);
});

clusterTest("a name at an address needs its certificate", async (cluster) => {
  const { alex, kate } = await startBoth(cluster);
  const { runtime } = await alex.run(() => currentProcess());
  const address = `127.0.0.1:${kate.port}`;
  assertEquals(await runtime.connectTo({ address }), {
    node: KATE,
    connected: true,
    isNew: true,
  });
  const moebi = await cluster.start("moebi", {
    tls: await tlsOf({ nodes: ["moebi@localhost"] }),
  });
  await using relay = await TlsListener.listen(
    await tlsOf({ nodes: ["sophie@localhost"] }),
  );
  const { runtime: moebis } = await moebi.run(() => currentProcess());
  relay.onSocket = async (socket) => {
    const peer = new RawPeer(socket);
    assertEquals((await peer.hear()).to, null);
    await peer.say({ status: "name", name: KATE, creation: 7 });
  };
  const reached = await moebis.connectTo({ address: relay.address });
  assertMatch(
    String((reached as { reason?: string }).reason),
    /kate@localhost: the certificate is for sophie@localhost/,
  );
  const plain = await cluster.start("plain");
  const { runtime: plains } = await plain.run(() => currentProcess());
  const refused = await plains.connectTo({ address });
  assertEquals([refused.node, refused.connected], [undefined, false]);
  assertMatch(String((refused as { reason?: string }).reason), /TLS/);
});

clusterTest("nodes with TLS form a mesh without EPMD", async (cluster) => {
  const start = async (name: string, certified = name) =>
    await cluster.start(name, {
      epmdPort: false,
      tls: await tlsOf({ nodes: [`${certified}@localhost`] }),
    });
  const alex = await start("alex");
  const kate = await start("kate");
  const moebi = await start("moebi");
  const address = `127.0.0.1:${alex.port}`;
  assertEquals(await kate.run(() => Node.connect({ address })), true);
  await moebi.run(async () => {
    Node.monitorNodes(true);
    assertEquals(await Node.connect({ address }), true);
    for (let i = 0; i < 2; i++) await receive((m) => m?.type === "nodeup");
    assertEquals(Node.list().toSorted(), [ALEX, KATE]);
  });
  assertEquals(cluster.lines(), []);
  // A peer names another node's address as sophie's: its certificate is not hers.
  await using relay = await TlsListener.listen(
    await tlsOf({ nodes: ["mallory@localhost"] }),
  );
  const pair = await authority.issue({ nodes: [RAW] });
  const { peer, socket } = await tlsDial(alex.port, pair);
  await using raw = peer;
  const binding = bindingOf(socket);
  await raw.enter(RAW, ALEX, { binding, listen: { port: 1 } });
  await raw.say([["peers", ["sophie@localhost"], [relay.address]]]);
  await cluster.logged(
    /alex warning: Cannot connect to sophie@localhost: at .*: the certificate is for mallory@localhost/,
  );
});

clusterTest("verify decides at both ends, only by true", async (cluster) => {
  const asked: unknown[] = [];
  let answer: () => unknown = () => true;
  const verify = ((name, { nodes, hosts, fingerprint }) => {
    asked.push([name, nodes, hosts]);
    assertMatch(fingerprint, /^[0-9a-f]{64}$/);
    return answer();
  }) as TlsOptions["verify"];
  const { alex, kate } = await startBoth(cluster, {
    alex: { tls: await tlsOf({ uris: ["urn:x"] }, { verify: "none" }) },
    kate: { tls: await tlsOf({ nodes: [KATE] }, { verify }) },
  });
  const refuses = /the verify option refuses the certificate of alex@localhost/;
  const failed = /the verify option failed for alex@localhost: Error: no idea/;
  const promised =
    /the verify option returned a promise for alex@localhost.* must return true or false/;
  const answers: [string, () => unknown, RegExp][] = [
    ["false", () => false, refuses],
    ["nothing", () => undefined, refuses],
    ["1", () => 1, refuses],
    ["a text", () => "true", refuses],
    ["an object", () => new Boolean(true), refuses],
    ["a promise", () => Promise.resolve(true), promised],
    ["a promise that rejects", () => Promise.reject(Error("late")), promised],
    ["an error", () => {
      throw new Error("no idea");
    }, failed],
  ];
  for (const [what, of, says] of answers) {
    answer = of;
    for (const [from, to] of [[alex, KATE], [kate, ALEX]] as const) {
      const connected = await from.run(() => Node.connect(to));
      assertEquals([what, to, connected], [what, to, false]);
    }
    await cluster.logged(says);
  }
  assertEquals(asked, answers.flatMap(() => [[ALEX, [], []], [ALEX, [], []]]));
  answer = () => true;
  assertEquals(await alex.run(() => Node.connect(KATE)), true);
});

/** The names in a certificate, a node, and how it is valid: by "host", by "name" too, or for neither. */
const CERTIFIED: [
  names: CertificateNames,
  node: string,
  by: "name" | "host" | "neither",
][] = [
  [{ nodes: [ALEX, KATE], hosts: ["localhost"] }, ALEX, "name"],
  [{ nodes: [ALEX, KATE], hosts: ["localhost"] }, KATE, "name"],
  // One that names nodes is valid for these only.
  [{ nodes: [ALEX, KATE], hosts: ["localhost"] }, RAW, "neither"],
  [{ nodes: ["Alex@localhost"] }, ALEX, "neither"],
  [{ nodes: ["alex@localhost.org"] }, ALEX, "neither"],
  [{ uris: [`http://x, URI:otp://${ALEX}`] }, ALEX, "neither"],
  [{ uris: [`xotp://${ALEX}`] }, ALEX, "neither"],
  [{ hosts: ["localhost"] }, ALEX, "host"],
  [{ hosts: ["Host.example.org"] }, "a@host.example.org", "host"],
  [{ hosts: ["host.example.org"] }, "a@HOST.example.org", "host"],
  [{ hosts: ["host.example.org"] }, "a@example.org", "neither"],
  [{ hosts: ["host.example.org"] }, "a@host.example.org.uk", "neither"],
  [{ hosts: ["host.example.org"] }, "a@xhost.example.org", "neither"],
  [{ hosts: ["x.y", "host.example.org"] }, "a@host.example.org", "host"],
  // A star stands for a whole first label, and not for all hosts of a top-level domain.
  [{ hosts: ["*.example.org"] }, "a@host.example.org", "host"],
  [{ hosts: ["*.Example.org"] }, "a@host.EXAMPLE.org", "host"],
  [{ hosts: ["*.example.org"] }, "a@x.host.example.org", "neither"],
  [{ hosts: ["*.example.org"] }, "a@example.org", "neither"],
  [{ hosts: ["*.example.org"] }, "a@.example.org", "neither"],
  [{ hosts: ["*.example.org"] }, "a@hostexample.org", "neither"],
  [{ hosts: ["*.example.org"] }, "a@host.example.net", "neither"],
  [{ hosts: ["*.com"] }, "a@example.com", "neither"],
  [{ hosts: ["*.com."] }, "a@example.com", "neither"],
  [{ hosts: ["*.localhost"] }, "a@b.localhost", "neither"],
  [{ hosts: ["*"] }, ALEX, "neither"],
  [{ hosts: ["*"] }, "a@example.com", "neither"],
  [{ hosts: ["*.*.org"] }, "a@host.example.org", "neither"],
  [{ hosts: ["host.*.org"] }, "a@host.example.org", "neither"],
  [{ hosts: ["h*.example.org"] }, "a@host.example.org", "neither"],
  [{ hosts: ["*t.example.org"] }, "a@host.example.org", "neither"],
  [{ hosts: ["host.example.*"] }, "a@host.example.org", "neither"],
  [{ hosts: ["*example.org"] }, "a@host.example.org", "neither"],
  [{ hosts: ["*.0.0.1"] }, "a@127.0.0.1", "neither"],
  [{}, ALEX, "neither"],
];

test("a certificate is valid for the nodes and hosts that it names", async () => {
  for (const [names, node, by] of CERTIFIED) {
    const der = derOf((await authority.issue(names)).cert);
    const isFor = (verify: "host" | "name" | "none") =>
      mismatchOf(node, readCertificate(der), verify) === undefined;
    const says = `${JSON.stringify(names)} for ${node}`;
    assertEquals([isFor("host"), says], [by !== "neither", says]);
    assertEquals([isFor("name"), says], [by === "name", says]);
    assert(isFor("none"), says);
  }
  const der = derOf((await authority.issue({ nodes: [ALEX] })).cert);
  for (let end = 0; end < der.length; end += 7) {
    readCertificate(der.subarray(0, end));
  }
});

function derOf(pem: string): Uint8Array {
  const body = pem.replace(/-----[^-]+-----|\s/g, "");
  return Uint8Array.from(atob(body), (c) => c.charCodeAt(0));
}

// The cookie, and the proof.

clusterTest("the cookie is required over TLS too", async (cluster) => {
  const { alex } = await startBoth(cluster, { alex: { cookie: "another" } });
  await assertNotConnected(alex);
  await cluster.logged(/kate warning: .*alex@localhost has another cookie/);
});

clusterTest("a relay with a valid certificate is refused", async (cluster) => {
  // The worst case: the relay's certificate is from the same CA, and has the right name.
  const { alex, kate } = await startBoth(cluster);
  const certified = await tlsOf({ nodes: [ALEX, KATE] });
  await using relay = await relayTo(kate, certified);
  const { address } = relay;
  const connected = await alex.run(() => Node.connect(KATE, { address }));
  assertEquals(connected, false);
  await cluster.logged(/kate warning: .*alex@localhost has another cookie/);
  assertEquals(await kate.run(() => Node.list("connected")), []);
  // The binding stops it: the node itself is accepted.
  assertEquals(await alex.run(() => Node.connect(KATE)), true);
});

clusterTest("TLS needs the fingerprints of the protocol", async (cluster) => {
  const { kate } = await startBoth(cluster);
  const pair = await authority.issue({ nodes: [RAW] });
  for (const isBound of [false, true]) {
    const { peer, socket } = await tlsDial(kate.port, pair);
    const options = isBound ? { binding: bindingOf(socket) } : {};
    await using _ = peer;
    if (isBound) await peer.enter(RAW, KATE, options);
    else await assertRejects(() => peer.enter(RAW, KATE, options));
  }
});

// TLS at one end only.

clusterTest("a plain node that dials TLS is logged", async (cluster) => {
  const { alex } = await startBoth(cluster, { alex: { tls: undefined } });
  await assertNotConnected(alex);
  await cluster.logged(
    /alex warning: Cannot connect to kate@localhost: it speaks TLS, and this node does not: start this node with TLS too/,
  );
  await cluster.logged(
    /kate warning: Refused .*a peer without TLS on a TLS port: start it with the tls option too/,
  );
});

clusterTest("a TLS node that dials plain is logged", async (cluster) => {
  const { alex } = await startBoth(cluster, { kate: { tls: undefined } });
  await assertNotConnected(alex);
  await cluster.logged(
    /alex warning: Cannot connect to kate@localhost: it does not speak TLS, as it seems/,
  );
  await cluster.logged(
    /kate warning: Refused .*a TLS client on a plain port: start this node with TLS too/,
  );
});

clusterTest("TLS before 1.3 is refused", async (cluster) => {
  const { kate } = await startBoth(cluster);
  const pair = await authority.issue({ nodes: [RAW] });
  await assertRejects(() =>
    tlsDial(kate.port, {
      ...pair,
      minVersion: "TLSv1.2",
      maxVersion: "TLSv1.2",
    })
  );
  await cluster.logged(/kate warning: .*does not offer TLS 1.3/);
});

clusterTest("an unfinished TLS handshake is closed", async (cluster) => {
  const { kate } = await startBoth(cluster, {
    kate: {
      tls: await tlsOf({ nodes: [KATE] }),
      limits: { handshakeTimeout: 200 },
    },
  });
  await using peer = await RawPeer.dial(kate.port);
  await peer.write(new Uint8Array([0x16, 0x03, 0x01]));
  await peer.closed;
  await cluster.logged(/kate warning: .*did not get in within 200 ms/);
});

clusterTest("unauthenticated data inside TLS is refused", async (cluster) => {
  const { kate } = await startBoth(cluster);
  const pair = await authority.issue({ nodes: [RAW] });
  const { peer } = await tlsDial(kate.port, pair);
  await peer.write("GET / HTTP/1.1\r\n\r\n");
  await peer.closed;
  await cluster.logged(/kate warning: .*an HTTP client/);
  const { peer: silent } = await tlsDial(kate.port, pair);
  await silent.say({ versions: [1], to: KATE, ...hello(RAW) });
  assertEquals((await silent.hear()).status, "ok");
  await silent[Symbol.asyncDispose]();
});

clusterTest("unauthenticated TLS connections block no one", async (cluster) => {
  const { alex, kate } = await startBoth(cluster, {
    kate: { tls: await tlsOf({ nodes: [KATE] }), limits: { maxHalfOpen: 4 } },
  });
  const begun = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 3, 3];
  const starts = [[], [0], [0, 0, 1, 0, 0x7b], begun, [0x16, 3, 3, 255, 255]];
  await using peers = new AsyncDisposableStack();
  for (let round = 0; round < 8; round++) {
    for (const start of starts) {
      const peer = peers.use(await RawPeer.dial(kate.port));
      const random = new Random(SEED + round).randomBytes(round * 8);
      if (start.length > 0) {
        await peer.write(Uint8Array.from([...start, ...random]));
      }
    }
  }
  assertEquals(await alex.run(() => Node.connect(KATE)), true);
  assertEquals(await kate.run(() => Node.list("connected")), [ALEX]);
});

// Listening.

clusterTest("listening without TLS warns once", async (cluster) => {
  await cluster.start("alex", { listen: "0.0.0.0" });
  const lines = cluster.lines();
  assertEquals(lines.length, 1);
  assertMatch(
    lines[0],
    /^alex warning: alex@localhost listens on 0.0.0.0 without TLS: anyone on the network can read/,
  );
  await cluster.start("kate", {
    listen: "0.0.0.0",
    tls: await tlsOf({ nodes: [KATE] }),
  });
  assertEquals(cluster.lines(), lines);
});

test("a transport that fails is closed once, with its first error", async () => {
  const options = await tlsOf({ nodes: [KATE] });
  const credentials = loadCredentials(options, KATE);
  const errors: unknown[] = [];
  const handlers = {
    bytes: () => {},
    drained: () => {},
    closed: (error?: Error) => void errors.push(error),
  };
  const [first, second] = [new Error("first"), new Error("second")];
  for (const isStarted of [true, false]) {
    const transport = new TlsTransport(new Socket(), credentials);
    if (isStarted) transport.start(handlers);
    transport.fail(first);
    transport.fail(second);
    transport.fail(undefined);
    if (!isStarted) transport.start(handlers);
    assertEquals(errors.splice(0), [first]);
  }
});

test("Node.start() reports an invalid certificate", async () => {
  const good = await tlsOf({ nodes: [ALEX] });
  const other = await tlsOf({ nodes: [KATE] });
  const old = await tlsOf({ nodes: [ALEX], to: new Date(Date.now() - 1000) });
  const cases: [Partial<TlsOptions>, string][] = [
    [{ cert: "/nowhere.crt" }, 'read from "/nowhere.crt": there is no such'],
    [{ ca: "/" }, "it is a folder"],
    [{ key: "" }, "TLS needs the private key: give tls.key (--tls-key)"],
    [{ cert: good.key }, "tls.cert has no certificate in PEM"],
    [{ key: good.cert }, "tls.key has no private key in PEM"],
    [{ ca: "-----BEGIN" }, "tls.ca has no certificate in PEM"],
    [{ key: other.key }, "the private key is not the certificate's"],
    [old, "the certificate has expired"],
    [other, "the certificate is for kate@localhost, and not for alex"],
  ];
  for (const [wrong, says] of cases) {
    const error = await assertRejects(
      () =>
        Node.start({
          name: ALEX,
          cookie: "c",
          epmdPort: false,
          tls: { ...good, ...wrong },
        }),
      NodeStartError,
    );
    assertEquals(error.code, "tls");
    assertStringIncludes(error.message, says);
    assert(!error.message.includes("PRIVATE KEY-----"));
  }
});

// The command line.

const [DAYS] = numbersIn("docs/security.md", "each node, valid for # days");

test(
  "deno task certs: two programs communicate with the certificates that it creates",
  { timeout: 60_000, tags: ["cli"] },
  () =>
    withFolder(async (folder) => {
      const said = await makeCertificates(folder, [ALEX, KATE]);
      assertStringIncludes(said, `--tls-key ${join(folder, `${ALEX}.key`)}`);
      for (const name of ["ca", ALEX, KATE]) {
        const { mode } = await Deno.stat(join(folder, `${name}.key`));
        assertEquals((mode ?? 0) & 0o777, 0o600);
        const { validFrom, validTo } = new X509Certificate(
          await Deno.readTextFile(join(folder, `${name}.crt`)),
        );
        const valid = Date.parse(validTo) - Date.parse(validFrom);
        // Up to a day is before now, for clocks that differ.
        assert(Math.abs(valid / 86_400_000 - DAYS) <= 1, `${valid} ms`);
      }
      const epmdPort = freePort();
      await using kate = new ChatProcess([
        ...nodeFlags("kate", epmdPort),
        `--tls-cert=${join(folder, `${KATE}.crt`)}`,
        `--tls-key=${join(folder, `${KATE}.key`)}`,
        `--tls-ca=${join(folder, "ca.crt")}`,
        "--module=Kate=./chat/kate.ts",
        "--no-halt",
      ]);
      await kate.printed("kate@localhost is up");
      // The command that it prints, with a cookie and an EPMD of the test's own.
      const [, printed] = /\n {2}deno (run [^]*?)\n\n/.exec(said)!;
      const alex = await new Deno.Command(Deno.execPath(), {
        args: [
          ...printed.split(/[\s\\]+/),
          ...nodeFlags("alex", epmdPort).slice(1),
          "--eval",
          `await Node.spawnMonitor("${KATE}", ["Kate", "sayName"]); await receive(); IO.puts(Node.list().join())`,
        ],
        cwd: fileURLToPath(new URL("../../..", import.meta.url)),
        env: { NO_COLOR: "1" },
      }).output();
      const [stdout, stderr] = [alex.stdout, alex.stderr]
        .map((bytes) => new TextDecoder().decode(bytes));
      const { code } = alex;
      assertEquals([stderr, code], ["", 0]);
      assertStringIncludes(stdout, "Hi, my name is Kate");
      assertStringIncludes(stdout, KATE);
      // A second run keeps the CA.
      const before = await Deno.readTextFile(join(folder, "ca.crt"));
      await makeCertificates(folder, [RAW]);
      assertEquals(await Deno.readTextFile(join(folder, "ca.crt")), before);
    }),
);

test(
  "invalid TLS flags are rejected in one line",
  { timeout: 60_000, tags: ["cli", "slow"] },
  () =>
    withFolder(async (folder) => {
      await makeCertificates(folder, [ALEX]);
      const flags = [
        `--tls-cert=${join(folder, `${ALEX}.crt`)}`,
        "--tls-key=nothing.key",
        `--tls-ca=${join(folder, "ca.crt")}`,
      ];
      assertRefused(
        await chat([...nodeFlags("alex", freePort()), ...flags]),
        3,
        'cannot be read from "nothing.key": there is no such file',
      );
      assertRefused(await chat(flags), 2, "--tls-cert without a node");
    }),
);

clusterTest("a wrongly passed private key is not shown", async (cluster) => {
  const { cert, key, ca } = await tlsOf({ nodes: [ALEX] });
  const body = key.replace(/-----.*-----/g, "");
  const secret = body.replace(/\s/g, "").slice(8, 40);
  for (
    const tls of [
      { cert, key: body, ca },
      { cert, key: body.replace(/\s/g, ""), ca },
      { cert, key: key.replace("BEGIN", "BEGINN"), ca },
      { cert, key: key.slice(0, 120), ca },
      { cert: body, key, ca },
      { cert: key, key: cert, ca },
      { cert, key, ca: key.replace("-----BEGIN", "") },
    ]
  ) {
    const error = await assertRejects(
      () => cluster.start("alex", { tls }),
      NodeStartError,
    );
    const shown = [error.message, error.stack, inspect(error, { depth: 9 })];
    assertFalse(shown.join().includes(secret), error.message);
  }
});

// Proxies, and downgrades.

clusterTest("a relay's valid certificate is refused", async (cluster) => {
  const kate = await cluster.start("kate", {
    tls: await tlsOf({ nodes: [KATE] }),
  });
  // The relay's certificate is the cluster's, but another node's.
  const certified = await tlsOf({ nodes: [RAW] });
  await using relay = await relayTo(kate, certified);
  await using epmd = await LyingEpmd.listen(() => ({
    port: Number(relay.address.split(":")[1]),
    extra: "otp-json/1",
  }));
  const alex = await cluster.start("alex", {
    epmdPort: epmd.port,
    tls: await tlsOf({ nodes: [ALEX] }),
  });
  await assertNotConnected(alex);
  await cluster.logged(
    /alex warning: Cannot connect to kate@localhost: the certificate is for raw@localhost/,
  );
  assertEquals(relay.relayed, 0);
  assertEquals(await kate.run(() => Node.list("connected")), []);
});

clusterTest("a listener without TLS receives nothing", async (cluster) => {
  await using listener = await RawListener.listen();
  await using epmd = await LyingEpmd.listen(() => ({
    port: Number(listener.address.split(":")[1]),
    extra: "otp-json/1",
  }));
  const alex = await cluster.start("alex", {
    epmdPort: epmd.port,
    tls: await tlsOf({ nodes: [ALEX] }),
  });
  // A plain answer that is correct except for the missing TLS.
  const failed = assertNotConnected(alex);
  const peer = await listener.accept();
  await peer.say(hello(KATE, { status: "ok" }));
  await failed;
  await peer.closed;
  const said = new TextDecoder("latin1").decode(peer.bytes);
  assertEquals(peer.bytes[0], 0x16, "a ClientHello and nothing else");
  assert(!said.includes("nonce") && !said.includes(ALEX));
  await cluster.logged(/alex warning: .*it does not speak TLS, as it seems/);
});

// Silent connections.

/** The cost of `count` silent connections to the program, in ms of processor time. */
async function costOfSilence(port: number, count: number): Promise<number> {
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) {
    await using _peer = await RawPeer.dial(port);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

clusterTest("a silent TLS connection costs as a plain one", async (cluster) => {
  const plain = await cluster.start("kate");
  const secure = await cluster.start("alex", {
    tls: await tlsOf({ nodes: [ALEX] }),
  });
  let [withTls, without] = [0, 0];
  for (let round = 0; round < 5; round++) {
    without += await costOfSilence(plain.port, 100);
    withTls += await costOfSilence(secure.port, 100);
  }
  const ratio = withTls / without;
  assert(ratio < 2, `${ratio.toFixed(2)} times as much`);
});
