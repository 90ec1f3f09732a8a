/**
 * The handshake of Erlang's distribution, version 6, as OTP 25 and later perform it.
 *
 * 1. The dialler sends its name, flags and creation (`N`).
 * 2. The listener answers with a status (`s`). After `alive`, the dialler answers `true` or `false`.
 * 3. The listener sends its challenge, name, flags and creation (`N`).
 * 4. The dialler answers the challenge, and sends its own (`r`).
 * 5. The listener answers that challenge (`a`).
 *
 * An answer is the MD5 of the cookie and the challenge in decimal digits. The dialler answers first. So a program
 * without the cookie, dialled by this node, could send this node's own challenge from another connection back to it.
 * Therefore a node never answers a challenge of its own.
 *
 * **Crossing dials.** Of two dials, one in each direction, the dial of the node with the greater name goes on, as in
 * `net_kernel`. The listener says `nok` if its own dial goes on, and `ok_simultaneous` otherwise. After
 * `ok_simultaneous` OTP ends its own dial; this node lets its dial go on until it is refused. After step 3 a listener
 * can refuse only by closing. So when this node begins to dial after it has said `ok`, and its dial goes on by the
 * rule, the other node may or may not have ended its dial: the outcome of this node's dial decides before step 5.
 *
 * **`alive`** means that the listener has a connection to a node with the dialler's name. A dialler that has the
 * connection too answers `false`. A dialler without it, as a new incarnation or after closing its end, answers `true`,
 * and the new connection replaces the old one once the challenge is answered.
 *
 * **`named:`** gives the dialler a name and a creation, if it asks for them by the flag NAME_ME; it has stated its host
 * in place of a name.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import {
  type CrossingRule,
  HandshakeError,
  type Local,
  type Peer,
  type Transport,
} from "../../wire.ts";
import { printable } from "../../../core/values/inspect.ts";
import { isNodeName } from "../../../core/values/pid.ts";
import { Conversation, type FrameBounds, refusalOf } from "../conversation.ts";
import {
  expandFlags,
  isTooOld,
  NAME_ME,
  ownFlags,
  PUBLISHED,
} from "./distribution_flags.ts";

/** The maximum length of a frame of the handshake, in bytes; a name has at most 255 bytes. */
const MAX_FRAME_BYTES = 512;

const NAME = "N".charCodeAt(0);
/** The name message of versions before OTP 23. */
const OLD_NAME = "n".charCodeAt(0);
const STATUS = "s".charCodeAt(0);
const REPLY = "r".charCodeAt(0);
const ACK = "a".charCodeAt(0);

const DIGEST_BYTES = 16;

/** A listener refuses a dialler before its proof, or by closing the connection. */
const CROSSING: CrossingRule = { goesOn: "greater", refusesLate: false };

const encoder = new TextEncoder();

/** The result of a handshake. */
export interface BeamIntroduction {
  /** The other node. */
  peer: Peer;
  /** The flags that both nodes have. */
  flags: bigint;
  /** Whether the peer has no other connection to this node. */
  replaces: boolean;
  /** Returns the bytes received after the handshake, until another reader takes over the transport. */
  rest: () => Uint8Array;
}

/** The node that a frame introduces. */
interface Introduced {
  name: string;
  creation: number;
  flags: bigint;
}

/** The challenges of one node that are not answered yet. */
export class Challenges {
  readonly #open = new Set<number>();

  /** Returns whether this node has sent `challenge` and waits for the answer. */
  has(challenge: number): boolean {
    return this.#open.has(challenge);
  }

  /** Runs a function with a new challenge, which stays open until the function has settled. */
  async with<T>(
    local: Local,
    run: (challenge: number) => Promise<T>,
  ): Promise<T> {
    const bytes = local.randomBytes(4);
    const challenge = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    this.#open.add(challenge);
    try {
      return await run(challenge);
    } finally {
      this.#open.delete(challenge);
    }
  }
}

/** Sends and receives the frames of a handshake: their length has two bytes, or four on a secure channel. */
class Frames {
  readonly #conversation: Conversation;
  readonly #lengthBytes: 2 | 4;

  constructor(transport: Transport, first: Uint8Array) {
    this.#conversation = new Conversation(transport, first);
    this.#lengthBytes = isSecure(transport) ? 4 : 2;
  }

  say(body: Uint8Array): void {
    const start = this.#lengthBytes;
    const frame = new Uint8Array(start + body.length);
    const view = new DataView(frame.buffer);
    if (start === 2) view.setUint16(0, body.length);
    else view.setUint32(0, body.length);
    frame.set(body, start);
    this.#conversation.write(frame);
  }

  sayStatus(status: string): void {
    this.say(encoder.encode(`s${status}`));
  }

  /** The status of a dialler that has asked for a name. */
  sayNamed({ name, creation }: Introduced): void {
    const head = encoder.encode("snamed:");
    const text = encoder.encode(name);
    const body = new Uint8Array(head.length + 6 + text.length);
    const view = new DataView(body.buffer);
    body.set(head);
    view.setUint16(head.length, text.length);
    body.set(text, head.length + 2);
    view.setUint32(body.length - 4, creation);
    this.say(body);
  }

  async hear(): Promise<Uint8Array> {
    return await this.#conversation.hear((bytes) => this.#boundsOf(bytes));
  }

  /** @throws {HandshakeError} If the next frame is not a status. */
  async hearStatus(): Promise<string> {
    const body = await this.hear();
    if (body[0] !== STATUS) throw unexpected(body, "a status");
    return latin1(body.subarray(1));
  }

  assertOpen(): void {
    this.#conversation.assertOpen();
  }

  rest(): Uint8Array {
    return this.#conversation.rest();
  }

  #boundsOf(bytes: Uint8Array): FrameBounds | undefined {
    const start = this.#lengthBytes;
    if (bytes.length < start) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const length = start === 2 ? view.getUint16(0) : view.getUint32(0);
    if (length === 0 || length > MAX_FRAME_BYTES) {
      throw new HandshakeError(
        "protocol",
        `a first frame of ${length} bytes, and 1 to ${MAX_FRAME_BYTES} are allowed`,
      );
    }
    return { start, end: start + length };
  }
}

/** Returns whether a transport is a secure channel, which is known once bytes have arrived. */
function isSecure(transport: Transport): boolean {
  return transport.binding !== undefined;
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function unexpected(body: Uint8Array, wanted: string): HandshakeError {
  const text = printable(JSON.stringify(latin1(body.subarray(0, 16))));
  return new HandshakeError(
    "protocol",
    `a frame that begins with ${text}, and not ${wanted}`,
  );
}

/** Encodes an introduction; a listener's introduction has a challenge. */
function introduce(
  local: Local,
  challenge?: number,
  more = 0n,
): Uint8Array {
  const name = encoder.encode(local.name);
  const head = challenge === undefined ? 15 : 19;
  const body = new Uint8Array(head + name.length);
  const view = new DataView(body.buffer);
  body[0] = NAME;
  view.setBigUint64(1, ownFlags(local.hidden) | more);
  if (challenge !== undefined) view.setUint32(9, challenge);
  view.setUint32(head - 6, local.creation);
  view.setUint16(head - 2, name.length);
  body.set(name, head);
  return body;
}

/** Decodes an introduction; `head` is its size before the name. Ignores bytes after the name, for later versions. */
function readIntroduction(body: Uint8Array, head: 15 | 19): Introduced {
  if (body[0] === OLD_NAME) throw tooOld(latin1(body.subarray(7)));
  if (body[0] !== NAME) throw unexpected(body, "an introduction");
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const end = body.length < head ? Infinity : head + view.getUint16(head - 2);
  if (end > body.length) {
    throw new HandshakeError(
      "protocol",
      "an introduction that is shorter than it says",
    );
  }
  return {
    flags: view.getBigUint64(1),
    creation: view.getUint32(head - 6),
    name: latin1(body.subarray(head, end)),
  };
}

function tooOld(name: string): HandshakeError {
  return new HandshakeError(
    "protocol",
    `${
      printable(name.slice(0, 255))
    } is an Erlang node older than OTP 25, as its handshake lacks what OTP 25 and later require; run it with OTP 25 or later`,
    "version",
  );
}

/** The letters of given names, and their number: names are random, as other nodes must not guess the next one. */
const NAME_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const NAME_LENGTH = 16;

/** Returns the introduction of a dialler that asks for a name, with a name and a creation. */
function named(hello: Introduced, local: Local): Introduced {
  const bytes = local.randomBytes(NAME_LENGTH + 4);
  const letters = Array.from(
    bytes.subarray(0, NAME_LENGTH),
    (byte) => NAME_LETTERS[byte % NAME_LETTERS.length],
  );
  const random = new DataView(bytes.buffer, bytes.byteOffset)
    .getUint32(NAME_LENGTH);
  return {
    name: `${letters.join("")}@${hello.name}`,
    // Creations below 4 have a meaning of their own.
    creation: Math.max(4, random),
    flags: hello.flags & ~PUBLISHED,
  };
}

/** @throws {HandshakeError} If the introduced node cannot be a peer. */
function checkIntroduction({ name, flags }: Introduced): void {
  const shown = printable(name.slice(0, 255));
  if (!isNodeName(name)) {
    throw new HandshakeError(
      "protocol",
      `an introduction with the name "${shown}", which no node can have`,
    );
  }
  if (isTooOld(flags)) throw tooOld(name);
}

/** Returns the answer to a challenge. */
export function digestOf(cookie: string, challenge: number): Uint8Array {
  return createHash("md5").update(cookieBytes(cookie)).update(`${challenge}`)
    .digest();
}

/** Returns the bytes of a cookie to hash: Erlang's cookies are atoms, hashed as one byte per character. */
function cookieBytes(cookie: string): Uint8Array {
  // deno-lint-ignore no-control-regex
  if (!/^[\u0000-\u00ff]*$/.test(cookie)) {
    throw new HandshakeError(
      "refused",
      "this node's cookie has characters that Erlang's distribution cannot use: choose one of Latin-1 letters, digits and signs",
      "cookie",
    );
  }
  return Uint8Array.from(cookie, (char) => char.charCodeAt(0));
}

function isDigest(
  given: Uint8Array,
  cookie: string,
  challenge: number,
): boolean {
  return given.length === DIGEST_BYTES &&
    timingSafeEqual(given, digestOf(cookie, challenge));
}

/**
 * Runs the dialler's side of the handshake. Ends as soon as `over` aborts: if OTP read this dial later, it would take
 * it for a new one.
 */
export async function dialBeam(
  transport: Transport,
  name: string,
  local: Local,
  challenges: Challenges,
  over: AbortSignal,
): Promise<BeamIntroduction> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () =>
    reject(new HandshakeError("alive", `${name} is connected already`));
  over.addEventListener("abort", stop, { once: true });
  if (over.aborted) stop();
  try {
    return await Promise.race([
      promise,
      askToConnect(transport, name, local, challenges, over),
    ]);
  } finally {
    over.removeEventListener("abort", stop);
  }
}

async function askToConnect(
  transport: Transport,
  name: string,
  local: Local,
  challenges: Challenges,
  over: AbortSignal,
): Promise<BeamIntroduction> {
  over.throwIfAborted();
  const talk = new Frames(transport, new Uint8Array());
  talk.say(introduce(local));
  const status = await talk.hearStatus();
  over.throwIfAborted();
  if (status === "alive") {
    talk.sayStatus("true");
  } else if (status !== "ok" && status !== "ok_simultaneous") {
    throw refusedWith(status);
  }
  const body = await talk.hear();
  const theirs = readIntroduction(body, 19);
  checkIntroduction(theirs);
  if (theirs.name !== name) {
    throw new HandshakeError(
      "protocol",
      `${theirs.name} answered there, not ${name}`,
    );
  }
  over.throwIfAborted();
  const asked = new DataView(body.buffer, body.byteOffset).getUint32(9);
  if (challenges.has(asked)) {
    throw new HandshakeError(
      "protocol",
      `${name} sent a challenge of this node's back, as a program would that does not know the cookie`,
    );
  }
  return await challenges.with(local, async (challenge) => {
    talk.say(reply(challenge, digestOf(local.cookie, asked)));
    const ack = await talk.hear().catch((error) => {
      throw new HandshakeError(
        "refused",
        `it closed the connection after our answer to its challenge, most likely because its cookie is another one (${error.message})`,
        "cookie",
      );
    });
    if (ack[0] !== ACK) throw unexpected(ack, "an answer to our challenge");
    if (!isDigest(ack.subarray(1), local.cookie, challenge)) {
      throw new HandshakeError(
        "refused",
        "its cookie is another one",
        "cookie",
      );
    }
    return introduction(local, theirs, talk, false);
  });
}

function reply(challenge: number, digest: Uint8Array): Uint8Array {
  const body = new Uint8Array(5 + DIGEST_BYTES);
  body[0] = REPLY;
  new DataView(body.buffer).setUint32(1, challenge);
  body.set(digest, 5);
  return body;
}

function refusedWith(status: string): HandshakeError {
  switch (status) {
    case "nok":
      return new HandshakeError(
        "superseded",
        "it is dialling this node at the same time",
      );
    case "not_allowed":
      return new HandshakeError(
        "refused",
        "it does not let this node in: are long and short names mixed, or does it restrict the nodes that may connect (net_kernel:allow)?",
      );
    default:
      return new HandshakeError(
        "protocol",
        `it answered ${
          printable(JSON.stringify(status.slice(0, 60)))
        }, which is no status of a listener`,
      );
  }
}

/** Runs the listener's side of the handshake. */
export async function acceptBeam(
  transport: Transport,
  first: Uint8Array,
  local: Local,
  challenges: Challenges,
): Promise<BeamIntroduction> {
  const talk = new Frames(transport, first);
  const hello = await talk.hear();
  let theirs: Introduced;
  let isNamed = false;
  try {
    theirs = readIntroduction(hello, 15);
    isNamed = (theirs.flags & NAME_ME) !== 0n;
    if (isNamed) theirs = named(theirs, local);
    checkIntroduction(theirs);
  } catch (error) {
    talk.sayStatus("not_allowed");
    throw error;
  }
  const { name } = theirs;
  const admission = local.admit(name, CROSSING);
  const { status } = admission;
  if (isNamed && status === "ok") talk.sayNamed(theirs);
  else talk.sayStatus(status === "full" ? "not_allowed" : status);
  const replaces = status === "alive";
  if (replaces) {
    const answer = await talk.hearStatus();
    if (answer === "false") throw refusalOf(status, name, local);
    if (answer !== "true") {
      throw new HandshakeError(
        "protocol",
        `it answered ${
          printable(JSON.stringify(answer.slice(0, 60)))
        }, and not true or false`,
      );
    }
  } else if (status !== "ok" && status !== "ok_simultaneous") {
    throw refusalOf(status, name, local);
  }
  return await challenges.with(local, async (challenge) => {
    // OTP expects the flag back if it has asked for a name.
    talk.say(introduce(local, challenge, isNamed ? NAME_ME : 0n));
    const body = await talk.hear().catch((error) => {
      // The dialler may have ended its dial because this node's dial goes on or has succeeded.
      throw admission.isElsewhere() ? refusalOf("alive", name, local) : error;
    });
    if (body[0] !== REPLY || body.length !== 5 + DIGEST_BYTES) {
      throw unexpected(body, "an answer to our challenge");
    }
    if (!isDigest(body.subarray(5), local.cookie, challenge)) {
      throw new HandshakeError(
        "refused",
        `${name} has another cookie`,
        "cookie",
      );
    }
    const confirmed = await admission.confirm();
    if (confirmed !== "ok") throw refusalOf(confirmed, name, local);
    // The dialler may have closed the connection meanwhile.
    talk.assertOpen();
    const asked = new DataView(body.buffer, body.byteOffset).getUint32(1);
    const ack = new Uint8Array(1 + DIGEST_BYTES);
    ack[0] = ACK;
    ack.set(digestOf(local.cookie, asked), 1);
    talk.say(ack);
    return introduction(local, theirs, talk, replaces);
  });
}

function introduction(
  { hidden }: Local,
  { name, creation, flags }: Introduced,
  talk: Frames,
  replaces: boolean,
): BeamIntroduction {
  const common = expandFlags(flags) & ownFlags(hidden);
  return {
    // As in OTP, a connection is hidden if either end is hidden.
    peer: { name, creation, hidden: (common & PUBLISHED) === 0n },
    flags: common,
    replaces,
    rest: () => talk.rest(),
  };
}
