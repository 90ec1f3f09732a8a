/**
 * Reaching a node by its name, its address, or both: the name is asked for if it is not given.
 *
 * @module
 */

import type { Reached, ReachTarget } from "../core/remote/reach_target.ts";
import type { Dialler } from "./dialler.ts";
import { cannotConnect, logFailure } from "./failure.ts";
import type { NameQuestions } from "./name_questions.ts";
import type { NetworkLog } from "./network_log.ts";
import type { ConnectionStats } from "./statistics.ts";
import type { Local, PeerName } from "./wire.ts";

/** The parts of a node that reach others. */
export interface ReachingNode {
  /** The node's own name and incarnation. */
  local: Pick<Local, "name" | "creation">;
  /** Asks for names. */
  questions: NameQuestions;
  /** Dials. */
  dialler: Dialler;
  /** The counters. */
  stats: ConnectionStats;
  /** Takes lines for the log. */
  log: NetworkLog;
  /** Returns whether there is a connection to a node. */
  isConnected(node: string): boolean;
}

/** Connects to a node, unless it is connected; returns the reason if that fails. */
export async function reach(
  { node, address, quiet = false }: ReachTarget,
  own: ReachingNode,
): Promise<Reached> {
  const { local, questions, dialler, stats, log, isConnected } = own;
  let creation = local.creation;
  let name = node;
  if (name === undefined) {
    if (address === undefined) {
      throw new TypeError("Cannot reach a node: give its name or its address");
    }
    let asked: PeerName;
    try {
      asked = await questions.ask(address);
    } catch (error) {
      stats.failedDials++;
      const reason = cannotConnect(address, (error as Error).message);
      if (!quiet) logFailure(log, reason);
      return { node, connected: false, reason, isSelf: false };
    }
    ({ name, creation } = asked);
  }
  if (name === local.name) {
    const isSelf = creation === local.creation;
    const reason = cannotConnect(
      address ?? name,
      isSelf
        ? `that is this node, ${name}`
        : `another node named ${name} is there, as this one is; rename one of them`,
    );
    if (!quiet && !isSelf) logFailure(log, reason);
    return { node: name, connected: false, reason, isSelf };
  }
  if (isConnected(name)) return { node: name, connected: true, isNew: false };
  const reason = await dialler.reach(name, address, quiet);
  return reason === undefined
    ? { node: name, connected: true, isNew: true }
    : { node: name, connected: false, reason, isSelf: false };
}
