/**
 * The conversion of names to and from Erlang's form: modules, registered names and functions.
 *
 * A module or registered name with a capital at the start is Elixir's, whose atoms have a prefix: `Chat` here is
 * `Elixir.Chat` there. Functions of such modules change case: `receiveMessage` here is `receive_message` there.
 * Functions of Erlang's modules have names of either style and stay, like all other names.
 *
 * An atom is verbatim. Elsewhere names are texts, so a name that the conversion would change is a text in quotes, as
 * Erlang writes it: the atom `Chat`, which is not Elixir's `Chat`, is the text `'Chat'`.
 */

import { Atom, nameOf } from "./atom.ts";

const PREFIX = "Elixir.";

function isCapital(code: number): boolean {
  return code >= 0x41 && code <= 0x5a;
}

/** Whether a module or registered name has Elixir's form. */
function isElixirName(name: string): boolean {
  return isCapital(name.charCodeAt(0)) && !name.startsWith(PREFIX);
}

/** Removes the quotes of a name, if any. */
export function unquotedName(name: string): string {
  if (name.charCodeAt(0) !== 0x27 || !name.endsWith("'")) return name;
  const inner = name.slice(1, -1);
  return /[A-Z]/.test(inner) ? inner : name;
}

/** Converts a module or registered name to the text of its atom. */
export function toBeamName(name: string): string {
  return isElixirName(name) ? PREFIX + name : unquotedName(name);
}

/** Converts an atom's text to the module or registered name. */
export function fromBeamName(atom: string): string {
  if (!isCapital(atom.charCodeAt(0))) {
    return unquotedName(atom) === atom ? atom : `'${atom}'`;
  }
  if (!atom.startsWith(PREFIX)) return `'${atom}'`;
  return isCapital(atom.charCodeAt(PREFIX.length))
    ? atom.slice(PREFIX.length)
    : atom;
}

/** Converts the name of a module's function to the text of its atom. */
export function toBeamFunction(module: string, name: string): string {
  return isElixirName(module) && name.charCodeAt(0) !== 0x27
    ? name.replace(/(?<=[a-zA-Z0-9])[A-Z]/g, (c) => `_${c.toLowerCase()}`)
    : unquotedName(name);
}

/** Converts an atom's text to the name of a module's function. */
export function fromBeamFunction(module: string, atom: string): string {
  return atom.includes("_") && isElixirName(module)
    ? atom.replace(/(?<=[a-zA-Z0-9])_([a-z])/g, (_, c) => c.toUpperCase())
    : atom;
}

/** Returns the function of a module that a program's atom names, verbatim. */
export function functionOfAtom(module: string, atom: string): string {
  return toBeamFunction(module, atom) === atom ? atom : `'${atom}'`;
}

/**
 * Returns the text of a name on another node, or of a module there. An atom is verbatim on a BEAM: `:Chat`, which is
 * not Elixir's `Chat`, becomes a text in quotes, which the other node removes. Throws a `TypeError` if the name is
 * neither a string nor an atom, and a `RangeError` if the name is too long.
 */
export function remoteNameOf(name: string | Atom): string {
  return nameOf(
    name instanceof Atom && !name.name.startsWith("Elixir.")
      ? fromBeamName(name.name)
      : name,
  );
}
