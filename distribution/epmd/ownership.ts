/**
 * Proofs that a registration comes from the owner of a name.
 *
 * The creation of a node is public, as its handshake and its pids tell it, so it proves nothing.
 * Each registration has the word `owner=` in its Extra field, whose value is a link of a chain of
 * hashes: the SHA-256 of a link is the link before it. A later link proves that it is from the same
 * node as an earlier one, since nobody else can find what has the earlier one as its hash. Links
 * may be public, as they are by look-ups: a link is used once, and proves nothing against itself.
 *
 * Those who serve EPMD write to each registered node that has such a word which names are
 * registered, by which links: so a node that takes over from a dead one knows whose the names are.
 *
 * @module
 */

import { createHash, randomBytes } from "node:crypto";
import { MAX_NAME, nameFault } from "./entry.ts";

/** How many links a chain has: each registration that reaches somebody uses one. */
const LENGTH = 64;

/** How many links a proof may be later: attempts whose answers were lost. */
const MAX_STEPS = LENGTH;

/** How many names of a {@linkcode Roster} are kept. */
const MAX_NAMES = 4096;

const LINK = /^[A-Za-z0-9_-]{43}$/;

/** Whether a text can be a link of a chain. */
export function isLink(text: string): boolean {
  return LINK.test(text);
}

/**
 * Whether one link is from the same chain as another, and later.
 *
 * @param link The link that is to prove it.
 * @param before The link that is known.
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
  /** The links that are left, the next one last. */
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
 * The line about a name, as those who serve EPMD write it.
 *
 * @param name The part of a node's name before `@`.
 * @param owner Its link, empty when it registered without one; `undefined` when it is gone.
 * @returns The line, with its end.
 */
export function rosterLine(name: string, owner: string | undefined): string {
  if (owner === undefined) return `-${name}\n`;
  return owner === "" ? `+${name}\n` : `+${name} ${owner}\n`;
}

/** Which names are registered, and by which links: read from who serves EPMD, and not trusted. */
export class Roster {
  readonly #owners = new Map<string, string>();
  readonly #decoder = new TextDecoder();
  #rest = "";

  /** By name: the link, or an empty text for a node that registered without one. */
  get owners(): ReadonlyMap<string, string> {
    return this.#owners;
  }

  /**
   * Takes bytes that came. What is no line of a roster is skipped.
   *
   * @param bytes The bytes.
   */
  push(bytes: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true }))
      .split("\n");
    // A line without an end is cut, and is then no name.
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
