import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { hostname } from "node:os";
import {
  ExitError,
  NodeStartError,
} from "../../../packages/processes/errors.ts";
import { Node } from "../../../node.ts";
import { checkNodeOptions } from "../../../packages/node/start/check_options.ts";
import { test } from "../../../packages/testing/tags.ts";
import {
  exit,
  Process,
  receive,
  self,
  spawnLink,
} from "../../../packages/processes/process.ts";
import { clusterTest, COOKIE, freePort, nodeUp } from "../../_nodes.ts";
import * as Remote from "../../_remote.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";

// Start and stop.

clusterTest("Node.start() makes the first one the default", async (cluster) => {
  const [alex, kate] = await cluster.startAll(["alex", "kate"]);
  assertEquals([Node.self(), Node.alive()], [ALEX, true]);
  assertEquals(await kate.run(() => Node.self()), KATE);
  assertEquals([alex.name, kate.name], [ALEX, KATE]);
  assert(alex.creation > 3 && kate.creation > 3);
  assertNotEquals(alex.port, kate.port);
  await alex.stop();
  assertEquals(Node.self(), KATE);
  await kate.stop();
  assertEquals(Node.self(), "nonode@nohost");
});

clusterTest("Node.start() completes a name without a host", async (cluster) => {
  const node = await Node.start({
    name: "alex",
    cookie: COOKIE,
    epmdPort: cluster.epmdPort,
  });
  await using _ = node;
  assertEquals(node.name, `alex@${hostname().split(".")[0]}`);
});

for (
  const name of [
    "",
    "@localhost",
    "alex@",
    "alex smith@localhost",
    "alex@kate@localhost",
    "alex.smith@localhost",
    "älex@localhost",
    "alex@local host",
    `${"a".repeat(129)}@localhost`,
  ]
) {
  clusterTest(`Node.start() rejects ${name.slice(0, 30)}`, async (cluster) => {
    const error = await assertRejects(
      () => Node.start({ name, cookie: COOKIE, epmdPort: cluster.epmdPort }),
      TypeError,
    );
    assertMatch(error.message, /^Cannot start a node: .*write name@host/);
    assertFalse(Node.alive());
  });
}

clusterTest("Node.start() rejects a name in use", async (cluster) => {
  const alex = await cluster.start("alex");
  const error = await assertRejects(
    () => cluster.start("alex"),
    NodeStartError,
  );
  assertEquals(error.code, "in_use");
  assertStringIncludes(error.message, "the name is in use");
  const kate = await cluster.start("kate");
  assertEquals(await kate.run(() => Node.ping(alex.name)), "pong");
});

clusterTest("Node.start() rejects a port that is in use", async (cluster) => {
  const alex = await cluster.start("alex");
  const error = await assertRejects(
    () => cluster.start("kate", { port: alex.port }),
    NodeStartError,
  );
  assertEquals(error.code, "in_use");
  assertStringIncludes(error.message, `port ${alex.port} of 127.0.0.1`);
  await cluster.start("kate");
});

clusterTest("Node.start() rejects an invalid cookie", async (cluster) => {
  for (const cookie of ["", "a\nb", "x".repeat(256)]) {
    const error = await assertRejects(
      () => cluster.start("alex", { cookie }),
      NodeStartError,
    );
    assertEquals(error.code, "cookie");
  }
});

clusterTest("Node.start() listens on its port again", async (cluster) => {
  const port = freePort();
  for (let round = 0; round < 2; round++) {
    const alex = await cluster.start("alex", { port });
    assertEquals(alex.port, port);
    await alex.stop();
  }
});

clusterTest("stop() ends processes before connections", async (cluster) => {
  const [alex, kate] = await cluster.startAll(["alex", "kate"]);
  await alex.run(async () => {
    Node.monitorNodes(true);
    Process.trapExit(true);
    const watched = await Node.spawnMonitor(KATE, Remote.wait);
    const linked = await Node.spawnLink(KATE, Remote.wait);
    await nodeUp(KATE);
    const stopped = kate.stop();
    assertEquals(await receive(), {
      type: "DOWN",
      ref: watched.ref,
      object: watched.pid,
      reason: "shutdown",
    });
    const exit = { type: "EXIT", from: linked, reason: "shutdown" };
    assertEquals(await receive(), exit);
    assertEquals(await receive(), { type: "nodedown", node: KATE });
    assertEquals(Node.list("connected"), []);
    assert(kate.stop() === stopped);
    await stopped;
    assertEquals(await Node.ping(KATE), "pang");
  });
});

clusterTest("Node.stop() stops its own node", async (cluster) => {
  const [alex, kate] = await cluster.startAll(["alex", "kate"]);
  const error = await assertRejects(
    () => kate.run(() => Node.stop()),
    ExitError,
  );
  assertEquals(error.reason, "shutdown");
  await kate.stop();
  await assertRejects(
    () => kate.run(() => Node.self()),
    Error,
    "Cannot run a function on kate@localhost: the node has been stopped",
  );
  assertEquals(Node.self(), alex.name);
  await Node.stop();
  assertFalse(Node.alive());
});

// run()

clusterTest("run() ends as its function does", async (cluster) => {
  const alex = await cluster.start("alex");
  const pid = await alex.run(() => self());
  assertEquals([pid.node, pid.creation], [ALEX, alex.creation]);
  await assertRejects(
    () => alex.run(() => Promise.reject(new RangeError("no"))),
    RangeError,
    "no",
  );
  const exited = await assertRejects(
    () => alex.run(() => exit("enough")),
    ExitError,
  );
  assertEquals(exited.reason, "enough");
  const killed = await assertRejects(
    () =>
      alex.run(async () => {
        spawnLink(() => exit("linked"));
        await receive();
      }),
    ExitError,
  );
  assertEquals(killed.reason, "linked");
  assertEquals(cluster.lines(), []);
});

test("Node.start() takes ports up to 65535", () => {
  for (const [option, least] of [["port", 0], ["epmdPort", 1]] as const) {
    const check = (port: number) =>
      checkNodeOptions({ name: "alex", [option]: port });
    for (const port of [least, 65535]) check(port);
    for (const port of [least - 1, 65536]) {
      assertThrows(() => check(port), RangeError, "to 65535");
    }
  }
});
