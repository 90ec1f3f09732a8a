/**
 * Connects to a node by its name, its address, or both. Without a name, the node at the address is asked for its own.
 */

import type {
  ConnectOutcome,
  DialReport,
  PeerAddress,
} from "@otp/processes/remote/peer_address";
import type { Dialler } from "./dialler.ts";
import { cannotConnect, isRefusal } from "../connections/failure.ts";
import type { NameQuestions } from "./name_questions.ts";
import type { NetworkParts } from "../connections/network_parts.ts";
import type { Peer } from "../wire.ts";

/** Connects to a node, unless it is connected; returns the reason if that fails. */
export async function connectTo(
  { node, address }: PeerAddress,
  report: DialReport,
  { local, connections, stats, reports }: NetworkParts,
  questions: NameQuestions,
  dialler: Dialler,
): Promise<ConnectOutcome> {
  let { creation } = local;
  let name = node;
  if (name === undefined) {
    if (address === undefined) {
      throw new TypeError(
        "Cannot connect to a node: give its name or its address",
      );
    }
    let asked: Peer;
    try {
      asked = await questions.ask(address);
    } catch (error) {
      stats.failedDials++;
      const reason = cannotConnect(address, (error as Error).message);
      const isRefused = isRefusal(error);
      reports.failed(address, { reason, isRefused }, report);
      return { node, connected: false, reason, isSelf: false, isRefused };
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
    const failure = { reason, isRefused: true };
    if (!isSelf) reports.failed(address ?? name, failure, report);
    return { node: name, connected: false, isSelf, ...failure };
  }
  if (connections.has(name)) {
    return { node: name, connected: true, isNew: false };
  }
  const failure = await dialler.dial(name, address, { report });
  if (failure === undefined) reports.connected(name, address);
  return failure === undefined
    ? { node: name, connected: true, isNew: true }
    : { node: name, connected: false, isSelf: false, ...failure };
}
