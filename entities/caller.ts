/**
 * Calls of entities, from any node that has their type.
 *
 * A call finds the process of the entity and calls it. It is repeated as long as it is certain that the method has not
 * begun: the shard moves, its owner is not connected, the process has just ended. In between it waits on this node for
 * news. When it is not certain, the call ends with `unknown`, unless its caller allowed a second run.
 *
 * Certain is: an answer of the entity that says so; the exit reason `MOVED` of an entity, which has answered what it
 * began; `noproc`; a request to a node that is not connected. All else is not: a lost connection, a killed process, the end
 * of the time, and the removal of the owner from the store while the call was there.
 *
 * @module
 */

import { tracing } from "../core/context/tracing.ts";
import { ExitError } from "../core/errors.ts";
import { GenServer } from "../otp/gen_server/gen_server.ts";
import { Node } from "../node.ts";
import {
  isDown,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../otp/process/process.ts";
import { EntityError } from "./entity_error.ts";
import type { EntityNode } from "./entity_node.ts";
import type { Broadcast, EntityReply, EntityRequest } from "./entity_server.ts";
import type { EntityMessage, EntityTarget } from "./entity_types.ts";
import type { FindReply } from "./host_server.ts";
import { answeredWithin } from "./lease.ts";
import { nodeOf } from "./nodes_here.ts";

/** The time in which a node answers where an entity is, in milliseconds; it waits for nothing. */
const FINDS = 2000;

/** The bounds of the pause between attempts without news, in milliseconds. */
const PAUSE = { min: 10, max: 500 };

/** The default timeout of a call, in milliseconds. */
const TIMEOUT = 5000;

/** Why a call waits. */
type Waits = "moved" | "no_store" | "no_host" | "unreachable" | "no_node";

/** The process of an entity. */
interface Place {
  pid: Pid;
  /** Aborted when its node was removed from the store. */
  gone: AbortSignal | undefined;
}

/** Calls a method of an entity. */
export function callEntity(
  target: EntityTarget,
  method: string,
  args: unknown[],
): Promise<unknown> {
  const { definition: { name }, key, options: { id } } = target;
  const request: EntityRequest = ["call", method, args, id, undefined];
  const run = () => new EntityCall(target, method, request).run();
  if (tracing === undefined) return run();
  const span = `${name}.${method}`;
  return tracing.run(
    { name: span, kind: "client", attributes: { "otp.key": key } },
    undefined,
    run,
  );
}

/** Finds the process of an entity. */
export function findEntity(target: EntityTarget): Promise<Pid> {
  return new EntityCall(target, "pid", undefined).run() as Promise<Pid>;
}

/** One call, in all its attempts. */
class EntityCall {
  readonly #target: EntityTarget;
  readonly #method: string;
  /** The request; without one, the result is the process. */
  readonly #request: EntityRequest | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #timeout: number;
  readonly #mayRepeat: boolean;
  #end = Infinity;
  #pause = PAUSE.min;
  /** Whether an attempt may have run. */
  #mayHaveRun = false;

  constructor(
    target: EntityTarget,
    method: string,
    request: EntityRequest | undefined,
  ) {
    const { options } = target;
    const { timeout = options.deadline === undefined ? TIMEOUT : Infinity } =
      options;
    this.#target = target;
    this.#method = method;
    this.#request = request;
    this.#signal = options.signal;
    this.#mayRepeat = options.mayRunTwice === true || options.id !== undefined;
    this.#timeout = options.deadline === undefined
      ? timeout
      : Math.min(timeout, Math.max(0, options.deadline - Date.now()));
  }

  async run(): Promise<unknown> {
    this.#signal?.throwIfAborted();
    const node = this.#node();
    if (node === null) {
      throw this.#error(
        "no_host",
        "this node has no entities of that type; start Entities.childSpec() with it, with hosts: false to call only",
      );
    }
    const now = Process.monotonicTime();
    this.#end = now + this.#timeout;
    for (;;) {
      const node = this.#node();
      const place = node ? await this.#find(node) : "no_node";
      if (typeof place !== "object") {
        await this.#hold(node, place);
        continue;
      }
      if (this.#request === undefined) return place.pid;
      const reply = await this.#attempt(node!, place, this.#request);
      if (reply[0] === "ok") {
        node!.count(this.#target.definition.name, "ok");
        return reply[1];
      }
      if (reply[0] === "moved") this.#forget(node!);
      else if (reply[0] !== "no_store") throw this.#failure(reply);
      await this.#hold(node, reply[0]);
    }
  }

  #node(): EntityNode | undefined | null {
    return nodeOf(this.#target.definition.name);
  }

  /** The time left, in whole milliseconds: a timer that fires a little early must not make an attempt for each fraction. */
  get #left(): number {
    return Math.ceil(this.#end - Process.monotonicTime());
  }

  // Finding.

  async #find(node: EntityNode): Promise<Place | Waits> {
    const { definition: { name: type }, key } = this.#target;
    const shard = node.shardOf(type, key);
    const own = node.owned.get(shard)?.entities.get(key)?.pid;
    if (own !== undefined) return { pid: own, gone: undefined };
    const row = node.table.get(shard);
    const owner = row && node.nodes.get(row.owner);
    if (row === undefined || owner === undefined) {
      if (!node.isStoreUp) return "no_store";
      return node.candidates(type).length === 0 ? "no_host" : "moved";
    }
    const isHere = owner.id === node.lease.id;
    const gone = isHere ? undefined : owner.gone.signal;
    const cached = node.cache.get(`${type} ${key}`);
    // Its process may have ended: a call finds that out, which has a request.
    if (
      this.#request !== undefined && cached?.epoch === row.epoch &&
      (isHere || Node.list().includes(owner.name))
    ) return { pid: cached.pid, gone };
    if (!isHere && !await this.#isConnected(node, owner.name)) {
      return "unreachable";
    }
    const found = await this.#ask(node, owner.name, type, key);
    if (typeof found === "string") return found;
    if (found[0] === "pid") {
      const [, pid, epoch] = found;
      if (!isHere) node.remember(`${type} ${key}`, { pid, epoch });
      // Under another epoch, the owner is not the node that may be removed: it has started again, under the same name.
      return { pid, gone: epoch === row.epoch ? gone : undefined };
    }
    if (found[0] === "moved" || found[0] === "no_store") return found[0];
    throw found[0] === "parked"
      ? this.#error(
        "parked",
        "it has crashed too often; find the cause, and let it start again by Entities.release()",
        { cause: found[1] },
      )
      : this.#error(
        "overloaded",
        "all entities that its owner may have in memory are busy; raise maxEntities or add nodes",
      );
  }

  /** Whether a node is connected, or becomes so in time; a dial goes on by itself. */
  async #isConnected(node: EntityNode, name: string): Promise<boolean> {
    if (Node.list().includes(name)) return true;
    try {
      const timeout = Math.max(0, Math.min(this.#left, FINDS));
      return await answeredWithin(
        node.runtime,
        timeout,
        () => Node.connect(name),
      ) === true;
    } catch {
      return false;
    }
  }

  async #ask(
    node: EntityNode,
    owner: string,
    type: string,
    key: string,
  ): Promise<FindReply | Waits> {
    const server = { name: node.settings.name, node: owner };
    const timeout = Math.max(0, Math.min(this.#left, FINDS));
    try {
      return await GenServer.call(server, ["find", type, key], {
        timeout,
        signal: this.#signal,
      }) as FindReply;
    } catch (error) {
      if (error instanceof ExitError) return "unreachable";
      throw error;
    }
  }

  #forget(node: EntityNode): void {
    const { definition, key } = this.#target;
    node.cache.delete(`${definition.name} ${key}`);
  }

  // Calling.

  async #attempt(
    node: EntityNode,
    { pid, gone }: Place,
    request: EntityRequest,
  ): Promise<EntityReply> {
    const timeout = Math.max(0, this.#left);
    if (request[0] === "call" && timeout < Infinity) {
      request[4] = node.now() + timeout;
    }
    const signal = gone && this.#signal
      ? AbortSignal.any([gone, this.#signal])
      : gone ?? this.#signal;
    let why: string;
    try {
      const reply = await GenServer.call(pid, request, {
        timeout,
        signal,
      }) as EntityReply;
      if (reply[0] !== "unknown") return reply;
      why = reply[1];
    } catch (error) {
      if (this.#signal?.aborted) throw this.#signal.reason;
      if (gone?.aborted) why = `its owner ${pid.node} was lost`;
      else if (!(error instanceof ExitError)) throw error;
      else {
        const { reason } = error.reason as { reason: unknown };
        if (reason === "noproc" || isMoved(reason)) return ["moved"];
        why = reason === "timeout"
          ? `the time was up after ${this.#timeout} ms`
          : `its owner ${pid.node} was lost`;
      }
    }
    this.#forget(node);
    return this.#uncertain(why);
  }

  /** The answer to an attempt that may have run: another attempt, if that is allowed. */
  #uncertain(why: string): EntityReply {
    this.#mayHaveRun = true;
    return this.#mayRepeat && this.#left > 0 ? ["moved"] : ["unknown", why];
  }

  #failure(reply: EntityReply): EntityError | Error {
    switch (reply[0]) {
      case "unknown":
        this.#mayHaveRun = true;
        return this.#error(
          "unknown",
          `${
            reply[1]
          }; it may have run: read the state, or give mayRunTwice or an id`,
        );
      case "refused":
        return this.#error("refused", reply[1], { data: reply[2] });
      case "crashed":
        return this.#error(
          "crashed",
          reply[1] instanceof Error
            ? reply[1].message
            : "the method has thrown",
          { cause: reply[1] },
        );
      default:
        return this.#error(
          "no_method",
          "its owner runs code without that method; deploy the same code to all nodes",
        );
    }
  }

  #error(
    code: EntityError["code"],
    why: string,
    options: ErrorOptions & { data?: unknown } = {},
  ): EntityError {
    const { definition: { name }, key } = this.#target;
    const told = this.#mayHaveRun ? "unknown" : code;
    this.#node()?.count(name, told);
    return new EntityError(
      told,
      this.#mayHaveRun,
      `Cannot call ${this.#method} of the ${name} ${
        JSON.stringify(key)
      }: ${why}`,
      options,
    );
  }

  // Waiting.

  /** Waits for news, or some time. */
  async #hold(
    node: EntityNode | undefined | null,
    why: Waits | "moved" | "no_store",
  ): Promise<void> {
    const left = this.#left;
    if (left <= 0) throw this.#late(why);
    if (!node) {
      await Process.sleep(Math.min(left, this.#pause));
    } else {
      if (node.held >= node.settings.maxHeld) {
        throw this.#error(
          "overloaded",
          `${node.held} calls wait on this node already; raise maxHeld`,
        );
      }
      node.held++;
      try {
        await node.hold(Math.min(left, this.#pause), this.#signal);
      } finally {
        node.held--;
      }
    }
    this.#signal?.throwIfAborted();
    this.#pause = Math.min(2 * this.#pause, PAUSE.max);
  }

  #late(why: Waits): EntityError {
    const after = `the time was up after ${this.#timeout} ms`;
    switch (why) {
      case "no_store":
        return this.#error(
          "no_store",
          `${after}, without an answer of the store`,
        );
      case "no_host":
        return this.#error("no_host", `${after}, and no node hosts that type`);
      case "unreachable":
        return this.#error("timeout", `${after}; its owner is not reachable`);
      default:
        return this.#error("timeout", `${after}; its shard has no owner yet`);
    }
  }
}

/** Whether it is the exit reason of an entity that has left nothing undone. */
function isMoved(reason: unknown): boolean {
  const { type, reason: why } = (reason ?? {}) as Record<string, unknown>;
  return type === "shutdown" && why === "entity_moved";
}

// Subscriptions.

/** The pause before a relay looks for its entity again, in milliseconds. */
const LOOKS_AGAIN = 200;

/** Notifies a relay that the node of its entity was removed from the store. */
const GONE = "$entity_gone";

/** Has the broadcasts of an entity relayed to the calling process, by a process of its own. */
export async function subscribeTo(target: EntityTarget): Promise<Pid> {
  const subscriber = self();
  const first = Promise.withResolvers<void>();
  const relay = spawn(() => new Relay(target, subscriber, first).run());
  await first.promise;
  return relay;
}

/** Relays the broadcasts of an entity, wherever it is, and says where some may be missing. */
class Relay {
  readonly #target: EntityTarget;
  readonly #subscriber: Pid;
  readonly #first: PromiseWithResolvers<void>;
  /** The number of the last broadcast. */
  #last: number | undefined;

  constructor(
    target: EntityTarget,
    subscriber: Pid,
    first: PromiseWithResolvers<void>,
  ) {
    this.#target = target;
    this.#subscriber = subscriber;
    this.#first = first;
  }

  async run(): Promise<void> {
    const end = Process.monitor(this.#subscriber);
    for (;;) {
      try {
        const pid = await findEntity(this.#target);
        const watch = Process.monitor(pid);
        const reply = await GenServer.call(pid, ["subscribe"]) as EntityReply;
        if (reply[0] !== "ok") throw new Error(reply[0]);
        this.#arrivedAt(reply[1] as number);
        this.#first.resolve();
        const stop = this.#watchOwner(pid);
        if (await this.#relay(pid, watch, end)) return;
        stop();
        Process.demonitor(watch);
      } catch (error) {
        if (this.#last === undefined && error instanceof EntityError) {
          return this.#first.reject(error);
        }
        const gone = await receive(
          (m: unknown) => isDown(m) && end.equals(m.ref),
          {
            timeout: LOOKS_AGAIN,
            after: undefined,
          },
        );
        if (gone !== undefined) return;
      }
    }
  }

  /** Has this process notified when the owner is removed from the store: a frozen one does not close its connections. */
  #watchOwner({ node: name }: Pid): () => void {
    const { definition: { name: type }, key } = this.#target;
    const node = nodeOf(type);
    const row = node?.table.get(node.shardOf(type, key));
    const owner = row && node!.nodes.get(row.owner);
    if (owner?.name !== name) return () => {};
    const { signal } = owner.gone;
    const relay = self();
    const notify = () => send(relay, GONE);
    signal.addEventListener("abort", notify);
    return () => signal.removeEventListener("abort", notify);
  }

  /** Relays until the entity or its node is lost, or the subscriber exits; returns whether it was the subscriber. */
  async #relay(
    pid: Pid,
    watch: { equals(other: unknown): boolean },
    end: { equals(other: unknown): boolean },
  ): Promise<boolean> {
    for (;;) {
      const message = await receive<unknown>();
      if (message === GONE) return false;
      if (isDown(message)) {
        if (end.equals(message.ref)) return true;
        if (watch.equals(message.ref)) return false;
        continue;
      }
      const { type, from, number, message: content } =
        (message ?? {}) as Broadcast;
      if (type !== "$entity_broadcast" || !pid.equals(from)) continue;
      // An entity that was busy when the connection broke sends to the subscription of before: a gap covers that.
      if (number <= this.#last!) continue;
      this.#arrivedAt(number - 1);
      this.#last = number;
      this.#send({ event: "message", number, message: content });
    }
  }

  /** Notes that broadcasts up to a number were sent. */
  #arrivedAt(number: number): void {
    if (this.#last !== undefined && this.#last !== number) {
      this.#send({ event: "gap", number });
    }
    this.#last = number;
  }

  #send(message: Omit<EntityMessage, "type" | "entity" | "key">): void {
    const { definition: { name: entity }, key } = this.#target;
    send(this.#subscriber, { type: "entity", entity, key, ...message });
  }
}
