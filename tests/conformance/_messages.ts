/** Messages that scenarios send, in the terms that Elixir's scenarios use for them: atoms, and tuples that begin with one. */

import { Atom, atom } from "../../packages/processes/values/atom.ts";
import { Tuple } from "../../packages/processes/values/tuple.ts";

/**
 * The message `:tag`, or `{:tag, value, …}`, with the values as {@linkcode asTerm} has them.
 */
export function message(tag: string, ...values: unknown[]): Atom | Tuple {
  return values.length === 0
    ? atom(tag)
    : new Tuple([atom(tag), ...values.map(asTerm)]);
}

/**
 * A value as Elixir's scenarios have it: a text is an atom, a typed object a tuple, `DOWN` and `EXIT` are those of OTP.
 * Texts inside lists and maps are binaries.
 */
export function asTerm(value: unknown): unknown {
  if (typeof value === "string") return atom(value);
  if (typeof value !== "object" || value === null) return value;
  const { type, ...rest } = value as Record<string, unknown>;
  if (typeof type !== "string") return value;
  if (type !== "DOWN") return message(type, ...Object.values(rest));
  const { ref, object, reason } = rest;
  return message(type, ref, "process", object, reason);
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
