/** Channels: what a node does for the clients that have joined a topic. */

import { inspect } from "@otp/processes/values/inspect";
import {
  checkFunction,
  checkString,
} from "@otp/processes/values/check_arguments";
import { refuseUnknown } from "@otp/processes/values/options";
import type { ChannelEvents, ChannelSocket } from "./channel_socket.ts";
import { PubSub } from "./pubsub.ts";

/** The types of the events that a channel sends; see {@linkcode Channel.events}. */
export interface EventTypes<Out extends ChannelEvents> {
  /** Exists for the compiler only. */
  readonly types?: Out;
}

/** A refusal of a join, or of a message; see {@linkcode Channel.refuse}. */
export class ChannelRefusal<R = unknown> {
  /** The response of the `error` that the client gets. */
  readonly response: R;

  /** Programs call {@linkcode Channel.refuse}. */
  constructor(response: R) {
    this.response = response;
  }
}

/** The type of {@linkcode Channel.noReply}. */
export interface NoReply {
  /** Exists for the compiler only. */
  readonly isNoReply: true;
}

/** A function that replies to a message of a client, once: with a response, or with a {@linkcode Channel.refuse}. */
export type ChannelReply = (response?: unknown) => void;

/** The handlers of the events that clients send, by name. */
export type ChannelHandlers<Out extends ChannelEvents> = Record<
  string,
  // deno-lint-ignore no-explicit-any
  (socket: ChannelSocket<Out>, payload: any, reply: ChannelReply) => unknown
>;

/** A channel's code. All of it runs in the process of one client's channel, one call at a time. */
export interface ChannelDefinition<
  Params,
  Joined,
  In extends ChannelHandlers<Out>,
  Out extends ChannelEvents,
> {
  /**
   * Decides whether a client may join a topic. The result is the response to the client; with a
   * {@linkcode Channel.refuse}, the client does not join. An error exits the channel: the client gets
   * `{ reason: "join crashed" }`, and tries again.
   */
  join(socket: ChannelSocket<Out>, params: Params): Joined | Promise<Joined>;
  /**
   * Handles the events of the client. The result is the reply: `{}` for `undefined`, an error for a
   * {@linkcode Channel.refuse}, none for {@linkcode Channel.noReply}. An error exits the channel, and so does an event
   * without a handler: the client joins again.
   *
   * @default {no events}
   */
  in?: In;
  /**
   * The types of the events that the channel sends.
   *
   * @default {any events}
   */
  out?: EventTypes<Out>;
  /**
   * Handles broadcasts of these events instead of sending them to the client, for example to `push` them to some.
   *
   * @default {none}
   */
  intercept?: {
    [Event in keyof Out]?: (
      socket: ChannelSocket<Out>,
      payload: Out[Event],
    ) => unknown;
  };
  /**
   * Handles any other message to the process. Without it, such messages are dropped.
   *
   * @default {undefined}
   */
  // deno-lint-ignore no-explicit-any
  info?(socket: ChannelSocket<Out>, message: any): unknown;
  /**
   * Cleans up before the channel ends, unless it is killed: the client has left, is gone, or the channel exits. The
   * channel is killed after five seconds.
   *
   * @default {undefined}
   */
  terminate?(socket: ChannelSocket<Out>, reason: unknown): unknown;
}

/** A channel of any types. */
// deno-lint-ignore no-explicit-any
export type AnyDefinition = ChannelDefinition<any, any, any, any>;

const PARTS: Record<keyof AnyDefinition, true> = {
  join: true,
  in: true,
  out: true,
  intercept: true,
  info: true,
  terminate: true,
};

/** A defined channel, for `channels` of {@linkcode Sockets.handler}. Its types describe the channel to its clients. */
export class ChannelType<
  Params = unknown,
  Joined = unknown,
  // deno-lint-ignore no-explicit-any
  In extends ChannelHandlers<any> = ChannelHandlers<any>,
  Out extends ChannelEvents = ChannelEvents,
> {
  /** The topic, or all topics that begin with the text before the `*`. */
  readonly topic: string;
  /** Exists for the compiler only. */
  declare readonly types: { params: Params; joined: Joined; in: In; out: Out };
  readonly #definition: AnyDefinition;

  /** Programs call {@linkcode Channel.define}. */
  constructor(topic: string, definition: AnyDefinition) {
    this.topic = topic;
    this.#definition = definition;
  }

  /**
   * Broadcasts an event of this channel on a topic, as {@linkcode PubSub.broadcast} does.
   *
   * @throws {TypeError} If the topic is not one of this channel's, or the payload is neither an object nor bytes.
   *
   * @example Usage
   * ```ts
   * import { Channel } from "@otp/distribution/channels";
   *
   * const Room = Channel.define("room:*", {
   *   join() {},
   *   out: Channel.events<{ said: { text: string } }>(),
   * });
   * Room.broadcast("room:r1", "said", { text: "hi" });
   * ```
   */
  broadcast<Event extends keyof Out & string>(
    topic: string,
    event: Event,
    payload: Out[Event],
  ): Promise<void> | undefined {
    if (restOf(this, topic) !== undefined) {
      return PubSub.broadcast(topic, event, payload);
    }
    throw new TypeError(
      `Cannot broadcast on ${inspect(topic)}: the channel has the topic ${
        inspect(this.topic)
      }; call PubSub.broadcast for others`,
    );
  }

  /** @ignore */
  static definitionOf(type: ChannelType): AnyDefinition {
    return type.#definition;
  }
}

/** A channel of any types, as `channels` of {@linkcode Sockets.handler} takes it. */
// deno-lint-ignore no-explicit-any
export type AnyChannel = ChannelType<any, any, any, any>;

/** Returns the rest of a topic after the text of a channel, if the topic is one of the channel's. */
export function restOf(type: AnyChannel, topic: string): string | undefined {
  const text = type.topic;
  if (!text.endsWith("*")) return topic === text ? "" : undefined;
  const start = text.slice(0, -1);
  return topic.startsWith(start) ? topic.slice(start.length) : undefined;
}

/**
 * Channels: what a node does for the clients that have joined a topic.
 *
 * Each client that joins gets a process, which runs the functions of the definition for this client alone. So a channel
 * can link, monitor, subscribe and receive messages as any process; an error in it ends no other channel, and the client
 * joins again. Clients use the npm package `phoenix`, or any other client of Phoenix's channels.
 */
export class Channel {
  private constructor() {}

  /** The result of a handler that replies later, by its third argument, or never. */
  static readonly noReply: NoReply = Object.freeze({ isNoReply: true });

  /**
   * Defines a channel.
   *
   * @param topic The topic; `"room:*"` is all topics that begin with `room:`. The first channel of a handler that has
   *   a topic gets its clients.
   * @throws {TypeError} If the topic or the definition is invalid.
   *
   * @example A room
   * ```ts
   * import { Channel } from "@otp/distribution/channels";
   * import { assertEquals } from "@std/assert";
   *
   * const Room = Channel.define("room:*", {
   *   join(socket, params: { name: string }) {
   *     if (params.name === "") return Channel.refuse({ reason: "no name" });
   *     socket.assigns.name = params.name;
   *     return { room: socket.rest };
   *   },
   *   in: {
   *     say(socket, { text }: { text: string }) {
   *       socket.broadcast("said", { name: socket.assigns.name, text });
   *     },
   *   },
   *   out: Channel.events<{ said: { name: string; text: string } }>(),
   * });
   * assertEquals(Room.topic, "room:*");
   * ```
   */
  static define<
    Params,
    Joined,
    In extends ChannelHandlers<Out>,
    Out extends ChannelEvents = ChannelEvents,
  >(
    topic: string,
    definition: ChannelDefinition<Params, Joined, In, Out>,
  ): ChannelType<Params, Joined, In, Out> {
    checkString(topic, "define the channel");
    const at = topic.indexOf("*");
    if (topic === "" || (at !== -1 && at < topic.length - 1)) {
      throw new TypeError(
        `Cannot define the channel ${
          inspect(topic)
        }: give a topic, with a * at its end alone`,
      );
    }
    refuseUnknown(definition, "define a channel", PARTS);
    checkFunction(definition.join, `define the channel ${topic}: join`);
    return new ChannelType(topic, definition);
  }

  /**
   * Refuses a join, or replies with an error to a message: return the result from the handler.
   *
   * @param response What the client gets; `{}` by default.
   *
   * @example Usage
   * ```ts
   * import { Channel } from "@otp/distribution/channels";
   *
   * Channel.define("secret", { join: () => Channel.refuse({ reason: "unauthorized" }) });
   * ```
   */
  static refuse<R = Record<never, never>>(response?: R): ChannelRefusal<R> {
    return new ChannelRefusal(response ?? {} as R);
  }

  /**
   * States the events that a channel sends, for the compiler: `out` of a definition.
   *
   * @typeParam Out The payload of each event.
   *
   * @example Usage
   * ```ts
   * import { Channel } from "@otp/distribution/channels";
   *
   * const Clock = Channel.define("clock", {
   *   join: (socket) => socket.push("time", { now: Date.now() }),
   *   out: Channel.events<{ time: { now: number } }>(),
   * });
   * Clock.broadcast("clock", "time", { now: 0 });
   * ```
   */
  static events<Out extends ChannelEvents>(): EventTypes<Out> {
    return {};
  }
}
