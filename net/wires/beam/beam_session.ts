/** An open connection to a node on a BEAM. */

import type { Channel, Local, Port, Session } from "../../wire.ts";
import type { Signals } from "../../../core/signals/signal.ts";
import { Refusals } from "../over_limit.ts";
import { ControlDecoder } from "./control_decoder.ts";
import { ControlEncoder } from "./control_encoder.ts";
import type { BeamIntroduction } from "./beam_handshake.ts";

/** Creates the session of a handshake, ready to be opened. */
export function openSession(
  local: Local,
  introduction: BeamIntroduction,
): Session {
  const { peer, replaces } = introduction;
  return {
    peer,
    replaces,
    get rest(): Uint8Array {
      return introduction.rest();
    },
    open(port: Port, deliver: Signals): Channel {
      const { flags } = introduction;
      const outgoing = new ControlEncoder(local, peer, port, flags);
      const ticked = () => outgoing.ticked();
      const refusals = new Refusals(local.name, port, outgoing);
      return {
        outgoing,
        incoming: new ControlDecoder(local, peer, deliver, ticked, refusals),
      };
    },
  };
}
