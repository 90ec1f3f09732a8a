/**
 * Reads: methods that run at once, in a process of their own beside the entity's, on its last accepted state.
 *
 * The state that a read gets is one that a reply could have shown: it was loaded, or its write was accepted. It is frozen,
 * and made from its text once for all reads until another state is accepted. Whether the node owns the shard, and its
 * lease is valid, is asked when a read takes the state: that moment is during the call.
 *
 * @module
 */

import type { Runtime } from "@otp/processes/process/runtime";
import type { EntityContext } from "./entity_context.ts";
import { Refusal } from "./entity_error.ts";
import { Changes, endedWithin } from "./lease.ts";
import type { EntityReply } from "./requests.ts";

/** A state that cannot be changed, in all of its parts. */
export type ReadonlyState<S> = S extends readonly (infer T)[]
  ? readonly ReadonlyState<T>[]
  : S extends object ? { readonly [K in keyof S]: ReadonlyState<S[K]> }
  : S;

/** An entity as its reads see it. */
export interface EntityReadContext<S>
  extends Pick<EntityContext<S>, "key" | "fence" | "now" | "refuse"> {
  /** The last accepted state, as it was when the read began. */
  readonly state: ReadonlyState<S>;
}

/** Answers one kind of call from the last accepted state of an entity. */
export type EntityRead<S> = (
  room: EntityReadContext<S>,
  // deno-lint-ignore no-explicit-any
  ...args: any[]
) => unknown;

/** The reads of an entity. */
export type EntityReads<S> = Record<string, EntityRead<S>>;

/** The reads as callers have them. */
export type ReadCalls<M> = M extends { reads: infer R } ? {
    readonly [K in keyof R]: R[K] extends // deno-lint-ignore no-explicit-any
    (room: any, ...args: infer A) => infer V
      ? (...args: A) => Promise<Awaited<V>>
      : never;
  }
  : unknown;

/** The last accepted state of an entity in memory. */
export class AcceptedState {
  #text: string | undefined;
  /** What reads get from now on instead of a state. */
  #end: EntityReply | undefined;
  readonly #changes = new Changes();
  #frozen: { text: string; state: unknown } | undefined;

  /** Takes the text of another state. */
  accept(text: string): void {
    const isFirst = this.#text === undefined;
    this.#text = text;
    if (isFirst) this.#changes.notify();
  }

  /** The entity has ended, with that answer for reads. */
  end(reply: EntityReply): void {
    this.#end ??= reply;
    this.#changes.notify();
  }

  /** Waits until there is a state; returns the answer if the entity has ended. */
  async loaded(): Promise<EntityReply | undefined> {
    while (this.#text === undefined && this.#end === undefined) {
      await this.#changes.wait();
    }
    return this.#end;
  }

  /** The state, frozen. */
  get state(): unknown {
    const text = this.#text!;
    if (this.#frozen?.text !== text) {
      this.#frozen = { text, state: JSON.parse(text, freeze) };
    }
    return this.#frozen!.state;
  }
}

/** Freezes each part of a text that is parsed, the inner ones first. */
function freeze(_name: string, value: unknown): unknown {
  return Object.freeze(value);
}

/** Runs a read; its error ends nothing. */
export async function runRead(
  runtime: Runtime,
  read: EntityRead<unknown>,
  room: Omit<EntityReadContext<unknown>, "refuse">,
  args: unknown[],
  limit: number,
): Promise<EntityReply> {
  try {
    const value = read(new ReadRoom(room), ...args);
    return ["ok", await endedWithin(runtime, limit, value)];
  } catch (error) {
    return error instanceof Refusal
      ? ["refused", error.message, error.data]
      : ["crashed", isChange(error) ? changeError(room.key, error) : error];
  }
}

/** An entity as one read sees it. */
class ReadRoom implements EntityReadContext<unknown> {
  readonly key: string;
  readonly fence: number;
  readonly now: () => number;
  readonly #state: unknown;

  constructor(
    { key, fence, now, state }: Omit<EntityReadContext<unknown>, "refuse">,
  ) {
    this.key = key;
    this.fence = fence;
    this.now = now;
    this.#state = state;
  }

  // deno-lint-ignore no-explicit-any
  get state(): any {
    return this.#state;
  }

  set state(_state: unknown) {
    throw changeError(this.key);
  }

  refuse(message: string, data?: unknown): never {
    throw new Refusal(message, data);
  }
}

/** Whether an error is that of a change of a frozen value, in the words of V8 or JavaScriptCore. */
function isChange(error: unknown): error is TypeError {
  return error instanceof TypeError &&
    /read-? ?only|not extensible|delete property/i.test(error.message) &&
    !error.message.startsWith("Cannot change the state");
}

function changeError(key: string, cause?: TypeError): TypeError {
  const why = cause === undefined ? "" : ` (${cause.message})`;
  return new TypeError(
    `Cannot change the state of ${key} in a read: its state is frozen${why}; change a copy, as of structuredClone(), or make it a method`,
    cause && { cause },
  );
}
