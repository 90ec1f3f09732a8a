/** The default wire: JSON, framed by length, over a stream of bytes. `docs/protocol.md` specifies it. */

import type {
  Channel,
  Local,
  PeerName,
  Port,
  Session,
  Transport,
  Wire,
} from "../../wire.ts";
import type { Signals } from "../../../core/signals/signal.ts";
import { Decoder } from "./json_decoder.ts";
import { Encoder } from "./json_encoder.ts";
import * as handshake from "./json_handshake.ts";

/** The result of a handshake, ready to be opened. */
function sessionOf(
  local: Local,
  introduction: handshake.Introduction,
): Session {
  const { peer, replaces } = introduction;
  return {
    peer,
    replaces,
    get rest(): Uint8Array {
      return introduction.rest();
    },
    open(port: Port, deliver: Signals): Channel {
      const { name, creation, limits, parts } = local;
      const self = { name, creation };
      const outgoing = new Encoder(self, peer, limits, introduction, port);
      return {
        outgoing,
        incoming: new Decoder(
          self,
          peer,
          limits,
          port,
          deliver,
          parts,
          outgoing,
        ),
      };
    },
  };
}

/** The JSON wire. */
export const jsonWire: Wire = {
  name: "json",
  extra: `otp-json/${handshake.VERSION}`,

  sniff(bytes: Uint8Array, isSecure: boolean): boolean | undefined {
    if (bytes.length > 0 && bytes[0] !== 0) return false;
    if (bytes.length > 1 && bytes[1] !== 0) return false;
    // On a secure channel, frames of Erlang's wire begin like this too.
    const seen = isSecure ? 5 : 2;
    if (bytes.length < seen) return undefined;
    return !isSecure || /[\s{]/.test(String.fromCharCode(bytes[4]));
  },

  async accept(
    transport: Transport,
    first: () => Uint8Array,
    local: Local,
  ): Promise<Session | undefined> {
    const found = await handshake.accept(transport, first(), local);
    return found && sessionOf(local, found);
  },

  ask(transport: Transport, local: Local): Promise<PeerName> {
    return handshake.askName(transport, local);
  },

  async dial(
    transport: Transport,
    name: string,
    local: Local,
    over: AbortSignal,
  ): Promise<Session> {
    return sessionOf(local, await handshake.dial(transport, name, local, over));
  },
};
