/** The handshake of Erlang's distribution, written by hand: by the letter of OTP, or against it. */

import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { COOKIE } from "../../_nodes.ts";
import type { RawPeer } from "../../_raw_peer.ts";

/** The flags of a hidden node of OTP 27. */
export const OTP_27 = 0xD_07DF_7FBCn;

/** The flags of a hidden node of OTP 24: without the digest that OTP 25 introduced. */
export const OTP_24 = OTP_27 & ~0x400_0000n;

/** The flags of a visible node of OTP 28 and 29, from OTP's documentation: signals to aliases, and native records. */
export const OTP_28 = OTP_27 | 1n << 37n;
export const OTP_29 = OTP_28 | 1n << 38n;

/**
 * The flags of a visible node of OTP 30 as it may be: the digest in place of what OTP 25 made mandatory, no ALIAS, and a
 * flag that does not exist yet.
 */
export const OTP_30 = OTP_29 & ~0x8_0107_0F94n | 1n << 60n;

/** The flag of a node that asks to be named. */
export const NAME_ME = 0x2_0000_0000n;

/** The introduction of a node. */
export interface BeamHello {
  flags?: bigint;
  creation?: number;
  /** The challenge of a listener. */
  challenge?: number;
}

/** The bytes of a frame of a handshake. */
export function beamFrame(
  body: Uint8Array | string,
  lengthBytes: 2 | 4 = 2,
): Buffer {
  const bytes = Buffer.from(body as string);
  const head = Buffer.alloc(lengthBytes);
  head.writeUIntBE(bytes.length, 0, lengthBytes);
  return Buffer.concat([head, bytes]);
}

/** The body of an introduction. */
export function beamHello(
  name: string,
  { flags = OTP_27, creation = 7, challenge }: BeamHello = {},
): Buffer {
  const text = Buffer.from(name);
  const head = Buffer.alloc(challenge === undefined ? 15 : 19);
  head.write("N");
  head.writeBigUInt64BE(flags, 1);
  if (challenge !== undefined) head.writeUInt32BE(challenge, 9);
  head.writeUInt32BE(creation, head.length - 6);
  head.writeUInt16BE(text.length, head.length - 2);
  return Buffer.concat([head, text]);
}

/** The body of an answer to a challenge, with a challenge of its own. */
export function beamReply(
  asked: number,
  challenge: number,
  cookie: string = COOKIE,
): Buffer {
  const head = Buffer.alloc(5);
  head.write("r");
  head.writeUInt32BE(challenge, 1);
  return Buffer.concat([head, digestOfChallenge(asked, cookie)]);
}

/** The MD5 of a cookie and a challenge. */
export function digestOfChallenge(
  challenge: number,
  cookie: string = COOKIE,
): Buffer {
  return createHash("md5").update(`${cookie}${challenge}`).digest();
}

/** Takes the next frame of a handshake as text. */
export async function heard(
  peer: RawPeer,
  lengthBytes: 2 | 4 = 2,
): Promise<string | undefined> {
  return (await peer.body(lengthBytes))?.toString("latin1");
}

/** A node's introduction. */
export interface HeardHello {
  flags: bigint;
  creation: number;
  name: string;
  challenge: number;
}

/** Takes an introduction; a listener's has a challenge. */
export async function hearHello(
  peer: RawPeer,
  role: "dialler" | "listener" = "listener",
  lengthBytes: 2 | 4 = 2,
): Promise<HeardHello> {
  const body = await peer.body(lengthBytes);
  if (body === undefined) throw new Error("the node closed the connection");
  assertEquals(body.toString("latin1", 0, 1), "N");
  const head = role === "listener" ? 19 : 15;
  assertEquals(body.length, head + body.readUInt16BE(head - 2));
  return {
    flags: body.readBigUInt64BE(1),
    creation: body.readUInt32BE(head - 6),
    name: body.toString("latin1", head),
    challenge: role === "listener" ? body.readUInt32BE(9) : 0,
  };
}

/** The dialler's introduction; returns the challenge of a listener that lets it go on. */
export async function challengeTo(
  peer: RawPeer,
  name: string,
): Promise<number> {
  await peer.write(beamFrame(beamHello(name)));
  assertEquals(await heard(peer), "sok");
  return (await hearHello(peer)).challenge;
}

/** The dialler's part from its introduction on; returns the node's introduction. */
export async function enterBeam(
  peer: RawPeer,
  name: string,
  { status = "ok", cookie, lengthBytes = 2, ...hello }: BeamHello & {
    status?: string;
    cookie?: string;
    lengthBytes?: 2 | 4;
  } = {},
): Promise<HeardHello> {
  await peer.write(beamFrame(beamHello(name, hello), lengthBytes));
  assertEquals(await heard(peer, lengthBytes), `s${status}`);
  if (status === "alive") await peer.write(beamFrame("strue", lengthBytes));
  return await prove(peer, { cookie, lengthBytes });
}

/** The dialler's proof. */
export async function prove(
  peer: RawPeer,
  { cookie, lengthBytes = 2 }: { cookie?: string; lengthBytes?: 2 | 4 } = {},
): Promise<HeardHello> {
  const theirs = await hearHello(peer, "listener", lengthBytes);
  await peer.write(
    beamFrame(beamReply(theirs.challenge, 5, cookie), lengthBytes),
  );
  const ack = await peer.body(lengthBytes);
  if (ack === undefined) throw new Error("the node closed the connection");
  assertEquals(
    ack.toString("hex"),
    `61${digestOfChallenge(5).toString("hex")}`,
  );
  return theirs;
}

/** The listener's part after the dialler's introduction. */
export async function admitBeam(
  peer: RawPeer,
  name: string,
  { status = "ok", cookie, ...hello }: BeamHello & {
    status?: string;
    cookie?: string;
  } = {},
): Promise<void> {
  const challenge = 77;
  await peer.write(beamFrame(`s${status}`));
  await peer.write(beamFrame(beamHello(name, { challenge, ...hello })));
  const reply = await peer.body(2);
  if (reply === undefined) throw new Error("the node closed the connection");
  assertEquals(
    reply.toString("hex", 5),
    digestOfChallenge(challenge).toString("hex"),
  );
  const digest = digestOfChallenge(reply.readUInt32BE(1), cookie);
  await peer.write(beamFrame(Buffer.concat([Buffer.from("a"), digest])));
}
