/**
 * The messages between the npm packages `phoenix` and `@supabase/realtime-js`, unmodified, and a server here, on each
 * host. They are compared with `phoenix_transcript.txt` and `realtime_transcript.txt`, which were recorded with Phoenix
 * 1.8 in the same steps. Each `>` is a message of a client, each `<` one of the server; references are numbered by client
 * in the order of their first use.
 */

import { fileURLToPath } from "node:url";
import { type Channel, type Push, Socket } from "npm:phoenix@1.8.16";
import config from "../../deno.json" with { type: "json" };
import { test } from "../../packages/testing/tags.ts";
import { Project, Running } from "../_packed.ts";
import { Conversation, show, type ShowMessage } from "./_conversation.ts";
import { converseRealtime } from "./_realtime_conversation.ts";

const HERE = new URL("./", import.meta.url);
/** How long the client waits for a reply that never comes, in milliseconds. */
const NO_REPLY = 100;

/** A message of version 2.0.0. */
const showMessage: ShowMessage = (data, number) => {
  if (typeof data === "string") {
    const [joinRef, ref, ...rest] = JSON.parse(data);
    return show([number(joinRef), number(ref), ...rest]);
  }
  const bytes = new Uint8Array(data as ArrayBuffer);
  const count = bytes[0] === 2 ? 2 : 4;
  let at = 1 + count;
  const texts = Array.from(
    bytes.subarray(1, at),
    (length) => new TextDecoder().decode(bytes.subarray(at, at += length)),
  );
  if (count === 4) { for (const i of [0, 1]) texts[i] = number(texts[i])!; }
  return `bytes ${show([bytes[0], ...texts, [...bytes.subarray(at)]])}`;
};

/** Two clients that join at the same time: either may be the first one. */
function eitherFirst(line: string): string {
  return line.replace(
    /^ann(?:\(2\))? < \[(?:"\d+"|null)(,null,"room:a","presence_)/,
    "one of both < [$1",
  );
}

/** The clients of a conversation. */
class Clients {
  readonly #it: Conversation;
  /** After how many milliseconds a client joins again. */
  rejoin = 1;

  constructor(it: Conversation) {
    this.#it = it;
  }

  connect(who: string, params = {}, options = {}, path = "/socket"): Socket {
    const socket = new Socket(this.#it.url + path, {
      params: { user: who.replace(/\(.*/, ""), ...params },
      transport: this.#it.transport(who),
      heartbeatIntervalMs: 600_000,
      rejoinAfterMs: () => this.rejoin,
      reconnectAfterMs: () => 1,
      ...options,
    });
    socket.connect();
    return socket;
  }

  channel(socket: Socket, who: string, topic: string, params = {}): Channel {
    const channel = socket.channel(topic, params);
    const me = `${who} ${topic}`;
    channel.onError((reason: unknown) =>
      this.#it.line(`${me}: onError ${show(reason ?? null)}`)
    );
    channel.onClose((reason: unknown) =>
      this.#it.line(`${me}: onClose ${show(reason ?? null)}`)
    );
    for (const event of ["said", "said_binary", "filtered", "news"]) {
      channel.on(
        event,
        (payload: unknown) =>
          this.#it.line(`${me}: on ${event} ${show(payload)}`),
      );
    }
    return channel;
  }

  watch(push: Push, me: string, what: string): void {
    push
      .receive(
        "ok",
        (r: unknown) => this.#it.line(`${me}: ${what} ok ${show(r)}`),
      )
      .receive(
        "error",
        (r: unknown) => this.#it.line(`${me}: ${what} error ${show(r)}`),
      )
      .receive("timeout", () => this.#it.line(`${me}: ${what} timeout`));
  }
}

/** Has the conversation of the recording with a server. */
async function converse(url: string): Promise<void> {
  const it = await Conversation.begin(
    url,
    "phoenix_transcript.txt",
    showMessage,
  );
  const clients = new Clients(it);
  const A = "room:a";
  const annA = `ann ${A}`;
  let ann!: Socket, ann2!: Socket, bob!: Socket, dan!: Socket;
  let room!: Channel, bobA!: Channel, ann2A!: Channel, other!: Channel;

  /** Connects, and joins. */
  const enter = async (who: string, socket: Socket, topic: string) => {
    await it.seen('protocol=""');
    const channel = clients.channel(socket, who, topic);
    clients.watch(channel.join(), `${who} ${topic}`, "join");
    return channel;
  };
  const push = (
    channel: Channel,
    me: string,
    event: string,
    payload: object,
    timeout?: number,
  ) => clients.watch(channel.push(event, payload, timeout), me, event);
  const bytes = (...list: number[]) => Uint8Array.from(list).buffer;

  await it.step("connect", () => ann = clients.connect("ann"));
  await it.step("join", () => {
    room = clients.channel(ann, "ann", A, { colour: "red" });
    clients.watch(room.join(), annA, "join");
  });
  await it.step(
    "another client joins: presence_state, presence_diff",
    async () => bobA = await enter("bob", bob = clients.connect("bob"), A),
  );
  await it.step(
    "the same user from a second socket: two metas",
    async () =>
      ann2A = await enter("ann(2)", ann2 = clients.connect("ann(2)"), A),
  );
  await it.step(
    "presence update",
    () => push(room, annA, "update_meta", { at: "door" }),
  );
  await it.step(
    "push and reply",
    () => push(room, annA, "echo", { a: [1, "ü", null], b: { c: 1.5 } }),
  );
  await it.step("error reply", () => push(room, annA, "error", { why: "so" }));
  await it.step("reply without payload: :ok, then :error", () => {
    push(room, annA, "status", { status: "ok" });
    push(room, annA, "status", { status: "error" });
  });
  await it.step(
    "later reply (socket_ref)",
    () => push(room, annA, "later", { n: 1 }),
  );
  await it.step(
    "no reply: the client's timeout",
    () => push(room, annA, "say", { text: "no reply" }, NO_REPLY),
  );
  await it.step("broadcast to all", () => room.push("say", { text: "hi" }));
  await it.step(
    "broadcast to the others",
    () => push(bobA, `bob ${A}`, "say_others", { text: "hi others" }),
  );
  await it.step(
    "intercepted broadcast: not to bob",
    () => room.push("filtered", { not_to: "bob", text: "psst" }),
  );
  await it.step("broadcast from the endpoint", () => it.ask(`/say/${A}`));
  await it.step(
    "binary push and binary reply",
    () => push(room, annA, "echo", bytes(0, 1, 255, 65)),
  );
  await it.step(
    "binary broadcast",
    () => push(room, annA, "say_binary", bytes(9, 66)),
  );
  await it.step(
    "binary push that is empty",
    () => push(room, annA, "echo", bytes()),
  );
  await it.step(
    "crash, and the client's rejoin; its push gets no reply",
    () => push(room, annA, "crash", {}, NO_REPLY),
  );
  await it.step(
    "unknown event: a crash, and rejoin",
    () => push(room, annA, "no_such_event", {}, NO_REPLY),
  );
  await it.step(
    "the channel's process kills itself",
    () => push(room, annA, "kill", {}, NO_REPLY),
  );
  await it.step("stop: {:stop, :normal, {:ok, _}, socket}", async () => {
    push(bobA, `bob ${A}`, "stop", {});
    await it.seen("onClose {}");
    other = clients.channel(bob, "bob", "room:b");
    clients.watch(other.join(), "bob room:b", "join");
  });
  await it.step("stop: {:stop, :shutdown, socket}", async () => {
    push(other, "bob room:b", "stop_shutdown", {}, NO_REPLY);
    await it.seen("timeout");
    await it.seen("onClose {}");
    other.leave();
    other = clients.channel(bob, "bob", "room:c");
    clients.watch(other.join(), "bob room:c", "join");
  });
  await it.step("stop: {:stop, :other, socket}", async () => {
    push(other, "bob room:c", "stop_other", {}, NO_REPLY);
    await it.seen("timeout");
    await it.seen('join ok {"got":{},"room":"c","user":"bob"}');
    other.leave();
  });
  await it.step(
    "leave",
    () => clients.watch(ann2A.leave(), `ann(2) ${A}`, "leave"),
  );
  await it.step("join again after leave", () => {
    ann2A = clients.channel(ann2, "ann(2)", A);
    clients.watch(ann2A.join(), `ann(2) ${A}`, "join");
  });
  await it.step(
    "join of a topic that this socket has joined: the client leaves the old one",
    () =>
      clients.watch(
        clients.channel(ann2, "ann(2)", A).join(),
        `ann(2) ${A} twice`,
        "join",
      ),
  );
  await it.step(
    "the channels of a topic are killed from outside",
    () => it.ask(`/kill/${A}`),
    eitherFirst,
  );
  // The client would join again before it leaves.
  clients.rejoin = 600_000;
  for (
    const [title, topic] of [
      ["join refused", "room:secret"],
      ["join crashes", "room:joincrash"],
      ["no such topic", "lobby"],
    ]
  ) {
    await it.step(title, async () => {
      const channel = clients.channel(ann2, "ann(2)", topic);
      const refused = new Promise((resolve) => {
        const join = channel.join();
        clients.watch(join, `ann(2) ${topic}`, "join");
        join.receive("error", resolve);
      });
      await refused;
      channel.leave();
    });
  }
  await it.step("join without a reply's payload", () => {
    const plain = clients.channel(ann2, "ann(2)", "room:plain");
    clients.watch(plain.join(), "ann(2) room:plain", "join");
  });
  await it.step(
    "the server disconnects a user: the client reconnects and rejoins",
    async () => {
      await it.ask("/disconnect/bob");
      await it.seen('open, protocol=""');
      const again = clients.channel(bob, "bob", A);
      clients.watch(again.join(), `bob ${A}`, "join");
      await it.seen('join ok {"got":{},"room":"a","user":"bob"}');
      await it.ask("/disconnect/bob");
    },
  );
  await it.step(
    "the client disconnects: the others see it leave",
    () => ann2.disconnect(),
  );
  await it.step(
    "disconnect with a code and a reason",
    () => bob.disconnect(undefined, 4001, "bye"),
  );
  await it.step("authToken: subprotocols of the handshake", async () => {
    const options = { authToken: "dan's token" };
    dan = clients.connect("dan", {}, options, "/token");
    await it.seen('protocol="phoenix"');
    const channel = clients.channel(dan, "dan", "room:d");
    clients.watch(channel.join(), "dan room:d", "join");
    await it.seen('"leaves":{}}]');
    dan.disconnect();
  });
  const late = { reconnectAfterMs: () => 600_000 };
  for (
    const [title, who, params, options] of [
      ["authToken, where the endpoint has no auth_token: true", "dee", {}, {
        authToken: "dee's token",
      }],
      ["connect refused by connect/3: :error", "eve", { deny: "true" }, {}],
      ["connect refused by connect/3: {:error, reason}", "fay", {
        deny: "banned",
      }, {}],
      ["wrong vsn", "gus", {}, { vsn: "3.0.0" }],
    ] as const
  ) {
    await it.step(title, async () => {
      const socket = clients.connect(who, params, { ...options, ...late });
      await it.seen("code=1006");
      socket.disconnect();
    });
  }
  await it.step("the last client disconnects", () => ann.disconnect());
  it.end();
}

/** The clients leave timers behind. */
const OPTIONS = { sanitizeOps: false, sanitizeResources: false };

async function judge(program: Running): Promise<void> {
  const [, port] = await Promise.race([
    program.matches(/^port (\d+)$/m),
    program.ended.then((code) => {
      throw new Error(`it has ended with ${code}:\n${program.output}`);
    }),
  ]);
  const url = `ws://127.0.0.1:${port}`;
  await converse(url);
  for (const vsn of ["1.0.0", "2.0.0"]) await converseRealtime(url, vsn);
}

test(
  "phoenix, realtime-js and a server on Deno say what they said with Phoenix",
  OPTIONS,
  async () => {
    await using program = new Running(
      Deno.execPath(),
      ["run", "--quiet", "--no-check", "-A", "_judge_program.ts"],
      fileURLToPath(HERE),
    );
    await judge(program);
  },
);

test(
  "phoenix, realtime-js and servers on Node and Bun say what they said with Phoenix",
  {
    ...OPTIONS,
    programs: ["npm", "tar"],
    tags: ["pack"],
    ignore: !("workspace" in config),
    timeout: 300_000,
  },
  async () => {
    await using project = await Project.make(["node", "bun"], []);
    for (const name of ["_judge_channels.ts", "_judge_program.ts"]) {
      await project.write(name, await Deno.readTextFile(new URL(name, HERE)));
    }
    for (const host of ["node", "bun"] as const) {
      await using program = project.run(host, ["_judge_program.ts"]);
      await judge(program);
    }
  },
);
