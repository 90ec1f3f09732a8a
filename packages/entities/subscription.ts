/**
 * Subscriptions at entities, by a process of their own, which subscribes again wherever the entity is then.
 *
 * The process knows that news are missing when it has to subscribe again: the process of the entity has ended, its node was
 * lost, or the node was removed from the store, as a frozen one does not close its connections.
 *
 * @module
 */

import {
  isDown,
  type Pid,
  Process,
  receive,
  type Ref,
  self,
  send,
  spawn,
} from "@otp/processes/process";
import { currentProcess } from "@otp/processes/runtime/current_process";
import { askEntity } from "./caller.ts";
import type { Broadcast, Subscription } from "./entity_server.ts";
import type { EntityMessage, EntityTarget } from "./entity_types.ts";
import type { EntityRequest } from "./requests.ts";
import { typeHere } from "./nodes_here.ts";

/** The pause before a subscription is tried again, in milliseconds. */
const TRIES_AGAIN = 200;

/** A subscription at an entity, wherever it is. */
export abstract class EntityFollower {
  readonly target: EntityTarget;
  readonly #kind: "subscribe" | "follow";
  readonly #end: Ref | undefined;
  #hasBegun = false;

  /** Creates a subscription that ends with the process of a monitor of the calling process, if there is one. */
  constructor(target: EntityTarget, kind: "subscribe" | "follow", end?: Ref) {
    this.target = target;
    this.#kind = kind;
    this.#end = end;
  }

  /** Takes the answer of an entity to the first subscription, and to those after news may be missing. */
  protected abstract begin(subscription: Subscription): void | Promise<void>;

  /** Takes a message of the entity, which has the token of the subscription. */
  protected abstract take(message: { type?: unknown }): void;

  /** Subscribes again and again: the code of a process. Rejects if the first subscription fails. */
  async run(): Promise<void> {
    for (;;) {
      try {
        const token = crypto.randomUUID();
        const subscription = await this.#subscribe(token);
        const [, pid] = subscription;
        const watch = Process.monitor(pid);
        await this.begin(subscription);
        this.#hasBegun = true;
        if (await this.#relay(token, watch, this.#removal(pid))) return;
      } catch (error) {
        if (!this.#hasBegun) throw error;
        const gone = await receive((m: unknown) => this.#isEnd(m), {
          timeout: TRIES_AGAIN,
          after: undefined,
        });
        if (gone !== undefined) return;
      }
    }
  }

  /** The options of the handle are for the first time only. */
  async #subscribe(token: string): Promise<Subscription> {
    const given = this.#hasBegun ? {} : this.target.options;
    const options = { ...given, mayRunTwice: true };
    const kind = this.#kind;
    const request: EntityRequest = [kind, token] as const;
    return await askEntity(this.target, kind, request, options) as Subscription;
  }

  /** The signal that the owner was removed from the store. */
  #removal({ node: name }: Pid): AbortSignal | undefined {
    const { definition: { name: type }, key } = this.target;
    const node = typeHere(type)?.node;
    const row = node?.rowOf(type, key);
    const owner = row && node!.nodes.get(row.owner);
    return owner?.name === name ? owner.gone.signal : undefined;
  }

  /** Whether a message says that the subscriber has exited. Any process can send a DOWN. */
  #isEnd(message: unknown): boolean {
    return isDown(message) && this.#end?.equals(message.ref) === true &&
      currentProcess().isDown(message.ref);
  }

  /** Takes messages until the entity or the subscriber exits; returns whether it was the subscriber. Rejects at the signal. */
  async #relay(
    token: string,
    watch: Ref,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    for (;;) {
      const message = await receive<unknown>(() => true, { signal })
        .catch((error) => {
          Process.demonitor(watch);
          throw error;
        });
      if (this.#isEnd(message)) return true;
      if (isDown(message) && currentProcess().isDown(message.ref)) {
        if (watch.equals(message.ref)) return false;
        continue;
      }
      const news = (message ?? {}) as { type?: unknown; token?: unknown };
      if (news.token === token) this.take(news);
    }
  }
}

/** Has the broadcasts of an entity relayed to the calling process, by a process of its own. */
export async function subscribeTo(target: EntityTarget): Promise<Pid> {
  const subscriber = self();
  const first = Promise.withResolvers<void>();
  const relay = spawn(() =>
    new Relay(target, subscriber, first.resolve).run().catch(first.reject)
  );
  await first.promise;
  return relay;
}

/** Relays the broadcasts of an entity, and says where some may be missing. */
class Relay extends EntityFollower {
  readonly #subscriber: Pid;
  readonly #begun: () => void;
  /** The number of the last broadcast, and the process that has counted it. */
  #last: number | undefined;
  #entity: Pid | undefined;

  constructor(target: EntityTarget, subscriber: Pid, begun: () => void) {
    super(target, "subscribe", Process.monitor(subscriber));
    this.#subscriber = subscriber;
    this.#begun = begun;
  }

  protected override begin([number, entity]: Subscription): void {
    const isOther = this.#entity?.equals(entity) === false;
    this.#entity = entity;
    this.#arrivedAt(number, isOther);
    this.#begun();
  }

  protected override take(news: { type?: unknown }): void {
    const { type, number, message } = news as Broadcast;
    if (type !== "$entity_broadcast") return;
    // An entity that was busy when the connection broke sends to the subscription of before: a gap covers that.
    if (number <= this.#last!) return;
    this.#arrivedAt(number - 1);
    this.#last = number;
    this.#send({ event: "message", number, message });
  }

  /** Notes that broadcasts up to a number were sent; `isOther` if another process of the entity counts now. */
  #arrivedAt(number: number, isOther = false): void {
    const hasGap = this.#last !== undefined && this.#last !== number;
    if (hasGap || isOther) this.#send({ event: "gap", number });
    this.#last = number;
  }

  #send(message: Omit<EntityMessage, "type" | "entity" | "key">): void {
    const { definition: { name: entity }, key } = this.target;
    send(this.#subscriber, { type: "entity", entity, key, ...message });
  }
}
