/** Connections to nodes on a BEAM. */

import type { Local, Session, Transport } from "@otp/node/wire";
import { sessionOf } from "@otp/node/wires/conversation";
import { Refusals } from "@otp/node/wires/over_limit";
import {
  acceptBeam,
  type BeamIntroduction,
  Challenges,
  dialBeam,
} from "./beam_handshake.ts";
import { ControlDecoder } from "./control_decoder.ts";
import { ControlEncoder } from "./control_encoder.ts";

/** Makes the sessions of one node. */
export class BeamSessions {
  readonly #challenges = new Challenges();

  /** Accepts a dialler. */
  async accept(
    transport: Transport,
    first: Uint8Array,
    local: Local,
  ): Promise<Session> {
    const challenges = this.#challenges;
    return opened(local, await acceptBeam(transport, first, local, challenges));
  }

  /** Dials a node of that name, until `over` aborts. */
  async dial(
    transport: Transport,
    name: string,
    local: Local,
    over: AbortSignal,
  ): Promise<Session> {
    const challenges = this.#challenges;
    return opened(
      local,
      await dialBeam(transport, name, local, challenges, over),
    );
  }
}

function opened(local: Local, introduction: BeamIntroduction): Session {
  const { peer, flags } = introduction;
  return sessionOf(introduction, (port, deliver) => {
    const outgoing = new ControlEncoder(local, peer, port, flags);
    const ticked = () => outgoing.ticked();
    const confirmed = (id: number) => port.confirmed?.(id);
    const refusals = new Refusals(local.name, port, outgoing);
    return {
      outgoing,
      incoming: new ControlDecoder(
        local,
        peer,
        deliver,
        ticked,
        refusals,
        confirmed,
      ),
    };
  });
}
