/**
 * The strategy that finds the nodes of the local network: each announces itself by UDP multicast.
 *
 * A node is known from its first packet until no packet has come for `forgetAfter`. Its address is the packet's source
 * host with the port that the packet states. A packet counts if its signature is valid, its time is near this node's
 * time, and it is newer than the last packet of its node. So a replayed packet can only repeat a recent truth.
 *
 * A node sends packets at its own times and never as an answer, so nothing can be amplified. The cost of a flood is
 * bounded: above `MAX_OF_SOURCE` packets of one source, or `MAX_IN_ALL` of all, packets are dropped unread until the
 * window is over. Above `MAX_IN_ALL` the socket is closed until then, so that the host drops the packets.
 */

import type { Socket } from "node:dgram";
import { outside } from "@otp/processes/context/async_context";
import { Repeats } from "@otp/processes/log/repeats";
import { ignore } from "@otp/processes/promises/promises";
import type { ClusterHost } from "@otp/processes/remote/cluster_host";
import { hostAndPort } from "../addresses.ts";
import type { GossipCounts } from "../cluster_info.ts";
import type { ClusterTarget, GossipTopology } from "@otp/node/start/topology";
import {
  reasonText,
  type RunningStrategy,
  type StrategyHost,
} from "./strategy.ts";
import { createHmac, timingSafeEqual } from "node:crypto";
import { isNodeName } from "@otp/processes/values/pid";

/** The default multicast group, from the range for use within an organisation. */
export const GROUP = "239.255.79.84";

export const PORT = 45_894;

/** The window for counting packets, in milliseconds. */
const WINDOW = 1000;

/** The maximum number of packets to read from one source in a window. */
const MAX_OF_SOURCE = 100;

/** The maximum number of packets to read in a window. */
const MAX_IN_ALL = 1000;

/** The number of sources of packets with another cookie whose repeats are held back. */
const MAX_OTHERS = 100;

/** The delay before reporting the known nodes, in milliseconds, as packets often come together. */
const TELL_AFTER = 20;

/** Names the permission to send to the group, since the error for a missing permission does not. */
const NEEDS = "on Deno, it needs --allow-net=";

interface Heard {
  /** The address, as `host:port`. */
  address: string;
  /** The time in the node's last packet. */
  time: number;
  /** When the last packet came, by this node's clock. */
  at: number;
}

/** Announces this node, and listens for other nodes. */
export class Gossip implements RunningStrategy {
  readonly next = undefined;
  readonly packets: GossipCounts = {
    authentic: 0,
    malformed: 0,
    forged: 0,
    replayed: 0,
    late: 0,
    flooded: 0,
  };
  readonly #host: StrategyHost;
  readonly #options: GossipTopology;
  readonly #clusterHost: ClusterHost;
  readonly #key: Uint8Array;
  readonly #heard = new Map<string, Heard>();
  /** The sources of packets with another cookie that were logged. */
  readonly #others: Repeats;
  /** Whether a node was ignored because too many are known. */
  #isFull = false;
  #socket: Socket | undefined;
  #window = 0;
  #inWindow = 0;
  readonly #sources = new Map<string, number>();
  #stopTelling: (() => void) | undefined;
  #stopTurns: () => void = ignore;
  #stopped = false;

  constructor(
    host: StrategyHost,
    options: GossipTopology,
    clusterHost: ClusterHost,
  ) {
    this.#host = host;
    this.#options = options;
    this.#clusterHost = clusterHost;
    this.#others = new Repeats(host.process.runtime.clock, MAX_OTHERS);
    this.#key = clusterHost.key(GOSSIP_KEY);
    this.#turn();
    this.#tellSoon();
  }

  stop(): void {
    this.#stopped = true;
    this.#stopTurns();
    this.#stopTelling?.();
    this.#close();
  }

  /** Sends a packet, forgets silent nodes, and schedules the next turn. */
  #turn(): void {
    const { runtime } = this.#host.process;
    const { interval = 1500 } = this.#options;
    this.#stopTurns = runtime.deadlines.after(
      interval * (0.5 + this.#clusterHost.random()),
      () => this.#stopped || this.#turn(),
    );
    this.#removeOld();
    if (this.#socket !== undefined) this.#send();
    else this.#open();
  }

  #removeOld(): void {
    const { forgetAfter = 15_000 } = this.#options;
    const now = this.#host.process.runtime.clock.now();
    for (const [node, { at }] of this.#heard) {
      if (now - at < forgetAfter) continue;
      this.#heard.delete(node);
      this.#isFull = false;
      this.#tellSoon();
    }
  }

  /** Returns the address of the interface on which this node can be reached. */
  #interface(): string {
    const { host } = this.#clusterHost.listen;
    const own = this.#options.interface ??
      (host === "localhost" ? "127.0.0.1" : host);
    return /^\d+\.\d+\.\d+\.\d+$/.test(own) ? own : "0.0.0.0";
  }

  async #open(): Promise<void> {
    try {
      const socket = await this.#openSocket();
      if (this.#stopped) socket.close();
      else {
        this.#socket = socket;
        this.#send();
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  #openSocket(): Promise<Socket> {
    const { address = GROUP, port = PORT, ttl = 1 } = this.#options;
    return outside(async () => {
      const { createSocket } = await import("node:dgram");
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const socket = createSocket({
        type: "udp4",
        reuseAddr: true,
        // The host is always an address. Deno throws here for a missing permission, which would end the program.
        lookup: (host, _options, callback) => {
          try {
            callback(null, host, 4);
          } catch (error) {
            reject(error);
          }
        },
      });
      socket.on("error", (error) => {
        reject(error);
        if (this.#socket !== socket) return;
        this.#close();
        this.#failed(error);
      });
      socket.on("message", (packet, { address }) => {
        if (this.#socket === socket) this.#received(packet, address);
      });
      socket.bind(port, "0.0.0.0", resolve);
      try {
        await promise;
        const at = this.#interface();
        socket.addMembership(address, at);
        if (at !== "0.0.0.0") socket.setMulticastInterface(at);
        socket.setMulticastTTL(ttl);
        socket.setMulticastLoopback(true);
        return socket;
      } catch (error) {
        closeQuietly(socket);
        throw error;
      }
    });
  }

  #failed(error: unknown): void {
    if (this.#stopped) return;
    const { address = GROUP, port = PORT } = this.#options;
    const over = `${address}:${port} on the interface ${this.#interface()}`;
    this.#host.failed(`gossip over ${over} failed: ${reasonText(error)}`);
  }

  #close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) closeQuietly(socket);
  }

  #send(): void {
    const { address = GROUP, port = PORT } = this.#options;
    const { process } = this.#host;
    const packet = encodeGossip({
      node: process.runtime.node,
      port: this.#clusterHost.listen.port,
      time: Date.now(),
    }, this.#key);
    const socket = this.#socket;
    try {
      socket?.send(packet, port, address, (error) => {
        if (!error || this.#socket !== socket) return;
        this.#failed(
          `${reasonText(error)} (${NEEDS}0.0.0.0:${port},${address}:${port})`,
        );
      });
    } catch (error) {
      this.#failed(error);
    }
  }

  #received(packet: Uint8Array, source: string): void {
    if (!this.#mayRead(source)) {
      this.packets.flooded++;
      return;
    }
    const read = decodeGossip(packet, this.#key);
    if (typeof read === "string") {
      this.packets[read]++;
      if (read === "forged") this.#warnOfCookie(source);
      return;
    }
    const { node, port, time } = read;
    const { maxAge = 30_000 } = this.#options;
    if (Math.abs(Date.now() - time) > maxAge) {
      this.packets.late++;
      return this.#host.failed(
        `a packet of ${node} is ${
          Date.now() - time
        } ms old, which is more than maxAge (${maxAge} ms): its clock is wrong, or the packet is a copy`,
      );
    }
    const heard = this.#heard.get(node);
    if (heard !== undefined && time <= heard.time) {
      this.packets.replayed++;
      return;
    }
    this.packets.authentic++;
    if (node === this.#host.process.runtime.node) return;
    this.#hear(node, hostAndPort(source, port), time);
  }

  /** Another cluster may use the group on purpose, so the strategy does not fail. */
  #warnOfCookie(source: string): void {
    const more = this.#others.take(source);
    if (more === undefined) return;
    const { process, topology } = this.#host;
    process.runtime.log.line(
      "warning",
      `The topology ${topology} hears a node at ${source} with another cookie${more}; start both nodes with the same cookie (--cookie-file, or else ~/.erlang.cookie), or give each cluster a port of its own`,
      { what: "nodes with another cookie heard" },
    );
  }

  #hear(node: string, address: string, time: number): void {
    const before = this.#heard.get(node);
    if (before === undefined && this.#heard.size >= this.#host.maxAddresses) {
      this.#isFull = true;
      return this.#tellSoon();
    }
    const at = this.#host.process.runtime.clock.now();
    this.#heard.set(node, { address, time, at });
    if (before?.address !== address) this.#tellSoon();
  }

  /** Counts a packet; returns whether to read it. */
  #mayRead(source: string): boolean {
    const now = this.#host.process.runtime.clock.now();
    if (now - this.#window >= WINDOW) {
      this.#window = now;
      this.#inWindow = 0;
      this.#sources.clear();
    }
    const ofSource = (this.#sources.get(source) ?? 0) + 1;
    if (ofSource <= MAX_OF_SOURCE) this.#sources.set(source, ofSource);
    if (++this.#inWindow > MAX_IN_ALL) {
      // A later turn opens the socket again.
      this.#close();
      this.#host.failed(
        `more than ${MAX_IN_ALL} packets have come within ${WINDOW} ms; it stops listening for a moment`,
      );
      return false;
    }
    return ofSource <= MAX_OF_SOURCE;
  }

  #tellSoon(): void {
    this.#stopTelling ??= this.#host.process.runtime.deadlines.after(
      TELL_AFTER,
      () => {
        this.#stopTelling = undefined;
        const targets = Array.from(
          this.#heard,
          ([node, { address }]): ClusterTarget => ({ node, address }),
        );
        const { maxAddresses } = this.#host;
        const note = `it hears more than ${maxAddresses} nodes (maxAddresses)`;
        this.#host.answer(targets, this.#isFull ? note : undefined);
      },
    );
  }
}

function closeQuietly(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // The socket is closed already.
  }
}

const MAGIC = [0x4f, 0x54, 0x50, 0x67, 1];
const HEAD = MAGIC.length + 8 + 2;
const SIGNATURE = 32;

/** The maximum size of a packet, in bytes. */
const MAX_PACKET = HEAD + 255 + SIGNATURE;

/** The purpose of the key that signs packets. */
export const GOSSIP_KEY = "gossip 1";

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
interface GossipPacket {
  node: string;
  port: number;
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
