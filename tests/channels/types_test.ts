/** The types of a definition, as its code, its callers and its clients see them. */

import { assertEquals } from "@std/assert";
import { Channel, Sockets } from "../../packages/channels/mod.ts";
import { test } from "../../packages/testing/tags.ts";

const Room = Channel.define("room:*", {
  join(socket, params: { after?: number }) {
    if (socket.user === undefined) return Channel.refuse({ reason: "who?" });
    return { last: params.after ?? 0 };
  },
  in: {
    async say(socket, { text }: { text: string }) {
      await socket.broadcast("said", { number: 1, text });
      // @ts-expect-error: the payload of "gap" is another
      socket.push("gap", { text });
      // @ts-expect-error: no such event
      void (() => socket.push("sad", {}));
      return { ok: true };
    },
  },
  out: Channel.events<{
    said: { number: number; text: string };
    gap: { first: number };
  }>(),
  intercept: { gap: (socket, { first }) => socket.push("gap", { first }) },
  info(_socket, _message) {},
  terminate(_socket, _reason) {},
});

test("a definition has the types of its params, replies and events", () => {
  type Types = typeof Room.types;
  const params: Types["params"] = { after: 1 };
  const out: Types["out"]["said"] = { number: 1, text: "" };
  const said: Parameters<Types["in"]["say"]>[1] = { text: "" };
  const reply: Awaited<ReturnType<Types["in"]["say"]>> = { ok: true };
  assertEquals([params.after, out.number, said.text, reply.ok], [
    1,
    1,
    "",
    true,
  ]);
  // @ts-expect-error: the payload is another
  void (() => Room.broadcast("room:a", "gap", { last: 1 }));
  const sockets = Sockets.handler({
    channels: [Room],
    connect: (params) => params.token === "1" ? { id: 1 } : Sockets.refuse(),
    origins: ["https://app.example"],
  });
  void (() => Deno.serve((request) => sockets(request)));
});
