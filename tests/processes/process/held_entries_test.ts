/** The entries that servers keep for peers: counted for each peer, limited, and released. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Application } from "../../../packages/servers/application/application.ts";
import { DynamicSupervisor } from "../../../packages/servers/supervisor/dynamic_supervisor.ts";
import { ExitError } from "../../../packages/processes/errors.ts";
import { global } from "../../../packages/cluster/global/global.ts";
import { Node, type NodeOptions } from "../../../node.ts";
import { pg } from "../../../packages/node/pg/pg.ts";
import {
  type Pid,
  Process,
  self,
  spawn,
} from "../../../packages/processes/process.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import {
  type Cluster,
  clusterTest,
  nodeDown,
  part,
  reasonOf,
} from "../../_nodes.ts";
import {
  callOf,
  ours,
  RawPeer,
  theirRef,
  theirs,
  told,
} from "../../_raw_peer.ts";
import * as Remote from "../../_remote.ts";
import { until } from "../../_until.ts";

const RAW = "raw@localhost";
const ALEX = "alex@localhost";
const MOST = 3;

/** Functions that start children. */
const Start = { child: () => Task.startLink(Remote.wait) };

const options = {
  limits: { maxRemoteEntries: MOST },
  modules: { Remote, Start },
};

/**
 * Runs `fn` in a process of alex, with a raw peer, which is hidden so that the name server does not wait for
 * it.
 */
function hiddenTest(
  name: string,
  options: Partial<NodeOptions>,
  fn: (peer: RawPeer, cluster: Cluster) => Promise<void>,
): void {
  clusterTest(name, async (cluster) => {
    const alex = await cluster.start("alex", options);
    await using peer = await RawPeer.entered(alex, RAW, { hidden: true });
    await alex.run(() => fn(peer, cluster));
  });
}

/** The answers to these references, in their order. */
async function answersTo(peer: RawPeer, refs: number[]): Promise<unknown[]> {
  const answers = new Map<number, unknown>();
  while (refs.some((ref) => !answers.has(ref))) {
    for (const [kind, , ref, value] of await peer.hear()) {
      if (/^reply/.test(kind)) answers.set(ref, value);
    }
  }
  return refs.map((ref) => answers.get(ref));
}

/** Sends pg a message of its own, and waits until pg has handled it. */
async function tellPg(peer: RawPeer, message: unknown): Promise<void> {
  await peer.sayTo("pg", told(message));
  await peer.ask("pg", null);
}

/** Sends that many requests; returns the answers. */
async function askTimes(
  times: number,
  asking: (i: number) => Promise<unknown>,
): Promise<unknown[]> {
  const answers = [];
  for (let i = 0; i < times; i++) answers.push(await asking(i));
  return answers;
}

/** The number of entries, and how often more were refused. */
function kept(): [entries: number, refused: number] {
  const { entries, refusedRequests } = Node.stats()!;
  return [entries, refusedRequests.entries];
}

/** Closes the peer's connection, and waits until no entries are left. */
async function leave(peer: RawPeer): Promise<void> {
  Node.monitor(RAW);
  peer.reset();
  await nodeDown(RAW);
}

hiddenTest(
  "a peer's locks on a node are limited",
  options,
  async (peer, cluster) => {
    await global.sync();
    const server = "global_name_server";
    const set = (i: number) =>
      peer.ask(server, { type: "set_lock", resource: i, requester: i });
    assertEquals(
      await askTimes(5, set),
      [true, true, true, "system_limit", "system_limit"],
    );
    assertEquals(kept(), [MOST, 2]);
    await cluster.logged(/\b3 entries of that node's here already/);
    // The same lock again is no new entry, and a released one makes room.
    assertEquals(await set(1), true);
    const delLock = { type: "del_lock", resource: 1, requester: 1 };
    assertEquals(await peer.ask(server, delLock), true);
    assertEquals(await askTimes(2, (i) => set(7 + i)), [
      true,
      "system_limit",
    ]);
    await peer.ask(server, { ...delLock, resource: 2, requester: 2 });
    const large = {
      type: "set_lock",
      resource: ["x".repeat(1 << 16)],
      requester: 1,
    };
    assertEquals(await peer.ask(server, large), "system_limit");
    await cluster.logged(/is too large: 65536 is the most/);
    await leave(peer);
    await until(() => kept()[0] === 0);
    assert(await global.setLock([2, self()], { retries: 0 }));
    await global.delLock([2, self()]);
  },
);

hiddenTest("a peer's global names are limited", options, async (peer) => {
  await global.sync();
  const server = "global_name_server";
  await peer.ask(server, { type: "lock_names" });
  const own = ours(self());
  const register = (i: number) =>
    peer.ask(server, {
      type: "register",
      isNew: true,
      entry: {
        name: `name ${i}`,
        pid: i % 2 === 0 ? own : theirs(100),
        resolve: "random_exit_name",
      },
    });
  assertEquals(
    await askTimes(5, register),
    ["ok", "ok", "ok", "system_limit", "system_limit"],
  );
  const merge = {
    type: "merge",
    servers: [],
    insert: [10, 11, 12].map((i) => ({
      name: `name ${i}`,
      pid: theirs(100),
      resolve: "random_exit_name",
    })),
    remove: ["name 1"],
  };
  await peer.ask(server, merge);
  assertEquals(kept(), [MOST - 1, 5]);
  assertEquals(await register(13), "ok");
  await peer.ask(server, { type: "unregister", name: "name 13" });
  await peer.ask(server, { type: "unregister", name: "name 0" });
  await peer.ask(server, { type: "unregister", name: "name 2" });
  await until(() => kept()[0] === 0);
  // A process of this node has no limit.
  await peer.ask(server, { type: "unlock_names" });
  await leave(peer);
  for (let i = 0; i < 5; i++) {
    assert(await global.registerName(`own ${i}`, spawn(Remote.wait)));
  }
  assertEquals(kept(), [0, 5]);
});

hiddenTest("a peer's group memberships are limited", options, async (peer) => {
  await pg.startLink();
  const tell = (message: unknown) => tellPg(peer, message);
  const pids = [1, 2, 3, 4, 5].map(theirs);
  await tell({ type: "discover" });
  await tell({ type: "join", group: "a", pids: pids.slice(0, 2) });
  await tell({ type: "join", group: "b", pids });
  assertEquals(pg.getMembers("a").length, 2);
  assertEquals(pg.getMembers("b").length, 1);
  assertEquals(kept(), [MOST, 1]);
  // A refused member cannot leave.
  await tell({ type: "leave", groups: ["b"], pids: pids.slice(1) });
  assertEquals(kept(), [MOST, 1]);
  await tell({ type: "leave", groups: ["a"], pids: pids.slice(0, 1) });
  await tell({ type: "join", group: "c", pids: pids.slice(3) });
  assertEquals(pg.getMembers("c").length, 1);
  await tell({ type: "sync", groups: [{ group: "d", pids }] });
  assertEquals(pg.whichGroups(), ["d"]);
  assertEquals(pg.getMembers("d").length, MOST);
  await leave(peer);
  while (pg.whichGroups().length > 0) await Node.ping("nobody@localhost");
  await until(() => kept()[0] === 0);
});

clusterTest("a peer's children of supervisors are limited", async (cluster) => {
  const alex = await cluster.start("alex", options);
  const kate = await cluster.start("kate", { modules: { Start } });
  await alex.run(async () => {
    Process.trapExit(true);
    await DynamicSupervisor.startLink({ name: "Dyn" });
    await Supervisor.startLink([], { strategy: "one_for_one", name: "Sup" });
    await kate.run(async () => {
      const on = (name: string) => ({ name, node: ALEX });
      const child = (id: string) => ({
        id,
        start: ["Start", "child", []] as const,
        restart: "temporary" as const,
      });
      // deno-lint-ignore no-explicit-any
      const dynamic = (id: string): any =>
        DynamicSupervisor.startChild(on("Dyn"), child(id) as never);
      // deno-lint-ignore no-explicit-any
      const plain = (id: string): any =>
        Supervisor.startChild(on("Sup"), child(id) as never);
      const first = await dynamic("1") as Pid;
      await plain("2");
      await plain("3");
      for (const start of [dynamic, plain]) {
        const error = await assertRejects(
          async () => await start("4"),
          ExitError,
        );
        assertEquals((error as ExitError).reason, "system_limit");
      }
      // A child that exits or is terminated makes room; one that does not start takes none.
      Process.exit(first, "kill");
      await reasonOf(first);
      await dynamic("5");
      await Supervisor.terminateChild(on("Sup"), "2");
      await assertRejects(async () =>
        await DynamicSupervisor.startChild(on("Dyn"), {
          id: "6",
          start: ["Remote", "crash", ["no"]],
        } as never)
      );
      await plain("7");
      await assertRejects(async () => await plain("8"), ExitError);
    });
    await until(() => kept()[0] === MOST);
    // The node's own children do not count, and a supervisor's children end with it.
    await DynamicSupervisor.startChild("Dyn", {
      id: "own",
      start: Start.child,
    });
    await Supervisor.stop("Sup");
    await until(() => kept()[0] === 1);
    const dynamic = Process.whereis("Dyn")!;
    Process.exit(dynamic, "kill");
    await reasonOf(dynamic);
  });
  await until(() => alex.run(() => kept()[0] === 0));
});

const line = Promise.withResolvers<string>();
let prompts = 0;
const io = {
  write() {},
  readLine: () => {
    prompts++;
    return line.promise;
  },
};

hiddenTest(
  "a peer's waiting reads are limited",
  { ...options, io },
  async (peer) => {
    const read = (ref: number) =>
      peer.sayTo("user", {
        type: "io_request",
        from: theirs(100),
        replyAs: theirRef(ref),
        request: { type: "get_line", prompt: "" },
      });
    for (let ref = 1; ref <= 5; ref++) await read(ref);
    const refused = { type: "error", reason: "system_limit" };
    assertEquals(await answersTo(peer, [4, 5]), [refused, refused]);
    assertEquals([kept(), prompts], [[MOST, 2], 1]);
    await leave(peer);
    await until(() => kept()[0] === 0);
    line.resolve("line\n");
    await line.promise;
    // No line was read for them.
    await Node.ping("nobody@localhost");
    assertEquals(prompts, 1);
  },
);

hiddenTest("a peer's waiting requests are limited", options, async (peer) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const starting = Application.start({
    name: "app",
    start: async () => {
      begun.resolve();
      await promise;
      return await Supervisor.startLink([], { strategy: "one_for_one" });
    },
  });
  // Until then the peer's requests name no application.
  await begun.promise;
  const start = { type: "start_application", name: "app" };
  for (let ref = 1; ref <= 5; ref++) {
    await peer.sayTo("application_controller", callOf(start, ref));
  }
  const refused = { type: "error", reason: "system_limit" };
  assertEquals(await answersTo(peer, [4, 5]), [refused, refused]);
  assertEquals(kept(), [MOST, 2]);
  resolve();
  await starting;
  await until(() => kept()[0] === 0);
  await Application.stop("app");
});

clusterTest("another node's full global is reported", async (cluster) => {
  const alex = await cluster.start("alex", options);
  const kate = await cluster.start("kate");
  await alex.run(() => global.sync());
  await kate.run(async () => {
    await Node.connect(ALEX);
    await global.sync();
    for (let i = 0; i < MOST; i++) {
      assert(await global.setLock([i, self()], { nodes: [ALEX] }));
    }
    await assertRejects(
      () => global.setLock(["more", self()], { nodes: [ALEX, kate.name] }),
      RangeError,
      "alex@localhost keeps no more for this node",
    );
    // The lock was released where it had been acquired.
    assert(
      await global.setLock(["more", "other"], {
        nodes: [kate.name],
        retries: 0,
      }),
    );
    assertEquals(await global.registerName("name", self()), false);
    await cluster.logged(/cannot have the name "name", as alex@localhost/);
    assertEquals(await global.whereisName("name"), undefined);
    await global.delLock([0, self()], { nodes: [ALEX] });
    assertEquals(await global.registerName("name", self()), true);
  });
  await part(alex, kate);
  await until(() => alex.run(() => kept()[0] === 0));
});

clusterTest("the entries of all peers are limited", async (cluster) => {
  const alex = await cluster.start("alex", {
    limits: { maxRemoteEntries: MOST, maxTotalRemoteEntries: MOST + 1 },
  });
  await alex.run(() => global.sync());
  await using first = await RawPeer.entered(alex, RAW, { hidden: true });
  await using second = await RawPeer.entered(alex, "other@localhost", {
    hidden: true,
  });
  const server = "global_name_server";
  const set = (peer: RawPeer) => (i: number) =>
    peer.ask(server, {
      type: "set_lock",
      resource: [peer === first, i],
      requester: i,
    });
  assertEquals(await askTimes(2, set(first)), [true, true]);
  assertEquals(await askTimes(3, set(second)), [true, true, "system_limit"]);
  await alex.run(async () => {
    assertEquals(kept(), [MOST + 1, 1]);
    await leave(first);
    await until(() => kept()[0] === 2);
  });
  // The same two are no new entries; a third is the last that one peer may have.
  assertEquals(await askTimes(4, set(second)), [
    true,
    true,
    true,
    "system_limit",
  ]);
});

hiddenTest("the size of an entry is limited", {}, async (peer) => {
  await global.sync();
  await pg.startLink();
  const server = "global_name_server";
  const long = "x".repeat(70_000);
  const failed = (stack: string) => ({
    $error: { name: "Error", message: "", stack },
  });
  const lock = (resource: unknown, requester: unknown) =>
    peer.ask(server, { type: "set_lock", resource, requester });
  assertEquals(await lock(1, long), "system_limit");
  assertEquals(await lock(long, 1), "system_limit");
  assertEquals(await lock(2, "x"), true);
  const join = (group: unknown) =>
    tellPg(peer, { type: "join", group, pids: [theirs(100)] });
  await tellPg(peer, { type: "discover" });
  await join([{ a: failed(long) }]);
  await join({ $map: [[failed(long), 1]] });
  assertEquals(pg.whichGroups(), []);
  await join([{ a: failed("short") }]);
  assertEquals(pg.whichGroups().length, 1);
  await peer.ask(server, { type: "lock_names" });
  const named = (name: unknown, resolve: unknown = "random_exit_name") =>
    peer.ask(server, {
      type: "register",
      isNew: true,
      entry: { name, pid: theirs(100), resolve },
    });
  assertEquals(await named(failed(long)), "system_limit");
  await named("a", [long, "b"]);
  await named("b", ["Remote", "add"]);
  await peer.ask(server, { type: "unlock_names" });
  assertEquals(await global.registeredNames(), ["b"]);
});
