/**
 * Where a reply goes: the caller, the alias that awaits the reply, and the tag by which the caller recognises it.
 *
 * Each call has a `ReplyTo`, and any process on any node that receives it can reply: it is a term, unchanged by any
 * number of hops. The reply goes straight to the caller's node, over the wire to that node.
 */

import { atom } from "./atom.ts";
import { equalTerms } from "./equality.ts";
import { ImproperList, improperList } from "./improper_list.ts";
import { type Pid, Ref } from "./pid.ts";
import { setShape } from "./term_shape.ts";
import { type Tuple, tuple } from "./tuple.ts";

const ALIAS = atom("alias");
const IO_REPLY = atom("io_reply");

/** The destination of a reply. */
export class ReplyTo {
  /** The caller. */
  readonly pid: Pid;
  /** The alias that awaits the reply; without it, the reply goes to the pid. */
  readonly alias: Ref | undefined;
  /**
   * The term that the caller wants back with the reply. `undefined` stands for the usual tag, the alias itself:
   * `[alias|Ref]` on a BEAM.
   */
  readonly tag: unknown;
  /** The encoding of a reply with a tag: `{Tag, Reply}`, or a group leader's `{io_reply, Tag, Reply}`. */
  readonly form: "call" | "io";
  /**
   * How the reply is encoded for a caller of another library: by a declared type, which travels with this, so that any process
   * can reply; or by a function. Comparisons ignore it.
   *
   * @ignore
   */
  returns: unknown = undefined;

  /** Created by calls and by wires. */
  constructor(
    pid: Pid,
    alias: Ref | undefined,
    tag: unknown = undefined,
    form: "call" | "io" = "call",
  ) {
    this.pid = pid;
    this.alias = alias;
    this.tag = tag;
    this.form = form;
  }

  /** The node of the caller. */
  get node(): string {
    return this.pid.node;
  }

  /** The monitor under which the caller waits: the alias, or the reference that OTP puts into the tag. */
  get monitor(): Ref | undefined {
    const { alias, tag } = this;
    if (tag === undefined) return alias;
    const ref = tag instanceof ImproperList ? tag.tail : tag;
    return ref instanceof Ref ? ref : undefined;
  }

  /**
   * Whether it has an alias or a tag, and the alias is of the caller's node. A peer could make up any other alias,
   * and direct the reply to a node that has not asked.
   */
  get isValid(): boolean {
    const { pid, alias, tag } = this;
    return alias === undefined
      ? tag !== undefined
      : alias.node === pid.node && alias.creation === pid.creation;
  }

  /** Tests whether another value is the same destination with the same tag. */
  equals(other: unknown): boolean {
    return other instanceof ReplyTo && other.pid.equals(this.pid) &&
      equalTerms(other.alias, this.alias) &&
      equalTerms(other.tag, this.tag) && other.form === this.form;
  }
}

// Shown as in iex.
setShape(ReplyTo, (to) => ({
  open: "{",
  close: "}",
  items: [to.pid, tagOf(to)],
}));

/** The destination of a reply: an alias whose tag is the alias itself, or any. */
export type ReplyTarget = Ref | ReplyTo;

/** Returns the alias that a reply goes to, if it is the tag too. */
export function plainAlias(to: ReplyTarget): Ref | undefined {
  if (to instanceof Ref) return to;
  return to.tag === undefined ? to.alias : undefined;
}

/** Returns the reference in `[alias|Ref]`. */
export function aliasOf(tag: unknown): Ref | undefined {
  return tag instanceof ImproperList && tag.items.length === 1 &&
      tag.items[0] === ALIAS && tag.tail instanceof Ref
    ? tag.tail
    : undefined;
}

/** Converts OTP's `{Pid, Tag}` to the destination of the reply, by the rule of `gen:reply`. */
export function replyToOf(pid: Pid, tag: unknown): ReplyTo {
  const alias = aliasOf(tag);
  if (alias !== undefined) return new ReplyTo(pid, alias);
  // A call to several nodes has the tag `[[alias|Ref]|_]`.
  const first = tag instanceof ImproperList
    ? tag.items[0]
    : Array.isArray(tag)
    ? tag[0]
    : undefined;
  return new ReplyTo(pid, aliasOf(first), tag);
}

/** Returns the tag in the form that a BEAM expects back. */
export function tagOf(to: ReplyTarget): unknown {
  if (!(to instanceof Ref) && to.tag !== undefined) return to.tag;
  const alias = to instanceof Ref ? to : to.alias;
  return improperList([ALIAS], alias);
}

/** Creates the message that delivers a reply with a tag: the message that OTP sends. */
export function taggedReply({ tag, form }: ReplyTo, value: unknown): Tuple {
  return form === "io" ? tuple(IO_REPLY, tag, value) : tuple(tag, value);
}
