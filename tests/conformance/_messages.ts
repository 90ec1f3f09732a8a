/** Messages that scenarios send, in the terms that Elixir's scenarios use for them: atoms, and tuples that begin with one. */

import { Atom, atom } from "../../packages/processes/values/atom.ts";
import { Tuple } from "../../packages/processes/values/tuple.ts";

/** The message `{:tag, value, …}`. */
export function message(tag: string, ...values: unknown[]): Tuple {
  return new Tuple([atom(tag), ...values]);
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
