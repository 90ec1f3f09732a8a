/**
 * The types of a channel for its clients, and the number of the last event that a client has.
 *
 * It is for browsers: it imports types only, and uses the npm package `phoenix` that the program gives it.
 */

import type {
  AnyChannel,
  ChannelRefusal,
  ChannelType,
  NoReply,
} from "./channel.ts";

/** A message on its way, of the package `phoenix`. */
export interface PhoenixPush {
  /** Adds a function for a status of the reply. */
  // deno-lint-ignore no-explicit-any
  receive(status: string, fn: (response: any) => void): PhoenixPush;
}

/** A channel of the package `phoenix`. */
export interface PhoenixChannel {
  /** Joins the topic. */
  join(timeout?: number): PhoenixPush;
  /** Leaves the topic. */
  leave(timeout?: number): PhoenixPush;
  /** Adds a handler of an event. */
  // deno-lint-ignore no-explicit-any
  on(event: string, fn: (payload: any) => void): number;
  /** Removes a handler. */
  off(event: string, ref?: number): void;
  /** Sends an event. */
  push(event: string, payload: object, timeout?: number): PhoenixPush;
}

/** A socket of the package `phoenix`. */
export interface PhoenixSocket {
  /** Creates a channel, whose parameters are asked for at each join. */
  // deno-lint-ignore no-explicit-any
  channel(topic: string, params: any): PhoenixChannel;
}

/** The types of a channel. */
export type ChannelTypes<Type extends AnyChannel> = Type extends
  ChannelType<infer Params, infer Joined, infer In, infer Out>
  ? { params: Params; joined: Joined; in: In; out: Out }
  : never;

/** The response for the result of a handler; `undefined` arrives as `{}`. */
export type ChannelResponse<Result> = Exclude<
  Result extends void | undefined ? Record<never, never> : Result,
  ChannelRefusal | NoReply
>;

/** The payload that a handler takes. */
export type ChannelPayload<Handler> = Handler extends // deno-lint-ignore no-explicit-any
(socket: any, payload: infer P, ...rest: any[]) => unknown
  ? unknown extends P ? object : P
  : never;

/** The result of a handler. */
export type ChannelResult<Handler> = Handler extends
  (...args: never[]) => infer R ? Awaited<R>
  : never;

/** A refusal of the server, or no answer in time. */
export class ChannelError extends Error {
  /** `"ChannelError"`. */
  override readonly name = "ChannelError";
  /** The response of a refusal; `undefined` if no answer came in time. */
  readonly response: unknown;

  /** The library creates it. */
  constructor(what: string, response?: unknown) {
    super(
      response === undefined
        ? `Cannot ${what}: no answer came in time; the client tries a join again by itself`
        : `Cannot ${what}: the server refused it with ${
          JSON.stringify(response)
        }`,
    );
    this.response = response;
  }
}

/** Options for a {@linkcode ClientChannel}. */
export interface ClientChannelOptions<Event extends string = string> {
  /**
   * The event that has a `number`, as each event of a log has. The channel drops events that it has already had, and each
   * further join has the number of the last one as `after` in its parameters.
   *
   * @default {none}
   */
  numbered?: Event;
}

/**
 * A channel with the types of its definition, over a socket of the package `phoenix`.
 *
 * @typeParam Type The channel on the server: `typeof Room`.
 *
 * @example In a browser
 * ```ts ignore
 * import { Socket } from "phoenix";
 * import { ClientChannel } from "@otp/distribution/channels/client";
 * import type { Room } from "./room.ts";
 *
 * const socket = new Socket("/socket", { authToken: "…" });
 * socket.connect();
 * const room = new ClientChannel<typeof Room>(socket, "room:r1", {}, { numbered: "said" });
 * room.on("said", ({ number, text }) => console.log(number, text));
 * await room.join();
 * await room.push("say", { text: "hi" });
 * ```
 */
export class ClientChannel<Type extends AnyChannel> {
  /** The channel of the package `phoenix`. */
  readonly channel: PhoenixChannel;
  /** The number of the last event of the option `numbered`; 0 before the first. */
  last = 0;
  readonly #topic: string;
  readonly #numbered: string | undefined;

  /**
   * Creates the channel; {@linkcode join} joins it.
   *
   * @param params The parameters of each join.
   */
  constructor(
    socket: PhoenixSocket,
    topic: string,
    params: ChannelTypes<Type>["params"],
    options: ClientChannelOptions<keyof ChannelTypes<Type>["out"] & string> =
      {},
  ) {
    this.#topic = topic;
    this.#numbered = options.numbered;
    const given = params as { after?: number };
    this.last = given?.after ?? 0;
    this.channel = socket.channel(
      topic,
      () =>
        this.#numbered === undefined ? given : { ...given, after: this.last },
    );
  }

  /**
   * Joins the topic; add the handlers before. The client joins again by itself when the connection was lost.
   *
   * @returns The response of the first join.
   * @throws {ChannelError} If the first join is refused, or not answered.
   */
  join(
    timeout?: number,
  ): Promise<ChannelResponse<ChannelTypes<Type>["joined"]>> {
    return this.#answer(this.channel.join(timeout), `join ${this.#topic}`);
  }

  /** Leaves the topic. */
  leave(timeout?: number): Promise<void> {
    return this.#answer(this.channel.leave(timeout), `leave ${this.#topic}`);
  }

  /**
   * Sends an event; resolves with the reply.
   *
   * @throws {ChannelError} If the server refuses it, or does not reply in time, 10 s unless `timeout` is given.
   */
  push<Event extends keyof ChannelTypes<Type>["in"] & string>(
    event: Event,
    payload: ChannelPayload<ChannelTypes<Type>["in"][Event]>,
    timeout?: number,
  ): Promise<ChannelResponse<ChannelResult<ChannelTypes<Type>["in"][Event]>>> {
    const push = this.channel.push(event, payload as object, timeout);
    return this.#answer(push, `push ${event} to ${this.#topic}`);
  }

  /** Calls a function at each event; returns a function that ends it. */
  on<Event extends keyof ChannelTypes<Type>["out"] & string>(
    event: Event,
    fn: (payload: ChannelTypes<Type>["out"][Event]) => void,
  ): () => void {
    let seen = 0;
    const ref = this.channel.on(event, (payload) => {
      if (event === this.#numbered) {
        if (payload.number <= seen) return;
        seen = payload.number;
        this.last = Math.max(this.last, seen);
      }
      fn(payload);
    });
    return () => this.channel.off(event, ref);
  }

  #answer<T>(push: PhoenixPush, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      push.receive("ok", resolve)
        .receive(
          "error",
          (response) => reject(new ChannelError(what, response)),
        )
        .receive("timeout", () => reject(new ChannelError(what)));
    });
  }
}
