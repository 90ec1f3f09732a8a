/** The program for Maelstrom, with exchanges of its documentation, and three nodes of which one is frozen. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { fileURLToPath } from "node:url";
import type { Body } from "../../examples/maelstrom/protocol.ts";
import { EpmdServer } from "../../packages/epmd/epmd_server.ts";
import {
  assertLinearizable,
  type SequentialModel,
  type SimulatedCall,
} from "../../packages/testing/simulation/linearizable.ts";
import { test } from "../../packages/testing/tags.ts";
import { Child } from "../_child.ts";
import { freePort } from "../_nodes.ts";
import { temporaryFolder } from "../_temporary.ts";
import { until } from "../_until.ts";
import { Program } from "./_program.ts";

const PROGRAM = fileURLToPath(
  new URL("../../examples/maelstrom/node.ts", import.meta.url),
);

/** A node's program, with this test as Maelstrom. */
class MaelstromNode extends Child {
  readonly id: string;
  #requests = 0;

  constructor(id: string, workload: string, env: Record<string, string>) {
    super(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "-A", PROGRAM, workload],
      env,
      stdin: "piped",
    });
    this.id = id;
  }

  /** Sends a request of a client; returns the body of the reply. */
  async request(
    { msg_id = ++this.#requests, ...body }: Body,
    src = "c1",
  ): Promise<Body> {
    const message = { src, dest: this.id, body: { ...body, msg_id } };
    await this.type(`${JSON.stringify(message)}\n`);
    const pattern = RegExp(`^(.*"in_reply_to":${msg_id}[,}].*)\n`, "m");
    const [, line] = await this.until(
      () => pattern.exec(this.stdout),
      `a reply to ${JSON.stringify(body)}`,
    );
    const reply = JSON.parse(line);
    assertEquals([reply.src, reply.dest], [this.id, src]);
    return reply.body;
  }
}

/** Starts nodes that serve a workload. */
async function startNodes(
  workload: string,
  ids: string[],
): Promise<AsyncDisposable & { nodes: MaelstromNode[] }> {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const port = freePort();
  const epmd = await EpmdServer.listen({ host: "127.0.0.1", port });
  stack.defer(() => epmd.close());
  const env = {
    FOLDER: folder.path,
    HOME: folder.path,
    ERL_EPMD_PORT: `${port}`,
  };
  const nodes = ids.map((id) =>
    stack.use(new MaelstromNode(id, workload, env))
  );
  const replies = await Promise.all(nodes.map((node) =>
    node.request({
      ...{ type: "init", msg_id: 0 },
      ...{ node_id: node.id, node_ids: ids },
    }, "c0")
  ));
  for (const reply of replies) {
    assertEquals(reply, { type: "init_ok", in_reply_to: 0 });
  }
  return {
    nodes,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Requests, and after each one its reply. */
const EXCHANGES: Record<string, string> = {
  echo: `
{"type":"echo","msg_id":1,"echo":"Please echo 35"}
{"type":"echo_ok","in_reply_to":1,"echo":"Please echo 35"}
{"type":"shout","msg_id":2,"echo":"Please echo 35"}
{"type":"error","in_reply_to":2,"code":10,"text":"no requests of the type shout"}
`,
  "lin-kv": `
{"type":"read","msg_id":1,"key":3}
{"type":"error","in_reply_to":1,"code":20,"text":"no such key"}
{"type":"cas","msg_id":2,"key":3,"from":1,"to":2}
{"type":"error","in_reply_to":2,"code":20,"text":"no such key"}
{"type":"write","msg_id":3,"key":3,"value":4}
{"type":"write_ok","in_reply_to":3}
{"type":"read","msg_id":123,"key":3}
{"type":"read_ok","in_reply_to":123,"value":4}
{"type":"cas","msg_id":124,"key":3,"from":4,"to":[5,null]}
{"type":"cas_ok","in_reply_to":124}
{"type":"cas","msg_id":125,"key":3,"from":4,"to":6}
{"type":"error","in_reply_to":125,"code":22,"text":"the value is [5,null]"}
{"type":"read","msg_id":126,"key":3}
{"type":"read_ok","in_reply_to":126,"value":[5,null]}
{"type":"read","msg_id":127,"key":"3"}
{"type":"error","in_reply_to":127,"code":20,"text":"no such key"}
`,
  "txn-list-append": `
{"type":"txn","msg_id":1,"txn":[["append",1,8]]}
{"type":"txn_ok","in_reply_to":1,"txn":[["append",1,8]]}
{"type":"txn","msg_id":2,"txn":[["r",1,null],["append",1,6],["append",2,9]]}
{"type":"txn_ok","in_reply_to":2,"txn":[["r",1,[8]],["append",1,6],["append",2,9]]}
{"type":"txn","msg_id":3,"txn":[["r",1,null],["r",2,null],["r",5,null]]}
{"type":"txn_ok","in_reply_to":3,"txn":[["r",1,[8,6]],["r",2,[9]],["r",5,null]]}
`,
  "unique-ids": `
{"type":"generate","msg_id":2}
{"type":"generate_ok","in_reply_to":2,"id":1}
{"type":"generate","msg_id":3}
{"type":"generate_ok","in_reply_to":3,"id":2}
`,
  broadcast: `
{"type":"topology","msg_id":1,"topology":{"n1":["n2","n3"],"n2":["n1"],"n3":["n1"]}}
{"type":"topology_ok","in_reply_to":1}
{"type":"broadcast","msg_id":2,"message":1000}
{"type":"broadcast_ok","in_reply_to":2}
{"type":"read","msg_id":3}
{"type":"read_ok","in_reply_to":3,"messages":[1000]}
`,
  "g-set": `
{"type":"add","msg_id":1,"element":"a"}
{"type":"add_ok","in_reply_to":1}
{"type":"add","msg_id":2,"element":"a"}
{"type":"add_ok","in_reply_to":2}
{"type":"read","msg_id":3}
{"type":"read_ok","in_reply_to":3,"value":["a"]}
`,
  "pn-counter": `
{"type":"read","msg_id":1}
{"type":"read_ok","in_reply_to":1,"value":0}
{"type":"add","msg_id":2,"delta":3}
{"type":"add_ok","in_reply_to":2}
{"type":"add","msg_id":3,"delta":-1}
{"type":"add_ok","in_reply_to":3}
{"type":"read","msg_id":4}
{"type":"read_ok","in_reply_to":4,"value":2}
`,
};

for (const [workload, text] of Object.entries(EXCHANGES)) {
  test(`a node answers the requests of ${workload}`, async () => {
    await using started = await startNodes(workload, ["n1"]);
    const [node] = started.nodes;
    const lines = text.trim().split("\n").map((line) => JSON.parse(line));
    for (let i = 0; i < lines.length; i += 2) {
      assertEquals(await node.request(lines[i]), lines[i + 1]);
    }
    await node.closeInput();
    assertEquals((await node.status).code, 0, node.output);
  });
}

test("all nodes have the items that any of them was given", async () => {
  await using started = await startNodes("g-set", ["n1", "n2", "n3"]);
  const { nodes } = started;
  await Promise.all(
    nodes.flatMap((node, n) =>
      [0, 1, 2].map((i) => node.request({ type: "add", element: 3 * n + i }))
    ),
  );
  for (const node of nodes) {
    await until(async () => {
      const { value } = await node.request({ type: "read" });
      return (value as number[]).sort().join() === "0,1,2,3,4,5,6,7,8";
    });
  }
});

const KEYS = 8;

/** A register; `null` has no value. */
const REGISTER: SequentialModel<number | null> = {
  state: () => null,
  apply(state, { method, args }) {
    if (method === "write") return [args[0] as number, "ok"];
    if (state === null) return [state, 20];
    if (method === "read") return [state, `is ${state}`];
    return args[0] === state ? [args[1] as number, "ok"] : [state, 22];
  },
};

/** A client of Maelstrom, which has one request after the other answered by its node. */
class Client {
  readonly #node: MaelstromNode;
  readonly #name: string;
  readonly #calls: SimulatedCall[];
  #writes = 0;
  #seen = 0;

  constructor(node: MaelstromNode, number: number, calls: SimulatedCall[]) {
    this.#node = node;
    this.#name = `c${number}`;
    this.#calls = calls;
    this.#writes = 1000 * number;
  }

  async call(
    key: number,
    method: "read" | "write" | "cas",
  ): Promise<Body> {
    const value = method === "read" ? undefined : ++this.#writes;
    const body = {
      ...{ type: method, key },
      ...method === "write" ? { value } : {},
      ...method === "cas" ? { from: this.#seen, to: value } : {},
    };
    const call: SimulatedCall = {
      ...{ node: this.#node.id, type: "register", key: `${key}`, method },
      args: method === "cas" ? [this.#seen, value] : [value],
      ...{ id: undefined, mayRunTwice: false, mayHaveRun: true },
      ...{ from: performance.now(), to: Infinity },
    };
    this.#calls.push(call);
    const reply = await this.#node.request(body, this.#name);
    call.to = performance.now();
    if (reply.type === "read_ok") {
      this.#seen = reply.value as number;
      call.value = `is ${reply.value}`;
    } else if (reply.type !== "error") call.value = "ok";
    else if (reply.code === 20 || reply.code === 22) call.value = reply.code;
    else {
      call.code = `${reply.code}`;
      call.mayHaveRun = reply.code === 13;
      assert(call.mayHaveRun || reply.code === 11, JSON.stringify(reply));
    }
    return reply;
  }

  /** Makes calls of all kinds to all keys. */
  async callAll(): Promise<void> {
    for (let key = 0; key < KEYS; key++) {
      for (const method of ["write", "read", "cas"] as const) {
        await this.call(key, method);
      }
    }
  }
}

test("the registers are linearizable while a node is frozen", {
  timeout: 120_000,
}, async () => {
  await using started = await startNodes("lin-kv", ["n1", "n2", "n3"]);
  const { nodes } = started;
  const calls: SimulatedCall[] = [];
  const clients = [...nodes, ...nodes].map((node, i) =>
    new Client(node, i + 1, calls)
  );
  await Promise.all(clients.map((client) => client.callAll()));
  const [first, second, third] = clients;
  const running = clients.map((client) => client.callAll());
  const frozen = nodes[1];
  frozen.kill("SIGSTOP");
  // The other nodes take its keys over, and serve all of them meanwhile.
  for (let key = 0; key < KEYS; key++) {
    for (
      const [client, method] of [[first, "write"], [third, "read"]] as const
    ) {
      while ((await client.call(key, method)).type === "error") {
        // Frozen in a transaction, it has locked the file of the store: freeze it at another moment.
        frozen.kill("SIGCONT");
        await second.call(key, "read");
        frozen.kill("SIGSTOP");
      }
    }
  }
  frozen.kill("SIGCONT");
  await Promise.all(running);
  await Promise.all(clients.map((client) => client.callAll()));
  assertLinearizable(calls, REGISTER);
});

test("the global registers are one for all nodes", async () => {
  await using started = await startNodes("lin-kv-global", ["n1", "n2", "n3"]);
  const calls: SimulatedCall[] = [];
  await Promise.all(
    started.nodes.map((node, i) => new Client(node, i + 1, calls).callAll()),
  );
  assertEquals(calls.filter(({ code }) => code !== undefined), []);
  assertLinearizable(calls, REGISTER);
});

test("Maelstrom can run the program, and a wrong start says what to do", async () => {
  const { mode } = await Deno.stat(PROGRAM);
  assertEquals(mode! & 0o111, 0o111);
  const [first] = (await Deno.readTextFile(PROGRAM)).split("\n");
  assertEquals(first, "#!/usr/bin/env -S deno run --quiet -A");
  await using folder = await temporaryFolder();
  const FOLDER = folder.path;
  for (
    const [workload, env, error] of [
      ["lin", { FOLDER }, "lin is no workload; end the command with -- and"],
      ["echo", { FOLDER: "" }, "FOLDER is not set; set it to a new folder"],
    ] as const
  ) {
    await using node = new MaelstromNode("n1", workload, env);
    const { code, stdout, stderr } = await node.status;
    assertEquals([code, stdout], [1, ""]);
    assert(stderr.includes(`Cannot start: ${error}`), stderr);
  }
});

test("deno task maelstrom gives Maelstrom the program and a folder", async () => {
  await using folder = await temporaryFolder();
  const MAELSTROM = `${folder.path}/maelstrom`;
  await Deno.writeTextFile(
    MAELSTROM,
    '#!/bin/sh\necho "$@"\ncd "$FOLDER" && pwd\nexit 3\n',
    { mode: 0o755 },
  );
  await using program = new Program("maelstrom/try.ts", [
    ...["lin-kv-global", "--rate", "100"],
  ], { MAELSTROM });
  const { code, stdout } = await program.status;
  const [args, used] = stdout.trim().split("\n");
  assert(args.startsWith(`test --workload lin-kv --bin ${PROGRAM} `), args);
  assert(args.endsWith(" --rate 100 -- lin-kv-global"), args);
  assertEquals(code, 3);
  await assertRejects(() => Deno.stat(used), Deno.errors.NotFound);
});
