/** Clients of Supabase's Realtime: the npm package, unmodified. */

import { assertEquals } from "@std/assert";
import { RealtimeClient } from "npm:@supabase/realtime-js@2.109.0";
import { Channel, Realtime, Sockets } from "../../packages/channels/mod.ts";
import { test } from "../../packages/testing/tags.ts";

/** A client with its events, and the states of its subscriptions. */
class Client implements AsyncDisposable {
  readonly #client: RealtimeClient;
  readonly #got: unknown[] = [];
  #wake: () => void = () => {};

  constructor(url: string, vsn: string) {
    this.#client = new RealtimeClient(`${url}/socket`, {
      ...{ params: { apikey: "key" }, vsn, heartbeatIntervalMs: 600_000 },
      accessToken: () => Promise.resolve("secret"),
    });
    this.#client.connect();
  }

  // deno-lint-ignore no-explicit-any
  channel(topic: string, config: any) {
    // deno-lint-ignore no-explicit-any
    const channel: any = this.#client.channel(topic, { config });
    channel.on(
      "broadcast",
      { event: "*" },
      (message: unknown) => this.#add(message),
    );
    for (const event of ["join", "leave"]) {
      channel.on(
        "presence",
        { event },
        ({ key }: { key: string }) => this.#add([event, key]),
      );
    }
    return channel;
  }

  /** Subscribes; resolves with the state, and the text of the error. */
  // deno-lint-ignore no-explicit-any
  async subscribe(topic: string, config: any): Promise<any> {
    await this.#client.setAuth();
    const channel = this.channel(topic, config);
    const state = await new Promise((resolve) =>
      channel.subscribe((status: string, error?: Error) =>
        resolve(error === undefined ? status : `${status} ${error.message}`)
      )
    );
    return { channel, state };
  }

  #add(message: unknown): void {
    this.#got.push(message);
    this.#wake();
  }

  /** Returns the next broadcast, or change of presence. */
  async next(): Promise<unknown> {
    while (this.#got.length === 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#got.shift();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.removeAllChannels();
    await this.#client.disconnect();
  }
}

/** The client leaves its timers behind. */
const OPTIONS = { sanitizeOps: false, sanitizeResources: false };

for (const vsn of ["1.0.0", "2.0.0"]) {
  test(
    `broadcast, ack, self, private, replay and presence, by version ${vsn}`,
    OPTIONS,
    async () => {
      const old = { event: "cursor", payload: { x: 0 }, id: "7" };
      const sockets = Sockets.handler({
        channels: [Realtime.channel({
          join: (_socket, { private: isPrivate, token }) =>
            isPrivate && token !== "secret"
              ? Channel.refuse({ reason: "unauthorized" })
              : undefined,
          replay: (_socket, { since, limit }) =>
            since === 5 && limit === 2 ? [old, old, old] : [],
        })],
      });
      await using server = Deno.serve(
        { port: 0, hostname: "127.0.0.1", onListen() {} },
        (request) => sockets(request),
      );
      const url = `ws://127.0.0.1:${server.addr.port}`;
      await using ann = new Client(url, vsn);
      await using bob = new Client(url, vsn);
      const one = await ann.subscribe("lobby", {
        broadcast: { ack: true, self: true, replay: { since: 5, limit: 2 } },
        private: true,
        presence: { key: "ann" },
      });
      const two = await bob.subscribe("lobby", {});
      assertEquals([one.state, two.state], ["SUBSCRIBED", "SUBSCRIBED"]);
      const meta = { replayed: true, id: "7" };
      const replayed = {
        type: "broadcast",
        event: "cursor",
        payload: { x: 0 },
        meta,
      };
      assertEquals([await ann.next(), await ann.next()], [replayed, replayed]);

      const message = { type: "broadcast", event: "cursor", payload: { x: 1 } };
      assertEquals(await one.channel.send(message), "ok");
      assertEquals([await ann.next(), await bob.next()], [message, message]);
      await two.channel.send(message); // not to bob
      assertEquals(await ann.next(), message);
      if (vsn === "2.0.0") {
        const payload = Uint8Array.of(1, 2, 255).buffer;
        await one.channel.send({ ...message, payload });
        for (const client of [ann, bob]) {
          assertEquals(await client.next(), { ...message, payload });
        }
      }
      for (const at of ["door", "table"]) {
        assertEquals(await one.channel.track({ at }), "ok");
      }
      assertEquals(await one.channel.untrack(), "ok");
      for (const client of [ann, bob]) {
        const changes = [];
        for (let i = 0; i < 4; i++) changes.push(await client.next());
        const [join, leave] = [["join", "ann"], ["leave", "ann"]];
        assertEquals(changes, [join, join, leave, leave]);
      }

      const other = bob.channel("tables", {});
      other.on(
        "postgres_changes",
        { event: "*", schema: "public" },
        () => {},
      );
      const refused = await new Promise((resolve) =>
        other.subscribe((_status: string, error?: Error) =>
          resolve(error?.message)
        )
      );
      assertEquals(refused, "postgres_changes are not served");
    },
  );
}
