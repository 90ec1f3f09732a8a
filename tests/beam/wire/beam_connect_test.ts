/** Connections between nodes of ours and of Elixir, over Erlang's distribution. */

import { assertEquals, assertMatch } from "@std/assert";
import { lookup } from "../../../packages/epmd/mod.ts";
import type { WireName } from "../../../packages/node/wire.ts";
import { Node } from "../../../node.ts";
import { ELIXIR, ElixirNode, epmdNames, StockEpmd } from "../../_elixir.ts";
import { LyingEpmd } from "../../_fake_epmd.ts";
import { type Cluster, clusterTest, nodeDown } from "../../_nodes.ts";
import { receive } from "../../../packages/processes/process.ts";
import { RawListener } from "../../_raw_peer.ts";

const OPTIONS = { programs: ELIXIR };
const KATE = "kate@localhost";

clusterTest("a connection is hidden if Elixir's node is", async (cluster) => {
  const alex = await cluster.start("alex");
  await using kate = await ElixirNode.start("kate", {
    epmdPort: cluster.epmdPort,
    hidden: true,
  });
  assertEquals(await kate.evaluate("Node.connect(:alex@localhost)"), "true");
  await alex.run(() => assertEquals(Node.list("hidden"), [KATE]));
  await kate.becomes("Node.list(:hidden)", "[:alex@localhost]");
}, OPTIONS);

clusterTest("nodes with long names connect", async (cluster) => {
  const alex = await cluster.start("alex@127.0.0.1");
  const zoe = await cluster.start("zoe");
  await using kate = await ElixirNode.start("kate@127.0.0.1", cluster);
  assertEquals(await kate.evaluate('Node.connect(:"alex@127.0.0.1")'), "true");
  assertEquals(await alex.run(() => Node.list()), [kate.name]);
  assertEquals(await zoe.run(() => Node.connect(kate.name)), false);
  await cluster.logged(/zoe warning: .* do not mix: start both with --sname/);
}, OPTIONS);

clusterTest("Node.ping() is answered on both sides", async (cluster) => {
  const alex = await cluster.start("alex");
  await using kate = await ElixirNode.start("kate", cluster);
  const pings = "{Node.ping(:alex@localhost), Node.ping(:nobody@localhost)}";
  assertEquals(await kate.evaluate(pings), "{:pong, :pang}");
  const ping = ":net_adm.ping(:alex@localhost)";
  assertEquals(await kate.evaluate(ping), ":pong");
  assertEquals(await alex.run(() => Node.ping(KATE)), "pong");
  await alex.run(async () => {
    Node.monitor(KATE);
    await kate.evaluate("Node.disconnect(:alex@localhost)");
    await nodeDown(KATE);
    await kate.evaluate(":net_kernel.monitor_nodes(true, node_type: :all)");
    assertEquals(await Node.ping(KATE), "pong");
  });
  // The dialler knows of the connection a moment before the other side.
  assertEquals(
    await kate.evaluate(
      "receive do {:nodeup, node, _} -> {node, Node.list()} end",
    ),
    "{:alex@localhost, [:alex@localhost]}",
  );
}, OPTIONS);

clusterTest("nodes connect again after either was killed", async (cluster) => {
  await using epmd = await StockEpmd.start();
  const options = { epmdPort: epmd.port };
  const alex = await cluster.start("alex", options);
  {
    await using kate = await ElixirNode.start("kate", options);
    await alex.run(async () => {
      assertEquals(await Node.connect(KATE), true);
      Node.monitor(KATE);
      await kate.kill();
      await nodeDown(KATE);
    });
  }
  await using kate = await ElixirNode.start("kate", options);
  assertEquals(await kate.evaluate("Node.connect(:alex@localhost)"), "true");
  await kate.evaluate("Node.monitor(:alex@localhost, true)");
  // Stopped, kate cannot notice the end of alex's first incarnation before the second one dials.
  kate.signal("SIGSTOP");
  await alex.stop();
  const again = await cluster.start("alex", options);
  const connecting = again.run(() => Node.connect(KATE));
  kate.signal("SIGCONT");
  assertEquals(await connecting, true);
  assertEquals(
    await kate.evaluate("receive do m -> m end"),
    "{:nodedown, :alex@localhost}",
  );
  await kate.becomes("Node.list()", "[:alex@localhost]");
  await again.run(() => assertEquals(Node.list(), [KATE]));
}, OPTIONS);

clusterTest("Elixir replaces a connection that it lost", async (cluster) => {
  const alex = await cluster.start("alex");
  await using kate = await ElixirNode.start("kate", cluster);
  await alex.run(async () => {
    assertEquals(await Node.connect(KATE), true);
    Node.monitor(KATE);
  });
  // A dial right after the end reaches alex before or after the end of the connection does.
  for (let i = 0; i < 20; i++) {
    assertEquals(
      await kate.evaluate(
        "Node.disconnect(:alex@localhost); Node.connect(:alex@localhost)",
      ),
      "true",
    );
    assertEquals(
      await kate.evaluate("Node.list()"),
      "[:alex@localhost]",
    );
  }
  await alex.run(() => assertEquals(Node.list(), [KATE]));
  assertEquals(cluster.lines(), []);
}, OPTIONS);

// OTP compares the names: alex's is smaller than kate's, and zoe's is greater.
for (const name of ["alex", "zoe"]) {
  clusterTest(
    `100 of 100 dials of ${name} and kate succeed`,
    async (cluster) => {
      const own = await cluster.start(name);
      await using kate = await ElixirNode.start("kate", cluster);
      await kate.evaluate(`own = :"${own.name}"; Node.monitor(own, false)`);
      let succeeded = 0;
      await own.run(async () => {
        for (let i = 0; i < 100; i++) {
          const theirs = kate.evaluate("Node.connect(own)");
          // The two dials meet at different points.
          for (let turn = i % 12; turn > 0; turn--) await turned();
          const [ours, other] = await Promise.all([Node.connect(KATE), theirs]);
          const list = await kate.evaluate("Node.list()");
          assertEquals(Node.list(), [KATE]);
          assertEquals(list, `[:${own.name}]`);
          if (ours && other === "true") succeeded++;
          Node.monitor(KATE);
          await kate.evaluate("Node.disconnect(own)");
          await nodeDown(KATE);
        }
      });
      assertEquals(succeeded, 100);
      // A connection that came and went in between would be one more.
      assertEquals(await own.run(() => Node.stats()?.connected), 100);
      // OTP may end its dial between the connection and its first byte.
      const lines = cluster.lines().filter((line) =>
        !/it closed before it said a word$/.test(line)
      );
      assertEquals(lines, []);
    },
    { ...OPTIONS, timeout: 60_000 },
  );
}

clusterTest("a wrong cookie is refused on both sides", async (cluster) => {
  const alex = await cluster.start("alex");
  await using kate = await ElixirNode.start("kate", {
    epmdPort: cluster.epmdPort,
    cookie: "another",
  });
  assertEquals(await kate.evaluate("Node.connect(:alex@localhost)"), "false");
  await cluster.logged(
    /alex warning: Refused a connection .*: kate@localhost has another cookie; start both nodes with the same cookie/,
  );
  assertEquals(await alex.run(() => Node.connect(KATE)), false);
  await cluster.logged(
    /alex warning: Cannot connect to kate@localhost: .* its cookie is another one/,
  );
  assertEquals(cluster.lines().length, 2);
  // One cookie for each node, as in Elixir.
  await kate.evaluate("Node.set_cookie(:alex@localhost, :secret_token)");
  assertEquals(await kate.evaluate("Node.connect(:alex@localhost)"), "true");
}, OPTIONS);

// EPMD.

clusterTest("our EPMD lists nodes of both", async (cluster) => {
  const { epmdPort } = cluster;
  const alex = await cluster.start("alex");
  await using kate = await ElixirNode.start("kate", cluster);
  const [, port] = (await kate.evaluate(":net_adm.names(:localhost)"))
    .match(/~c"kate", (\d+)/)!;
  const wanted = `epmd: up and running on port ${epmdPort} with data:
name alex at port ${alex.port}
name kate at port ${port}
`;
  assertEquals(await epmdNames(epmdPort), wanted);
  assertEquals(
    await kate.evaluate(
      "{:ok, names} = :net_adm.names(:localhost); Enum.sort(names)",
    ),
    `[{~c"alex", ${alex.port}}, {~c"kate", ${port}}]`,
  );
  assertEquals(
    await kate.evaluate(':erl_epmd.port_please(~c"alex", ~c"localhost")'),
    `{:port, ${alex.port}, 6}`,
  );
}, OPTIONS);

clusterTest("a stock epmd serves both sides", async (cluster) => {
  await using epmd = await StockEpmd.start();
  const alex = await cluster.start("alex", { epmdPort: epmd.port });
  await cluster.start("zoe", { epmdPort: epmd.port, hidden: true });
  const found = (name: string) =>
    lookup(name, { port: epmd.port }).then((entry) => entry?.nodeType);
  assertEquals([await found("alex"), await found("zoe")], [77, 72]);
  await using kate = await ElixirNode.start("kate", { epmdPort: epmd.port });
  assertMatch(await epmdNames(epmd.port), /name alex at port \d+\n/);
  assertEquals(await alex.run(() => Node.connect(KATE)), true);
  assertEquals(await kate.evaluate("Node.connect(:zoe@localhost)"), "true");
}, OPTIONS);

clusterTest("elixir --sname finds our EPMD", async (cluster) => {
  await cluster.start("alex");
  // `epmd -daemon` ends at once, as the port is in use.
  await using kate = await ElixirNode.start("kate", {
    epmdPort: cluster.epmdPort,
    erl: ["-start_epmd true"],
  });
  assertEquals(await kate.evaluate("Node.connect(:alex@localhost)"), "true");
  assertMatch(await epmdNames(cluster.epmdPort), /name kate at port \d+\n/);
}, OPTIONS);

clusterTest("Elixir registers again at the next EPMD", async (cluster) => {
  cluster.servesEpmd = false;
  const alex = await cluster.start("alex");
  await using kate = await ElixirNode.start("kate", cluster);
  const zoe = await cluster.start("zoe");
  await alex.stop();
  await cluster.logged(/zoe took over EPMD/);
  for (;;) {
    if (/name kate /.test(await epmdNames(cluster.epmdPort))) break;
  }
  assertEquals(await zoe.run(() => Node.connect(KATE)), true);
  await kate.becomes("Node.list()", "[:zoe@localhost]");
}, OPTIONS);

// Which wire.

clusterTest("Node.connect() by address reaches Elixir", async (cluster) => {
  await using epmd = await StockEpmd.start();
  await using kate = await ElixirNode.start("kate", { epmdPort: epmd.port });
  const entry = await lookup("kate", { port: epmd.port });
  const address = `127.0.0.1:${entry?.port}`;
  const alex = await cluster.start("alex", { epmdPort: false });
  await alex.run(async () => {
    assertEquals(await Node.connect(KATE, { address }), true);
  });
  await kate.becomes("Node.list()", "[:alex@localhost]");
  assertEquals(cluster.lines(), []);
}, OPTIONS);

clusterTest("a node without the wire refuses Elixir", async (cluster) => {
  const alex = await cluster.start("alex", { wires: ["json"] });
  await using kate = await ElixirNode.start("kate", cluster);
  assertEquals(await kate.evaluate("Node.connect(:alex@localhost)"), "false");
  await cluster.logged(
    /alex warning: Refused a connection .*: an Erlang node, whose wire is not spoken here: add it with --wire beam/,
  );
  assertEquals(await alex.run(() => Node.connect(KATE)), false);
  await cluster.logged(
    /alex warning: Cannot connect to kate@localhost: kate@localhost speaks another wire, Erlang's own most likely, and this node speaks otp-json\/1$/,
  );
}, OPTIONS);

/** The first bytes that a node sends to a node with that Extra field. */
async function firstBytes(
  cluster: Cluster,
  extra: string,
  wires?: WireName[],
): Promise<string> {
  await using listener = await RawListener.listen();
  const port = Number(listener.address.split(":")[1]);
  await using epmd = await LyingEpmd.listen(() => ({ port, extra }));
  const node = await cluster.start("alex", { epmdPort: epmd.port, wires });
  const connecting = node.run(() => Node.connect(KATE)).catch(() => {});
  await using peer = await listener.accept();
  const first = (await peer.body(2))?.toString("latin1") ?? "closed";
  await node.stop();
  await connecting;
  return first === "" ? "json" : first[0] === "N" ? "beam" : first;
}

clusterTest("a dial uses the first wire of EPMD's field", async (cluster) => {
  const fields: [extra: string, first: string, wires?: WireName[]][] = [
    ["", "beam"],
    [" owner=x", "beam"],
    ["otp-json/1", "json"],
    ["otp-json/1 owner=x", "json"],
    ["erlang/6 otp-json/1", "json"],
    ["otp-json/2 erlang/6", "beam"],
    ["otp-json/1 erlang/6", "json", ["beam", "json"]],
    ["otp-json/1 erlang/6", "beam", ["beam"]],
  ];
  for (const [extra, first, wires] of fields) {
    assertEquals([extra, await firstBytes(cluster, extra, wires)], [
      extra,
      first,
    ]);
  }
  assertEquals(
    cluster.lines().filter((line) => !/the node stops/.test(line)),
    [],
  );
});

clusterTest("our nodes meet on a wire that both speak", async (cluster) => {
  const alex = await cluster.start("alex");
  const zoe = await cluster.start("zoe");
  const beam = await cluster.start("beam", { wires: ["beam"] });
  const json = await cluster.start("json", { wires: ["json"] });
  for (const { name } of [json, beam, zoe]) {
    assertEquals(await alex.run(() => Node.connect(name)), true);
  }
  // Introductions connect the others: alex names beam to zoe, and not to json.
  for (const [node, others] of [[alex, 3], [zoe, 3], [json, 2], [beam, 2]]) {
    await (node as Node).run(async () => {
      Node.monitorNodes(true);
      while (Node.list().length < (others as number)) {
        await receive(({ type }) => type === "nodeup");
      }
    });
  }
  assertEquals(cluster.lines(), []);
  assertEquals(await json.run(() => Node.connect(beam.name)), false);
  await cluster.logged(
    /json warning: .*: beam@localhost speaks another wire \("erlang\/6"\), and this node speaks otp-json\/1$/,
  );
  const address = `127.0.0.1:${beam.port}`;
  const { name } = beam;
  assertEquals(await json.run(() => Node.connect(name, { address })), false);
  await cluster.logged(
    /beam warning: Refused .*: a node that speaks the JSON wire, which is not spoken here: add it with --wire json/,
  );
});

function turned(): Promise<void> {
  // safe: any number of turns is a case
  return new Promise((resolve) => setTimeout(resolve, 0));
}
