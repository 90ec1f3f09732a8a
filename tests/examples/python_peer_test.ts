/** A peer in Python, written from `docs/protocol.md`, among nodes of this implementation. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Application } from "../../packages/servers/application/application.ts";
import { chat } from "../../chat/application.ts";
import dev from "../../chat/config/dev.ts";
import * as Chat from "../../chat/mod.ts";
import { ExitError } from "../../packages/processes/errors.ts";
import { Node } from "../../node.ts";
import {
  type DownMessage,
  exit,
  type ExitMessage,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../packages/processes/process.ts";
import {
  atom,
  Bitstring,
  ExternalFunction,
  Float,
  improperList,
  Port,
  tuple,
} from "../../mod.ts";
import { LocalFunction } from "../../packages/processes/values/functions.ts";
import { pidOf, refOf } from "../../packages/processes/values/pid.ts";
import { Task } from "../../packages/servers/task/task.ts";
import { TaskSupervisor } from "../../task_supervisor.ts";
import { CertificateAuthority } from "../../tools/certs.ts";
import { outputOf } from "../_child.ts";
import { withFolder } from "../_cli.ts";
import { type Cluster, clusterTest, COOKIE, nodeDown } from "../_nodes.ts";
import { Prompt } from "../_prompts.ts";
import { test } from "../../packages/testing/tags.ts";

const FOLDER = fileURLToPath(
  new URL("../../examples/python_peer/", import.meta.url),
);
const PAT = "pat@localhost";
const KATE = "kate@localhost";
const SUPERVISOR = { name: "Chat.TaskSupervisor", node: PAT };

/** The peer, as an OS process; killed when it goes out of scope. */
class PythonPeer extends Prompt {
  static async start(
    cluster: Cluster,
    flags: readonly string[] = [],
  ): Promise<PythonPeer> {
    const peer = new PythonPeer("python3", {
      args: [
        ...["-B", "chat.py", `--sname=${PAT}`, `--cookie=${COOKIE}`],
        `--epmd-port=${cluster.epmdPort}`,
        ...flags,
      ],
      cwd: FOLDER,
    });
    await peer.matches(new RegExp(`^${PAT} is up`, "m"));
    return peer;
  }

  /** The port that it has printed, without EPMD. */
  async port(): Promise<number> {
    const [, port] = await this.matches(/ is up on port (\d+)$/m);
    return Number(port);
  }
}

/** A test of kate, with the chat on it, and the peer; its body is a process of kate. */
function peerTest(
  name: string,
  fn: (peer: PythonPeer, printed: string[], cluster: Cluster) => Promise<void>,
): void {
  clusterTest(`a peer in Python ${name}`, async (cluster) => {
    const printed: string[] = [];
    const kate = await cluster.start("kate", {
      modules: { Chat },
      io: { write: (text) => void printed.push(text) },
    });
    await using peer = await PythonPeer.start(cluster);
    await kate.run(async () => {
      Application.load(dev);
      await Application.start(chat);
      try {
        await fn(peer, printed, cluster);
      } finally {
        await Application.stop("chat");
      }
    });
  }, { programs: ["python3"] });
}

/** A process of the peer that echoes. */
function echo(): Promise<Pid> {
  return Node.spawn(PAT, ["Python", "echo"], []);
}

test("a peer in Python agrees with docs/protocol_vectors.json", {
  programs: ["python3"],
  timeout: 30_000,
}, async () => {
  const args = ["-B", "self_test.py"];
  const { code, stderr } = await outputOf("python3", { args, cwd: FOLDER });
  assertEquals(code, 0, stderr);
});

peerTest("dials a node, and is in its list", async (peer) => {
  Node.monitorNodes(true);
  await peer.enter(`connect ${KATE}`);
  await peer.prints(`connected to ${KATE}`);
  await receive((m) => m?.type === "nodeup" && m.node === PAT);
  assertEquals(Node.list(), [PAT]);
  await peer.enter("list");
  await peer.prints(KATE);
});

peerTest("is dialled, and connects to the others", async (peer, _, cluster) => {
  const alex = await cluster.start("alex");
  await alex.run(() => Node.connect(KATE));
  Node.monitorNodes(true);
  assertEquals(await Node.connect(PAT), true);
  assertEquals(Node.list().toSorted(), ["alex@localhost", PAT]);
  await alex.run(async () => {
    Node.monitorNodes(true);
    if (!Node.list().includes(PAT)) {
      await receive((m) => m?.type === "nodeup" && m.node === PAT);
    }
  });
  await peer.enter("list");
  await peer.prints(`alex@localhost ${KATE}`);
});

clusterTest("a peer in Python joins a mesh by address", async (cluster) => {
  const [alex, kate, moebi] = await Promise.all(
    ["alex", "kate", "moebi"].map((name) =>
      cluster.start(name, { epmdPort: false })
    ),
  );
  await using peer = await PythonPeer.start(cluster, ["--no-epmd"]);
  const connected = (node: Node, address: string) =>
    node.run(() => Node.connect({ address }));
  // It dials: the name of alex at the address, then kate, whom alex introduces.
  assertEquals(await connected(kate, `127.0.0.1:${alex.port}`), true);
  const up = kate.run(async () => {
    Node.monitorNodes(true);
    await receive((m) => m?.type === "nodeup" && m.node === PAT);
  });
  await peer.enter(`connect 127.0.0.1:${alex.port}`);
  await peer.prints("connected to alex@localhost");
  await up;
  // It is dialled: it tells its name, and where the others are.
  await moebi.run(async () => {
    Node.monitorNodes(true);
    const address = `127.0.0.1:${await peer.port()}`;
    assertEquals(await Node.connect({ address }), true);
    for (let i = 0; i < 3; i++) await receive((m) => m?.type === "nodeup");
    assertEquals(Node.list().toSorted(), ["alex@localhost", KATE, PAT]);
  });
  // Both find each other again.
  await kate.run(async () => {
    Node.monitor(PAT);
    Node.disconnect(PAT);
    await nodeDown(PAT);
    assertEquals(await Node.connect(PAT), true);
    Node.monitorNodes(true);
    Node.disconnect(PAT);
    while (!peer.output.includes("\nalex@localhost moebi@localhost\n")) {
      await peer.enter("list");
      await Node.ping("nobody@localhost");
    }
    await peer.enter(`connect ${KATE}`);
    await receive((m) => m?.type === "nodeup" && m.node === PAT);
  });
}, { programs: ["python3"] });

peerTest("and a node that dial each other connect", async (peer) => {
  Node.monitorNodes(true);
  for (let round = 1; round <= 10; round++) {
    await Promise.all([
      peer.enter(`connect ${KATE}`),
      Node.connect(PAT).then((isConnected) => assert(isConnected)),
    ]);
    await peer.prints(`connected to ${KATE}`, round);
    const pid = await echo();
    send(pid, { from: self(), value: round });
    await receive((m) => m === round);
    Node.disconnect(PAT);
    await nodeDown(PAT);
  }
});

peerTest("sends back its messages", async () => {
  const pid = await echo();
  const values = [
    "Grüße, 🐕",
    { type: "hi", list: [1, -1.5, null, true] },
    [undefined, -0, NaN, Infinity, 12n, new Date(5)],
    new Map<unknown, unknown>([["a", 1n], [{ b: 1 }, [new Set([2])]]]),
    [self(), pid],
    Uint8Array.of(1, 2, 3),
    Float64Array.of(0.5),
    Uint8Array.from({ length: 200_000 }, (_, i) => i),
    "x".repeat(100_000) + "ü",
    { $type: "hi" },
    tuple(atom("ok"), [tuple()]),
    improperList([1, { a: atom("b") }], 2),
    [new Float(1), new Float(-1e300)],
    new Bitstring(Uint8Array.of(1, 0xff), 3),
    new Bitstring(new Uint8Array(1000).fill(7), 7),
    new ExternalFunction("Elixir.String", "length", 1),
    new LocalFunction("chat", 43, 81571850, 0, Uint8Array.of(112, 0)),
    new LocalFunction("chat", 43, 2 ** 32 - 1, 255, new Uint8Array(1000)),
    [new Port(KATE, 5, 1), new Port("moebi@localhost", 2n ** 64n - 1n, 1)],
    [pidOf("moebi@localhost", 1, 2 ** 32 - 1, 4), refOf(KATE, [1, 2, 3], 4)],
    refOf("moebi@localhost", [1], 4),
  ];
  for (const value of values) send(pid, { from: self(), value });
  for (const value of values) assertEquals(await receive(), value);
});

peerTest("is monitored and linked", async () => {
  const one = await echo();
  const ref = Process.monitor(one);
  send(one, { reason: { type: "bored" } });
  const down = await receive<DownMessage>((m) => ref.equals(m?.ref));
  assertEquals([down.object, down.reason], [one, { type: "bored" }]);

  Process.trapExit(true);
  const two = await echo();
  Process.link(two);
  send(two, { reason: "done" });
  const exited = await receive<ExitMessage>((m) => m?.type === "EXIT");
  assertEquals([exited.from, exited.reason], [two, "done"]);

  const three = await echo();
  const killed = Process.monitor(three);
  Process.exit(three, "kill");
  const end = await receive<DownMessage>((m) => killed.equals(m?.ref));
  assertEquals(end.reason, "killed");

  const late = Process.monitor(three);
  const none = await receive<DownMessage>((m) => late.equals(m?.ref));
  assertEquals(none.reason, "noproc");
});

peerTest("monitors and links", async () => {
  for (const [fn, begun] of [["watch", "watching"], ["join", "linked"]]) {
    const pid = spawn(async () => {
      exit((await receive((m) => m?.reason !== undefined)).reason);
    });
    await Node.spawn(PAT, ["Python", fn], [pid, self()]);
    assertEquals(await receive(), begun);
    send(pid, { reason: "tired" });
    const { type, reason } = await receive();
    assertEquals([type, reason], [fn === "watch" ? "DOWN" : "EXIT", "tired"]);
  }
  const pid = spawn(() => receive((m) => m === "end"));
  const parted = await Node.spawn(PAT, ["Python", "part"], [pid, self()]);
  assertEquals(await receive(), "unlinked");
  send(pid, "end");
  send(parted, "still there");
  assertEquals(await receive(), "still there");
});

peerTest("is gone when it is killed", async (peer) => {
  Node.monitorNodes(true);
  const ref = Process.monitor(await echo());
  await peer[Symbol.asyncDispose]();
  const down = await receive<DownMessage>((m) => ref.equals(m?.ref));
  assertEquals(down.reason, "noconnection");
  await nodeDown(PAT);
  assertEquals(Node.list(), []);
});

peerTest("prints at the node that spawned it", async (_peer, printed) => {
  const ref = Process.monitor(await Node.spawn(PAT, ["Python", "sayName"], []));
  const down = await receive<DownMessage>((m) => ref.equals(m?.ref));
  assert(down.reason === "normal" || down.reason === "noproc");
  assertEquals(printed, ["Hi, my name is Pat\n"]);
});

peerTest("chats with a node", async (peer, printed) => {
  await peer.enter(`send ${KATE} hi`);
  await peer.prints("ok");
  assertEquals(printed, ["hi\n"]);
  assertEquals(await Chat.sendMessage(PAT, "hello\x1b[2J"), "ok");
  await peer.prints("hello\\x1b[2J");
  await peer.enter("send nobody@localhost hi");
  await peer.prints(
    "Cannot do it: Cannot connect to nobody@localhost: EPMD does not know it",
  );
});

peerTest("hosts tasks", async () => {
  const size = await TaskSupervisor.async(SUPERVISOR, ["Python", "size"], [
    new Uint8Array(300_000),
  ]);
  assertEquals(await Task.await(size), 300_000);

  const failure = await rejection(async () => {
    Process.trapExit(true);
    const task = await TaskSupervisor.asyncNolink(SUPERVISOR, [
      "Python",
      "fail",
    ], ["no"]);
    await Task.await(task);
  });
  const { reason } = failure.reason as { reason: Error };
  assertEquals([reason.name, reason.message], ["ValueError", "no"]);
  assertMatch(`${reason.stack}`, /raise ValueError/);

  await assertRejects(
    () => TaskSupervisor.startChild(SUPERVISOR, ["Python", "sing"], []),
    Error,
    "Python.sing/0 is not exported",
  );

  const child = await TaskSupervisor.startChild(
    SUPERVISOR,
    ["Python", "echo"],
    [],
  );
  assertEquals(await TaskSupervisor.children(SUPERVISOR), [child]);
  assertEquals(await TaskSupervisor.terminateChild(SUPERVISOR, child), "ok");
  assertEquals(await TaskSupervisor.children(SUPERVISOR), []);
});

async function rejection(fn: () => Promise<unknown>): Promise<ExitError> {
  try {
    await fn();
  } catch (error) {
    if (error instanceof ExitError) return error;
    throw error;
  }
  throw new Error("it did not reject");
}

clusterTest("a peer in Python speaks TLS", async (cluster) => {
  const authority = await CertificateAuthority.make();
  const ca = authority.pair.cert;
  const [kateTls, alexTls, patTls, falseTls] = await Promise.all(
    [KATE, "alex@localhost", PAT, "sophie@localhost"].map((node) =>
      authority.issue({ nodes: [node] })
    ),
  );
  await withFolder(async (folder) => {
    const flagsOf = async ({ cert, key }: { cert: string; key: string }) => {
      const flags: string[] = [];
      for (const [name, text] of Object.entries({ cert, key, ca })) {
        await Deno.writeTextFile(join(folder, name), text);
        flags.push(`--tls-${name}=${join(folder, name)}`);
      }
      return flags;
    };
    const kate = await cluster.start("kate", { tls: { ...kateTls, ca } });
    {
      await using peer = await PythonPeer.start(cluster, await flagsOf(patTls));
      await peer.enter(`connect ${KATE}`);
      await peer.prints(`connected to ${KATE}`);
      const alex = await cluster.start("alex", { tls: { ...alexTls, ca } });
      await alex.run(async () => {
        assertEquals(await Node.connect(PAT), true);
        const pid = await echo();
        const value = new Uint8Array(3 << 20).fill(7);
        send(pid, { from: self(), value });
        assertEquals(await receive(), value);
      });
      await alex.stop();
    }
    await using peer = await PythonPeer.start(cluster, await flagsOf(falseTls));
    await peer.enter(`connect ${KATE}`);
    await peer.prints(
      `Cannot do it: Cannot connect to ${KATE}: it answered 'not_allowed'`,
    );
    assertEquals(await kate.run(() => Node.connect(PAT)), false);
  });
}, { programs: ["python3"] });

test(
  "a peer in Python takes EPMD's port from ERL_EPMD_PORT, and ends if nobody answers there",
  { programs: ["python3"] },
  async () => {
    const { code, stderr } = await outputOf("python3", {
      args: ["-B", "chat.py", `--sname=${PAT}`, `--cookie=${COOKIE}`],
      cwd: FOLDER,
      env: { ERL_EPMD_PORT: "1" },
    });
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /^Cannot start pat@localhost: no EPMD answers at 127\.0\.0\.1:1; start/,
    );
  },
);
