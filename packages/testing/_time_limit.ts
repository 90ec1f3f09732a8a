/** Limits of waits. */

/** A promise that rejects after a time. */
export class TimeLimit implements Disposable {
  readonly expired: Promise<never>;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Begins a wait.
   *
   * @param ms The time in milliseconds; without it, there is no limit.
   * @param error Creates the error.
   */
  constructor(ms: number | undefined, error: () => Error) {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.expired = promise;
    if (ms !== undefined) this.#timer = setTimeout(() => reject(error()), ms);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
