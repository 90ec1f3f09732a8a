/** Erlang's distribution: the wire that stock nodes of OTP 25 and later speak. */

import type { Local, Session, Transport, Wire } from "@otp/node/wire";
import { setProtocols } from "../servers/border.ts";
import type { BeamSessions } from "./beam_session.ts";

/** The first bytes of introductions: `N`, and `n` before OTP 23. */
const NAMES = [0x4e, 0x6e];

/** Creates Erlang's wire for one node. */
export function beamWire(): Wire {
  // Load the code on the first connection: most programs never connect to a BEAM.
  let loading: Promise<BeamSessions> | undefined;
  const sessions = () => loading ??= load();
  return {
    name: "beam",
    extra: "erlang/6",

    sniff(bytes: Uint8Array, isSecure: boolean): boolean | undefined {
      // The length of the first frame, 16 to 511, takes two bytes, or four on a secure channel.
      const lengthBytes = isSecure ? 4 : 2;
      const zeros = bytes.subarray(0, lengthBytes - 2);
      if (zeros.some((byte) => byte !== 0)) return false;
      if (bytes.length >= lengthBytes - 1 && bytes[lengthBytes - 2] > 1) {
        return false;
      }
      if (bytes.length <= lengthBytes) return undefined;
      return NAMES.includes(bytes[lengthBytes]);
    },

    async accept(
      transport: Transport,
      first: () => Uint8Array,
      local: Local,
    ): Promise<Session> {
      const beam = await sessions();
      return await beam.accept(transport, first(), local);
    },

    async dial(
      transport: Transport,
      name: string,
      local: Local,
      over: AbortSignal,
    ): Promise<Session> {
      return await (await sessions()).dial(transport, name, local, over);
    },
  };
}

async function load(): Promise<BeamSessions> {
  const [{ BeamSessions }, protocols] = await Promise.all([
    import("./beam_session.ts"),
    import("../servers/protocols.ts"),
  ]);
  setProtocols(protocols);
  return new BeamSessions();
}
