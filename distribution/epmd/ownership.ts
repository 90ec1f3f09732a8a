/**
 * Proofs that a registration comes from the owner of a name.
 *
 * The creation of a node is public, as its handshake and its pids contain it, so it proves nothing. Each
 * registration has the word `owner=` in its Extra field, whose value is a link of a chain of hashes: the
 * SHA-256 of a link is the link before it. A later link proves that it is from the same node as an earlier one,
 * since no one else can find the preimage of the earlier one. Links may be public, as they are by look-ups: a
 * link is used once, and does not prove itself.
 *
 * Servers of EPMD write to each registered node that has such a word which names are registered, with which
 * links: so a node that takes over from a dead one knows the owners of the names.
 *
 * @module
 */

import { createHash, randomBytes } from "node:crypto";
import { MAX_NAME, nameFault } from "./entry.ts";

/** The length of a chain: each registration that reaches a server uses one link. */
const LENGTH = 64;

/** The number of links that a proof may be ahead: attempts whose answers were lost. */
const MAX_STEPS = LENGTH;

/** The number of names that a {@linkcode Roster} keeps. */
const MAX_NAMES = 4096;

const LINK = /^[A-Za-z0-9_-]{43}$/;

/** Whether a text can be a link of a chain. */
export function isLink(text: string): boolean {
  return LINK.test(text);
}

/**
 * Whether one link is from the same chain as another, and later.
 *
 * @param link The link that must prove it.
 * @param before The known link.
 * @returns Whether it does.
 */
export function isLater(link: string | undefined, before: string): boolean {
  if (link === undefined) return false;
  for (let step = 0; step < MAX_STEPS; step++) {
    link = hashOf(link);
    if (link === before) return true;
  }
  return false;
}

function hashOf(link: string): string {
  return createHash("sha256").update(link).digest("base64url");
}

/** The chain of one node. */
export class OwnerChain {
  /** The remaining links, the next one last. */
  #links: string[] = [];

  /**
   * Takes the next link. When all are used, another chain begins, which proves nothing at first.
   *
   * @returns The link, for one registration.
   */
  next(): string {
    if (this.#links.length === 0) {
      this.#links.push(randomBytes(32).toString("base64url"));
      while (this.#links.length < LENGTH) {
        this.#links.push(hashOf(this.#links[this.#links.length - 1]));
      }
    }
    return this.#links.pop() ?? "";
  }
}

/**
 * The line about a name, as servers of EPMD write it.
 *
 * @param name The part of a node's name before `@`.
 * @param owner Its link, empty when it registered without one; `undefined` when it is gone.
 * @returns The line, with its end.
 */
export function rosterLine(name: string, owner: string | undefined): string {
  if (owner === undefined) return `-${name}\n`;
  return owner === "" ? `+${name}\n` : `+${name} ${owner}\n`;
}

/** The registered names, with their links: read from the server of EPMD, and not trusted. */
export class Roster {
  readonly #owners = new Map<string, string>();
  readonly #decoder = new TextDecoder();
  #rest = "";

  /** The links by name; an empty text for a node that registered without one. */
  get owners(): ReadonlyMap<string, string> {
    return this.#owners;
  }

  /**
   * Takes received bytes. Invalid lines are skipped.
   *
   * @param bytes The bytes.
   */
  push(bytes: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true }))
      .split("\n");
    // A line without an end is cut, and so its name is invalid.
    this.#rest = (lines.pop() ?? "").slice(0, 2 * MAX_NAME);
    for (const line of lines) this.#take(line);
  }

  #take(line: string): void {
    const [name, owner = "", ...more] = line.slice(1).split(" ");
    if (nameFault(name) !== undefined || more.length > 0) return;
    if (line[0] === "-") this.#owners.delete(name);
    if (line[0] !== "+" || owner !== "" && !isLink(owner)) return;
    if (this.#owners.size < MAX_NAMES || this.#owners.has(name)) {
      this.#owners.set(name, owner);
    }
  }
}
