/** A node that drains: what other nodes see, what is refused, and what is finished. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Agent } from "../../../packages/servers/agent/agent.ts";
import { Application } from "../../../packages/servers/application/application.ts";
import { DynamicSupervisor } from "../../../packages/servers/supervisor/dynamic_supervisor.ts";
import {
  ExitError,
  SpawnRefusedError,
} from "../../../packages/processes/errors.ts";
import { DRAIN } from "../../../packages/servers/server/drain_notice.ts";
import {
  GenServer,
  type GenServerModule,
} from "../../../packages/servers/gen_server/gen_server.ts";
import { global } from "../../../packages/cluster/global/global.ts";
import { Node } from "../../../node.ts";
import { pg } from "../../../packages/node/pg/pg.ts";
import {
  isDown,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { rpc } from "../../../packages/node/rpc/rpc.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { clusterTest } from "../../_nodes.ts";
import { isPending } from "../../_processes.ts";
import * as Remote from "../../_remote.ts";
import { Echo, type EchoTypes } from "../../_echo.ts";

const KATE = "kate@localhost";
const TASKS = { name: "tasks", node: KATE };

/** Starts a Task.Supervisor, a DynamicSupervisor, an agent and a server of kate, by name. */
async function serve(kate: Node): Promise<void> {
  await kate.run(async () => {
    Process.unlink(await TaskSupervisor.startLink({ name: "tasks" }));
    Process.unlink(await DynamicSupervisor.startLink({ name: "children" }));
    await Agent.start(() => 1, { name: "agent" });
    await GenServer.start(Echo, 0, { name: "echo" });
  });
}

/** Ends a process of `Remote.exiting`. */
function end(pid: Parameters<typeof send>[0] | undefined): void {
  send(pid!, { reason: "normal" });
}

clusterTest("drain() refuses new work, finishes the old", async (cluster) => {
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  await serve(kate);
  await alex.run(async () => {
    const task = await TaskSupervisor.asyncNolink(TASKS, Remote.waitFor);
    const pid = await Node.spawn(KATE, Remote.exiting);
    const drained = kate.drain();
    assertEquals(kate.status, "draining");

    const child = { id: "x", start: ["Remote", "wait"] as const };
    const refused: Record<string, () => Promise<unknown>> = {
      "Node.spawn": () => Node.spawn(KATE, Remote.wait),
      "Node.spawnLink": () => Node.spawnLink(KATE, Remote.wait),
      "Node.spawnMonitor": () => Node.spawnMonitor(KATE, Remote.wait),
      "rpc.call": () => rpc.call(KATE, Remote.add, [1, 2]),
      async: () => TaskSupervisor.async(TASKS, Remote.add, [1, 2]),
      asyncNolink: () => TaskSupervisor.asyncNolink(TASKS, Remote.add),
      startChild: () => TaskSupervisor.startChild(TASKS, Remote.wait),
      "DynamicSupervisor.startChild": () =>
        DynamicSupervisor.startChild(
          { name: "children", node: KATE },
          child,
        ).catch((error: ExitError) => {
          throw error.reason;
        }),
    };
    for (const [name, start] of Object.entries(refused)) {
      const error = await assertRejects(start, SpawnRefusedError);
      assertEquals([name, error.code], [name, "draining"]);
      assertMatch(error.message, /draining.*ask another node/);
    }
    const [outcome] = await rpc.multicall([KATE], Remote.add, [1, 2]);
    assert(outcome.type === "error");
    assertEquals((outcome.error as SpawnRefusedError).code, "draining");

    // Its servers serve until the end.
    assertEquals(await GenServer.call({ name: "echo", node: KATE }, 1), 1);
    const agent = { name: "agent", node: KATE };
    assertEquals(await Agent.get(agent, ["Remote", "add", [1]]), 2);

    assertEquals(await isPending(drained), true);
    send(task.pid!, "made");
    assertEquals(await Task.await(task), "made");
    assertEquals(await isPending(drained), true);
    end(pid);
    assertEquals(await drained, "drained");
    assertEquals(kate.status, "stopped");
  });
});

/** Waits until this process's scope sees `count` members of a group, by the messages of its monitor. */
async function members(group: string, count: number): Promise<Pid[]> {
  const { ref } = await pg.monitor(group);
  while (pg.getMembers(group).length !== count) {
    await receive((m) => ref.equals(m?.ref));
  }
  await pg.demonitor(ref);
  return pg.getMembers(group);
}

clusterTest("a draining node's processes leave last", async (cluster) => {
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  await serve(kate);
  const echo = await kate.run(async () => {
    await pg.start();
    const pid = Process.whereis("echo")!;
    await pg.join("echoes", pid);
    return pid;
  });
  await alex.run(async () => {
    await pg.start();
    await Node.connect(KATE);
    assert(await kate.run(() => global.registerName("echo", echo)));
    await members("echoes", 1);
    const { ref } = await pg.monitor("echoes");
    const task = await TaskSupervisor.asyncNolink(TASKS, Remote.waitFor);
    Process.monitor(echo);
    Node.monitorNodes(true);
    const drained = kate.drain();
    const seen: unknown[] = [];
    // While the task runs, nothing else happens: the server serves under its name, and in its group.
    assertEquals(await global.registerName("echo", self()), false);
    assertEquals(await GenServer.call({ global: "echo" }, 1), 1);
    // What kate's scope has sent came before this.
    assertEquals(await kate.run(() => pg.getMembers("echoes")), [echo]);
    assertEquals(await GenServer.call(echo, "still"), "still");
    assertEquals(pg.getMembers("echoes"), [echo]);
    send(task.pid!, "made");
    assertEquals(await Task.await(task), "made");
    seen.push((await receive(isDown)).reason);
    seen.push(await receive((m) => ref.equals(m?.ref)).then((m) => m.type));
    assertEquals(await global.registerName("echo", self()), true);
    seen.push((await receive()).type);
    assertEquals(seen, ["shutdown", "leave", "nodedown"]);
    assertEquals(await drained, "drained");
  });
});

clusterTest("a message to a group reaches a draining node", async (cluster) => {
  const MEMBERS = 500;
  const kate = await cluster.start("kate", { drainTimeout: Infinity });
  const alex = await cluster.start("alex");
  /** How often each member has received each message. */
  const received = new Map<string, number>();
  const tab = async () => {
    for (;;) {
      const { said, from } = await receive();
      if (said === undefined) return; // the socket has closed
      const key = `${self().number} ${said}`;
      received.set(key, (received.get(key) ?? 0) + 1);
      send(from, "seen");
    }
  };
  const join = async (count: number) => {
    const tabs = Array.from({ length: count }, () => spawn(tab));
    for (const each of tabs) await pg.join("room", each);
  };
  await kate.run(async () => {
    await pg.start();
    await join(MEMBERS);
  });
  const closed = Promise.withResolvers<void>();
  kate.onDrain(async () => {
    await closed.promise;
    for (const each of pg.getLocalMembers("room")) send(each, {});
  });
  let drained: Promise<unknown> | undefined;
  await alex.run(async () => {
    await pg.start();
    await Node.connect(KATE);
    const say = async (said: string, count: number) => {
      const room = await members("room", count);
      for (const each of room) send(each, { said, from: self() });
      for (let i = 0; i < count; i++) await receive((m) => m === "seen");
    };
    await say("before", MEMBERS);
    drained = kate.drain();
    await say("during", MEMBERS);
    // A request that was accepted before the load balancer looked may open a socket.
    await kate.run(() => join(10));
    await say("later", MEMBERS + 10);
    closed.resolve();
    await members("room", 0);
  });
  assertEquals(await drained, "drained");
  assertEquals(received.size, 3 * MEMBERS + 10);
  assertEquals([...received.values()].filter((times) => times !== 1), []);
});

clusterTest("a draining node's supervisors leave first", async (cluster) => {
  const kate = await cluster.start("kate");
  await serve(kate);
  const [pid, sup, task] = await kate.run(async () => {
    await pg.start();
    const pid = Process.whereis("echo")!;
    const sup = Process.whereis("tasks")!;
    await pg.join("workers", [pid, sup, sup]);
    await pg.join("children", Process.whereis("children")!);
    return [pid, sup, await TaskSupervisor.startChild("tasks", Remote.exiting)];
  });
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    await pg.start();
    await Node.connect(KATE);
    await members("workers", 3);
    const drained = kate.drain();
    await members("children", 0);
    assertEquals(await members("workers", 1), [pid]);
    await kate.run(async () => {
      // Its own code finds them, and starts what it needs.
      assertEquals(pg.getMembers("workers"), [pid, sup, sup]);
      const late = await TaskSupervisor.startLink();
      await pg.join("workers", [late, spawn(Remote.wait)]);
      await TaskSupervisor.stop(late);
    });
    // A scope that meets kate now is told the same.
    const zoe = await cluster.start("zoe");
    await zoe.run(async () => {
      await pg.start();
      await Node.connect(KATE);
      await members("workers", 2);
      assertEquals(pg.whichGroups(), ["workers"]);
    });
    await members("workers", 2);
    assertEquals(pg.whichGroups(), ["workers"]);
    end(task);
    assertEquals(await drained, "drained");
  });
});

clusterTest("a server leaves its group in handleDrain()", async (cluster) => {
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  const answers: unknown[] = [];
  const Worker: GenServerModule<EchoTypes> = {
    ...Echo,
    async handleDrain(state) {
      await pg.leave("workers", self());
      return { type: "noreply", state };
    },
    handleInfo(message, state) {
      answers.push(message);
      return { type: "noreply", state };
    },
  };
  await kate.run(async () => {
    await pg.start();
    await pg.join("workers", await GenServer.start(Worker, 0));
  });
  await alex.run(async () => {
    await pg.start();
    await Node.connect(KATE);
    const [worker] = await members("workers", 1);
    // Each has answered all of the other's first questions when both have seen this.
    await kate.run(() => pg.join("first", worker));
    await members("first", 1);
    await pg.join("second", self());
    await kate.run(() => members("second", 1));
    const { ref } = await pg.monitor("workers");
    const drained = kate.drain();
    // Until this node knows of it, messages go there, and the drain waits for them.
    let sent = 0;
    while (pg.getMembers("workers").length > 0) {
      send(worker, sent++);
      await receive((m) => ref.equals(m?.ref), { timeout: 0, after: () => {} });
    }
    assertEquals(await drained, "drained");
    assertEquals(answers, Array.from({ length: sent }, (_, i) => i));
  });
});

clusterTest("a draining node gets no global name", async (cluster) => {
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  await serve(kate);
  await alex.run(() => Node.connect(KATE));
  const task = await kate.run(async () => {
    const child = (name: unknown) =>
      GenServer.childSpec(Echo, 0, { name: { global: name } });
    Process.unlink(
      await Supervisor.startLink([child("leader"), child("other")], {
        strategy: "one_for_one",
      }),
    );
    await DynamicSupervisor.startChild("children", child("third"));
    return await TaskSupervisor.startChild("tasks", Remote.exiting);
  });
  const drained = kate.drain();
  await alex.run(async () => {
    for (const name of ["leader", "third"]) {
      Process.exit((await global.whereisName(name))!, "kill");
      while (!(await global.registerName(name, spawn(Remote.wait))));
    }
    await kate.run(async () => {
      assertEquals(await global.registerName("fourth", self()), false);
      assertEquals(await global.reRegisterName("leader", self()), false);
      const error = await assertRejects(
        () => GenServer.start(Echo, 0, { name: { global: "fourth" } }),
        ExitError,
      );
      assertEquals(error.reason, { type: "already_started", pid: undefined });
    });
    assertEquals(await GenServer.call({ global: "other" }, 1), 1);
    end(task);
    assertEquals(await drained, "drained");
    assertEquals((await global.registeredNames()).sort(), ["leader", "third"]);
  });
});

/** A server that has a count, and hands it over to another node when its own drains. */
const Counter = {
  name: "Counter",
  init(count: number) {
    return { type: "ok", state: count } as const;
  },
  handleCall: (_add: unknown, _from: unknown, count: number) => (
    { type: "reply", reply: count + 1, state: count + 1 } as const
  ),
  async handleDrain(count: number) {
    const [other] = Node.list();
    await rpc.call(other, ["Counters", "takeOver"], [count]);
    return { type: "stop", reason: "normal", state: count } as const;
  },
};

const Counters = {
  async takeOver(count: number) {
    const pid = await GenServer.start(Counter, count);
    return await global.reRegisterName("counter", pid);
  },
};

clusterTest("handleDrain() hands over without a gap", async (cluster) => {
  const options = { modules: { Remote, Counters } };
  const [kate, alex] = await cluster.startAll(["kate", "alex"], options);
  await serve(kate);
  await alex.run(async () => {
    await Node.connect(KATE);
    const task = await TaskSupervisor.asyncNolink(TASKS, Remote.waitFor);
    const first = await kate.run(async () => {
      const name = { global: "counter" };
      const supervisor = await Supervisor.startLink(
        [GenServer.childSpec(Counter, 5, { name })],
        { strategy: "one_for_one", maxRestarts: 0 },
      );
      Process.unlink(supervisor);
      return GenServer.whereis(name);
    });
    const counted: unknown[] = [];
    const count = async () => {
      counted.push(await GenServer.call({ global: "counter" }, "add"));
    };
    await count();
    const ref = Process.monitor(await first as never);
    const drained = kate.drain();
    assertEquals((await receive((m) => ref.equals(m?.ref))).reason, "normal");
    await count();
    assertEquals(counted, [6, 7]);
    // The drain goes on: the end of the server is no end of its supervisor.
    assertEquals(await isPending(drained), true);
    send(task.pid!, "made");
    assertEquals(await drained, "drained");
    await count();
    assertEquals(counted, [6, 7, 8]);
  });
});

clusterTest("drain() waits for handleDrain()", async (cluster) => {
  const kate = await cluster.start("kate", { drainTimeout: Infinity });
  const seen: string[] = [];
  const { promise: stored, resolve: store } = Promise.withResolvers<void>();
  const server = (handleDrain: () => unknown) => ({
    ...Echo,
    handleDrain: handleDrain as never,
    terminate: () => void seen.push("terminated"),
  });
  const storing = server(async () => {
    seen.push(kate.status);
    await stored;
    return { type: "noreply", state: 1 };
  });
  const failing = server(() => {
    throw new Error("cannot store");
  });
  await kate.run(async () => {
    await GenServer.start(storing, 0, { name: "storing" });
    await GenServer.start(failing, 0);
    // A call of a program is no notice, whatever it contains.
    assertEquals(await GenServer.call("storing", DRAIN), { ...DRAIN });
  });
  const drained = kate.drain();
  await cluster.logged(/cannot store/);
  assertEquals(await isPending(drained), true);
  store();
  assertEquals(await drained, "drained");
  assertEquals(seen.sort(), ["draining", "terminated", "terminated"]);
});

clusterTest("drain() waits for own tasks and onDrain()", async (cluster) => {
  const kate = await cluster.start("kate");
  await serve(kate);
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const called: string[] = [];
  kate.onDrain(() => {
    called.push(`${Node.self()} ${kate.status}`);
    return closed;
  });
  kate.onDrain(() => {
    throw new Error("cannot close");
  });
  kate.onDrain(() => void called.push("taken back"))();
  const drained = kate.drain();
  await cluster.logged(/kate error: .* goes on without .*cannot close/);
  const first = await kate.run(() =>
    TaskSupervisor.startChild("tasks", Remote.exiting)
  );
  close();
  // A task starts another one that nobody awaits.
  const second = await kate.run(async () => {
    const me = self();
    const pid = await TaskSupervisor.startChild("tasks", async () => {
      await receive();
      send(me, await TaskSupervisor.startChild("tasks", Remote.exiting));
    });
    end(first);
    send(pid, "go on");
    return await receive();
  });
  assertEquals(await isPending(drained), true);
  await kate.run(() => end(second));
  assertEquals(await drained, "drained");
  assertEquals(called, [`${KATE} draining`]);
});

clusterTest("drain() names what its timeout left", async (cluster) => {
  const kate = await cluster.start("kate", { drainTimeout: Infinity });
  await serve(kate);
  await kate.run(async () => {
    await TaskSupervisor.startChild("tasks", Remote.wait);
    await TaskSupervisor.startChild("tasks", Remote.wait, [], {
      restart: "permanent",
    });
  });
  const drained = kate.drain();
  assertEquals(
    // safe: the tasks never end, so only the timeout can end the drain.
    await Promise.all([kate.drain({ timeout: 10 }), drained]),
    ["timeout", "timeout"],
  );
  assertMatch(
    await cluster.logged(/has not drained/),
    /kate warning: .* within 10 ms: 1 processes still work/,
  );
  assertEquals(await kate.drain(), "timeout");
});

clusterTest("stop() ends a drain, and drain() joins it", async (cluster) => {
  const kate = await cluster.start("kate", { drainTimeout: Infinity });
  await serve(kate);
  await kate.run(() => TaskSupervisor.startChild("tasks", Remote.wait));
  const drained = kate.drain();
  await kate.stop();
  assertEquals(await drained, "stopped");
  const alex = await cluster.start("alex");
  const stopped = alex.stop();
  assertEquals(alex.status, "stopping");
  assertEquals(await alex.drain(), "stopped");
  await stopped;
});

clusterTest("a remote process can drain its node", async (cluster) => {
  const kate = await cluster.start("kate", {
    modules: { Remote, Ops: { drain: () => Node.drain() } },
    drainTimeout: Infinity,
  });
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    await Node.connect(KATE);
    Node.monitor(KATE);
    rpc.cast(KATE, ["Ops", "drain"]);
    await receive((m) => m?.type === "nodedown");
  });
  assertEquals(await kate.drain(), "drained");
});

clusterTest("drain() does not wait for a remote shell", async (cluster) => {
  const kate = await cluster.start("kate", {
    modules: { Shell: { serve: Remote.wait } },
    drainTimeout: Infinity,
  });
  const alex = await cluster.start("alex");
  await alex.run(() => Node.spawn(KATE, ["Shell", "serve"]));
  assertEquals(await kate.drain(), "drained");
});

clusterTest("drain() waits for restarted tasks", async (cluster) => {
  const kate = await cluster.start("kate", { drainTimeout: Infinity });
  await serve(kate);
  await kate.run(async () => {
    const me = self();
    const started = () => void send(me, self());
    const worker = { ...Echo, init: () => (started(), Echo.init(0)) };
    Process.unlink(
      await Supervisor.startLink([GenServer.childSpec(worker, 0)], {
        strategy: "one_for_one",
      }),
    );
    const first = await receive();
    await TaskSupervisor.startChild(
      "tasks",
      async () => {
        started();
        throw (await receive()).reason;
      },
      [],
      { restart: "transient" },
    );
    const task = await receive();
    const drained = kate.drain();
    Process.exit(first, "kill");
    assert(Process.alive(await receive()));
    send(task, { reason: new Error("oops") });
    const again = await receive();
    assertEquals(await isPending(drained), true);
    assertEquals(kate.status, "draining");
    Process.exit(again, "shutdown");
    drained.catch(() => {});
  });
  assertEquals(await kate.drain(), "drained");
});

clusterTest("a drain under load loses no request", async (cluster) => {
  const Work = {
    async make(n: number) {
      // safe: the tasks take different times; no assertion depends on these times.
      await new Promise((resolve) => setTimeout(resolve, n % 7));
      return n * 2;
    },
  };
  const options = { modules: { Work } };
  const start = async (name: string) => {
    const node = await cluster.start(name, options);
    await node.run(async () => {
      await pg.start();
      const sup = await TaskSupervisor.startLink({ name: "tasks" });
      Process.unlink(sup);
      await pg.join("workers", sup);
    });
    return node;
  };
  const alex = await cluster.start("alex", options);
  const nodes = [await start("kate"), await start("zoe")];
  await alex.run(async () => {
    await pg.start();
    for (const { name } of nodes) await Node.connect(name);
    const { ref } = await pg.monitor("workers");
    let isOver = false;
    let turnedAway = 0;
    let done = 0;
    let whenDone = Promise.withResolvers<void>();
    /** Waits until this number of further requests has been answered. */
    const answered = async (more: number) => {
      for (const most = done + more; done < most;) {
        whenDone = Promise.withResolvers();
        await whenDone.promise;
      }
    };
    const ask = async (n: number): Promise<void> => {
      for (;;) {
        const members = pg.getMembers("workers");
        const sup = members[n % members.length];
        try {
          const task = await TaskSupervisor.asyncNolink(
            sup,
            ["Work", "make"],
            [n],
          );
          assertEquals(await Task.await(task), n * 2);
          done++;
          return whenDone.resolve();
        } catch (error) {
          // Nothing of it has run: it goes elsewhere.
          if (!(error instanceof SpawnRefusedError)) throw error;
          assertEquals(error.code, "draining");
          turnedAway++;
        }
      }
    };
    const clients = Array.from({ length: 8 }, async (_, client) => {
      for (let n = client; !isOver; n += 8) await ask(n);
    });
    for (const [i, { name }] of nodes.entries()) {
      while (pg.getMembers("workers").length < 2) {
        await receive((m) => m?.type === "join" && ref.equals(m.ref));
      }
      await answered(50);
      assertEquals(await nodes[i].drain(), "drained");
      await start(name.split("@")[0]);
      await Node.connect(name);
    }
    await answered(50);
    isOver = true;
    await Promise.all(clients);
    assert(done >= 150, `${done}, and ${turnedAway} were turned away`);
  });
});

clusterTest("prepStop runs when the node has drained", async (cluster) => {
  const kate = await cluster.start("kate");
  const seen: string[] = [];
  await kate.run(() =>
    Application.start({
      name: "web",
      start: () => Supervisor.startLink([], { strategy: "one_for_one" }),
      prepStop: () => void seen.push(kate.status),
    })
  );
  kate.onDrain(() => void seen.push(kate.status));
  assertEquals(await kate.drain(), "drained");
  assertEquals(seen, ["draining", "stopping"]);
});

clusterTest("drain() rejects wrong options", async (cluster) => {
  const kate = await cluster.start("kate");
  for (const timeout of [-1, NaN]) {
    await assertRejects(
      () => kate.drain({ timeout }),
      RangeError,
      "Cannot drain a node",
    );
  }
  for (const options of [1, { timeout: "1" }, null]) {
    for (const drain of [kate.drain.bind(kate), Node.drain]) {
      await assertRejects(
        () => drain(options as unknown as { timeout: number }),
        TypeError,
        "Cannot drain a node",
      );
    }
  }
  assertEquals(kate.status, "up");
});
