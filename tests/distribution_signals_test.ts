import { assertEquals } from "@std/assert";
import {
  type DownMessage,
  exit,
  isDown,
  isExit,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../process.ts";
import { atom } from "../runtime/values/atom.ts";
import { exiting, pairTest, reasonOf, relay } from "./_nodes.ts";
import { mail, quiet } from "./_processes.ts";

const KATE = "kate@localhost";

// Links.

for (
  const reason of [
    "shutdown",
    "oops",
    "killed",
    { type: "shutdown", reason: "later" },
    // A stack loses the folders of its files.
    Object.assign(new RangeError("out"), { stack: "RangeError: out" }),
    atom("bye"),
    42n,
    null,
  ]
) {
  pairTest(
    `a link sends an exit with the reason ${String(reason)} across nodes`,
    async () => {
      Process.trapExit(true);
      const pid = await exiting();
      Process.link(pid);
      const ref = Process.monitor(pid);
      send(pid, { reason });
      const got = [await receive(), await receive()];
      const exited = got.find(isExit)!;
      const down = got.find(isDown)!;
      assertEquals([exited.from, exited.reason], [pid, reason]);
      assertEquals([down.ref, down.object, down.reason], [ref, pid, reason]);
      assertEquals(await mail(), []);
    },
  );
}

pairTest(
  "an exit over a link ends a process that traps no exits, except for normal",
  async () => {
    Process.trapExit(true);
    for (const reason of ["normal", "oops", "kill"]) {
      const pid = await exiting();
      const middle = spawn(async () => {
        Process.link(pid);
        send(pid, { reason });
        await receive((m) => m === "end");
      });
      const ref = Process.monitor(middle);
      if (reason === "normal") send(middle, "end");
      const down = await receive<DownMessage>((m) => ref.equals(m?.ref));
      assertEquals(down.reason, reason);
    }
  },
);

pairTest("the exit of this end reaches the other one", async () => {
  const pid = await relay();
  const mine = spawn(async () => {
    Process.link(pid);
    await receive();
  });
  await quiet();
  Process.exit(mine, "oops");
  assertEquals(await receive(), {
    relayed: { type: "EXIT", from: mine, reason: "oops" },
  });
});

pairTest("link() to a dead process of another node sends noproc", async () => {
  const pid = await exiting();
  send(pid, { reason: "normal" });
  await reasonOf(pid);
  Process.trapExit(true);
  Process.link(pid);
  assertEquals(await receive(), { type: "EXIT", from: pid, reason: "noproc" });
});

pairTest(
  "unlink() takes effect at once, even if it crosses the exit of the other end",
  async () => {
    Process.trapExit(true);
    for (let i = 0; i < 50; i++) {
      const pid = await exiting();
      Process.link(pid);
      const ref = Process.monitor(pid);
      if (i % 2 === 0) send(pid, { reason: i });
      Process.unlink(pid);
      if (i % 2 === 1) send(pid, { reason: i });
      assertEquals(await receive(), {
        type: "DOWN",
        ref,
        object: pid,
        reason: i,
      });
      assertEquals(await mail(), []);
    }
  },
);

pairTest(
  "link() and unlink() in any order leave the state of the last call",
  async () => {
    Process.trapExit(true);
    const linked = await exiting();
    const unlinked = await exiting();
    for (let i = 0; i < 25; i++) {
      Process.link(linked);
      Process.unlink(linked);
      Process.link(unlinked);
      Process.unlink(unlinked);
    }
    Process.link(linked);
    send(unlinked, { reason: "unseen" });
    await reasonOf(unlinked);
    send(linked, { reason: "seen" });
    assertEquals(await receive(), {
      type: "EXIT",
      from: linked,
      reason: "seen",
    });
    assertEquals(await mail(), []);
  },
);

pairTest(
  "both ends agree at last when they link and unlink at once",
  async ({ kate }) => {
    const here = self();
    Process.trapExit(true);
    const theirs = await kate.run(() =>
      spawn(async () => {
        Process.trapExit(true);
        for (;;) {
          const message = await receive();
          if (message === "link") Process.link(here);
          else if (message === "unlink") Process.unlink(here);
          else if (message?.reason !== undefined) exit(message.reason);
          else send(here, message);
        }
      })
    );
    for (let i = 0; i < 100; i++) {
      send(theirs, i % 3 === 0 ? "unlink" : "link");
      if (i % 2 === 0) Process.link(theirs);
      else Process.unlink(theirs);
    }
    send(theirs, "unlink");
    send(theirs, "done");
    assertEquals(await receive(), "done");
    Process.unlink(theirs);
    const ref = Process.monitor(theirs);
    send(theirs, { reason: "unseen" });
    const down = await receive();
    assertEquals([down.ref, down.reason], [ref, "unseen"]);
    assertEquals(await mail(), []);
  },
);

// Exit signals.

pairTest(
  "exit() with kill cannot be trapped, and others receive killed",
  async () => {
    const pid = await relay();
    const ref = Process.monitor(pid);
    Process.exit(pid, "kill");
    const down = await receive(isDown);
    assertEquals([down.ref, down.reason], [ref, "killed"]);
  },
);

pairTest("exit() is trapped, or ends a process, across nodes", async () => {
  const trapping = await relay();
  Process.exit(trapping, "please");
  Process.exit(trapping, "normal");
  const from = self();
  for (const reason of ["please", "normal"]) {
    assertEquals(await receive(), { relayed: { type: "EXIT", from, reason } });
  }
  const other = await exiting();
  const ref = Process.monitor(other);
  Process.exit(other, "normal");
  Process.exit(other, "please");
  const down = await receive(isDown);
  assertEquals([down.ref, down.reason], [ref, "please"]);
});

// Monitors and aliases.

pairTest(
  "monitor() and demonitor() of pids and names on another node",
  async ({ kate }) => {
    const pid = await exiting();
    await kate.run(() => {
      Process.register(pid, "watched");
    });
    const object = { name: "watched", node: KATE };
    const refs = [
      Process.monitor(pid),
      Process.monitor(object),
      Process.monitor(pid),
      Process.monitor(object),
    ];
    Process.demonitor(refs[0]);
    Process.demonitor(refs[1]);
    send(pid, { reason: "bye" });
    const downs = [await receive(isDown), await receive(isDown)];
    assertEquals(
      downs.map(({ ref, object, reason }) => [ref, object, reason]),
      [
        [refs[2], pid, "bye"],
        [refs[3], object, "bye"],
      ],
    );
    const absent = Process.monitor(object);
    const down = await receive(isDown);
    assertEquals([down.ref, down.object, down.reason], [
      absent,
      object,
      "noproc",
    ]);
    assertEquals(await mail(), []);
  },
);

pairTest(
  "an alias accepts mail from another node while it is active",
  async ({ kate }) => {
    const once = Process.alias({ reply: true });
    const address = Process.alias();
    const tell = (to: unknown, ...values: unknown[]) =>
      // deno-lint-ignore no-explicit-any
      kate.run(() => values.forEach((value) => send(to as any, value)));
    await tell(address, 1, 2);
    await tell(once, 3, 4);
    assertEquals([await receive(), await receive(), await receive()], [
      1,
      2,
      3,
    ]);
    Process.unalias(address);
    await tell(address, 5);
    await tell(self(), "last");
    assertEquals(await receive(), "last");
  },
);

pairTest("a monitor's alias is closed by its DOWN", async ({ kate }) => {
  const pid = await exiting();
  const ref = Process.monitor(pid, { alias: "demonitor" });
  send(pid, { reason: "bye" });
  assertEquals((await receive(isDown)).ref, ref);
  const here = self();
  await kate.run(() => {
    send(ref, "late");
    send(here, "last");
  });
  assertEquals(await receive(), "last");
});
