/** The orderly stop of a node: applications and servers stop before its connections do. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { fileURLToPath } from "node:url";
import { Application } from "../../../packages/servers/application/application.ts";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import { Node } from "../../../node.ts";
import {
  isDown,
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { ChatProcess, nodeFlags } from "../../_cli.ts";
import { clusterTest, freePort, pairTest } from "../../_nodes.ts";
import { test } from "../../../packages/testing/mod.ts";

/** A server that reports its end. */
function server(
  name: string,
  ended: string[],
  options: { trap?: boolean } = {},
) {
  return {
    name,
    init: () => {
      if (options.trap) Process.trapExit(true);
      return { type: "ok", state: 0 } as const;
    },
    terminate(reason: unknown) {
      ended.push(`${name} ${reason}`);
    },
  };
}

function application(name: string, ended: string[]) {
  return {
    name,
    start: () =>
      Supervisor.startLink([
        GenServer.childSpec(server(`${name}.a`, ended, { trap: true }), 0),
        GenServer.childSpec(server(`${name}.b`, ended, { trap: true }), 0),
      ], { strategy: "one_for_one" }),
    prepStop: () => void ended.push(`prep ${name}`),
    stop: () => void ended.push(`stop ${name}`),
  };
}

clusterTest(
  "Node.start() waits for onStart, and stops the node if it fails",
  async (cluster) => {
    const port = freePort();
    let called: string | undefined;
    const alex = await cluster.start("alex", {
      port,
      async onStart() {
        await Promise.resolve();
        called = Node.self();
      },
    });
    assertEquals(called, alex.name);
    await alex.stop();
    const failure = new Error("no");
    const error = await assertRejects(() =>
      cluster.start("alex", { port, onStart: () => Promise.reject(failure) })
    );
    assertEquals(error, failure);
    // The name and the port are free again.
    await cluster.start("alex", { port });
  },
);

clusterTest("stop() stops the applications in reverse", async (cluster) => {
  const ended: string[] = [];
  const node = await cluster.start("alex");
  await node.run(async () => {
    await GenServer.start(server("first", ended), 0);
    await Application.start(application("store", ended));
    await GenServer.start(server("second", ended, { trap: true }), 0);
    await Application.start(application("web", ended));
  });
  await node.stop();
  assertEquals(ended, [
    "prep web",
    "web.b shutdown",
    "web.a shutdown",
    "stop web",
    "prep store",
    "store.b shutdown",
    "store.a shutdown",
    "stop store",
    "second shutdown",
    "first shutdown",
  ]);
});

clusterTest("stop() stops supervisors without application", async (cluster) => {
  const ended: string[] = [];
  const node = await cluster.start("alex");
  const { promise, resolve } = Promise.withResolvers<void>();
  const owner = node.run(async () => {
    await Supervisor.startLink([
      GenServer.childSpec(server("a", ended, { trap: true }), 0),
      GenServer.childSpec(server("b", ended, { trap: true }), 0),
    ], { strategy: "one_for_one" });
    resolve();
    await receive();
  });
  owner.catch(() => {});
  await promise;
  await node.stop();
  assertEquals(ended, ["b shutdown", "a shutdown"]);
});

pairTest("terminate() at a stop reaches others", async ({ alex, kate }) => {
  await Node.connect(kate.name);
  const told = self();
  const pid = await kate.run(() =>
    GenServer.start({
      init: () => ({ type: "ok", state: 0 } as const),
      handleCall: () => ({ type: "reply", reply: "here", state: 0 } as const),
      terminate: () => void send(told, "last words"),
    }, 0)
  );
  Process.monitor(pid);
  // The monitor exists before the answer to this.
  assertEquals(await GenServer.call(pid, "are you there?"), "here");
  await kate.stop();
  assertEquals(await receive(), "last words");
  const down = await receive(isDown);
  assertEquals(down.reason, "shutdown");
  assert(alex !== undefined);
});

clusterTest("a later stop() shortens the one under way", async (cluster) => {
  const node = await cluster.start("alex", { stopTimeout: Infinity });
  const { promise: stopping, resolve } = Promise.withResolvers<void>();
  const stuck = {
    name: "stuck",
    start: () => Supervisor.startLink([], { strategy: "one_for_one" }),
    prepStop: () => {
      resolve();
      return new Promise<void>(() => {});
    },
  };
  await node.run(() => Application.start(stuck));
  const stopped = node.stop();
  await stopping;
  await Promise.all([node.stop({ timeout: 0 }), stopped]);
});

clusterTest("stop() gives up on an endless message", async (cluster) => {
  const node = await cluster.start("alex");
  await node.run(async () => {
    const pid = await GenServer.start({
      init: () => ({ type: "ok", state: 0 } as const),
      handleCast: () => new Promise<never>(() => {}),
    }, 0);
    GenServer.cast(pid, "wait");
  });
  // safe: its expiry is tested
  await node.stop({ timeout: 50 });
});

clusterTest("a server may stop its own node", async (cluster) => {
  const ended: string[] = [];
  const node = await cluster.start("alex");
  await node.run(async () => {
    const pid = await GenServer.start({
      ...server("a", ended),
      handleCast: (_: unknown, state: unknown) => {
        Node.stop();
        return { type: "noreply", state } as const;
      },
    }, 0);
    GenServer.cast(pid, "stop");
  });
  await node.stop();
  assertEquals(ended, ["a shutdown"]);
});

const STOPPING = fileURLToPath(new URL("./_stopping.ts", import.meta.url));
/** Starts a program that runs a function of `_stopping.ts`, and sends it a signal when it has started. */
async function signalled(
  signal: "SIGTERM" | "SIGINT",
  fn: string,
  ...flags: string[]
): Promise<ChatProcess> {
  const program = new ChatProcess([
    ...nodeFlags("alex", freePort()),
    `--module=Stopping=${STOPPING}`,
    "--no-halt",
    ...flags,
    "--eval",
    `await Stopping.${fn}()`,
  ]);
  await program.printed("started\n");
  program.kill(signal);
  return program;
}

/** Returns the exit code and the output of such a program. */
async function endOf(...args: Parameters<typeof signalled>) {
  await using program = await signalled(...args);
  return await program.ended;
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  const tags = signal === "SIGTERM" ? [] : ["slow"];
  test(
    `${signal} stops the applications of the program in the reverse order of their start`,
    { tags },
    async () => {
      const { code, stdout, stderr } = await endOf(signal, "start");
      assertEquals([code, stderr], [0, ""]);
      assertEquals(
        stdout,
        "started\nweb.worker shutdown\nstop web\nstore.worker shutdown\nstop store\n",
      );
    },
  );
}

for (
  const [what, tags, fn, printed] of [
    ["the program", [], "startStuck", "stopping\n"],
    ["a program that drains", ["slow"], "startEndless", "draining\n"],
  ] as const
) {
  test(`a second signal ends ${what} at once`, { tags }, async () => {
    await using program = await signalled(
      "SIGTERM",
      fn,
      "--drain-timeout=600000",
    );
    await program.printed(printed);
    // Signals that arrive together are one, so it is sent until it counts as another.
    const again = setInterval(() => program.kill("SIGTERM"), 50);
    const { code } = await program.ended;
    clearInterval(again);
    assertEquals(code, 1);
  });
}

test("--stop-timeout limits how long applications may take to stop", async () => {
  const { code, stdout } = await endOf(
    "SIGTERM",
    "startStuck",
    "--stop-timeout=50",
  );
  assertEquals([code, stdout], [0, "started\nstopping\n"]);
});

test("SIGTERM lets the tasks of the program finish", async () => {
  const { code, stdout, stderr } = await endOf("SIGTERM", "startWork");
  assertEquals([code, stdout, stderr], [0, "started\nfinished\n", ""]);
});

test("SIGINT does not wait for the tasks of the program", async () => {
  const { code, stdout, stderr } = await endOf("SIGINT", "startEndless");
  assertEquals([code, stdout, stderr], [0, "started\n", ""]);
});

test("--drain-timeout limits how long SIGTERM waits for tasks", async () => {
  const { code, stdout, stderr } = await endOf(
    "SIGTERM",
    "startEndless",
    "--drain-timeout=50",
  );
  assertEquals([code, stdout], [0, "started\ndraining\n"]);
  assertMatch(stderr, /has not drained within 50 ms: 1 processes still work/);
});

const DRAINING = fileURLToPath(new URL("./_draining.ts", import.meta.url));

for (const exit of ["exits", "stays"]) {
  test(
    `Node.drainOnSignal() drains all nodes of a program, which then ${
      exit === "exits" ? "ends" : "ends by itself"
    }`,
    { tags: exit === "exits" ? [] : ["slow"] },
    async () => {
      const args = ["run", "-A", DRAINING, String(freePort()), exit];
      const program = new Deno.Command(Deno.execPath(), {
        args,
        stdout: "piped",
        stderr: "null",
      }).spawn();
      let text = "";
      for await (
        const part of program.stdout.pipeThrough(new TextDecoderStream())
      ) {
        text += part;
        if (text === "started\n") program.kill("SIGTERM");
      }
      assertEquals(text, "started\nalex has finished\nkate has finished\n");
      assertEquals((await program.status).code, 0);
    },
  );
}
