/**
 * Each signal of the JSON wire with what the target has not, or by a node without a right to it: nothing happens. Items
 * of a wrong shape end the connection, as the table in docs/protocol.md says (`protocol_doc_test.ts`).
 */

import type { Node } from "../../../node.ts";
import { type Pid, Ref } from "../../../packages/processes/process.ts";
import { clusterTest } from "../../_nodes.ts";
import { jsonFrame, RawPeer } from "../../_raw_peer.ts";
import {
  assertRows,
  CREATION,
  type Effect,
  type Line,
  type Row,
  type Target,
} from "../wires/_wire_fields.ts";

const PROBE = 999;

/** A connection of a peer of this library. */
class JsonLine implements Line {
  readonly #raw: RawPeer;

  constructor(raw: RawPeer) {
    this.#raw = raw;
  }

  static async dial(to: Node, name: string): Promise<JsonLine> {
    const raw = await RawPeer.dial(to.port);
    await raw.enter(name, to.name, { hidden: true, creation: CREATION });
    return new JsonLine(raw);
  }

  async prepare({ node, number, creation }: Pid) {
    await this.#raw.say([
      ["link", 1, number, creation],
      ["monitor", 3, number, creation, 33],
    ]);
    const heard = new Map<string, unknown[]>();
    while (heard.size < 3) {
      for (const signal of await this.#raw.hear()) {
        const [kind] = signal;
        if (/^(unlink|spawn|call_name)\b/.test(kind)) heard.set(kind, signal);
      }
    }
    const ref = (number: unknown) => new Ref(node, number as number, creation);
    return {
      unlink: heard.get("unlink")![4],
      spawn: ref(heard.get("spawn*")![2]),
      call: ref(heard.get("call_name")![3]),
    };
  }

  write(bytes: Uint8Array): void {
    void this.#raw.write(bytes);
  }

  async isKept(): Promise<boolean> {
    await this.#raw.say([["monitor_name", 9, "nobody at all", PROBE]]);
    for (;;) {
      const frame = await this.#raw.next();
      if (frame === undefined) return false;
      const signals = (frame.json ?? []) as unknown[][];
      if (signals.some(([kind, , , ref]) => kind === "down" && ref === PROBE)) {
        return true;
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#raw[Symbol.asyncDispose]();
  }
}

/** A signal that is right: its items, each with values that nothing of the target has. */
interface Kind {
  signal: [kind: string, ...fields: [value: unknown, ...others: unknown[]][]];
  effect: Effect;
  then?: unknown[];
  /** The same signal by the third node, which has no right to it. */
  third?: unknown[];
}

const UNKNOWN = 999_999;

function kindsOf({ pid, alias, monitor, call, spawn, unlink }: Target): Kind[] {
  const { number, creation } = pid;
  const to: [unknown, ...unknown[]] = [number, UNKNOWN];
  /** A process whose creation follows. */
  const exact = [UNKNOWN, [number, 2 ** 21]];
  const ours: [unknown, ...unknown[]] = [
    creation,
    creation - 1,
    creation + 1,
    CREATION,
  ];
  const name: [unknown, ...unknown[]] = ["target", "nobody at all"];
  /** A reference, and the references of other requests. */
  const ref = (own: Ref, ...others: Ref[]): [unknown, ...unknown[]] => [
    own.number,
    UNKNOWN,
    0,
    ...others.map(({ number }) => number),
  ];
  const exited = {
    adds: ["got EXIT of peer 1: bye"],
    ends: ["is linked to peer 1"],
  };
  const answered = { adds: ["answered yes"], ends: ["monitors mute@peer"] };
  return [
    {
      signal: ["send", [1], to, ["hi"]],
      effect: { adds: ["got hi"] },
    },
    {
      signal: ["send_name", [1], name, ["hi"]],
      effect: { adds: ["got hi"] },
    },
    {
      signal: ["send_alias", [1], ref(alias, monitor, call, spawn), ["hi"]],
      effect: { adds: ["got hi"] },
    },
    {
      signal: ["call", [1], to, [50], ["q"]],
      effect: { adds: ["got $call", "is monitored by peer 1"] },
    },
    {
      signal: ["call_name", [1], name, [50], ["q"]],
      effect: { adds: ["got $call", "is monitored by peer 1"] },
    },
    {
      signal: ["call", [1], [number], [50], ["q"]],
      then: ["demonitor", 1, 50],
      effect: { adds: ["got $call"] },
    },
    {
      signal: ["reply", [1], ref(call, monitor), ["yes"]],
      effect: answered,
    },
    {
      signal: ["answer", [1], ref(call, monitor), ["yes"]],
      effect: answered,
    },
    {
      signal: ["link", [5], [number, ...exact], ours],
      effect: { adds: ["is linked to peer 5"] },
    },
    {
      signal: ["unlink", [1], [number, ...exact], ours, [5]],
      effect: { ends: ["is linked to peer 1"] },
      third: ["unlink", 2, number, creation, 5],
    },
    {
      // The ack is awaited before a new link counts.
      signal: ["unlink", [2], [number], [creation], [5]],
      then: ["link", 2, number, creation],
      effect: {},
    },
    {
      signal: ["unlink_ack", [2, UNKNOWN], to, [unlink, 0, Number(unlink) + 1]],
      then: ["link", 2, number, creation],
      effect: { adds: ["is linked to peer 2"] },
      third: ["unlink_ack", 2, number, unlink],
    },
    {
      signal: ["exit", [6], to, ["bye"]],
      effect: { adds: ["got EXIT of peer 6: bye"] },
    },
    {
      signal: [
        "exit_link",
        [1, 2, UNKNOWN],
        [CREATION, CREATION - 1, creation],
        to,
        ["bye"],
      ],
      effect: exited,
      third: ["exit_link", 2, CREATION, number, "bye"],
    },
    {
      signal: ["monitor", [7], [number, ...exact], ours, [50]],
      effect: { adds: ["is monitored by peer 7"] },
    },
    {
      signal: ["monitor_name", [7], name, [50]],
      effect: { adds: ["is monitored by peer 7"] },
    },
    {
      signal: ["monitor_name", [7], ["target"], [50]],
      then: ["demonitor", 7, 50],
      effect: {},
    },
    {
      signal: ["demonitor", [3], [33, 34]],
      effect: { ends: ["is monitored by peer 3"] },
      third: ["demonitor", 3, 33],
    },
    {
      signal: ["down", [1], to, ref(monitor, alias), ["bye"]],
      effect: { adds: ["got DOWN of peer 1: bye"], ends: ["monitors peer 1"] },
      third: ["down", 1, number, monitor.number, "bye"],
    },
    {
      signal: ["spawn*", [1], [60], [{
        run: { module: "Probe", function: "run", args: ["x"] },
        link: false,
        monitor: true,
        groupLeader: { $pid: [0, 1, CREATION] },
      }]],
      effect: { adds: ["ran x"] },
    },
    {
      signal: [
        "spawned",
        [11],
        to,
        ref(spawn, alias, monitor, call),
        [false],
        [false],
      ],
      effect: { adds: ["spawned peer 11"] },
      third: ["spawned", 11, number, spawn.number, false, false],
    },
    {
      signal: [
        "not_spawned",
        to,
        ref(spawn, alias, monitor, call),
        ["undef"],
        ["why"],
      ],
      effect: { adds: ["spawn failed"] },
      third: ["not_spawned", number, spawn.number, "undef", "why"],
    },
    {
      signal: ["group_leader*", [1], to, [{ $pid: [0, 4, CREATION] }]],
      effect: { adds: ["leader peer 4"], ends: ["leader of its own"] },
    },
  ];
}

function rowsOfKind({ signal, effect, then, third }: Kind): Row[] {
  const [kind, ...fields] = signal;
  const good = fields.map(([value]) => value);
  const frames = (items: unknown[]) => () =>
    jsonFrame([[kind, ...items], ...then === undefined ? [] : [then]]);
  const add = (what: string, items: unknown[], outcome: Row["outcome"]) =>
    rows.push({ what: `${kind}, ${what}`, frames: frames(items), outcome });
  const rows: Row[] = [];
  if (third !== undefined) {
    rows.push({
      what: `${kind}, by a third node`,
      third: () => jsonFrame([third]),
      // The ack of another node does not make the peer's link possible.
      frames: then && (() => jsonFrame([then])),
      outcome: "dropped",
    });
  }
  for (const [at, [, ...others]] of fields.entries()) {
    for (const value of others) {
      const what = `item ${at + 1} ${JSON.stringify(value)}`;
      add(what, good.with(at, value), "dropped");
    }
  }
  add("right", good, effect);
  return rows;
}

clusterTest("each signal with what the target has not", async (cluster) => {
  await assertRows(
    cluster,
    JsonLine.dial,
    (target) => kindsOf(target).flatMap(rowsOfKind),
  );
}, { timeout: 120_000 });
