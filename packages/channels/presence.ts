/** The presence of users in a topic, on all nodes. */

import { currentRuntime } from "@otp/processes/runtime/current_process";
import { checkPid, checkString } from "@otp/processes/values/check_arguments";
import { BOUNDS } from "@otp/processes/values/bounds";
import { inspect } from "@otp/processes/values/inspect";
import type { Pid } from "@otp/processes/values/pid";
import { ChannelSocket } from "./channel_socket.ts";
import { hubOf } from "./pubsub_hub.ts";

/** The entries of a topic, by key; see {@linkcode Presence.list}. */
export interface PresenceList {
  /** The metadata of each process with the key, with its `phx_ref`. */
  [key: string]: { metas: Record<string, unknown>[] };
}

/** A process in a topic: a client's channel, or a process that states its topic. */
export interface PresentProcess {
  /** The topic. */
  readonly topic: string;
  /** The process. */
  readonly pid: Pid;
}

/**
 * The processes that are present in a topic, on all nodes: the users in a room, the devices of a user.
 *
 * An entry is a process with a key and metadata. A key may have several entries, as one user has several tabs. The
 * entry ends with its process, and with its node. Clients on the topic get `presence_state`, then a `presence_diff` for
 * each change, as the class `Presence` of Phoenix's client takes them.
 *
 * Each node announces the entries of its own processes to the others. A change is known on all connected nodes within
 * milliseconds; a node that was not reachable has all entries within a second after it is. An entry whose process has
 * crashed, or has lost its client or its node, stays for half a second (`presenceGrace` of {@linkcode PubSub.childSpec}):
 * if the client comes back meanwhile, at any node, others see an update and no departure. A node that drains keeps its
 * entries until their sockets close.
 *
 * The nodes of Elixir keep a presence of their own: neither side sees the other's entries.
 */
export class Presence {
  private constructor() {}

  /**
   * Adds an entry: for a client's channel, which then gets `presence_state`, or for a process of this node.
   *
   * A process that has an entry of the key on the topic gets an update of it. In `join`, the entry begins when the client
   * has joined. Without effect if the process has exited.
   *
   * @param of The socket of a channel, or a topic and a process.
   * @param key The key, such as the id of a user.
   * @param meta The metadata, which all clients on the topic get: an object with a form in JSON.
   * @throws {TypeError} If an argument is invalid.
   * @throws {RangeError} If topic, key and metadata have more than 64 KiB.
   *
   * @example Usage
   * ```ts
   * import { Channel, Presence } from "@otp/distribution/channels";
   *
   * Channel.define("room:*", {
   *   async join(socket) {
   *     await Presence.track(socket, socket.user.id, { name: socket.user.name });
   *   },
   * });
   * ```
   *
   * @example A process
   * ```ts
   * import { Presence } from "@otp/distribution/channels";
   * import { self } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * const me = { topic: "workers", pid: self() };
   * await Presence.track(me, "resizer", { jobs: 0 });
   * Presence.update(me, "resizer", { jobs: 1 });
   * assertEquals(Presence.list("workers").resizer.metas[0].jobs, 1);
   * Presence.untrack(me, "resizer");
   * ```
   */
  static async track(
    of: PresentProcess,
    key: string,
    meta: object = {},
  ): Promise<void> {
    checkEntry(of, key, meta);
    const hub = hubOf(currentRuntime());
    await hub.ready();
    const track = () => hub.presence.track(of.pid, of.topic, key, meta);
    if (!(of instanceof ChannelSocket)) return track();
    Presence.show(of);
    ChannelSocket.partsOf(of).whenJoined(track);
  }

  /**
   * Replaces the metadata of an entry. Others see one change: the entry does not leave.
   *
   * @param meta The metadata, or a function of the metadata so far.
   * @throws {TypeError} If an argument is invalid.
   * @throws {RangeError} If topic, key and metadata have more than 64 KiB.
   * @throws {Error} If the process has no entry of the key.
   *
   * @example Usage
   * ```ts
   * import { Presence } from "@otp/distribution/channels";
   * import { self } from "@otp/distribution/process";
   *
   * const me = { topic: "room:r1", pid: self() };
   * await Presence.track(me, "ann", { isTyping: false });
   * Presence.update(me, "ann", (meta) => ({ ...meta, isTyping: true }));
   * Presence.untrack(me, "ann");
   * ```
   */
  static update(
    of: PresentProcess,
    key: string,
    meta: object | ((meta: Record<string, unknown>) => object),
  ): void {
    const { presence } = hubOf(currentRuntime());
    const before = presence.metaOf(of.pid, of.topic, key);
    if (before === undefined) {
      throw new Error(
        `Cannot update the entry ${inspect(key)} of ${
          inspect(of.topic)
        }: the process has none; call Presence.track`,
      );
    }
    const next = typeof meta === "function"
      ? meta(before as Record<string, unknown>)
      : meta;
    checkEntry(of, key, next);
    presence.track(of.pid, of.topic, key, next);
  }

  /**
   * Removes an entry; it ends with its process by itself.
   *
   * @returns Whether the process had an entry of the key.
   *
   * @example Usage
   * ```ts
   * import { Presence } from "@otp/distribution/channels";
   * import { self } from "@otp/distribution/process";
   * import { assert } from "@std/assert";
   *
   * assert(!Presence.untrack({ topic: "room:r1", pid: self() }, "ann"));
   * ```
   */
  static untrack(of: PresentProcess, key: string): boolean {
    return hubOf(currentRuntime()).presence.untrack(of.pid, of.topic, key);
  }

  /**
   * Returns the entries of a topic that this node knows, by key.
   *
   * @example Usage
   * ```ts
   * import { Presence } from "@otp/distribution/channels";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Object.keys(Presence.list("room:empty")), []);
   * ```
   */
  static list(topic: string): PresenceList {
    checkString(topic, "list the presence of");
    return JSON.parse(hubOf(currentRuntime()).presence.list(topic));
  }

  /**
   * Sends `presence_state` to a client that has no entry itself, once it has joined.
   *
   * @example A watcher
   * ```ts
   * import { Channel, Presence } from "@otp/distribution/channels";
   *
   * Channel.define("room:*", { join: (socket) => Presence.show(socket) });
   * ```
   */
  static show(socket: ChannelSocket): void {
    const { whenJoined, showPresence } = ChannelSocket.partsOf(socket);
    whenJoined(showPresence);
  }
}

/** Checks the arguments of an entry. */
function checkEntry(
  { topic, pid }: PresentProcess,
  key: unknown,
  meta: unknown,
): void {
  checkString(topic, "track a process on");
  checkPid(pid, "track");
  checkString(key, "track a process as");
  const { node } = currentRuntime();
  if (pid.node !== node) {
    throw new TypeError(
      `Cannot track ${pid}: it is a process of another node; track it there`,
    );
  }
  if (typeof meta !== "object" || meta === null || Array.isArray(meta)) {
    throw new TypeError(
      `Cannot track with the metadata ${inspect(meta)}: give an object`,
    );
  }
  const length = topic.length + key.length + JSON.stringify(meta).length;
  // The references are counted too where the entry arrives.
  if (length <= BOUNDS.key - 200) return;
  throw new RangeError(
    `Cannot track an entry of ${length} characters: ${
      BOUNDS.key - 200
    } is the most for topic, key and metadata; keep the rest elsewhere`,
  );
}
