import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { freePort } from "../../packages/testing/_ports.ts";
import { Application } from "../../packages/servers/application/application.ts";
import { chat } from "../../chat/application.ts";
import dev from "../../chat/config/dev.ts";
import testConfig from "../../chat/config/test.ts";
import * as Kate from "../../chat/kate.ts";
import * as Chat from "../../chat/mod.ts";
import { ExitError } from "../../packages/processes/errors.ts";
import { Node } from "../../node.ts";
import { Process } from "../../packages/processes/process.ts";
import { test } from "../../packages/testing/tags.ts";
import { until } from "../_until.ts";
import { standardOutput } from "../_processes.ts";

/** A node that runs the chat, and its output. */
interface Chatter extends AsyncDisposable {
  node: Node;
  printed: string[];
  /** Sends a message to a node. */
  send(to: string, message: unknown): Promise<"ok">;
}

async function startChat(name: string, epmdPort: number): Promise<Chatter> {
  const printed: string[] = [];
  const node = await Node.start({
    name: `${name}@localhost`,
    cookie: "secret_token",
    epmdPort,
    modules: { Chat, Kate },
    io: { write: (text) => void printed.push(text) },
    log() {},
  });
  await node.run(async () => {
    Application.load(dev);
    await Application.start(chat);
  });
  return {
    node,
    printed,
    send: (to, message) =>
      node.run(() => Chat.sendMessage(`${to}@localhost`, message as string)),
    async [Symbol.asyncDispose]() {
      await node.run(() => Application.stop("chat"));
      await node.stop();
    },
  };
}

/** Runs with the chat started outside any node, and returns the output. */
function withoutNode(fn: () => Promise<void>): Promise<string> {
  return standardOutput(async () => {
    try {
      assertEquals(await Application.start(chat), "ok");
      await fn();
    } finally {
      await Application.stop("chat");
      for (const key of Object.keys(Application.getAllEnv("chat"))) {
        Application.deleteEnv("chat", key);
      }
      // When an application is started first, it brings its own settings, and never again.
      for (const [key, value] of Object.entries(chat.env ?? {})) {
        Application.putEnv("chat", key, value);
      }
    }
  });
}

function chatTest(name: string, fn: () => Promise<void>): void {
  test(name, { timeout: 60_000 }, fn);
}

/** A test of the chats of kate and alex. */
function pairTest(
  name: string,
  fn: (alex: Chatter, kate: Chatter) => Promise<void>,
): void {
  chatTest(name, async () => {
    const port = freePort();
    await using kate = await startChat("kate", port);
    await using alex = await startChat("alex", port);
    await fn(alex, kate);
  });
}

pairTest(
  "sendMessage() prints at the recipient, who can answer",
  async (alex, kate) => {
    assertEquals(await alex.send("kate", "hi"), "ok");
    assertEquals([kate.printed, alex.printed], [["hi\n"], []]);
    assertEquals(await kate.send("alex", "hello"), "ok");
    assertEquals([kate.printed, alex.printed], [["hi\n"], ["hello\n"]]);
  },
);

chatTest("sendMessage() to moebi makes him answer chicken?", async () => {
  const port = freePort();
  await using kate = await startChat("kate", port);
  await using moebi = await startChat("moebi", port);
  await using alex = await startChat("alex", port);
  assertEquals(await alex.send("moebi", "hi"), "ok");
  assertEquals(moebi.printed, ["hi\n"]);
  assertEquals(alex.printed, ["chicken?\n"]);
  assertEquals(kate.printed, []);
});

chatTest("sendMessage() names a call without connection", async () => {
  await using alex = await startChat("alex", freePort());
  const { message } = await assertRejects(
    () => alex.send("moebi", "hi"),
    ExitError,
    "no connection to moebi@localhost",
  );
  for (
    const part of [
      '{ name: "Chat.TaskSupervisor", node: "moebi@localhost" }',
      "receiveMessageForMoebi",
      '["hi", "alex@localhost"]',
    ]
  ) assertStringIncludes(message, part);
});

pairTest("sendMessage() reports a node without a chat", async (alex, kate) => {
  await kate.node.run(() => Application.stop("chat"));
  await assertRejects(() => alex.send("kate", "hi"), ExitError, "no process");
});

pairTest("sendMessage() survives a killed supervisor", async (alex, kate) => {
  const supervisor = () =>
    kate.node.run(() => Process.whereis("Chat.TaskSupervisor"));
  const before = await supervisor();
  assert(before);
  await kate.node.run(() => void Process.exit(before, "kill"));
  await until(async () => {
    const after = await supervisor();
    return after !== undefined && !after.equals(before);
  });
  assertEquals(await alex.send("kate", "hi"), "ok");
  assertEquals(kate.printed, ["hi\n"]);
});

chatTest("sendMessage() takes a resolver from its caller", async () => {
  const asked: string[] = [];
  const remoteSupervisor = (recipient: string) => {
    asked.push(recipient);
    return "Chat.TaskSupervisor";
  };
  const printed = await withoutNode(async () => {
    await Chat.sendMessage("kate@localhost", "hi", { remoteSupervisor });
  });
  assertEquals(printed, "hi\n");
  assertEquals(asked, ["kate@localhost"]);
});

chatTest("sendMessage() stays here in the test configuration", async () => {
  assert(!Node.alive());
  const printed = await withoutNode(async () => {
    Application.load(testConfig);
    assertEquals(await Chat.sendMessage("moebi@localhost", "hi"), "ok");
  });
  assertEquals(printed, "hi\nchicken?\n");
});

chatTest("sendMessage() goes to its node unless configured", async () => {
  const printed = await withoutNode(async () => {
    await assertRejects(
      () => Chat.sendMessage("kate@localhost", "hi"),
      ExitError,
      "no connection to kate@localhost",
    );
  });
  assertEquals(printed, "");
});

chatTest("sendMessage() reports an invalid setting", async () => {
  await withoutNode(async () => {
    Application.putEnv("chat", "remoteSupervisor", "Chat.TaskSupervisor");
    await assertRejects(
      () => Chat.sendMessage("kate@localhost", "hi"),
      TypeError,
      `the setting "remoteSupervisor" of the application "chat" is "Chat.TaskSupervisor"`,
    );
  });
});

pairTest("receiveMessage() escapes control characters", async (alex, kate) => {
  await alex.send("kate", "\u001b[2J\u202egnp.exe\r\u0007");
  await alex.send("kate", { text: "\u001b[2J" });
  assertEquals(kate.printed, [
    "\\u001b[2J\\u202egnp.exe\\u000d\\u0007\n",
    '{ text: "\\u001b[2J" }\n',
  ]);
});

pairTest("sayName() prints at the node that spawned it", async (alex, kate) => {
  await alex.node.run(async () => {
    const pid = await Node.spawnLink("kate@localhost", Kate.sayName);
    assertEquals(pid.node, "kate@localhost");
    await until(() => alex.printed.length > 0);
  });
  assertEquals([kate.printed, alex.printed], [[], ["Hi, my name is Kate\n"]]);
});

pairTest("spawnTask() runs a function by its name", async (alex) => {
  const run = (fn: string) =>
    alex.node.run(() => Chat.spawnTask(["Chat", fn], "kate@localhost", ["hi"]));
  const says = `module "Chat" has no function "gossip"`;
  await assertRejects(() => run("gossip"), Error, says);
  assertEquals(await run("receiveMessage"), "ok");
});
