/**
 * A map whose keys are texts that other nodes choose.
 *
 * When a map is asked for a text, V8 puts the text into one table for the whole program, even if the map has no such
 * key. The hash of a text that spells an array index (`"4294901760"`) is that number, so a peer can choose texts that
 * share one place: 20,000 look-ups of such names took 1 s. All other texts are hashed with a secret.
 *
 * @module
 */

const ZERO = 0x30;
const COLON = 0x3a;

/** The form of a text under which a table keeps it: never an array index. Other values, which no table has, stay. */
export function tableKey(text: string): string {
  if (typeof text !== "string") return text;
  const first = text.charCodeAt(0);
  return first >= ZERO && first <= COLON ? `:${text}` : text;
}

function textOf(key: string): string {
  return key.charCodeAt(0) === COLON ? key.slice(1) : key;
}

/** A map whose look-ups take the same time for all texts. */
export class TextMap<V> extends Map<string, V> {
  override get(text: string): V | undefined {
    return super.get(tableKey(text));
  }

  override has(text: string): boolean {
    return super.has(tableKey(text));
  }

  override set(text: string, value: V): this {
    return super.set(tableKey(text), value);
  }

  override delete(text: string): boolean {
    return super.delete(tableKey(text));
  }

  override keys(): MapIterator<string> {
    return super.keys().map(textOf);
  }

  override entries(): MapIterator<[string, V]> {
    return super.entries().map(([key, value]) => [textOf(key), value]);
  }

  override [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }

  override forEach(
    fn: (value: V, text: string, map: Map<string, V>) => void,
  ): void {
    for (const [text, value] of this.entries()) fn(value, text, this);
  }
}
