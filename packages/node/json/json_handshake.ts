/**
 * The handshake: four frames of JSON that introduce and authenticate two nodes.
 *
 * 1. The dialler sends its introduction, the name of the node that it wants, and a nonce.
 * 2. The listener answers whether the dialler may go on, with its introduction and its nonce.
 * 3. The dialler proves that it knows the cookie.
 * 4. The listener does the same, or answers with another status why the dialler cannot go on.
 *
 * Frames 3 and 4 also have a digest of the nodes that their sender knows (`introductions.ts`). Frames 1 and 2 have none:
 * anyone may receive them.
 *
 * **Crossing dials.** Of two dials, one in each direction, the dial of the node with the smaller name goes on (in OTP
 * too the listener with the greater name says `ok_simultaneous`). The other dialler gets `nok` in frame 2, or in
 * frame 4 if the listener began to dial after frame 2. It then waits for the connection, and dials again if none comes.
 *
 * **Questions.** A dialler that knows an address and no name sends a null as `to`. Frame 2 names the listener and ends
 * the exchange; the dialler dials the name over another connection. (A listener that does not know this question
 * answers as to any wrong name, with its introduction, which has the name too.)
 *
 * **Existing connections.** If the listener has a connection to the dialler, frame 2 says `alive`. A dialler that has
 * the connection too says no more. A dialler without it, as a new incarnation or after closing its end, goes on. The
 * new connection then replaces the old one after a valid proof. A node dials another node once at a time, and a listener has
 * a connection before its dialler has it. So a connection that the listener had when it said `alive`, and that the
 * dialler does not have when it goes on, is stale. If another connection has come up in between, frame 4 says `alive`.
 *
 * **The proof** is an HMAC-SHA-256, keyed with the cookie, over both names, incarnations and nonces, the role, and the
 * binding of a secure channel. The cookie never travels.
 */

import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import {
  type CrossingRule,
  HandshakeError,
  type Listening,
  type Local,
  NOT_ADMITTED,
  type Peer,
  type Status,
  type Transport,
} from "../wire.ts";
import { printable } from "@otp/processes/values/inspect";
import { isNodeName } from "@otp/processes/values/pid";
import {
  closedAfter,
  Conversation,
  type Introduction,
  invalid,
  refusalOf,
  wrongCookie,
} from "../wires/conversation.ts";
import type { FrameLimits } from "./json_encoder.ts";
import { parseJson } from "./parse_json.ts";

/** The version of the wire that this module speaks. */
export const VERSION = 1;

/** The maximum length of a frame of the handshake, in bytes. */
export const MAX_HANDSHAKE_BYTES = 4096;

/** Frame 4 can refuse a dialler too. */
const CROSSING: CrossingRule = { goesOn: "smaller", refusesLate: true };

/** The maximum number of levels of a frame of the handshake. */
export const MAX_DEPTH = 4;
const NONCE = /^[0-9a-f]{64}$/;
const DIGEST = /^[0-9a-f]{16}$/;

/** The result of a handshake. */
export type JsonIntroduction = Introduction & FrameLimits;

type Fields = Record<string, unknown>;

interface Hello extends Fields {
  name: string;
  creation: number;
  hidden: boolean;
  nonce: string;
  maxMessageBytes: number;
  listen?: Listening;
  traces?: boolean;
  beam?: boolean;
}

/** Sends and receives the frames of a handshake as JSON objects. */
class Frames extends Conversation {
  constructor(transport: Transport, first: Uint8Array = new Uint8Array()) {
    super(transport, first, 4, MAX_HANDSHAKE_BYTES);
  }

  say(fields: Fields): void {
    this.sayFrame(Buffer.from(JSON.stringify(fields)));
  }

  async hear(): Promise<Fields> {
    return toFields(await this.hearFrame());
  }
}

function toFields(body: Uint8Array): Fields {
  let value: unknown;
  try {
    value = parseJson(body, MAX_DEPTH).value;
  } catch {
    throw invalid("a frame that is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid("a frame that is not a JSON object");
  }
  return value as Fields;
}

function introduce(local: Local): Hello {
  return {
    name: local.name,
    creation: local.creation,
    hidden: local.hidden,
    nonce: Buffer.from(local.randomBytes(32)).toString("hex"),
    maxMessageBytes: local.limits.maxMessageBytes,
    listen: local.listen,
    traces: true,
    beam: local.beam,
  };
}

function toHello(fields: Fields): Hello {
  const { name, creation, hidden, nonce, maxMessageBytes, traces, beam } =
    fields;
  if (
    !isNodeName(name) ||
    typeof nonce !== "string" || !NONCE.test(nonce) ||
    typeof hidden !== "boolean" || !isNatural(creation) ||
    !isNatural(maxMessageBytes)
  ) {
    throw invalid("an introduction with a bad name, nonce or number");
  }
  if (!isFlag(traces) || !isFlag(beam)) {
    throw invalid("an introduction whose traces or beam is not a boolean");
  }
  return {
    name,
    creation,
    hidden,
    nonce,
    maxMessageBytes,
    listen: toListening(fields.listen),
    traces: traces === true,
    beam: beam === true,
  };
}

/** Whether a value is a boolean, or left out. */
function isFlag(value: unknown): value is boolean | undefined {
  return value === undefined || typeof value === "boolean";
}

/** Parses the peer's listen address. One that is of no single machine is rejected later, when it is dialled. */
function toListening(given: unknown): Listening | undefined {
  if (given === undefined) return undefined;
  const { port, host } = Object(given) as Fields;
  const isAddress = host === undefined ||
    typeof host === "string" && isIP(host) !== 0;
  const isPort = port === undefined ||
    isNatural(port) && port >= 1 && port <= 65535;
  const isObject = typeof given === "object" && given !== null &&
    !Array.isArray(given);
  if (isObject && isPort && isAddress) {
    return { port, host: host as string | undefined };
  }
  throw invalid("an introduction that listens on no port or address");
}

function shown(value: unknown): string {
  return printable(
    typeof value === "string" ? value : `${JSON.stringify(value)}`,
  );
}

function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function checkVersion(versions: unknown): void {
  if (Array.isArray(versions) && versions.includes(VERSION)) return;
  throw new HandshakeError(
    "protocol",
    `it speaks version ${
      printable(JSON.stringify(versions) ?? "none").slice(0, 60)
    } of the JSON wire, and this node version ${VERSION}`,
    "version",
  );
}

/** Returns the function that makes the proofs of a handshake, by the role of the side that sends the proof. */
function proofs(
  cookie: string,
  dialler: Hello,
  listener: Hello,
  { binding }: Transport,
): (role: "dialler" | "listener") => string {
  return (role) => {
    const text = [
      `otp-json/${VERSION}`,
      role,
      dialler.name,
      dialler.creation,
      dialler.nonce,
      listener.name,
      listener.creation,
      listener.nonce,
      ...binding === undefined ? [] : [binding],
    ].join("\n");
    return createHmac("sha256", cookie).update(text).digest("hex");
  };
}

function isProof(given: unknown, expected: string): boolean {
  if (typeof given !== "string" || !NONCE.test(given)) return false;
  return timingSafeEqual(Buffer.from(given), Buffer.from(expected));
}

const REFUSALS = new Map<unknown, [HandshakeError["code"], string]>([
  ["nok", ["superseded", "it is dialling this node at the same time"]],
  ["alive", ["alive", "it has a connection to a node of this name already"]],
  ["not_allowed", ["refused", "it does not let this node in"]],
  ["full", [
    "refused",
    "it has the maximum number of connections (its limits.maxConnections)",
  ]],
  ["version", ["protocol", "it speaks another version of the JSON wire"]],
]);

function refusedWith({ status, versions }: Fields): HandshakeError {
  if (status === "version") checkVersion(versions);
  const [code, text] = REFUSALS.get(status) ??
    ["protocol", `it answered ${shown(status).slice(0, 60)}`];
  return new HandshakeError(code, text);
}

/** Returns whether the dialler may go on; an `alive` without a nonce means no. */
function goesOn({ status, nonce }: Fields): boolean {
  return status === "ok" || status === "ok_simultaneous" ||
    status === "alive" && nonce !== undefined;
}

/** Runs the dialler's side of the handshake. */
export async function dial(
  transport: Transport,
  name: string,
  local: Local,
  over: AbortSignal,
): Promise<JsonIntroduction> {
  const talk = new Frames(transport);
  const mine = introduce(local);
  talk.say({ versions: [VERSION], to: name, ...mine });
  const answer = await talk.hear();
  if (!goesOn(answer)) throw refusedWith(answer);
  const theirs = toHello(answer);
  if (theirs.name !== name) {
    throw invalid(`${theirs.name} answered there, not ${name}`);
  }
  if (over.aborted) throw refusalOf("alive", name, local);
  const proofBy = proofs(local.cookie, mine, theirs, transport);
  talk.say({ proof: proofBy("dialler"), knows: local.knows?.(name) });
  const last = await talk.hear().catch((error) => {
    throw closedAfter("our proof", error);
  });
  if (last.proof === undefined && last.status !== undefined) {
    throw refusedWith(last);
  }
  if (!isProof(last.proof, proofBy("listener"))) throw wrongCookie();
  return introduction(theirs, last, talk, false);
}

/** Asks the listener for its name. */
export async function askName(
  transport: Transport,
  local: Local,
): Promise<Peer> {
  const talk = new Frames(transport);
  talk.say({ versions: [VERSION], to: null, ...introduce(local) });
  const answer = await talk.hear();
  const { name, creation } = answer;
  if (isNodeName(name) && isNatural(creation)) return { name, creation };
  throw refusedWith(answer);
}

/** Runs the listener's side; returns `undefined` if the dialler only asked for this node's name. */
export async function accept(
  transport: Transport,
  first: Uint8Array,
  local: Local,
): Promise<JsonIntroduction | undefined> {
  const talk = new Frames(transport, first);
  const hello = await talk.hear();
  try {
    checkVersion(hello.versions);
  } catch (error) {
    talk.say({ status: "version", versions: [VERSION] });
    throw error;
  }
  const theirs = toHello(hello);
  if (hello.to === null) {
    const { name, creation } = local;
    talk.say({ status: "name", name, creation });
    return undefined;
  }
  const admission = hello.to === local.name
    ? local.admit(theirs.name, CROSSING)
    : NOT_ADMITTED;
  const { status } = admission;
  if (status === "nok") {
    talk.say({ status });
    throw refusal(status, theirs.name, hello.to, local);
  }
  const mine = introduce(local);
  // Only peers that know the cookie learn which names this node accepts.
  const isTold = status === "ok_simultaneous" || status === "alive";
  talk.say({ status: isTold ? status : "ok", ...mine });
  const given = await talk.hear().catch((error) => {
    // The dialler has the other connection, or got it meanwhile; it may already be closed again.
    const isConnected = status === "alive" || admission.isElsewhere();
    throw isConnected ? refusal("alive", theirs.name, hello.to, local) : error;
  });
  const proofBy = proofs(local.cookie, theirs, mine, transport);
  if (!isProof(given.proof, proofBy("dialler"))) {
    throw wrongCookie(`${theirs.name} has another cookie`);
  }
  const confirmed = await admission.confirm();
  if (confirmed !== "ok") {
    talk.say({ status: confirmed });
    throw refusal(confirmed, theirs.name, hello.to, local);
  }
  talk.say({ proof: proofBy("listener"), knows: local.knows?.(theirs.name) });
  return introduction(theirs, given, talk, status === "alive");
}

function refusal(
  status: Status,
  name: string,
  to: unknown,
  local: Local,
): HandshakeError {
  if (to === local.name) return refusalOf(status, name, local);
  const denied = `${name} asked for ${
    shown(to).slice(0, 255)
  }, and this is ${local.name}`;
  return refusalOf(status, name, local, denied);
}

function introduction(
  theirs: Hello,
  { knows }: Fields,
  talk: Frames,
  replaces: boolean,
): JsonIntroduction {
  const { name, creation, hidden, listen, beam } = theirs;
  const peer: Peer = { name, creation, hidden, listen };
  if (beam) peer.beam = true;
  if (typeof knows === "string" && DIGEST.test(knows)) peer.knows = knows;
  return {
    peer,
    replaces,
    maxMessageBytes: theirs.maxMessageBytes,
    takesTraces: theirs.traces,
    rest: () => talk.rest(),
  };
}
