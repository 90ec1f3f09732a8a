/**
 * Creates certificates for the nodes of a cluster, and the CA that signs them: for tests and first
 * experiments.
 *
 * ```sh
 * deno task certs certs alex@localhost kate@localhost
 * ```
 *
 * @module
 */

// The next import needs this one first.
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { isIP } from "node:net";
import { join } from "node:path";
import { parseNodeName } from "../packages/node/addresses/node_name.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY = 24 * 60 * 60 * 1000;

/** The validity of certificates, in days. */
const DAYS = 365;

/** A certificate and its private key, in PEM. */
export interface KeyPair {
  /** The certificate. */
  cert: string;
  key: string;
}

export interface CertificateNames {
  /** Nodes, by name. */
  nodes?: string[];
  /** Hosts, by name. */
  hosts?: string[];
  /** Any URIs. */
  uris?: string[];
  from?: Date;
  /** The end of its validity. */
  to?: Date;
}

/** Signs the certificates of a cluster's nodes. */
export class CertificateAuthority {
  /** Its own certificate and key. */
  readonly pair: KeyPair;
  readonly #certificate: X509Certificate;
  readonly #key: CryptoKey;

  private constructor(pair: KeyPair, key: CryptoKey) {
    this.pair = pair;
    this.#certificate = new X509Certificate(pair.cert);
    this.#key = key;
  }

  static async make(name = "otp cluster CA"): Promise<CertificateAuthority> {
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      serialNumber: newSerial(),
      name: `CN=${name}`,
      ...validity({}),
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      ],
    });
    const key = await exportKey(keys);
    return new CertificateAuthority(
      { cert: `${certificate.toString("pem")}\n`, key },
      keys.privateKey,
    );
  }

  /** Loads an existing CA. */
  static async load(pair: KeyPair): Promise<CertificateAuthority> {
    const [bytes] = PemConverter.decode(pair.key);
    const key = await crypto.subtle.importKey(
      "pkcs8",
      bytes,
      ALGORITHM,
      false,
      ["sign"],
    );
    return new CertificateAuthority(pair, key);
  }

  async issue(names: CertificateNames): Promise<KeyPair> {
    const { nodes = [], hosts = [], uris = [] } = names;
    const keys = await newKeys();
    const extensions: Extension[] = [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([
        ExtendedKeyUsage.serverAuth,
        ExtendedKeyUsage.clientAuth,
      ]),
    ];
    const all = [
      ...nodes.map((node) => ({ type: "url", value: `otp://${node}` })),
      ...uris.map((value) => ({ type: "url", value })),
      ...hosts.map((value) => ({ type: "dns", value })),
    ] as { type: "url" | "dns"; value: string }[];
    if (all.length > 0) {
      extensions.push(new SubjectAlternativeNameExtension(all));
    }
    const certificate = await X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: `CN=${(nodes[0] ?? hosts[0] ?? "node").split("@")[0]}`,
      issuer: this.#certificate.subject,
      ...validity(names),
      signingKey: this.#key,
      publicKey: keys.publicKey,
      signingAlgorithm: ALGORITHM,
      extensions,
    });
    return {
      cert: `${certificate.toString("pem")}\n`,
      key: await exportKey(keys),
    };
  }
}

function validity(
  { from, to }: CertificateNames,
): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return {
    // The clocks of a cluster's machines differ a little.
    notBefore: from ?? new Date(now - DAY),
    notAfter: to ?? new Date(now + DAYS * DAY),
  };
}

function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

async function exportKey({ privateKey }: CryptoKeyPair): Promise<string> {
  const bytes = await crypto.subtle.exportKey("pkcs8", privateKey);
  return `${PemConverter.encode(bytes, "PRIVATE KEY")}\n`;
}

function newSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  // A serial number is positive.
  bytes[0] = bytes[0] & 0x3f | 0x40;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}

async function textIn(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function write(
  folder: string,
  name: string,
  { cert, key }: KeyPair,
): Promise<void> {
  await Deno.writeTextFile(join(folder, `${name}.crt`), cert);
  // An existing file may be readable by other users, and the mode applies to new files only.
  await Deno.remove(join(folder, `${name}.key`)).catch(() => {});
  await Deno.writeTextFile(join(folder, `${name}.key`), key, { mode: 0o600 });
}

/** Creates a CA, if the folder has none, and a certificate for each node; prints the next steps. */
export async function makeCertificates(
  folder: string,
  nodes: string[],
): Promise<string> {
  for (const node of nodes) parseNodeName(node);
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  // Keys do not belong in repositories.
  await Deno.writeTextFile(join(folder, ".gitignore"), "*\n");
  const cert = await textIn(join(folder, "ca.crt"));
  const key = await textIn(join(folder, "ca.key"));
  const isNew = cert === undefined || key === undefined;
  const authority = isNew
    ? await CertificateAuthority.make()
    : await CertificateAuthority.load({ cert, key });
  if (isNew) await write(folder, "ca", authority.pair);
  const lines = [
    `${isNew ? "Made" : "Used"} the CA ${join(folder, "ca.crt")}.`,
  ];
  for (const node of nodes) {
    // Erlang checks the host. For an address, it wants another kind of entry.
    const { host } = parseNodeName(node);
    const hosts = isIP(host) === 0 ? [host] : [];
    await write(folder, node, await authority.issue({ nodes: [node], hosts }));
    lines.push(`Made ${join(folder, `${node}.crt`)}, for ${DAYS} days.`);
  }
  const [first] = nodes;
  const flag = parseNodeName(first).long ? "name" : "sname";
  const path = (name: string) => join(folder, name);
  return [
    ...lines,
    "",
    "Start a node with TLS, and the others likewise:",
    "",
    // The task may not read certificates.
    `  deno run -A chat/main.ts --${flag} ${first} --tls-cert ${
      path(`${first}.crt`)
    } \\`,
    `    --tls-key ${path(`${first}.key`)} --tls-ca ${path("ca.crt")}`,
    "",
    "On another machine a node needs its own .crt and .key, and ca.crt; never copy ca.key.",
    "",
  ].join("\n");
}

async function main([folder, ...nodes]: string[]): Promise<number> {
  if (folder === undefined || nodes.length === 0 || folder.startsWith("-")) {
    console.error(
      "Cannot make certificates: give a folder and the nodes' names, as in deno task certs certs alex@localhost kate@localhost",
    );
    return 2;
  }
  try {
    console.log(await makeCertificates(folder, nodes));
    return 0;
  } catch (error) {
    console.error(`Cannot make certificates: ${(error as Error).message}`);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
