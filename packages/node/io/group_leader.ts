/** The group leader of a node: a process that owns a device, and reads and writes for other processes. */

import { outside } from "@otp/processes/context/async_context";
import { onUnnamedRuntime } from "@otp/processes/runtime/default_node";
import { printable } from "@otp/processes/values/inspect";
import { Pid, Ref } from "@otp/processes/values/pid";
import { type ReplyTarget, ReplyTo } from "@otp/processes/values/reply_to";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { type IoRequest, isTyped } from "@otp/servers/server/messages";
import { type IoDevice, standardIo } from "./io_device.ts";
import {
  type IoResult,
  type LeaderOperation,
  LeaderOperations,
} from "./leader_operations.ts";
import { ignore } from "@otp/processes/promises/promises";
import { onDown } from "@otp/servers/server/on_exit";
import { failMonitor } from "@otp/processes/process/deaths";
import { spawnProcess } from "@otp/processes/spawning/spawn_process";

/**
 * Starts the group leader of a node, and registers it as `user`.
 *
 * Any process can kill the leader, so a new one starts under its name, as in OTP. Processes that had the dead leader
 * keep its pid, and their output fails.
 */
export function startGroupLeader(runtime: Runtime, device: IoDevice): Pid {
  const process = spawnProcess(runtime, () => serveDevice(process, device), {
    label: "user",
  });
  runtime.names.register("user", process);
  process.abortSignal().addEventListener("abort", () => {
    if (!runtime.stopped) outside(() => startGroupLeader(runtime, device));
  });
  return process.pid;
}

/** Gives the unnamed node a group leader before its first use: the node's processes print, here or on other nodes. */
export function prepareUnnamedNode(): void {
  onUnnamedRuntime(startStandardLeader);
}

function startStandardLeader(runtime: Runtime): void {
  startGroupLeader(runtime, standardIo());
}

/** Serves a device for the processes whose group leader the process is. */
export async function serveDevice(
  process: LocalProcess,
  device: IoDevice,
): Promise<never> {
  const reads = new PendingReads(process);
  const writes = new PendingWrites();
  const operations = new LeaderOperations(device);
  for (;;) {
    const message = await process.nextMessage();
    if (!isTyped(message, "io_request")) continue;
    const { from, replyAs, request } = message as unknown as IoRequest;
    if (
      !(from instanceof Pid) ||
      !(replyAs instanceof Ref || replyAs instanceof ReplyTo) ||
      replyAs.node !== from.node
    ) continue;
    const node = askingNode(process.runtime, from);
    const reply = (result: IoResult) => answer(process, replyAs, result);
    const perform = async () => {
      if (!process.alive) return;
      reply(await operations.perform(request, node));
    };
    // Output must not wait for people, but a prompt for the output before it.
    const isTaken = waitsForInput(request)
      ? reads.add({ from, node, perform: after(writes.settled, perform) })
      : writes.add({ request, node, perform });
    if (!isTaken) reply({ type: "error", reason: "system_limit" });
  }
}

function after(
  before: Promise<void> | undefined,
  perform: () => Promise<void>,
): () => Promise<void> {
  return before === undefined ? perform : () => before.then(perform);
}

/** The other node that `from` acts for: its own node, or the node that started it here. */
function askingNode(runtime: Runtime, from: Pid): string | undefined {
  return from.node === runtime.node
    ? runtime.find(from)?.cold?.origin
    : from.node;
}

function answer(
  process: LocalProcess,
  replyAs: ReplyTarget,
  result: IoResult,
): void {
  if (!process.alive) return;
  // Only a wire makes a `ReplyTo` for such a request, and encodes the result.
  const reply = (result: IoResult) =>
    process.reply(
      replyAs,
      replyAs instanceof ReplyTo ? result : ownReply(result),
    );
  try {
    reply(result);
  } catch (error) {
    // The line is larger than the caller's node accepts.
    try {
      reply({ type: "error", reason: printable(String(error)) });
    } catch {
      // The tag of a call can alone be as large as a message.
      const ref = replyAs instanceof Ref ? replyAs : replyAs.monitor;
      if (ref !== undefined) {
        failMonitor(process, ref, "system_limit");
      }
    }
  }
}

/** Encodes a result for nodes of this library. */
function ownReply(result: IoResult): unknown {
  return typeof result === "object" && result.type === "text"
    ? { [result.of]: result.text }
    : result;
}

const INPUT = ["get_line", "get_chars"];

function waitsForInput(request: LeaderOperation): boolean {
  return INPUT.includes(request?.type) ||
    (request?.type === "requests" && Array.isArray(request.requests) &&
      request.requests.some(waitsForInput));
}

/** The maximum pending output of other nodes, in characters. */
const MAX_FOREIGN = 4 << 20;

/** The size of a request without its text. */
const OVERHEAD = 256;

interface PendingWrite {
  request: LeaderOperation;
  /** The asking node; `undefined` for this node. */
  node: string | undefined;
  /** Performs the request, and answers it. */
  perform(): Promise<void>;
}

/**
 * Pending writes of a group leader.
 *
 * The leader writes one request at a time, in order. Processes of this node wait for the answer, which holds them
 * back. Other nodes can send without waiting, so the size of their pending output is limited.
 */
export class PendingWrites {
  #last: Promise<void> | undefined;
  #foreign = 0;

  /** Resolves when all output is written; `undefined` if none is pending. */
  get settled(): Promise<void> | undefined {
    return this.#last;
  }

  /** Queues a request; returns false if other nodes have too much pending output. */
  add({ request, node, perform }: PendingWrite): boolean {
    const size = node === undefined ? 0 : sizeOf(request);
    if (this.#foreign > 0 && this.#foreign + size > MAX_FOREIGN) return false;
    this.#foreign += size;
    const written = this.#last === undefined
      ? perform()
      : this.#last.then(perform);
    const done: Promise<void> = written.catch(ignore).then(() => {
      this.#foreign -= size;
      if (this.#last === done) this.#last = undefined;
    });
    this.#last = done;
    return true;
  }
}

function sizeOf(request: unknown): number {
  const { chars, requests } = (request ?? {}) as Record<string, unknown>;
  if (typeof chars === "string") return OVERHEAD + chars.length;
  return Array.isArray(requests)
    ? requests.reduce((sum, each) => sum + sizeOf(each), OVERHEAD)
    : OVERHEAD;
}

interface Read {
  /** The asking process. */
  from: Pid;
  /** The other node that the process reads for; `undefined` for this node. */
  node: string | undefined;
  /** Performs the request, and answers it. */
  perform(): Promise<void>;
}

/** A read that counts towards the quota of its node. */
interface CountedRead {
  readonly isPending: boolean;
  /** Gives the quota back, and stops watching the asking process. */
  release(): void;
}

/**
 * Pending reads of a group leader.
 *
 * The reads of one node are served in order. Each node has its own queue, so that a reading peer does not block code
 * of this node. A peer's pending read counts towards its quota until it is answered or the asking process exits.
 */
class PendingReads {
  readonly #process: LocalProcess;
  readonly #last = new Map<string, Promise<void>>();

  /** Creates an empty queue for the leader `process`. */
  constructor(process: LocalProcess) {
    this.#process = process;
  }

  /** Adds a read; returns false if its node has reached its quota. */
  add(read: Read): boolean {
    const { node } = read;
    const { runtime } = this.#process;
    const held = node === undefined ? undefined : this.#count(node, read.from);
    if (node !== undefined && held === undefined) return false;
    const lane = node ?? runtime.node;
    const last = (this.#last.get(lane) ?? Promise.resolve()).then(async () => {
      const isWanted = held === undefined
        ? runtime.find(read.from) !== undefined
        : held.isPending;
      if (isWanted) await read.perform();
      held?.release();
      if (this.#last.get(lane) === last) this.#last.delete(lane);
    });
    this.#last.set(lane, last);
    return true;
  }

  /** Counts a read towards a node's quota until it is answered, or the asking process exits. */
  #count(node: string, from: Pid): CountedRead | undefined {
    const process = this.#process;
    if (!process.keepFor(node)) return undefined;
    const held = {
      isPending: true,
      release: () => {
        if (!held.isPending) return;
        held.isPending = false;
        process.release(ref);
        process.dropFor(node);
      },
    };
    const ref = process.runtime.makeRef();
    onDown(process, from, held.release, held.release, ref);
    return held;
  }
}
