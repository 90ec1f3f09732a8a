/** The part of a node that speaks with nodes of Erlang and Elixir: the wire, and the servers that they expect. */

import { SentIoRequest } from "@otp/node/io/io_client";
import { FOREIGN_SCOPES, ScopeRequest } from "@otp/node/pg/scope_messages";
import type { NodePart } from "@otp/node/start/parts";
import { TICK_TIME } from "@otp/node/start/start_node";
import { setRequestForm } from "@otp/processes/values/server_message";
import { relayLog } from "./logger/log_relay.ts";
import { serveLoggerProxy } from "./logger/logger_proxy.ts";
import { serveOtpQueries } from "./observer/otp_queries.ts";
import { openBorder } from "./servers/border.ts";
import { IO_FORM } from "./servers/io_otp.ts";
import { serveNetKernel } from "./servers/net_kernel.ts";
import { OTP_SCOPES, SCOPE_FORM } from "./servers/pg_otp.ts";
import { serveProcLib } from "./servers/proc_lib_otp.ts";
import { serveRex } from "./servers/rex_server.ts";
import { serveErpc } from "./servers/rpc_otp.ts";
import { serveErlangGlobal } from "./servers/serve_global.ts";
import { beamWire } from "./wire/beam_wire.ts";

/**
 * Creates the part `beam` of a node: Erlang's wire, the forms of the node's requests for OTP's servers, and the servers
 * and functions that nodes of Erlang call. The wire's code is loaded with the first connection, and the answers to
 * Erlang's tools with the first query.
 */
export function beam(): NodePart {
  return {
    name: "beam",
    wire: beamWire,
    names: async () => ({ beam: (await import("@otp/processes/beam")).beam }),
    attach({ runtime, options, wireOf }) {
      openBorder(runtime);
      setRequestForm(SentIoRequest, IO_FORM);
      setRequestForm(ScopeRequest, SCOPE_FORM);
      FOREIGN_SCOPES.fill(runtime, OTP_SCOPES);
      serveErpc(runtime);
      serveErlangGlobal(runtime);
      serveProcLib(runtime);
      serveRex(runtime);
      serveOtpQueries(runtime, {
        allowRemsh: options.allowRemsh ?? false,
        tickTime: options.tickTime ?? TICK_TIME,
      });
      serveNetKernel(runtime);
      serveLoggerProxy(runtime);
      relayLog(runtime, (node) => wireOf(node) === "beam");
    },
  };
}
