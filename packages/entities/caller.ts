/**
 * Calls of entities, from any node that has their type.
 *
 * A call finds the process of the entity and calls it. It is repeated as long as it is certain that the method has not
 * begun: the shard moves, its owner is not connected, the process has just ended. In between it waits on this node for
 * news. When it is not certain, the call ends with `unknown`, unless its caller allowed a second run.
 *
 * Certain is: an answer of the entity that says so; the exit reason {@linkcode EntityEnd} of an entity, which has
 * answered what it began; `noproc`; a request to a node that is not connected. All else is not: a lost connection, a
 * killed process, the end of the time, and the removal of the owner from the store while the call was there.
 *
 * @module
 */

import { runInside } from "@otp/processes/context/async_context";
import { tracing } from "@otp/processes/context/tracing";
import { ExitError } from "@otp/processes/errors";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { waitingProcess } from "@otp/processes/runtime/current_process";
import { PendingCall } from "@otp/servers/server/call";
import { GenServer } from "@otp/servers/gen_server/gen_server";
import { type Pid, Process } from "@otp/processes/process";
import { EntityError, type EntityErrorCode } from "./entity_error.ts";
import type { EntityNode, KnownType } from "./entity_node.ts";
import type { EntityEnd } from "./entity_server.ts";
import type { EntityReply, EntityRequest, ReadRequest } from "./requests.ts";
import type { EntityCallOptions, EntityTarget } from "./entity_types.ts";
import type { FindReply } from "./host_server.ts";
import { inspect } from "@otp/processes/values/inspect";
import { answeredWithin } from "./lease.ts";
import { typeHere } from "./nodes_here.ts";

/**
 * The time in which a node answers where an entity is, in milliseconds; it waits for nothing. A busy node gets twice the
 * time with each question: else the questions of many callers would keep it busy.
 */
const FINDS = 2000;

/** The bounds of the pause between attempts without news, in milliseconds. */
const PAUSE = { min: 10, max: 500 };

/** The default timeout of a call, in milliseconds. */
const TIMEOUT = 5000;

/** Why a call waits. */
type Waits = "moved" | "no_store" | "no_host" | "unreachable" | "no_node";

/** The error of a call whose time is up while it waits. */
const LATE: Record<Waits, [code: EntityErrorCode, why: string]> = {
  moved: ["timeout", "; its shard has no owner yet"],
  no_node: ["timeout", "; its shard has no owner yet"],
  no_store: ["no_store", ", without an answer of the store"],
  no_host: ["no_host", ", and no node hosts that type"],
  unreachable: ["timeout", "; its owner is not reachable"],
};

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
  const request: EntityRequest = id === undefined
    ? ["call", method, args]
    : ["call", method, args, id];
  if (tracing === undefined) {
    return FirstAttempt.start(target, method, request)?.promise ??
      new EntityCall(target, method, request).run();
  }
  const span = `${name}.${method}`;
  return tracing.run(
    { name: span, kind: "client", attributes: { "otp.key": key } },
    undefined,
    // A traced call has the span of its request too.
    () => new EntityCall(target, method, request).run(),
  );
}

/** Calls a read of an entity: the server of its owner answers, beside the entity. */
export function readEntity(
  target: EntityTarget,
  method: string,
  args: unknown[],
): Promise<unknown> {
  const { definition: { name }, key } = target;
  const call = () =>
    new EntityCall(target, method, ["read", name, key, method, args]).run();
  return tracing === undefined ? call() : tracing.run(
    {
      name: `${name}.${method}`,
      kind: "client",
      attributes: { "otp.key": key },
    },
    undefined,
    call,
  );
}

/** Asks an entity something else than a method. */
export function askEntity(
  target: EntityTarget,
  what: string,
  request: EntityRequest,
  options: EntityCallOptions = target.options,
): Promise<unknown> {
  return new EntityCall({ ...target, options }, what, request).run();
}

/** Finds the process of an entity. */
export function findEntity(target: EntityTarget): Promise<Pid> {
  return new EntityCall(target, "pid", undefined).run() as Promise<Pid>;
}

/** The milliseconds that a call may take. */
export function callTimeout({ timeout, deadline }: EntityCallOptions): number {
  if (deadline === undefined) return timeout ?? TIMEOUT;
  return Math.min(timeout ?? Infinity, Math.max(0, deadline - Date.now()));
}

/** The process of an entity, if this node knows it. It may have ended: a call finds that out, which has a request. */
function knownPlace(type: KnownType, key: string): Place | undefined {
  const { node } = type;
  const pid = node.pidHere(type, key);
  if (pid !== undefined) return { pid, gone: undefined };
  const cached = type.cache.get(key);
  if (cached === undefined) return undefined;
  const row = node.rowOf(type.definition.name, key);
  const owner = row && node.nodes.get(row.owner);
  return owner !== undefined && cached.epoch === row!.epoch &&
      node.runtime.visible.has(owner.name)
    ? { pid: cached.pid, gone: owner.gone.signal }
    : undefined;
}

/** One call, in all its attempts. */
class EntityCall {
  readonly #target: EntityTarget;
  readonly #method: string;
  /** The request; without one, the result is the process. */
  readonly #request: EntityRequest | ReadRequest | undefined;
  /** Whether it changes nothing. */
  readonly #isRead: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #timeout: number;
  readonly #mayRepeat: boolean;
  #end: number;
  #pause = PAUSE.min;
  #finds = FINDS;
  /** Whether an attempt may have run. */
  #mayHaveRun = false;

  /** Creates a call; `end` is when its time is up, on the node's clock, if that has begun. */
  constructor(
    target: EntityTarget,
    method: string,
    request: EntityRequest | ReadRequest | undefined,
    timeout: number = callTimeout(target.options),
    end = Infinity,
  ) {
    const { signal, mayRunTwice, id } = target.options;
    this.#target = target;
    this.#method = method;
    this.#request = request;
    this.#signal = signal;
    this.#isRead = request?.[0] === "read";
    this.#mayRepeat = this.#isRead || mayRunTwice === true || id !== undefined;
    this.#timeout = timeout;
    this.#end = end;
  }

  async run(): Promise<unknown> {
    this.#signal?.throwIfAborted();
    if (this.#node() === null) {
      throw this.#error(
        "no_host",
        "this node has no entities of that type; start Entities.childSpec() with it, with hosts: false to call only",
      );
    }
    this.#end = Process.monotonicTime() + this.#timeout;
    return await this.goOn();
  }

  /** Makes attempts, after the answer to the first if there was one. */
  async goOn(
    node?: EntityNode | null,
    reply?: EntityReply,
  ): Promise<unknown> {
    for (;;) {
      if (reply !== undefined) {
        if (reply[0] === "ok") {
          this.#typeOn(node!).succeeded++;
          return reply[1];
        }
        await this.#hold(node, this.#whyRepeat(node!, reply));
      }
      node = this.#node();
      const place = node ? await this.#find(node) : "no_node";
      if (typeof place !== "object") {
        await this.#hold(node, place);
        reply = undefined;
        continue;
      }
      if (this.#request === undefined) return place.pid;
      reply = await this.#attempt(node!, place, this.#request);
    }
  }

  #node(): EntityNode | undefined | null {
    const type = typeHere(this.#target.definition.name);
    return type && type.node;
  }

  #typeOn(node: EntityNode): KnownType {
    return node.knownType(this.#target.definition.name);
  }

  /** The time left, in whole milliseconds: a timer that fires a little early must not make an attempt for each fraction. */
  get #left(): number {
    return Math.ceil(this.#end - Process.monotonicTime());
  }

  // Finding.

  async #find(node: EntityNode): Promise<Place | Waits> {
    const { definition: { name: type }, key } = this.#target;
    const known = knownPlace(this.#typeOn(node), key);
    const isCertain = known?.gone === undefined || this.#request !== undefined;
    if (known !== undefined && isCertain) return known;
    const row = node.rowOf(type, key);
    const owner = row && node.nodes.get(row.owner);
    if (row === undefined || owner === undefined) {
      if (!node.isStoreUp) return "no_store";
      return node.candidates(type).length === 0 ? "no_host" : "moved";
    }
    const isHere = owner.id === node.lease.id;
    const gone = isHere ? undefined : owner.gone.signal;
    if (!isHere && !await this.#isConnected(node, owner.name)) {
      return "unreachable";
    }
    const found = await this.#ask(node, owner.name, gone);
    if (typeof found === "string") return found;
    if (found[0] === "pid") {
      const [, pid, epoch] = found;
      // An owner answers for its own processes only: the call has the name of this process.
      if (pid?.node !== owner.name) return "moved";
      if (!isHere) node.remember(this.#typeOn(node), key, { pid, epoch });
      // Under another epoch, the owner is not the node that may be removed: it has started again, under the same name.
      return { pid, gone: epoch === row.epoch ? gone : undefined };
    }
    if (found[0] === "moved" || found[0] === "no_store") return found[0];
    throw found[0] === "parked"
      ? this.#error(
        "parked",
        "it has crashed too often; find the cause, and let it start again by Entities.release(), or wait (retryParked)",
        { cause: found[1] },
      )
      : this.#error(
        "overloaded",
        "all entities that its owner may have in memory are busy; raise maxEntities or add nodes",
      );
  }

  /** Whether a node is connected, or becomes so in time; a dial goes on by itself. */
  async #isConnected(node: EntityNode, name: string): Promise<boolean> {
    if (node.runtime.visible.has(name)) return true;
    try {
      const timeout = Math.max(0, Math.min(this.#left, this.#finds));
      const { connected } = await answeredWithin(
        node.runtime,
        timeout,
        () => node.runtime.connectTo({ node: name }, "changes"),
      );
      return connected;
    } catch {
      return false;
    }
  }

  /** Asks an owner; a wait for an owner that is removed from the store ends. */
  async #ask(
    node: EntityNode,
    owner: string,
    gone: AbortSignal | undefined,
  ): Promise<FindReply | Waits> {
    const { definition: { name: type }, key } = this.#target;
    const server = { name: node.settings.name, node: owner };
    const timeout = Math.max(0, Math.min(this.#left, this.#finds));
    const signal = this.#until(gone);
    try {
      const request = ["find", type, key];
      return await GenServer.call(server, request, {
        timeout,
        signal,
      }) as FindReply;
    } catch (error) {
      if (this.#signal?.aborted) throw this.#signal.reason;
      if (gone?.aborted) return "moved";
      if (!(error instanceof ExitError)) throw error;
      this.#finds *= 2;
      return "unreachable";
    }
  }

  /** Aborted when the caller aborts the call, or the owner is gone. */
  #until(gone: AbortSignal | undefined): AbortSignal | undefined {
    return gone && this.#signal
      ? AbortSignal.any([gone, this.#signal])
      : gone ?? this.#signal;
  }

  // Calling.

  async #attempt(
    node: EntityNode,
    { pid, gone }: Place,
    request: EntityRequest | ReadRequest,
  ): Promise<EntityReply> {
    const timeout = Math.max(0, this.#left);
    setEnd(request, node, timeout);
    const server = request[0] === "read"
      ? { name: node.settings.name, node: pid.node }
      : pid;
    const signal = this.#until(gone);
    try {
      return await GenServer.call(server, request, {
        timeout,
        signal,
      }) as EntityReply;
    } catch (error) {
      if (this.#signal?.aborted) throw this.#signal.reason;
      if (gone?.aborted) return unanswered(pid, "gone", this.#timeout);
      if (!(error instanceof ExitError)) throw error;
      const { reason } = error.reason as { reason: unknown };
      return unanswered(pid, reason, this.#timeout);
    }
  }

  /** Why the call waits for another attempt; throws if the attempt with this answer is the last. */
  #whyRepeat(node: EntityNode, reply: EntityReply): "moved" | "no_store" {
    if (reply[0] === "no_store") return "no_store";
    const mayHaveRun = reply[0] === "unknown";
    this.#mayHaveRun ||= mayHaveRun && !this.#isRead;
    if (mayHaveRun || reply[0] === "moved") {
      this.#typeOn(node).cache.delete(this.#target.key);
    }
    const isLast = mayHaveRun
      ? !this.#mayRepeat || this.#left <= 0
      : reply[0] !== "moved";
    if (isLast) throw this.#failure(reply);
    return "moved";
  }

  #failure(reply: EntityReply): EntityError | Error {
    switch (reply[0]) {
      case "unknown":
        if (this.#isRead) return this.#error("timeout", reply[1]);
        return this.#error(
          "unknown",
          `${
            reply[1]
          }; it may have run: read the state, or give mayRunTwice or an id`,
        );
      case "overloaded":
        return this.#error("overloaded", reply[1]);
      case "refused":
        return this.#error("refused", reply[1], { data: reply[2] });
      case "sql":
        return this.#error("sql", reply[1]);
      case "crashed":
        return this.#error(
          "crashed",
          reply[1] instanceof Error
            ? reply[1].message
            : `the method has thrown ${inspect(reply[1])}`,
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
    code: EntityErrorCode,
    why: string,
    options: ErrorOptions & { data?: unknown } = {},
  ): EntityError {
    const { definition: { name }, key } = this.#target;
    const told = this.#mayHaveRun ? "unknown" : code;
    this.#node()?.countFailure(name, told);
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
    why: Waits,
  ): Promise<void> {
    const left = this.#left;
    if (left <= 0) {
      const [code, what] = LATE[why];
      const after = `the time was up after ${this.#timeout} ms`;
      throw this.#error(code, `${after}${what}`);
    }
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
}

/** The first attempt of a call, if its process is known: its promise is the promise of the call. */
class FirstAttempt extends PendingCall<unknown> {
  readonly #target: EntityTarget;
  readonly #method: string;
  readonly #request: EntityRequest;
  readonly #timeout: number;
  readonly #type: KnownType;
  readonly #entity: Pid;

  private constructor(
    target: EntityTarget,
    method: string,
    request: EntityRequest,
    timeout: number,
    type: KnownType,
    { pid, gone }: Place,
    process: LocalProcess,
  ) {
    const options = timeout === TIMEOUT && gone === undefined
      ? USUAL
      : { timeout, signal: gone, as: NO_MFA };
    super(process, pid, request, options);
    this.#target = target;
    this.#method = method;
    this.#request = request;
    this.#timeout = timeout;
    this.#type = type;
    this.#entity = pid;
  }

  /** Sends the request of a call, unless the call must wait for something first. */
  static start(
    target: EntityTarget,
    method: string,
    request: EntityRequest,
  ): FirstAttempt | undefined {
    const { definition: { name }, key, options } = target;
    const process = waitingProcess();
    if (process === undefined || options.signal !== undefined) return undefined;
    const type = typeHere(name, process.runtime);
    const place = type && knownPlace(type, key);
    if (!type || !place) return undefined;
    const timeout = callTimeout(options);
    // On this node, the entity knows whether the caller still waits.
    if (place.gone !== undefined) setEnd(request, type.node, timeout);
    return new FirstAttempt(
      target,
      method,
      request,
      timeout,
      type,
      place,
      process,
    ).send(place.pid);
  }

  override reply(reply: EntityReply): void {
    if (reply?.[0] !== "ok") {
      return this.#goOn(() =>
        reply ?? ["unknown", "its owner answered nothing"]
      );
    }
    this.#type.succeeded++;
    this.settle(reply[1]);
  }

  override failFor(reason: unknown): void {
    this.#goOn(() => unanswered(this.#entity, reason, this.#timeout));
  }

  override aborted(): void {
    this.cancel();
    this.failFor("gone");
  }

  /** Makes the other attempts, as code of the calling process. */
  #goOn(answer: () => EntityReply): void {
    this.settleBy(() => {
      const call = new EntityCall(
        this.#target,
        this.#method,
        this.#request,
        this.#timeout,
        this.due ?? this.process.runtime.clock.now() + this.#timeout,
      );
      return runInside(
        this.process,
        () => call.goOn(this.#type.node, answer()),
      );
    });
  }
}

/** Not used: errors of entities describe the call. */
const NO_MFA = (): [string, string, unknown[]] => ["Entity", "call", []];

/** The options of most attempts. */
const USUAL = { timeout: TIMEOUT, as: NO_MFA };

/** Tells the entity when its caller gives up. */
function setEnd(
  request: EntityRequest | ReadRequest,
  node: EntityNode,
  timeout: number,
): void {
  if (request[0] !== "call" || timeout === Infinity) return;
  request[3] ??= undefined;
  request[4] = node.now() + timeout;
}

/** The answer to an attempt that has ended without one. */
function unanswered(
  entity: Pid,
  reason: unknown,
  timeout: number,
): EntityReply {
  if (reason === "noproc") return ["moved"];
  if (reason === "calling_self") return ["crashed", new TypeError(SELF)];
  const end = endOf(entity, reason);
  if (end !== undefined) {
    const [, , hasStarted] = end;
    return hasStarted ? ["moved"] : ["crashed", (reason as Error).cause];
  }
  if (reason === "timeout") {
    return ["unknown", `the time was up after ${timeout} ms`];
  }
  return [
    "unknown",
    reason instanceof Error
      ? `${entity.node} could not answer: ${reason.message}`
      : `its owner ${entity.node} was lost`,
  ];
}

const SELF =
  "an entity that calls itself would wait for itself; call a function with the state instead";

/** Reads the exit reason of an entity that has ended itself. */
function endOf(entity: Pid, reason: unknown): EntityEnd | undefined {
  const { type, reason: inner, data } = (reason ?? {}) as Record<
    string,
    unknown
  >;
  const end = type === "shutdown" ? inner : data;
  if (!Array.isArray(end)) return undefined;
  const [mark, ended] = end;
  return mark === "entity_ended" && entity.equals(ended)
    ? end as EntityEnd
    : undefined;
}
