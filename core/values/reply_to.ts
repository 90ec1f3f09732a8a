/**
 * Where a reply goes: the asker, the alias that awaits it, and the tag by which the asker finds it.
 *
 * Each call has one, and any process on any node that gets it can reply: it is a term, and is the same after any
 * number of hops. The reply goes straight to the node of the asker, over the wire that is spoken with it.
 *
 * @module
 */

import { atom } from "./atom.ts";
import { equalTerms } from "./equality.ts";
import { ImproperList, improperList } from "./improper_list.ts";
import { type Pid, Ref } from "./pid.ts";
import { setShape } from "./term_shape.ts";
import { type Tuple, tuple } from "./tuple.ts";

const ALIAS = atom("alias");
const IO_REPLY = atom("io_reply");

/** Where a reply goes. */
export class ReplyTo {
  /** The asker. */
  readonly pid: Pid;
  /** The alias that awaits the reply; without it, the reply goes to the pid. */
  readonly alias: Ref | undefined;
  /**
   * The term that the asker wants back with the reply. It is `undefined` for the usual tag, which is the alias
   * itself: `[alias|Ref]` on a BEAM.
   */
  readonly tag: unknown;
  /** The encoding of a reply with a tag: `{Tag, Reply}`, or a group leader's `{io_reply, Tag, Reply}`. */
  readonly form: "call" | "io";
  /**
   * The declared type of the reply for Erlang callers. Any process that replies encodes the reply by this type. It
   * does not count in comparisons.
   *
   * @ignore
   */
  returns: unknown = undefined;

  /** Made by calls, and by wires. */
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

  /** The node of the asker. */
  get node(): string {
    return this.pid.node;
  }

  /** The monitor under which the asker waits: the alias, or the reference that OTP puts into the tag. */
  get monitor(): Ref | undefined {
    const { alias, tag } = this;
    if (tag === undefined) return alias;
    const ref = tag instanceof ImproperList ? tag.tail : tag;
    return ref instanceof Ref ? ref : undefined;
  }

  /**
   * Whether it has an alias or a tag, and the alias is of the asker's node. A peer may make up any other: the
   * reply would go to a node that has not asked.
   */
  get isValid(): boolean {
    const { pid, alias, tag } = this;
    return alias === undefined
      ? tag !== undefined
      : alias.node === pid.node && alias.creation === pid.creation;
  }

  /**
   * Tests whether a reply to another one goes to the same place, with the same tag.
   *
   * @param other Any value.
   * @returns True for an equal one.
   */
  equals(other: unknown): boolean {
    return other instanceof ReplyTo && other.pid.equals(this.pid) &&
      equalTerms(other.alias, this.alias) &&
      equalTerms(other.tag, this.tag) && other.form === this.form;
  }
}

// As iex shows it.
setShape(ReplyTo, (to) => ({
  open: "{",
  close: "}",
  items: [to.pid, tagOf(to)],
}));

/** The receiver of a reply: an alias with the usual tag, or any. */
export type ReplyTarget = Ref | ReplyTo;

/** The alias that a reply goes to, if that is the tag too. */
export function plainAlias(to: ReplyTarget): Ref | undefined {
  if (to instanceof Ref) return to;
  return to.tag === undefined ? to.alias : undefined;
}

/** The reference in `[alias|Ref]`. */
export function aliasOf(tag: unknown): Ref | undefined {
  return tag instanceof ImproperList && tag.items.length === 1 &&
      tag.items[0] === ALIAS && tag.tail instanceof Ref
    ? tag.tail
    : undefined;
}

/** Where the reply to a `From` of OTP's goes, `{Pid, Tag}`: by the rule of `gen:reply`. */
export function replyToOf(pid: Pid, tag: unknown): ReplyTo {
  const alias = aliasOf(tag);
  if (alias !== undefined) return new ReplyTo(pid, alias);
  // `[[alias|Ref]|_]` of a call of several nodes.
  const first = tag instanceof ImproperList
    ? tag.items[0]
    : Array.isArray(tag)
    ? tag[0]
    : undefined;
  return new ReplyTo(pid, aliasOf(first), tag);
}

/** The tag as a BEAM expects it back. */
export function tagOf(to: ReplyTarget): unknown {
  if (!(to instanceof Ref) && to.tag !== undefined) return to.tag;
  const alias = to instanceof Ref ? to : to.alias;
  return improperList([ALIAS], alias);
}

/** The message that delivers a reply with a tag: on each wire, the message that OTP sends. */
export function taggedReply({ tag, form }: ReplyTo, value: unknown): Tuple {
  return form === "io" ? tuple(IO_REPLY, tag, value) : tuple(tag, value);
}
