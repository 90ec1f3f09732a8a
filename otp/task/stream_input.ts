/** The elements of a stream of tasks. */

import { ignore } from "../../core/promises/promises.ts";
import { inspect } from "../../core/values/inspect.ts";

/** @throws {TypeError} If a value is not iterable. */
export function assertEnumerable(elements: unknown): void {
  const given = elements as Partial<Iterable<unknown> & AsyncIterable<unknown>>;
  const isEnumerable = elements !== undefined && elements !== null &&
    (typeof given[Symbol.iterator] === "function" ||
      typeof given[Symbol.asyncIterator] === "function");
  if (isEnumerable) return;
  throw new TypeError(
    `Cannot stream ${
      inspect(elements)
    }: give an iterable, such as an array or a generator`,
  );
}

/** The elements of an iterable or async iterable. */
export class StreamInput {
  /** Whether the source has ended or failed. */
  done = false;
  #isPulling = false;
  readonly #iterator: Iterator<unknown> | AsyncIterator<unknown>;
  readonly #isAsync: boolean;

  constructor(elements: Iterable<unknown> | AsyncIterable<unknown>) {
    this.#isAsync = Symbol.asyncIterator in Object(elements);
    this.#iterator = this.#isAsync
      ? (elements as AsyncIterable<unknown>)[Symbol.asyncIterator]()
      : (elements as Iterable<unknown>)[Symbol.iterator]();
  }

  next(): IteratorResult<unknown> | Promise<IteratorResult<unknown>> {
    return this.#isAsync
      ? this.#nextAsync()
      : this.#check(() => this.#iterator.next() as IteratorResult<unknown>);
  }

  async #nextAsync(): Promise<IteratorResult<unknown>> {
    try {
      this.#isPulling = true;
      const next = await this.#iterator.next();
      this.done = next.done === true;
      return next;
    } catch (error) {
      this.done = true;
      throw error;
    } finally {
      this.#isPulling = false;
    }
  }

  #check(next: () => IteratorResult<unknown>): IteratorResult<unknown> {
    this.done = true;
    const result = next();
    this.done = result.done === true;
    return result;
  }

  async close(): Promise<void> {
    if (this.done) return;
    const returned = this.#iterator.return?.();
    // A generator returns only after its next yield, and a cancelled stream does not wait for it.
    if (this.#isPulling) Promise.resolve(returned).catch(ignore);
    else await returned;
  }
}
