/** A node that writes Erlang's distribution by hand: scripted, and as hostile as a test needs. */

import { assertEquals } from "@std/assert";
import { connectTcp } from "../packages/node/host/tcp.ts";
import type { Functions, Local, Transport } from "../packages/node/wire.ts";
import type { Node } from "../node.ts";
import { BeamFunctions } from "../packages/beam/functions/beam_functions.ts";
import { Modules } from "../packages/processes/remote/exported_modules.ts";
import { atom } from "../packages/processes/values/atom.ts";
import { improperList } from "../packages/processes/values/improper_list.ts";
import { Pid, Ref } from "../packages/processes/values/pid.ts";
import { Process, self } from "../packages/processes/process.ts";
import { Tuple, tuple } from "../packages/processes/values/tuple.ts";
import * as control from "../packages/beam/wire/control.ts";
import { TermReader } from "../packages/beam/wire/etf_decoder.ts";
import { TermWriter } from "../packages/beam/wire/etf_encoder.ts";
import * as handshake from "../packages/beam/wire/beam_handshake.ts";
import { localOf as admitting } from "./_local.ts";
import { type Cluster, clusterTest, COOKIE } from "./_nodes.ts";

/** The name of the raw node. */
export const RAW = "raw@localhost";

/** Its incarnation. */
export const CREATION = 7;

/** A `Local` of a node that accepts everyone. */
export function localOf(
  name: string,
  creation: number,
  functions: Functions = new BeamFunctions(new Modules()),
  hidden = true,
): Local {
  return admitting({ name, creation, hidden, functions, cookie: COOKIE });
}

/** A tuple that begins with an atom, as most messages of OTP do. */
export function tagged(name: string, ...items: unknown[]): Tuple {
  return tuple(atom(name), ...items);
}

/** A caller as `gen:call` writes it: a process, and an alias of it as the tag. */
export function callerOf(pid: Pid): Tuple {
  const alias = new Ref(pid.node, 9, pid.creation);
  return tuple(pid, improperList([atom("alias")], alias));
}

/** The bytes of a frame: a control message, and the message behind it, if there is one. */
export function beamFrame(
  control: readonly unknown[],
  ...message: unknown[]
): Uint8Array {
  const writer = new TermWriter();
  writer.u32(0);
  writer.u8(112);
  writer.u8(131);
  writer.term(new Tuple(control));
  for (const term of message) {
    writer.u8(131);
    writer.term(term, 1000);
  }
  writer.setU32(0, writer.length - 4);
  return writer.take().slice();
}

/** A frame that arrived: the items of its control message, and the message behind it. */
export interface BeamFrame {
  control: readonly unknown[];
  message?: unknown;
}

/** One end of a connection to a node, after its handshake. */
export class RawBeam implements AsyncDisposable {
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
  /** The process that its messages come from. */
  readonly pid: Pid;
  readonly #transport: Transport;
  readonly #reader = new TermReader();
  #bytes: Uint8Array;
  #isClosed = false;
  #wake: () => void = () => {};

  private constructor(name: string, transport: Transport, rest: Uint8Array) {
    this.pid = new Pid(name, 1, CREATION);
    this.#transport = transport;
    this.#bytes = rest.slice();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    transport.start({
      bytes: (chunk) => {
        const bytes = new Uint8Array(this.#bytes.length + chunk.length);
        bytes.set(this.#bytes);
        bytes.set(chunk, this.#bytes.length);
        this.#bytes = bytes;
        this.#wake();
      },
      drained() {},
      closed: () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      },
    });
  }

  /** Connects to a node as one of that name, and performs the handshake. */
  static async dial(
    to: Node,
    name: string = RAW,
    hidden = true,
  ): Promise<RawBeam> {
    const transport = await connectTcp(
      { host: "127.0.0.1", port: to.port },
      AbortSignal.timeout(10_000),
    );
    const introduction = await handshake.dialBeam(
      transport,
      to.name,
      localOf(name, CREATION, undefined, hidden),
      new handshake.Challenges(),
      new AbortController().signal,
    );
    return new RawBeam(name, transport, introduction.rest());
  }

  /** Sends bytes. */
  write(bytes: Uint8Array): void {
    this.#transport.write(bytes.slice());
  }

  /** Sends a frame. */
  say(control: readonly unknown[], ...message: unknown[]): void {
    this.write(beamFrame(control, ...message));
  }

  /** Sends a message to a process or a name. */
  send(to: Pid | string, message: unknown): void {
    this.say(
      typeof to === "string"
        ? [control.DOP_REG_SEND, this.pid, atom(""), atom(to)]
        : [control.DOP_SEND_SENDER, this.pid, to],
      message,
    );
  }

  /** Calls a server as `gen:call` does, in the name of its own process or of another caller. */
  call(
    to: Pid | string,
    request: unknown,
    caller: Tuple = callerOf(this.pid),
  ): void {
    this.send(to, tagged("$gen_call", caller, request));
  }

  /** Whether the connection is closed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Takes the next frame that is no tick; `undefined` when the connection is closed. */
  async hear(): Promise<BeamFrame | undefined> {
    for (;;) {
      const frame = this.#cut();
      if (frame === "tick") continue;
      if (frame !== undefined) return frame;
      if (this.#isClosed) return undefined;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Takes frames until there is one of that kind. */
  async kind(kind: number): Promise<BeamFrame> {
    for (;;) {
      const frame = await this.hear();
      if (frame === undefined) throw new Error("the connection was closed");
      if (frame.control[0] === kind) return frame;
    }
  }

  /** Takes frames until there is a reply to the alias of a call, or to its process: the tag, and the value. */
  async reply(
    to: "alias" | "process" = "alias",
  ): Promise<readonly unknown[]> {
    const kind = to === "alias"
      ? control.DOP_ALIAS_SEND
      : control.DOP_SEND_SENDER;
    for (;;) {
      const { message } = await this.kind(kind);
      if (message instanceof Tuple && message.length === 2) {
        return message.elements;
      }
    }
  }

  #cut(): BeamFrame | "tick" | undefined {
    const bytes = this.#bytes;
    if (bytes.length < 4) return undefined;
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    if (bytes.length < 4 + length) return undefined;
    this.#bytes = bytes.slice(4 + length);
    if (length === 0) return "tick";
    // A frame without a header, or with one that has no atoms.
    const isPlain = bytes[4] === 112;
    assertEquals(
      [...bytes.subarray(4, isPlain ? 6 : 7)],
      isPlain ? [112, 131] : [131, 68, 0],
    );
    const reader = this.#reader.open(bytes, isPlain ? 6 : 7, 4 + length);
    const { elements: control } = reader.term() as Tuple;
    if (reader.done) return { control };
    if (isPlain) reader.version();
    return { control, message: reader.term() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#transport.destroy();
    await this.closed;
  }
}

/** A test of a raw BEAM that has connected to alex; its body is a process of alex, registered as `inbox`. */
export function beamTest(
  name: string,
  fn: (peer: RawBeam, alex: Node, cluster: Cluster) => Promise<void>,
  options: Parameters<Cluster["start"]>[1] = {},
): void {
  clusterTest(name, async (cluster) => {
    const alex = await cluster.start("alex", options);
    await using peer = await RawBeam.dial(alex);
    await alex.run(async () => {
      Process.register(self(), "inbox");
      await fn(peer, alex, cluster);
    });
  });
}
