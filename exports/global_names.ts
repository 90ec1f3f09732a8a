/**
 * Names of the whole cluster in programs without a node: the registry of `{ global: name }` is loaded when a program first
 * uses such a name. Every module in which users name a server imports this file; a node loads the registry at its start.
 */

import { outside } from "@otp/processes/context/async_context";
import { loadGlobalRegistry } from "@otp/servers/server/server_ref";

loadGlobalRegistry(() =>
  outside(async () =>
    (await import("@otp/cluster/global/global_client")).globalNames
  )
);
