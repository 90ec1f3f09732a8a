/** The part of a node that speaks with nodes of Erlang and Elixir: the wire, and the servers that they expect. */

import type { NodePart } from "@otp/node/start/parts";
import { TICK_TIME } from "@otp/node/start/start_node";
import { relayLog } from "./logger/log_relay.ts";
import { serveLoggerProxy } from "./logger/logger_proxy.ts";
import { serveOtpQueries } from "./observer/otp_queries.ts";
import { openBorder } from "./servers/border.ts";
import { serveNetKernel } from "./servers/net_kernel.ts";
import { serveProcLib } from "./servers/proc_lib_otp.ts";
import { serveRex } from "./servers/rex_server.ts";
import { serveErpc } from "./servers/rpc_otp.ts";
import { serveErlangGlobal } from "./servers/serve_global.ts";
import { beamWire } from "./wire/beam_wire.ts";

/**
 * Creates the part `beam` of a node: Erlang's wire, and the servers and functions that nodes of Erlang call. The code of
 * the wire and of its protocols is loaded with the first connection, and the answers to Erlang's tools with the first
 * query.
 */
export function beam(): NodePart {
  return {
    name: "beam",
    wire: beamWire,
    names: async () => ({
      beam: (await import("./functions/declaration.ts")).beam,
    }),
    attach({ runtime, options, wireOf }) {
      const isErlang = (node: string) => wireOf(node) === "beam";
      openBorder(runtime);
      serveErpc(runtime);
      serveErlangGlobal(runtime, isErlang);
      serveProcLib(runtime);
      serveRex(runtime);
      serveOtpQueries(runtime, {
        allowRemsh: options.allowRemsh ?? false,
        tickTime: options.tickTime ?? TICK_TIME,
      });
      serveNetKernel(runtime);
      serveLoggerProxy(runtime);
      relayLog(runtime, isErlang);
    },
  };
}
