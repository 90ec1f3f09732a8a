/** A node as EPMD registers it: its name, its port, and the Extra field. */

import { isIP } from "node:net";

/** The longest node name that is accepted, in bytes of UTF-8. */
export const MAX_NAME = 255;
/** The smallest creation that a node may have; Erlang reserves 0–3. */
export const MIN_CREATION = 4;
/** The largest creation that a node may have. */
export const MAX_CREATION = 0xffffffff;
/** The node types of visible and of hidden nodes. */
const TYPE_NORMAL = 77;
const TYPE_HIDDEN = 72;

const encoder = new TextEncoder();

/** A line of EPMD's list of names. */
export interface NameEntry {
  /** The part of the node's name before `@`. */
  name: string;
  /** The port that the node listens on. */
  port: number;
}

/** A node that is to be registered. */
export interface NodeEntry extends NameEntry {
  /** Whether the node is a hidden node. */
  hidden: boolean;
  /** Bytes for the dialler, one per character; Erlang's tools ignore them. See {@linkcode parseExtra}. */
  extra: string;
}

/** The data that a node sends to EPMD about itself, and EPMD to clients that look it up. */
export interface Registration extends Omit<NodeEntry, "hidden"> {
  /** 77, or 72 for a hidden node; other implementations have more. */
  nodeType: number;
  /** 0: TCP over IPv4. */
  protocol: number;
  /** The highest version of Erlang's distribution that the node speaks. */
  highest: number;
  /** The lowest version of Erlang's distribution that the node speaks. */
  lowest: number;
}

/** The result of {@linkcode parseExtra}. */
export interface ParsedExtra {
  /** The creation that a node has already and registers again with. */
  creation: number | undefined;
  /** The address that the node listens on, if it is valid and not `127.0.0.1`. */
  listen: string | undefined;
}

/** Parses the words of the Extra field after the first word, which names a wire. Of each key, the first valid word counts. */
export function parseExtra(extra: string): ParsedExtra {
  const found: ParsedExtra = { creation: undefined, listen: undefined };
  for (const word of extra.split(" ").slice(1)) {
    const [, key, text] = /^(creation|listen)=([\w.:-]{1,45})$/.exec(word) ??
      [];
    if (key === "listen" && isIP(text) !== 0) found.listen ??= text;
    if (key !== "creation" || !/^[0-9]{1,10}$/.test(text)) continue;
    const value = Number(text);
    if (value >= MIN_CREATION && value <= MAX_CREATION) {
      found.creation ??= value;
    }
  }
  return found;
}

/** Returns whether `address` is a loopback IP address. */
export function isLoopback(address: string): boolean {
  return isIP(address) !== 0 &&
    (address === "::1" || /^(::ffff:)?127\./i.test(address));
}

/** Replaces the words with these keys in an Extra field; a word that is `undefined` is left out. */
export function withWords(
  extra: string,
  words: Record<string, string | number | undefined>,
): string {
  const [wire = "", ...others] = extra.split(" ");
  const rest = others.filter((word) => !(word.split("=")[0] in words));
  const added = Object.entries(words)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`);
  return [wire, ...rest, ...added].join(" ");
}

/**
 * Returns the fault of the part of a node's name before `@`; `undefined` if it is valid. Control and format
 * characters and spaces are refused since a name is printed, and since EPMD's list of names has one per line.
 */
export function nameFault(name: string): string | undefined {
  if (name === "") return "the name is empty";
  if (name.includes("@")) return "the name before the host contains @";
  if (/[\p{C}\p{Z}]/u.test(name)) {
    return "the name contains a space or a control character";
  }
  if (encoder.encode(name).length > MAX_NAME) {
    return `the name is longer than ${MAX_NAME} bytes`;
  }
  return undefined;
}

/** Turns a node into a registration with the versions that OTP 25–28 use. */
export function toRegistration({ hidden, ...rest }: NodeEntry): Registration {
  const nodeType = hidden ? TYPE_HIDDEN : TYPE_NORMAL;
  return { ...rest, nodeType, protocol: 0, highest: 6, lowest: 6 };
}
