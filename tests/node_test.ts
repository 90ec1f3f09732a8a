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
import { getAvailablePort } from "@std/net/get-available-port";
import { hostname } from "node:os";
import { ExitError, NodeStartError } from "../errors.ts";
import { Node } from "../node.ts";
import {
  exit,
  isDown,
  isExit,
  link,
  monitor,
  receive,
  register,
  self,
  send,
  spawn,
  spawnLink,
  trapExit,
} from "../process.ts";
import { atom } from "../runtime/pid.ts";
import { epmdNames, FakeEpmd, startEpmd } from "./_epmd_helpers.ts";
import {
  Cluster,
  clusterTest,
  COOKIE,
  nodeDown,
  nodeUp,
  part,
  settled,
} from "./_nodes.ts";
import { processTest } from "./_processes.ts";
import * as Remote from "./_remote.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";
const MOEBI = "moebi@localhost";

// Where no node is started.

processTest("Node's functions say that no node is started", async () => {
  assertEquals(Node.self(), "nonode@nohost");
  assertFalse(Node.alive());
  assertEquals(Node.list(), []);
  assertEquals(await Node.connect(KATE), "ignored");
  assertEquals(Node.disconnect(KATE), "ignored");
  assertEquals(await Node.ping(KATE), "pang");
  assertThrows(() => Node.monitor(KATE), TypeError, "not started");
  assertEquals(await Node.stop(), undefined);
});

processTest(
  "Node.spawn() gives a useless pid where no node is started",
  async () => {
    const pid = await Node.spawn(KATE, ["Remote", "wait"]);
    assertEquals(pid.node, KATE);
    const spawned = await Node.spawnMonitor(KATE, ["Remote", "wait"]);
    assertEquals(await receive(), {
      type: "DOWN",
      ref: spawned.ref,
      object: spawned.pid,
      reason: "noconnection",
    });
    trapExit(true);
    const from = await Node.spawnLink(KATE, ["Remote", "wait"]);
    assertEquals(await receive(), {
      type: "EXIT",
      from,
      reason: "noconnection",
    });
  },
);

// Start and stop.

clusterTest(
  "Node.start() makes the first node the default one, until it stops",
  async (cluster) => {
    const alex = await cluster.start("alex");
    const kate = await cluster.start("kate");
    assertEquals([Node.self(), Node.alive()], [ALEX, true]);
    assertEquals(await kate.run(() => Node.self()), KATE);
    assertEquals([alex.name, kate.name], [ALEX, KATE]);
    assert(alex.creation > 3 && kate.creation > 3);
    assertNotEquals(alex.port, kate.port);
    await alex.stop();
    assertEquals(Node.self(), KATE);
    await kate.stop();
    assertEquals(Node.self(), "nonode@nohost");
  },
);

clusterTest(
  "Node.start() takes this machine's name for a name without a host",
  async (cluster) => {
    const node = await Node.start({
      name: "alex",
      cookie: COOKIE,
      epmdPort: cluster.epmdPort,
    });
    await using _ = node;
    assertEquals(node.name, `alex@${hostname().split(".")[0]}`);
  },
);

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
  clusterTest(
    `Node.start() refuses the name ${name.slice(0, 30)}`,
    async (cluster) => {
      const error = await assertRejects(
        () => Node.start({ name, cookie: COOKIE, epmdPort: cluster.epmdPort }),
        TypeError,
      );
      assertMatch(error.message, /^Cannot start a node: .*write name@host/);
      assertFalse(Node.alive());
    },
  );
}

clusterTest(
  "Node.start() refuses a name that is in use, and leaves its owner alone",
  async (cluster) => {
    const alex = await cluster.start("alex");
    const error = await assertRejects(
      () => cluster.start("alex"),
      NodeStartError,
    );
    assertEquals(error.code, "in_use");
    assertStringIncludes(error.message, "the name is in use");
    const kate = await cluster.start("kate");
    assertEquals(await kate.run(() => Node.ping(alex.name)), "pong");
  },
);

clusterTest("Node.start() refuses a port that is in use", async (cluster) => {
  const alex = await cluster.start("alex");
  const error = await assertRejects(
    () => cluster.start("kate", { port: alex.port }),
    NodeStartError,
  );
  assertEquals(error.code, "in_use");
  assertStringIncludes(error.message, `port ${alex.port} of 127.0.0.1`);
  await cluster.start("kate");
});

clusterTest("Node.start() refuses a cookie that is none", async (cluster) => {
  for (const cookie of ["", "a\nb", "x".repeat(256)]) {
    const error = await assertRejects(
      () => cluster.start("alex", { cookie }),
      NodeStartError,
    );
    assertEquals(error.code, "cookie");
  }
});

clusterTest(
  "Node.start() reads a cookie file that its owner alone can read",
  async (cluster) => {
    const file = await Deno.makeTempFile();
    try {
      await Deno.writeTextFile(file, `${COOKIE}\n`);
      await Deno.chmod(file, 0o644);
      const options = { cookie: undefined, cookieFile: file };
      const error = await assertRejects(
        () => cluster.start("alex", options),
        NodeStartError,
      );
      assertEquals(error.code, "cookie");
      assertStringIncludes(error.message, "chmod 400");
      assertFalse(error.message.includes(COOKIE));
      await Deno.chmod(file, 0o400);
      const alex = await cluster.start("alex", options);
      await cluster.start("kate");
      assertEquals(await alex.run(() => Node.ping(KATE)), "pong");
    } finally {
      await Deno.remove(file);
    }
    const error = await assertRejects(
      () => cluster.start("moebi", { cookie: undefined, cookieFile: file }),
      NodeStartError,
    );
    assertEquals(error.code, "cookie");
  },
);

clusterTest(
  "Node.start() fails where EPMD's port is another program's",
  async (cluster) => {
    await using fake = new FakeEpmd((socket) => socket.end("HTTP/1.1 400 Bad"));
    await fake.listen(cluster.epmdPort);
    const error = await assertRejects(
      () => cluster.start("alex"),
      NodeStartError,
    );
    assertEquals(error.code, "network");
    assertMatch(error.message, /^Cannot start alex@localhost: /);
  },
);

clusterTest(
  "Node.start() listens on the port that it is given, again after a stop",
  async (cluster) => {
    const port = getAvailablePort();
    for (let round = 0; round < 2; round++) {
      const alex = await cluster.start("alex", { port });
      assertEquals(alex.port, port);
      await alex.stop();
    }
  },
);

clusterTest(
  "stop() ends the node's processes with shutdown, then its connections",
  async (cluster) => {
    const alex = await cluster.start("alex");
    const kate = await cluster.start("kate");
    await alex.run(async () => {
      Node.monitorNodes(true);
      trapExit(true);
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
  },
);

clusterTest(
  "Node.stop() stops the node that it is called on",
  async (cluster) => {
    const alex = await cluster.start("alex");
    const kate = await cluster.start("kate");
    const error = await assertRejects(
      () => kate.run(() => Node.stop()),
      ExitError,
    );
    assertEquals(error.reason, "shutdown");
    await kate.stop();
    assertEquals(Node.self(), alex.name);
    await Node.stop();
    assertFalse(Node.alive());
  },
);

// run()

clusterTest(
  "run() gives what its function returns, throws or exits with",
  async (cluster) => {
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
  },
);

// Connect, list, disconnect, ping.

clusterTest("Node.connect() connects both ends, once", async (cluster) => {
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate");
  assertEquals(
    await alex.run(() =>
      Promise.all([
        Node.connect(KATE),
        Node.connect(atom(KATE)),
        Node.ping(KATE),
      ])
    ),
    [true, true, "pong"],
  );
  assertEquals(await alex.run(() => Node.connect(KATE)), true);
  assertEquals(await alex.run(() => Node.list()), [KATE]);
  assertEquals(await kate.run(() => Node.list()), [ALEX]);
  const connected = cluster.lines(true).filter((each) =>
    each.includes("Connected")
  );
  assertEquals(connected.sort(), [
    `alex debug: Connected to ${KATE}`,
    `kate debug: Connected to ${ALEX}`,
  ]);
});

clusterTest(
  "Node.connect() to the node itself is true, and no connection",
  async (cluster) => {
    const alex = await cluster.start("alex");
    await alex.run(async () => {
      assertEquals(await Node.connect(ALEX), true);
      assertEquals(await Node.ping(ALEX), "pong");
      assertEquals(Node.list("connected"), []);
      assertEquals(Node.disconnect(ALEX), false);
    });
  },
);

clusterTest(
  "Node.connect() to a node that is not there is false, and the log says why",
  async (cluster) => {
    const alex = await cluster.start("alex");
    await alex.run(async () => {
      assertEquals(await Node.connect("nobody@localhost"), false);
      assertEquals(await Node.ping("nobody@localhost"), "pang");
      assertEquals(Node.disconnect("nobody@localhost"), false);
      assertEquals(await Node.connect("no name"), false);
    });
    const [first, , third] = cluster.lines();
    assertMatch(
      first,
      /^alex warning: Cannot connect to nobody@localhost: no node named nobody@localhost is registered/,
    );
    assertMatch(third, /Cannot connect to no name: .* is not a node name/);
  },
);

clusterTest(
  "Node.disconnect() ends a connection at both ends",
  async (cluster) => {
    const alex = await cluster.start("alex");
    const kate = await cluster.start("kate");
    await kate.run(async () => {
      Node.monitorNodes(true);
      await alex.run(async () => {
        assertEquals(await Node.connect(KATE), true);
        assertEquals(Node.disconnect(KATE), true);
        assertEquals(Node.list(), []);
        assertEquals(Node.disconnect(KATE), false);
      });
      assertEquals(await receive(), { type: "nodeup", node: ALEX });
      assertEquals(await receive(), { type: "nodedown", node: ALEX });
      assertEquals(Node.list(), []);
      assertEquals(await Node.ping(ALEX), "pong");
    });
  },
);

clusterTest(
  "Node.connect() needs no EPMD where it is given the address",
  async (cluster) => {
    const alex = await cluster.start("alex", { epmdPort: false });
    const kate = await cluster.start("kate", { epmdPort: false });
    const address = `localhost:${kate.port}`;
    await alex.run(async () => {
      assertEquals(await Node.connect(KATE), false);
      assertEquals(await Node.connect(MOEBI, { address }), false);
      for (
        const bad of [
          "localhost",
          ":1",
          "localhost:0",
          "localhost:x",
          "a:99999",
        ]
      ) {
        assertEquals(await Node.connect(KATE, { address: bad }), false);
      }
      assertEquals(await Node.connect(KATE, { address }), true);
      assertEquals(Node.list(), [KATE]);
    });
    const lines = cluster.lines().filter((each) => each.startsWith("alex"));
    assertMatch(lines[0], /does without EPMD; give the node's address/);
    assertMatch(lines[1], /Cannot connect to moebi@localhost/);
    assertMatch(lines[2], /"localhost" is no address: write host:port/);
    assertEquals(lines.length, 7);
  },
);

clusterTest(
  "Node.connect() does not mix long and short names",
  async (cluster) => {
    const alex = await cluster.start("alex");
    const kate = await cluster.start("kate@127.0.0.1");
    const moebi = await cluster.start("moebi@127.0.0.1");
    assertEquals(await alex.run(() => Node.connect(kate.name)), false);
    assertEquals(await kate.run(() => Node.connect(ALEX)), false);
    assertEquals(await kate.run(() => Node.connect(moebi.name)), true);
    for (const line of cluster.lines()) assertMatch(line, /do not mix/);
  },
);

// Who is connected to whom.

clusterTest("visible nodes connect transitively", async (cluster) => {
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate");
  const moebi = await cluster.start("moebi");
  await alex.run(async () => {
    await Node.connect(KATE);
    Node.monitorNodes(true);
    assertEquals(await moebi.run(() => Node.connect(KATE)), true);
    await nodeUp(MOEBI);
    assertEquals(Node.list().sort(), [KATE, MOEBI]);
  });
  await cluster.logged(/moebi debug: Connected to alex/);
  assertEquals((await moebi.run(() => Node.list())).sort(), [ALEX, KATE]);
  assertEquals((await kate.run(() => Node.list())).sort(), [ALEX, MOEBI]);
});

clusterTest(
  "a hidden node is listed as such, and connects to nobody else",
  async (cluster) => {
    const alex = await cluster.start("alex");
    const kate = await cluster.start("kate");
    const moebi = await cluster.start("moebi", { hidden: true });
    await kate.run(async () => {
      await Node.connect(ALEX);
      Node.monitorNodes(true);
      assertEquals(await moebi.run(() => Node.connect(KATE)), true);
      await settled(moebi);
      assertEquals(Node.list(), [ALEX]);
      assertEquals(Node.list("visible"), [ALEX]);
      assertEquals(Node.list("hidden"), [MOEBI]);
      assertEquals(Node.list("connected").sort(), [ALEX, MOEBI]);
      Node.monitor(MOEBI);
      await moebi.stop();
      assertEquals(await receive(), { type: "nodedown", node: MOEBI });
      const none = await receive(null, { timeout: 0, after: "none" });
      assertEquals(none, "none");
    });
    assertEquals(await alex.run(() => Node.list("connected")), [KATE]);
  },
);

clusterTest(
  "a node with connectAll: false connects to those alone that it is told to",
  async (cluster) => {
    const alex = await cluster.start("alex");
    const kate = await cluster.start("kate");
    const moebi = await cluster.start("moebi", { connectAll: false });
    await alex.run(() => Node.connect(KATE));
    await moebi.run(() => Node.connect(KATE));
    await settled(moebi);
    assertEquals(await moebi.run(() => Node.list()), [KATE]);
    assertEquals(await alex.run(() => Node.list()), [KATE]);
    assertEquals((await kate.run(() => Node.list())).sort(), [ALEX, MOEBI]);
  },
);

// Nodes that come and go.

clusterTest("Node.monitor() gives one nodedown a call", async (cluster) => {
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate");
  await alex.run(async () => {
    assertEquals(Node.monitor(KATE), true);
    Node.monitor(KATE);
    Node.monitor(atom(KATE));
    Node.monitor(KATE, false);
    assertEquals(await Node.ping(KATE), "pong");
    await part(kate, alex);
    const down = { type: "nodedown", node: KATE };
    assertEquals([await receive(), await receive()], [down, down]);
    assertEquals(await Node.ping(KATE), "pong");
    await part(kate, alex);
    assertEquals(await receive(null, { timeout: 0, after: "none" }), "none");
  });
});

clusterTest(
  "Node.monitor() of a node that is not there gives nodedown now",
  async (cluster) => {
    const alex = await cluster.start("alex");
    await alex.run(async () => {
      assertEquals(Node.monitor("nobody@localhost"), true);
      await nodeDown("nobody@localhost");
      assertEquals(Node.monitor(ALEX), true);
      assertEquals(Node.monitor(ALEX, false), true);
    });
  },
);

clusterTest(
  "Node.monitorNodes() tells of visible nodes until it is switched off",
  async (cluster) => {
    const alex = await cluster.start("alex");
    const kate = await cluster.start("kate");
    await alex.run(async () => {
      assertEquals(Node.monitorNodes(true), false);
      assertEquals(Node.monitorNodes(true), true);
      await Node.connect(KATE);
      await part(kate, alex);
      assertEquals(await receive(), { type: "nodeup", node: KATE });
      assertEquals(await receive(), { type: "nodedown", node: KATE });
      assertEquals(Node.monitorNodes(false), true);
      await Node.connect(KATE);
      assertEquals(await receive(null, { timeout: 0, after: "none" }), "none");
    });
  },
);

// A first use connects.

clusterTest(
  "send() to a name on a node connects, and keeps the order meanwhile",
  async (cluster) => {
    const alex = await cluster.start("alex");
    const kate = await cluster.start("kate");
    await kate.run(async () => {
      register("inbox");
      await alex.run(() => {
        for (let i = 0; i < 100; i++) send({ name: "inbox", node: KATE }, i);
        send({ name: "nobody", node: KATE }, "dropped");
        send({ name: "inbox", node: "nobody@localhost" }, "dropped");
      });
      for (let i = 0; i < 100; i++) assertEquals(await receive(), i);
      assertEquals(Node.list(), [ALEX]);
    });
  },
);

clusterTest("monitor(), link() and Node.spawn() connect", async (cluster) => {
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate");
  await alex.run(async () => {
    const ref = monitor({ name: "nobody", node: KATE });
    assertEquals(await receive(), {
      type: "DOWN",
      ref,
      object: { name: "nobody", node: KATE },
      reason: "noproc",
    });
    assertEquals(Node.list(), [KATE]);
    await part(kate, alex);
    const pid = await Node.spawn(KATE, Remote.exiting);
    assertEquals(Node.list(), [KATE]);
    await part(kate, alex);
    trapExit(true);
    link(pid);
    send(pid, { reason: "linked" });
    assertEquals(await receive(), {
      type: "EXIT",
      from: pid,
      reason: "linked",
    });
    assertEquals(Node.list(), [KATE]);
  });
});

// Incarnations.

clusterTest(
  "a node that is started again takes no signal for its predecessor",
  async (cluster) => {
    const alex = await cluster.start("alex");
    const first = await cluster.start("kate");
    const old = await first.run(() => spawn(Remote.wait));
    await alex.run(async () => {
      Node.monitor(KATE);
      await Node.ping(KATE);
      await first.stop();
      await nodeDown(KATE);
      const second = await cluster.start("kate");
      const relayTo = self();
      assertNotEquals(second.creation, first.creation);
      const heir = await second.run(() => spawn(Remote.relay, [relayTo]));
      assertEquals(await receive(), "up");
      assertEquals(heir.number, old.number);
      assertFalse(heir.equals(old));
      trapExit(true);
      send(old, "for the dead");
      exit(old, "kill");
      exit(old, "shutdown");
      const ref = monitor(old);
      assertEquals(await receive(isDown), {
        type: "DOWN",
        ref,
        object: old,
        reason: "noproc",
      });
      link(old);
      assertEquals(await receive(isExit), {
        type: "EXIT",
        from: old,
        reason: "noproc",
      });
      send(heir, "for the heir");
      assertEquals(await receive(), { relayed: "for the heir" });
    });
  },
);

// With Erlang's own EPMD.

clusterTest(
  "nodes register with a real epmd, and find each other by it",
  async (cluster) => {
    const stop = await startEpmd(cluster.epmdPort);
    try {
      const alex = await cluster.start("alex");
      const kate = await cluster.start("kate");
      const listed = await epmdNames(cluster.epmdPort);
      assertStringIncludes(listed, `name alex at port ${alex.port}`);
      assertStringIncludes(listed, `name kate at port ${kate.port}`);
      assertEquals(await alex.run(() => Node.ping(KATE)), "pong");
      const error = await assertRejects(
        () => cluster.start("alex"),
        NodeStartError,
      );
      assertEquals(error.code, "in_use");
      await alex.stop();
      assertFalse((await epmdNames(cluster.epmdPort)).includes("alex"));
      await kate.stop();
    } finally {
      await stop();
    }
  },
  { programs: ["epmd"] },
);

clusterTest(
  "connected nodes outlive the one that serves EPMD",
  async (cluster) => {
    const alex = await cluster.start("alex");
    const kate = await cluster.start("kate");
    const moebi = await cluster.start("moebi");
    await kate.run(() => Node.connect(MOEBI));
    await alex.stop();
    assertEquals(await kate.run(() => Node.list()), [MOEBI]);
    const sophie = await cluster.start("sophie");
    assertEquals(await sophie.run(() => Node.ping(KATE)), "pong");
    assertEquals(await moebi.run(() => Node.ping(sophie.name)), "pong");
  },
);

clusterTest("two clusters on two EPMD ports do not meet", async (cluster) => {
  await using other = new Cluster();
  const alex = await cluster.start("alex");
  await other.start("kate");
  await other.start("alex");
  assertEquals(await alex.run(() => Node.ping(KATE)), "pang");
});
