/**
 * A channel for the clients of Supabase's Realtime, such as the npm package `@supabase/realtime-js`.
 *
 * Their clients speak Phoenix's protocol, with one channel for all topics, `realtime:*`, and three events: `broadcast`,
 * `presence` and `access_token`. Changes of tables in PostgreSQL are not served.
 */

import { randomUUID } from "node:crypto";
import { checkOptions, FUNCTION } from "@otp/processes/values/check_arguments";
import type { OptionChecks } from "@otp/processes/values/options";
import { exit } from "@otp/processes/process";
import {
  Channel,
  type ChannelHandlers,
  ChannelRefusal,
  type ChannelType,
} from "./channel.ts";
import { Presence } from "./presence.ts";
import { userBroadcast } from "./client_format.ts";
import type { ChannelEvents, ChannelSocket } from "./channel_socket.ts";

/** An event of a client of Supabase, as `send` of its channel gives it. */
export interface RealtimeEvent {
  /** The name of the event. */
  event: string;
  /** The payload: an object, or bytes. */
  payload: unknown;
  /** The place in the log, for a replayed event. */
  id?: string;
}

/** A client that joins, or that has a new token. */
export interface RealtimeJoin {
  /** Whether the client asks for a private channel, which only some users may join. */
  private: boolean;
  /** The token of the client, if any: its `accessToken`. */
  token: string | undefined;
}

/** The events that a client which was away asks for. */
export interface RealtimeReplay {
  /** The time from which on events are wanted, in milliseconds since 1970. */
  since: number;
  /** The number of events wanted, the last ones. */
  limit: number;
}

/** Options for {@linkcode Realtime.channel}. */
export interface RealtimeOptions {
  /**
   * Decides whether a client may join, and again at each new token: a {@linkcode Channel.refuse} refuses the client, or
   * closes its channel. By default, all may join public channels, and nobody a private one.
   *
   * @default {undefined}
   */
  join?: (socket: ChannelSocket, client: RealtimeJoin) => unknown;
  /**
   * Returns past events of a topic, oldest first, for a client whose configuration has `replay`: read them from a log.
   *
   * @default {a function without events}
   */
  replay?: (
    socket: ChannelSocket,
    replay: RealtimeReplay,
  ) => readonly RealtimeEvent[] | Promise<readonly RealtimeEvent[]>;
}

const OPTIONS: OptionChecks<RealtimeOptions> = {
  join: FUNCTION,
  replay: FUNCTION,
};

/** The most events of a replay. */
const MAX_REPLAY = 1000;

/** The parts of the service that a client asks for when it joins. */
interface Config {
  broadcast?: {
    ack?: unknown;
    self?: unknown;
    replay?: { since?: unknown; limit?: unknown };
  };
  presence?: { key?: unknown; enabled?: unknown };
  private?: unknown;
  postgres_changes?: unknown;
}

/** Channels for the clients of Supabase's Realtime. */
export class Realtime {
  private constructor() {}

  /**
   * Returns the channel of all topics of such clients, `realtime:*`, for {@linkcode Sockets.handler}.
   *
   * A broadcast of a client reaches the others on its topic, and itself if it has asked for `self`; with `ack`, it is
   * acknowledged. A client that asks for changes of tables is refused.
   *
   * @throws {TypeError} If an option is unknown or no function.
   *
   * @example Serve
   * ```ts
   * import { Channel, Realtime, Sockets } from "@otp/distribution/channels";
   *
   * const channel = Realtime.channel({
   *   join(_socket, { private: isPrivate, token }) {
   *     if (isPrivate && token !== "secret") return Channel.refuse({ reason: "unauthorized" });
   *   },
   * });
   * Sockets.handler({ channels: [channel], path: "/realtime/v1" });
   * ```
   */
  static channel(
    options: RealtimeOptions = {},
    // deno-lint-ignore no-explicit-any
  ): ChannelType<any, any, ChannelHandlers<ChannelEvents>, ChannelEvents> {
    checkOptions(options, "serve clients of Supabase", OPTIONS, "{ join }");
    const mayJoin = async (socket: ChannelSocket, token: unknown) => {
      const client = {
        private: socket.assigns.private as boolean,
        token: typeof token === "string" ? token : undefined,
      };
      if (options.join !== undefined) return await options.join(socket, client);
      if (client.private) return Channel.refuse({ reason: "unauthorized" });
    };
    return Channel.define("realtime:*", {
      async join(socket, params: { config?: Config; access_token?: unknown }) {
        const { broadcast = {}, ...config } = params?.config ?? {};
        const changes = config.postgres_changes;
        if (Array.isArray(changes) && changes.length > 0) {
          return Channel.refuse({ reason: "postgres_changes are not served" });
        }
        Object.assign(socket.assigns, {
          ack: broadcast.ack === true,
          self: broadcast.self === true,
          private: config.private === true,
          key: String(config.presence?.key || randomUUID()),
        });
        const result = await mayJoin(socket, params?.access_token);
        if (result instanceof ChannelRefusal) return result;
        if (broadcast.replay) await replay(socket, broadcast.replay, options);
        if (config.presence?.enabled !== false) Presence.show(socket);
        return { postgres_changes: [] };
      },
      in: {
        broadcast(socket, sent: RealtimeEvent) {
          const { event, payload } = sent;
          const { self, ack } = socket.assigns;
          const message = payload instanceof Uint8Array
            ? userBroadcast(socket.topic, event, payload)
            : sent;
          if (self) socket.broadcast("broadcast", message);
          else socket.broadcastFrom("broadcast", message);
          return ack ? {} : Channel.noReply;
        },
        presence(socket, { event, payload }: RealtimeEvent) {
          const { key } = socket.assigns;
          if (event === "track") {
            return Presence.track(socket, key, payload ?? {});
          }
          if (event === "untrack") Presence.untrack(socket, key);
          else return Channel.refuse({ reason: "unknown event" });
        },
        async access_token(socket, { access_token }) {
          const result = await mayJoin(socket, access_token);
          if (result instanceof ChannelRefusal) exit("shutdown");
          return Channel.noReply;
        },
      },
    });
  }
}

/** Sends the past events that a client asks for. */
async function replay(
  socket: ChannelSocket,
  { since, limit }: { since?: unknown; limit?: unknown },
  options: RealtimeOptions,
): Promise<void> {
  const asked = {
    since: Number(since) || 0,
    limit: Math.min(Math.max(1, Number(limit) || MAX_REPLAY), MAX_REPLAY),
  };
  const events = await options.replay?.(socket, asked) ?? [];
  for (const { event, payload, id } of events.slice(-asked.limit)) {
    const meta = { replayed: true, id };
    socket.push("broadcast", { type: "broadcast", event, payload, meta });
  }
}
