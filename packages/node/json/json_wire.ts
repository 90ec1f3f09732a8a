/** The default wire: JSON, framed by length, over a stream of bytes. `docs/protocol.md` specifies it. */

import type { Local, Peer, Session, Transport, Wire } from "../wire.ts";
import { sessionOf } from "../wires/conversation.ts";
import { Decoder } from "./json_decoder.ts";
import { Encoder } from "./json_encoder.ts";
import * as handshake from "./json_handshake.ts";

function opened(
  local: Local,
  introduction: handshake.JsonIntroduction,
): Session {
  const { peer } = introduction;
  return sessionOf(introduction, (port, deliver) => {
    const { name, creation, limits, parts } = local;
    const self = { name, creation };
    const outgoing = new Encoder(self, peer, limits, introduction, port);
    const incoming = new Decoder(
      self,
      peer,
      limits,
      port,
      deliver,
      parts,
      outgoing,
    );
    return { outgoing, incoming };
  });
}

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
    return found && opened(local, found);
  },

  ask(transport: Transport, local: Local): Promise<Peer> {
    return handshake.askName(transport, local);
  },

  async dial(
    transport: Transport,
    name: string,
    local: Local,
    over: AbortSignal,
  ): Promise<Session> {
    return opened(local, await handshake.dial(transport, name, local, over));
  },
};
