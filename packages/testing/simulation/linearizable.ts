/**
 * A checker of histories: whether all calls can have taken effect one at a time, each between its start and its end.
 *
 * The search of Wing and Gong: it takes one call after the other that may be the next, undoes what leads nowhere, and
 * visits no pair of the calls taken and the state twice (Lowe's improvement). A call may be the next if no other that is
 * not taken has ended before it began. A call that may or may not have run can be taken at any time after its start, or
 * never.
 *
 * @module
 */

/** A call as its caller saw it. */
export interface SimulatedCall {
  /** The node of the caller. */
  readonly node: string;
  /** The type of the entity. */
  readonly type: string;
  /** The key of the entity. */
  readonly key: string;
  /** The method of the entity that was called. */
  readonly method: string;
  /** The arguments. */
  readonly args: readonly unknown[];
  /** The id of the request, if it had one. */
  readonly id: string | undefined;
  /** Whether the call may run twice. */
  readonly mayRunTwice: boolean;
  /** When it began, in milliseconds since the start of the life. */
  readonly from: number;
  /** When it ended; `Infinity` if it has not, as its caller was killed. */
  to: number;
  /** The result, if there is one. */
  value?: unknown;
  /** The code of the `EntityError`, if it failed. */
  code?: string;
  /** Whether it may have run: it has a result, has failed with `"unknown"`, or has not ended. */
  mayHaveRun: boolean;
}

/** A model of a key's methods, which run one at a time. */
export interface SequentialModel<S> {
  /** Returns the first state of a key: a JSON value. */
  state(): S;
  /** Returns the next state and the result of a call; it must not change the given state. */
  apply(state: S, call: SimulatedCall): [state: S, value: unknown];
  /**
   * Returns whether a call can still have its result after a state, possibly after other calls. Without this function
   * the answer is yes. It makes the search short where many calls may or may not have run.
   */
  leadsTo?(state: S, call: SimulatedCall): boolean;
}

/** The number of situations after which the search is given up. */
const MOST = 200_000;

/** The length of a result in an error. */
const SHORT = 50;

/** The number of times that a call with `mayRunTwice` is assumed to run, beside the one with the result. */
const AGAIN = 2;

/**
 * Asserts that the calls of each key are linearizable: all of them can have taken effect one at a time, each between
 * its start and its end, with the results that their callers got. A call that may or may not have run takes effect at any
 * time after its start, or never; a call that has certainly not run, never.
 *
 * @typeParam S The state of the model.
 * @param calls The calls, as `life.calls` of {@linkcode simulate} has them.
 * @param model What the methods of a key do. A state and a result are JSON values.
 * @throws {Error} If the calls of a key have no such order.
 *
 * @example Usage
 * ```ts
 * import { assertLinearizable, type SimulatedCall } from "@otp/distribution/testing";
 * import { assertThrows } from "@std/assert";
 *
 * const call = (method: string, from: number, to: number, value: unknown): SimulatedCall => ({
 *   node: "alex@localhost", type: "counter", key: "visits", method, args: [],
 *   id: undefined, mayRunTwice: false, from, to, value, mayHaveRun: true,
 * });
 * const model = {
 *   state: () => 0,
 *   apply: (n: number, { method }: SimulatedCall): [number, number] =>
 *     method === "add" ? [n + 1, n + 1] : [n, n],
 * };
 * // The read began before the addition had ended, so either order is possible.
 * assertLinearizable([call("add", 0, 10, 1), call("read", 5, 6, 0)], model);
 * assertThrows(() => assertLinearizable([call("add", 0, 10, 1), call("read", 11, 12, 0)], model));
 * ```
 */
export function assertLinearizable<S>(
  calls: readonly SimulatedCall[],
  model: SequentialModel<S>,
): void {
  const byKey = Map.groupBy(calls, ({ type, key }) => `${type} ${key}`);
  for (const [key, ofKey] of byKey) {
    const stuck = new Search(ofKey, model).run();
    if (stuck === undefined) continue;
    throw new Error(
      `Cannot find an order of the calls of ${key}: ${stuck}`,
    );
  }
}

/** A search for an order of one key's calls. */
class Search<S> {
  readonly #model: SequentialModel<S>;
  /** The calls with a result, then those that may have run. */
  readonly #calls: SimulatedCall[];
  /** The number of calls with a result. */
  readonly #certain: number;
  readonly #isTaken: boolean[];
  readonly #visited = new Set<string>();
  /** The longest order of calls with results, and the state at its end, for the error. */
  #best = { taken: -1, text: "" };

  constructor(calls: readonly SimulatedCall[], model: SequentialModel<S>) {
    const certain = calls.filter(isCertain);
    const again = certain.filter(({ mayRunTwice }) => mayRunTwice)
      .flatMap((call) => Array.from({ length: AGAIN }, () => call));
    const uncertain = calls.filter((call) =>
      !isCertain(call) && call.mayHaveRun
    );
    const twice = uncertain.filter(({ mayRunTwice }) => mayRunTwice);
    this.#model = model;
    this.#certain = certain.length;
    this.#calls = [
      ...certain.toSorted((one, other) => one.from - other.from),
      ...[...again, ...uncertain, ...twice]
        .toSorted((one, other) => one.from - other.from),
    ];
    this.#isTaken = this.#calls.map(() => false);
  }

  /** Returns where no order goes on, unless there is one. */
  run(): string | undefined {
    return this.#goOn(this.#model.state(), 0) ? undefined : this.#best.text;
  }

  #goOn(state: S, taken: number): boolean {
    if (taken === this.#certain) return true;
    const text = JSON.stringify(state) ?? "undefined";
    const situation = `${this.#isTaken.map(Number).join("")} ${text}`;
    if (this.#visited.has(situation)) return false;
    this.#visited.add(situation);
    if (this.#visited.size > MOST) {
      throw new Error(
        `Cannot decide whether the calls have an order: ${MOST} situations are not enough; make fewer calls`,
      );
    }
    const candidates = this.#candidates();
    const [next] = candidates;
    if (taken > this.#best.taken) {
      const call = this.#calls[next];
      this.#best = {
        taken,
        text: `${taken} calls have one, which leads to ${
          short(text)
        }, and this one does not fit: ${told(call)}`,
      };
    }
    const { leadsTo } = this.#model;
    if (
      leadsTo &&
      candidates.some((at) =>
        at < this.#certain && !leadsTo(state, this.#calls[at])
      )
    ) return false;
    for (const at of candidates) {
      const call = this.#calls[at];
      const [after, value] = this.#model.apply(state, call);
      const hasResult = at < this.#certain;
      if (hasResult ? !isSame(value, call.value) : isSame(after, state)) {
        continue;
      }
      this.#isTaken[at] = true;
      if (this.#goOn(after, taken + (hasResult ? 1 : 0))) return true;
      this.#isTaken[at] = false;
    }
    return false;
  }

  /** The calls that may be the next: those with the earliest end first, and those that may not have run last. */
  #candidates(): number[] {
    const left = [...this.#calls.keys()].filter((at) => !this.#isTaken[at]);
    const ends = left.filter((at) => at < this.#certain)
      .map((at) => this.#calls[at].to);
    const end = Math.min(...ends);
    const may = left.filter((at) => this.#calls[at].from <= end);
    return [
      ...may.filter((at) => at < this.#certain)
        .sort((one, other) => this.#calls[one].to - this.#calls[other].to),
      ...may.filter((at, i) =>
        at >= this.#certain &&
        // Of calls that do the same, the first can stand for all.
        !may.slice(0, i).some((other) =>
          other >= this.#certain && doSame(this.#calls[at], this.#calls[other])
        )
      ),
    ];
  }
}

function isCertain({ code, to }: SimulatedCall): boolean {
  return code === undefined && to < Infinity;
}

function doSame(one: SimulatedCall, other: SimulatedCall): boolean {
  return one.method === other.method && one.id === other.id &&
    isSame(one.args, other.args);
}

function isSame(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

/** A call in words. */
export function told(call: SimulatedCall): string {
  const { node, type, key, method, args, to, value, code } = call;
  const list = args.map((arg) => JSON.stringify(arg)).join(", ");
  const result = to === Infinity
    ? "no end"
    : `${code ?? short(JSON.stringify(value))} at ${seconds(to)}`;
  return `${shortName(node)} calls ${method}(${list}) of the ${type} ${
    JSON.stringify(key)
  }: ${result}`;
}

/** A text without its middle, if it is long. */
function short(text = "undefined"): string {
  const half = SHORT / 2;
  return text.length <= SHORT
    ? text
    : `${text.slice(0, half)}…${text.slice(-half)}`;
}

/** A moment, in seconds. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`;
}

/** The name of a node without its host. */
export function shortName(node: string): string {
  return node.split("@")[0];
}
