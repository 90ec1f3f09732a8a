import { assertEquals, assertRejects } from "@std/assert";
import { fileURLToPath } from "node:url";
import { Node, type NodePart } from "../../../node.ts";
import { beam } from "../../../packages/beam/part.ts";
import { cluster as clusterPart } from "../../../packages/cluster/part.ts";
import { rpc } from "../../../packages/node/rpc/rpc.ts";
import { defaultPartsModule } from "../../../packages/node/start/parts.ts";
import { startPeer } from "../../../packages/testing/peer.ts";
import { Workers } from "../../../packages/workers/workers.ts";
import { test } from "../../../packages/testing/tags.ts";
import { outputOf } from "../../_child.ts";
import { clusterTest, COOKIE } from "../../_nodes.ts";

/** A file that imports nothing of the umbrella. */
const PARTS = new URL(
  "../../../packages/node/start/parts.ts",
  import.meta.url,
).href;
const PROGRAM = fileURLToPath(new URL("_json_node.ts", import.meta.url));

clusterTest(
  "a node of @otp/node alone speaks JSON with a full node, and names the parts that it lacks",
  async (cluster) => {
    const asker = "json@localhost";
    const alex = await cluster.start("alex", {
      modules: {
        Full: {
          ask: async () =>
            `${await rpc.call(
              asker,
              ["Json", "name"],
              [],
            )} by ${Node.connections().length}`,
        },
      },
    });
    const options = { name: asker, cookie: COOKIE, epmdPort: cluster.epmdPort };
    const { code, stdout, stderr } = await outputOf(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "-A", PROGRAM],
        ...[JSON.stringify(options), alex.name],
      ],
    });
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout.trimEnd().split("\n"), [
      "json@localhost by 1",
      ...[
        ["option cluster", "cluster() of @otp/cluster/part"],
        ["option allowObserve", "observe() of @otp/observe/part"],
        ["option allowRemsh", "remoteShell() of @otp/shell/part"],
      ].map(([what, part]) =>
        `Cannot start "b@localhost": none of its parts reads the ${what}; add ${part} to use`
      ),
      'Cannot start "b@localhost": none of its parts has the wire "beam"; add beam() of @otp/beam/part to use',
    ]);
  },
);

clusterTest("use: [beam()] adds Erlang's wire alone", async (cluster) => {
  const alex = await cluster.start("alex", { use: [beam()], wires: ["beam"] });
  const kate = await cluster.start("kate");
  assertEquals(await alex.run(() => Node.ping(kate.name)), "pong");
  await assertRejects(
    () => cluster.start("moebi", { use: [beam()], cluster: {} }),
    TypeError,
    "add cluster() of @otp/cluster/part to use",
  );
  await cluster.start("moebi", { use: [beam(), clusterPart()], cluster: {} });
});

clusterTest(
  "use: [] leaves nodes without the default parts, whose nodes still have them",
  async (cluster) => {
    const alex = await cluster.start("alex", { use: [], allowClosures: true });
    const kate = await cluster.start("kate", { allowClosures: true });
    const missingOn = (node: string) =>
      rpc.call(
        node,
        (names: string[]) =>
          // deno-lint-ignore no-eval
          names.filter((name) => eval(`typeof ${name}`) === "undefined"),
        [["beam", "GenServer", "Node"]],
      );
    assertEquals(await kate.run(() => missingOn(alex.name)), ["beam"]);
    assertEquals(await alex.run(() => missingOn(kate.name)), []);
  },
);

test("Node.start() refuses what is no list of parts", async () => {
  for (const use of [beam(), [beam], [{}], [undefined], "beam"]) {
    await assertRejects(
      () => Node.start({ name: "alex@localhost", cookie: "c", use } as never),
      TypeError,
      'Cannot start "alex@localhost": use is ',
    );
  }
});

clusterTest(
  "a part checks its options, and hears of each step of its node",
  async (cluster) => {
    const steps: string[] = [];
    const part: NodePart = {
      name: "steps",
      options: {
        tickTime: { accepts: (time) => time !== 7, give: "another tick time" },
      },
      check: ({ name }, doing) => void steps.push(`check ${name}: ${doing}`),
      attach({ runtime, options, connections, wireOf }) {
        const { cookie } = options as { cookie?: string };
        steps.push(
          `attach ${runtime.node} ${cookie} ${connections().length} ${
            wireOf("kate@localhost")
          }`,
        );
        runtime.modules.add("Steps", { ask: () => "asked" });
      },
      started({ connections }) {
        steps.push(`started ${connections().length}`);
        return Promise.resolve();
      },
      drain: () => void steps.push("drain"),
      stop: ({ runtime }) => void steps.push(`stop ${runtime.processes.size}`),
    };
    await assertRejects(
      () => cluster.start("alex", { use: [part], tickTime: 7 }),
      TypeError,
      'Cannot start "alex@localhost": tickTime is 7; give another tick time',
    );
    assertEquals(steps, []);
    const alex = await cluster.start("alex", { use: [part], tickTime: 60_000 });
    const kate = await cluster.start("kate");
    assertEquals(
      await kate.run(() => rpc.call(alex.name, ["Steps", "ask"], [])),
      "asked",
    );
    assertEquals(await alex.drain(), "drained");
    assertEquals(steps, [
      'check alex@localhost: start "alex@localhost"',
      "attach alex@localhost undefined 0 undefined",
      "started 0",
      "drain",
      "stop 0",
    ]);
  },
);

clusterTest(
  "threads and peers of a program have its default parts",
  async (cluster) => {
    const module = new URL(
      "../../../exports/default_parts.ts",
      import.meta.url,
    );
    assertEquals(defaultPartsModule(), module.href);
    const alex = await cluster.start("alex");
    const ask = ["Worker", "defaultPartsModule"] as const;
    await alex.run(async () => {
      await Workers.startLink({ module: PARTS, count: 1 });
      assertEquals(await rpc.call("alex-1@localhost", ask, []), module.href);
    });
    await using peer = await startPeer("kate", {
      epmdPort: cluster.epmdPort,
      cookie: COOKIE,
      modules: { Parts: PARTS },
    });
    const found = await peer.call("Parts", "defaultPartsModule", []);
    assertEquals(found, module.href);
  },
);
