/** Each signal of the JSON wire with each field wrong: the connection is closed, or nothing happens. */

import type { Node } from "../../../../node.ts";
import { type Pid, Ref } from "../../../../otp/process/process.ts";
import { clusterTest } from "../../../_nodes.ts";
import { jsonFrame, RawPeer } from "../../../_raw_peer.ts";
import {
  assertRows,
  CREATION,
  type Effect,
  type Line,
  type Row,
  type Target,
} from "../_wire_fields.ts";

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

/** Wrong values of a field, by their outcome. */
interface Wrong {
  closed?: unknown[];
  dropped?: unknown[];
}

/** A signal that is right: its items, each with what is wrong there. */
interface Kind {
  signal: [kind: string, ...fields: [value: unknown, wrong: Wrong][]];
  effect: Effect;
  then?: unknown[];
  /** The same signal by the third node, which has no right to it. */
  third?: unknown[];
}

const NO_NUMBERS = ["1", null, -1, 1.5, 2 ** 53, true, {}];
const UNKNOWN = 999_999;

function kindsOf({ pid, alias, monitor, call, spawn, unlink }: Target): Kind[] {
  const { number, creation } = pid;
  const from: Wrong = { closed: [...NO_NUMBERS, [1, 2 ** 21]] };
  const to: Wrong = { closed: [...NO_NUMBERS, [1, 2]], dropped: [UNKNOWN] };
  /** A process whose creation follows. */
  const exact: Wrong = {
    closed: [...NO_NUMBERS, [1], [1, 2, 3], [1, 2 ** 32], ["1", 0]],
    dropped: [UNKNOWN, [number, 2 ** 21]],
  };
  const ours: Wrong = {
    closed: [...NO_NUMBERS, [1]],
    dropped: [creation - 1, creation + 1, CREATION],
  };
  const peers = { ...ours, dropped: [CREATION - 1, creation] };
  const ref = (...dropped: Ref[]): Wrong => ({
    closed: [...NO_NUMBERS, [1]],
    dropped: [UNKNOWN, 0, ...dropped.map(({ number }) => number)],
  });
  const peerRef: Wrong = { closed: [...NO_NUMBERS, [1]] };
  const name: Wrong = {
    closed: [number, null, ["target"], {}, "a".repeat(256)],
    dropped: ["nobody at all"],
  };
  const flag: Wrong = { closed: [0, 1, null, "true", []] };
  const any: Wrong = {};
  const exited = {
    adds: ["got EXIT of peer 1: bye"],
    ends: ["is linked to peer 1"],
  };
  const answered = { adds: ["answered yes"], ends: ["monitors mute@peer"] };
  const { spawn: content, wrongContents } = spawnContents();
  return [
    {
      signal: ["send", [1, from], [number, to], ["hi", any]],
      effect: { adds: ["got hi"] },
    },
    {
      signal: ["send*", [1, from], [number, to], ["hi", {
        closed: [{ $pid: [0, 1] }, { $: 1 }],
      }]],
      effect: { adds: ["got hi"] },
    },
    {
      signal: ["send_name", [1, from], ["target", name], ["hi", any]],
      effect: { adds: ["got hi"] },
    },
    {
      signal: ["send_alias", [1, from], [
        alias.number,
        ref(monitor, call, spawn),
      ], ["hi", any]],
      effect: { adds: ["got hi"] },
    },
    {
      signal: ["call", [1, from], [number, to], [50, peerRef], ["q", any]],
      effect: { adds: ["got $call", "is monitored by peer 1"] },
    },
    {
      signal: ["call_name", [1, from], ["target", name], [50, peerRef], [
        "q",
        any,
      ]],
      effect: { adds: ["got $call", "is monitored by peer 1"] },
    },
    {
      signal: ["call", [1, any], [number, any], [50, any], ["q", any]],
      then: ["demonitor", 1, 50],
      effect: { adds: ["got $call"] },
    },
    {
      signal: ["reply", [1, from], [call.number, ref(monitor)], ["yes", any]],
      effect: answered,
    },
    {
      signal: ["answer", [1, from], [call.number, ref(monitor)], ["yes", any]],
      effect: answered,
    },
    {
      signal: ["link", [5, from], [number, exact], [creation, ours]],
      effect: { adds: ["is linked to peer 5"] },
    },
    {
      signal: ["unlink", [1, from], [number, exact], [creation, ours], [5, {
        closed: [0, ...NO_NUMBERS],
      }]],
      effect: { ends: ["is linked to peer 1"] },
      third: ["unlink", 2, number, creation, 5],
    },
    {
      // The ack is awaited before a new link counts.
      signal: ["unlink", [2, any], [number, any], [creation, any], [5, any]],
      then: ["link", 2, number, creation],
      effect: {},
    },
    {
      signal: ["unlink_ack", [2, { ...exact, dropped: [UNKNOWN] }], [
        number,
        to,
      ], [unlink, { closed: NO_NUMBERS, dropped: [0, Number(unlink) + 1] }]],
      then: ["link", 2, number, creation],
      effect: { adds: ["is linked to peer 2"] },
      third: ["unlink_ack", 2, number, unlink],
    },
    {
      signal: ["exit", [6, from], [number, to], ["bye", any]],
      effect: { adds: ["got EXIT of peer 6: bye"] },
    },
    {
      signal: [
        "exit_link",
        [1, { ...exact, dropped: [2, UNKNOWN] }],
        [CREATION, peers],
        [number, to],
        ["bye", any],
      ],
      effect: exited,
      third: ["exit_link", 2, CREATION, number, "bye"],
    },
    {
      signal: ["monitor", [7, from], [number, exact], [creation, ours], [
        50,
        peerRef,
      ]],
      effect: { adds: ["is monitored by peer 7"] },
    },
    {
      signal: ["monitor_name", [7, from], ["target", name], [50, peerRef]],
      effect: { adds: ["is monitored by peer 7"] },
    },
    {
      signal: ["monitor_name", [7, any], ["target", any], [50, any]],
      then: ["demonitor", 7, 50],
      effect: {},
    },
    {
      signal: ["demonitor", [3, from], [33, { ...peerRef, dropped: [34] }]],
      effect: { ends: ["is monitored by peer 3"] },
      third: ["demonitor", 3, 33],
    },
    {
      signal: ["down", [1, { closed: [...NO_NUMBERS, [1]] }], [number, to], [
        monitor.number,
        ref(alias),
      ], ["bye", any]],
      effect: { adds: ["got DOWN of peer 1: bye"], ends: ["monitors peer 1"] },
      third: ["down", 1, number, monitor.number, "bye"],
    },
    {
      signal: ["spawn*", [1, from], [60, peerRef], [content, {
        closed: wrongContents,
      }]],
      effect: { adds: ["ran x"] },
    },
    {
      signal: [
        "spawned",
        [11, from],
        [number, to],
        [spawn.number, ref(alias, monitor, call)],
        [false, flag],
        [false, flag],
      ],
      effect: { adds: ["spawned peer 11"] },
      third: ["spawned", 11, number, spawn.number, false, false],
    },
    {
      signal: [
        "not_spawned",
        [number, to],
        [spawn.number, ref(alias, monitor, call)],
        ["undef", { closed: [1, null, "no", "toString"] }],
        ["why", { closed: [1, null, ["why"]] }],
      ],
      effect: { adds: ["spawn failed"] },
      third: ["not_spawned", number, spawn.number, "undef", "why"],
    },
    {
      signal: ["group_leader*", [1, from], [number, to], [
        { $pid: [0, 4, CREATION] },
        {
          closed: [4, null, { $ref: [0, 4, CREATION] }, { $pid: [0, "4", 1] }],
        },
      ]],
      effect: { adds: ["leader peer 4"], ends: ["leader of its own"] },
    },
  ];
}

/** The content of a request to start a process, and wrong ones. */
function spawnContents() {
  const run = { module: "Probe", function: "run", args: ["x"] };
  const spawn = {
    run,
    link: false,
    monitor: true,
    groupLeader: { $pid: [0, 1, CREATION] },
  };
  const wrongRuns = [
    null,
    [],
    { ...run, module: 1 },
    { ...run, function: null },
    { ...run, args: {} },
    { source: 1, args: [] },
  ];
  return {
    spawn,
    wrongContents: [
      null,
      [],
      { ...spawn, link: 1 },
      { ...spawn, monitor: null },
      { ...spawn, groupLeader: 1 },
      { ...spawn, groupLeader: { $ref: [0, 1, CREATION] } },
      ...wrongRuns.map((run) => ({ ...spawn, run })),
    ],
  };
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
  for (const [at, [, wrong]] of fields.entries()) {
    for (const outcome of ["dropped", "closed"] as const) {
      for (const value of wrong[outcome] ?? []) {
        const shown = JSON.stringify(value).slice(0, 60);
        add(`item ${at + 1} ${shown}`, good.with(at, value), outcome);
      }
    }
  }
  add("an item too few", good.slice(0, -1), "closed");
  // A send may have more messages.
  if (!kind.startsWith("send")) {
    add("an item too many", [...good, good.at(-1)], "closed");
  }
  add("right", good, effect);
  return rows;
}

clusterTest("each signal with each field wrong", async (cluster) => {
  await assertRows(
    cluster,
    JsonLine.dial,
    (target) => kindsOf(target).flatMap(rowsOfKind),
  );
}, { timeout: 120_000 });
