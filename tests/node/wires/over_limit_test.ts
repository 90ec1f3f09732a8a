/** Terms that exceed a limit: the signal is refused alone, those who wait for it fail, and the connection stays. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import {
  formatExit,
  type SystemLimitReason,
} from "../../../packages/processes/errors.ts";
import {
  GenServer,
  type GenServerModule,
} from "../../../packages/servers/gen_server/gen_server.ts";
import { Node } from "../../../node.ts";
import { inspect } from "../../../mod.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { OverLimit } from "../../../packages/node/wires/over_limit.ts";
import { FrameCutter } from "../../../packages/beam/wire/beam_frames.ts";
import { cutTerm } from "../../../packages/beam/wire/cut_term.ts";
import { TermReader } from "../../../packages/beam/wire/etf_decoder.ts";
import {
  reasonFromBeam,
  reasonToBeam,
} from "../../../packages/beam/terms/beam_reasons.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { Tuple } from "../../../packages/processes/values/tuple.ts";
import { test } from "../../../packages/testing/tags.ts";
import { elixirPairTest, nextMessage } from "../../_elixir_pair.ts";
import { clusterTest } from "../../_nodes.ts";
import * as Remote from "../../_remote.ts";
import { termBytes } from "../../beam/wire/_etf_bytes.ts";

const KATE = "kate@localhost";

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = [value];
  return value;
}

function assertRefused(reason: unknown, what: RegExp): void {
  const { type, text } = reason as SystemLimitReason;
  assertEquals(type, "system_limit", String(inspect(reason)));
  assertMatch(text, what);
  assert(formatExit(reason).startsWith("system limit: "));
  assertEquals(reasonFromBeam(reasonToBeam(reason)), reason);
}

/** A server whose requests say what to reply. */
const Deep: GenServerModule<{ call: [unknown, unknown] }> = {
  init: () => ({ type: "ok", state: undefined }),
  handleCall: (request, _from, state) => ({
    type: "reply",
    reply: request === "reply" ? nested(100) : "ok",
    state,
  }),
};

clusterTest("a too deep value is refused alone", async (cluster) => {
  // Only the depth is not announced in the handshake.
  const kate = await cluster.start("kate");
  const alex = await cluster.start("alex", { limits: { maxDepth: 64 } });
  const kates = await kate.run(() => GenServer.start(Deep, undefined));
  const alexs = await alex.run(() => GenServer.start(Deep, undefined));
  await alex.run(async () => {
    Process.trapExit(true);
    await Node.connect(KATE);
    const owner = self();
    // A message is dropped, and those around it are not.
    await kate.run(() => {
      for (const value of [1, nested(100), nested(600 - 100), 2]) {
        send(owner, value);
      }
    });
    assertEquals([await receive(), await receive()], [1, 2]);
    // A reply.
    const failed = await GenServer.call(kates, "reply").then(
      () => undefined,
      (error) => error,
    );
    assertRefused(failed.reason.reason, /alex@localhost has refused a reply/);
    assertEquals(await GenServer.call(kates, "next"), "ok");
    // A request.
    const asked = await kate.run(() =>
      GenServer.call(alexs, nested(100)).then(() => undefined, (e) => e)
    );
    assertRefused(
      asked.reason.reason,
      /alex@localhost has refused a request: .*64 levels|63 levels/,
    );
    // Exit reasons, by a link and by a monitor.
    const pid = await Node.spawnLink(KATE, Remote.wait);
    const ref = Process.monitor(pid);
    // The monitor has arrived when a later call is answered.
    await GenServer.call(kates, "next");
    await kate.run(() => Process.exit(pid, nested(100)));
    const exited = await receive((m) => m?.type === "EXIT");
    assertRefused(exited.reason, /an exit reason: .*56 levels/);
    const down = await receive((m) => ref.equals(m?.ref));
    assertRefused(down.reason, /an exit reason/);
    // A spawn.
    const refused = await kate.run(() =>
      Node.spawn(alex.name, Remote.tell, [owner, nested(100)])
        .then(() => undefined, (error) => error)
    );
    assertEquals(refused.code, "limit");
    assertEquals(Node.list(), [KATE]);
    const { refusedSignals, protocolErrors } = Node.stats()!;
    assertEquals([refusedSignals, protocolErrors], [7, 0]);
    await cluster.logged(/Refused a message of kate@localhost: .*64 levels/);
    assertEquals(await kate.run(() => Node.list()), [alex.name]);
  });
});

elixirPairTest("terms beyond a limit fail alone", async ({ kate, cluster }) => {
  Process.trapExit(true);
  const echo = await GenServer.start(Deep, undefined, { name: "Deep" });
  await kate.evaluate(`
      deep = Enum.reduce(1..600, 1, fn _, inner -> [inner] end)
      terms = [deep, 10 ** 10_001, %{large: :binary.copy("x", 33_600_000)}]
      main = {:main, :"alex@localhost"}
    `);
  // The depth of code is accepted.
  await kate.evaluate(
    "send(main, {:code, Enum.reduce(1..250, 1, &{:f, &1, [&2]})})",
  );
  assert((await nextMessage()) instanceof Tuple);
  // Messages.
  await kate.evaluate("Enum.each(terms, &send(main, &1))");
  // Requests fail at once, by name and by pid, and replies fail the call here.
  const calls = await kate.evaluate(`
      for term <- terms do
        try do
          GenServer.call({Deep, :"alex@localhost"}, term, 30_000)
        catch
          :exit, {{:system_limit, text}, _} -> text =~ "alex@localhost has refused a request"
        end
      end
    `);
  assertEquals(calls, "[true, true, true]");
  await kate.evaluate(`
      defmodule Replies do
        use GenServer
        def init(terms), do: {:ok, terms}
        def handle_call(i, _, terms), do: {:reply, Enum.at(terms, i, :ok), terms}
      end
      {:ok, _} = GenServer.start(Replies, terms, name: Replies)
    `);
  const replies = { name: "Replies", node: kate.name };
  for (const i of [0, 1, 2]) {
    const error = await GenServer.call(replies, i, { timeout: 30_000 })
      .then(() => undefined, (error) => error);
    assertRefused(error.reason.reason, /has refused a reply/);
  }
  // Exit reasons: links and monitors fire once each.
  await kate.evaluate(`
      defmodule Ends do
        def ends(i, terms), do: exit(Enum.at(terms, i))
        def run(i), do: receive(do: (:go -> ends(i, :persistent_term.get(:terms))))
      end
      :persistent_term.put(:terms, terms)
    `);
  for (const i of [0, 1, 2]) {
    const pid: Pid = await Node.spawnLink(kate.name, ["Ends", "run"], [i]);
    const ref = Process.monitor(pid);
    // The monitor has arrived when a later call is answered.
    assertEquals(await GenServer.call(replies, 3), atom("ok"));
    await kate.evaluate(`send(:erlang.list_to_pid(~c"${pidText(pid)}"), :go)`);
    const exited = await receive((m) => m?.type === "EXIT");
    assertRefused(exited.reason, /has refused an exit reason/);
    const down = await receive((m) => ref.equals(m?.ref));
    assertRefused(down.reason, /has refused an exit reason/);
  }
  // A request to spawn.
  const raised = await kate.evaluate(`
      try do
        Node.spawn_monitor(:"alex@localhost", :m, :f, [deep])
      rescue
        error in SystemLimitError -> error
      end
    `);
  assertMatch(raised, /SystemLimitError/);
  // An event of the log is cut.
  await kate.evaluate(`
      Logger.configure(level: :error)
      meta = %{pid: self(), gl: self(), time: 0}
      send({:logger_proxy, :"alex@localhost"}, {:log, :error, {:report, %{state: {:deep, deep, 10 ** 10_001}}}, meta})
    `);
  await cluster.logged(/From kate@localhost.*deep/s);
  assertEquals(await GenServer.call(echo, "next"), "ok");
  assertEquals(Node.list(), [kate.name]);
  assertEquals(Node.stats()!.protocolErrors, 0);
});

function pidText(pid: Pid): string {
  return `<0.${pid.number % 2 ** 32}.${Math.floor(pid.number / 2 ** 32)}>`;
}

test("a frame that is too long is read up to its beginning, and the next ones are read", () => {
  const got: [length: number, isCut: boolean][] = [];
  const cutter = new FrameCutter(
    100,
    { max: Infinity, used: 0, add() {} },
    (_bytes, start, end, tooLong) =>
      void got.push([end - start, tooLong instanceof OverLimit]),
  );
  const frame = (length: number) => {
    const bytes = Buffer.alloc(4 + length);
    bytes.writeUInt32BE(length);
    return bytes;
  };
  const bytes = Buffer.concat([10, 101, 0, 5000, 100, 70_000, 1].map(frame));
  for (const size of [1, 3, 50, 104, 105, 4096, bytes.length]) {
    got.length = 0;
    for (let at = 0; at < bytes.length; at += size) {
      cutter.read(bytes.subarray(at, at + size));
    }
    const wanted = [[10, false], [100, true], [0, false], [100, true]];
    assertEquals(
      got,
      [...wanted, [100, false], [100, true], [1, false]],
      `${size}`,
    );
  }
});

test("cutTerm() keeps what is within the limits, and replaces the rest by a text", () => {
  const cut = (value: unknown, depth: number) =>
    cutTerm(new TermReader().open(termBytes(value)), depth);
  const big = 7n ** 2000n;
  for (
    const [value, depth, expected] of [
      [1, 0, 1],
      [[], 0, "…"],
      [[1], 1, [1]],
      [[[]], 1, ["…"]],
      [[[1], 2, { a: [3] }], 1, ["…", 2, "…"]],
      [[[1], 2, { a: [3] }], 2, [[1], 2, { a: "…" }]],
      [{ a: [[[1]]], b: new Map([[1, [2]]]) }, 2, {
        a: ["…"],
        b: new Map([[1, "…"]]),
      }],
      [[big, nested(1000)], 3, [big, [["…"]]]],
      [[7n ** 11_000n, "x"], 1, ["…", "x"]],
    ] as [unknown, number, unknown][]
  ) assertEquals(cut(value, depth), expected);
});
