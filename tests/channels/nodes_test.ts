/** Channels on several nodes: of this library, and of Elixir. The clients are the npm package of Phoenix. */

import { assertEquals } from "@std/assert";
import {
  type Channel as PhoenixChannel,
  LongPoll,
  Socket,
} from "npm:phoenix@1.8.16";
import { Node } from "../../node.ts";
import { PubSub } from "../../packages/channels/mod.ts";
import { pg } from "../../packages/node/pg/pg.ts";
import { receive } from "../../packages/processes/process.ts";
import { atom } from "../../packages/processes/values/atom.ts";
import { Supervisor } from "../../packages/servers/supervisor/supervisor.ts";
import { elixirPairTest, nextMessage } from "../_elixir_pair.ts";
import { pairTest } from "../_nodes.ts";
import { Judge } from "./_judge.ts";

/** A client of Phoenix, with the events that it has got. */
class Client implements AsyncDisposable {
  readonly socket: Socket;
  readonly #events: unknown[] = [];
  #wake: () => void = () => {};

  constructor(url: string, user: string, transport?: typeof LongPoll) {
    this.socket = new Socket(`${url}/socket`, {
      transport,
      params: { user },
      heartbeatIntervalMs: 600_000,
      reconnectAfterMs: () => 1,
      rejoinAfterMs: () => 1,
    });
    this.socket.connect();
  }

  /** Joins a topic; resolves with the response. */
  join(topic: string, events: string[]): Promise<PhoenixChannel> {
    const channel = this.socket.channel(topic, {});
    for (const event of events) {
      channel.on(event, (payload: unknown) => this.#got([event, payload]));
    }
    channel.onError((reason: unknown) => this.#got(["onError", reason]));
    return new Promise((resolve, reject) =>
      channel.join()
        .receive("ok", () => resolve(channel))
        .receive("error", reject)
    );
  }

  #got(event: unknown): void {
    this.#events.push(event);
    this.#wake();
  }

  /** Returns the next event. */
  async next(): Promise<unknown> {
    while (this.#events.length === 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#events.shift();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.socket.disconnect(resolve));
  }
}

/** Resolves when this node knows a member of the PubSub on each of `nodes`. */
async function meets(name: string, nodes: string[]): Promise<void> {
  const options = { scope: "Phoenix.PubSub" };
  const { ref, pids } = await pg.monitor(
    atom(`Elixir.${name}.Adapter`),
    options,
  );
  const missing = new Set(nodes);
  for (const { node } of pids) missing.delete(node);
  while (missing.size > 0) {
    const joined = await receive((message) => ref.equals(message?.ref));
    if (joined.type === "join") {
      for (const { node } of joined.pids) missing.delete(node);
    }
  }
  await pg.demonitor(ref, options);
}

pairTest(
  "a broadcast reaches the clients of both nodes, once, and in order",
  async ({ alex, kate }) => {
    await using stack = new AsyncDisposableStack();
    const clients: Client[] = [];
    await Node.connect(kate.name);
    for (const [i, node] of [alex, kate].entries()) {
      const judge = stack.use(await node.run(() => Judge.serve()));
      const client = stack.use(new Client(judge.url, `user${i}`));
      clients.push(client);
      await client.join("room:a", ["said", "said_binary"]);
    }
    const others = [kate.name, alex.name];
    for (const [i, node] of [alex, kate].entries()) {
      await node.run(() => meets("Channels.PubSub", [others[i]]));
    }
    await alex.run(() => {
      for (let n = 0; n < 3; n++) PubSub.broadcast("room:a", "said", { n });
      PubSub.broadcast("room:a", "said_binary", Uint8Array.of(7));
    });
    for (const client of clients) {
      for (let n = 0; n < 3; n++) {
        assertEquals(await client.next(), ["said", { n }]);
      }
      const [event, bytes] = await client.next() as [string, ArrayBuffer];
      assertEquals([event, new Uint8Array(bytes)], [
        "said_binary",
        Uint8Array.of(7),
      ]);
    }
  },
);

pairTest(
  "the client's long polls, at one node, and at any node of the cluster",
  async ({ alex, kate }) => {
    await using stack = new AsyncDisposableStack();
    await Node.connect(kate.name);
    const [first, second] = await Promise.all(
      [alex, kate].map((node) => node.run(() => Judge.serve())),
    );
    stack.use(first);
    stack.use(second);
    const client = stack.use(new Client(first.url, "ann", LongPoll));
    const room = await client.join("room:a", ["said"]);
    PubSub.broadcast("room:a", "said", { text: "hi" });
    assertEquals(await client.next(), ["said", { text: "hi" }]);
    // Bytes arrive in base64; the broadcast of them has no form here.
    const bytes = Uint8Array.of(1, 255).buffer;
    await new Promise((resolve) =>
      room.push("say_binary", bytes).receive("ok", resolve)
    );

    const ask = async ({ url }: Judge, token: string, body?: string) => {
      const address = `${url.replace("ws", "http")}/socket/longpoll`;
      const response = await fetch(`${address}?vsn=2.0.0&token=${token}`, {
        method: body === undefined ? "GET" : "POST",
        body,
      });
      return await response.json();
    };
    const { status, token } = await ask(first, "");
    assertEquals(status, 410);
    const join = ["1", "1", "room:b", "phx_join", {}];
    const polled = ask(second, token);
    const echo = ["1", "2", "room:b", "echo", { n: 1 }];
    const pushed = await ask(
      second,
      token,
      [join, echo].map((message) => JSON.stringify(message)).join("\n"),
    );
    assertEquals(pushed.status, 200);
    const got = await polled;
    assertEquals(got.status, 200);
    const { messages } = got.messages.length === 2
      ? got
      : { messages: [...got.messages, ...(await ask(first, token)).messages] };
    assertEquals(
      messages.map((text: string) => JSON.parse(text)[4].status),
      ["ok", "ok"],
    );
    // No message ends the socket; its token is of no use from then on.
    await ask(first, token, "{");
    for (const judge of [first, second]) {
      assertEquals((await ask(judge, token, "{}")).status, 410);
    }
    assertEquals((await ask(first, btoa("nobody@nowhere/x"))).status, 410);
  },
);

elixirPairTest(
  "Phoenix.PubSub and this node's exchange broadcasts, in both directions",
  async ({ kate }) => {
    const tree = await Supervisor.startLink([
      PubSub.childSpec({ name: "Judge.PubSub" }),
    ], { strategy: "one_for_one" });
    await kate.evaluate(PHOENIX);
    await meets("Judge.PubSub", [kate.name]);
    await PubSub.subscribe("room:a");

    await kate.evaluate(`Judge.broadcast("room:a", %Phoenix.Socket.Broadcast{
      topic: "room:a", event: "said", payload: %{text: "hi", at: :door, n: [nil, 1.5, true], more: %{"a" => 1}}})`);
    assertEquals(await nextMessage(), {
      ...{ type: "broadcast", topic: "room:a", event: "said" },
      payload: { text: "hi", at: "door", n: [null, 1.5, true], more: { a: 1 } },
    });
    await kate.evaluate(`Judge.broadcast("room:a", %Phoenix.Socket.Broadcast{
      topic: "room:a", event: "bytes", payload: {:binary, <<1, 255>>}})`);
    assertEquals((await nextMessage()).payload, Uint8Array.of(1, 255));
    await kate.evaluate(`Judge.broadcast("room:a", {:news, "plain"})`);
    assertEquals(String((await nextMessage())[0]), "news");

    PubSub.broadcast("room:a", "said", { text: "hello", list: [1, null] });
    assertEquals(
      await kate.evaluate("Judge.next()"),
      `{"room:a", %Phoenix.Socket.Broadcast{topic: "room:a", event: "said", payload: %{"list" => [1, nil], "text" => "hello"}}, Phoenix.Channel.Server}`,
    );
    PubSub.broadcast("room:a", "bytes", Uint8Array.of(2, 255));
    assertEquals(
      await kate.evaluate(
        "{_, %{payload: payload}, _} = Judge.next(); payload",
      ),
      "{:binary, <<2, 255>>}",
    );
    await Supervisor.stop(tree);
  },
);

/** The adapter of Phoenix.PubSub, as far as other nodes see it, and the struct of a broadcast. */
const PHOENIX = `
defmodule Phoenix.Socket.Broadcast do
  defstruct topic: nil, event: nil, payload: nil
end

defmodule Judge do
  @group :"Elixir.Judge.PubSub.Adapter"

  def start() do
    parent = self()
    spawn(fn ->
      {:ok, _} = :pg.start_link(Phoenix.PubSub)
      :ok = :pg.join(Phoenix.PubSub, @group, self())
      Process.register(self(), :judge)
      send(parent, :started)
      loop([])
    end)
    receive do: (:started -> :ok)
  end

  defp loop(from) do
    receive do
      {:next, pid} ->
        receive do: ({:forward_to_local, topic, message, module} -> send(pid, {topic, message, module}))
    end
    loop(from)
  end

  def next() do
    send(:judge, {:next, self()})
    receive do: (next -> next)
  end

  def broadcast(topic, message) do
    for pid <- :pg.get_members(Phoenix.PubSub, @group), node(pid) != node() do
      send(pid, {:forward_to_local, topic, message, Phoenix.Channel.Server})
    end
  end
end

Judge.start()
`;
