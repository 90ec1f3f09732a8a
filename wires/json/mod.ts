/**
 * The default wire: JSON, framed by length, over a stream of bytes. `docs/protocol.md` specifies
 * it.
 *
 * @module
 */

import type {
  Local,
  Peer,
  Port,
  Session,
  Transport,
  Wire,
} from "../../distribution/wire.ts";
import type { Signals } from "../../runtime/signals/signal.ts";
import { Decoder } from "./decoder.ts";
import { Encoder } from "./encoder.ts";
import * as handshake from "./handshake.ts";

class JsonSession implements Session {
  readonly peer: Peer;
  readonly replaces: boolean;
  readonly #local: Local;
  readonly #introduction: handshake.Introduction;
  #encoder: Encoder | undefined;
  #decoder: Decoder | undefined;

  constructor(local: Local, introduction: handshake.Introduction) {
    this.peer = introduction.peer;
    this.replaces = introduction.replaces;
    this.#local = local;
    this.#introduction = introduction;
  }

  get pending(): number {
    return this.#encoder!.pending;
  }

  open(port: Port, deliver: Signals): Signals {
    const { name, creation, limits, parts } = this.#local;
    const self = { name, creation };
    this.#encoder = new Encoder(
      self,
      this.peer,
      limits,
      this.#introduction,
      port,
    );
    this.#decoder = new Decoder(self, this.peer, limits, port, deliver, parts);
    return this.#encoder;
  }

  receive(chunk: Uint8Array): void {
    this.#decoder!.receive(chunk);
  }

  get rest(): Uint8Array {
    return this.#introduction.rest();
  }

  flush(room: number): void {
    this.#encoder!.flush(room);
  }

  close(): void {
    this.#decoder!.close();
  }

  tick(): void {
    this.#encoder!.tick();
  }

  announce(peers: string[]): void {
    this.#encoder!.announce(peers);
  }
}

/** The JSON wire. */
export const jsonWire: Wire = {
  extra: `otp-json/${handshake.VERSION}`,

  sniff(bytes: Uint8Array): boolean | undefined {
    if (bytes.length > 0 && bytes[0] !== 0) return false;
    if (bytes.length > 1 && bytes[1] !== 0) return false;
    return bytes.length < 2 ? undefined : true;
  },

  async accept(
    transport: Transport,
    first: Uint8Array,
    local: Local,
  ): Promise<Session> {
    return new JsonSession(
      local,
      await handshake.accept(transport, first, local),
    );
  },

  async dial(
    transport: Transport,
    name: string,
    local: Local,
    isWanted: () => boolean,
  ): Promise<Session> {
    return new JsonSession(
      local,
      await handshake.dial(transport, name, local, isWanted),
    );
  },
};
