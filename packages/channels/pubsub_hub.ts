/**
 * The subscribers of one node, and the server that takes the broadcasts of other nodes.
 *
 * A broadcast is encoded once for each version of the clients' format, and its frame goes to the sockets directly, not
 * through the mailboxes of the channels: that is Phoenix's fastlane.
 *
 * The server speaks as the adapter of Phoenix.PubSub does: it is a member of the group `NAME.Adapter` in the scope
 * `Phoenix.PubSub` of `pg`, and a node sends one message to each member on other nodes,
 * `{:forward_to_local, topic, message, dispatcher}`. So nodes of Elixir and of this library share their topics. The
 * table of subscribers belongs to the node, not to the server, and survives a crash of it.
 */

import { findScope } from "@otp/node/pg/scopes";
import { pg } from "@otp/node/pg/pg";
import { addView } from "@otp/observe/observed_views";
import { runInside } from "@otp/processes/context/async_context";
import { QueueFullError } from "@otp/processes/errors";
import { Process } from "@otp/processes/process";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { ignore } from "@otp/processes/promises/promises";
import { currentProcess } from "@otp/processes/runtime/current_process";
import { shellProcess } from "@otp/processes/spawning/spawn_process";
import { Atom, atom } from "@otp/processes/values/atom";
import type { Pid } from "@otp/processes/values/pid";
import { copyTerm } from "@otp/processes/values/term";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import { onDown, onExit } from "@otp/servers/server/on_exit";
import { BADARG, type Server } from "@otp/servers/server/server";
import { startServer } from "@otp/servers/server/start";
import { channelsView } from "./channels_view.ts";
import {
  type ClientFormat,
  EncodedPayload,
  type Frame,
  payloadJson,
} from "./client_format.ts";
import { NodeSockets } from "./node_sockets.ts";
import { PresencePeers } from "./presence_peers.ts";
import { PresenceTable } from "./presence_table.ts";

const SCOPE = "Phoenix.PubSub";
const FORWARD = atom("forward_to_local");
/** The module that passes a broadcast on to sockets. */
const DISPATCHER = atom("Elixir.Phoenix.Channel.Server");
const STRUCT = atom("__struct__");
const BROADCAST = atom("Elixir.Phoenix.Socket.Broadcast");
const BINARY = atom("binary");
const [TOPIC, EVENT, PAYLOAD] = ["topic", "event", "payload"].map(atom);

/** The name of a PubSub that is started without one. */
export const DEFAULT_NAME = "Channels.PubSub";

/** The message of a broadcast to a process that has subscribed to its topic. */
export interface BroadcastMessage<T = unknown> {
  /** Always `"broadcast"`. */
  type: "broadcast";
  /** The topic. */
  topic: string;
  /** The name of the event. */
  event: string;
  /** The payload. */
  payload: T;
}

/** A broadcast on this node. */
export class TopicEvent {
  readonly topic: string;
  readonly event: string;
  readonly #payload: unknown;
  readonly #frames = new Map<ClientFormat, Frame | undefined>();
  #json: string | undefined;

  constructor(topic: string, event: string, payload: unknown) {
    this.topic = topic;
    this.event = event;
    this.#payload = payload;
  }

  get payload(): unknown {
    const payload = this.#payload;
    return payload instanceof EncodedPayload ? payload.decoded() : payload;
  }

  /** Its payload as JSON, or its bytes. */
  encoded(): string | Uint8Array<ArrayBuffer> {
    return this.#payload instanceof Uint8Array
      ? this.#payload as Uint8Array<ArrayBuffer>
      : this.#json ??= payloadJson(this.#payload);
  }

  /** Returns its frame for clients of one version, if that version has a form for it. */
  frame(format: ClientFormat): Frame | undefined {
    if (!this.#frames.has(format)) {
      const { topic, event } = this;
      this.#frames.set(format, format.broadcast(topic, event, this.encoded()));
    }
    return this.#frames.get(format);
  }
}

/** A subscription of a process to a topic. */
export interface TopicSubscriber {
  readonly pid: Pid;
  /** Takes a broadcast in place of the process's mailbox. */
  take?(broadcast: TopicEvent): void;
  /** Stops watching the process; set if the process has subscribed by itself. */
  unwatch?(): void;
}

/** The PubSub of one node. */
export class PubSubHub {
  readonly #runtime: Runtime;
  /** The subscribers of each topic. */
  readonly topics: Map<string, Set<TopicSubscriber>> = new Map();
  #name = DEFAULT_NAME;
  #server: LocalProcess | undefined;
  #starting: Promise<unknown> | undefined;
  /** The processes that are present on each topic. */
  readonly presence: PresenceTable;
  /** The sockets of the node's clients. */
  readonly sockets: NodeSockets = new NodeSockets();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.presence = new PresenceTable(
      runtime,
      (topic, diff) =>
        this.deliver(
          new TopicEvent(topic, "presence_diff", new EncodedPayload(diff)),
        ),
    );
    addView(runtime, channelsView(this, runtime));
  }

  /** Starts the server, linked to the caller: a supervisor. */
  startLink(name: string, grace: number): Promise<Pid> {
    this.presence.grace = grace;
    return this.#start(name, true);
  }

  /** Starts the server unless it runs, and resolves when it takes the broadcasts of other nodes. */
  async ready(): Promise<void> {
    if (this.#server?.alive) return;
    // As code of the node's own: the caller may exit before the server has started.
    await (this.#starting ??= runInside(
      shellProcess(this.#runtime),
      () => this.#start(this.#name, false),
    ).finally(() => this.#starting = undefined));
  }

  #start(name: string, link: boolean): Promise<Pid> {
    const serverOf = async (process: LocalProcess): Promise<Server> => {
      const scope = Process.whereis(SCOPE);
      if (scope === undefined) await pg.startLink(SCOPE);
      // The groups of a scope that crashes are lost: the server ends too, and joins again.
      else onDown(process, scope, (reason) => void endSelf(process, reason));
      await pg.join(groupOf(name), process.pid, { scope: SCOPE });
      const peers = new PresencePeers(process, this.presence);
      await peers.begin(SCOPE, `${name}.Presence`);
      this.#name = name;
      this.#server = process;
      if (!link) onExit(process, () => this.#restart());
      return {
        call: () => BADARG,
        info: (message) => {
          if (!peers.receive(message)) this.#receive(message);
        },
      };
    };
    const registered = `${name}.Adapter`;
    const options = { name: registered, label: registered, link };
    return startServer(serverOf, options);
  }

  /** Starts a server again that no supervisor starts. */
  #restart(): void {
    const { stopped, isStopping } = this.#runtime;
    if (!stopped && !isStopping) this.ready().catch(ignore);
  }

  /** Subscribes a process, until it exits, or until {@linkcode unsubscribe}. */
  subscribe(process: LocalProcess, topic: string): void {
    const { pid, runtime } = process;
    const ref = runtime.makeRef();
    const each: TopicSubscriber = { pid, unwatch: () => process.release(ref) };
    this.add(topic, each);
    const abandon = () => this.remove(topic, each);
    const { node } = runtime;
    process.await(ref, { node, reply: ignore, down: ignore, abandon });
  }

  /** Ends the subscriptions that a process has made. */
  unsubscribe({ pid }: LocalProcess, topic: string): void {
    for (const each of this.topics.get(topic) ?? []) {
      if (each.unwatch === undefined || !each.pid.equals(pid)) continue;
      each.unwatch();
      this.remove(topic, each);
    }
  }

  /** Adds a subscriber, which the caller removes. */
  add(topic: string, subscriber: TopicSubscriber): void {
    const known = this.topics.get(topic);
    if (known === undefined) this.topics.set(topic, new Set([subscriber]));
    else known.add(subscriber);
  }

  remove(topic: string, subscriber: TopicSubscriber): void {
    const known = this.topics.get(topic);
    if (known?.delete(subscriber) && known.size === 0) {
      this.topics.delete(topic);
    }
  }

  /** Broadcasts on this node and on all others; resolves when the connections to them have room. */
  broadcast(broadcast: TopicEvent, except?: Pid): Promise<void> | undefined {
    // Fails for a payload without a form in JSON before anybody gets it.
    broadcast.encoded();
    this.deliver(broadcast, except);
    return this.#sendToOthers(broadcast);
  }

  /** Delivers a broadcast to all subscribers of this node but `except`. */
  deliver(broadcast: TopicEvent, except?: Pid): void {
    const { topic, event } = broadcast;
    for (const each of this.topics.get(topic) ?? []) {
      if (except !== undefined && each.pid.equals(except)) continue;
      if (each.take !== undefined) each.take(broadcast);
      else {
        const { payload } = broadcast;
        this.#send(each.pid, { type: "broadcast", topic, event, payload });
      }
    }
  }

  #send(to: Pid, message: unknown): void {
    const { local, nobody, maxDepth } = this.#runtime;
    local.send(nobody, to, copyTerm(message, maxDepth));
  }

  #sendToOthers(broadcast: TopicEvent): Promise<void> | undefined {
    const members = findScope(this.#runtime, SCOPE)
      ?.members(groupOf(this.#name), "all") ?? [];
    const waits: Promise<void>[] = [];
    let message: Tuple | undefined;
    for (const pid of members) {
      if (pid.node === this.#runtime.node) continue;
      try {
        const wait = currentProcess().send(pid, message ??= encode(broadcast));
        if (wait !== undefined) waits.push(wait);
      } catch (error) {
        // A node that does not read misses the broadcast; the others do not.
        if (!(error instanceof QueueFullError)) throw error;
      }
    }
    if (waits.length > 0) return Promise.all(waits).then(() => undefined);
  }

  #receive(message: unknown): void {
    if (!(message instanceof Tuple) || message[0] !== FORWARD) return;
    const [, topic, sent] = message;
    if (typeof topic !== "string") return;
    const broadcast = decode(sent);
    if (broadcast !== undefined) return this.deliver(broadcast);
    for (const { pid } of this.topics.get(topic) ?? []) this.#send(pid, sent);
  }
}

function endSelf({ runtime, pid }: LocalProcess, reason: unknown): void {
  runtime.local.exit(
    runtime.nobody,
    pid,
    reason === "normal" ? "kill" : reason,
  );
}

function groupOf(name: string): Atom {
  return atom(`Elixir.${name}.Adapter`);
}

const hubs = new WeakMap<Runtime, PubSubHub>();

/** Returns the PubSub of a node. */
export function hubOf(runtime: Runtime): PubSubHub {
  let hub = hubs.get(runtime);
  if (hub === undefined) hubs.set(runtime, hub = new PubSubHub(runtime));
  return hub;
}

/** Encodes a broadcast as the struct `Phoenix.Socket.Broadcast`, to be passed on to sockets. */
function encode({ topic, event, payload }: TopicEvent): Tuple {
  const isBytes = payload instanceof Uint8Array;
  const struct = new Map<Atom, unknown>([
    [STRUCT, BROADCAST],
    [TOPIC, topic],
    [EVENT, event],
    [PAYLOAD, isBytes ? tuple(BINARY, payload) : payload],
  ]);
  return tuple(FORWARD, topic, struct, DISPATCHER);
}

/** Decodes a `Phoenix.Socket.Broadcast`; returns `undefined` for any other message. */
function decode(message: unknown): TopicEvent | undefined {
  if (!(message instanceof Map) || message.get(STRUCT) !== BROADCAST) {
    return undefined;
  }
  const [topic, event] = [message.get(TOPIC), message.get(EVENT)];
  if (typeof topic !== "string" || typeof event !== "string") return undefined;
  return new TopicEvent(topic, event, plain(message.get(PAYLOAD)));
}

/** Returns a term of Elixir as Phoenix writes it in JSON: maps are objects, atoms are texts. */
function plain(term: unknown): unknown {
  if (typeof term === "bigint") return Number(term);
  if (typeof term !== "object" || term === null) return term;
  if (term instanceof Atom) return term.name === "nil" ? null : term.name;
  if (Array.isArray(term)) return term.map(plain);
  if (term instanceof Tuple && term[0] === BINARY) {
    const bytes = term[1];
    return typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  }
  const isMap = term instanceof Map;
  if (!isMap && Object.getPrototypeOf(term) !== Object.prototype) return term;
  return Object.fromEntries(
    Array.from(
      isMap ? term : Object.entries(term),
      ([key, value]) => [String(key), plain(value)],
    ),
  );
}
