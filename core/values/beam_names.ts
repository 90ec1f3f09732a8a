/**
 * Names in the form of Erlang nodes: modules, registered names and functions.
 *
 * A module or registered name that begins with a capital is Elixir's, whose atoms have a prefix: `Chat` here is
 * `Elixir.Chat` there. Functions change case, `receiveMessage` here is `receive_message` there, but only in such
 * modules: Erlang's have names of either style. Other names are the same at both ends.
 *
 * An atom is verbatim. Names are texts everywhere else, so one that would be changed is a text in quotes, as Erlang
 * writes it: the name of the atom `Chat`, which is not Elixir's `Chat`, is the text `'Chat'`.
 *
 * @module
 */

import { Atom, nameOf } from "./atom.ts";

const PREFIX = "Elixir.";

function isCapital(code: number): boolean {
  return code >= 0x41 && code <= 0x5a;
}

/** Whether a module or registered name has the form of Elixir's names. */
function isElixirName(name: string): boolean {
  return isCapital(name.charCodeAt(0)) && !name.startsWith(PREFIX);
}

const QUOTED = /^'(.*[A-Z].*)'$/s;

/** A name without its quotes, if it has them. */
export function unquotedName(name: string): string {
  return name.charCodeAt(0) === 0x27 ? QUOTED.exec(name)?.[1] ?? name : name;
}

/** The text of the atom that is a module or registered name on a BEAM. */
export function toBeamName(name: string): string {
  return isElixirName(name) ? PREFIX + name : unquotedName(name);
}

/** The module or registered name that an atom stands for. */
export function fromBeamName(atom: string): string {
  if (!isCapital(atom.charCodeAt(0))) {
    return unquotedName(atom) === atom ? atom : `'${atom}'`;
  }
  if (!atom.startsWith(PREFIX)) return `'${atom}'`;
  return isCapital(atom.charCodeAt(PREFIX.length))
    ? atom.slice(PREFIX.length)
    : atom;
}

/** The text of the atom that names a function of a module on a BEAM. */
export function toBeamFunction(module: string, name: string): string {
  return isElixirName(module) && name.charCodeAt(0) !== 0x27
    ? name.replace(/(?<=[a-zA-Z0-9])[A-Z]/g, (c) => `_${c.toLowerCase()}`)
    : unquotedName(name);
}

/** The function of a module here that an atom of a BEAM stands for. */
export function fromBeamFunction(module: string, atom: string): string {
  return atom.includes("_") && isElixirName(module)
    ? atom.replace(/(?<=[a-zA-Z0-9])_([a-z])/g, (_, c) => c.toUpperCase())
    : atom;
}

/** The function of a module that an atom of a program names: it is verbatim. */
export function functionOfAtom(module: string, atom: string): string {
  return toBeamFunction(module, atom) === atom ? atom : `'${atom}'`;
}

/**
 * The text of a name on another node, or of a module there, which may be a string or an atom. An atom is verbatim on
 * a BEAM: `:Chat`, which is not Elixir's `Chat`, is a text in quotes, which other nodes remove.
 *
 * @throws {TypeError} If it is neither.
 * @throws {RangeError} If it is longer than a name may be.
 */
export function remoteNameOf(name: string | Atom): string {
  return nameOf(
    name instanceof Atom && !name.name.startsWith("Elixir.")
      ? fromBeamName(name.name)
      : name,
  );
}
