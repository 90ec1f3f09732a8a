/**
 * The process of one client's connection, and its channels.
 *
 * The frames of the client are read at once, and go to the channels' processes; what the channels send goes to the
 * transport at once. The process is what all of them depend on: if it exits, the connection is closed and the channels
 * end; if the connection closes, the process exits.
 */

import type { ReplyTo } from "@otp/processes/values/reply_to";
import type { Pid } from "@otp/processes/values/pid";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { terminate } from "@otp/processes/process/deaths";
import { spawnProcess } from "@otp/processes/spawning/spawn_process";
import { onExit } from "@otp/servers/server/on_exit";
import { BADARG, serve, type Server } from "@otp/servers/server/server";
import { type AnyChannel, restOf } from "./channel.ts";
import { type ChannelHost, JoinedChannel } from "./channel_process.ts";
import { hubOf, type TopicEvent, type TopicSubscriber } from "./pubsub_hub.ts";
import type { ClientFormat, ClientMessage, Frame } from "./client_format.ts";
import type {
  JoinOutcome,
  NodeSockets,
  OpenSocket,
  SocketEnd,
} from "./node_sockets.ts";
import { isDeeper, MessageBucket, type UserBuckets } from "./socket_limits.ts";

/** A connection to a client. */
export interface SocketTransport {
  /** Sends a frame; does nothing once the connection is closed. */
  send(frame: Frame): void;
  /** Closes the connection; idempotent. */
  close(code: number, reason?: string): void;
  /** The bytes that wait for the client to read. */
  readonly unread: number;
  /** Answers a call to the process of the socket; only a long poll is called. */
  call?(request: unknown, caller: ReplyTo): unknown;
}

/** A client that may connect. */
export interface SocketClient {
  readonly format: ClientFormat;
  readonly user: unknown;
  /** The topic on which a broadcast of `disconnect` closes the socket. */
  readonly id: string | undefined;
  readonly address: string | undefined;
}

/** Makes the socket of a connection that is open. Its transport calls `receive`, and `closed` at the end. */
export type Opened = (transport: SocketTransport) => ClientSocket;

/** The settings that all sockets of a handler share. */
export interface SocketSettings {
  readonly channels: readonly AnyChannel[];
  /** Milliseconds after which a silent client is gone. */
  readonly timeout: number;
  readonly maxChannels: number;
  /** Bytes that may wait for a client that reads slowly. */
  readonly maxUnread: number;
  /** Messages of a client that may wait for its channels. */
  readonly maxWaiting: number;
  readonly maxDepth: number;
  /** Messages a second of a socket. */
  readonly maxRate: number;
  readonly users: UserBuckets;
}

/** The client is to connect again. */
const GOING_AWAY = 1001;

/** The codes and the reasons that a client gets when the node closes its socket. */
const CLOSES = {
  silent: [GOING_AWAY, "silent for too long"],
  malformed: [1011, undefined], // as in Phoenix
  size: [1009, undefined],
  depth: [1008, "too deep a message"],
  rate: [1008, "too many messages a second"],
  waiting: [1008, "too many messages wait"],
  slow: [1013, "too slow"],
  address: [1008, "too many sockets of the address"],
  disconnect: [GOING_AWAY, undefined],
  drain: [1012, "the node restarts"],
} as const satisfies Partial<Record<SocketEnd, readonly [number, unknown]>>;

/** The response to a join of one channel more. */
const FULL = { reason: "too many channels joined" };

/** One client's connection. */
export class ClientSocket
  implements Server, ChannelHost, TopicSubscriber, OpenSocket {
  readonly process: LocalProcess;
  readonly since: number;
  readonly #client: SocketClient;
  readonly #sockets: NodeSockets;
  readonly #transport: SocketTransport;
  readonly #settings: SocketSettings;
  readonly #channels = new Map<string, JoinedChannel>();
  readonly #runtime: Runtime;
  readonly #bucket: MessageBucket;
  readonly #userBucket: MessageBucket | undefined;
  /** The messages that wait for channels, and the channels that have not exited. */
  #waiting = 0;
  #living = 0;
  #seen: number;
  #cancelTimer: (() => void) | undefined;
  /** Why the socket ends. */
  #reason: SocketEnd | undefined;

  constructor(
    runtime: Runtime,
    transport: SocketTransport,
    client: SocketClient,
    settings: SocketSettings,
  ) {
    const { id } = this.#client = client;
    this.#runtime = runtime;
    this.#transport = transport;
    this.#settings = settings;
    this.#bucket = new MessageBucket(settings.maxRate, runtime);
    const { users } = settings;
    if (id !== undefined) this.#userBucket = users.acquire(id, runtime);
    const process: LocalProcess = this.process = spawnProcess(
      runtime,
      () => serve(process, this, true),
      {
        label: "socket",
        kind: "server",
        groupLeader: runtime.names.get("user")?.pid,
      },
    );
    const hub = hubOf(runtime);
    if (id !== undefined) hub.add(id, this);
    const { all, closed } = this.#sockets = hub.sockets;
    all.add(this);
    onExit(process, () => {
      all.delete(this);
      closed[this.#reason ?? "killed"]++;
      if (id !== undefined) {
        hub.remove(id, this);
        users.release(id, runtime);
      }
      this.#end();
    });
    this.since = this.#seen = runtime.clock.now();
    this.#watch(settings.timeout);
  }

  get pid(): Pid {
    return this.process.pid;
  }

  get format(): ClientFormat {
    return this.#client.format;
  }

  get user(): unknown {
    return this.#client.user;
  }

  get id(): string | undefined {
    return this.#client.id;
  }

  get address(): string | undefined {
    return this.#client.address;
  }

  get transport(): OpenSocket["transport"] {
    return this.#transport.call === undefined ? "websocket" : "longpoll";
  }

  get version(): string {
    return this.format.version;
  }

  get channels(): number {
    return this.#channels.size;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get unread(): number {
    return this.#transport.unread;
  }

  get joins(): Record<JoinOutcome, number> {
    return this.#sockets.joins;
  }

  /** Handles a frame of the client. */
  receive(data: string | Uint8Array): void {
    if (!this.process.alive) return;
    this.#sockets.received++;
    this.#seen = this.#runtime.clock.now();
    if (!this.#bucket.take() || this.#userBucket?.take() === false) {
      return this.close("rate");
    }
    let message: ClientMessage;
    try {
      message = this.format.decode(data);
    } catch {
      return this.close("malformed");
    }
    if (isDeeper(message.payload, this.#settings.maxDepth)) {
      return this.close("depth");
    }
    this.#route(message);
  }

  send(frame: Frame): void {
    if (!this.process.alive) return;
    this.#sockets.sent++;
    this.#transport.send(frame);
    if (this.#transport.unread > this.#settings.maxUnread) this.close("slow");
  }

  /** Counts messages that wait for a channel, or no longer wait. */
  waits(more: number): void {
    this.#waiting += more;
    if (more > 0 && this.#waiting > this.#settings.maxWaiting) {
      this.close("waiting");
    }
  }

  /** Has the client connect again, to another node. */
  restart(): void {
    this.close("drain");
  }

  /** Closes the connection. */
  close(reason: keyof typeof CLOSES): void {
    this.#reason ??= reason;
    const [code, text] = CLOSES[reason];
    this.#transport.close(code, text);
    this.closed(reason);
  }

  /** The connection is closed: by the client, or for its fault. */
  closed(reason: SocketEnd = "left"): void {
    this.#reason ??= reason;
    terminate(this.process, "normal");
  }

  // Takes broadcasts on its id.
  take({ event }: TopicEvent): void {
    if (event === "disconnect") this.close("disconnect");
  }

  call(request: unknown, caller: ReplyTo): unknown {
    this.#seen = this.#runtime.clock.now();
    return this.#transport.call?.(request, caller) ?? BADARG;
  }

  info(): void {}

  #route(message: ClientMessage): void {
    const { topic, event, joinRef } = message;
    if (topic === "phoenix" && event === "heartbeat") {
      return this.#reply(message, "ok", {});
    }
    const channel = this.#channels.get(topic);
    if (event === "phx_join") return this.#join(message, channel);
    if (channel === undefined) {
      if (event === "phx_leave") return this.#reply(message, "ok", {});
      return this.#refuse(message, "unmatched topic");
    }
    // A message to an earlier channel of the topic.
    if (joinRef !== null && joinRef !== channel.joinRef) return;
    if (event !== "phx_leave") channel.receive(message);
    else if (channel.isEnding) this.#reply(message, "ok", {});
    else channel.end("left", message);
  }

  #join(message: ClientMessage, before: JoinedChannel | undefined): void {
    const { topic, ref } = message;
    const { channels, maxChannels } = this.#settings;
    const type = channels.find((each) => restOf(each, topic) !== undefined);
    if (type === undefined) {
      this.joins.unmatched++;
      return this.#refuse(message, "unmatched topic");
    }
    // A channel that is replaced may take long to end, and a client may replace it again and again.
    if (
      (before === undefined && this.#channels.size >= maxChannels) ||
      this.#living >= 2 * maxChannels
    ) {
      this.joins.full++;
      return this.#reply(message, "error", FULL);
    }
    if (before !== undefined && !before.isEnding) {
      before.close();
      before.end("duplicate join");
    }
    const join = { ...message, joinRef: message.joinRef ?? ref };
    const joined = new JoinedChannel(this, type, join, before, (channel) => {
      this.#living--;
      if (this.#channels.get(topic) === channel) this.#channels.delete(topic);
    });
    this.#living++;
    this.#channels.set(topic, joined);
  }

  #refuse(message: ClientMessage, reason: string): void {
    this.#reply({ ...message, joinRef: null }, "error", { reason });
  }

  #reply(message: ClientMessage, status: "ok" | "error", response: unknown) {
    this.send(this.format.reply(message, status, response));
  }

  /** Closes the socket when the client has been silent for too long. */
  #watch(ms: number): void {
    this.#cancelTimer = this.#runtime.deadlines.after(ms, () => {
      const { timeout } = this.#settings;
      const left = this.#seen + timeout - this.#runtime.clock.now();
      if (left > 0) this.#watch(left);
      else this.close("silent");
    });
  }

  #end(): void {
    this.#cancelTimer?.();
    this.#transport.close(GOING_AWAY);
    for (const channel of this.#channels.values()) channel.end("closed");
  }
}
