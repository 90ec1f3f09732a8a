/** The conversation of `realtime_transcript.txt`, with clients of Supabase's Realtime in either version of the format. */

import { RealtimeClient } from "npm:@supabase/realtime-js@2.109.0";
import { Conversation, show, type ShowMessage } from "./_conversation.ts";

/** A message as both versions have it: without the reference of the join, which servers of 1.0.0 do not send. */
const showMessage: ShowMessage = (data, number) => {
  const of = (ref: string | null, ...rest: unknown[]) =>
    show([number(ref), ...rest]);
  if (typeof data === "string") {
    const read = JSON.parse(data);
    if (!Array.isArray(read)) {
      return of(read.ref, read.topic, read.event, read.payload);
    }
    return of(read[1], ...read.slice(2));
  }
  // A broadcast of a client of version 2.0.0, with a payload in JSON.
  const bytes = new Uint8Array(data as ArrayBuffer);
  let at = 7;
  const [, ref, topic, event] = Array.from(
    bytes.subarray(1, 6),
    (length) => new TextDecoder().decode(bytes.subarray(at, at += length)),
  );
  const payload = JSON.parse(new TextDecoder().decode(bytes.subarray(at)));
  const type = "broadcast";
  return of(ref, topic, type, { event, payload, type });
};

/** Has the conversation of the recording with a server, by one version. */
export async function converseRealtime(
  url: string,
  vsn: string,
): Promise<void> {
  const it = await Conversation.begin(
    url,
    "realtime_transcript.txt",
    showMessage,
  );
  const connect = (who: string) => {
    const client = new RealtimeClient(`${url}/socket`, {
      ...{ params: { apikey: "key", user: who }, vsn },
      transport: it.transport(who) as typeof WebSocket,
      heartbeatIntervalMs: 600_000,
      reconnectAfterMs: () => 1,
    });
    client.connect();
    return client;
  };
  const enter = (
    client: RealtimeClient,
    who: string,
    topic: string,
    config: object,
  ) => {
    const me = `${who} ${topic}`;
    // deno-lint-ignore no-explicit-any
    const channel = client.channel(topic, { config } as any);
    const state = () =>
      Object.fromEntries(
        Object.entries(channel.presenceState()).map(([key, entries]) => [
          key,
          entries.map(({ presence_ref: _, ...meta }) => meta),
        ]),
      );
    channel
      .on(
        "broadcast",
        { event: "*" },
        (message) => it.line(`${me}: broadcast ${show(message)}`),
      )
      .on(
        "presence",
        { event: "sync" },
        () => it.line(`${me}: sync ${show(state())}`),
      )
      .on(
        "presence",
        { event: "join" },
        ({ key }) => it.line(`${me}: presence join ${key}`),
      )
      .on(
        "presence",
        { event: "leave" },
        ({ key }) => it.line(`${me}: presence leave ${key}`),
      );
    channel.subscribe((status, error) =>
      it.line(
        `${me}: ${status} ${
          error === undefined ? "" : `${error.name}: ${error.message}`
        }`.trimEnd(),
      )
    );
    return channel;
  };
  const cursor = (x: number) => ({
    ...{ type: "broadcast" as const, event: "cursor" },
    payload: { x },
  });

  const ann = connect("ann");
  const room = enter(ann, "ann", "lobby", {
    broadcast: { self: true, ack: true },
    presence: { key: "ann" },
  });
  let bob!: RealtimeClient;
  let bobs!: typeof room;
  await it.step("subscribe", async () => {
    await it.seen("ann lobby: sync {}");
    bob = connect("bob");
    bobs = enter(bob, "bob", "lobby", { presence: { key: "bob" } });
  });
  await it.step("track", async () => {
    it.line(`ann: track ${await room.track({ at: "door" })}`);
    it.line(`bob: track ${await bobs.track({ at: "bar" })}`);
  });
  await it.step(
    "track again: an update",
    async () => it.line(`ann: track ${await room.track({ at: "table" })}`),
  );
  await it.step(
    "broadcast with ack and self",
    async () => it.line(`ann: send ${await room.send(cursor(1))}`),
  );
  await it.step(
    "broadcast without",
    async () => it.line(`bob: send ${await bobs.send(cursor(2))}`),
  );
  await it.step(
    "untrack",
    async () => it.line(`bob: untrack ${await bobs.untrack()}`),
  );
  await it.step(
    "unsubscribe",
    async () => it.line(`bob: unsubscribe ${await bobs.unsubscribe()}`),
  );
  await it.step("refused", () => void enter(bob, "bob", "secret", {}));
  // The client tries again, each time after a pause.
  it.ignores = /secret/;
  await it.step(
    "the server disconnects: the client subscribes again",
    () => it.ask("/disconnect/ann"),
  );
  // The client closes the socket when the reply has arrived; the message that the channel is closed may come before.
  it.ignores = /secret|phx_close/;
  await it.step("removeAllChannels, disconnect", async () => {
    it.line(`ann: ${show(await ann.removeAllChannels())}`);
    it.line(`bob: ${show(await bob.removeAllChannels())}`);
    ann.disconnect();
    bob.disconnect();
  });
  it.end();
}
