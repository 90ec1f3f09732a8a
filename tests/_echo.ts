/** A server of the tests that answers each call with its request, and keeps all other messages. */

import type { GenServerModule } from "../packages/servers/gen_server/gen_server.ts";

export interface EchoTypes {
  arg: unknown;
  state: unknown[];
  call: [unknown, unknown];
  cast: unknown;
  info: unknown;
}

/** Answers `"mail"` with the casts and messages so far, and any other call with the request. */
export const Echo: GenServerModule<EchoTypes> = {
  name: "Echo",
  init: () => ({ type: "ok", state: [] }),
  handleCall: (request, _from, state) => ({
    type: "reply",
    reply: request === "mail" ? state : request,
    state,
  }),
  handleCast: (request, state) => ({
    type: "noreply",
    state: [...state, { cast: request }],
  }),
  handleInfo: (message, state) => ({
    type: "noreply",
    state: [...state, { info: message }],
  }),
};
