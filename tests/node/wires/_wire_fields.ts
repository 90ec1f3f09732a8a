/**
 * Tables of control messages and signals with one wrong field each, and their effect on a process.
 *
 * The process has links, monitors, an alias and requests under way, with a peer and with a third node, both of which
 * are written by hand. Each row is sent by the peer, or by the third node. After it the whole state of the process is
 * compared: unchanged, or with exactly the effect of a right message.
 */

import { assertEquals } from "@std/assert";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import { Node } from "../../../node.ts";
import {
  Pid,
  Process,
  receive,
  type Ref,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import type { Cluster } from "../../_nodes.ts";
import { quiet } from "../../_processes.ts";

/** The name of the third node. */
export const THIRD = "third@localhost";

/** The incarnation of the peers. */
export const CREATION = 7;

/** A connection that is written by hand. */
export interface Line extends AsyncDisposable {
  /** Links and monitors the process with its own processes; resolves when its requests have come. */
  prepare(to: Pid): Promise<Asked>;
  /** Sends bytes. */
  write(bytes: Uint8Array): unknown;
  /** Resolves when the node has handled all frames: whether it has kept the connection. */
  isKept(): Promise<boolean>;
}

/** The ids that the process has given to its requests to the peer. */
export interface Asked {
  unlink: unknown;
  spawn: Ref;
  call: Ref;
}

/** Everything that a frame can name. */
export interface Target extends Asked {
  pid: Pid;
  alias: Ref;
  monitor: Ref;
  /** The name of the peer. */
  peer: string;
}

/** A change of the process's state. */
export interface Effect {
  adds?: string[];
  ends?: string[];
}

/** The outcome of a row: the connection stays, without an effect or with one. */
export type Outcome = "dropped" | Effect;

/** Bytes of the third node, then of the peer, and their outcome. */
export interface Row {
  what: string;
  third?: () => Uint8Array;
  frames?: () => Uint8Array;
  outcome: Outcome;
}

/** The state of the process before each row: `1` is linked to it both ways, and `3` monitors it. */
const BEFORE = [
  "is linked to peer 1",
  "is linked to third 1",
  "is monitored by peer 3",
  "leader of its own",
  "monitors mute@peer",
  "monitors peer 1",
  "monitors third 1",
];

function nameOf(node: string): string {
  return node.replace(/\d*@.*/, "");
}

/** Waits for a process with all that a peer can reach for; returns it, and its state as sorted lines. */
async function startTarget(peer: string, third: Pid, first: Pid, second: Pid) {
  const events: string[] = [];
  const ready = Promise.withResolvers<Omit<Target, keyof Asked | "peer">>();
  // deno-lint-ignore no-explicit-any
  const textOf = (m: any): string => {
    if (m?.type === "EXIT" || m?.type === "DOWN") {
      const of = m.type === "EXIT" ? m.from : m.object;
      return `${m.type} of ${whoIs(of)}: ${m.reason}`;
    }
    return typeof m === "string" ? m : `${m?.type ?? "data"}`;
  };
  let synced = () => {};
  const pid = spawn(async () => {
    Process.trapExit(true);
    Process.link(first);
    Process.link(third);
    const monitor = Process.monitor(first);
    Process.monitor(third);
    Process.link(second);
    Process.unlink(second);
    Node.spawn(peer, ["Any", "run"]).then(
      (pid) => {
        const isLost = pid.node === Node.self();
        events.push(isLost ? "spawn failed" : `spawned ${whoIs(pid)}`);
      },
      () => events.push("spawn failed"),
    );
    GenServer.call({ name: "mute", node: peer }, "ask", { timeout: 600_000 })
      .then(
        (answer) => events.push(`answered ${answer}`),
        () => events.push("call failed"),
      );
    ready.resolve({ pid: self(), alias: Process.alias(), monitor });
    for (;;) {
      const message = await receive((m) => m?.type !== "reply");
      if (message === "sync") synced();
      else events.push(`got ${textOf(message)}`);
    }
  });
  const leader = Process.info(pid)!.groupLeader;
  const state = async (): Promise<string[]> => {
    await new Promise<void>((resolve) => {
      synced = resolve;
      send(pid, "sync");
    });
    const info = Process.info(pid)!;
    return [
      ...info.links.map((each) => `is linked to ${whoIs(each)}`),
      ...info.monitors.map((each) => `monitors ${whoIs(each)}`),
      ...info.monitoredBy.map((each) => `is monitored by ${whoIs(each)}`),
      info.groupLeader.equals(leader)
        ? "leader of its own"
        : `leader ${whoIs(info.groupLeader)}`,
      ...events,
    ].toSorted();
  };
  return { ...await ready.promise, state };
}

function whoIs(of: Pid | { name: string; node: string }): string {
  const node = nameOf(of.node);
  return "name" in of ? `${of.name}@${node}` : `${node} ${of.number}`;
}

/**
 * Runs all rows of a wire.
 *
 * @param cluster The nodes of the test.
 * @param dial Connects a peer of that name to a node.
 * @param rows The rows for a target: the same in each call, but for the target's names.
 */
export async function assertRows(
  cluster: Cluster,
  dial: (to: Node, name: string) => Promise<Line>,
  rows: (target: Target) => Row[],
): Promise<void> {
  const ran: string[] = [];
  const Probe = { run: (...args: unknown[]) => void ran.push(`ran ${args}`) };
  const alex = await cluster.start("alex", { modules: { Probe } });
  await using third = await dial(alex, THIRD);
  await alex.run(async () => {
    const misses: unknown[] = [];
    for (let index = 0, count = 1; index < count;) {
      const name = `peer${index}@localhost`;
      await using peer = await dial(alex, name);
      const { state, ...made } = await startTarget(
        name,
        new Pid(THIRD, 1, CREATION),
        new Pid(name, 1, CREATION),
        new Pid(name, 2, CREATION),
      );
      const target = { ...made, ...await peer.prepare(made.pid), peer: name };
      const all = rows(target);
      count = all.length;
      ran.length = 0;
      Process.register(made.pid, "target");
      assertEquals(await state(), BEFORE);
      // The next rows find the same state as long as nothing has changed.
      for (let isSame = true; isSame && index < count; index++) {
        const { what, third: before, frames, outcome } = all[index];
        if (before !== undefined) {
          third.write(before());
          assertEquals([await third.isKept(), what], [true, what]);
        }
        if (frames !== undefined) peer.write(frames());
        const kept = await peer.isKept();
        // A process that the frames woke has acted.
        await quiet();
        const { adds = [], ends = [] } = outcome === "dropped" ? {} : outcome;
        const expected = [
          ...BEFORE.filter((each) => !ends.includes(each)),
          ...adds,
        ].toSorted();
        const found = [...await state(), ...ran].toSorted();
        const isRight = kept && `${found}` === `${expected}`;
        if (!isRight) misses.push({ what, kept, outcome, found });
        isSame = isRight && outcome === "dropped";
      }
      Process.exit(made.pid, "kill");
    }
    assertEquals(misses, []);
  });
}
