/**
 * An open connection to a BEAM.
 *
 * @module
 */

import type {
  Channel,
  Incoming,
  Local,
  Outgoing,
  Port,
  Session,
} from "../../distribution/wire.ts";
import type { BeamIntroduction } from "./handshake.ts";

/** A frame of no bytes. */
const TICK = new Uint8Array(4);

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
    open(port: Port): Channel {
      return {
        outgoing: new Ticking(port) as unknown as Outgoing,
        incoming: new Skipping(local.limits.maxFrameBytes, port),
      };
    },
  };
}

class Ticking {
  readonly pending = 0;
  readonly #port: Port;

  constructor(port: Port) {
    this.#port = port;
  }

  tick(): void {
    this.#port.write(TICK);
  }

  flush(): void {}
  announce(): void {}
  send(): undefined {}
  sendName(): undefined {}
  sendAlias(): undefined {}
  groupLeader(): void {}
  isFull(): boolean {
    return false;
  }
  exit(): void {}
  exitLink(): void {}
  link(): void {}
  unlink(): void {}
  unlinkAck(): void {}
  monitor(): void {}
  demonitor(): void {}
  down(): void {}
  reply(): void {}
  spawnRequest(): void {}
  spawnReply(): void {}
}

class Skipping implements Incoming {
  #bytes: Uint8Array = new Uint8Array();

  constructor(readonly maxBytes: number, readonly port: Port) {}

  receive(chunk: Uint8Array): void {
    const bytes = new Uint8Array(this.#bytes.length + chunk.length);
    bytes.set(this.#bytes);
    bytes.set(chunk, this.#bytes.length);
    this.#bytes = bytes;
    while (this.#bytes.length >= 4) {
      const { buffer, byteOffset } = this.#bytes;
      const length = new DataView(buffer, byteOffset).getUint32(0);
      if (length > this.maxBytes) throw new Error("too long a frame");
      if (this.#bytes.length < 4 + length) return;
      this.#bytes = this.#bytes.subarray(4 + length);
    }
  }

  close(): void {}
}
