/** The names of a node that nodes of Erlang share: the view of these nodes, and the requests that they make. */

import { beamFunctionsOf } from "../functions/beam_functions.ts";
import type { Resolver } from "@otp/cluster/global/global_messages";
import { decide } from "@otp/cluster/global/global_resolve";
import { globalServer, isNamed } from "@otp/cluster/global/global_server";
import type {
  ForeignHost,
  ForeignPeers,
} from "@otp/cluster/global/global_view";
import type { Runtime } from "@otp/processes/process/runtime";
import { currentProcess } from "@otp/processes/runtime/current_process";
import { atom } from "@otp/processes/values/atom";
import { Pid } from "@otp/processes/values/pid";
import { ErlangPeers } from "./global_erlang.ts";
import { GlobalLocker } from "./global_locker.ts";
import { resolverFromOtp } from "./global_otp.ts";

type ResolverName = Resolver & string;

/** The name of the service that settles conflicts for nodes of Erlang. */
const SERVICE = "$global_resolver";

/** Creates the view that the server of a node has of the nodes of Erlang. */
export function erlangPeers(
  host: ForeignHost,
  isErlang: (node: string) => boolean,
): ForeignPeers {
  return new ErlangPeers(
    host,
    isErlang,
    (process, peers) => new GlobalLocker(process, host, peers),
  );
}

/** Starts the server of a node to which a node of Erlang connects. */
export function joinNames(runtime: Runtime): void {
  serveResolver(runtime);
  try {
    globalServer(runtime);
  } catch (error) {
    runtime.log.report("error", () => (error as Error).message);
  }
}

/**
 * Settles a conflict for a node of Erlang, which has the process that keeps a name chosen on the node of the process
 * that has it, by `global:resolve_it(Resolver, Name, Pid1, Pid2)`. Otherwise nothing happens, and the other process
 * keeps the name: a peer must not have this node end processes of third nodes.
 */
function serveResolver(runtime: Runtime): void {
  const { node, modules } = runtime;
  if (modules.services.has(SERVICE)) return;
  const functions = beamFunctionsOf(runtime);
  modules.services.set(SERVICE, ({ args: [resolve, name, first, second] }) => ({
    fn: () => {
      const pids = [first, second] as [Pid, Pid];
      const own = pids.find((pid) =>
        pid.node === node && isNamed(runtime, pid, name)
      );
      return own === undefined
        ? pids.find((pid) => pid.node !== node)
        : decide(resolve as ResolverName, currentProcess(), name, ...pids) ??
          atom("none");
    },
    label: "global:resolve_it/4",
  }));
  functions.serve("global:resolve_it/4", ([given, ...args]) => {
    const resolve = resolverFromOtp(given);
    const [, first, second] = args;
    const isKnown = typeof resolve === "string" && first instanceof Pid &&
      second instanceof Pid;
    return isKnown
      ? { module: SERVICE, function: "resolve_it", args: [resolve, ...args] }
      : functions.requested(["erlang", "apply", [given, args]]);
  });
}
