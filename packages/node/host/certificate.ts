/**
 * The subject of a certificate: the names in its subjectAltName.
 *
 * Names are read from the bytes of the certificate. The text that runtimes return cannot be parsed safely, as some
 * runtimes do not escape a comma within a name.
 */

import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { printable } from "@otp/processes/values/inspect";

/** The prefix of a node's name in a certificate. */
export const NODE_URI = "otp://";

/** A peer's certificate, which this node's CA has signed. */
export interface PeerCertificate {
  /** The nodes in the certificate: `alex@localhost` for an entry `URI:otp://alex@localhost`. */
  nodes: string[];
  /** The host names and addresses in the certificate. */
  hosts: string[];
  /** The SHA-256 of the certificate, in hexadecimal digits. */
  fingerprint: string;
  /** The certificate in DER. */
  der: Uint8Array;
}

const SEQUENCE = 0x30;
const EXTENSIONS = 0xa3;
const DNS = 0x82;
const URI = 0x86;
const IP = 0x87;
const SUBJECT_ALT_NAME = "551d11";

interface Item {
  tag: number;
  body: Uint8Array;
}

/** Returns the items of a constructed value in DER. */
function derItems(bytes: Uint8Array): Item[] {
  const items: Item[] = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    const tag = bytes[at];
    let length = bytes[at + 1];
    at += 2;
    if (length > 0x80) {
      const digits = bytes.subarray(at, at + length - 0x80);
      at += digits.length;
      length = digits.reduce((sum, byte) => sum * 256 + byte, 0);
    }
    items.push({ tag, body: bytes.subarray(at, at + length) });
    at += length;
  }
  return items;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}

function subjectAltName(der: Uint8Array): Item[] {
  const [certificate] = derItems(der);
  const [signed] = derItems(certificate?.body ?? new Uint8Array());
  const extensions = derItems(signed?.body ?? new Uint8Array())
    .filter(({ tag }) => tag === EXTENSIONS)
    .flatMap(({ body }) => derItems(body))
    .flatMap(({ body }) => derItems(body));
  for (const { tag, body } of extensions) {
    const [id, ...rest] = derItems(body);
    const value = rest.at(-1);
    if (tag !== SEQUENCE || value === undefined) continue;
    if (hex(id.body) !== SUBJECT_ALT_NAME) continue;
    return derItems(value.body).flatMap((names) => derItems(names.body));
  }
  return [];
}

function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const digits = hex(bytes).match(/.{4}/g) ?? [];
  return canonicalAddress(digits.join(":"));
}

function canonicalAddress(host: string): string {
  return isIP(host) === 6 ? new URL(`http://[${host}]`).hostname : host;
}

export function readCertificate(der: Uint8Array): PeerCertificate {
  const nodes: string[] = [];
  const hosts: string[] = [];
  for (const { tag, body } of subjectAltName(der)) {
    const text = new TextDecoder("latin1").decode(body);
    if (tag === IP) hosts.push(addressText(body));
    else if (tag === DNS) hosts.push(text.toLowerCase());
    else if (tag === URI && text.startsWith(NODE_URI)) {
      nodes.push(text.slice(NODE_URI.length));
    }
  }
  const fingerprint = createHash("sha256").update(der).digest("hex");
  return { nodes, hosts, fingerprint, der };
}

/** Returns why a certificate is not valid for a node; `undefined` if it is valid. */
export function mismatchOf(
  name: string,
  certificate: PeerCertificate,
  verify:
    | "host"
    | "name"
    | "none"
    | ((name: string, certificate: PeerCertificate) => boolean),
): string | undefined {
  const { nodes, hosts } = certificate;
  if (typeof verify === "function") {
    // An uncaught error would end the program.
    try {
      const answer: unknown = verify(name, certificate);
      if (answer === true) return undefined;
      if (answer instanceof Promise) {
        // An unhandled rejection would end the program, too.
        answer.catch(() => {});
        return `the verify option returned a promise for ${name}: it must return true or false`;
      }
    } catch (error) {
      return `the verify option failed for ${name}: ${
        printable(String(error)).slice(0, 200)
      }`;
    }
    return `the verify option refuses the certificate of ${name}`;
  }
  if (verify === "none" || nodes.includes(name)) return undefined;
  const host = name.slice(name.indexOf("@") + 1);
  if (
    verify === "host" && nodes.length === 0 &&
    hosts.some((each) => isHost(host, each))
  ) return undefined;
  const named = [...nodes, ...hosts].map((each) => printable(each)).join(", ");
  return `the certificate is for ${
    named === "" ? "nobody" : named.slice(0, 255)
  }, and not for ${name}`;
}

/** Returns whether a name in a certificate matches a host; `*` stands for the first label. */
function isHost(host: string, name: string): boolean {
  const wanted = canonicalAddress(host.toLowerCase());
  if (name === wanted) return true;
  const dot = wanted.indexOf(".");
  return name.startsWith("*.") && isIP(wanted) === 0 && dot > 0 &&
    name.includes(".", 2) && name.slice(1) === wanted.slice(dot);
}
