/** Atoms, and names that are atoms or strings. */

import { BOUNDS } from "./bounds.ts";
import { tableKey } from "./text_map.ts";
import { moduleText } from "./literals.ts";
import { setShape } from "./term_shape.ts";

/**
 * The maximum number of characters in a name: an atom, or the name of a process, node, module or function, each of
 * which is an atom in Erlang. A character is a code point; Erlang has the same limit.
 */
export const MAX_NAME_LENGTH: number = BOUNDS.name;

/** Whether a name exceeds {@linkcode MAX_NAME_LENGTH}. */
export function isLongName(name: string): boolean {
  const { length } = name;
  // A character has one or two code units.
  if (length <= MAX_NAME_LENGTH) return false;
  return length > 2 * MAX_NAME_LENGTH || charactersOf(name) > MAX_NAME_LENGTH;
}

/** Counts the characters of a text. */
export function charactersOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

/**
 * An Erlang atom: a constant whose value is its own name; it is distinct from a string.
 *
 * There is one object per name within a JavaScript process, so atoms can be compared with `===`.
 *
 * @example Atoms and strings differ
 * ```ts
 * import { atom } from "@otp/distribution";
 * import { assert, assertEquals } from "@std/assert";
 *
 * assert(atom("ok") === atom("ok"));
 * assertEquals(String(atom("ok")), "ok");
 * ```
 */
export class Atom {
  /** The atom's text. */
  readonly name: string;
  /** Makes TypeScript reject other objects with a `name`. */
  declare protected readonly isAtom: true;

  /**
   * Programs call {@linkcode atom}, which always returns the same object for a name.
   *
   * @throws {RangeError} If the name is longer than 255 characters.
   */
  constructor(name: string) {
    if (isLongName(name)) {
      throw new RangeError(
        `Cannot make an atom: its text has ${
          charactersOf(name)
        } characters, and ${MAX_NAME_LENGTH} is the most`,
      );
    }
    this.name = name;
  }

  /** Returns the atom's text, without the colon. */
  toString(): string {
    return this.name;
  }
}

setShape(Atom, ({ name }) => moduleText(name));

/**
 * The atoms that were asked for last: reading a `WeakRef` makes the collector keep its target until the end of the
 * turn, which costs ten times as much as this look-up.
 */
const recent = new Map<string, Atom>();
const MAX_RECENT = 256;

const atoms = new Map<string, WeakRef<Atom>>();
const collectedAtoms = new FinalizationRegistry((key: string) => {
  if (atoms.get(key)?.deref() === undefined) atoms.delete(key);
});

/**
 * Returns the atom with a name, the only object for that name.
 *
 * Unlike Erlang's, the table of atoms does not grow forever: an atom without references is garbage-collected.
 *
 * @param name The atom's text, at most 255 characters.
 * @throws {RangeError} If the name is longer than 255 characters.
 *
 * @example Usage
 * ```ts
 * import { atom } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(atom("normal").name, "normal");
 * ```
 */
export function atom(name: string): Atom {
  if (typeof name !== "string") {
    throw new TypeError(
      `Cannot make an atom of a value of the type ${typeof name}: give a string`,
    );
  }
  const key = tableKey(name);
  const last = recent.get(key);
  if (last !== undefined) return last;
  const known = atoms.get(key)?.deref() ?? newAtom(name, key);
  if (recent.size === MAX_RECENT) recent.clear();
  recent.set(key, known);
  return known;
}

function newAtom(name: string, key: string): Atom {
  const made = new Atom(name);
  Object.freeze(made);
  atoms.set(key, new WeakRef(made));
  collectedAtoms.register(made, key);
  return made;
}

/**
 * Returns the text of a name. Throws a `TypeError` if the name is neither a string nor an atom, and a `RangeError` if
 * the name is longer than {@linkcode MAX_NAME_LENGTH}.
 */
export function nameOf(name: string | Atom): string {
  if (name instanceof Atom) return name.name;
  if (typeof name === "string") {
    if (!isLongName(name)) return name;
    throw new RangeError(
      `Cannot use a name of ${
        charactersOf(name)
      } characters: ${MAX_NAME_LENGTH} is the most`,
    );
  }
  throw new TypeError(
    `Cannot use ${String(name)} as a name: give a string or an atom`,
  );
}
