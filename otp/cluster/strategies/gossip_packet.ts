/**
 * The packets of gossip: a node's name, its port and the time, signed with a key that is derived from the cookie.
 *
 * | bytes | content                                              |
 * | ----- | ---------------------------------------------------- |
 * | 4     | `OTPg`                                               |
 * | 1     | the version, 1                                       |
 * | 8     | milliseconds since 1970, an unsigned integer         |
 * | 2     | the port on which the node listens                   |
 * | 1–255 | the node's name                                      |
 * | 32    | HMAC-SHA256 of all before, with the key              |
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import { isNodeName } from "../../../core/values/pid.ts";

const MAGIC = [0x4f, 0x54, 0x50, 0x67, 1];
const HEAD = MAGIC.length + 8 + 2;
const SIGNATURE = 32;

/** The maximum size of a packet, in bytes. */
const MAX_PACKET = HEAD + 255 + SIGNATURE;

/** The purpose of the key that signs packets. */
export const GOSSIP_KEY = "gossip 1";

/** The content of a packet. */
export interface GossipPacket {
  /** The node's name. */
  node: string;
  /** The port on which the node listens. */
  port: number;
  /** When the packet was sent, in milliseconds since 1970. */
  time: number;
}

/** Writes and signs a packet. */
export function encodeGossip(
  { node, port, time }: GossipPacket,
  key: Uint8Array,
): Uint8Array {
  const name = new TextEncoder().encode(node);
  const packet = new Uint8Array(HEAD + name.length + SIGNATURE);
  const view = new DataView(packet.buffer);
  packet.set(MAGIC);
  view.setBigUint64(MAGIC.length, BigInt(time));
  view.setUint16(MAGIC.length + 8, port);
  packet.set(name, HEAD);
  const end = HEAD + name.length;
  packet.set(sign(packet.subarray(0, end), key), end);
  return packet;
}

/** Decodes a packet; returns the fault of an invalid packet, or of a packet not signed with the key. */
export function decodeGossip(
  packet: Uint8Array,
  key: Uint8Array,
): GossipPacket | "malformed" | "forged" {
  // Check the format first, since checking a signature costs time.
  if (
    packet.length <= HEAD + SIGNATURE || packet.length > MAX_PACKET ||
    MAGIC.some((byte, at) => packet[at] !== byte)
  ) return "malformed";
  const end = packet.length - SIGNATURE;
  const signature = sign(packet.subarray(0, end), key);
  if (!timingSafeEqual(signature, packet.subarray(end))) return "forged";
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const node = new TextDecoder().decode(packet.subarray(HEAD, end));
  const port = view.getUint16(MAGIC.length + 8);
  if (!isNodeName(node) || port === 0) return "malformed";
  return { node, port, time: Number(view.getBigUint64(MAGIC.length)) };
}

function sign(bytes: Uint8Array, key: Uint8Array): Uint8Array {
  return createHmac("sha256", key).update(bytes).digest();
}
