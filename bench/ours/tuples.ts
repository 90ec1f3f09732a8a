/**
 * The peer's side of the jobs beside Elixir: the messages are those of `bench/elixir/bench.ex`, tuples with an
 * atom, so that either end can be that program.
 *
 * @module
 */

import {
  atom,
  type GenServerModule,
  type Pid,
  receive,
  send,
  Tuple,
  tuple,
} from "../../mod.ts";
import {
  checkLarge,
  checkPayload,
  type Large,
  type Payload,
  payload,
} from "../measure.ts";

const PING = atom("ping");
const PONG = atom("pong");
const MSG = atom("msg");
const TEXT = atom("text");
const COUNTED = atom("counted");
const ECHO = atom("echo");
const DATA = atom("data");
const TAKEN = atom("taken");

/** The items of a message that has that atom first. */
function items(message: unknown, kind: unknown): readonly unknown[] {
  if (message instanceof Tuple && message.elements[0] === kind) {
    return message.elements;
  }
  throw new Error(`Cannot go on: ${message} is no ${kind}`);
}

/** Asks for an answer to a pid. */
export function pingOf(from: Pid, n: number): Tuple {
  return tuple(PING, from, n);
}

/** The number of an answer. */
export function numberOf(pong: unknown): number {
  return items(pong, PONG)[1] as number;
}

/** The number of messages that were counted. */
export function totalOf(counted: unknown): number {
  return items(counted, COUNTED)[1] as number;
}

/** The message number `n` of a row. */
export function payloadOf(row: string, n: number): Tuple {
  const made = payload(row, n);
  return made.type === "text" ? tuple(TEXT, n, made.text) : tuple(MSG, n);
}

/** A request of the server that is called. */
export function echoOf(value: number): Tuple {
  return tuple(ECHO, value);
}

export function dataOf(data: Large): Tuple {
  return tuple(DATA, data);
}

/** Whether a message says that all large messages have arrived. */
export function isTaken(message: unknown): boolean {
  return message === TAKEN;
}

function received(message: unknown): Payload {
  const { elements } = message as Tuple;
  const n = elements[1] as number;
  return elements[0] === TEXT
    ? { type: "text", n, text: elements[2] as string }
    : { type: "msg", n: items(message, MSG)[1] as number };
}

export const Echo: GenServerModule<{
  arg: null;
  state: null;
  call: [Tuple, number];
}> = {
  init: (state) => ({ type: "ok", state }),
  handleCall: (request, _from, state) => (
    { type: "reply", reply: items(request, ECHO)[1] as number, state }
  ),
};

/** Answers each ping to the pid that it carries. */
export async function pong(): Promise<never> {
  while (true) {
    const [, from, n] = items(await receive(), PING) as [unknown, Pid, number];
    const full = send(from, tuple(PONG, n));
    if (full !== undefined) await full;
  }
}

/** Checks and counts `total` messages, reports to `from`, and starts again. */
export async function count(from: Pid, total: number): Promise<never> {
  while (true) {
    for (let n = 0; n < total; n++) {
      checkPayload(received(await receive()), n);
    }
    await send(from, tuple(COUNTED, total));
  }
}

/** Takes `total` large messages, checks them, and reports to `from`. */
export async function take(from: Pid, total: number): Promise<void> {
  for (let n = 0; n < total; n++) {
    checkLarge(items(await receive(), DATA)[1] as Large | string);
  }
  await send(from, TAKEN);
}

/** The body of the task: as little as possible. */
export function echo(n: number): number {
  return n;
}
