/**
 * `AsyncLocalStorage` for browsers, as far as the library uses it.
 *
 * The page's code has no `async` functions: the bundler has made generators of them, whose steps are callbacks of
 * `Promise.prototype.then`. So it is enough that this function, timers and `queueMicrotask` keep the context of their
 * callbacks. Listeners of events run in the context of the code that dispatches the event, or in none.
 *
 * @module
 */

/** The values of all storages. */
type Context = ReadonlyMap<object, unknown>;

type Callback<A extends unknown[], R> = (...args: A) => R;

let current: Context = new Map();

function within<R>(context: Context, fn: () => R): R {
  const before = current;
  current = context;
  try {
    return fn();
  } finally {
    current = before;
  }
}

/** Returns a function that runs `fn` in the context of now. */
export function kept<A extends unknown[], R>(
  fn: Callback<A, R>,
): Callback<A, R> {
  const context = current;
  return (...args) => within(context, () => fn(...args));
}

export class AsyncLocalStorage<T> {
  getStore(): T | undefined {
    return current.get(this) as T | undefined;
  }

  run<A extends unknown[], R>(value: T, fn: Callback<A, R>, ...args: A): R {
    return within(new Map(current).set(this, value), () => fn(...args));
  }

  static snapshot(): <R>(fn: () => R) => R {
    const context = current;
    return (fn) => within(context, fn);
  }
}

/** Has a method keep the context of the functions that it is given. */
function keepContexts(owner: object, name: string): void {
  const method = Reflect.get(owner, name) as Callback<unknown[], unknown>;
  Object.defineProperty(owner, name, {
    configurable: true,
    writable: true,
    value(...args: unknown[]) {
      const all = args.map((arg) =>
        typeof arg === "function"
          ? kept(arg as Callback<unknown[], unknown>)
          : arg
      );
      return Reflect.apply(method, this, all);
    },
  });
}

keepContexts(Promise.prototype, "then");
keepContexts(globalThis, "queueMicrotask");
keepContexts(globalThis, "setTimeout");
keepContexts(globalThis, "setInterval");
