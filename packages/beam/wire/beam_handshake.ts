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

import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import {
  type CrossingRule,
  HandshakeError,
  type Local,
  type Transport,
} from "@otp/node/wire";
import { printable } from "@otp/processes/values/inspect";
import { isNodeName } from "@otp/processes/values/pid";
import {
  closedAfter,
  Conversation,
  type Introduction,
  invalid,
  refusalOf,
  wrongCookie,
} from "@otp/node/wires/conversation";
import { bufferOf } from "@otp/node/wires/texts";
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

/** The result of a handshake. */
export interface BeamIntroduction extends Introduction {
  /** The flags that both nodes have. */
  flags: bigint;
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
    const challenge = bufferOf(local.randomBytes(4)).readUInt32BE();
    this.#open.add(challenge);
    try {
      return await run(challenge);
    } finally {
      this.#open.delete(challenge);
    }
  }
}

/** Sends and receives the frames of a handshake: their length has two bytes, or four on a secure channel. */
class Frames extends Conversation {
  constructor(transport: Transport, first: Uint8Array = new Uint8Array()) {
    const isSecure = transport.binding !== undefined;
    super(transport, first, isSecure ? 4 : 2, MAX_FRAME_BYTES);
  }

  sayStatus(status: string): void {
    this.sayFrame(Buffer.from(`s${status}`));
  }

  /** The status of a dialler that has asked for a name. */
  sayNamed({ name, creation }: Introduced): void {
    const text = Buffer.from(name);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(text.length);
    this.sayFrame(
      Buffer.concat([Buffer.from("snamed:"), length, text, word(creation)]),
    );
  }

  /** @throws {HandshakeError} If the next frame is not a status. */
  async hearStatus(): Promise<string> {
    const body = await this.hearFrame();
    if (body[0] !== STATUS) throw unexpected(body, "a status");
    return body.toString("latin1", 1);
  }
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function unexpected(body: Buffer, wanted: string): HandshakeError {
  const text = printable(JSON.stringify(body.toString("latin1", 0, 16)));
  return invalid(`a frame that begins with ${text}, and not ${wanted}`);
}

/** Encodes an introduction; a listener's introduction has a challenge. */
function introduce(
  local: Local,
  challenge?: number,
  more = 0n,
): Uint8Array {
  const name = Buffer.from(local.name);
  const head = Buffer.alloc(challenge === undefined ? 15 : 19);
  head[0] = NAME;
  head.writeBigUInt64BE(ownFlags(local.hidden) | more, 1);
  if (challenge !== undefined) head.writeUInt32BE(challenge, 9);
  head.writeUInt32BE(local.creation, head.length - 6);
  head.writeUInt16BE(name.length, head.length - 2);
  return Buffer.concat([head, name]);
}

/** Decodes an introduction; `head` is its size before the name. Ignores bytes after the name, for later versions. */
function readIntroduction(body: Buffer, head: 15 | 19): Introduced {
  if (body[0] === OLD_NAME) throw tooOld(body.toString("latin1", 7));
  if (body[0] !== NAME) throw unexpected(body, "an introduction");
  const end = body.length < head
    ? Infinity
    : head + body.readUInt16BE(head - 2);
  if (end > body.length) {
    throw invalid("an introduction that is shorter than it says");
  }
  return {
    flags: body.readBigUInt64BE(1),
    creation: body.readUInt32BE(head - 6),
    name: body.toString("latin1", head, end),
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
  const bytes = bufferOf(local.randomBytes(NAME_LENGTH + 4));
  const letters = Array.from(
    bytes.subarray(0, NAME_LENGTH),
    (byte) => NAME_LETTERS[byte % NAME_LETTERS.length],
  );
  return {
    name: `${letters.join("")}@${hello.name}`,
    // Creations below 4 have a meaning of their own.
    creation: Math.max(4, bytes.readUInt32BE(NAME_LENGTH)),
    flags: hello.flags & ~PUBLISHED,
  };
}

/** @throws {HandshakeError} If the introduced node cannot be a peer. */
function checkIntroduction({ name, flags }: Introduced): void {
  const shown = printable(name.slice(0, 255));
  if (!isNodeName(name)) {
    throw invalid(
      `an introduction with the name "${shown}", which no node can have`,
    );
  }
  if (isTooOld(flags)) throw tooOld(name);
}

/** Returns the answer to a challenge. */
function digestOf(cookie: string, challenge: number): Uint8Array {
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
  return Buffer.from(cookie, "latin1");
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
  const stop = () => reject(refusalOf("alive", name, local));
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
  const talk = new Frames(transport);
  talk.sayFrame(introduce(local));
  const status = await talk.hearStatus();
  over.throwIfAborted();
  if (status === "alive") {
    talk.sayStatus("true");
  } else if (status !== "ok" && status !== "ok_simultaneous") {
    throw refusedWith(status);
  }
  const body = await talk.hearFrame();
  const theirs = readIntroduction(body, 19);
  checkIntroduction(theirs);
  if (theirs.name !== name) {
    throw invalid(`${theirs.name} answered there, not ${name}`);
  }
  over.throwIfAborted();
  const asked = body.readUInt32BE(9);
  if (challenges.has(asked)) {
    throw invalid(
      `${name} sent a challenge of this node's back, as a program would that does not know the cookie`,
    );
  }
  return await challenges.with(local, async (challenge) => {
    const digest = digestOf(local.cookie, asked);
    talk.sayFrame(Buffer.concat([Buffer.of(REPLY), word(challenge), digest]));
    const ack = await talk.hearFrame().catch((error) => {
      throw closedAfter("our answer to its challenge", error);
    });
    if (ack[0] !== ACK) throw unexpected(ack, "an answer to our challenge");
    if (!isDigest(ack.subarray(1), local.cookie, challenge)) {
      throw wrongCookie();
    }
    return introduction(local, theirs, talk, false);
  });
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
      return invalid(
        `it answered ${shown(status)}, which is no status of a listener`,
      );
  }
}

function shown(status: string): string {
  return printable(JSON.stringify(status.slice(0, 60)));
}

/** Runs the listener's side of the handshake. */
export async function acceptBeam(
  transport: Transport,
  first: Uint8Array,
  local: Local,
  challenges: Challenges,
): Promise<BeamIntroduction> {
  const talk = new Frames(transport, first);
  const hello = await talk.hearFrame();
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
      throw invalid(`it answered ${shown(answer)}, and not true or false`);
    }
  } else if (status !== "ok" && status !== "ok_simultaneous") {
    throw refusalOf(status, name, local);
  }
  return await challenges.with(local, async (challenge) => {
    // OTP expects the flag back if it has asked for a name.
    talk.sayFrame(introduce(local, challenge, isNamed ? NAME_ME : 0n));
    const body = await talk.hearFrame().catch((error) => {
      // The dialler may have ended its dial because this node's dial goes on or has succeeded.
      throw admission.isElsewhere() ? refusalOf("alive", name, local) : error;
    });
    if (body[0] !== REPLY || body.length !== 5 + DIGEST_BYTES) {
      throw unexpected(body, "an answer to our challenge");
    }
    if (!isDigest(body.subarray(5), local.cookie, challenge)) {
      throw wrongCookie(`${name} has another cookie`);
    }
    const confirmed = await admission.confirm();
    if (confirmed !== "ok") throw refusalOf(confirmed, name, local);
    // The dialler may have closed the connection meanwhile.
    talk.assertOpen();
    const answer = digestOf(local.cookie, body.readUInt32BE(1));
    talk.sayFrame(Buffer.concat([Buffer.of(ACK), answer]));
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
