/**
 * Names as a BEAM spells them: modules, registered names and functions.
 *
 * A module or registered name that begins with a capital is Elixir's, whose atoms have a prefix: `Chat` here is
 * `Elixir.Chat` there. Functions change case, `receiveMessage` here is `receive_message` there, but only in such
 * modules: Erlang's have names of either style. Other names are the same at both ends.
 *
 * @module
 */

const PREFIX = "Elixir.";

function isCapital(code: number): boolean {
  return code >= 0x41 && code <= 0x5a;
}

/** Whether a module or registered name is spelled as Elixir's are. */
export function isElixirName(name: string): boolean {
  return isCapital(name.charCodeAt(0)) && !name.startsWith(PREFIX);
}

/** The text of the atom that is a module or registered name on a BEAM. */
export function toBeamName(name: string): string {
  return isElixirName(name) ? PREFIX + name : name;
}

/** The module or registered name that an atom of a BEAM stands for. */
export function fromBeamName(atom: string): string {
  return atom.startsWith(PREFIX) && isCapital(atom.charCodeAt(PREFIX.length))
    ? atom.slice(PREFIX.length)
    : atom;
}

/** The text of the atom that names a function of a module on a BEAM. */
export function toBeamFunction(module: string, name: string): string {
  return isElixirName(module)
    ? name.replace(/(?<=[a-zA-Z0-9])[A-Z]/g, (c) => `_${c.toLowerCase()}`)
    : name;
}

/** The function of a module here that an atom of a BEAM stands for. */
export function fromBeamFunction(module: string, atom: string): string {
  return isElixirName(module)
    ? atom.replace(/(?<=[a-zA-Z0-9])_([a-z])/g, (_, c) => c.toUpperCase())
    : atom;
}
