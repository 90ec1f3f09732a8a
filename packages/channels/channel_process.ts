/**
 * The process of one client's channel.
 *
 * It joins, then it takes the client's messages, the broadcasts that it intercepts, and messages of other processes, one
 * at a time. The socket (`client_socket.ts`) starts it, and learns of its end. Races: the socket may close, or the
 * client may join again, while a handler awaits. The channel then gets an end as its next message, runs `terminate`, and
 * exits; it is killed if that takes longer than {@linkcode PATIENCE}. A channel that replaces another begins to join
 * when the other has exited, so that the events of both never mix.
 */

import { isOrderly } from "@otp/processes/values/exit_reason";
import { ExitError } from "@otp/processes/errors";
import { copyTerm } from "@otp/processes/values/term";
import { BOUNDS } from "@otp/processes/values/bounds";
import { ServerMessage } from "@otp/processes/values/server_message";
import type { Pid } from "@otp/processes/values/pid";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { spawnProcess } from "@otp/processes/spawning/spawn_process";
import { onExit } from "@otp/servers/server/on_exit";
import { BADARG, serve, type Server } from "@otp/servers/server/server";
import {
  type AnyChannel,
  type AnyDefinition,
  Channel,
  ChannelRefusal,
  ChannelType,
  restOf,
} from "./channel.ts";
import { ChannelSocket } from "./channel_socket.ts";
import {
  type ClientFormat,
  type ClientMessage,
  EncodedPayload,
  type Frame,
} from "./client_format.ts";
import type { JoinOutcome } from "./node_sockets.ts";
import { hubOf, type TopicEvent, type TopicSubscriber } from "./pubsub_hub.ts";

/** How long a channel may take to end, in milliseconds. */
const PATIENCE = 5000;

/** The payload of a `phx_error`. */
const CRASHED = { reason: "channel_crash" };

/** The part of a socket that its channels use. */
export interface ChannelHost {
  readonly process: LocalProcess;
  readonly format: ClientFormat;
  readonly user: unknown;
  /** The numbers of the node's joins that have ended. */
  readonly joins: Record<JoinOutcome, number>;
  send(frame: Frame): void;
  /** Counts messages that wait for a channel, or no longer wait. */
  waits(more: number): void;
}

/** Work for a channel's process. Reports show its name, and nothing of the client's. */
class ChannelWork extends ServerMessage {
  readonly type: string;
  readonly run: () => unknown;

  constructor(type: string, run: () => unknown) {
    super();
    this.type = type;
    this.run = run;
  }

  fields(): { type: string } {
    return { type: this.type };
  }

  copied(): unknown {
    return this.fields();
  }
}

/** A channel that a client has joined, or is joining. */
export class JoinedChannel implements Server, TopicSubscriber {
  readonly topic: string;
  /** The reference that its messages contain. */
  readonly joinRef: string | null;
  readonly pid: Pid;
  /** Resolves when its process has exited. */
  readonly ended: Promise<void>;
  readonly #host: ChannelHost;
  readonly #process: LocalProcess;
  readonly #definition: AnyDefinition;
  readonly #socket: ChannelSocket;
  readonly #join: ClientMessage;
  readonly #before: JoinedChannel | undefined;
  #state: "joining" | "joined" | "refused" = "joining";
  /** The work that follows the reply to the join, such as the sending of frames. */
  #early: (() => void)[] | undefined = [];
  /** Whether the client has got `presence_state`. */
  #hasPresence = false;
  /** Whether its last message is on the way. */
  isEnding = false;
  /** Whether the client has sent an event that the channel does not know. */
  #isMisused = false;
  #isClosed = false;
  /** The messages of the client that are not yet handled. */
  #waiting = 0;

  /**
   * Starts the channel's process.
   *
   * @param join The message with which the client joins.
   * @param before A channel of the same topic, which ends.
   * @param ended Called when the process has exited.
   */
  constructor(
    host: ChannelHost,
    type: AnyChannel,
    join: ClientMessage,
    before: JoinedChannel | undefined,
    ended: (channel: JoinedChannel) => void,
  ) {
    const { process: { runtime, pid: parent, groupLeader }, user } = host;
    const { topic } = join;
    this.topic = topic;
    this.joinRef = join.joinRef;
    this.#host = host;
    this.#definition = ChannelType.definitionOf(type);
    this.#join = join;
    this.#before = before;
    const label = `channel ${topic}`.slice(0, BOUNDS.label);
    const process: LocalProcess = this.#process = spawnProcess(
      runtime,
      () => serve(process, this, true),
      { label, kind: "server", parent, groupLeader },
    );
    const { pid } = process;
    this.pid = pid;
    const rest = restOf(type, topic)!;
    const push = (event: string, payload: unknown) =>
      this.#transmit(this.#frame(null, event, payload));
    const whenJoined = (fn: () => void) => this.#whenJoined(fn);
    const showPresence = () => this.#showPresence();
    this.#socket = new ChannelSocket({
      topic,
      rest,
      pid,
      runtime,
      user,
      push,
      whenJoined,
      showPresence,
    });
    this.ended = new Promise((resolve) =>
      onExit(process, () => {
        hubOf(runtime).remove(topic, this);
        this.#count(-this.#waiting);
        this.#sayEnd();
        ended(this);
        resolve();
      })
    );
  }

  /** Passes a message of the client on. */
  receive(message: ClientMessage): void {
    this.#count(1);
    this.#do("push", async () => {
      try {
        await this.#handle(message);
      } finally {
        if (this.#waiting > 0) this.#count(-1);
      }
    });
  }

  /** Ends the channel; `leave` is the client's `phx_leave`, which is answered. */
  end(reason: string, leave?: ClientMessage): void {
    if (this.isEnding || !this.#process.alive) return;
    this.isEnding = true;
    this.#do("end", async () => {
      const shutdown = { type: "shutdown", reason };
      try {
        await this.terminate(shutdown);
      } finally {
        this.#state = "refused";
        if (leave !== undefined) this.#reply(leave, "ok", {});
      }
      throw new ExitError(shutdown);
    });
    const { runtime } = this.#process;
    const kill = () => runtime.local.exit(runtime.nobody, this.pid, "kill");
    onExit(this.#process, runtime.deadlines.after(PATIENCE, kill));
  }

  // As a subscriber of its topic: sends the frames of broadcasts to the client at once.
  take(broadcast: TopicEvent): void {
    const { event } = broadcast;
    const { intercept } = this.#definition;
    if (intercept !== undefined && Object.hasOwn(intercept, event)) {
      const { payload } = broadcast;
      const handle = () => intercept[event]!(this.#socket, copyTerm(payload));
      return this.#do("intercept", handle);
    }
    const frame = broadcast.frame(this.#host.format);
    if (frame !== undefined) this.#transmit(frame);
  }

  // As the server of the process.

  async begin(): Promise<void> {
    await this.#before?.ended;
    const { join } = this.#definition;
    const joined = await join(this.#socket, this.#join.payload);
    if (joined instanceof ChannelRefusal) {
      this.#state = "refused";
      this.#host.joins.refused++;
      this.#reply(this.#join, "error", joined.response);
      throw new ExitError("normal");
    }
    hubOf(this.#process.runtime).add(this.topic, this);
    this.#reply(this.#join, "ok", joined ?? {});
    this.#state = "joined";
    this.#host.joins.ok++;
    const early = this.#early!;
    this.#early = undefined;
    for (const each of early) each();
  }

  call(): unknown {
    return BADARG;
  }

  info(message: unknown): unknown {
    return message instanceof ChannelWork
      ? message.run()
      : this.#definition.info?.(this.#socket, message);
  }

  terminate(reason: unknown): unknown {
    if (this.#state !== "joined") return;
    return this.#definition.terminate?.(this.#socket, reason);
  }

  async #handle(message: ClientMessage): Promise<void> {
    const { event, payload } = message;
    const handlers = this.#definition.in ?? {};
    if (!Object.hasOwn(handlers, event)) {
      // The client is wrong, and not the code: no crash is reported.
      this.#isMisused = true;
      throw new ExitError({ type: "shutdown", reason: "unknown event" });
    }
    let isReplied = false;
    const reply = (response: unknown = {}) => {
      if (isReplied) return;
      isReplied = true;
      if (response instanceof ChannelRefusal) {
        this.#reply(message, "error", response.response);
      } else this.#reply(message, "ok", response);
    };
    const result = await handlers[event](this.#socket, payload, reply);
    if (result !== Channel.noReply) reply(result);
  }

  #reply(
    { ref }: ClientMessage,
    status: "ok" | "error",
    response: unknown,
  ): void {
    const { joinRef, topic } = this;
    const to = { joinRef, ref, topic };
    this.#host.send(this.#host.format.reply(to, status, response));
  }

  #frame(ref: string | null, event: string, payload: unknown): Frame {
    const { joinRef, topic } = this;
    return this.#host.format.push(joinRef, ref, topic, event, payload);
  }

  #transmit(frame: Frame): void {
    this.#whenJoined(() => {
      if (this.#process.alive) this.#host.send(frame);
    });
  }

  /** Calls a function once the client has joined; never if it may not join. */
  #whenJoined(fn: () => void): void {
    if (this.#early === undefined) fn();
    else this.#early.push(fn);
  }

  /** Sends who is present, once: the diffs follow as broadcasts. */
  #showPresence(): void {
    if (this.#hasPresence) return;
    this.#hasPresence = true;
    const { presence } = hubOf(this.#process.runtime);
    const state = new EncodedPayload(presence.state(this.topic));
    this.#transmit(this.#frame(null, "presence_state", state));
  }

  /** Tells the client that the channel has ended, and why. */
  #sayEnd(): void {
    const { exitReason } = this.#process;
    if (this.#state === "joining" && !this.isEnding) {
      this.#host.joins.crashed++;
      this.#reply(this.#join, "error", { reason: "join crashed" });
    } else if (this.#early !== undefined) return;
    else if (isOrderly(exitReason) && !this.#isMisused) this.close();
    else this.#host.send(this.#frame(this.joinRef, "phx_error", CRASHED));
  }

  /** Tells the client that the channel is closed, once. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#host.send(this.#frame(this.joinRef, "phx_close", {}));
  }

  #count(more: number): void {
    this.#waiting += more;
    this.#host.waits(more);
  }

  /** Sends work to the process, in order with all other messages. */
  #do(type: string, run: () => unknown): void {
    const { local, nobody } = this.#process.runtime;
    local.send(nobody, this.pid, new ChannelWork(type, run));
  }
}
