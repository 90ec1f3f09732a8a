/** The client's types of a channel, over the npm package of Phoenix, and how it catches up. */

import { assertEquals, assertRejects } from "@std/assert";
import { Socket } from "npm:phoenix@1.8.16";
import { ChannelError, ClientChannel } from "@otp/distribution/channels/client";
import { Channel, Sockets } from "@otp/distribution/channels";
import { test } from "../../packages/testing/tags.ts";

const LINES = ["a", "b"];

const Room = Channel.define("room:*", {
  join(socket, params: { after?: number }) {
    if (socket.rest === "secret") return Channel.refuse({ reason: "no" });
    const { after = 0 } = params;
    // From one line earlier than asked for: the client drops it.
    const first = Math.max(0, after - 1);
    LINES.slice(first).forEach((text, i) =>
      socket.push("said", { number: first + i + 1, text })
    );
    return { after };
  },
  in: {
    say(socket, { text }: { text: string }) {
      if (text === "") return Channel.refuse({ reason: "no text" });
      socket.broadcast("said", { number: LINES.push(text), text });
      return { ok: true };
    },
    nothing() {},
  },
  out: Channel.events<{ said: { number: number; text: string } }>(),
});

/** The client leaves timers behind. */
const OPTIONS = { sanitizeOps: false, sanitizeResources: false };

test(
  "a client has the types of a channel, and misses no number",
  OPTIONS,
  async () => {
    const sockets = Sockets.handler({ channels: [Room], id: () => "ann" });
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      (request) => sockets(request),
    );
    const socket = new Socket(`ws://127.0.0.1:${server.addr.port}/socket`, {
      reconnectAfterMs: () => 1,
      heartbeatIntervalMs: 600_000,
    });
    socket.connect();
    const room = new ClientChannel<typeof Room>(
      socket,
      "room:a",
      {},
      { numbered: "said" },
    );
    const said: string[] = [];
    let wake = () => {};
    room.on("said", ({ number, text }) => {
      said.push(`${number} ${text}`);
      wake();
    });
    const until = async (count: number) => {
      while (said.length < count) {
        await new Promise<void>((resolve) => wake = resolve);
      }
    };
    const joined = await room.join();
    const after: number = joined.after;
    assertEquals(after, 0);
    const reply = await room.push("say", { text: "c" });
    const isOk: boolean = reply.ok;
    assertEquals([isOk, await room.push("nothing", {})], [true, {}]);
    await until(3);
    Sockets.disconnect("ann");
    LINES.push("d");
    await until(4);
    assertEquals([said, room.last], [["1 a", "2 b", "3 c", "4 d"], 4]);

    const refused = await assertRejects(
      () => room.push("say", { text: "" }),
      ChannelError,
    );
    assertEquals(refused.response, { reason: "no text" });
    const secret = new ClientChannel<typeof Room>(socket, "room:secret", {});
    await assertRejects(() => secret.join(), ChannelError, "join room:secret");
    await secret.leave();

    void (() => {
      // @ts-expect-error: no such event
      room.push("shout", { text: "" });
      // @ts-expect-error: another payload
      room.push("say", { words: "" });
      // @ts-expect-error: the channel sends no such event
      room.on("sad", () => {});
      // @ts-expect-error: another parameter
      new ClientChannel<typeof Room>(socket, "room:a", { after: "1" });
      // @ts-expect-error: no such event
      new ClientChannel<typeof Room>(socket, "room:a", {}, { numbered: "sad" });
    });
    await room.leave();
    await new Promise<void>((resolve) => socket.disconnect(resolve));
  },
);
