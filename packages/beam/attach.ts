/** What a node needs to speak with nodes of Erlang, besides the wire. */

import { SentIoRequest } from "@otp/node/io/io_client";
import { FOREIGN_SCOPES, ScopeRequest } from "@otp/node/pg/scope_messages";
import type { Runtime } from "@otp/processes/process/runtime";
import { setRequestForm } from "@otp/processes/values/server_message";
import { relayLog } from "./logger/log_relay.ts";
import { serveLoggerProxy } from "./logger/logger_proxy.ts";
import type { OtpQueryOptions } from "./observer/otp_query_names.ts";
import { serveOtpQueries } from "./observer/otp_queries.ts";
import { IO_FORM } from "./servers/io_otp.ts";
import { OTP_SCOPES, SCOPE_FORM } from "./servers/pg_otp.ts";
import { serveErpc } from "./servers/rpc_otp.ts";
import { serveErlangGlobal } from "./servers/serve_global.ts";
import { serveNetKernel } from "./servers/net_kernel.ts";
import { serveProcLib } from "./servers/proc_lib_otp.ts";
import { serveRex } from "./servers/rex_server.ts";

/** The settings of a node that its answers to Erlang's tools need. */
export interface BeamSettings extends OtpQueryOptions {
  /** Whether the connection to a node speaks Erlang's wire. */
  isBeam(node: string): boolean;
}

/** Gives a node its part of Erlang: the forms of its requests for OTP's servers, and the names that OTP's modules ask. */
export function attachBeam(runtime: Runtime, settings: BeamSettings): void {
  setRequestForm(SentIoRequest, IO_FORM);
  setRequestForm(ScopeRequest, SCOPE_FORM);
  FOREIGN_SCOPES.fill(runtime, OTP_SCOPES);
  serveErpc(runtime);
  serveErlangGlobal(runtime);
  serveProcLib(runtime);
  serveRex(runtime);
  serveOtpQueries(runtime, settings);
  serveNetKernel(runtime);
  serveLoggerProxy(runtime);
  relayLog(runtime, settings.isBeam);
}
