import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import type { Socket } from "node:net";
import { toRegistration } from "../../packages/epmd/entry.ts";
import {
  EpmdProtocolError,
  EpmdUnreachableError,
  type Lease,
  lookup,
  NameInUseError,
  names,
  register,
} from "../../packages/epmd/mod.ts";
import { registerNode } from "../../packages/node/host/listen_for_peers.ts";
import { parseNodeName } from "../../packages/node/addresses/node_name.ts";
import { afterPoll } from "../../packages/processes/host/event_loop.ts";
import { insideOf } from "../../packages/processes/runtime/current_process.ts";
import { NodeRuntime } from "../../packages/processes/runtime/node_runtime.ts";
import { runIn } from "../../packages/processes/spawning/run_in_process.ts";
import {
  epmdNames,
  epmdTest,
  eventually,
  FakeEpmd,
  freePort,
  hasEpmd,
  logBook,
  node,
  pause,
  startEpmd,
} from "../_epmd_helpers.ts";

/** EPMD's answer to a look-up: the node x listens on port 4096. */
const FOUND = Uint8Array.of(119, 0, 16, 0, 77, 0, 0, 6, 0, 6, 0, 1, 120, 0, 0);

/** Registers two nodes, finds them, and closes their leases; returns the log of the first. */
async function registerBoth(port: number, serves: boolean): Promise<string[]> {
  const { lines, log } = logBook();
  const alex = await register(node("alex", 4101), { port, log });
  const hidden = { ...node("kate", 4102), hidden: true };
  const kate = await register(hidden, { port });
  assertEquals([alex.serving, kate.serving], [serves, false]);
  for (const { creation } of [alex, kate]) {
    assert(creation >= 4 && creation <= 0xffffffff);
  }
  for (const each of [node("alex", 4101), hidden]) {
    assertEquals(await lookup(each.name, { port }), toRegistration(each));
  }
  assertEquals(await lookup("moebi", { port }), undefined);
  const list = await names({ port });
  assertEquals(list.toSorted((a, b) => a.port - b.port), [
    { name: "alex", port: 4101 },
    { name: "kate", port: 4102 },
  ]);
  await assertRejects(
    () => register(node("alex", 4103), { port }),
    NameInUseError,
    `Cannot register alex: the name is in use at the EPMD on port ${port}; ` +
      "choose another name before the @, or stop the node that has it",
  );
  assertEquals((await lookup("alex", { port }))?.port, 4101);
  if (hasEpmd()) {
    const text = await epmdNames(port);
    assertStringIncludes(text, `up and running on port ${port}`);
    assertStringIncludes(text, "name alex at port 4101");
    assertStringIncludes(text, "name kate at port 4102");
  }
  await Promise.all([kate.close(), kate.close()]);
  await eventually(async () => await lookup("kate", { port }) === undefined);
  await alex.close();
  assert(!alex.serving);
  return lines;
}

epmdTest("register() serves EPMD if no other process does", async () => {
  const port = await freePort();
  assertEquals(await registerBoth(port, true), [
    `info: alex serves EPMD at 127.0.0.1:${port}`,
  ]);
  await assertRejects(() => names({ port }), EpmdUnreachableError);
});

epmdTest("register() and look-ups use a running epmd", async () => {
  const port = await freePort();
  const stop = await startEpmd(port);
  try {
    assertEquals(await registerBoth(port, false), []);
  } finally {
    await stop();
  }
}, { ignore: !hasEpmd() });

epmdTest("register() makes one of many nodes serve", async () => {
  const port = await freePort();
  const leases = await Promise.all(
    Array.from({ length: 20 }, (_, i) => register(node(`n${i}`), { port })),
  );
  assertEquals(leases.filter((lease) => lease.serving).length, 1);
  assertEquals((await names({ port })).length, 20);
  await Promise.all(leases.map((lease) => lease.close()));
});

epmdTest("register() rejects invalid ports", async () => {
  for (const port of [0, 65536, 1.5, NaN]) {
    await assertRejects(() => register(node("a"), { port }), RangeError);
  }
});

epmdTest("register() reports an EPMD that cannot be served", async () => {
  const port = await freePort();
  const error = await assertRejects(
    () => register(node("alex"), { port, listenHost: "192.0.2.1" }),
    EpmdUnreachableError,
    "it cannot be served at 192.0.2.1",
  );
  assertInstanceOf(error.cause, Error);
});

epmdTest("look-ups reject with EpmdUnreachableError", async () => {
  const port = await freePort();
  const error = await assertRejects(
    () => lookup("kate", { port }),
    EpmdUnreachableError,
    `Cannot look up "kate": no EPMD answers at 127.0.0.1:${port}`,
  );
  assertEquals(error.code, "ECONNREFUSED");
  await assertRejects(() => names({ port }), EpmdUnreachableError);
  await assertRejects(
    () => lookup("kate", { port, host: "no.such.invalid" }),
    EpmdUnreachableError,
  );
});

epmdTest("lookup() retries for retryFor, until its signal", async () => {
  const port = await freePort();
  const found = lookup("alex", { port, retryFor: 60_000 });
  // safe: a try before the registration fails, one after it does not
  await pause(100);
  await using _alex = await register(node("alex"), { port });
  // It may have arrived between the start of the server and the registration.
  assertEquals((await found)?.port ?? 4100, 4100);
  const other = await freePort();
  const reason = new Error("enough");
  const controller = new AbortController();
  const rejected = lookup("alex", {
    port: other,
    retryFor: 60_000,
    signal: controller.signal,
  }).catch((error) => error);
  // safe: an abort counts before and after the first try
  await pause(50);
  controller.abort(reason);
  assertEquals(await rejected, reason);
});

epmdTest("register() and look-ups report another program", async () => {
  const answers: [string, string][] = [
    ["HTTP/1.1 400 Bad Request\r\n\r\n", "garbage"],
    ["\x77", "closed"],
    ["", "closed"],
    ["x".repeat(2_000_000), "garbage"],
  ];
  for (const [bytes, reason] of answers) {
    await using fake = await FakeEpmd.listen((socket) => socket.end(bytes));
    const options = { port: fake.port, timeout: 60_000 };
    const asked = [
      () => register(node("alex"), options),
      () => lookup("kate", options),
      () => names(options),
    ];
    for (const ask of asked) {
      const error = await assertRejects(ask, EpmdProtocolError);
      if (bytes.length !== 1) assertEquals(error.reason, reason);
      assertStringIncludes(
        error.message,
        error.reason === "garbage"
          ? "does not answer as EPMD does"
          : "EPMD has too many clients at once",
      );
    }
  }
});

epmdTest("lookup() repeats requests whose connection closed", async () => {
  let closed = 0;
  await using fake = await FakeEpmd.listen((socket) => {
    if (closed++ < 3) return void socket.destroy();
    socket.end(FOUND);
  });
  const { port } = fake;
  await assertRejects(
    () => lookup("x", { port, repeats: 1 }),
    EpmdProtocolError,
    "EPMD has too many clients at once",
  );
  assertEquals(closed, 2);
  assertEquals((await lookup("x", { port, repeats: 1 }))?.port, 4096);
  assertEquals(closed, 4);
  let sought = 0;
  const unreachable = lookup("x", {
    host: "kate.test",
    port,
    repeats: 1,
    find: (host, _options, found) => {
      sought++;
      found(new Error(`${host} is unknown`), "");
    },
  });
  await assertRejects(() => unreachable, EpmdUnreachableError);
  assertEquals(sought, 1, "no connection was closed");
});

epmdTest("lookup() has eight requests at a time, abortable", async () => {
  const unanswered: Socket[] = [];
  const arrivals: (() => void)[] = [];
  await using fake = await FakeEpmd.listen((socket) => {
    unanswered.push(socket);
    arrivals.shift()?.();
  });
  const { port } = fake;
  const arrived = Array.from(
    { length: 19 },
    () => new Promise<void>((resolve) => arrivals.push(resolve)),
  );
  const gone = new AbortController();
  const found = Array.from(
    { length: 20 },
    (_, i) => lookup("x", { port, signal: i === 10 ? gone.signal : undefined }),
  );
  await Promise.all(arrived.slice(0, 8));
  gone.abort(new Error("enough"));
  await assertRejects(() => found[10], Error, "enough");
  await assertRejects(
    () => lookup("x", { port, signal: gone.signal }),
    Error,
    "enough",
  );
  for (let i = 0; i < 19; i++) {
    await arrived[i];
    assert(unanswered.length <= 8, `${unanswered.length} at once`);
    unanswered.shift()!.end(FOUND);
  }
  found.splice(10, 1);
  const ports = (await Promise.all(found)).map((entry) => entry?.port);
  assertEquals(ports, Array(19).fill(4096));
  assertEquals(fake.connections, 19);
});

epmdTest("register() and lookup() give up on silent servers", async () => {
  await using fake = await FakeEpmd.listen(() => {});
  // safe: its expiry is tested
  const options = { port: fake.port, timeout: 150 };
  const error = await assertRejects(
    () => register(node("alex"), options),
    EpmdUnreachableError,
    "nothing was answered within 150 ms",
  );
  assertEquals(error.code, "ETIMEDOUT");
  await assertRejects(() => lookup("kate", options), EpmdUnreachableError);
  await eventually(() => fake.open === 0);
});

epmdTest("lookup() joins an answer's pieces, checks its name", async () => {
  await using fake = await FakeEpmd.listen((socket) => {
    socket.write(FOUND.slice(0, 12), () => {
      // The first piece has been read by then.
      afterPoll(() => socket.end(FOUND.slice(12)));
    });
  });
  const { port } = fake;
  await assertRejects(
    () => lookup("kate", { port }),
    EpmdProtocolError,
    "another name",
  );
  assertEquals((await lookup("x", { port }))?.port, 4096);
});

epmdTest("registerNode() makes sockets and timers for no process", async () => {
  const port = await freePort();
  const seen: unknown[] = [];
  const runtime = new NodeRuntime({ node: "alex@localhost", creation: 1 });
  await runIn(runtime, async () => {
    const leases: Lease[] = [];
    for (const name of ["alex", "kate"]) {
      leases.push(
        await registerNode(
          parseNodeName(`${name}@localhost`),
          { address: { host: "127.0.0.1", port: 4100 } },
          port,
          { hidden: false, extra: "" },
          () => void seen.push(insideOf()),
        ),
      );
    }
    assert(insideOf() !== undefined);
    await leases[0].close();
    await eventually(() => leases[1].serving);
    await leases[1].close();
  });
  runtime.stop("normal");
  assertEquals(seen, [undefined, undefined]);
});
