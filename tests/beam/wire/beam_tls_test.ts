/** Connections with nodes of Elixir over TLS: Erlang's `-proto_dist inet_tls`. */

import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { Node, type TlsOptions } from "../../../node.ts";
import { ELIXIR, ElixirNode, hasErlangApplication } from "../../_elixir.ts";
import { clusterTest, nodeDown } from "../../_nodes.ts";
import { enterBeam } from "../../node/wires/_raw_handshake.ts";
import { makeCertificates } from "../../../tools/certs.ts";
import { ca, stranger, tlsDial, tlsOf } from "../../_tls.ts";

const KATE = "kate@localhost";

const OPTIONS = {
  programs: ELIXIR,
  ignore: !await hasErlangApplication("ssl"),
};

/** Starts kate with Erlang's TLS, as docs/elixir.md describes it. */
async function startKate(
  epmdPort: number,
  { cert, key, ca }: TlsOptions,
  version: "tlsv1.3" | "tlsv1.2" = "tlsv1.3",
): Promise<ElixirNode> {
  const folder = await Deno.makeTempDir({ prefix: "beam_tls_" });
  try {
    const write = async (name: string, text: string) => {
      const file = join(folder, name);
      await Deno.writeTextFile(file, text);
      return file;
    };
    const own = `{certfile, "${await write("kate.crt", cert)}"},
      {keyfile, "${await write("kate.key", key)}"},
      {cacertfile, "${await write("ca.crt", ca)}"},
      {verify, verify_peer},
      {versions, ['${version}']}`;
    const file = await write(
      "tls.conf",
      `[{server, [{fail_if_no_peer_cert, true}, ${own}]}, {client, [${own}]}].`,
    );
    const kate = await ElixirNode.start("kate", {
      epmdPort,
      erl: ["-proto_dist inet_tls", "-ssl_dist_optfile", file],
    });
    // The files are read at the first connection, too.
    kate.onEnd(() => Deno.remove(folder, { recursive: true }));
    return kate;
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
}

clusterTest("nodes connect over TLS, from either side", async (cluster) => {
  const folder = await Deno.makeTempDir({ prefix: "beam_certs_" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  await makeCertificates(folder, ["alex@localhost", KATE]);
  const tlsFor = async (name: string): Promise<TlsOptions> => {
    const read = (file: string) => Deno.readTextFile(join(folder, file));
    return {
      cert: await read(`${name}.crt`),
      key: await read(`${name}.key`),
      ca: await read("ca.crt"),
    };
  };
  const tls = await tlsFor("alex@localhost");
  const alex = await cluster.start("alex", { tls });
  await using kate = await startKate(cluster.epmdPort, await tlsFor(KATE));
  assertEquals(await kate.evaluate("Node.connect(:alex@localhost)"), "true");
  await alex.run(async () => {
    assertEquals(Node.list(), [KATE]);
    Node.monitor(KATE);
    await kate.evaluate("Node.disconnect(:alex@localhost)");
    await nodeDown(KATE);
    assertEquals(await Node.connect(KATE), true);
  });
  assertEquals(await kate.evaluate("Node.list()"), "[:alex@localhost]");
  assertEquals(cluster.lines(), []);
}, OPTIONS);

clusterTest("Elixir's wrong certificates are refused", async (cluster) => {
  const tls = await tlsOf({ nodes: ["alex@localhost"], hosts: ["localhost"] });
  const alex = await cluster.start("alex", { tls });
  const wrong = [
    await tlsOf({ nodes: ["other@localhost"], hosts: ["other"] }),
    { ...await stranger.issue({ hosts: ["localhost"] }), ca },
  ];
  for (const [i, certificate] of wrong.entries()) {
    await using kate = await startKate(cluster.epmdPort, certificate);
    assertEquals(await kate.evaluate("Node.connect(:alex@localhost)"), "false");
    assertEquals(await alex.run(() => Node.connect(KATE)), false);
    await cluster.logged(
      i === 0
        ? /alex warning: Refused a connection .*certificate is for/
        : /alex warning: Refused a connection .*its certificate is refused/,
    );
  }
  assertEquals(await alex.run(() => Node.list("connected")), []);
}, OPTIONS);

clusterTest("a node with TLS tells the wires apart", async (cluster) => {
  const tls = await tlsOf({ nodes: ["alex@localhost"] });
  const zoe = await cluster.start("zoe", {
    tls: await tlsOf({ nodes: ["zoe@localhost"] }),
  });
  const alex = await cluster.start("alex", { tls });
  assertEquals(await alex.run(() => Node.connect(zoe.name)), true);
  assertEquals(await alex.run(() => Node.list()), [zoe.name]);
  const raw = await tlsOf({ nodes: ["raw@localhost"] });
  const { peer } = await tlsDial(alex.port, raw);
  await using _ = peer;
  await enterBeam(peer, "raw@localhost", { lengthBytes: 4 });
  await cluster.logged(/alex info: Connected to raw@localhost/);
  assertEquals(await alex.run(() => Node.list("hidden")), ["raw@localhost"]);
});

clusterTest("a missing wire is named to an Erlang dial", async (cluster) => {
  const tls = await tlsOf({ nodes: ["alex@localhost"] });
  const alex = await cluster.start("alex", { tls, wires: ["json"] });
  const raw = await tlsOf({ nodes: ["raw@localhost"] });
  const { peer } = await tlsDial(alex.port, raw);
  await using _ = peer;
  await enterBeam(peer, "raw@localhost", { lengthBytes: 4 }).catch(() => {});
  await cluster.logged(
    /alex warning: Refused .*: an Erlang node, whose wire is not spoken here/,
  );
});

clusterTest("Elixir with TLS 1.2 is told what to set", async (cluster) => {
  const tls = await tlsOf({ hosts: ["localhost"] });
  const alex = await cluster.start("alex", { tls });
  await using kate = await startKate(cluster.epmdPort, tls, "tlsv1.2");
  assertEquals(await kate.evaluate("Node.connect(:alex@localhost)"), "false");
  await cluster.logged(/Refused a connection .*{versions, \['tlsv1.3'\]}/);
  assertEquals(await alex.run(() => Node.connect(KATE)), false);
  await cluster.logged(/Cannot connect to kate.*{versions, \['tlsv1.3'\]}/);
}, OPTIONS);

clusterTest(
  "Elixir refuses the certificate of another host",
  async (cluster) => {
    const good = await tlsOf({ hosts: ["localhost"] });
    const other = await tlsOf({ hosts: ["elsewhere"] });
    await cluster.start("alex", { tls: { ...other, verify: "none" } });
    await using kate = await startKate(cluster.epmdPort, good);
    assertEquals(await kate.evaluate("Node.connect(:alex@localhost)"), "false");
    await cluster.logged(/alex warning: Refused .*does not trust this node's/);
  },
  OPTIONS,
);
