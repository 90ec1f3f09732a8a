/**
 * The messages between the npm package `phoenix`, unmodified, and a server here, on each host. They are compared with
 * `phoenix_transcript.txt`, which was recorded with Phoenix 1.8 in the same steps. Each `>` is a message of a client, each `<` one of
 * the server; references are numbered by client in the order of their first use.
 */

import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { type Channel, type Push, Socket } from "npm:phoenix@1.8.16";
import config from "../../deno.json" with { type: "json" };
import { test } from "../../packages/testing/tags.ts";
import { Project, Running } from "../_packed.ts";

const HERE = new URL("./", import.meta.url);
/** The time limit for what a step is to show, in milliseconds. */
const PATIENCE = 20_000;
/** How long the client waits for a reply that never comes, in milliseconds. */
const NO_REPLY = 100;

/** The lines of the recording, by step. */
function recorded(text: string): Map<string, string[]> {
  const steps = new Map<string, string[]>();
  for (const part of text.split(/^## /m).slice(1)) {
    const [title, ...lines] = part.split("\n").filter((line) => line !== "");
    steps.set(title, lines);
  }
  return steps;
}

/** JSON with sorted keys, as maps of Erlang have no order. */
function show(value: unknown): string {
  if (value instanceof ArrayBuffer) {
    const shown = [...new Uint8Array(value)].map((byte) =>
      byte >= 32 && byte < 127
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, "0")}`
    );
    return `<<${shown.join("")}>>`;
  }
  return JSON.stringify(
    value,
    (_, each) =>
      each === null || typeof each !== "object" || Array.isArray(each)
        ? each
        : Object.fromEntries(
          Object.entries(each).sort(([a], [b]) => a < b ? -1 : 1),
        ),
  );
}

/** The client's side of a conversation. */
class Conversation {
  readonly #url: string;
  readonly #steps: Map<string, string[]>;
  readonly #refs = new Map<string, Map<string, string>>();
  #lines: string[] = [];
  #wake: () => void = () => {};
  /** After how many milliseconds a client joins again. */
  rejoin = 1;

  constructor(url: string, steps: Map<string, string[]>) {
    this.#url = url;
    this.#steps = steps;
  }

  line(text: string): void {
    this.#lines.push(text);
    this.#wake();
  }

  /** Does a step, and compares all that is seen until its last line with the recording. */
  async step(title: string, run: () => unknown): Promise<void> {
    const expected = this.#steps.get(title);
    if (expected === undefined) throw new Error(`no such step: ${title}`);
    await run();
    await this.#until(() => this.#lines.length >= expected.length);
    // Lines of one client have no order where the server's processes have none.
    assertEquals(this.#lines.toSorted(), expected.toSorted(), title);
    this.#steps.delete(title);
    this.#lines = [];
  }

  /** Resolves when a step has shown a line that ends so. */
  async seen(end: string): Promise<void> {
    const isSeen = () => this.#lines.some((line) => line.endsWith(end));
    await this.#until(isSeen);
    if (!isSeen()) throw new Error(`${end} is not among ${this.#lines}`);
  }

  async #until(isDone: () => boolean): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, PATIENCE);
    let isLate = false;
    late.promise.then(() => isLate = true);
    while (!isDone() && !isLate) {
      const woken = new Promise<void>((resolve) => this.#wake = resolve);
      await Promise.race([woken, late.promise]);
    }
    clearTimeout(timer);
  }

  /** The steps that were not done. */
  get left(): string[] {
    return [...this.#steps.keys()];
  }

  async ask(path: string): Promise<void> {
    const response = await fetch(this.#url.replace("ws", "http") + path);
    await response.body?.cancel();
  }

  connect(who: string, params = {}, options = {}, path = "/socket"): Socket {
    const socket = new Socket(this.#url + path, {
      params: { user: who.replace(/\(.*/, ""), ...params },
      transport: this.#transport(who),
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
      this.line(`${me}: onError ${show(reason ?? null)}`)
    );
    channel.onClose((reason: unknown) =>
      this.line(`${me}: onClose ${show(reason ?? null)}`)
    );
    for (const event of ["said", "said_binary", "filtered", "news"]) {
      channel.on(
        event,
        (payload: unknown) => this.line(`${me}: on ${event} ${show(payload)}`),
      );
    }
    return channel;
  }

  watch(push: Push, me: string, what: string): void {
    push
      .receive("ok", (r: unknown) => this.line(`${me}: ${what} ok ${show(r)}`))
      .receive(
        "error",
        (r: unknown) => this.line(`${me}: ${what} error ${show(r)}`),
      )
      .receive("timeout", () => this.line(`${me}: ${what} timeout`));
  }

  #transport(who: string): new (url: string) => WebSocket {
    const note = (sign: string, data: unknown) =>
      this.line(`${who} ${sign} ${this.#shown(who, data)}`);
    const line = (text: string) => this.line(`${who}: ${text}`);
    return class extends WebSocket {
      #isClosing = false;
      constructor(url: string, protocols?: string[]) {
        super(url, protocols);
        this.addEventListener(
          "open",
          () => line(`open, protocol=${JSON.stringify(this.protocol)}`),
        );
        this.addEventListener("message", ({ data }) => note("<", data));
        // Hosts of servers choose the code that answers a close, and hosts of clients the one of a failure.
        this.addEventListener("close", ({ code, wasClean }) =>
          line(
            this.#isClosing
              ? "closed"
              : `closed, code=${wasClean ? code : 1006}`,
          ));
      }
      override close(code?: number, reason?: string): void {
        this.#isClosing = true;
        super.close(code, reason);
      }
      override send(data: string | ArrayBuffer): void {
        note(">", data);
        super.send(data);
      }
    };
  }

  /** A message with numbered references. */
  #shown(who: string, data: unknown): string {
    if (typeof data === "string") {
      const [joinRef, ref, ...rest] = JSON.parse(data);
      return show([this.#ref(who, joinRef), this.#ref(who, ref), ...rest]);
    }
    const bytes = new Uint8Array(data as ArrayBuffer);
    const count = bytes[0] === 2 ? 2 : 4;
    let at = 1 + count;
    const texts = Array.from(
      bytes.subarray(1, at),
      (length) => new TextDecoder().decode(bytes.subarray(at, at += length)),
    );
    if (count === 4) {
      for (const i of [0, 1]) texts[i] = this.#ref(who, texts[i])!;
    }
    return `bytes ${show([bytes[0], ...texts, [...bytes.subarray(at)]])}`;
  }

  #ref(who: string, ref: string | null): string | null {
    if (ref === null) return ref;
    let refs = this.#refs.get(who);
    if (refs === undefined) this.#refs.set(who, refs = new Map());
    if (!refs.has(ref)) refs.set(ref, String(refs.size + 1));
    return refs.get(ref)!;
  }
}

/** Has the conversation of the recording with a server. */
async function converse(url: string): Promise<void> {
  const text = await Deno.readTextFile(new URL("phoenix_transcript.txt", HERE));
  const it = new Conversation(url, recorded(text));
  const A = "room:a";
  const annA = `ann ${A}`;
  let ann!: Socket, ann2!: Socket, bob!: Socket, dan!: Socket;
  let room!: Channel, bobA!: Channel, ann2A!: Channel, other!: Channel;

  /** Connects, and joins. */
  const enter = async (who: string, socket: Socket, topic: string) => {
    await it.seen('protocol=""');
    const channel = it.channel(socket, who, topic);
    it.watch(channel.join(), `${who} ${topic}`, "join");
    return channel;
  };
  const push = (
    channel: Channel,
    me: string,
    event: string,
    payload: object,
    timeout?: number,
  ) => it.watch(channel.push(event, payload, timeout), me, event);
  const bytes = (...list: number[]) => Uint8Array.from(list).buffer;

  await it.step("connect", () => ann = it.connect("ann"));
  await it.step("join", () => {
    room = it.channel(ann, "ann", A, { colour: "red" });
    it.watch(room.join(), annA, "join");
  });
  await it.step(
    "another client joins: presence_state, presence_diff",
    async () => bobA = await enter("bob", bob = it.connect("bob"), A),
  );
  await it.step(
    "the same user from a second socket: two metas",
    async () => ann2A = await enter("ann(2)", ann2 = it.connect("ann(2)"), A),
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
    other = it.channel(bob, "bob", "room:b");
    it.watch(other.join(), "bob room:b", "join");
  });
  await it.step("stop: {:stop, :shutdown, socket}", async () => {
    push(other, "bob room:b", "stop_shutdown", {}, NO_REPLY);
    await it.seen("timeout");
    await it.seen("onClose {}");
    other.leave();
    other = it.channel(bob, "bob", "room:c");
    it.watch(other.join(), "bob room:c", "join");
  });
  await it.step("stop: {:stop, :other, socket}", async () => {
    push(other, "bob room:c", "stop_other", {}, NO_REPLY);
    await it.seen("timeout");
    await it.seen('join ok {"got":{},"room":"c","user":"bob"}');
    other.leave();
  });
  await it.step(
    "leave",
    () => it.watch(ann2A.leave(), `ann(2) ${A}`, "leave"),
  );
  await it.step("join again after leave", () => {
    ann2A = it.channel(ann2, "ann(2)", A);
    it.watch(ann2A.join(), `ann(2) ${A}`, "join");
  });
  await it.step(
    "join of a topic that this socket has joined: the client leaves the old one",
    () =>
      it.watch(
        it.channel(ann2, "ann(2)", A).join(),
        `ann(2) ${A} twice`,
        "join",
      ),
  );
  await it.step(
    "the channels of a topic are killed from outside",
    () => it.ask(`/kill/${A}`),
  );
  // The client would join again before it leaves.
  it.rejoin = 600_000;
  for (
    const [title, topic] of [
      ["join refused", "room:secret"],
      ["join crashes", "room:joincrash"],
      ["no such topic", "lobby"],
    ]
  ) {
    await it.step(title, async () => {
      const channel = it.channel(ann2, "ann(2)", topic);
      const refused = new Promise((resolve) => {
        const join = channel.join();
        it.watch(join, `ann(2) ${topic}`, "join");
        join.receive("error", resolve);
      });
      await refused;
      channel.leave();
    });
  }
  await it.step("join without a reply's payload", () => {
    const plain = it.channel(ann2, "ann(2)", "room:plain");
    it.watch(plain.join(), "ann(2) room:plain", "join");
  });
  await it.step(
    "the server disconnects a user: the client reconnects and rejoins",
    async () => {
      await it.ask("/disconnect/bob");
      await it.seen('open, protocol=""');
      const again = it.channel(bob, "bob", A);
      it.watch(again.join(), `bob ${A}`, "join");
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
    dan = it.connect("dan", {}, options, "/token");
    await it.seen('protocol="phoenix"');
    const channel = it.channel(dan, "dan", "room:d");
    it.watch(channel.join(), "dan room:d", "join");
    await it.seen(`"user":"dan's token"}`);
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
      const socket = it.connect(who, params, { ...options, ...late });
      await it.seen("code=1006");
      socket.disconnect();
    });
  }
  await it.step("the last client disconnects", () => ann.disconnect());
  assertEquals(it.left, []);
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
  await converse(`ws://127.0.0.1:${port}`);
}

test(
  "phoenix and a server on Deno say what they said with Phoenix",
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
  "phoenix and servers on Node and Bun say what they said with Phoenix",
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
