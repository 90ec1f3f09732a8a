/** The part of a node in the names of Erlang's `global`, whose code is loaded with the wire (`join_names.ts`). */

import { FOREIGN_GLOBAL } from "@otp/cluster/global/global_view";
import type { Runtime } from "@otp/processes/process/runtime";
import { loadedProtocols } from "./border.ts";

/**
 * Has a node share its names with nodes of Erlang; its server starts when the first one connects.
 *
 * @param isErlang Whether a connected node speaks Erlang's wire.
 */
export function serveErlangGlobal(
  runtime: Runtime,
  isErlang: (node: string) => boolean,
): void {
  FOREIGN_GLOBAL.fill(runtime, {
    peersOf: (host) => loadedProtocols()?.erlangPeers(host, isErlang),
    // Runs a resolver that is a function of Erlang's nodes.
    resolverCall: (resolve, args) => [["erlang", "apply"], [resolve, args]],
  });
  runtime.onVisible = (node) => {
    if (isErlang(node)) loadedProtocols()?.joinNames(runtime);
  };
}
