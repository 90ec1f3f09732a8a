/**
 * Pids and references: the names of processes, monitors, calls and aliases.
 *
 * @module
 */

import { hereName } from "../context/async_context.ts";
import { MAX_NAME_BYTES } from "./atom.ts";

const CUSTOM_INSPECT = Symbol.for("nodejs.util.inspect.custom");
const DENO_INSPECT = Symbol.for("Deno.customInspect");

/** The maximum number of other nodes with a number for printed pids: peers make up names. */
const MAX_NUMBERED = 4096;

const nodeNumbers = new Map<string, number>();
let lastNodeNumber = 10_500;

/** Of the pids of other nodes that were printed last, the incarnation, which is not printed. */
const printedCreations = new Map<string, number>();

/** The number of a node in printed pids: 0 here, a number of its own for each other node. */
function nodeNumber(node: string): number {
  if (node === hereName()) return 0;
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

/**
 * Whether a name is a node's name.
 *
 * It is ASCII, so that its length is the same in characters and in bytes.
 */
export function isNodeName(name: unknown): name is string {
  return typeof name === "string" && name.length <= MAX_NAME_BYTES &&
    NODE_NAME.test(name);
}

/** The node's name that was found to be one last: most pids are of a few nodes. */
let checkedNode = "";

/**
 * Checks a pid or reference that is part of a message. Those that a runtime makes need no check, but
 * programs can make them too, and a receiver ends the connection for one that it cannot read.
 *
 * @throws {TypeError} If its node's name is invalid.
 */
export function checkNodeOf(of: Pid | Ref): void {
  if (of.node === checkedNode) return;
  if (!isNodeName(of.node)) {
    throw new TypeError(
      `Cannot send a ${of instanceof Pid ? "pid" : "reference"} of the node ${
        JSON.stringify(`${of.node}`.slice(0, MAX_NAME_BYTES))
      }: that is not a node name; send one that self(), spawn() or makeRef() returned`,
    );
  }
  checkedNode = of.node;
}

function checkNumbers(what: string, number: number, creation: number): void {
  if (!isNatural(number) || !isNatural(creation)) {
    throw new TypeError(
      `Cannot make a ${what} of number ${number} and creation ${creation}: both have to be integers from 0 to 2^53 - 1`,
    );
  }
}

function isNatural(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** The pid of another node that was printed with these numbers, if its node has printed any. */
export function printedPid(node: number, number: number): Pid | undefined {
  for (const [name, each] of nodeNumbers) {
    const creation = printedCreations.get(name);
    if (each === node && creation !== undefined) {
      return new Pid(name, number, creation);
    }
  }
  return undefined;
}

/**
 * The identifier of a process: its node, its number on that node, and the node's creation.
 *
 * Pids are immutable, can be sent in messages, and are never reused: a node that restarts has another
 * creation. Compare them with {@linkcode Pid.equals}, as two pids of the same process can be different
 * objects.
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
  /** The process's number on its node. */
  readonly number: number;
  /** The node's incarnation: a 32-bit number. */
  readonly creation: number;

  /**
   * Creates the pid of a process; used by runtimes and wires.
   *
   * @param node The node's name.
   * @param number The process's number on the node.
   * @param creation The node's incarnation.
   * @throws {TypeError} If a number is not an integer from 0 to 2^53 - 1.
   */
  constructor(node: string, number: number, creation: number) {
    checkNumbers("pid", number, creation);
    this.node = node;
    this.number = number;
    this.creation = creation;
  }

  /**
   * Tests whether two pids identify the same process.
   *
   * @param other Any value.
   * @returns True for a pid of the same process on the same incarnation of the node.
   */
  equals(other: unknown): boolean {
    return other instanceof Pid && other.number === this.number &&
      other.creation === this.creation && other.node === this.node;
  }

  /**
   * Formats the pid as iex does: `#PID<0.112.0>`; the first number is 0 for a local process.
   *
   * @returns The text.
   */
  toString(): string {
    const node = nodeNumber(this.node);
    if (node !== 0) printedCreations.set(this.node, this.creation);
    return `#PID<${node}.${this.number}.0>`;
  }

  /** @ignore */
  [CUSTOM_INSPECT](): string {
    return this.toString();
  }

  /** @ignore */
  [DENO_INSPECT](): string {
    return this.toString();
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
  /** Its number on that node. */
  readonly number: number;
  /** The incarnation of the node that created it. */
  readonly creation: number;

  /**
   * Creates a reference; used by runtimes and wires. Programs call `makeRef()`.
   *
   * @param node The node's name.
   * @param number The reference's number on the node.
   * @param creation The node's incarnation.
   * @throws {TypeError} If a number is not an integer from 0 to 2^53 - 1.
   */
  constructor(node: string, number: number, creation: number) {
    checkNumbers("reference", number, creation);
    this.node = node;
    this.number = number;
    this.creation = creation;
  }

  /**
   * Tests whether two references are the same.
   *
   * @param other Any value.
   * @returns True for the same reference.
   */
  equals(other: unknown): boolean {
    return other instanceof Ref && other.number === this.number &&
      other.creation === this.creation && other.node === this.node;
  }

  /**
   * Formats the reference as iex does: `#Reference<0.12.0.1>`.
   *
   * @returns The text.
   */
  toString(): string {
    return `#Reference<${
      nodeNumber(this.node)
    }.${this.creation}.0.${this.number}>`;
  }

  /** @ignore */
  [CUSTOM_INSPECT](): string {
    return this.toString();
  }

  /** @ignore */
  [DENO_INSPECT](): string {
    return this.toString();
  }
}

/**
 * A message for a receiver: a value of the receiver's message type, or, if that is unknown, anything except a
 * function, which cannot be sent. In code that is generic in T, send `message as unknown`.
 *
 * @typeParam M The messages that the receiver accepts.
 * @typeParam T The type of the message.
 */
export type Message<M, T> = unknown extends M
  // deno-lint-ignore no-explicit-any
  ? T extends (...args: any[]) => unknown ? never : T
  : M;
