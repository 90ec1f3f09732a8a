import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type From,
  GenServer,
  type GenServerModule,
} from "../../../packages/servers/gen_server/gen_server.ts";
import { Node } from "../../../node.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { inspect } from "../../../packages/processes/values/inspect.ts";
import { improperList } from "../../../packages/processes/values/improper_list.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { replyToOf } from "../../../packages/processes/values/reply_to.ts";
import { termKey } from "../../../packages/processes/values/term_key.ts";
import { tuple } from "../../../packages/processes/values/tuple.ts";
import { clusterTest } from "../../_nodes.ts";
import { processTest } from "../../_processes.ts";

/** Sends each caller, with the request, to another process, and replies to none. */
const Forward: GenServerModule<{
  arg: Pid;
  state: Pid;
  call: [unknown, unknown];
}> = {
  name: "Forward",
  init: (to) => ({ type: "ok", state: to }),
  handleCall(request, from, to) {
    send(to, { from, request });
    return { type: "noreply", state: to };
  },
};

/** Replies to calls that it is sent; `"done"` ends it. */
async function replier(): Promise<void> {
  for (;;) {
    const { from, request } = await receive<{ from: From; request: unknown }>();
    GenServer.reply(from, { by: self().node, request });
    if (request === "done") return;
  }
}

/** Sends each message on. */
async function passOn(to: Pid): Promise<void> {
  for (;;) {
    const message = await receive();
    send(to, message);
    if (message.request === "done") return;
  }
}

const modules = { Reply: { replier, passOn } };

clusterTest(
  "a third node's reply ends a call and its monitor",
  async (cluster) => {
    const [alex, kate, moebi] = await cluster.startAll([
      "alex",
      "kate",
      "moebi",
    ], { hidden: true, modules });
    const [server, end] = await kate.run(async () => {
      const to = await Node.spawn(moebi.name, ["Reply", "replier"]);
      const between = await Node.spawn(moebi.name, ["Reply", "passOn"], [to]);
      return [await GenServer.start(Forward, between), to];
    });
    await alex.run(async () => {
      assertEquals(await GenServer.call(server, 1), {
        by: moebi.name,
        request: 1,
      });
      assert(Node.list("hidden").includes(moebi.name));
      // Its request is behind the demonitor.
      const info = await Process.info(server, { remote: true });
      assertEquals([info!.monitoredBy, Process.info(self())!.monitors], [
        [],
        [],
      ]);
      const ref = Process.monitor(end);
      await GenServer.call(server, "done");
      await receive((m) => ref.equals(m?.ref));
      await GenServer.stop(server);
    });
  },
);

processTest("a caller is a term: copies of it are equal", async () => {
  const callers: From[] = [];
  const server = await GenServer.startLink({
    init: () => ({ type: "ok", state: 0 }),
    handleCall(request, from: From, state) {
      if (request === "sync") return { type: "reply", reply: 0, state };
      callers.push(from);
      return { type: "noreply", state };
    },
  }, undefined);
  const answer = GenServer.call(server, "ask");
  const other = GenServer.call(server, "ask again");
  await GenServer.call(server, "sync");
  send(self(), { list: [callers[0]] });
  const { list: [copy] } = await receive();
  assert(copy.equals(callers[0]));
  assert(!copy.equals(callers[1]));
  assertEquals(termKey(copy), termKey(callers[0]));
  assert(termKey(copy) !== termKey(callers[1]));
  assertEquals(inspect(copy), `{${self()}, [:alias | ${callers[0].alias}]}`);
  assertEquals(GenServer.reply(copy, "by a copy"), "ok");
  assertEquals(await answer, "by a copy");
  GenServer.reply(callers[1], "other");
  assertEquals(await other, "other");
  await GenServer.stop(server);
});

processTest("reply() takes the tuple of a pid and a tag", async () => {
  const ref = Process.alias();
  const usual = improperList([atom("alias")], ref);
  assertEquals(GenServer.reply(tuple(self(), usual), 1), "ok");
  assertEquals(await receive(), { type: "reply", ref, value: 1 });
  const ofMany = improperList([usual], Process.alias());
  for (const tag of [ref, tuple(ref, "node"), ofMany, 7]) {
    GenServer.reply(tuple(self(), tag), "a value");
    const message = await receive();
    assert(message.equals(tuple(tag, "a value")), inspect(message));
  }
  assert(replyToOf(self(), ofMany).alias?.equals(ref));
  Process.unalias(ref);
  GenServer.reply(tuple(self(), usual), "late");
  GenServer.reply(tuple(self(), ofMany), "late");
  GenServer.reply(tuple(self(), "last"), "value");
  assertEquals(await receive(), tuple("last", "value"));
  for (const bad of [tuple(self()), tuple(1, 2), tuple(self(), undefined)]) {
    assertThrows(() => GenServer.reply(bad as never, 1), TypeError);
  }
});
