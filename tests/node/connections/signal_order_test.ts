/** Signals of one process reach another in order over real sockets: of all sizes, up to its exit or the loss of its node. */

import { assertEquals } from "@std/assert";
import { setImmediate } from "node:timers/promises";
import { Node } from "../../../node.ts";
import {
  exit,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { clusterTest } from "../../_nodes.ts";
import fc, { runs } from "../../_seeds.ts";

/** Small values, and values whose signals arrive in parts, as JSON or as attachments. */
const VALUES: readonly unknown[] = [
  "small",
  { small: 1n },
  "attached ".repeat(50),
  new Uint8Array(200_000),
  ["l".repeat(70_000), Array.from({ length: 6_000 }, (_, n) => [n])],
  Array.from({ length: 9_000 }, (_, id) => ({ id })),
  Array.from({ length: 50_000 }, (_, id) => `text ${id}`),
];

/** Ways to send a value to the process that records. */
const WAYS = {
  pid: ({ pid }: Target, value: unknown) => void send(pid, value),
  name: ({ pid }: Target, value: unknown) =>
    void send({ name: "recorder", node: pid.node }, value),
  alias: ({ alias }: Target, value: unknown) => void send(alias, value),
  exit: ({ pid }: Target, value: unknown) => void Process.exit(pid, value),
};

interface Target {
  pid: Pid;
  alias: ReturnType<typeof Process.alias>;
}

const step = fc.record({
  way: fc.constantFrom(...Object.keys(WAYS) as (keyof typeof WAYS)[]),
  value: fc.nat(VALUES.length - 1),
  turns: fc.constantFrom(0, 0, 0, 1, 5),
});

/** The actions of each sender, and the end: all exit, or a node closes the connection after some turns. */
const story = fc.record({
  scripts: fc.array(
    fc.record({
      steps: fc.array(step, { minLength: 1, maxLength: 8 }),
      reason: fc.nat(VALUES.length - 1),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  end: fc.constantFrom("exit", "exit", "kate closes", "alex closes"),
  turns: fc.nat(1000),
});

/** A value as text: comparing the text of large values is much faster. */
function shown(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, item) =>
      item instanceof Uint8Array || typeof item === "bigint" ? `${item}` : item,
  );
}

async function pass(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await setImmediate();
}

clusterTest(
  "signals between two processes keep their order, up to the end",
  async (cluster) => {
    const [alex, kate] = await cluster.startAll(["alex", "kate"]);
    const property = fc.asyncProperty(
      story,
      ({ scripts, end, turns }) =>
        alex.run(async () => {
          Process.trapExit(true);
          Process.register(self(), "recorder");
          const target: Target = { pid: self(), alias: Process.alias() };
          const senders = await kate.run(() =>
            scripts.map(({ steps, reason }) =>
              spawn(async () => {
                await receive();
                for (const [n, { way, value, turns }] of steps.entries()) {
                  WAYS[way](target, { from: self(), n, value: VALUES[value] });
                  await pass(turns);
                }
                if (end === "exit") {
                  exit({ last: VALUES[reason] });
                }
                await receive(() => false);
              })
            )
          );
          assertEquals(await Node.ping(kate.name), "pong");
          for (const pid of senders) {
            Process.link(pid);
            Process.monitor(pid);
            send(pid, "go");
          }
          if (end !== "exit") {
            await pass(turns);
            const [node, other] = end === "kate closes"
              ? [kate, alex]
              : [alex, kate];
            await node.run(() => void Node.disconnect(other.name));
          }
          const got = new Map(
            senders.map((pid) => [pid.number, [] as string[]]),
          );
          for (let left = 2 * senders.length, isOver = false; !isOver;) {
            const message = await receive();
            const { type, reason = message } = message;
            const { from, n, value } = reason;
            if (message === "over") {
              isOver = true;
            } else if (from !== undefined) {
              got.get(from.number)!.push(`${n} ${shown(value)}`);
            } else {
              const pid: Pid = type === "DOWN" ? message.object : message.from;
              got.get(pid.number)!.push(shown(reason));
              if (--left > 0) continue;
              // The ping waits for a new connection where the old one was closed.
              assertEquals(await Node.ping(kate.name), "pong");
              await kate.run(() => void send(target.pid, "over"));
            }
          }
          for (const [i, { steps, reason }] of scripts.entries()) {
            const signals = got.get(senders[i].number)!;
            const sent = steps.map(({ value }, n) =>
              `${n} ${shown(VALUES[value])}`
            );
            // A node that closes loses the last signals.
            const last = end === "exit"
              ? { last: VALUES[reason] }
              : "noconnection";
            if (end !== "exit") sent.length = signals.length - 2;
            assertEquals(signals, [...sent, shown(last), shown(last)]);
          }
        }),
    );
    await fc.assert(property, { numRuns: runs(60) });
  },
  { timeout: 120_000 },
);
