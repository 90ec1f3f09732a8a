import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { NoProcessError } from "../errors.ts";
import {
  alive,
  exit,
  link,
  monitor,
  Pid,
  receive,
  self,
  send,
  spawn,
  spawnLink,
  spawnMonitor,
  trapExit,
  unlink,
} from "../process.ts";
import { atom } from "../runtime/values/pid.ts";
import {
  ended,
  exiting,
  mail,
  processTest,
  waitAndExit,
} from "./_processes.ts";

processTest(
  "spawnLink() exits with the reason of the linked process",
  async () => {
    const grandchild = Promise.withResolvers<Pid>();
    const pid = spawn(async () => {
      grandchild.resolve(spawnLink(waitAndExit));
      await receive();
    });
    const ref = monitor(pid);
    send(await grandchild.promise, { reason: { type: "shutdown", reason: 1 } });
    const down = await receive();
    assert(ref.equals(down.ref));
    assertEquals(down.reason, { type: "shutdown", reason: 1 });
  },
);

processTest(
  "spawnLink() does not exit when the linked process ends normally",
  async () => {
    for (const reason of ["normal", atom("normal")]) {
      const child = spawnLink(waitAndExit);
      send(child, { reason });
      await ended(child);
    }
    assert(alive(self()));
  },
);

processTest("spawnLink() links in both directions", async () => {
  const parent = self();
  const pid = spawn(async () => {
    send(parent, spawnLink(() => receive()));
    await receive();
  });
  const child = await receive();
  const ref = monitor(child);
  exit(pid, "over");
  const down = await receive();
  assert(ref.equals(down.ref));
  assertEquals(down.reason, "over");
});

processTest("spawnLink() is linked from its first moment", async () => {
  trapExit(true);
  const pid = spawnLink(() => {});
  exit(pid, "before it runs");
  assertEquals(await receive(), {
    type: "EXIT",
    from: pid,
    reason: "before it runs",
  });
});

processTest("a trapped exit over a link has from and reason", async () => {
  assertStrictEquals(trapExit(true), false);
  assertStrictEquals(trapExit(true), true);
  for (const reason of ["normal", "boom", "kill", undefined, { a: [1] }]) {
    const pid = spawnLink(waitAndExit);
    send(pid, { reason });
    assertEquals(await receive(), { type: "EXIT", from: pid, reason });
  }
  assertStrictEquals(trapExit(false), true);
});

processTest("kill over a link is not turned into killed", async () => {
  const { pid } = spawnMonitor(async () => {
    spawnLink(() => exit("kill"));
    await receive();
  });
  const down = await receive();
  assertEquals([down.object, down.reason], [pid, "kill"]);
  trapExit(true);
  const killed = spawnLink(() => receive());
  exit(killed, "kill");
  assertEquals((await receive()).reason, "killed");
});

processTest(
  "link() gives one link a pair, however often it is called",
  async () => {
    trapExit(true);
    const pid = exiting();
    link(pid);
    link(pid);
    send(pid, { reason: "bye" });
    assertEquals(await receive(), { type: "EXIT", from: pid, reason: "bye" });
    assertEquals(await mail(), []);
  },
);

processTest(
  "link() from both ends is one link, that either end ends",
  async () => {
    trapExit(true);
    const parent = self();
    const pid = spawn(async () => {
      link(parent);
      send(parent, "linked");
      exit((await receive()).reason);
    });
    link(pid);
    await receive();
    unlink(pid);
    send(pid, { reason: "unseen" });
    assertEquals(await ended(pid), "unseen");
    assertEquals(await mail(), []);
  },
);

processTest("link() to oneself changes nothing", async () => {
  assertStrictEquals(link(self()), true);
  assertStrictEquals(unlink(self()), true);
  spawnMonitor(() => {
    link(self());
    exit("alone");
  });
  assertEquals((await receive()).reason, "alone");
});

processTest(
  "link() to a dead process throws NoProcessError, or gives noproc when exits are trapped",
  async () => {
    const pid = spawn(() => {});
    await ended(pid);
    assertThrows(() => link(pid), NoProcessError, "Cannot link to #PID<");
    trapExit(true);
    assertStrictEquals(link(pid), true);
    assertEquals(await receive(), {
      type: "EXIT",
      from: pid,
      reason: "noproc",
    });
  },
);

processTest(
  "link() to a process of another node gives noconnection where no node is started",
  async () => {
    trapExit(true);
    const pid = new Pid("kate@localhost", self().number, 0);
    link(pid);
    assertEquals(await receive(), {
      type: "EXIT",
      from: pid,
      reason: "noconnection",
    });
  },
);

processTest("unlink() ends the link: nothing comes over it", async () => {
  trapExit(true);
  const pid = spawnLink(waitAndExit);
  assertStrictEquals(unlink(pid), true);
  assertStrictEquals(unlink(pid), true);
  send(pid, { reason: "unseen" });
  await ended(pid);
  assertEquals(await mail(), []);
});

processTest("unlink() leaves an EXIT that has come already", async () => {
  trapExit(true);
  const pid = spawnLink(() => exit("gone"));
  await ended(pid);
  unlink(pid);
  assertEquals(await mail(), [{ type: "EXIT", from: pid, reason: "gone" }]);
});

processTest("link() after unlink() links again", async () => {
  trapExit(true);
  const pid = spawnLink(waitAndExit);
  unlink(pid);
  link(pid);
  send(pid, { reason: "seen" });
  assertEquals((await receive()).reason, "seen");
});
