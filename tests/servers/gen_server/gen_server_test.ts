import { assertEquals, assertMatch } from "@std/assert";
import {
  GenServer,
  type GenServerModule,
  type GenServerPid,
} from "../../../packages/servers/gen_server/gen_server.ts";
import {
  type Pid,
  Process,
  send,
} from "../../../packages/processes/process.ts";
import { exitOf, nodeTest, Stack } from "../_gen_servers.ts";
import { ended, processTest } from "../../_processes.ts";
import { until } from "../../_until.ts";

processTest("call() waits for a slow server, and keeps order", async () => {
  const seen: unknown[] = [];
  const gate = Promise.withResolvers<void>();
  const Slow: GenServerModule = {
    init: () => ({ type: "ok", state: undefined }),
    async handleCall(request, _from, state) {
      seen.push(`begin ${request}`);
      await gate.promise;
      seen.push(`end ${request}`);
      return { type: "reply", reply: request, state };
    },
    handleCast(request, state) {
      seen.push(`cast ${request}`);
      return { type: "noreply", state };
    },
  };
  const pid = await GenServer.startLink(Slow, undefined);
  const calls = [GenServer.call(pid, 1), GenServer.call(pid, 2)];
  GenServer.cast(pid, 3);
  await until(() => Process.info(pid)!.messageQueueLen === 2);
  gate.resolve();
  assertEquals(await Promise.all(calls), [1, 2]);
  await GenServer.stop(pid);
  assertEquals(seen, ["begin 1", "end 1", "begin 2", "end 2", "cast 3"]);
});

processTest("call() copies the request and the reply", async () => {
  const state = { list: [1] };
  const pid = await GenServer.startLink({
    init: (arg: typeof state) => ({ type: "ok", state: arg }),
    handleCall(_request, _from, state) {
      return { type: "reply", reply: state, state };
    },
  }, state);
  const reply = await GenServer.call(pid, "state");
  assertEquals(reply, { list: [1] });
  reply.list.push(2);
  state.list.push(3);
  assertEquals(await GenServer.call(pid, "state"), { list: [1] });
  await GenServer.stop(pid);
});

nodeTest(
  "a result without a state or with an unknown field is invalid",
  async (cluster) => {
    const results = [
      { type: "reply", reply: 1, state: 0, hibernate: true },
      { type: "noreply", state: 0, hibernate: true },
      { type: "stop", reason: "normal", state: 0, hibernate: true },
      { type: "stop", reason: "normal", state: 0, reply: 1, timout: 5 },
      { type: "reply", reply: 1 },
      { type: "noreply" },
      { type: "stop", reason: "normal" },
      { type: "stop", reason: "normal", reply: 1 },
    ];
    const Forgetful = {
      init: (state) => ({ type: "ok", state }),
      handleCall: (result) => result,
    } as GenServerModule;
    for (const value of results) {
      const pid = await GenServer.start(Forgetful, 1);
      assertEquals(
        (await exitOf(GenServer.call(pid, value))).reason,
        { type: "bad_return_value", value },
      );
      await cluster.logged(/terminating/);
    }
    const whole = { type: "reply", reply: 1, state: undefined };
    for (const last of results.filter((each) => "hibernate" in each)) {
      const pid = await GenServer.start(Forgetful, 1);
      // Later results of a server are checked in a faster way.
      for (let n = 0; n < 200; n++) {
        assertEquals(await GenServer.call(pid, whole), 1);
      }
      assertEquals(
        (await exitOf(GenServer.call(pid, last))).reason,
        { type: "bad_return_value", value: last },
      );
      await cluster.logged(/terminating/);
    }
    for (
      const value of [
        { type: "ok" },
        { type: "ok", state: 0, timeout: -1 },
        { type: "ok", state: 0, hibernate: true },
        { type: "stop", reason: "normal", state: 0, hibernate: true },
      ]
    ) {
      const module = { init: () => value } as unknown as GenServerModule;
      assertEquals(await exitOf(GenServer.start(module, 0)), {
        type: "bad_return_value",
        value,
      });
    }
  },
);

interface NamedTypes {
  state: number;
  call:
    | ["read", number]
    | [{ type: "add"; by: number }, "ok"]
    | [[name: "times", by: number], bigint];
}

/** A server with a handler for each request. */
class Named {
  static readonly unit = 10;
  static init(): { type: "ok"; state: number } {
    return { type: "ok", state: 1 };
  }
  static readonly handleCall: GenServerModule<NamedTypes>["handleCall"] = {
    read: (_read, _from, state) => ({ type: "reply", reply: state, state }),
    add: ({ by }, _from, state) => ({
      type: "reply",
      reply: "ok",
      state: state + by,
    }),
    async times(this: typeof Named, [, by], _from, state) {
      await Promise.resolve();
      return { type: "reply", reply: BigInt(state * by * this.unit), state };
    },
  };
}

nodeTest("handleCall may have a handler for each request", async (cluster) => {
  const pid: GenServerPid<NamedTypes> = await GenServer.start(
    Named as GenServerModule<NamedTypes>,
    undefined,
  );
  assertEquals(await GenServer.call(pid, { type: "add", by: 2 }), "ok");
  assertEquals(await GenServer.call(pid, "read"), 3);
  assertEquals(await GenServer.call(pid, ["times", 2]), 60n);
  const odd = [
    "write",
    "constructor",
    "__proto__",
    { type: "toString" },
    { type: 1 },
    { type: { type: "read" } },
    [],
    [["read"]],
    [1],
    null,
    undefined,
    1,
    true,
    {},
  ];
  for (const request of odd) {
    const { reason } = await exitOf(GenServer.call(pid as Pid, request));
    assertEquals(reason, "badarg", JSON.stringify(request));
  }
  assertMatch(
    await cluster.logged(/"write"/),
    /^alex error: GenServer #PID<.*> received a call that handleCall has no function for: "write"$/,
  );
  assertEquals(await GenServer.call(pid, "read"), 3);
  await GenServer.stop(pid);
});

nodeTest("an unhandled call or cast ends the server", async (cluster) => {
  const Mute: GenServerModule = { init: () => ({ type: "ok", state: 0 }) };
  const pid = await GenServer.start(Mute, 0);
  send(pid, "psst");
  assertMatch(
    await cluster.logged(/unexpected/),
    /^alex error: GenServer #PID<.*> received an unexpected message, and has no handleInfo: "psst"$/,
  );
  const { reason } = await exitOf(GenServer.call(pid, "hi"));
  assertMatch(
    String(reason),
    /Cannot handle a call: GenServer #PID<.*> has no handleCall/,
  );
  const other = await GenServer.start(Mute, 0, { name: "Mute" });
  GenServer.cast(other, "hi");
  assertMatch(String(await ended(other)), /GenServer Mute has no handleCast/);
});

processTest(
  "stop() by two callers stops the server for the first",
  async () => {
    const pid = await GenServer.start(Stack, []);
    const [first, second] = [GenServer.stop(pid), exitOf(GenServer.stop(pid))];
    assertEquals(await first, "ok");
    const args = [pid, "normal", "infinity"];
    assertEquals(await second, {
      type: "call",
      reason: {
        type: "call",
        reason: "normal",
        call: ["sys", "terminate", args],
      },
      call: ["GenServer", "stop", args],
    });
  },
);
