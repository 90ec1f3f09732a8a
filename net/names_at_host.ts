/** Lists the nodes of a host, from its EPMD. */

import { outside } from "../core/context/async_context.ts";
import type { ConnectingNode } from "./connect_to_peer.ts";
import { isLoopback, names } from "./epmd/mod.ts";
import { addressOf } from "./node_name.ts";

/**
 * Returns the names that EPMD has on a host, without the host.
 *
 * @throws {Error} If EPMD does not answer, or the node does not use it.
 */
export async function namesAt(
  host: string,
  own: Pick<ConnectingNode, "name" | "epmdPort">,
  signal: AbortSignal,
): Promise<string[]> {
  const { epmdPort: port, name } = own;
  if (port === false) {
    throw new Error("this node does not use EPMD (epmdPort: false)");
  }
  const address = addressOf(host);
  // As for a look-up: this machine's name may resolve to an address where its EPMD does not listen.
  const isHere = host === name.host || isLoopback(address);
  const entries = await outside(() =>
    names({ host: isHere ? "127.0.0.1" : address, port, signal })
  );
  return entries.map((entry) => entry.name);
}
