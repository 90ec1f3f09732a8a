/**
 * Signals between processes, over random lives of a simulated cluster: messages, links, monitors, exits,
 * names and aliases.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Pid } from "../../packages/processes/process.ts";
import type { NodeRuntime } from "../../packages/processes/runtime/node_runtime.ts";
import type { Signals } from "../../packages/processes/signals/signal.ts";
import { test } from "../../packages/testing/tags.ts";
import { textFrame } from "../../packages/node/json/json_frames.ts";
import fc, { runs } from "../_seeds.ts";
import { anyLife, type Faults, type Life, live } from "./_simulated_faults.ts";
import { assertLives } from "../_simulated_lives.ts";
import { internalsOf } from "../../packages/node/start/node_internals.ts";

const RUNS = 150;

function keepsPromises(
  faults: () => Faults = () => ({}),
): fc.IAsyncProperty<[Life]> {
  return fc.asyncProperty(anyLife, async (life) => {
    const { wrong } = await live(life, faults());
    if (wrong.length > 0) throw new Error(wrong.join("\n"));
  });
}

const SIGNALS = "signals: random lives";
test(SIGNALS, { timeout: 3_600_000 }, async () => {
  await assertLives(SIGNALS, keepsPromises(), RUNS);
});

/** Lives that have failed, as `assertLives` prints them. */
const LIVES: Record<string, string> = {
  "a process that is unlinked before its spawn is answered has no link":
    `{"seed":-231626104,"nodes":3,"delay":{"min":1,"max":5},"commands":[
      ["unlink",9,0,0],["spawnLink",0,4,0],["unlink",0,0,0],["restart",5,0,0],["link",0,0,0],["spawn",0,0,0],
      ["unlink",0,0,0],["spawnMonitor",1,0,0],["pause",3,0,0],["link",0,0,0],["unlink",0,0,0],["spawnLink",1,4,0],
      ["link",0,4,0],["unlink",0,6,0]]}`,
  "a process whose spawn was not answered, as the connection was lost, can be linked anew":
    `{"seed":0,"nodes":3,"delay":{"min":1,"max":5},"commands":[
      ["end",2,0,0],["spawnLink",0,0,0],["spawnLink",0,4,0],["spawnLink",8,5,0],["pause",12,0,0],
      ["spawnMonitor",8,0,0],["spawnLink",0,1,0],["trap",13,1,0],["spawnLink",3,8,0],["spawnMonitor",0,0,0],
      ["pause",10,0,0],["trap",0,13,0],["disconnect",1,11,0],["cut",0,11,0],["link",9,2,0],["trap",5,13,0]]}`,
};

for (const [name, life] of Object.entries(LIVES)) {
  test(name, async () => {
    assertEquals((await live(JSON.parse(life))).wrong, []);
  });
}

function messageOf({ errorInstance }: fc.RunDetails<[Life]>): string {
  return (errorInstance as Error).message;
}

test("a life is the same in each run", { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(anyLife, async (life) => {
      const traces = [await live(life), await live(life)].map(({ trace }) =>
        trace()
      );
      assertEquals(traces[0], traces[1]);
    }),
    { numRuns: runs(RUNS / 10) },
  );
});

type Signal = [kind: string, ...rest: unknown[]];

/** A fault of the network: one in three signals of a kind is changed on its way. */
function changing(
  kind: string,
  change: (signal: Signal) => Signal[],
): () => Faults {
  return () => {
    const strikes = onceIn(3);
    const changed = (signal: Signal): Signal[] =>
      signal[0].replace("*", "") === kind && strikes()
        ? change(signal)
        : [signal];
    return {
      tamper(frame) {
        // A tick, attachments, raw bytes, or a frame of the handshake.
        if (frame.length === 4 || frame[0] >= 0x40) return [frame];
        const content = JSON.parse(new TextDecoder().decode(frame.subarray(4)));
        return Array.isArray(content)
          ? [textFrame(JSON.stringify(content.flatMap(changed)))]
          : [frame];
      },
    };
  };
}

/** A fault of a node: a method that replaces one that delivers signals to its processes. */
function replacing<K extends keyof Signals>(
  kind: K,
  replace: (runtime: NodeRuntime, original: Signals[K]) => Signals[K],
): () => Faults {
  return () => ({
    plant(node) {
      const { runtime } = internalsOf(node);
      const { local } = runtime;
      const original = local[kind] as (...args: unknown[]) => unknown;
      local[kind] = replace(runtime, original.bind(local) as Signals[K]);
    },
  });
}

/** A fault of a node: a function that replaces the removal from one of its tables. */
function removing<T extends "names" | "aliases">(
  table: T,
  replace: (
    original: NodeRuntime[T]["delete"],
  ) => NodeRuntime[T]["delete"],
): () => Faults {
  return () => ({
    plant(node) {
      const entries = internalsOf(node).runtime[table];
      entries.delete = replace(entries.delete.bind(entries));
    },
  });
}

/** Returns true once in that many calls. */
function onceIn(times: number): () => boolean {
  let count = 0;
  return () => ++count % times === 0;
}

function lost(): Signal[] {
  return [];
}

/** Planted faults, each with the pattern of the violations that it causes, and a seed that soon leads to one [1]. */
const PLANTED: Record<string, [() => Faults, RegExp, seed?: number]> = {
  "a message delivered twice": [
    changing("send", (signal) => [signal, signal]),
    /came twice/,
  ],
  "a message lost on a connection that stays": [
    changing("send", lost),
    /never came/,
    16,
  ],
  "an exit signal lost on a connection that stays": [
    changing("exit", lost),
    /never came/,
    7,
  ],
  "a DOWN lost between nodes": [
    changing("down", lost),
    /the monitor of .* never told/,
  ],
  "an EXIT lost between nodes": [
    changing("exit_link", lost),
    // Only the EXIT drops the link to an earlier incarnation of the node.
    /the link of .* never told|is still being ended/,
  ],
  "a DOWN lost within a node": [
    replacing("down", (runtime, down) => (from, to, ref, reason) => {
      if (from.node !== runtime.node) down(from, to, ref, reason);
    }),
    /the monitor of .* never told/,
  ],
  "monitors that are not notified of a lost connection": [
    replacing("down", (_, down) => (from, to, ref, reason) => {
      if (reason !== "noconnection") down(from, to, ref, reason);
    }),
    /the monitor of .* never told/,
  ],
  "links that are not notified of a lost connection": [
    replacing("exitLink", (_, exitLink) => (from, to, reason) => {
      if (reason !== "noconnection") exitLink(from, to, reason);
    }),
    /the link of .* never told/,
  ],
  "a DOWN that comes twice": [
    replacing("down", (runtime, down) => (from, to, ref, reason) => {
      const process = runtime.find(to);
      const { target, node } = process?.entries?.get(ref.number) ?? {};
      down(from, to, ref, reason);
      if (target === undefined || !process!.alive) return;
      process!.addMonitor(ref, target, node!);
      down(from, to, ref, reason);
    }),
    /told 2 times/,
  ],
  "a DOWN that comes before the messages sent earlier": [
    replacing("send", (runtime, send) => (from, to, message) => {
      // A message from another node takes one more turn than its DOWN.
      if (from.node === runtime.node) return send(from, to, message);
      queueMicrotask(() => send(from, to, message));
    }),
    /after the end of its sender|came to \d+ after letter/,
    7,
  ],
  "a message delivered to a node's next incarnation": [
    replacing(
      "send",
      ({ node, creation }, send) => (from, to, message) =>
        send(from, new Pid(node, to.number, creation), message),
    ),
    /who was not meant/,
  ],
  "a kill that can be trapped": [
    replacing(
      "exit",
      (_, exit) => (from, to, reason) =>
        exit(from, to, reason === "kill" ? "killed" : reason),
    ),
    /which is not so|never came|was made|processes left/,
  ],
  "a name that is free after its process's exit is announced": [
    removing("names", (remove) => (name) => {
      queueMicrotask(() => remove(name));
      return true;
    }),
    /was not free|names left|is the name of/,
    2,
  ],
  "a demonitor lost on a connection that stays": [
    changing("demonitor", lost),
    /is watched by .*, which does not/,
    16,
  ],
  "an unlink's ack lost on a connection that stays": [
    changing("unlink_ack", lost),
    /is still being ended/,
    26,
  ],
  "a name that outlives its process": [
    removing("names", () => () => true),
    /is the name of .*, which has it not/,
  ],
  "an alias that outlives its process": [
    removing("aliases", () => () => true),
    /is an alias of .*, which has it not|aliases left|failed/,
  ],
  "an unlink that is ignored": [
    replacing("unlink", () => () => {}),
    /over a link that was ended before|has one end/,
    19,
  ],
};

const SLOW = { timeout: 600_000, tags: ["slow"] };

for (const [what, [faults, said, seed = 1]] of Object.entries(PLANTED)) {
  test(`${what} is found within 2000 lives`, SLOW, async () => {
    const found = await fc.check(keepsPromises(faults), {
      numRuns: 2000,
      seed,
      endOnFailure: true,
    });
    assert(found.failed, "it was not found");
    assertMatch(messageOf(found), said);
  });
}
