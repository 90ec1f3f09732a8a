/** The networks that an address is part of, so that places are shared among networks and not among addresses. */

import { isIP } from "node:net";

/** The number of 16-bit groups in each prefix of an IPv6 address: /32, /48 and /64. */
const GROUPS = [2, 3, 4];

/**
 * Returns the prefixes of an address, the shortest first: /8, /16, /24 and /32 of IPv4, /32, /48 and /64 of IPv6.
 * One customer usually has a /64 at least, so longer prefixes of IPv6 distinguish nobody. Anything else, like the name
 * of a thread, is its own prefix.
 */
export function prefixesOf(host: string): string[] {
  const address = host.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
  const kind = isIP(address);
  if (kind === 4) {
    const bytes = address.split(".");
    return bytes.map((_, i) => bytes.slice(0, i + 1).join("."));
  }
  if (kind !== 6) return [host];
  const groups = groupsOf(address);
  return GROUPS.map((count) => `${groups.slice(0, count).join(":")}:`);
}

/** Returns the first four groups of a valid IPv6 address, without leading zeros. */
function groupsOf(address: string): string[] {
  const [head, tail] = address.toLowerCase().split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  // An IPv4 address at the end takes two groups.
  const size = (parts: string[]) =>
    parts.length + (parts.at(-1)?.includes(".") ? 1 : 0);
  const zeros = tail === undefined ? 0 : 8 - size(before) - size(after);
  return [...before, ...Array<string>(zeros).fill("0"), ...after]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""));
}
