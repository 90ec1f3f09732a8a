/** The module of the workers that `bench/workers.ts` measures. */

import { type Pid, receive, self, send } from "../../mod.ts";

/** Computes for some milliseconds: no memory, so that two cores share nothing. */
export function compute(rounds: number): number {
  let value = 1;
  for (let i = 0; i < rounds; i++) value = (value * 48271) % 2147483647;
  return value;
}

/** Sends each message back to the pid in it. */
export async function echo(to: Pid): Promise<never> {
  send(to, self());
  for (;;) {
    const message = await receive();
    send(message.from, message);
  }
}

/** Counts messages, and reports after `most` messages. */
export async function count(to: Pid, most: number): Promise<never> {
  send(to, self());
  for (;;) {
    for (let i = 0; i < most; i++) await receive();
    send(to, "counted");
  }
}
