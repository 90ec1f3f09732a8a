/** Node names: `alex@localhost`, short or long. */

import { hostname } from "node:os";
import { NodeStartError } from "@otp/processes/errors";
import { quote } from "@otp/processes/values/inspect";
import { isNodeName } from "@otp/processes/values/pid";

export { isNodeName } from "@otp/processes/values/pid";

/** A parsed node name. */
export interface NodeName {
  /** The whole name. */
  full: string;
  /** The part before the `@`. */
  name: string;
  /** The part after it. */
  host: string;
  /** Whether the name is long: its host has a dot or a colon. */
  long: boolean;
}

/** Parses a node name. Throws a `TypeError` if it is invalid. */
export function parseNodeName(full: string): NodeName {
  if (!isNodeName(full)) {
    throw new TypeError(
      `${
        quote(String(full).slice(0, 300))
      } is not a node name: write name@host, with at most 128 letters, digits, _ and - before the @ and 255 characters in all, as in alex@localhost`,
    );
  }
  const at = full.indexOf("@");
  const host = full.slice(at + 1);
  return { full, name: full.slice(0, at), host, long: isLongHost(host) };
}

/** Whether a host makes a node's name a long one. */
function isLongHost(host: string): boolean {
  return /[.:]/.test(host);
}

/**
 * Returns this machine's host name, for short names up to its first dot. Throws a `NodeStartError` if the program lacks
 * the permission to read it.
 */
export function ownHost(long: boolean): string {
  let host: string;
  try {
    host = hostname();
  } catch (cause) {
    throw new NodeStartError(
      "permission",
      `Cannot complete the name of a node: the program may not ask for the name of this machine; write the host, as in alex@${
        long ? "host.example.org" : "localhost"
      }, or run with --allow-sys=hostname`,
      { cause },
    );
  }
  return long ? host : host.split(".")[0];
}

/** Returns the address of a host: `localhost` is the IPv4 loopback, where nodes listen. */
export function addressOf(host: string): string {
  return host === "localhost" ? "127.0.0.1" : host;
}
