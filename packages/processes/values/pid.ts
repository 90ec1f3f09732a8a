/** Pids and references: the names of processes, monitors, calls and aliases. */

import { MAX_NAME_LENGTH } from "./atom.ts";
import { equalItems } from "./equality.ts";
import { setShape } from "./term_shape.ts";

/** The maximum number of nodes that are numbered for printed pids, because peers can make up names. */
const MAX_NUMBERED = 4096;

const WORD = 2 ** 32;

/** The smallest upper word that exceeds a safe integer. */
const UPPER_END = 2 ** 21;

/** The maximum number of 32-bit words of a reference. */
const MAX_REF_WORDS = 5;

const nodeNumbers = new Map<string, number>();
let lastNodeNumber = 10_500;

/** The incarnation of each node whose pid was printed last; a printed pid omits it. */
const printedCreations = new Map<string, number>();

/** Returns the node of the running code; its pids print with the number 0. */
let nodeHere = () => "nonode@nohost";

/** Sets the function that returns the node of the running code. */
export function setNodeHere(fn: () => string): void {
  nodeHere = fn;
}

/** Returns a node's number in printed pids: 0 for this node, a distinct number for each other node. */
export function numberOfNode(node: string): number {
  if (node === nodeHere()) return 0;
  let number = nodeNumbers.get(node);
  if (number === undefined) {
    number = ++lastNodeNumber;
    nodeNumbers.set(node, number);
    if (nodeNumbers.size > MAX_NUMBERED) {
      const [oldest] = nodeNumbers.keys();
      nodeNumbers.delete(oldest);
      printedCreations.delete(oldest);
    }
  }
  return number;
}

const NODE_NAME = /^[A-Za-z0-9_-]{1,128}@[A-Za-z0-9_.:-]{1,253}$/;

/** Whether a name is a valid node name. It is ASCII, so its lengths in characters and in bytes are equal. */
export function isNodeName(name: unknown): name is string {
  return typeof name === "string" && name.length <= MAX_NAME_LENGTH &&
    NODE_NAME.test(name);
}

/** The last valid node name: most pids are of a few nodes. */
let checkedNode = "";

/**
 * Checks a pid or reference in a message. A program can create an invalid one, and the receiver would close the
 * connection. Throws a `TypeError` if its node's name is invalid.
 */
export function checkNodeOf(of: Pid | Ref): void {
  if (of.node === checkedNode) return;
  if (!isNodeName(of.node)) {
    throw new TypeError(
      `Cannot send a ${of instanceof Pid ? "pid" : "reference"} of the node ${
        JSON.stringify(`${of.node}`.slice(0, MAX_NAME_LENGTH))
      }: that is not a node name; send one that self(), spawn() or makeRef() returned`,
    );
  }
  checkedNode = of.node;
}

function checkNumbers(what: string, number: number, creation: number): void {
  if (
    Number.isSafeInteger(number) && number >= 0 &&
    Number.isSafeInteger(creation) && creation >= 0
  ) return;
  throw new TypeError(
    `Cannot make a ${what} of number ${number} and creation ${creation}: both have to be integers from 0 to 2^53 - 1`,
  );
}

/** Returns the pid of another node that was printed with these numbers, if any. */
export function printedPid(
  node: number,
  id: number,
  serial: number,
): Pid | undefined {
  for (const [name, each] of nodeNumbers) {
    const creation = printedCreations.get(name);
    if (each === node && creation !== undefined) {
      return pidOf(name, id, serial, creation);
    }
  }
  return undefined;
}

/**
 * The identifier of a process: its node, its number on that node, and the node's creation.
 *
 * Pids are immutable, can be sent in messages, and are never reused: a node that restarts has another creation. Compare
 * them with {@linkcode Pid.equals}, as two pids of the same process can be different objects.
 *
 * @typeParam M The messages that the process accepts; `send` checks it.
 *
 * @example A pid prints as in iex
 * ```ts
 * import { self } from "@otp/distribution";
 * import { assertMatch } from "@std/assert";
 *
 * assertMatch(String(self()), /^#PID<0\.\d+\.0>$/);
 * ```
 */
// deno-lint-ignore no-explicit-any
export class Pid<in M = any> {
  /**
   * Never set: it makes `Pid<M>` contravariant in M, in declarations as well.
   *
   * @ignore
   */
  declare readonly accepts?: (message: M) => void;
  /** The name of the node that the process is on. */
  readonly node: string;
  /**
   * The process's number on its node: serial × 2³² + id for an Erlang process. `NaN` above 2⁵³ - 1; `id` and `serial`
   * are always exact.
   */
  readonly number: number;
  /** The node's incarnation: a 32-bit number. */
  readonly creation: number;

  /**
   * Creates the pid of a process; used by runtimes and wires.
   *
   * @throws {TypeError} If a number is not an integer from 0 to 2^53 - 1.
   */
  constructor(node: string, number: number, creation: number) {
    // The check of other integers takes three calls.
    if (number >>> 0 !== number || creation >>> 0 !== creation) {
      checkNumbers("pid", number, creation);
    }
    this.node = node;
    this.number = number;
    this.creation = creation;
  }

  /** The lower 32 bits of the number: the second number of a printed pid. */
  get id(): number {
    return this.number >>> 0;
  }

  /** The upper 32 bits of the number: the third number of a printed pid. */
  get serial(): number {
    return Math.floor(this.number / WORD);
  }

  /** Tests whether another value is a pid of the same process on the same incarnation of the node. */
  equals(other: unknown): boolean {
    return other instanceof Pid && other.number === this.number &&
      other.creation === this.creation && other.node === this.node;
  }

  /** Formats the pid as iex does: `#PID<0.112.0>`; the first number is 0 for a local process. */
  toString(): string {
    const node = numberOfNode(this.node);
    if (node !== 0) printedCreations.set(this.node, this.creation);
    return `#PID<${node}.${this.id}.${this.serial}>`;
  }
}

/**
 * A reference: a unique identifier of a monitor, a call, a task or an alias.
 *
 * @example Two references are never the same
 * ```ts
 * import { makeRef } from "@otp/distribution";
 * import { assert } from "@std/assert";
 *
 * assert(!makeRef().equals(makeRef()));
 * ```
 */
export class Ref {
  /** The name of the node that created it. */
  readonly node: string;
  /** Its number on the node; `NaN` for an Erlang reference that only `words` identify. */
  readonly number: number;
  /** The incarnation of the node that created it. */
  readonly creation: number;

  /**
   * Creates a reference; used by runtimes and wires. Programs call `makeRef()`.
   *
   * @throws {TypeError} If a number is not an integer from 0 to 2^53 - 1.
   */
  constructor(node: string, number: number, creation: number) {
    // The check of other integers takes three calls.
    if (number >>> 0 !== number || creation >>> 0 !== creation) {
      checkNumbers("reference", number, creation);
    }
    this.node = node;
    this.number = number;
    this.creation = creation;
  }

  /**
   * The 32-bit words that identify the reference on its node, as in Erlang's distribution protocol: one to five. A
   * reference with a number has two words, the lower one first.
   */
  get words(): readonly number[] {
    return [this.number >>> 0, Math.floor(this.number / WORD)];
  }

  /** Tests whether another value is the same reference. */
  equals(other: unknown): boolean {
    return other instanceof Ref && other.number === this.number &&
      other.creation === this.creation && other.node === this.node;
  }

  /** Formats the reference as iex does: `#Reference<0.12.0.1>`. */
  toString(): string {
    return `#Reference<${
      numberOfNode(this.node)
    }.${this.creation}.0.${this.number}>`;
  }
}

setShape(Pid, String);
setShape(Ref, String);

/** A pid whose number needs more than 53 bits. This node's pids are never of this class, so their code stays fast. */
class WidePid extends Pid {
  /** The id and the serial: a field, so that assertions compare it. */
  readonly halves: readonly [number, number];

  constructor(node: string, id: number, serial: number, creation: number) {
    super(node, 0, creation);
    withoutNumber(this);
    this.halves = [id, serial];
  }

  override get id(): number {
    return this.halves[0];
  }

  override get serial(): number {
    return this.halves[1];
  }

  override equals(other: unknown): boolean {
    return other instanceof WidePid && other.halves[0] === this.halves[0] &&
      other.halves[1] === this.halves[1] && other.creation === this.creation &&
      other.node === this.node;
  }
}

/** A reference that no number of 53 bits identifies. */
class WideRef extends Ref {
  /** The words: a field, so that assertions compare it. */
  readonly parts: readonly number[];

  constructor(node: string, words: readonly number[], creation: number) {
    super(node, 0, creation);
    withoutNumber(this);
    this.parts = words;
  }

  override get words(): readonly number[] {
    return this.parts;
  }

  override equals(other: unknown): boolean {
    return other instanceof WideRef && equalItems(other.parts, this.parts) &&
      other.creation === this.creation && other.node === this.node;
  }

  override toString(): string {
    return `#Reference<${numberOfNode(this.node)}.${
      this.parts.toReversed().join(".")
    }>`;
  }
}

/** Sets the number to `NaN`, which no table of this node contains. */
function withoutNumber(of: { number: number }): void {
  of.number = NaN;
}

/** Returns the number of a pid or reference, or else its words. */
export function numberOrWords(of: Pid | Ref): number | readonly number[] {
  if (of.number >= 0) return of.number;
  return of instanceof Pid ? [of.id, of.serial] : of.words;
}

/** Formats the number of a pid or reference, or else its words, of which there may be one. */
export function numberText(of: Pid | Ref): string {
  const { number } = of;
  return number >= 0 ? `${number}` : `[${numberOrWords(of)}]`;
}

/** Whether a value is an integer of 32 bits without a sign. */
export function isWord(value: unknown): boolean {
  return typeof value === "number" && value >>> 0 === value;
}

/**
 * Creates the pid with two 32-bit words, as on Erlang's nodes. Throws a `RangeError` if a word is not an integer from 0
 * to 2³² - 1.
 */
export function pidOf(
  node: string,
  id: number,
  serial: number,
  creation: number,
): Pid {
  if (!isWord(id) || !isWord(serial)) {
    throw new RangeError(
      `Cannot make a pid of id ${id} and serial ${serial}: both have to be integers from 0 to 2^32 - 1`,
    );
  }
  return serial < UPPER_END
    ? new Pid(node, serial * WORD + id, creation)
    : new WidePid(node, id, serial, creation);
}

/**
 * Creates the reference with one to five 32-bit words. Two words that form a number of 53 bits become a reference with
 * that number, so that this node's references return from other nodes unchanged. Throws a `RangeError` if there are no
 * words or more than five, or a word is not an integer from 0 to 2³² - 1.
 */
export function refOf(
  node: string,
  words: readonly number[],
  creation: number,
): Ref {
  const { length } = words;
  if (length < 1 || length > MAX_REF_WORDS || !words.every(isWord)) {
    throw new RangeError(
      `Cannot make a reference of the words ${
        words.slice(0, MAX_REF_WORDS + 1)
      }: give one to ${MAX_REF_WORDS} integers from 0 to 2^32 - 1`,
    );
  }
  return receivedRef(node, words, creation);
}

/** Like {@linkcode refOf}, for words that a wire has read. */
export function receivedRef(
  node: string,
  words: readonly number[],
  creation: number,
): Ref {
  return words.length === 2 && words[1] < UPPER_END
    ? new Ref(node, words[1] * WORD + words[0], creation)
    : new WideRef(node, words, creation);
}

/**
 * The type of a message to a receiver: the receiver's message type or, if unknown, anything but a function, which
 * cannot be sent. In code that is generic in T, send `message as unknown`.
 *
 * @typeParam M The messages that the receiver accepts.
 * @typeParam T The type of the message.
 */
export type Message<M, T> = unknown extends M
  // deno-lint-ignore no-explicit-any
  ? T extends (...args: any[]) => unknown ? never : T
  : M;
