/** An EPMD with scripted answers to look-ups, which accepts every registration. */

import { toRegistration } from "../packages/epmd/entry.ts";
import { encodeLookupReply } from "../packages/epmd/epmd_protocol.ts";
import { FakeEpmd } from "./_epmd_helpers.ts";

/** The answer to a look-up. */
export interface Answer {
  port: number;
  extra: string;
}

/** An EPMD that may answer falsely. */
export const LyingEpmd = {
  /** Starts to listen. */
  listen(answer: (name: string) => Answer | Uint8Array): Promise<FakeEpmd> {
    return FakeEpmd.listen((socket, request) => {
      if (request[2] === 120) {
        return void socket.write(Uint8Array.of(118, 0, 0, 0, 1, 0));
      }
      const name = new TextDecoder().decode(request.subarray(3));
      const found = answer(name);
      socket.end(
        found instanceof Uint8Array ? found : encodeLookupReply(
          toRegistration({ name, hidden: false, ...found }),
        ),
      );
    });
  },
};
