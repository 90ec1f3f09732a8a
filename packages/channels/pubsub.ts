/** Broadcasts to the processes and the browsers that have subscribed to a topic, on all nodes. */

import {
  currentProcess,
  currentRuntime,
  never,
  waitingProcess,
} from "@otp/processes/runtime/current_process";
import {
  checkOptions,
  checkPid,
  checkString,
  countFrom,
} from "@otp/processes/values/check_arguments";
import type { OptionChecks } from "@otp/processes/values/options";
import type { Pid } from "@otp/processes/values/pid";
import { inspect } from "@otp/processes/values/inspect";
import type { ChildSpec } from "@otp/servers/server/child_spec";
import { DEFAULT_NAME, hubOf, TopicEvent } from "./pubsub_hub.ts";

/** Options for the start of a {@linkcode PubSub}. */
export interface PubSubOptions {
  /**
   * The name that all nodes share: nodes of different names do not hear each other. It is the name of the
   * `Phoenix.PubSub` of an application in Elixir, such as `"MyApp.PubSub"`.
   *
   * @default {"Channels.PubSub"}
   */
  name?: string;
  /**
   * The time for which {@linkcode Presence} keeps an entry whose process has crashed, lost its client or lost its node,
   * in milliseconds: a client that comes back in this time is not seen to leave.
   *
   * @default {500}
   */
  presenceGrace?: number;
}

const PUBSUB_OPTIONS: OptionChecks<PubSubOptions> = {
  name: {
    accepts: (name) =>
      typeof name === "string" && name.length > 0 && name.length <= 200,
    give: "a text of 1 to 200 characters",
  },
  presenceGrace: countFrom(0),
};

/**
 * Broadcasts to all that have subscribed to a topic: the browsers in a channel, and processes, on all nodes.
 *
 * A broadcast has a topic, the name of an event, and a payload: an object, or bytes. Each node gets it once, and passes
 * it on to its own subscribers. It is delivered at most once: a node that is not connected, or a browser that is away,
 * misses it. Broadcasts of one process arrive in order.
 *
 * Each node has one PubSub, which starts by itself when a socket or a process first subscribes. Start it under a
 * supervisor ({@linkcode PubSub.childSpec}) to give it the name of a `Phoenix.PubSub`, with which it then shares its
 * topics.
 */
export class PubSub {
  private constructor() {}

  /**
   * Returns the child specification of this node's PubSub, for a supervisor.
   *
   * @example Share the topics of an application in Elixir
   * ```ts
   * import { PubSub } from "@otp/distribution/channels";
   * import { Supervisor } from "@otp/distribution/supervisor";
   *
   * const sup = await Supervisor.startLink([PubSub.childSpec({ name: "MyApp.PubSub" })], { strategy: "one_for_one" });
   * await Supervisor.stop(sup);
   * ```
   */
  static childSpec(options: PubSubOptions = {}): ChildSpec<() => Promise<Pid>> {
    checkOptions(
      options,
      "start a PubSub",
      PUBSUB_OPTIONS,
      '{ name: "MyApp.PubSub" }',
    );
    const { name = DEFAULT_NAME, presenceGrace = 500 } = options;
    return {
      id: "PubSub",
      start: () => hubOf(currentRuntime()).startLink(name, presenceGrace),
    };
  }

  /**
   * Broadcasts an event to all subscribers of a topic.
   *
   * @param payload An object, or bytes; Phoenix crashes for any other value.
   * @returns `undefined`, or a promise while the connection to a node is full.
   * @throws {TypeError} If the payload is neither.
   *
   * @example Usage
   * ```ts
   * import { PubSub } from "@otp/distribution/channels";
   * import { receive } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * await PubSub.subscribe("room:r1");
   * PubSub.broadcast("room:r1", "said", { text: "hi" });
   * assertEquals(await receive(), { type: "broadcast", topic: "room:r1", event: "said", payload: { text: "hi" } });
   * PubSub.unsubscribe("room:r1");
   * ```
   */
  static broadcast(
    topic: string,
    event: string,
    payload: unknown,
  ): Promise<void> | undefined {
    const broadcast = broadcastOf(topic, event, payload);
    return hubOf(currentRuntime()).broadcast(broadcast);
  }

  /**
   * Broadcasts an event as {@linkcode PubSub.broadcast} does, but not to one process: a channel or a subscriber.
   *
   * @throws {TypeError} If the pid or the payload is invalid.
   *
   * @example Usage
   * ```ts
   * import { PubSub } from "@otp/distribution/channels";
   * import { receive, self } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * await PubSub.subscribe("room:r1");
   * PubSub.broadcastFrom(self(), "room:r1", "said", { text: "to the others" });
   * assertEquals(await receive(null, { timeout: 0, after: "nothing" }), "nothing");
   * PubSub.unsubscribe("room:r1");
   * ```
   */
  static broadcastFrom(
    from: Pid,
    topic: string,
    event: string,
    payload: unknown,
  ): Promise<void> | undefined {
    checkPid(from, "broadcast from");
    const broadcast = broadcastOf(topic, event, payload);
    return hubOf(currentRuntime()).broadcast(broadcast, from);
  }

  /**
   * Subscribes the caller to a topic: it receives a {@linkcode BroadcastMessage} for each broadcast, until it exits, and
   * any other message that an Elixir process broadcasts on the topic. A process that subscribes twice receives each twice.
   *
   * Resolves when broadcasts of this node arrive, and other nodes have been sent that this node takes part.
   *
   * @example Usage
   * ```ts
   * import { PubSub } from "@otp/distribution/channels";
   *
   * await PubSub.subscribe("news");
   * PubSub.unsubscribe("news");
   * ```
   */
  static async subscribe(topic: string): Promise<void> {
    checkString(topic, "subscribe to");
    const process = waitingProcess();
    if (process === undefined) return await never();
    const hub = hubOf(process.runtime);
    await hub.ready();
    if (process.alive) hub.subscribe(process, topic);
  }

  /**
   * Ends all subscriptions of the caller to a topic. Broadcasts that have arrived stay in the mailbox.
   *
   * @example Usage
   * ```ts
   * import { PubSub } from "@otp/distribution/channels";
   *
   * PubSub.unsubscribe("news"); // no effect without a subscription
   * ```
   */
  static unsubscribe(topic: string): void {
    checkString(topic, "unsubscribe from");
    const process = currentProcess();
    hubOf(process.runtime).unsubscribe(process, topic);
  }
}

/** Checks the arguments of a broadcast. */
export function broadcastOf(
  topic: string,
  event: string,
  payload: unknown,
): TopicEvent {
  checkString(topic, "broadcast on");
  checkString(event, "broadcast");
  const isObject = typeof payload === "object" && payload !== null &&
    !Array.isArray(payload);
  if (!isObject) {
    throw new TypeError(
      `Cannot broadcast ${
        inspect(payload)
      }: give an object or bytes, as nodes with Phoenix crash for any other payload`,
    );
  }
  return new TopicEvent(topic, event, payload);
}
