/** Messages that scenarios send, in the terms that Elixir's scenarios use for them: atoms, and tuples that begin with one. */

import { Atom, atom } from "../../runtime/values/atom.ts";
import { Tuple } from "../../runtime/values/tuple.ts";

/**
 * The message `:tag`, or `{:tag, value, …}`. Values that are texts are atoms, as in Elixir's scenarios; texts inside
 * other values are binaries.
 */
export function message(tag: string, ...values: unknown[]): Atom | Tuple {
  return values.length === 0
    ? atom(tag)
    : new Tuple([atom(tag), ...values.map(valueOf)]);
}

function valueOf(value: unknown): unknown {
  return typeof value === "string" ? atom(value) : value;
}

/** Whether a message is that text or atom, a tuple that begins with it, or an object of that type. */
export function isMessage(message: unknown, tag: string): boolean {
  if (isTag(message, tag)) return true;
  if (message instanceof Tuple) return isTag(message.elements[0], tag);
  return (message as { type?: unknown } | null | undefined)?.type === tag;
}

function isTag(value: unknown, tag: string): boolean {
  return value instanceof Atom ? value.name === tag : value === tag;
}
