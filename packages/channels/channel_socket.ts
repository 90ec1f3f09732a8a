/** The view that a channel's code has of its client. */

import type { Runtime } from "@otp/processes/process/runtime";
import type { Pid } from "@otp/processes/values/pid";
import { broadcastOf } from "./pubsub.ts";
import { hubOf } from "./pubsub_hub.ts";

/** The events that a channel sends, with their payloads. */
// deno-lint-ignore no-explicit-any
export type ChannelEvents = Record<string, any>;

/** The parts of a {@linkcode ChannelSocket}. */
export interface ChannelParts {
  topic: string;
  rest: string;
  pid: Pid;
  runtime: Runtime;
  user: unknown;
  push(event: string, payload: unknown): void;
  whenJoined(fn: () => void): void;
  /** Sends `presence_state`, unless the client has got it. */
  showPresence(): void;
}

/**
 * A client in a channel, as the channel's functions get it.
 *
 * @typeParam Out The events that the channel sends.
 */
export class ChannelSocket<Out extends ChannelEvents = ChannelEvents> {
  /** The topic that the client has joined. */
  readonly topic: string;
  /** The rest of the topic after the text of the definition: `"r1"` of `"room:r1"` in a channel `"room:*"`. */
  readonly rest: string;
  /** The process of this channel. */
  readonly pid: Pid;
  /** The result of `connect` of {@linkcode Sockets.handler}, which all channels of the client share. */
  // deno-lint-ignore no-explicit-any
  readonly user: any;
  /** Values that the channel keeps for this client. */
  // deno-lint-ignore no-explicit-any
  readonly assigns: Record<string, any> = Object.create(null);
  readonly #parts: ChannelParts;

  /** The library creates it. */
  constructor(parts: ChannelParts) {
    this.topic = parts.topic;
    this.rest = parts.rest;
    this.pid = parts.pid;
    this.user = parts.user;
    this.#parts = parts;
  }

  /**
   * Sends an event to this client. An event that is pushed during the join arrives after the response to the join.
   *
   * @throws {TypeError} If the payload has no form in JSON, or is bytes and the client speaks version 1.0.0.
   */
  push<Event extends keyof Out & string>(
    event: Event,
    payload: Out[Event],
  ): void {
    this.#parts.push(event, payload);
  }

  /** @ignore */
  static partsOf(socket: ChannelSocket): ChannelParts {
    return socket.#parts;
  }

  /** Broadcasts an event on the topic, as {@linkcode PubSub.broadcast} does; this client gets it too. */
  broadcast<Event extends keyof Out & string>(
    event: Event,
    payload: Out[Event],
  ): Promise<void> | undefined {
    return hubOf(this.#parts.runtime).broadcast(
      broadcastOf(this.topic, event, payload),
    );
  }

  /** Broadcasts an event on the topic to all but this client. */
  broadcastFrom<Event extends keyof Out & string>(
    event: Event,
    payload: Out[Event],
  ): Promise<void> | undefined {
    return hubOf(this.#parts.runtime).broadcast(
      broadcastOf(this.topic, event, payload),
      this.pid,
    );
  }
}
