/**
 * How much memory a message takes, about.
 *
 * @module
 */

/** What any value takes at least, in bytes. */
const VALUE_BYTES = 8;

/** What any object takes besides its contents, in bytes. */
const OBJECT_BYTES = 32;

/** The bytes of a message that can be sent, about: it is not nested too deeply. */
export function termBytes(value: unknown): number {
  switch (typeof value) {
    case "string":
      return VALUE_BYTES + value.length;
    case "bigint":
      // Most are short; to measure the others exactly would take as long as to write them.
      return VALUE_BYTES + (value.toString(16).length >> 1);
    case "object":
      return value === null ? VALUE_BYTES : objectBytes(value);
    default:
      return VALUE_BYTES;
  }
}

function objectBytes(value: object): number {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    return OBJECT_BYTES + value.byteLength;
  }
  let bytes = OBJECT_BYTES;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) bytes += termBytes(value[i]);
    return bytes;
  }
  if (value instanceof Map) {
    for (const [key, item] of value) bytes += termBytes(key) + termBytes(item);
    return bytes;
  }
  if (value instanceof Set) {
    for (const item of value) bytes += termBytes(item);
    return bytes;
  }
  if (value instanceof Error) {
    bytes += value.message.length + (value.stack?.length ?? 0);
    for (const key of ["cause", "errors"]) {
      bytes += termBytes((value as unknown as Record<string, unknown>)[key]);
    }
  }
  for (const [key, field] of Object.entries(value)) {
    bytes += key.length + termBytes(field);
  }
  return bytes;
}
