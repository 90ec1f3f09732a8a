/** A node's certificate, its key, and the CA that it trusts. */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContext } from "node:tls";
import { NodeStartError } from "@otp/processes/errors";
import { isPermissionDenied } from "./host_permissions.ts";
import { quote } from "@otp/processes/values/inspect";
import {
  mismatchOf,
  NODE_URI,
  type PeerCertificate,
  readCertificate,
} from "./certificate.ts";

/**
 * TLS between nodes: all connections of the node use TLS 1.3, and both ends present a certificate that the
 * same CA has signed.
 *
 * `cert`, `key` and `ca` are each a PEM text, or the path of a PEM file.
 */
export interface TlsOptions {
  /** The node's certificate, followed by any intermediate certificates. */
  cert: string;
  /** The certificate's private key, without a passphrase. */
  key: string;
  /** The certificates of the CA that signs the certificates of the cluster's nodes. */
  ca: string;
  /**
   * Which nodes a peer's certificate, signed by the CA, is valid for:
   *
   * - `"host"`: the certificate names the node, or names no node but the host of the node's name.
   * - `"name"`: the certificate names the node.
   * - `"none"`: any certificate of the CA is valid.
   * - a function: returns whether the certificate is valid for the node `name`.
   *
   * @default {"host"}
   */
  verify?:
    | "host"
    | "name"
    | "none"
    | ((name: string, certificate: PeerCertificate) => boolean);
}

/** The parts of a node's TLS. */
export interface Credentials {
  /** The node's certificate, as PEM. */
  readonly cert: string;
  /** The node's private key, as PEM. */
  readonly key: string;
  /** The CA's certificates, as PEM. */
  readonly ca: string;
  /** Certificate, key and CA, parsed once for TLS: parsing takes longer than a handshake. */
  readonly context: SecureContext;
  /** The SHA-256 of its certificate. */
  readonly fingerprint: string;
  /** Whether a peer's certificate is valid for it. */
  readonly verify: Required<TlsOptions>["verify"];
}

/** A text that may be a private key: an error must not show it. */
const LIKE_KEY = /[\r\n]|PRIVATE KEY|^[A-Za-z0-9+/=\s]{40,}$/;

const FLAGS = { cert: "--tls-cert", key: "--tls-key", ca: "--tls-ca" } as const;

const PARTS = {
  cert: "the certificate",
  key: "the private key",
  ca: "the CA's certificate",
} as const;

/**
 * Reads and checks the files that a node needs for TLS. Throws a `NodeStartError` if a file cannot be read, or its
 * content is invalid.
 */
export function loadCredentials(
  options: TlsOptions,
  name: string,
): Credentials {
  const verify = options.verify ?? "host";
  const refuse = (reason: string, cause?: unknown): never => {
    throw new NodeStartError("tls", `Cannot start ${name}: ${reason}`, {
      cause,
    });
  };
  const read = (part: "cert" | "key" | "ca"): string => {
    const given = options[part] as unknown;
    if (typeof given !== "string" || given === "") {
      return refuse(
        `TLS needs ${PARTS[part]}: give tls.${part} (${
          FLAGS[part]
        }), a PEM text or the path of a PEM file`,
      );
    }
    if (given.includes("-----BEGIN")) return given;
    try {
      return readFileSync(given, "utf8");
    } catch (error) {
      if (LIKE_KEY.test(given)) {
        return refuse(
          `tls.${part} is neither the path of a PEM file nor a PEM text, which has a line -----BEGIN ${
            part === "key" ? "PRIVATE KEY" : "CERTIFICATE"
          }-----; see ${FLAGS[part]}`,
        );
      }
      return refuse(
        `${PARTS[part]} cannot be read from ${quote(given)}: ${
          reasonOf(error as Error & { code?: string })
        }; give another ${FLAGS[part]} (tls.${part})`,
        error,
      );
    }
  };
  const parse = <T>(part: "cert" | "key" | "ca", make: () => T): T => {
    try {
      return make();
    } catch (error) {
      const given = options[part];
      const where = given.includes("-----BEGIN") ? `tls.${part}` : quote(given);
      return refuse(
        part === "key"
          ? `${where} has no private key in PEM, or one with a passphrase, which is not supported; see ${FLAGS.key}`
          : `${where} has no certificate in PEM; see ${FLAGS[part]}`,
        error,
      );
    }
  };
  const [cert, key, ca] = [read("cert"), read("key"), read("ca")];
  const certificate = parse("cert", () => new X509Certificate(cert));
  const privateKey = parse("key", () => createPrivateKey(key));
  parse("ca", () => new X509Certificate(ca));
  if (!certificate.checkPrivateKey(privateKey)) {
    refuse(
      `the private key is not the certificate's: give the --tls-key that was made with the --tls-cert`,
    );
  }
  checkTime(certificate, refuse);
  let context: SecureContext;
  try {
    context = createSecureContext({ cert, key, ca, minVersion: "TLSv1.3" });
  } catch (error) {
    return refuse(
      `TLS does not take its certificate: ${(error as Error).message}`,
      error,
    );
  }
  const own = readCertificate(new Uint8Array(certificate.raw));
  const mismatch = typeof verify === "function"
    ? undefined
    : mismatchOf(name, own, verify);
  if (mismatch !== undefined) {
    refuse(
      `${mismatch}; start the node under the name that it is for, or make one that has URI:${NODE_URI}${name} in its subjectAltName`,
    );
  }
  return { cert, key, ca, context, fingerprint: own.fingerprint, verify };
}

function checkTime(
  { validFrom, validTo }: X509Certificate,
  refuse: (reason: string) => never,
): void {
  const now = Date.now();
  if (Date.parse(validTo) < now) {
    refuse(`the certificate has expired, on ${validTo}; make a new one`);
  }
  if (Date.parse(validFrom) > now) {
    refuse(`the certificate is not valid yet, but from ${validFrom} on`);
  }
}

function reasonOf(error: Error & { code?: string }): string {
  const { code, message } = error;
  if (isPermissionDenied(error)) {
    return "the program may not; run it with --allow-read";
  }
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES") return "it may not be read";
  return code === "EISDIR" ? "it is a folder" : message;
}
