/** Errors show the line of the calling code, whatever detected the failure. */

import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import {
  Agent,
  DynamicSupervisor,
  exit,
  GenServer,
  type GenServerModule,
  IO,
  Node,
  Process,
  receive,
  Registry,
  rpc,
  send,
  spawn,
  Supervisor,
  Task,
  TaskSupervisor,
} from "../../../mod.ts";
import { reasonToBeam } from "../../../packages/beam/terms/beam_reasons.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import {
  publicError,
  publicStack,
} from "../../../packages/processes/values/public_stack.ts";
import type { Tuple } from "../../../packages/processes/values/tuple.ts";
import { test } from "../../../packages/testing/tags.ts";
import { exception } from "../../../packages/beam/wire/structs.ts";
import { assertLinear, SIZE } from "../../_linear.ts";
import { clusterTest, pairTest } from "../../_nodes.ts";
import { numbersIn } from "../../_pages.ts";
import { ended, errorOf, processTest } from "../../_processes.ts";

const HERE = import.meta.url;

/** A server that does not answer, or exits. */
const Server: GenServerModule = {
  init(arg) {
    if (arg === "fail") throw new Error("no");
    return { type: "ok", state: arg };
  },
  handleCall(request, _from, state) {
    return request === "end"
      ? { type: "stop", reason: "over", state }
      : { type: "noreply", state };
  },
};

const nobody = { name: "Nobody", node: "nobody@localhost" };
const far = "nobody@localhost";

/** Failing calls, each on a line of its own: its name, and the call. */
const FAILING: Record<string, (server: GenServer) => Promise<unknown>> = {
  // safe: its expiry is tested
  "receive, timeout": () => receive(() => false, { timeout: 1 }),
  "GenServer.call, nobody": () => GenServer.call("Nobody", 1),
  "GenServer.call, no connection": () => GenServer.call(nobody, 1),
  "GenServer.call, timeout": async () => {
    const server = await GenServer.start(Server, 0);
    try {
      // safe: its expiry is tested
      await GenServer.call(server, 1, { timeout: 1 });
    } finally {
      await GenServer.stop(server);
    }
  },
  "GenServer.call, end": async () => {
    const server = await GenServer.start(Server, 0);
    await GenServer.call(server, "end");
  },
  "GenServer.start, init": () => GenServer.start(Server, "fail"),
  "GenServer.stop": () => GenServer.stop("Nobody"),
  "Agent.get": () => Agent.get("Nobody", (n) => n),
  "Agent.update, throws": async () => {
    const agent = await Agent.start(() => 0);
    await Agent.update(agent, () => exit("no"));
  },
  "Supervisor.whichChildren": () => Supervisor.whichChildren("Nobody"),
  "DynamicSupervisor.countChildren": () =>
    DynamicSupervisor.countChildren("Nobody"),
  "TaskSupervisor.async, nobody": () => TaskSupervisor.async("Nobody", () => 1),
  "TaskSupervisor.async, no connection": () =>
    TaskSupervisor.async(nobody, ["Chat", "hi"]),
  "TaskSupervisor.startChild": () =>
    TaskSupervisor.startChild("Nobody", () => 1),
  "TaskSupervisor.children": () => TaskSupervisor.children("Nobody"),
  "Task.await, exit": () => Task.await(Task.async(() => exit("no"))),
  "Task.await, timeout": async () => {
    const task = Task.async(() => receive());
    try {
      // safe: its expiry is tested
      await Task.await(task, 1);
    } finally {
      Process.exit(task.pid, "kill");
    }
  },
  "Task.awaitMany": () => Task.awaitMany([Task.async(() => exit("no"))]),
  "rpc.call, no connection": () => rpc.call(far, ["A", "b"]),
  "rpc.call, undefined": () => rpc.call(Node.self(), ["A", "b"]),
  "rpc.call, exit": () => rpc.call(Node.self(), () => exit("no")),
  "Node.spawn, undefined": () => Node.spawn(Node.self(), ["A", "b"]),
  "IO.puts, nobody": async () => {
    const device = spawn(() => {});
    await ended(device);
    await IO.puts("hi", { device });
  },
  "Registry.startLink, keys": () =>
    Registry.startLink({ keys: "none" as "unique", name: "Names" }),
};

/** The locations in a stack, except the host's own, whose number depends on what else runs. */
function framesOf(error: unknown): string[] {
  return [...String((error as Error).stack).matchAll(/\(?(\S+:\d+:\d+)\)?$/gm)]
    .map(([, place]) => place)
    .filter((place) => !/^(ext|node):/.test(place));
}

for (const [name, fail] of Object.entries(FAILING)) {
  const start = name === "rpc.call, undefined" ||
      name.includes("no connection") || name === "Node.spawn, undefined"
    ? nodeTest
    : name.startsWith("Task.")
    ? test // linked one way only
    : processTest;
  start(`the stack of an error has the caller's line: ${name}`, async () => {
    let error: unknown;
    try {
      await fail(GenServer);
    } catch (thrown) {
      error = thrown;
    }
    assert(error instanceof Error, "it did not fail");
    const frames = framesOf(error);
    const own = frames.findIndex((frame) => frame.startsWith(HERE));
    assert(own >= 0 && own <= 2, error.stack);
  });
}

function nodeTest(name: string, fn: () => Promise<void>): void {
  clusterTest(name, async (cluster) => {
    const alex = await cluster.start("alex");
    await alex.run(fn);
  });
}

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

const Failing = {
  fail: () => {
    throw new Error(`no ${ROOT}x`, { cause: `in ${HERE}` });
  },
};

pairTest("a remote error's stack hides local folders", async ({ kate }) => {
  const fail = ["Failing", "fail"] as const;
  const error = await errorOf(rpc.call(kate.name, fail)) as Error;
  const { ref } = await Node.spawnMonitor(kate.name, fail);
  const down = await receive((m) => ref.equals(m?.ref));
  for (const { message, cause, stack } of [error, down.reason]) {
    assertEquals([message, cause], ["no x", "in stack_test.ts"]);
    assertMatch(stack!, /^Error: no x\n +at .*fail \(stack_test.ts:\d/);
    assert(!stack!.includes(ROOT) && !stack!.includes("file:"), stack);
  }
  const own = await kate.run(() => {
    try {
      return Failing.fail();
    } catch (error) {
      return error as Error;
    }
  });
  assertStringIncludes(own.stack!, HERE);
  assertStringIncludes(own.message, ROOT);
  assertEquals(exception(own).get(atom("message")), "no x");
  const spaced = new Error("no");
  spaced.stack = "Error: no\n    at /home/alex/My App/stack_test.ts:1:2";
  for (const reason of [own, spaced]) {
    const { elements } = reasonToBeam(reason) as Tuple;
    const [{ elements: frame }] = elements[1] as Tuple[];
    const [{ elements: [, file] }] = frame[3] as Tuple[];
    assertEquals(String.fromCodePoint(...file as number[]), "stack_test.ts");
  }
}, { kate: { modules: { Failing } } });

test("publicStack() leaves the names of files, and of packages", () => {
  for (
    const [line, expected] of [
      ["at f (file:///home/alex/app/main.ts:1:2)", "at f (main.ts:1:2)"],
      ["at file:///home/alex/my%20app/main.ts:1:2", "at main.ts:1:2"],
      ["at async f (/home/alex/main.js:1:2)", "at async f (main.js:1:2)"],
      ["at f (C:\\Users\\a x\\main.js:1:2)", "at f (main.js:1:2)"],
      ["at /home/alex/My App (copy)/main.js:1:2", "at main.js:1:2"],
      ["at f (file:///home/a%20(b)/c/main.js:1:2)", "at f (main.js:1:2)"],
      ["at f (/a/node_modules_b/main.js:1:2)", "at f (main.js:1:2)"],
      [
        "at file:///a b/c.wasm:wasm-function[1]:0x1f",
        "at c.wasm:wasm-function[1]:0x1f",
      ],
      ["at f (file:///C:/Users/alex/main.js:1:2)", "at f (main.js:1:2)"],
      [
        "at f (/home/alex/node_modules/@otp/x/a.js:1:2)",
        "at f (node_modules/@otp/x/a.js:1:2)",
      ],
      [
        "at eval (eval at f (file:///a/b.ts:1:2), <anonymous>:1:1)",
        "at eval (eval at f (b.ts:1:2), <anonymous>:1:1)",
      ],
      [
        "at eval (eval at f (/a (b/c.ts:1:2), /d e/f.ts:1)",
        "at eval (eval at f (c.ts:1:2), f.ts:1)",
      ],
      ["at f (https://jsr.io/a/b.ts:1:2)", undefined],
      ["at f (node:internal/a/b:1:2)", undefined],
      ["at f (ext:core/01_core.js:1:2)", undefined],
      ["at async Promise.all (index 0)", undefined],
    ]
  ) {
    const stack = `Error: at /srv/alex\n    ${line}\n    at g (x.ts:1:2)`;
    const shown = stack.replace(line!, expected ?? line!);
    assertEquals(publicStack(stack), shown);
    assertEquals(publicStack(shown), shown);
  }
});

test("publicError() has messages without the folders of this machine", () => {
  const own = join(process.cwd(), "My files", "x.txt");
  const texts = {
    [`readfile '${own}' "${own}"`]: `readfile 'x.txt' "x.txt"`,
    [`not in ${process.cwd()}: no`]: `not in ${basename(process.cwd())}: no`,
    "file:///srv/a/x.ts, (file:///srv/y.ts:1:2).": "x.ts, (y.ts:1:2).",
    "no /home/alex: file:///Users/alex/.": "no ~: ~.",
    "no C:\\Users\\alex\\a.txt here\n/root/b": "no a.txt here\nb",
    "/home/a/node_modules/b/c.js": "node_modules/b/c.js",
    "GET /api/3 https://a.b/home/alex/x profile:/x": undefined,
  };
  for (const [text, expected = text] of Object.entries(texts)) {
    const error = Object.assign(new Error(text, { cause: text }), {
      path: text,
    });
    const fields = { path: expected, cause: expected };
    const { message, fields: sent } = publicError(error);
    assertEquals([message, sent], [expected, fields]);
    assertEquals(publicError(new Error(expected)).message, expected);
  }
});

test("publicError() takes time in proportion to a message", () => {
  for (
    const part of ["/home/", "'/home/a ", "/", "file:///", "a", "a:///", "`"]
  ) {
    const error = new Error(`/home/${part.repeat(SIZE / part.length)}`);
    assertLinear(part, SIZE, () => void publicError(error));
  }
});

test("publicStack() leaves the beginning and the end of a long stack", () => {
  const [most] = numbersIn(
    "docs/differences.md",
    "more than # characters reaches another",
  );
  const frame = "\n    at f (/home/alex/main.ts:1:2)";
  const whole = "Error: x".padEnd(most - 7, "x") + "\n  at /";
  assertEquals(publicStack(whole), whole.slice(0, -1));
  for (
    const stack of [
      `Error: x${"(/".repeat(most)}${frame}`,
      `Error: x${frame.repeat(most)}`,
      `Error: x${frame}${" (/home/alex/".repeat(most)}${frame}`,
      `Error: x${frame}`.padEnd(most - 40, " ") + frame.repeat(2),
    ]
  ) {
    const sent = publicStack(stack);
    assert(sent.length <= most);
    assertMatch(
      sent,
      /^Error: x[^]*\n {4}\.\.\.(\n {4}at f \(main\.ts:1:2\))+$/,
    );
    assertFalse(/home|alex/.test(sent));
    assertEquals(publicStack(sent), sent);
  }
  const endless = publicStack("    at /home/alex/".repeat(most));
  assertEquals(endless, "\n    ...\n");
});

processTest("the first frame of a failed call is the caller's", async () => {
  const outer = () => inner();
  const inner = async () => {
    await GenServer.call("Nobody", 1);
  };
  try {
    await outer();
  } catch (error) {
    const [first, second] = framesOf(error);
    assertEquals(
      [first, second].map((frame) => frame.replace(/:\d+:\d+$/, "")),
      [HERE, HERE],
      (error as Error).stack,
    );
  }
});

processTest("arguments in exits are cut at 200 characters", async () => {
  const long = "x".repeat(5000);
  const big = { rows: Array.from({ length: 1000 }, (_, id) => ({ id, long })) };
  const calls = [
    () => GenServer.call("Nobody", long),
    () => GenServer.call("Nobody", big),
    () => TaskSupervisor.async("Nobody", ["Chat", "hi"], [big, long]),
    () => Agent.get("Nobody", [long, long] as never),
  ];
  for (const call of calls) {
    const { message } = await errorOf(call()) as Error;
    assert(message.startsWith("exited in: "), message.slice(0, 100));
    const [line] = message.split("\n");
    assert(line.length < 3 * 220 && line.includes("..."), line);
  }
});

clusterTest("messages in logs are cut at 200 characters", async (cluster) => {
  const alex = await cluster.start("alex");
  const long = "x".repeat(5000);
  await alex.run(async () => {
    const server = await GenServer.start(
      { init: () => ({ type: "ok", state: 0 }) },
      0,
    );
    send(server, [long]);
    await GenServer.call(server, long).catch(() => {});
  });
  await cluster.logged(/terminating/);
  const lines = cluster.lines().join("\n").split("\n");
  const cut = lines.filter((line) => line.includes("xxx"));
  assert(cut.some((line) => line.includes("unexpected message")));
  assert(cut.some((line) => line.includes("Last message")));
  for (const line of cut) assert(line.length < 400, line);
});
