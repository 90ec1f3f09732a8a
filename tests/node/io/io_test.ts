import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { fileURLToPath } from "node:url";
import { formatExit, IoError } from "../../../packages/processes/errors.ts";
import { IO } from "../../../packages/node/io/io.ts";
import {
  exit,
  isExit,
  Pid,
  Process,
  receive,
  self,
  send,
  spawn,
  spawnLink,
} from "../../../packages/processes/process.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { test } from "../../../packages/testing/tags.ts";
import {
  ended,
  inProcess,
  isPending,
  mail,
  processTest,
  quiet,
  standardOutput,
} from "../../_processes.ts";

/** A group leader that answers each request with `answer`, and forwards it to `to`. */
function leader(to: Pid, answer: unknown = "ok"): Pid {
  return spawnLink(async () => {
    for (;;) {
      const { type, from, replyAs, request } = await receive();
      send(to, { type, from, request });
      Process.reply(replyAs, answer);
    }
  });
}

/** Ends a group leader, and no process that is linked to it. */
function dismiss(device: Pid): void {
  Process.unlink(device);
  Process.exit(device, "kill");
}

/** A test whose group leader records the requests. */
function ioTest(
  name: string,
  fn: (device: Pid) => Promise<void>,
  answer?: unknown,
): void {
  processTest(name, async () => {
    const device = leader(self(), answer);
    Process.groupLeader(device);
    await fn(device);
    dismiss(device);
  });
}

async function printed(): Promise<string[]> {
  // deno-lint-ignore no-explicit-any
  return (await mail()).map((message: any) => message.request.chars);
}

// puts(), write()

ioTest("puts() asks the group leader to write a line", async () => {
  assertEquals(await IO.puts("hi"), "ok");
  assertEquals(await mail(), [{
    type: "io_request",
    from: self(),
    request: { type: "put_chars", chars: "hi\n" },
  }]);
});

ioTest("puts() prints other values than strings as String() does", async () => {
  for (const item of [1, 42n, true, atom("ok"), { toString: () => "shown" }]) {
    await IO.puts(item);
  }
  assertEquals(await printed(), ["1\n", "42\n", "true\n", "ok\n", "shown\n"]);
});

ioTest("write() does not end the line", async () => {
  assertEquals(await IO.write("a line "), "ok");
  await IO.write(2);
  assertEquals(await printed(), ["a line ", "2"]);
});

ioTest("puts() keeps the order of lines that are not awaited", async () => {
  const lines = Array.from({ length: 100 }, (_, i) => IO.puts(i));
  await Promise.all(lines);
  assertEquals(
    await printed(),
    Array.from({ length: 100 }, (_, i) => `${i}\n`),
  );
});

processTest("puts() resolves with the leader's answer", async () => {
  const parent = self();
  Process.groupLeader(spawn(async () => {
    const { replyAs } = await receive();
    send(parent, "asked");
    await receive();
    Process.reply(replyAs, "ok");
    Process.reply(replyAs, "again");
  }));
  const done = IO.puts("hi");
  assertEquals(await receive(), "asked");
  assert(await isPending(done));
  send(Process.groupLeader(), "go on");
  assertEquals(await done, "ok");
  await ended(Process.groupLeader());
});

processTest("puts() with a device sends to that device", async () => {
  const [first, second] = [leader(self()), leader(self())];
  Process.groupLeader(first);
  Process.trapExit(true);
  Process.exit(first, "kill");
  assert(isExit(await receive()));
  assertEquals(await IO.puts("hi", { device: second }), "ok");
  assertEquals(await printed(), ["hi\n"]);
  Process.trapExit(false);
  dismiss(second);
});

// inspect()

ioTest("inspect() prints the value and returns it uncopied", async () => {
  const value = { list: [1], fn: function greet() {} };
  assertStrictEquals(await IO.inspect(value), value);
  assertStrictEquals(await IO.inspect(undefined), undefined);
  assertEquals(await printed(), [
    "{ list: [1], fn: #Function<greet> }\n",
    "undefined\n",
  ]);
});

ioTest("inspect() accepts a label and formatting options", async () => {
  await IO.inspect([1, 2, 3], { label: "got", limit: 2 });
  await IO.inspect(["long", "list"], { width: 5 });
  assertEquals(await printed(), [
    "got: [1, 2, ...]\n",
    '[\n  "long",\n  "list"\n]\n',
  ]);
});

ioTest("inspect() shows the value at the time of the call", async () => {
  const value = [1];
  const done = IO.inspect(value);
  value.push(2);
  await done;
  assertEquals(await printed(), ["[1]\n"]);
});

// gets()

ioTest("gets() requests a line with its prompt", async () => {
  assertEquals(await IO.gets("Your name? "), "kate\n");
  assertEquals(await mail(), [{
    type: "io_request",
    from: self(),
    request: { type: "get_line", prompt: "Your name? " },
  }]);
}, { line: "kate\n" });

test("gets() reads standard input line by line, and does not delay output", async () => {
  const program = fileURLToPath(new URL("./_reader.ts", import.meta.url));
  await using child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-all", program],
    stdin: "piped",
    stdout: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let output = "";
  async function until(text: string): Promise<void> {
    while (!output.includes(text)) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`the output ended: ${JSON.stringify(output)}`);
      output += value;
    }
  }
  await until("printed while it waits\n");
  assertStringIncludes(output, "name? ");
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("ka"));
  await writer.write(new TextEncoder().encode("te\nmoebi\nno line feed"));
  await until('first: "kate\\n"\n');
  await until('second: "moebi\\n"\n');
  await writer.close();
  await until('third: "no line feed\\n"\n');
  await until('fourth: "eof"\n');
  await reader.cancel();
  assertEquals((await child.status).code, 0);
});

// read()

ioTest("read() requests a line or characters, without a prompt", async () => {
  assertEquals(await IO.read(3), "kat");
  assertEquals(await IO.read(), "e\n");
  assertEquals(await IO.read("line"), "e\n");
  assertEquals(
    (await mail()).map((message) => (message as { request: unknown }).request),
    [
      { type: "get_chars", prompt: "", count: 3 },
      { type: "get_line", prompt: "" },
      { type: "get_line", prompt: "" },
    ],
  );
}, { line: "e\n", chars: "kat" });

// Errors.

ioTest("puts(), inspect() and gets() reject a leader's error", async () => {
  for (const ask of [IO.puts, IO.inspect, IO.gets, IO.write]) {
    const error = await assertRejects(
      () => ask("x") as Promise<unknown>,
      IoError,
    );
    assertEquals(error.reason, "enoent");
    assertEquals(
      error.message,
      'Cannot do input or output: the group leader answered with the error "enoent"',
    );
  }
  await mail();
}, { type: "error", reason: "enoent" });

processTest("puts() rejects for a dead group leader", async () => {
  const dead = spawn(() => {});
  await ended(dead);
  const dying = spawn(async () => {
    await receive();
    exit("boom");
  });
  for (const [device, reason] of [[dead, "noproc"], [dying, "boom"]] as const) {
    const error = await assertRejects(() => IO.puts("hi", { device }), IoError);
    assertEquals(error.reason, "terminated");
    assertStringIncludes(error.message, formatExit(reason));
  }
});

processTest("puts() rejects for a leader on a lost node", async () => {
  const device = new Pid("kate@localhost", self().number, 1);
  const error = await assertRejects(() => IO.puts("hi", { device }), IoError);
  assertStringIncludes(error.message, "no connection to kate@localhost");
});

processTest("puts() without await has no effect", async () => {
  Process.groupLeader(spawn(() => {}));
  await ended(Process.groupLeader());
  const unreachable = new Pid("kate@localhost", 1, 1);
  for (const device of [Process.groupLeader(), unreachable]) {
    IO.puts("lost", { device });
    IO.inspect("lost", { device });
    IO.gets("lost", { device });
  }
  await quiet();
});

// The group leader.

test("the shell's group leader is the process named user, which writes to standard output", async () => {
  assertEquals(Process.groupLeader(), Process.whereis("user"));
  const written = await standardOutput(async () => {
    await IO.puts("from the shell");
    await inProcess(async () => {
      IO.write("from ");
      IO.write("a process");
      await IO.puts("");
    });
  });
  assertEquals(written, "from the shell\nfrom a process\n");
});

processTest("the group leader stops at a first error", async () => {
  const written = await standardOutput(async () => {
    const requests = [
      { type: "put_chars", chars: "a" },
      { type: "requests", requests: [{ type: "put_chars", chars: "b" }] },
      { type: "nonsense" },
      { type: "put_chars", chars: "c" },
    ];
    assertEquals(await request({ type: "requests", requests }), {
      type: "error",
      reason: "request",
    });
    requests.splice(2, 1);
    assertEquals(await request({ type: "requests", requests }), "ok");
  });
  assertEquals(written, "ababc");
});

processTest("the group leader refuses an unknown request", async () => {
  for (const unknown of [{ type: "nonsense" }, {}, null, undefined, 1, "x"]) {
    assertEquals(await request(unknown), { type: "error", reason: "request" });
  }
  for (const noRequest of [null, 1, "x", [], { type: "other" }]) {
    send(Process.groupLeader(), noRequest);
  }
  for (const broken of [{}, { replyAs: 1 }, { replyAs: null }]) {
    send(Process.groupLeader(), {
      type: "io_request",
      request: null,
      ...broken,
    });
  }
  for (const requests of [undefined, null, 1, [null]]) {
    const answer = await request({ type: "requests", requests });
    assertEquals((answer as { type: unknown }).type, "error");
  }
  assertInstanceOf(Process.whereis("user"), Pid);
  assertEquals(
    await standardOutput(() => IO.puts("still here")),
    "still here\n",
  );
});

/** Sends a request to the group leader by hand. */
async function request(operation: unknown): Promise<unknown> {
  const replyAs = Process.alias({ reply: true });
  send(Process.groupLeader(), {
    type: "io_request",
    from: self(),
    replyAs,
    request: operation,
  });
  const answer = await receive((m) => replyAs.equals(m?.ref));
  return answer.value;
}
