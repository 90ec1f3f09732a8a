/** Exit reasons that are huge, or do harm when they are inspected. */

import {
  GenServer,
  type GenServerModule,
} from "../../../packages/servers/gen_server/gen_server.ts";
import type { ChildSpec } from "../../../packages/servers/supervisor/supervisor.ts";
import {
  exit,
  type Pid,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";

class Throwing {
  toString(): string {
    throw new Error("toString");
  }
  toJSON(): string {
    throw new Error("toJSON");
  }
  [Symbol.toPrimitive](): string {
    throw new Error("toPrimitive");
  }
}

class Huge extends Error {
  override readonly name = "N".repeat(1_000_000);
  override message = "M".repeat(1_000_000);
}

function nested(depth: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = "deep";
  for (let i = 0; i < depth; i++) value = wrap(value);
  return value;
}

function throwing(...keys: string[]): object {
  const value = {};
  for (const key of keys) {
    Object.defineProperty(value, key, {
      enumerable: true,
      get() {
        throw new Error(key);
      },
    });
  }
  return value;
}

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

function errorWith(fields: Record<string, unknown>): Error {
  const error = new Error("plain");
  for (const [key, value] of Object.entries(fields)) {
    Object.defineProperty(error, key, { value, configurable: true });
  }
  return error;
}

function fail(): never {
  throw new Error("trap");
}

/** The reasons, created anew for each exit. */
export const REASONS: Record<string, () => unknown> = {
  "a string of 5 MB": () => "x".repeat(5_000_000),
  "5 MB of control characters": () => ({ text: "\u0000".repeat(5_000_000) }),
  "lone surrogates": () => "\ud800".repeat(1000) + "\udfff",
  "an object in itself": () => {
    const value: Record<string, unknown> = {};
    value.self = value;
    return value;
  },
  "a shutdown in itself": () => {
    const value: Record<string, unknown> = { type: "shutdown" };
    value.reason = value;
    return value;
  },
  "a failed start in itself": () => {
    const value: Record<string, unknown> = { type: "failed_to_start_child" };
    value.reason = value.id = value;
    return value;
  },
  "a map and a set in themselves": () => {
    const map = new Map<unknown, unknown>();
    const set = new Set<unknown>([map]);
    return map.set(map, set).set(set, map);
  },
  "an error that is its own cause": () => {
    const error = new Error("cause");
    error.cause = error;
    return error;
  },
  "getters that throw": () => throwing("type", "reason", "a"),
  "a type that throws": () => Object.assign(throwing("type"), { reason: 1 }),
  "a proxy that throws": () =>
    new Proxy({}, {
      get: fail,
      has: fail,
      ownKeys: fail,
      getPrototypeOf: fail,
      getOwnPropertyDescriptor: fail,
    }),
  "a revoked proxy": () => revoked({}),
  "a revoked proxy of an array": () => [revoked([])],
  "arrays 10,000 deep": () => nested(10_000, (inner) => [inner]),
  "objects 61 deep": () => nested(61, (inner) => ({ inner })),
  "objects with $ keys 55 deep": () => nested(55, (inner) => ({ $a: inner })),
  "shutdowns 10,000 deep": () =>
    nested(10_000, (reason) => ({ type: "shutdown", reason })),
  "keys that begin with $": () => ({ $ref: 1, $pid: [], $: { $$: "$" } }),
  "a key that is huge": () => ({ ["k".repeat(1_000_000)]: 1 }),
  "a function": () => fail,
  "an object with a function": () => ({ f: fail, g: [() => {}] }),
  "a symbol": () => Symbol("s".repeat(100_000)),
  "an instance that throws": () => new Throwing(),
  "a frozen instance": () => Object.freeze([new Throwing(), new Throwing()]),
  "an object without a prototype": () =>
    Object.assign(Object.create(null), { type: "call", call: [], reason: 1 }),
  "a call of instances": () => ({
    type: "call",
    reason: new Throwing(),
    call: [new Throwing(), new Throwing(), [new Throwing()]],
  }),
  "a node that throws": () => ({ type: "nodedown", node: new Throwing() }),
  "an error": () => new Error("plain"),
  "an error that is huge": () => new Huge(),
  "an error with a stack of 5 MB": () =>
    errorWith({ stack: "s\n".repeat(2_500_000) }),
  "an error whose fields throw": () =>
    Object.defineProperties(new Error("x"), {
      name: { get: fail },
      message: { get: fail },
      stack: { get: fail },
      cause: { get: fail },
    }),
  "an error whose name and message are no strings": () =>
    errorWith({ name: new Throwing(), message: Symbol("m"), stack: 1 }),
  "an error with a proxy as its cause": () =>
    new Error("x", { cause: REASONS["a proxy that throws"]() }),
  "an integer of 100,000 digits": () => 10n ** 100_000n,
  "an array of 1,000,000 items": () => new Array(1_000_000).fill("item"),
  "an object of 50,000 keys": () =>
    Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, i])),
  "bytes": () => new Uint8Array(3_000_000),
  "an invalid date": () => new Date(NaN),
  "nothing": () => undefined,
  "not a number": () => NaN,
};

export function throwHostile(reason: unknown): never {
  throw reason;
}

/** Exits with a hostile reason when it receives a message. */
export async function endOn(name: string): Promise<never> {
  await receive();
  return exit(REASONS[name]());
}

/** Exits with the reason `"after"`. */
export function endPlainly(): never {
  return exit("after");
}

/** A server that ends as requested. */
const ReasonServer: GenServerModule<
  { arg: Pid; state: null; info: { end: string } }
> = {
  name: "ReasonServer",
  init(owner) {
    send(owner, { started: true, pid: self() });
    return { type: "ok", state: null };
  },
  handleInfo(message) {
    throw REASONS[(message as { end: string }).end]();
  },
};

/** The server as the child of a supervisor; the owner is notified of each start. */
export function reasonChild(owner: Pid): ChildSpec {
  return { id: "child", start: () => GenServer.startLink(ReasonServer, owner) };
}
