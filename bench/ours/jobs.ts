/**
 * The peer's side of the jobs: the counterpart of `Bench.Peer` in `bench/elixir/bench.ex`, in the same
 * message shapes.
 *
 * @module
 */

import {
  type GenServerModule,
  global,
  Node,
  type Pid,
  Process,
  receive,
  self,
  send,
} from "../../mod.ts";
import {
  checkLarge,
  checkPayload,
  compute,
  type Large,
  type Payload,
} from "../measure.ts";

export interface EchoTypes {
  /** It takes no argument. */
  arg: null;
  state: null;
  call: [{ type: "echo"; value: number }, number];
}

export const Echo: GenServerModule<EchoTypes> = {
  init: (state) => ({ type: "ok", state }),
  handleCall: ({ value }, _from, state) => (
    { type: "reply", reply: value, state }
  ),
};

/** Asks for an answer to the pid that it carries. */
export interface Ping {
  type: "ping";
  /** The process to answer. */
  from: Pid;
  n: number;
}

/** Answers each ping to the pid that it carries. */
export async function pong(): Promise<never> {
  while (true) {
    const { type, from, n } = await receive() as Ping;
    if (type !== "ping") throw new Error(`Cannot answer ${type}: no ping`);
    const full = send(from, { type: "pong", n });
    if (full !== undefined) await full;
  }
}

/** Checks and counts `total` messages, reports to `from`, and starts again. */
export async function count(from: Pid, total: number): Promise<never> {
  while (true) {
    for (let n = 0; n < total; n++) checkPayload(await receive() as Payload, n);
    await send(from, { type: "counted", total });
  }
}

/** Takes `total` large messages, checks them, and reports to `from`. */
export async function take(from: Pid, total: number): Promise<void> {
  for (let n = 0; n < total; n++) {
    const { data } = await receive() as { data: Large };
    checkLarge(data);
  }
  await send(from, { type: "taken" });
}

/** The number of nodes that this one is connected to. */
export function connected(): number {
  return Node.list().length;
}

/** Takes part in the names of the cluster. */
export async function join(): Promise<void> {
  await global.sync();
}

/** Computes in steps of `ms` milliseconds, for ever: yields after one, and takes a message after the next. */
export async function work(ms: number): Promise<never> {
  for (;;) {
    compute(ms);
    await Process.sleep(0);
    compute(ms);
    send(self(), "next");
    await receive();
  }
}

/** The body of the task: as little as possible. */
export function echo(n: number): number {
  return n;
}
